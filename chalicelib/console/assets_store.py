"""Reads the files of the console from beside this module: once for each process, on the first request for one."""

from functools import cache
from pathlib import Path

from chalicelib.console.assets import TYPES, Asset, hash_assets
from chalicelib.console.shell import write_shell

_STATIC = Path(__file__).parent / "static"
_FOLDERS = (_STATIC, _STATIC / "vendor")


def read_files() -> dict[str, str]:
    """Read every file by its name.

    Raises ``FileNotFoundError`` where the packages' files have not been copied: ``make assets`` does that.
    """
    paths = [path for folder in _FOLDERS for path in folder.iterdir() if path.suffix.removeprefix(".") in TYPES]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


@cache
def assets() -> dict[str, Asset]:
    """Give every asset by the name under which it is served."""
    return {asset.name: asset for asset in _hashed()[1].values()}


@cache
def shell() -> str:
    """Write the page that loads the assets."""
    return write_shell(*_hashed())


@cache
def _hashed() -> tuple[dict[str, str], dict[str, Asset]]:
    files = read_files()
    return files, hash_assets(files)
