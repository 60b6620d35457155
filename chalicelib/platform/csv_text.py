"""CSV as it leaves: text that a spreadsheet would run as a formula is escaped, numbers stay numbers."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.values import dataclass

CSV = "text/csv"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as the API shows it: a number that keeps its minor digits."""

    text: str


Cell = str | Decimal | Money | None


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Write a header and rows with CRLF line ends (RFC 4180); ``None`` is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_shown(cell) for cell in header])
    writer.writerows([_shown(cell) for cell in row] for row in rows)
    return out.getvalue()


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return show_decimal(cell)
    if isinstance(cell, Money):
        return cell.text
    return f"'{cell}" if cell.startswith(_STARTS_A_FORMULA) or (cell and ord(cell[0]) < 32) else cell


def wants_csv(headers: Mapping[str, str]) -> bool:
    """Tell whether a request's ``Accept`` names CSV before JSON and anything."""
    for offered in headers.get("accept", "").lower().split(","):
        media, _, parameters = offered.partition(";")
        if "q=0" in parameters.replace(" ", "").split(";"):
            continue
        if media.strip() == CSV:
            return True
        if media.strip() in ("application/json", "application/*", "*/*"):
            return False
    return False
