"""Invoices in DynamoDB. Reads are strongly consistent; writes are values for one transaction with their conditions.

Whatever takes a number replaces ``head`` on condition that its version still is the one that was read, so numbers have
no gaps. A stored invoice changes only in its standing, on condition of its own version.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.invoices.invoice import CreditNote, Invoice
from chalicelib.invoices.lifecycle import index_state
from chalicelib.invoices.numbering import InvoiceRef
from chalicelib.invoices.period_record import PeriodRecord
from chalicelib.invoices.period_records import read_record, write_record
from chalicelib.invoices.records import (
    read_credit_note,
    read_invoice,
    write_content,
    write_credit_note,
    write_head,
    write_standing,
)
from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.reads import ItemKey, Key, Query, find, find_many, list_page, walk, write_batch
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.writes import Check, Put, Update, Write
from chalicelib.shared import strict_json
from chalicelib.shared.errors import Busy, Conflict
from chalicelib.shared.time import microseconds
from chalicelib.shared.values import dataclass

PAGE_BYTES = 300_000
# Longer content lies in pages: there it is written once at half of what a transaction costs, and not with each payment.
INLINE_BYTES = 30_000
# A record is changed as a whole, so it lies in pages only where it does not fit into an item.
RECORD_BYTES = 300_000
STANDING_CHARS = 8_000
# Notes on a hundred lines, with what a grant gets back for each day of a year, take 210 KB; an item holds 400.
MOST_STANDING_BYTES = 340_000
# Of the two indexes: enough to spread what is written, few enough to be asked one by one.
STATUS_SHARDS, DUE_SHARDS = 4, 16
STATES = ("open", "paid", "void")
_NUMBER_DIGITS = 9
_HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicesHead:
    """The numbers that an organization's next invoice, credit note and one-off invoice get."""

    organization: str
    version: int = 0
    next_number: int = 1
    next_credit_note: int = 1
    next_one_off: int = 1


@dataclass(frozen=True, slots=True)
class StoredInvoice:
    """A finalized invoice with the version of its item, which a change makes sure of."""

    invoice: Invoice
    version: int


def head_key(organization: str) -> ItemKey:
    """Tell where the head is, for a batch of reads together with other items."""
    return ItemKey(InvoicesItem, (organization, _HEAD))


def head_of(organization: str, item: BaseModel | None) -> InvoicesHead:
    """Read the item found at ``head_key``; none is a head that nothing was numbered from."""
    if item is None:
        return InvoicesHead(organization=organization)
    assert isinstance(item, InvoicesItem)
    return InvoicesHead(organization=organization, version=int(item.version), **json.loads(item.header))


def read_head(organization: str) -> InvoicesHead:
    """Read the head of an organization."""
    return head_of(organization, find(InvoicesItem, (organization, _HEAD)))


def head_write(before: InvoicesHead, after: InvoicesHead) -> Write:
    """Raise the head's version and put its next numbers in place, unless somebody else has since it was read."""
    fields = {name: value for name, value in asdict(after).items() if name not in ("organization", "version")}
    item = InvoicesItem(before.organization, _HEAD, version=before.version + 1, header=strict_json.dump(fields))
    return Put(item=item, condition=_unchanged(before.version))


def head_check(read: InvoicesHead) -> Write:
    """Let a transaction pass only while the head is the one that was read: no invoice and no credit note since."""
    return Check(model=InvoicesItem, keys=(read.organization, _HEAD), condition=_unchanged(read.version))


def _unchanged(version: int) -> Condition:
    return InvoicesItem.version == version if version else InvoicesItem.pk.does_not_exist()


def _record_key(organization: str, name: str) -> ItemKey:
    """Tell where the record of a name is."""
    return ItemKey(InvoicesItem, (organization, f"ref#{name}"))


def read_records(organization: str, names: Sequence[str]) -> dict[str, PeriodRecord]:
    """Read the records of some names in one round trip, very long ones in one more; none is an empty record."""
    wanted = list(dict.fromkeys(names))
    found = find_many([_record_key(organization, name) for name in wanted])
    items = {name: item for name, item in zip(wanted, found, strict=True) if isinstance(item, InvoicesItem)}
    records = {
        name: read_record(zlib.decompress(packed).decode(), name=name)
        for name, packed in zip(items, _contents(list(items.values())), strict=True)
    }
    return {name: records.get(name) or PeriodRecord(name=name) for name in wanted}


