# Each target is the only command a fresh machine needs: it builds .venv when the lock is newer, then runs.
#
#   make run      the local server with demo data           make run ARGS="--port 9000"
#   make test     linter, types, every test                 make test ARGS="tests/usage -k fold"
#   make check    linter, types, structure, counts: about a minute, before each commit
#   make bench    one JSON object: cost and speed of the write, read and billing paths
#   make counts   what each operation consumes, against what is accepted    make accept NOTE="why it changed"
#   make conformance   the storage's tests on AWS's own engine, and all engines compared: needs Java 17 and Maven
#   make package  the zip for Lambda and the template, into build/STAGE     make package STAGE=prod ARCHITECTURE=x86_64
#   make deploy   the stage, into the AWS account of the environment        make deploy STAGE=prod ARGS="--yes"
#   make destroy  removes it; refuses while something is kept there         make destroy STAGE=dev
#   make assets   the packages of the console, into its folder
#   make screenshots   the pictures of the README, from the demo
#   make lint · make types · make routes (accept the routes as they are) · make lock · make clean
#
# PYTHON=/path/to/python3.12 chooses the interpreter of .venv. Node 20 and its npm fetch the console's packages.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# The packages of the console, and of its tests, by package-lock.json; what the console serves is copied from them.
PACKAGES := node_modules/.installed
VENDOR := chalicelib/console/static/vendor
ASSETS := $(VENDOR)/.copied
# Tests share nothing, so every core takes some; their order inside a file does not matter.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
# What is packaged: for which stage, and for which of Lambda's processors.
STAGE ?= dev
ARCHITECTURE ?= arm64
SOURCES := app.py chalicelib local infra bench tests

# The package for this machine's own architecture, which tests/stack runs.
LOCAL_PACKAGE := build/local/bundle.zip
PACKAGED := app.py requirements.txt .chalice/config.json $(wildcard infra/*.py) \
    $(shell find chalicelib -type f -not -path '*/__pycache__/*')

# AWS's own engine, by requirements/dynamodb-local/pom.xml.
DYNAMODB_LOCAL := build/dynamodb-local/.fetched

# Bytecode is kept whatever the environment says: tests start hundreds of processes, and each would compile again.
export PYTHONDONTWRITEBYTECODE :=

# What does not need the other is done side by side.
MAKEFLAGS += --jobs=2

.PHONY: run test check bench counts accept conformance package deploy destroy assets screenshots lint types routes lock clean
.DEFAULT_GOAL := test

run: $(READY) $(ASSETS)
	@exec $(BIN)/python -m local serve --demo $(ARGS)

test: $(READY) $(ASSETS) lint types counts $(LOCAL_PACKAGE)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(READY) $(ASSETS) lint types counts
	$(BIN)/python -m pytest -q tests/house

bench: $(READY) $(ASSETS)
	@exec $(BIN)/python -m bench $(ARGS)

counts: $(READY) $(ASSETS)
	$(BIN)/python -m bench counts --check

accept: $(READY) $(ASSETS)
	@exec $(BIN)/python -m bench accept --note "$(NOTE)" $(ARGS)

conformance: $(READY) $(ASSETS) $(DYNAMODB_LOCAL)
	$(BIN)/python -m tests.conformance $(ARGS)

package: $(READY) $(ASSETS)
	@exec $(BIN)/python -m infra package --stage $(STAGE) --architecture $(ARCHITECTURE) $(ARGS)

deploy: $(READY) $(ASSETS)
	@exec $(BIN)/python -m infra deploy --stage $(STAGE) --architecture $(ARCHITECTURE) $(ARGS)

destroy: $(READY)
	@exec $(BIN)/python -m infra destroy --stage $(STAGE) $(ARGS)

assets: $(ASSETS)

screenshots: $(READY) $(ASSETS)
	@exec $(BIN)/python -m tests.console.screenshots $(ARGS)

lint: $(READY)
	$(BIN)/python -m ruff check $(SOURCES)

types: $(READY) $(PACKAGES)
	$(BIN)/python -m mypy $(SOURCES)
	node_modules/.bin/tsc --project jsconfig.json

routes: $(READY)
	$(BIN)/python -m tests.house.test_routes

# Resolves once for every Python from 3.11 and every system; writes hashes and no address of any index.
lock: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" --output-file requirements/dev.txt requirements/dev.in

clean:
	rm -rf $(VENV) node_modules build $(VENDOR) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.txt requirements/dev.txt
	@PYTHON="$(PYTHON)" requirements/install $(VENV)

$(PACKAGES): package.json package-lock.json
	@requirements/install-packages $@

$(ASSETS): $(PACKAGES)
	@requirements/copy-assets $(VENDOR)

$(LOCAL_PACKAGE): $(READY) $(ASSETS) $(PACKAGED)
	@$(BIN)/python -m infra package build/local --stage local --architecture $$(uname -m | sed 's/aarch64/arm64/') >/dev/null

$(DYNAMODB_LOCAL): requirements/dynamodb-local/pom.xml requirements/dynamodb-local/hashes.txt
	@requirements/dynamodb-local/fetch $@
