"""Leaves out of a package what nothing reads at run time, each for a reason that is written beside its rule.

What Python code stays is not listed but found: whatever the app can import stays, the rest goes (``reachable.py``).
"""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.reachable import modules_of, reachable_modules

__all__ = ["SERVICES", "Rule", "slim"]

Files = Mapping[str, bytes]

# The services that the deployed code calls, with the version of the interface that the SDK takes: the newest.
SERVICES = {"dynamodb": "2012-08-10", "sqs": "2012-11-05"}

# Modules that are imported by a name no reading of the code can find; with a star, all below too.
ROOTS = {
    "app": "Lambda imports it",
    "chalicelib.*": "the app itself, whole",
    "aws_xray_sdk.ext.botocore.*": "the tracer puts the name together from what it is told to watch",
    "fontpkg_noto_sans": "invoices open the files of the typeface beside it",
    "tzdata.*": "the standard library's zoneinfo opens a zone by its name",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Why some paths are left out."""

    reason: str
    leaves_out: Callable[[str], bool]


def _matching(pattern: str) -> Callable[[str], bool]:
    return lambda path: re.search(pattern, path) is not None


def _is_unused_model(path: str) -> bool:
    found = re.match(r"botocore/data/([^/]+)/([^/]+)/([^/]+)$", path)
    return found is not None and (SERVICES.get(found[1]) != found[2] or found[3].startswith("examples-"))


RULES = (
    Rule("bytecode of whoever packaged: it is made anew", _matching(r"\.py[co]$")),
    Rule("metadata is for installers; nothing that is deployed asks for it", _matching(r"^[^/]+\.(dist-info|data)/")),
    Rule("types are for checkers", _matching(r"\.pyi$|(^|/)py\.typed$|^[^/]+-stubs/")),
    Rule("sources of compiled parts", _matching(r"\.(c|h|pyx|pxd|rs)$")),
    Rule("documents for developers", _matching(r"\.(md|rst)$|(^|/)LICENSE$")),
    Rule("tests of libraries", _matching(r"^(?!chalicelib/).*(^|/)tests?(/|\.py$)")),
    Rule("pydantic's first version, for models of that time", _matching(r"^pydantic/v1/")),
    Rule("pages of Powertools' own router; Chalice routes here", _matching(r"/swagger_ui/[^/]+\.(js|css)$")),
    Rule("the SDK's upper half, for S3 readers of Powertools' that nobody calls", _matching(r"^(boto3|s3transfer)/")),
    Rule("a second table of time zones; zoneinfo reads tzdata", _matching(r"^dateutil/zoneinfo/.*\.tar\.gz$")),
    Rule("the typeface's other styles: invoices are set upright", _matching(r"^fontpkg_noto_sans/files/.*-Italic")),
    Rule("the SDK's models of services that are not called, and their examples", _is_unused_model),
)


def slim(files: Files, roots: Mapping[str, str] = ROOTS) -> dict[str, bytes]:
    """Leave out what a rule names and what cannot be imported; make what stays of the SDK's data smaller."""
    kept = {path: files[path] for path in sorted(files) if not any(rule.leaves_out(path) for rule in RULES)}
    return dict(_smaller(path, content) for path, content in _importable(kept, roots).items())


def _importable(files: Files, roots: Mapping[str, str]) -> dict[str, bytes]:
    modules = modules_of(files)
    reached = reachable_modules(files, [name for root in roots for name in _below(root, modules)])
    unreached = {path for module, path in modules.items() if module not in reached}
    return {
        path: content
        for path, content in files.items()
        if path not in unreached and _package_above(path, modules) in reached | {None}
    }


def _below(root: str, modules: Mapping[str, str]) -> list[str]:
    if not root.endswith(".*"):
        return [root]
    base = root.removesuffix(".*")
    return [name for name in modules if name == base or name.startswith(f"{base}.")]


def _package_above(path: str, modules: Mapping[str, str]) -> str | None:
    """Find the package whose folder a file lies in or below; ``None`` outside of any."""
    parts = path.split("/")[:-1]
    above = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in above if name in modules), None)


def _smaller(path: str, content: bytes) -> tuple[str, bytes]:
    """Write the SDK's data without what it never reads: other services' addresses, and what documents a model."""
    if path == "botocore/data/endpoints.json":
        return path, _as_json(_without_other_services(json.loads(content)))
    if path.startswith("botocore/data/") and path.endswith(".json.gz"):
        # Unpacked: the zip compresses it anyway, and the SDK looks for this name first.
        return path.removesuffix(".gz"), _as_json(_without_documentation(json.loads(gzip.decompress(content))))
    return path, content


def _without_other_services(endpoints: dict[str, Any]) -> dict[str, Any]:
    partitions = [
        {**one, "services": {name: said for name, said in one["services"].items() if name in SERVICES}}
        for one in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _without_documentation(model: Any) -> Any:
    """Leave out the texts; a member that happens to be called so is a shape and stays."""
    if isinstance(model, list):
        return [_without_documentation(one) for one in model]
    if not isinstance(model, dict):
        return model
    return {
        name: _without_documentation(value)
        for name, value in model.items()
        if not (name == "documentation" and isinstance(value, str))
    }


def _as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