def record_write(organization: str, record: PeriodRecord) -> Write:
    """Replace a record. No condition: whoever writes one also makes sure of the subscriptions or the head.

    A very long one goes to pages as the content of an invoice does, written here and now. Raises ``Busy``.
    """
    packed = zlib.compress(write_record(record).encode(), 9)
    item = InvoicesItem(organization, f"ref#{record.name}")
    if len(packed) <= min(RECORD_BYTES, PAGE_BYTES):
        item.content = packed
    else:
        item.page_id, item.pages = _write_pages(organization, f"ref.{record.name}", packed)
    return Put(item=item)


def _sort_key(number: int) -> str:
    return f"inv#{number:0{_NUMBER_DIGITS}}"


def creation_write(invoice: Invoice) -> Write:
    """Store a finalized invoice under its number; long content goes to pages, written here and now.

    Pages are named by what they hold: nobody sees them before the invoice names them, and writing them again changes
    nothing. Raises ``Busy``.
    """
    packed = zlib.compress(write_content(invoice.content).encode(), 9)
    item = _item(invoice, version=1)
    if len(packed) <= min(INLINE_BYTES, PAGE_BYTES):
        item.content = packed
    else:
        item.page_id, item.pages = _write_pages(invoice.organization, invoice.id.rpartition("_")[2], packed)
    return Put(item=item, condition=InvoicesItem.pk.does_not_exist())


def _write_pages(organization: str, name: str, packed: bytes) -> tuple[str, int]:
    page_id = f"{name}#{hashlib.sha256(packed).hexdigest()[:20]}"
    chunks = [packed[at : at + PAGE_BYTES] for at in range(0, len(packed), PAGE_BYTES)]
    write_batch(
        [
            InvoicesItem(organization, _page_key(page_id, place), content=chunk)
            for place, chunk in enumerate(chunks)
        ]
    )
    return page_id, len(chunks)


def _page_key(page_id: str, place: int) -> str:
    return f"page#{page_id}#{place:03}"


def _item(invoice: Invoice, *, version: int) -> InvoicesItem:
    assert invoice.number is not None
    return InvoicesItem(
        invoice.organization,
        _sort_key(invoice.number),
        version=version,
        header=write_head(invoice),
        **_changing(invoice),
    )


def _changing(invoice: Invoice) -> dict[str, Any]:
    """Give what a change of the standing changes: the standing itself, and where the indexes list the invoice."""
    assert invoice.issued_at is not None
    state = index_state(invoice)
    due_at = invoice.due_at if state == "open" and not invoice.standing.is_overdue else None
    shard = zlib.crc32(invoice.organization.encode())
    return {
        **_standing_texts(write_standing(invoice.standing)),
        "status_key": status_key(state, shard % STATUS_SHARDS),
        "issued_at": microseconds(invoice.issued_at),
        "due_key": None if due_at is None else f"overdue#{shard % DUE_SHARDS}",
        "due_at": None if due_at is None else microseconds(due_at),
    }


def _standing_texts(text: str) -> dict[str, Any]:
    """Give the two attributes that hold a standing or a credit note: a long one is packed."""
    if len(text) <= STANDING_CHARS:
        return {"standing": text, "standing_packed": None}
    packed = zlib.compress(text.encode(), 9)
    if len(packed) > MOST_STANDING_BYTES:
        raise Conflict("The credit notes of this invoice would say more than can be kept of it: void it instead.")
    return {"standing": None, "standing_packed": packed}


def _standing_text(item: InvoicesItem) -> str:
    return item.standing or zlib.decompress(item.standing_packed).decode()


def standing_write(stored: StoredInvoice, changed: Invoice) -> Write:
    """Change the standing of an invoice, unless somebody else has since it was read."""
    assert changed.number is not None
    actions = [InvoicesItem.version.set(stored.version + 1)]
    for name, value in _changing(changed).items():
        attribute = getattr(InvoicesItem, name)
        actions.append(attribute.remove() if value is None else attribute.set(value))
    return Update(
        model=InvoicesItem,
        keys=(changed.organization, _sort_key(changed.number)),
        actions=tuple(actions),
        condition=InvoicesItem.version == stored.version,
    )


def find_invoice(ref: InvoiceRef) -> StoredInvoice | None:
    """Read a finalized invoice by its reference; ``None`` while it is a draft, or was never one."""
    number = read_records(ref.organization, [ref.name])[ref.name].numbers.get(ref.attempt)
    return None if number is None else get_invoice(ref.organization, number)


def get_invoice(organization: str, number: int) -> StoredInvoice:
    """Read a finalized invoice by its number, which some record names."""
    item = find(InvoicesItem, (organization, _sort_key(number)))
    if item is None:
        raise Busy("The invoice is being written; try again.")
    return _stored([item])[0]


