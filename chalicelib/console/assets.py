"""Names each file of the console after its content, so that a browser may keep it for good.

``app.js`` becomes ``app.2f6c0d9b41.js``; what it imports is renamed in it first, so its own name changes whenever
anything below it does. Imports are relative (``"./money.js"``) or one of the packages in ``PACKAGES``; a style sheet
that a module loads is named in it the same way (``"./usage.css"``). What documents a module and its types
(``/** … */``) stays here.
"""

import hashlib
import re
from collections.abc import Mapping

from chalicelib.shared.values import dataclass

# The names by which the packages import each other, and the files that ``make assets`` copies them to.
PACKAGES = {"preact": "preact.js", "preact/hooks": "hooks.js", "htm": "htm.js", "chart.js": "chartjs.js"}
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

# `from "./x.js"`, `import "./x.js"` and `import("./x.js")`, as they are written here and in minified files.
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\./[a-z_]+\.js|preact(?:/hooks)?|htm|chart\.js)\2""")
_STYLE = re.compile(r"""()(["'])(\./[a-z_]+\.css)\2""")
_HASH_CHARS = 12
_DOCUMENTATION = re.compile(r"/\*\*.*?\*/", re.DOTALL)
_EMPTY_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served: the name with its hash, its media type and its text."""

    name: str
    media_type: str
    text: str


def hash_assets(files: Mapping[str, str]) -> dict[str, Asset]:
    """Give the assets by the names of their files.

    Raises ``ValueError`` for imports in a circle, and for the import of a file that is not there.
    """
    hashed: dict[str, Asset] = {}
    for name in sorted(files):
        _hash(name, files, hashed, above=())
    return hashed


def _hash(name: str, files: Mapping[str, str], hashed: dict[str, Asset], *, above: tuple[str, ...]) -> Asset:
    if name in hashed:
        return hashed[name]
    if name in above or name not in files:
        raise ValueError(f"{name}: {'imported in a circle' if name in above else 'is not there'}, by {above[-1]}")

    def renamed(found: re.Match[str]) -> str:
        imported = PACKAGES.get(found[3], found[3].removeprefix("./"))
        below = _hash(imported, files, hashed, above=(*above, name))
        return f"{found[1]}{found[2]}./{below.name}{found[2]}"

    stem, _, ending = name.rpartition(".")
    text = _STYLE.sub(renamed, _IMPORT.sub(renamed, _code(name, files))) if ending == "js" else files[name]
    mark = hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]
    hashed[name] = Asset(f"{stem}.{mark}.{ending}", TYPES[ending], text)
    return hashed[name]


def _code(name: str, files: Mapping[str, str]) -> str:
    """Give a module without its documentation; a package's file as it is."""
    if name in PACKAGES.values():
        return files[name]
    return _EMPTY_LINES.sub("\n", _DOCUMENTATION.sub("", files[name])).lstrip()


def imported_at_once(name: str, files: Mapping[str, str]) -> list[str]:
    """List what a module needs before it runs, itself included: not what it imports later by ``import()``."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.append(current)
            needed = [match for match in _IMPORT.finditer(_code(current, files)) if "(" not in match[1]]
            waiting += [PACKAGES.get(match[3], match[3].removeprefix("./")) for match in needed]
    return found
