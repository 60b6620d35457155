"""What an organization's credit comes to, what lies ahead of it, what it paid: over HTTP and by direct invocation."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.credits import claim_service
from chalicelib.credits.balance_service import CreditBalance, list_paid, read_balance
from chalicelib.credits.models import (
    CreditBalanceQuestion,
    CreditsAnswer,
    CreditUsageList,
    CreditUsageQuery,
    ScheduleList,
    first_instant,
)
from chalicelib.credits.paid import Days, Paid, PaidKey, paid_key
from chalicelib.credits.schedule import Scheduled, ScheduleKey, list_ahead, schedule_key
from chalicelib.credits.summary import Expiring
from chalicelib.platform.direct import read_payload
from chalicelib.platform.entries import entry
from chalicelib.platform.http import READ, Answer, ListQuery, Request, Routes
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Fault, InvalidInput, RangeTooLarge
from chalicelib.shared.money import show_money
from chalicelib.shared.time import ONE_DAY, format_instant, local_day_of, zone_of

routes = Routes("credits")

DEFAULT_DAYS = 30
MAX_DAYS = 366
_AMOUNTS = (
    *("allocated", "consumed", "pending", "expired", "voided", "held", "remaining"),
    *("scheduled", "unbooked", "ledger_balance"),
)


@routes.get("/v1/organizations/{org}/credits", roles={READ}, answers={200: CreditsAnswer}, problems=("not-found",))
def get_credits(request: Request) -> Answer:
    """Sum up an organization's credit as it is now, less what its drafts draw."""
    return Answer(_show_balance(read_balance(request.path["org"], request.now), request.now))


@entry("credit_balance")
def credit_balance(payload: Any, context: Any) -> dict[str, Any]:
    """Sum up an organization's credit by direct invocation, guarded by IAM: ``{"organization": …}``.

    Answers what the route does; raises ``NotFound``.
    """
    del context
    question, now = read_payload(CreditBalanceQuestion, payload), clock.now()
    return _show_balance(read_balance(question.organization, now), now)


def _show_balance(balance: CreditBalance, now: datetime) -> dict[str, Any]:
    summary, currency = balance.summary, balance.organization.currency
    return {
        **{name: show_money(getattr(summary, f"{name}_minor"), currency) for name in _AMOUNTS},
        "expiring_soon": [_show_expiring(one, currency) for one in summary.expiring_soon],
        "depletes_on": None if balance.depletes_on is None else balance.depletes_on.isoformat(),
        "as_of": format_instant(now),
    }


def _show_expiring(one: Expiring, currency: str) -> dict[str, Any]:
    amount, expires_at = show_money(one.amount_minor, currency), format_instant(one.expires_at)
    return {"grant": one.grant, "amount": amount, "expires_at": expires_at}


@routes.get(
    "/v1/organizations/{org}/credits/schedule",
    roles={READ},
    query=ListQuery,
    answers={200: ScheduleList},
    problems=("not-found",),
)
def list_credit_schedule(request: Request) -> Answer:
    """List what lies ahead, soonest first: grants that begin, occurrences within 366 days, credit that expires."""
    read = claim_service.read_claims(request.path["org"], request.now)
    position, limit = request.position(), request.query.limit
    ahead = list_ahead(read.claims, request.now)
    rest = ahead if position is None else [one for one in ahead if schedule_key(one) > _schedule_key_at(position)]
    shown = [_show_scheduled(one, read.organization.currency) for one in rest[:limit]]
    return request.list_answer(shown, list(schedule_key(rest[limit - 1])) if len(rest) > limit else None)


def _schedule_key_at(position: list[Any]) -> ScheduleKey:
    micros, grant, kind = position
    return micros, grant, kind


def _show_scheduled(one: Scheduled, currency: str) -> dict[str, Any]:
    return {
        "at": format_instant(one.at),
        "kind": one.kind.value,
        "grant": one.grant,
        "amount": show_money(one.amount_minor, currency),
    }


@routes.get(
    "/v1/organizations/{org}/credits/usage",
    roles={READ},
    query=CreditUsageQuery,
    answers={200: CreditUsageList},
    problems=("not-found", "range-too-large"),
)
def list_credit_usage(request: Request) -> Answer:
    """List what each grant paid by local day and charge, newest day first; what drafts draw is pending.

    Without a range: the last 30 local days with today. An instant means the local day that holds it.
    """
    read = claim_service.read_claims(request.path["org"], request.now)
    days = _requested_days(request.query, zone_of(read.organization.timezone), request.now)
    position, limit = request.position(), request.query.limit
    paid = list_paid(read, days)
    rest = paid if position is None else [one for one in paid if paid_key(one) > _paid_key_at(position)]
    shown = [_show_paid(one, read.organization.currency) for one in rest[:limit]]
    return request.list_answer(shown, list(paid_key(rest[limit - 1])) if len(rest) > limit else None)


def _requested_days(query: CreditUsageQuery, zone: ZoneInfo, now: datetime) -> Days:
    """Work out the local days that hold a range of instants; raises ``InvalidInput`` when it is empty or too long."""
    tomorrow = local_day_of(now, zone) + ONE_DAY
    end_at = first_instant(tomorrow if query.to is None else query.to, zone)
    end = local_day_of(end_at - timedelta(microseconds=1), zone) + ONE_DAY
    if query.from_ is None:
        return Days(end - timedelta(days=DEFAULT_DAYS), end)
    start_at = first_instant(query.from_, zone)
    if start_at >= end_at:
        fault = Fault("/query/to", f"must lie after from, which is {format_instant(start_at)}")
        raise InvalidInput("The range is empty.", [fault])
    first = local_day_of(start_at, zone)
    if (end - first).days > MAX_DAYS:
        fault = Fault("/query/from", f"must lie at most {MAX_DAYS} days before to")
        raise RangeTooLarge(f"The range has more than {MAX_DAYS} days.", [fault])
    return Days(first, end)


def _paid_key_at(position: list[Any]) -> PaidKey:
    day, has_none, charge, grant, is_pending = position
    return day, has_none, charge, grant, is_pending


def _show_paid(one: Paid, currency: str) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "charge": one.charge,
        "grant": one.grant,
        "amount": show_money(one.amount_minor, currency),
        "pending": one.is_pending,
    }
