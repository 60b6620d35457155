"""Finds the browser that the console is tested in: one that comes with the project's packages, unpacked once.

``METERFOLD_CHROMIUM`` names another one, for machines that the packed one does not run on.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKED = ROOT / "node_modules" / "@sparticuz" / "chromium" / "bin"
_UNPACKED = ROOT / "node_modules" / ".cache" / "chromium"
_ARCHIVES = ("fonts.tar", "al2023.tar")
_INFLATE = """
const fs = require("fs"), zlib = require("zlib"), [packed, to] = process.argv.slice(1);
fs.createReadStream(packed).pipe(zlib.createBrotliDecompress()).pipe(fs.createWriteStream(to));
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{folder}/fonts-cache</cachedir></fontconfig>
"""


def find_browser() -> Path:
    """Give the executable; unpacks it when it is needed for the first time."""
    named = os.environ.get("METERFOLD_CHROMIUM")
    if named:
        return Path(named)
    assert (platform.system(), platform.machine()) == ("Linux", "x86_64"), (
        "the packed browser is for Linux on x86-64: name another Chromium in METERFOLD_CHROMIUM"
    )
    _UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with (_UNPACKED.parent / "chromium.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _UNPACKED.exists():
            _unpack(_UNPACKED.with_suffix(".part"))
    return _UNPACKED / "chromium"


def _unpack(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("chromium", *_ARCHIVES):
        subprocess.run(["node", "-e", _INFLATE, str(_PACKED / f"{name}.br"), str(folder / name)], check=True)
    for name in _ARCHIVES:
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder, filter="data")
        (folder / name).unlink()
    (folder / "chromium").chmod(0o755)
    (folder / "fonts.conf").write_text(_FONTS.format(folder=_UNPACKED))
    folder.rename(_UNPACKED)


def browser_environment(executable: Path) -> dict[str, str | float | bool]:
    """Give the environment that the browser runs in: its fonts, and its libraries where the system has none."""
    environment: dict[str, str | float | bool] = dict(os.environ)
    if executable.is_relative_to(_UNPACKED):
        environment["FONTCONFIG_FILE"] = str(_UNPACKED / "fonts.conf")
        if _lacks_libraries(executable):
            environment["LD_LIBRARY_PATH"] = str(_UNPACKED / "lib")
    return environment


def _lacks_libraries(executable: Path) -> bool:
    needed = subprocess.run(["ldd", str(executable)], capture_output=True, text=True, check=False)
    return "not found" in needed.stdout
