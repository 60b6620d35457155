"""Every command of the runbook is one that exists: routes with parameters and bodies, targets, functions, queues."""

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

import app
from chalicelib.platform.http import RouteSpec, registered_routes
from chalicelib.shared import strict_json
from infra import __main__ as commands
from infra.functions import FAILED_INVOCATIONS, FUNCTIONS
from infra.queues import QUEUES
from infra.tables import table_names
from tests.house.sources import files, text_of

PAGES = [name for name in files() if name.startswith("docs/runbook/")]
OPERATIONS = text_of("docs/operations.md") or ""
FENCE = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
ROUTE = re.compile(r"/v1/[^\s`'\"]*")
# What the command line adds to a service's own operations.
CLI_OPTIONS = {"query", "output", "region", "cli-binary-format", "cli-read-timeout"}
# Programs that are there anyway.
SYSTEM = {"cat", "rm", "echo", "from", "while", "done", "python3"}


def code(page: str) -> str:
    """Give all commands of a page, those in the text too, with continued lines joined."""
    text = text_of(page) or ""
    inline = [one.replace("\n", " ") for one in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
    return "\n".join([*FENCE.findall(text), *inline]).replace("\\\n", " ")


def everything() -> str:
    return "\n".join(code(page) for page in PAGES)


@cache
def routes() -> tuple[RouteSpec, ...]:
    assert app.app.routes
    return tuple(registered_routes())


def find_route(method: str | None, path: str) -> RouteSpec | None:
    """Find the route of a path whose variables are written as anything."""
    asked = path.strip("/").split("/")
    for spec in routes():
        parts = spec.path.strip("/").split("/")
        fits = len(parts) == len(asked) and all(
            part == word or part.startswith("{") for part, word in zip(parts, asked, strict=True)
        )
        if fits and method in (None, spec.method):
            return spec
    return None


def named_routes(text: str) -> Iterator[tuple[str | None, str]]:
    """Walk the routes that a page names, with the method where it says one."""
    for match in ROUTE.finditer(text):
        before = text[: match.start()].rpartition("\n")[2]
        word = re.search(r"(get|post) \"?$", before)
        curl = re.search(r"curl .*?-X (\w+)|curl ", before.rpartition("$(")[2])
        method = word[1].upper() if word else (curl[1] or "GET") if curl else None
        yield method, match[0].rstrip(".,;:)")


def test_the_runbook_has_the_pages_that_its_index_names() -> None:
    index = text_of("docs/runbook/README.md") or ""
    named = {f"docs/runbook/{one}" for one in re.findall(r"\]\(([a-z-]+\.md)\)", index)}
    assert set(PAGES) == {*named, "docs/runbook/README.md"}
    assert len(PAGES) >= 11


@pytest.mark.parametrize("page", PAGES)
def test_every_route_exists_and_takes_its_parameters(page: str) -> None:
    for method, target in named_routes(text_of(page) or ""):
        path, _, query = target.partition("?")
        spec = find_route(method, path)
        assert spec is not None, f"{page}: {method} {path}"
        asked = {one.partition("=")[0] for one in query.split("&") if one}
        fields = {} if spec.query is None else spec.query.model_fields
        known = {field.alias or name for name, field in fields.items()}
        assert asked <= known, f"{page}: {target} takes {sorted(known)}"


def test_an_unknown_route_is_seen() -> None:
    assert find_route("GET", "/v1/organizations/$ORG/usage") is not None
    assert find_route("POST", "/v1/organizations/$ORG/usage") is None
    assert find_route(None, "/v1/nothing") is None
    assert list(named_routes('post /v1/x \'{}\'\nget "/v1/y?z=1"\ncurl -s -X DELETE -H "A" "$URL/v1/k"\n`/v1/n`')) == [
        ("POST", "/v1/x"),
        ("GET", "/v1/y?z=1"),
        ("DELETE", "/v1/k"),
        (None, "/v1/n"),
    ]


def posted(text: str) -> Iterator[tuple[str, str]]:
    """Walk the paths that are posted to with the bodies, which may go on over some lines."""
    for match in re.finditer(r"post (/v1/[^\s']+) '(\{.*?\})'", text, re.DOTALL):
        yield match[1], match[2]


@pytest.mark.parametrize("page", PAGES)
def test_every_body_is_one_that_its_route_takes(page: str) -> None:
    for path, body in posted(text_of(page) or ""):
        spec = find_route("POST", path)
        assert spec is not None
        model: Any = spec.body
        value = strict_json.parse(body.encode())
        if model is None:
            assert value == {}, f"{page}: {path} takes no body"
        else:
            model.model_validate(value)


def test_bodies_are_found() -> None:
    assert len([one for page in PAGES for one in posted(text_of(page) or "")]) >= 10


def test_every_target_of_make_exists() -> None:
    makefile = text_of("Makefile") or ""
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z]+)", code(page))}
    assert named >= {"deploy", "destroy", "package"}
    assert named <= targets, named - targets


