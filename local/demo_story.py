"""What befalls the demo's customers beyond usage, day by day: credit of every kind, invoices by hand, corrections.

A step has its instant, told from the beginning or the end of the first past, and the domain clock shows it when the
step is taken. Steps from before the beginning are left out. What was done already is not done again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.shared.time import format_instant
from local import demo, demo_acts
from local.demo import Asks
from local.demo_billing import FORGOTTEN_ITEM
from local.demo_usage import Past

ACME, NORDLICHT = "acme-ai", "nordlicht"
_MIGRATION, _PARTNER, _BATCH_JOB = "Storage migration credit", "Partner promotion", "batch job bt-2210"
_WORKSHOP, _SUPPORT, _ENGINEER = "Onboarding workshop", "Fine-tuning support", "Dedicated support engineer"
_OUTAGE = {"charge": "inference", "at_most": "120.00", "reason": "Inference was down for three hours"}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done at an instant."""

    at: datetime
    take: Callable[[Asks], None]


def steps(first: Past) -> list[Step]:
    """List what happens in the first past that the demo lives through, in order of time."""
    told = [*_grants(first.end), *_credit_by_hand(first.end), *_sales(first.end), *_monthly_invoices(first)]
    told += _corrections(first)
    return sorted((step for step in told if first.start < step.at <= first.end), key=lambda step: step.at)


def _grants(end: datetime) -> Iterator[Step]:
    def on(days_before_end: int) -> str:
        return format_instant(end - timedelta(days=days_before_end))

    def granted(days_before_end: int, organization: str, name: str, amount: str, **terms: Any) -> Step:
        return Step(
            end - timedelta(days=days_before_end),
            lambda operator: demo_acts.grant(operator, organization, {"name": name, "amount": amount} | terms),
        )

    evaluations, training, storage = ({"charges": [charge]} for charge in ("evaluations", "training", "storage"))
    yield granted(97, NORDLICHT, "Trial credit", "200", priority=10, expires_at=on(70))
    yield granted(95, ACME, "Evaluation pilot", "250", priority=30, applies_to=evaluations, expires_at=on(45))
    yield granted(88, ACME, _MIGRATION, "900", applies_to=storage, expires_at=on(12))
    commitment = {"priority": 20, "cost_basis": "0.85", "applies_to": training, "expires_at": on(-240)}
    yield granted(62, ACME, "Training commitment", "24000", **commitment)
    yield granted(60, ACME, _PARTNER, "800", priority=70, expires_at=on(-30))
    allowance = {"priority": 30, "applies_to": evaluations, "recurrence": {"every": "month"}}
    yield granted(44, ACME, "Evaluation allowance", "40", **allowance)
    yield granted(33, NORDLICHT, "Research stipend", "600", expires_at=on(-60))
    yield granted(24, ACME, "Prepaid balance", "5000", cost_basis="0.9", expires_at=on(-160))
    yield granted(10, ACME, "Conference voucher", "1500", priority=60, expires_at=on(-9))
    yield granted(6, ACME, "Renewal bonus", "3000", effective_at=on(-21), expires_at=on(-200))


def _credit_by_hand(end: datetime) -> Iterator[Step]:
    def at(days_before_end: int) -> datetime:
        return end - timedelta(days=days_before_end)

    yield Step(
        at(57),
        lambda operator: demo_acts.void_grant(operator, ACME, name=_PARTNER, reason="Granted to the wrong partner"),
    )
    yield Step(at(30), lambda operator: demo_acts.hold(operator, ACME, ("120", _BATCH_JOB, 3)))
    yield Step(at(29), lambda operator: demo_acts.release(operator, ACME, _BATCH_JOB))
    yield Step(at(20), lambda operator: demo_acts.extend(operator, ACME, _MIGRATION, at(-45)))
    yield Step(at(1), lambda operator: demo_acts.hold(operator, ACME, ("250", "fine-tuning job ft-7314", 20)))


def _sales(end: datetime) -> Iterator[Step]:
    def sold(days_before_end: int, organization: str, item: tuple[str, str, str], net_days: int = 30) -> Step:
        name, quantity, unit_price = item
        line = {"name": name, "quantity": quantity, "unit_price": unit_price}
        return Step(
            end - timedelta(days=days_before_end),
            lambda operator: demo_acts.sell(operator, organization, line, net_days),
        )

    yield sold(70, ACME, (_WORKSHOP, "2", "1200"))
    yield Step(
        end - timedelta(days=51),
        lambda operator: demo_acts.return_payment(operator, ACME, item=_WORKSHOP, reason="Returned by the bank"),
    )
    yield sold(50, ACME, (FORGOTTEN_ITEM, "1", "1800"), 14)
    yield sold(35, ACME, (_SUPPORT, "3", "180"))
    yield Step(
        end - timedelta(days=34),
        lambda operator: demo_acts.void_sale(operator, ACME, item=_SUPPORT, reason="Ordered twice"),
    )
    yield sold(6, ACME, (_ENGINEER, "2", "1450"))
    yield sold(4, NORDLICHT, ("Model evaluation report", "1", "900"), 14)
    yield Step(
        end - timedelta(days=3),
        lambda operator: demo_acts.pay_a_part(operator, ACME, item=_ENGINEER, amount="1500"),
    )


def _monthly_invoices(first: Past) -> Iterator[Step]:
    wrong = _month_after(first.start, 1)
    yield Step(
        wrong + timedelta(days=4, hours=10),
        lambda operator: demo_acts.bill_anew(operator, NORDLICHT, wrong, "The purchase order was missing"),
    )
    noted = _month_after(first.start, 2)
    yield Step(
        noted + timedelta(days=19, hours=10), lambda operator: demo_acts.take_back(operator, ACME, noted, _OUTAGE)
    )


def _corrections(first: Past) -> Iterator[Step]:
    yield Step(
        first.end - timedelta(days=60),
        lambda operator: operator.require("POST", f"/v1/meters/{demo.ARCHIVED_METER}/archive"),
    )
    yield Step(first.end - timedelta(days=1), lambda operator: demo_acts.correct_events(operator, first, range(9, 17)))


def _month_after(start: datetime, months: int) -> datetime:
    month = start.year * 12 + start.month - 1 + months
    return start.replace(year=month // 12, month=month % 12 + 1, day=1, hour=0, minute=0, second=0)
