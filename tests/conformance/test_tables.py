"""``docs/engines.md`` tells what the tests show, and what is left out on DynamoDB Local exists."""

from pathlib import Path

from tests.conformance.selection import LEFT_OUT
from tests.conformance.tables import PAGE, all_tables, written

ROOT = Path(__file__).parents[2]


def test_the_page_has_the_tables_as_they_are() -> None:
    """To accept a change: ``.venv/bin/python -m tests.conformance.tables``."""
    page, tables = PAGE.read_text(), all_tables()
    assert written(page, tables) == page
    assert all(f"<!-- {name} -->\n| " in page for name in tables)
    assert written(page, {"differences": "| other |"}) != page


def test_every_test_that_is_left_out_exists() -> None:
    for name in LEFT_OUT:
        path, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text() if test else (ROOT / path).is_file(), name
