"""Reads what stored invoices say about the credits' ledger, oldest first; their lines are not looked at."""

import json

from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.reads import Query, past_empty_pages, read_page
from chalicelib.shared.values import dataclass

_INVOICES = "inv#"
# Sorts behind every digit.
_LAST = ":"


@dataclass(frozen=True, slots=True)
class LedgerNote:
    """The ledger's last entry as an invoice noted it, ``None`` when there was none; with the sort key it was under."""

    sort_key: str
    invoice: str
    head: tuple[int, str] | None


def list_ledger_notes(organization: str, *, after: str | None) -> tuple[list[LedgerNote], bool]:
    """List what invoices noted, in the order of their numbers, behind a sort key; tells whether they are the last.

    One round trip: at most 1 MB of items.
    """
    first = f"{after}!" if after else _INVOICES
    query = Query(model=InvoicesItem, pk=organization, within=InvoicesItem.sk.between(first, _INVOICES + _LAST))
    page = past_empty_pages(query, read_page(query))
    return [_note(item) for item in page.items], page.next_key is None


def _note(item: InvoicesItem) -> LedgerNote:
    header = json.loads(item.header)
    head = header.get("ledger_head")
    return LedgerNote(item.sk, header["id"], None if head is None else (head["seq"], head["hash"]))