def _stored(items: Sequence[InvoicesItem]) -> list[StoredInvoice]:
    return [_unpacked(item, packed) for item, packed in zip(items, _contents(items), strict=True)]


def _unpacked(item: InvoicesItem, packed: bytes) -> StoredInvoice:
    invoice = read_invoice(head=item.header, content=zlib.decompress(packed).decode(), standing=_standing_text(item))
    return StoredInvoice(invoice, int(item.version))


def _contents(items: Sequence[InvoicesItem]) -> list[bytes]:
    """Give the packed content of items, reading the pages of all of them together."""
    keys = [_page_keys(item) for item in items]
    flat = [key for each in keys for key in each]
    pages = iter(find_many(flat) if flat else ())
    joined = [_joined([next(pages) for _ in each]) for each in keys]
    return [packed or item.content for item, packed in zip(items, joined, strict=True)]


def _page_keys(item: InvoicesItem) -> list[ItemKey]:
    return [ItemKey(InvoicesItem, (item.pk, _page_key(item.page_id, place))) for place in range(int(item.pages or 0))]


def _joined(pages: Sequence[BaseModel | None]) -> bytes:
    found = [page.content for page in pages if isinstance(page, InvoicesItem)]
    assert len(found) == len(pages), "pages are written before the item that names them and never deleted"
    return b"".join(found)


def list_invoices(organization: str, *, below: int | None) -> Iterator[StoredInvoice]:
    """Walk an organization's invoices, newest first, those with a number below ``below`` when it is given."""
    last = _sort_key(10**_NUMBER_DIGITS - 1 if below is None else below - 1)
    within = InvoicesItem.sk.between(_sort_key(0), last)
    for item in walk(Query(model=InvoicesItem, pk=organization, within=within, newest_first=True)):
        yield from _stored([item])


@dataclass(frozen=True, slots=True)
class Listed:
    """Where an invoice stands in the index of all organizations."""

    issued_micros: int
    organization: str
    sort_key: str


def status_key(state: str, shard: int) -> str:
    """Name a part of the index of all organizations."""
    return f"{state}#{shard}"


def list_by_state(part: str, *, bounds: tuple[int, int], limit: int, after: Listed | None) -> list[Listed]:
    """List invoices of all organizations in one part of the index, newest first: eventually consistent, keys alone.

    ``bounds`` are the first and the end of when they were issued, in microseconds.
    """
    first, end = bounds
    query = Query(
        model=InvoicesItem,
        pk=part,
        within=InvoicesItem.issued_at.between(first, end - 1),
        index="by_status",
        newest_first=True,
    )
    page = list_page(query, limit=limit, after=None if after is None else _index_key(part, after))
    return [Listed(int(item.issued_at), item.pk, item.sk) for item in page.items]


def _index_key(part: str, at: Listed) -> Key:
    return {
        "status_key": {"S": part},
        "issued_at": {"N": str(at.issued_micros)},
        "pk": {"S": at.organization},
        "sk": {"S": at.sort_key},
    }


def read_listed(listed: Sequence[Listed]) -> list[StoredInvoice]:
    """Read the invoices that an index listed, in its order."""
    found = find_many([ItemKey(InvoicesItem, (one.organization, one.sort_key)) for one in listed])
    return _stored([item for item in found if isinstance(item, InvoicesItem)])


def list_overdue(now: datetime, *, shard: int) -> Iterator[tuple[str, int]]:
    """List organization and number of invoices of a shard that became overdue by ``now``: eventually consistent."""
    within = InvoicesItem.due_at <= microseconds(now)
    for item in walk(Query(model=InvoicesItem, pk=f"overdue#{shard}", within=within, index="due")):
        yield item.pk, int(item.sk.partition("#")[2])


def credit_note_write(organization: str, note: CreditNote, invoice_number: int) -> Write:
    """Store a credit note, with the number of its invoice."""
    header = strict_json.dump({"invoice_number": invoice_number})
    texts = _standing_texts(write_credit_note(note))
    item = InvoicesItem(organization, _note_key(note.number), header=header, **texts)
    return Put(item=item, condition=InvoicesItem.pk.does_not_exist())


def find_credit_note(organization: str, number: int) -> tuple[CreditNote, int] | None:
    """Read a credit note and the number of its invoice."""
    item = find(InvoicesItem, (organization, _note_key(number)))
    if item is None:
        return None
    return read_credit_note(_standing_text(item)), json.loads(item.header)["invoice_number"]


def _note_key(number: int) -> str:
    return f"cn#{number:0{_NUMBER_DIGITS}}"
