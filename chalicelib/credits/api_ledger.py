"""An organization's credit over HTTP: what it comes to, the ledger's entries, and whether the ledger is sound."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.credits import service
from chalicelib.credits.ledger import Entry, LedgerHead
from chalicelib.credits.models import Bound, CreditsAnswer, EntryList, LedgerQuery, VerifyAnswer, VerifyQuery
from chalicelib.credits.service import Recorded, VerifyPlace
from chalicelib.credits.summary import Summary, summarize
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.errors import Fault, InvalidInput
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant, local_day_start, zone_of

routes = Routes("credits")

_AMOUNTS = (
    *("allocated", "consumed", "pending", "expired", "voided", "held", "remaining"),
    *("scheduled", "unbooked", "ledger_balance"),
)


@routes.get("/v1/organizations/{org}/credits", roles={READ}, answers={200: CreditsAnswer}, problems=("not-found",))
def get_credits(request: Request) -> Answer:
    """Sum up an organization's credit as it is now."""
    organization = catalog_service.get_organization(request.path["org"])
    read = service.read_wallet(organization.id, currency=organization.currency, now=request.now)
    return Answer(_show_summary(summarize(read, request.now), organization.currency, request.now))


def _show_summary(summary: Summary, currency: str, now: datetime) -> dict[str, Any]:
    return {
        **{name: show_money(getattr(summary, f"{name}_minor"), currency) for name in _AMOUNTS},
        "expiring_soon": [
            {
                "grant": one.grant,
                "amount": show_money(one.amount_minor, currency),
                "expires_at": format_instant(one.expires_at),
            }
            for one in summary.expiring_soon
        ],
        "depletes_on": None if summary.depletes_on is None else summary.depletes_on.isoformat(),
        "as_of": format_instant(now),
    }


@routes.get(
    "/v1/organizations/{org}/credits/ledger",
    roles={READ},
    query=LedgerQuery,
    answers={200: EntryList},
    problems=("not-found",),
)
def list_ledger(request: Request) -> Answer:
    """List ledger entries, newest first, those recorded in a range of time. A page may be short or empty."""
    organization = catalog_service.get_organization(request.path["org"])
    recorded = _range(request.query, organization)
    entries, place = service.list_entries(
        organization.id, recorded, before=request.position(), limit=request.query.limit
    )
    return request.list_answer([show_entry(entry, organization.currency) for entry in entries], place)


def _range(query: LedgerQuery, organization: Organization) -> Recorded:
    zone = zone_of(organization.timezone)
    start, end = _instant(query.from_, zone), _instant(query.to, zone)
    if start is not None and end is not None and start >= end:
        raise InvalidInput("The range is empty.", [Fault("/query/to", "must lie after from")])
    return Recorded(start, end)


def _instant(bound: Bound | None, zone: ZoneInfo) -> datetime | None:
    return bound if bound is None or isinstance(bound, datetime) else local_day_start(bound, zone)


def show_entry(entry: Entry, currency: str) -> dict[str, Any]:
    """Show a ledger entry as JSON; ``by_day`` only when it has one."""
    shown = {
        "seq": entry.seq,
        "kind": entry.kind.value,
        "grant": entry.grant,
        "amount": show_money(entry.amount_minor, currency),
        "balance": show_money(entry.balance_minor, currency),
        "effective_at": format_instant(entry.effective_at),
        "recorded_at": format_instant(entry.recorded_at),
        "invoice": entry.invoice,
        "note": entry.note,
        "hash": entry.hash,
        "previous_hash": entry.previous_hash,
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
    """Check that the ledger is whole and unchanged, a part at a time: each entry, the chain, and where it ends."""
    organization = catalog_service.get_organization(request.path["org"])
    page = service.verify_ledger(organization.id, _place_at(request.position()))
    checked = page.verification.checked
    return Answer(
        {
            "entries": checked.seq,
            "valid": page.verification.is_valid,
            "first_invalid_seq": page.verification.first_invalid_seq,
            "head_hash": page.head.hash if page.head.seq else None,
            "checked_to": checked.seq,
            "next_cursor": request.list_answer([], _position(page.place)).json_value()["next_cursor"],
        }
    )


def _position(place: VerifyPlace | None) -> list[Any] | None:
    if place is None:
        return None
    return [place.checked.seq, place.checked.hash, place.checked.balance_minor, place.after_item]


def _place_at(position: list[Any] | None) -> VerifyPlace:
    return VerifyPlace() if position is None else VerifyPlace(LedgerHead(*position[:3]), position[3])