def test_every_command_of_ours_exists_with_its_options() -> None:
    text = everything()
    for package, name, rest in re.findall(r"python -m (infra|local) ([a-z-]+)(.*)", text):
        if package == "infra":
            assert not unknown_options(name, rest)
        else:
            assert f'"{name}"' in (text_of("local/__main__.py") or "")
    for name, rest in re.findall(r"make (deploy|destroy) STAGE=[a-z-]+ ARGS=(\"[^\"]*\"|\S+)", text):
        assert not unknown_options(name, rest.strip('"'))
    assert unknown_options("verify", "--stage x --nothing") == {"--nothing"}


def unknown_options(command: str, rest: str) -> set[str]:
    """List the options that a command of ``python -m infra`` does not take."""
    parser = argparse.ArgumentParser()
    commands.COMMANDS[command].add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    return set(re.findall(r"--[a-z-]+", rest.partition("#")[0])) - known


QUEUE_NAMES = {*QUEUES, *(f"{name}-dead-letters" for name in QUEUES), FAILED_INVOCATIONS}


def test_every_name_of_a_stage_exists() -> None:
    known = {*FUNCTIONS, *QUEUE_NAMES, *table_names(), "dashboard"}
    named = {name for page in PAGES for name in re.findall(r"meterfold-\$?STAGE-([\w-]+)", text_of(page) or "")}
    assert len(named) >= 6
    assert named <= known, named - known


def test_every_short_function_is_defined_and_gets_what_it_knows() -> None:
    text = everything()
    defined = set(re.findall(r"^(\w+)\(\) \{", f"{OPERATIONS}\n{text}", re.MULTILINE))
    assert {"get", "post", "health", "queue", "peek", "redrive", "insights", "run_now", "refold"} <= defined
    for name in re.findall(r"\b(?:insights|run_now) (\w+)", text):
        assert name in FUNCTIONS, name
    for name in re.findall(r"(?<![-\w])(?:queue|peek|queue_url) ([\w-]+)", text):
        assert name in QUEUE_NAMES, name
    for line in commands_of(FENCE.findall("\n".join(text_of(page) or "" for page in PAGES))):
        assert line.split()[0] in {*defined, *SYSTEM, "aws", "make", "python", "curl"}, line


def commands_of(fences: Sequence[str]) -> Iterator[str]:
    """Walk the lines that begin a command; those of a quoted body, of a function and what goes on do not."""
    for fence in fences:
        quotes, goes_on = 0, False
        for line in fence.splitlines():
            begins = line.strip() and not quotes % 2 and not goes_on and not line.lstrip().startswith(("#", "}"))
            quotes += line.count("'")
            goes_on = line.endswith("\\")
            if begins and not re.match(r"\s*\w+\(\) \{|\s*from=", line):
                yield line.strip()


@pytest.mark.parametrize("page", PAGES)
def test_every_call_of_aws_exists_with_its_options(page: str) -> None:
    for service, operation, rest in re.findall(r"\baws ([a-z0-9-]+) ([a-z-]+)([^\n]*)", code(page)):
        known = aws_options(service, operation)
        options = {word[2:].partition("=")[0] for word in _words(rest) if word.startswith("--")}
        assert options <= known | CLI_OPTIONS, f"{page}: aws {service} {operation}: {options - known - CLI_OPTIONS}"


def _words(rest: str) -> list[str]:
    """Split the rest of a call up to where another begins; what it asks inside brackets is another call."""
    outer = re.sub(r"\"?\$\(.*", "", rest)
    return shlex.split(re.split(r" (?:&&|>|\||;) ?", outer)[0], comments=True) if outer.count("'") % 2 == 0 else []


@cache
def aws_options(service: str, operation: str) -> set[str]:
    """Give the options of an operation as the AWS command line writes them."""
    model = get_session().get_service_model({"logs": "logs"}.get(service, service))
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    return {xform_name(name, "-") for name in shape.members} if shape is not None else set()
