"""What stays of a package: what the app can import and read, and nothing else."""

import gzip
import json
import re
from pathlib import Path

import pytest

from infra.reachable import modules_of, reachable_modules
from infra.slimming import ROOTS, RULES, SERVICES, slim

ROOT = Path(__file__).parents[2]

APP = {
    "app.py": b"import chalicelib.jobs",
    "chalicelib/__init__.py": b"",
    "chalicelib/jobs.py": b"def run():\n    from lib import used, VALUE",
    "chalicelib/console/static/app.js": b"1",
    "chalicelib/alone.py": b"",
}
LIB = {
    "lib/__init__.py": b"from . import base",
    "lib/base.py": b"import typing\nif typing.TYPE_CHECKING:\n    import lib.typed\nelse:\n    import lib.plain",
    "lib/used.py": b"NAMES = ['lib.named', 'lib.in words']",
    "lib/named.py": b"from .deep.er import thing",
    "lib/deep/__init__.py": b"",
    "lib/deep/er.py": b"",
    "lib/deep/table.json": b"{}",
    "lib/plain.py": b"",
    "lib/table.bin": b"\0",
}
UNUSED = {
    "lib/typed.py": b"",
    "lib/unused.py": b"import lib.also",
    "lib/also.py": b"",
    "lib/other/__init__.py": b"",
    "lib/other/big.json": b"{}",
    "other.py": b"",
}


def test_what_can_be_imported_stays_with_its_files_and_the_rest_goes() -> None:
    assert slim(APP | LIB | UNUSED) == APP | LIB


def test_a_module_that_imports_late_by_name_may_import_what_it_says_for_types() -> None:
    lazy = LIB["lib/base.py"] + b"\ndef __getattr__(name): ..."
    assert "lib/typed.py" in slim(APP | LIB | UNUSED | {"lib/base.py": lazy})


def test_compiled_modules_are_modules_too() -> None:
    files = {
        "app.py": b"import fast._core",
        "fast/__init__.py": b"",
        "fast/_core.cpython-311-x86_64-linux-gnu.so": b"\x7f",
        "fast/_other.cpython-311-x86_64-linux-gnu.so": b"\x7f",
    }
    assert modules_of(files)["fast._core"] == "fast/_core.cpython-311-x86_64-linux-gnu.so"
    assert reachable_modules(files, ["app"]) == {"app", "fast", "fast._core"}


@pytest.mark.parametrize(
    "path",
    [
        "lib/__pycache__/used.cpython-311.pyc",
        "lib-1.0.dist-info/METADATA",
        "lib-1.0.data/scripts/lib",
        "lib/used.pyi",
        "lib/py.typed",
        "lib-stubs/__init__.pyi",
        "lib/_used.c",
        "lib/README.md",
        "chalicelib/usage/README.md",
        "lib/tests/test_used.py",
        "lib/test.py",
        "boto3/__init__.py",
        "pydantic/v1/__init__.py",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/dynamodb/2011-12-05/service-2.json.gz",
        "botocore/data/dynamodb/2012-08-10/examples-1.json",
        "fontpkg_noto_sans/files/NotoSans-Italic[wdth,wght].ttf",
    ],
)
def test_each_of_these_is_left_out_by_one_rule(path: str) -> None:
    assert len([rule.reason for rule in RULES if rule.leaves_out(path)]) == 1


@pytest.mark.parametrize(
    "path",
    [
        "lib/used.py",
        "lib/latest/used.py",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/data/endpoints.json",
        "botocore/cacert.pem",
        "fontpkg_noto_sans/files/NotoSans[wdth,wght].ttf",
        "chalicelib/console/static/vendor/LICENSE-preact.txt",
        "tzdata/zoneinfo/Europe/Berlin",
    ],
)
def test_none_of_these_is_left_out(path: str) -> None:
    assert [rule.reason for rule in RULES if rule.leaves_out(path)] == []


def test_the_sdks_data_keeps_what_is_read() -> None:
    model = {
        "metadata": {"endpointPrefix": "dynamodb"},
        "documentation": "A long text.",
        "shapes": {"Thing": {"members": {"documentation": {"shape": "Text", "documentation": "What is said."}}}},
    }
    endpoints = {"partitions": [{"partition": "aws", "services": {"dynamodb": {"endpoints": {}}, "s3": {}}}]}
    kept = slim(
        {
            "app.py": b"import botocore",
            "botocore/__init__.py": b"",
            "botocore/data/dynamodb/2012-08-10/service-2.json.gz": gzip.compress(json.dumps(model).encode()),
            "botocore/data/endpoints.json": json.dumps(endpoints).encode(),
        }
    )
    assert json.loads(kept["botocore/data/dynamodb/2012-08-10/service-2.json"]) == {
        "metadata": {"endpointPrefix": "dynamodb"},
        "shapes": {"Thing": {"members": {"documentation": {"shape": "Text"}}}},
    }
    assert json.loads(kept["botocore/data/endpoints.json"]) == {
        "partitions": [{"partition": "aws", "services": {"dynamodb": {"endpoints": {}}}}]
    }


def left_out(text: str) -> list[str]:
    """List what a text imports and a rule leaves out."""
    modules = re.findall(r"^ *(?:from|import) ([a-z0-9_.]+)", text, re.MULTILINE)
    paths = {module: f"{module.replace('.', '/')}/__init__.py" for module in modules}
    return [module for module, path in paths.items() if any(rule.leaves_out(path) for rule in RULES)]


def own_sources() -> list[str]:
    return [path.read_text() for path in (ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py"))]


def test_the_app_imports_nothing_that_a_rule_leaves_out() -> None:
    assert [name for text in own_sources() for name in left_out(text)] == []
    assert left_out("import json\nimport boto3\n    from pydantic.v1 import BaseModel") == ["boto3", "pydantic.v1"]


def test_the_models_of_every_service_that_is_called_stay() -> None:
    pattern = r"""\b(?:create_client|client|resource)\(\s*["']([a-z0-9-]+)["']"""
    named = {service for text in own_sources() for service in re.findall(pattern, text)}
    # DynamoDB's client is PynamoDB's.
    assert named | {"dynamodb"} == set(SERVICES)


def test_every_root_says_why() -> None:
    assert all(reason and not reason.endswith(".") for reason in ROOTS.values())
