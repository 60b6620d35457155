"""Names with hashes: what they depend on, and what cannot be served."""

import re

import pytest

from chalicelib.console.assets import PACKAGES, hash_assets, imported_at_once
from chalicelib.console.assets_store import read_files

FILES = {
    "app.js": 'import { a } from "./a.js";\nimport {h} from "preact";\nconst later = () => import("./b.js");\n'
    'const sheet = "./style.css";\n',
    "a.js": "export const a = 1;\n",
    "b.js": 'import"./a.js";export const b=2;\n',
    "preact.js": "export function h() {}\n",
    "style.css": "p { color: red }\n",
}


def _own_files() -> dict[str, str]:
    """List the files that were written here, by their names."""
    return {name: text for name, text in read_files().items() if name not in PACKAGES.values()}


def test_a_name_changes_with_the_content_and_with_what_is_imported() -> None:
    before, after = hash_assets(FILES), hash_assets({**FILES, "a.js": "export const a = 2;\n"})
    changed = {name for name in FILES if before[name].name != after[name].name}
    assert changed == {"a.js", "b.js", "app.js"}
    restyled = hash_assets({**FILES, "style.css": "p { color: blue }\n"})
    assert {name for name in FILES if before[name].name != restyled[name].name} == {"style.css", "app.js"}
    assert re.fullmatch(r"app\.[0-9a-f]{12}\.js", before["app.js"].name)


def test_every_import_names_the_hashed_file() -> None:
    assets = hash_assets(FILES)
    named = re.findall(r'["\']\./([^"\']+)["\']', assets["app.js"].text)
    assert named == [assets[name].name for name in ("a.js", "preact.js", "b.js", "style.css")]
    assert f'import"./{assets["a.js"].name}"' in assets["b.js"].text


def test_what_is_imported_later_is_not_needed_at_once() -> None:
    assert sorted(imported_at_once("app.js", FILES)) == ["a.js", "app.js", "preact.js"]


def test_imports_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        hash_assets({"a.js": 'import "./b.js";', "b.js": 'import "./a.js";'})


def test_an_import_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gone\.js: is not there, by a\.js"):
        hash_assets({"a.js": 'import "./gone.js";'})


def test_no_file_of_the_console_makes_markup_or_code_of_text() -> None:
    banned = re.compile(r"nnerH[T]ML|uterH[T]ML|AdjacentH[T]ML|document\.write|\beval\(|new Function")
    own = _own_files()
    assert len(own) > 20
    assert [name for name, text in own.items() if banned.search(text)] == []


# Beside `heightOf`, which is for drawings: whole counts of days, minutes, seconds; priorities; yes and no to sort by;
# and the check whether a number in JSON survives a browser.
_NUMBERS = {
    "decimal.js": 1,
    "credit_actions.js": 1,
    "exact_json.js": 1,
    "form.js": 1,
    "ingestion.js": 2,
    "invoice_actions.js": 1,
    "usage.js": 1,
    "usage_query.js": 2,
    "usage_series.js": 3,
}


def test_no_file_of_the_console_makes_a_number_of_a_figure() -> None:
    """A figure is text; every place that makes a number of text is known, and what of."""
    banned = re.compile(r"parseFloat|parseInt|\bNumber\(|toFixed|Math\.round\(")
    found = {name: len(banned.findall(text)) for name, text in _own_files().items() if banned.search(text)}
    assert found == _NUMBERS | {"time.js": 1}
