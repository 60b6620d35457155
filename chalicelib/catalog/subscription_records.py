"""All subscriptions of an organization as one JSON text, as it is stored, and back: exact.

A reader takes what it knows: fields that a later release adds are passed over, and those that an earlier one did not
write have their defaults. Instants are microseconds since 1970. In overrides a whole number is an ``int`` and any other
stays its literal (``JsonNumber``); prices are text there.
"""

import json
from datetime import datetime
from typing import Any

from chalicelib.catalog.subscriptions import (
    BillingProgress,
    Payment,
    Phase,
    ReopenedPeriod,
    Run,
    SettlingPeriod,
    Subscription,
    Subscriptions,
    Terms,
)
from chalicelib.shared import strict_json
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.time import instant_of, microseconds

Stored = dict[str, Any]


def write_subscriptions(subscriptions: Subscriptions) -> str:
    """Write the subscriptions of an organization; its id and the version are kept beside the text."""
    return strict_json.dump({"subscriptions": [_written(one) for one in subscriptions.subscriptions]})


def read_subscriptions(text: str, *, organization: str, version: int) -> Subscriptions:
    """Read what ``write_subscriptions`` wrote, by this release or another."""
    stored = json.loads(text, parse_float=JsonNumber)["subscriptions"]
    read = tuple(_read(one, organization) for one in stored)
    return Subscriptions(organization=organization, version=version, subscriptions=read)


def _written(one: Subscription) -> Stored:
    return {
        "number": one.number,
        "timezone": one.timezone,
        "start": microseconds(one.start_at),
        "trial_end": _micros(one.trial_end_at),
        "end": _micros(one.end_at),
        "metered_from": one.metered_from,
        "runs": [_written_run(run) for run in one.runs],
        "payment": one.payment.value,
        "spend_cap": one.spend_cap_minor,
        "created": microseconds(one.created_at),
        "progress": _written_progress(one.progress),
    }


def _read(stored: Stored, organization: str) -> Subscription:
    return Subscription(
        organization=organization,
        number=stored["number"],
        timezone=stored["timezone"],
        start_at=instant_of(stored["start"]),
        trial_end_at=_instant(stored.get("trial_end")),
        end_at=_instant(stored.get("end")),
        metered_from=stored["metered_from"],
        runs=tuple(_read_run(run) for run in stored["runs"]),
        payment=Payment(stored.get("payment", Payment.POSTPAID)),
        spend_cap_minor=stored.get("spend_cap"),
        created_at=instant_of(stored["created"]),
        progress=_read_progress(stored.get("progress", {})),
    )


def _written_run(run: Run) -> Stored:
    return {
        "start": microseconds(run.start_at),
        "unit": run.unit.value,
        "anchor": run.anchor.value,
        "first_period": run.first_period,
        "phases": [_written_phase(phase) for phase in run.phases],
    }


def _read_run(stored: Stored) -> Run:
    return Run(
        start_at=instant_of(stored["start"]),
        unit=PeriodUnit(stored["unit"]),
        anchor=Anchor(stored["anchor"]),
        first_period=stored["first_period"],
        phases=tuple(_read_phase(phase) for phase in stored["phases"]),
    )


def _written_phase(phase: Phase) -> Stored:
    terms = phase.terms
    written: Stored = {"start": microseconds(phase.start_at), "plan": terms.plan, "version": terms.version}
    return written | ({"overrides": dict(terms.overrides)} if terms.overrides else {})


def _read_phase(stored: Stored) -> Phase:
    return Phase(instant_of(stored["start"]), Terms(stored["plan"], stored["version"], stored.get("overrides", {})))


def _written_progress(progress: BillingProgress) -> Stored:
    return {
        "next_period": progress.next_period,
        "advance_until": progress.advance_until,
        "advance_missing": list(progress.advance_missing),
        "settling": [
            {
                "number": one.number,
                "start": one.start,
                "end": one.end,
                "late_usage_until": microseconds(one.late_usage_until),
                "touched": one.touched,
                "waived": one.waived,
            }
            for one in progress.settling
        ],
        "reopened": [
            {"number": one.number, "attempt": one.attempt, "finalizes": microseconds(one.finalizes_at)}
            for one in progress.reopened
        ],
        "late_invoices": progress.late_invoices,
    }


def _read_progress(stored: Stored) -> BillingProgress:
    return BillingProgress(
        next_period=stored.get("next_period", 0),
        advance_until=stored.get("advance_until", 0),
        advance_missing=tuple(stored.get("advance_missing", ())),
        settling=tuple(_read_settling(one) for one in stored.get("settling", ())),
        reopened=tuple(
            ReopenedPeriod(number=one["number"], attempt=one["attempt"], finalizes_at=instant_of(one["finalizes"]))
            for one in stored.get("reopened", ())
        ),
        late_invoices=stored.get("late_invoices", 0),
    )


def _read_settling(stored: Stored) -> SettlingPeriod:
    return SettlingPeriod(
        number=stored["number"],
        start=stored["start"],
        end=stored["end"],
        late_usage_until=instant_of(stored["late_usage_until"]),
        touched=stored.get("touched", False),
        waived=stored.get("waived", False),
    )


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else microseconds(instant)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant_of(micros)
