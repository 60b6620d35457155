"""The wheels of the run time: exactly the locked versions, checked by the lock's hashes, for Lambda's processor.

``chalice package`` takes whatever the index has that day and checks no hash. So what it may take is fetched here first,
and it is let nowhere else. What was fetched is kept under a key of all that decides it: a second time needs no network.
"""

import hashlib
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chalice.deploy.packager import DependencyBuilder
from chalice.utils import OSUtils

from infra.refusals import Unpackaged

__all__ = ["check_hashes", "constraints", "fetch_wheels", "pip_target"]

_PINNED = re.compile(r"^([A-Za-z0-9._-]+==[^\s\\]+)[ ]*(;[^\\\n]*)?", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def fetch_wheels(requirements: Path, lock: Path, *, architecture: str, kept_in: Path) -> Path:
    """Give the folder with the wheels of ``requirements`` and of all that they need, in the versions of ``lock``.

    Raises ``Unpackaged`` when pip finds no wheel for the architecture, or one whose hash is not in the lock.
    """
    folder = kept_in / _key(requirements, lock, architecture)
    if not folder.is_dir():
        kept_in.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept_in) as scratch:
            wheels = Path(scratch, "wheels")
            _download(requirements, lock, architecture=architecture, into=wheels)
            _keep(wheels, folder)
    check_hashes(folder, lock.read_text())
    return folder


def _keep(wheels: Path, folder: Path) -> None:
    """Put the wheels where the next run finds them, unless another run has been faster."""
    try:
        wheels.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _key(requirements: Path, lock: Path, architecture: str) -> str:
    told = f"{requirements.read_text()}\n{lock.read_text()}\n"
    return f"{architecture}-python{_version()}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _version() -> str:
    major, minor, _ = platform.python_version_tuple()
    return f"{major}.{minor}"


def pip_target(architecture: str) -> dict[str, list[str]]:
    """Give pip's options for Lambda's system, by name: what Chalice knows of the C library that each runtime has."""
    abi = f"cp{_version().replace('.', '')}"
    builder = DependencyBuilder(OSUtils(), architecture=architecture)
    return {
        "only-binary": [":all:"],
        "implementation": ["cp"],
        "python-version": [_version()],
        "abi": [abi],
        "platform": list(builder._get_pip_platforms(abi)),
    }


def _download(requirements: Path, lock: Path, *, architecture: str, into: Path) -> None:
    versions = into.with_name("constraints.txt")
    versions.write_text("".join(f"{line}\n" for line in constraints(lock.read_text())))
    target = [f"--{name}={value}" for name, values in pip_target(architecture).items() for value in values]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *target),
        *("--requirement", str(requirements), "--constraint", str(versions), "--dest", str(into)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unpackaged(f"pip could not fetch the wheels for {architecture}:\n{done.stderr.strip()}")


def constraints(lock: str) -> Iterator[str]:
    """Read the versions of a lock, with the systems they are for and without their hashes."""
    for name, marker in _PINNED.findall(lock):
        yield f"{name} {marker}".strip()


def check_hashes(wheels: Path, lock: str) -> None:
    """Raise ``Unpackaged`` for a wheel whose hash a lock does not have."""
    known = set(_HASH.findall(lock))
    strange = [
        path.name
        for path in sorted(wheels.iterdir())
        if hashlib.sha256(path.read_bytes()).hexdigest() not in known
    ]
    if strange:
        raise Unpackaged(f"The lock has no hash of {', '.join(strange)}.")
