"""Compiles a package for the run time: bytecode that Python takes without looking at a source.

``unchecked-hash``: a file's time says nothing in a zip, and checking the hash would read every source at each start.
Optimization 0 keeps asserts. The paths in it are those on Lambda, so that it is the same wherever it was compiled. The
app's own sources go along, for the lines in a traceback; those of libraries would be a fifth of the zip and stay here.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.refusals import Unpackaged

__all__ = ["TASK_ROOT", "compile_files"]

# Where Lambda unpacks a function's zip.
TASK_ROOT = "/var/task"


def compile_files(files: Mapping[str, bytes], scratch: Path) -> dict[str, bytes]:
    """Give the files with bytecode, made by the Python that runs this, in an empty folder.

    Raises ``Unpackaged`` for a source that does not compile.
    """
    for path, content in files.items():
        place = scratch / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    # A process of its own: marshal writes an object by how often it is referred to, also from elsewhere in a process.
    command = [
        *(sys.executable, "-I", "-S", "-m", "compileall", "-q", "-b", "-o", "0"),
        *("--invalidation-mode", "unchecked-hash", "-s", str(scratch), "-p", TASK_ROOT, str(scratch)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unpackaged(f"A source does not compile:\n{done.stdout.strip()}\n{done.stderr.strip()}")
    compiled = {str(path.relative_to(scratch)): path.read_bytes() for path in sorted(scratch.rglob("*.pyc"))}
    kept = {path: content for path, content in files.items() if not path.endswith(".py") or _is_own(path)}
    return {**kept, **{_place_of(path): content for path, content in compiled.items()}}


def _is_own(path: str) -> bool:
    return path.startswith(("app.py", "chalicelib/"))


def _place_of(path: str) -> str:
    """Say where Python looks for the bytecode: beside a source that is there, or in its place."""
    return importlib.util.cache_from_source(path.removesuffix("c")) if _is_own(path) else path
