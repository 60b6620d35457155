"""Records of what was billed as JSON text, as they are stored, and back: exact, defaults left out."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices.invoice import Interval, PlanVersion
from chalicelib.invoices.period_record import Billed, BilledFee, Billing, PeriodRecord, PeriodState
from chalicelib.shared import strict_json
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant, parse_instant

_Stored = dict[str, Any]


def write_record(record: PeriodRecord) -> str:
    """Write a record; its name is its key."""
    period, until, plan = record.period, record.late_usage_until, record.plan
    stored = {
        "state": record.state.value,
        "plan": None if plan is None else [plan.key, plan.version],
        "period": None if period is None else [format_instant(period.start_at), format_instant(period.end_at)],
        "late_usage_until": None if until is None else format_instant(until),
        "numbers": {str(attempt): number for attempt, number in sorted(record.numbers.items())},
        "reads": {str(attempt): read_id for attempt, read_id in sorted(record.reads.items())},
        "own": None if record.own is None else _billing(record.own),
        "late": [_billing(one) for one in record.late],
        "advance": {key: _fee(fee) for key, fee in sorted(record.advance.items())},
    }
    return strict_json.dump({name: value for name, value in stored.items() if value not in (None, [], {})})


def read_record(text: str, *, name: str) -> PeriodRecord:
    """Read what ``write_record`` wrote."""
    stored: _Stored = json.loads(text)
    period, until, own = stored.get("period"), stored.get("late_usage_until"), stored.get("own")
    plan = stored.get("plan")
    return PeriodRecord(
        name=name,
        state=PeriodState(stored["state"]),
        plan=None if plan is None else PlanVersion(*plan),
        period=None if period is None else Interval(parse_instant(period[0]), parse_instant(period[1])),
        late_usage_until=None if until is None else parse_instant(until),
        numbers={int(attempt): number for attempt, number in stored.get("numbers", {}).items()},
        reads={int(attempt): read_id for attempt, read_id in stored.get("reads", {}).items()},
        own=None if own is None else _read_billing(own),
        late=tuple(_read_billing(one) for one in stored.get("late", ())),
        advance={key: _read_fee(fee) for key, fee in stored.get("advance", {}).items()},
    )


def _billing(billing: Billing) -> _Stored:
    return {
        "invoice": billing.invoice,
        "number": billing.number,
        "read": billing.read_id,
        "amounts": {key: _billed(one) for key, one in sorted(billing.amounts.items())},
    }


def _read_billing(stored: _Stored) -> Billing:
    return Billing(
        invoice=stored["invoice"],
        number=stored["number"],
        read_id=stored["read"],
        amounts={key: _read_billed(one) for key, one in stored["amounts"].items()},
    )


def _billed(billed: Billed) -> list[Any]:
    return [
        billed.net_minor,
        show_decimal(billed.quantity),
        _days(billed.by_day),
        *_drawn(billed.drawn, billed.noted_minor),
    ]


def _drawn(drawn: Sequence[Drawn], noted_minor: int) -> list[Any]:
    """Write drawdowns, and what notes took back, where there are any."""
    rows = [[one.grant, one.day.isoformat(), one.amount_minor] for one in drawn]
    return [rows, noted_minor] if noted_minor else [rows] if rows else []


def _read_drawn(stored: list[Any]) -> tuple[Drawn, ...]:
    rows = stored[0] if stored else []
    return tuple(Drawn(grant, date.fromisoformat(day), minor) for grant, day, minor in rows)


def _days(days: Mapping[date, Decimal]) -> dict[str, str]:
    return {day.isoformat(): show_decimal(quantity) for day, quantity in sorted(days.items())}


def _read_billed(stored: list[Any]) -> Billed:
    days = {date.fromisoformat(day): Decimal(quantity) for day, quantity in stored[2].items()}
    return Billed(stored[0], Decimal(stored[1]), days, _read_drawn(stored[3:]), _read_noted(stored[3:]))


def _fee(fee: BilledFee) -> list[Any]:
    return [fee.invoice, fee.line, fee.net_minor, *_drawn(fee.drawn, fee.noted_minor)]


def _read_noted(stored: list[Any]) -> int:
    return stored[1] if len(stored) > 1 else 0


def _read_fee(stored: list[Any]) -> BilledFee:
    invoice, line, net_minor, *rest = stored
    return BilledFee(
        invoice=invoice, line=line, net_minor=net_minor, drawn=_read_drawn(rest), noted_minor=_read_noted(rest)
    )
