"""What commands on subscriptions and invoices cost, each with everything that it reads and writes."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from bench.billing import (
    BEGUN,
    DECEMBER_DUE,
    FEBRUARY,
    JANUARY_DUE,
    LAST_QUARTER,
    Figures,
    bill_due,
    get_invoice,
    ref_of,
    shown,
)
from bench.customers import PLAN, advance_fee, publish_plan, subscribe, ten_charges
from bench.scaled import ScaledCounters
from bench.store import Meter, open_store
from bench.workload import ORGANIZATION, create_meters, create_organization
from chalicelib.invoices import commands, voiding
from chalicelib.invoices.commands import OneOffLine
from chalicelib.invoices.crediting import WantedNote, issue_credit_note
from chalicelib.invoices.invoice import CreditTo
from chalicelib.platform.answers import Answer
from chalicelib.platform.writes import Effect, Write, run_command
from chalicelib.shared.time import ONE_DAY

_EVENTS = 1_000_000
_OTHER = "other"
_CENT = Decimal("0.01")


def measure_commands() -> Figures:
    """Measure subscribing, with and without a fee in advance, and the commands on invoices of ten lines."""
    with open_store() as meter:
        create_meters()
        create_organization()
        create_organization(_OTHER)
        publish_plan(PLAN, ten_charges(), BEGUN)
        publish_plan("fee", [advance_fee(), *ten_charges()], BEGUN)
        found = {
            "subscription": _measured(meter, lambda: subscribe(PLAN, BEGUN)),
            "subscription_with_an_advance_fee": _measured(meter, lambda: subscribe("fee", BEGUN, _OTHER)),
        }
        ScaledCounters(_EVENTS, [BEGUN + day * ONE_DAY for day in range((FEBRUARY - BEGUN).days)]).fill(LAST_QUARTER)
        bill_due(DECEMBER_DUE)
        bill_due(JANUARY_DUE)
        return found | {name: _measured(meter, _run(decide)) for name, decide in _on_invoices().items()}


def _measured(meter: Meter, act: Callable[[], None]) -> Figures:
    with meter.bill() as bill:
        act()
    return shown(bill)


def _run(decide: Callable[[], Sequence[Write]]) -> Callable[[], None]:
    def act() -> None:
        run_command(lambda: Effect(Answer(), tuple(decide())))

    return act


def _on_invoices() -> dict[str, Callable[[], Sequence[Write]]]:
    """Pay and credit the invoice of December, void that of January, and sell something once."""
    december, january, now = ref_of(0), ref_of(1), JANUARY_DUE
    line = get_invoice(0, now).content.lines[0]
    note = WantedNote([(line.id, _CENT)], "bench", CreditTo.CREDIT)
    sold = [OneOffLine("Setup", Decimal(1), Decimal(50))]
    return {
        "payment": lambda: commands.pay(december, _CENT, paid_at=None, reference="bench", now=now).writes,
        "credit_note": lambda: issue_credit_note(december, note, now).writes,
        "void": lambda: voiding.void(january, "bench", regenerate=True, now=now).writes,
        "one_off_invoice": lambda: commands.issue_one_off(ORGANIZATION, sold, net_days=30, now=now).writes,
    }
