"""An organization's ledger over HTTP: its entries, what drafts are about to add to it, and whether it is sound."""

from datetime import datetime
from typing import Any

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import claim_service, service, verify_service
from chalicelib.credits.audit import Audit
from chalicelib.credits.ledger import Entry, EntryDraft, LedgerHead
from chalicelib.credits.models import EntryList, LedgerQuery, VerifyAnswer, VerifyQuery, first_instant
from chalicelib.credits.pending import pending_entries, pending_key
from chalicelib.credits.service import Recorded
from chalicelib.credits.verify_service import VerifyPlace
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.errors import Fault, InvalidInput
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant, zone_of

routes = Routes("credits")


@routes.get(
    "/v1/organizations/{org}/credits/ledger",
    roles={READ},
    query=LedgerQuery,
    answers={200: EntryList},
    problems=("not-found",),
)
def list_ledger(request: Request) -> Answer:
    """List ledger entries, newest first, those recorded in a range of time. A page may be short or empty.

    With ``include_pending`` what drafts draw comes before all of them, when the range holds the present.
    """
    organization = catalog_service.get_organization(request.path["org"])
    recorded, position, limit = _range(request.query, organization), request.position(), request.query.limit
    pending: list[EntryDraft] = []
    if request.query.include_pending and recorded.holds(request.now):
        pending = _pending_after(position, organization, request.now)
    shown = [show_pending(entry, organization.currency) for entry in pending[:limit]]
    if len(shown) == limit:
        return request.list_answer(shown, list(pending_key(pending[limit - 1])))
    before = position if isinstance(position, int) else None
    entries, place = service.list_entries(organization.id, recorded, before=before, limit=limit - len(shown))
    return request.list_answer([*shown, *(show_entry(entry, organization.currency) for entry in entries)], place)


def _pending_after(position: Any, organization: Organization, now: datetime) -> list[EntryDraft]:
    """List pending entries from a position on: the key of one, or the seq of an entry, behind which there are none."""
    if isinstance(position, int):
        return []
    read = claim_service.read_claims(organization.id, now)
    pending = pending_entries(read.claims, zone=zone_of(organization.timezone), now=now)
    return pending if position is None else [entry for entry in pending if pending_key(entry) > tuple(position)]


def _range(query: LedgerQuery, organization: Organization) -> Recorded:
    zone = zone_of(organization.timezone)
    start, end = (None if bound is None else first_instant(bound, zone) for bound in (query.from_, query.to))
    if start is not None and end is not None and start >= end:
        raise InvalidInput("The range is empty.", [Fault("/query/to", "must lie after from")])
    return Recorded(start, end)


def show_entry(entry: Entry, currency: str) -> dict[str, Any]:
    """Show a ledger entry as JSON; ``by_day`` only when it has one."""
    booked = {
        "seq": entry.seq,
        "balance": show_money(entry.balance_minor, currency),
        "recorded_at": format_instant(entry.recorded_at),
        "hash": entry.hash,
        "previous_hash": entry.previous_hash,
        "pending": False,
    }
    return {**_show_movement(entry, currency), **booked}


def show_pending(entry: EntryDraft, currency: str) -> dict[str, Any]:
    """Show what a draft draws like an entry that has no place in the ledger."""
    unbooked = dict.fromkeys(("seq", "balance", "recorded_at", "hash", "previous_hash"))
    return {**_show_movement(entry, currency), **unbooked, "pending": True}


def _show_movement(entry: EntryDraft, currency: str) -> dict[str, Any]:
    shown = {
        "kind": entry.kind.value,
        "grant": entry.grant,
        "amount": show_money(entry.amount_minor, currency),
        "effective_at": format_instant(entry.effective_at),
        "invoice": entry.invoice,
        "note": entry.note,
    }
    if entry.by_day is None:
        return shown
    by_day = {day.isoformat(): show_money(minor, currency) for day, minor in sorted(entry.by_day.items())}
    return {**shown, "by_day": by_day}


@routes.get(
    "/v1/organizations/{org}/credits/verify",
    roles={READ},
    query=VerifyQuery,
    answers={200: VerifyAnswer},
    problems=("not-found",),
)
def verify_ledger(request: Request) -> Answer:
    """Check that the ledger is whole and unchanged, a part at a time.

    Each entry, the chain, what invoices noted of it, where it ends, and at the end every balance from the entries.
    """
    organization = catalog_service.get_organization(request.path["org"])
    page = verify_service.verify_ledger(organization.id, _place_at(request.position()))
    found = page.verification
    return Answer(
        {
            "entries": found.checked.seq,
            "valid": found.is_valid,
            "first_invalid_seq": found.first_invalid_seq,
            "wrong": None if found.wrong is None else found.wrong.value,
            "wrong_invoice": found.invoice,
            "wrong_grants": list(found.grants),
            "head_hash": page.head.hash if page.head.seq else None,
            "checked_to": found.checked.seq,
            "next_cursor": request.list_answer([], _position(page.place)).json_value()["next_cursor"],
        }
    )


def _position(place: VerifyPlace | None) -> list[Any] | None:
    if place is None:
        return None
    checked, audit = place.checked, place.audit
    return [
        *(checked.seq, checked.hash, checked.balance_minor),
        *(place.after_item, place.taken, place.after_head),
        *(list(audit.sums), list(audit.fingerprints)),
    ]


def _place_at(position: list[Any] | None) -> VerifyPlace:
    if position is None:
        return VerifyPlace()
    seq, own, balance_minor, after_item, taken, after_head, sums, fingerprints = position
    return VerifyPlace(
        LedgerHead(seq, own, balance_minor),
        after_item,
        taken,
        after_head=after_head,
        audit=Audit(tuple(sums), tuple(fingerprints)),
    )
