"""Runs ``chalice package`` on a copy of what is deployed, and nothing else of the work tree, in a scratch folder."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.console.assets import PACKAGES
from infra.refusals import Unpackaged
from infra.wheels import pip_target

__all__ = ["Packaged", "chalice_package"]

_VENDOR = Path("chalicelib/console/static/vendor")
# What a system or an editor leaves beside sources, and what Python makes of them.
_STRAY = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*~")


@dataclass(frozen=True, slots=True)
class Packaged:
    """What ``chalice package`` gives: the files of its zip by path, and its template."""

    files: Mapping[str, bytes]
    template: Mapping[str, Any]


def chalice_package(root: Path, scratch: Path, wheels: Path, *, stage: str, architecture: str) -> Packaged:
    """Package the app of a work tree for one stage, with nothing but these wheels.

    ``scratch`` is an empty folder. Raises ``Unpackaged``.
    """
    project, out = scratch / "project", scratch / "out"
    copy_sources(root, project, architecture=architecture)
    command = [sys.executable, "-c", "from chalice.cli import main; main()", "package", "--stage", stage, str(out)]
    environment = _environment(scratch, wheels, architecture)
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unpackaged(f"chalice package failed:\n{(done.stderr or done.stdout).strip()}")
    files = read_zip((out / "deployment.zip").read_bytes())
    check_whole(files, [path.name for path in wheels.glob("*.whl")])
    return Packaged(files, json.loads((out / "sam.json").read_text()))


def copy_sources(root: Path, project: Path, *, architecture: str) -> None:
    """Copy what is deployed, with a configuration for one architecture.

    Raises ``Unpackaged`` when the console's packages are not there.
    """
    missing = sorted(name for name in set(PACKAGES.values()) if not (root / _VENDOR / name).is_file())
    if missing:
        raise Unpackaged(f"{_VENDOR} lacks {', '.join(missing)}: run `make assets` first.")
    shutil.copytree(root / "chalicelib", project / "chalicelib", ignore=_STRAY)
    for name in ("app.py", "requirements.txt"):
        shutil.copy(root / name, project / name)
    configuration = json.loads((root / ".chalice/config.json").read_text())
    (project / ".chalice").mkdir()
    (project / ".chalice/config.json").write_text(json.dumps({**configuration, "lambda_architecture": architecture}))


def _environment(home: Path, wheels: Path, architecture: str) -> dict[str, str]:
    """Give an environment in which neither somebody's AWS nor somebody's pip settings count."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "TMPDIR", "LANG", "LC_ALL"}}
    target = pip_target(architecture).items()
    return {
        **kept,
        "HOME": str(home),
        # Chalice imports the app, whose clients want one; nothing is sent to it.
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": wheels.resolve().as_uri(),
        **{f"PIP_{name.upper().replace('-', '_')}": " ".join(values) for name, values in target},
    }


def read_zip(content: bytes) -> dict[str, bytes]:
    """Read every file of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return {one.filename: opened.read(one) for one in opened.infolist() if not one.is_dir()}


def check_whole(files: Mapping[str, bytes], wheels: list[str]) -> None:
    """Raise ``Unpackaged`` when a wheel's files are not all there: Chalice only prints what it could not install."""
    packaged = {path.split("/")[0].lower() for path in files}
    missing = [name for name in wheels if f"{'-'.join(name.split('-')[:2])}.dist-info".lower() not in packaged]
    if missing:
        raise Unpackaged(f"chalice package left out {', '.join(sorted(missing))}.")
