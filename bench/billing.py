"""What billing costs one organization: drafts of ten charges in every state, and finalizing them.

The organization subscribed on 1 December; the period that is read and billed is January, with usage on every day.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.customers import PLAN, publish_plan, subscribe, ten_charges
from bench.on_paper import million_organizations
from bench.reads import REAL_EVENTS, fill_for_real
from bench.scaled import ScaledCounters
from bench.store import Bill, Meter, open_store
from bench.workload import METER_KEYS, ORGANIZATION, batches, create_meters, create_organization, events, send
from chalicelib.catalog import store as catalog_store
from chalicelib.catalog import subscription_service
from chalicelib.catalog.plan_memory_store import remembered_plans
from chalicelib.invoices import billing_run, invoice_service
from chalicelib.invoices.invoice import Invoice
from chalicelib.invoices.jobs import A_MESSAGE
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef
from chalicelib.shared.time import ONE_DAY, quarter_hour_of
from chalicelib.usage.rollup import roll_up

MOST_READ_UNITS = 30
MOST_ROUND_TRIPS = 4
MOST_WRITE_UNITS = 30
BEGUN = datetime(2025, 12, 1, tzinfo=UTC)
JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
# Ten minutes into the last quarter-hour of January, and after the grace of each period.
LAST_QUARTER = FEBRUARY - timedelta(minutes=15)
NOW = LAST_QUARTER + timedelta(minutes=10)
DECEMBER_DUE, JANUARY_DUE = JANUARY + timedelta(hours=25), FEBRUARY + timedelta(hours=25)

Figures = dict[str, Any]


def measure_billing(sizes: tuple[int, ...] = (REAL_EVENTS, 1_000_000, 10_000_000)) -> Figures:
    """Measure drafts and their finalization at some numbers of events, and estimate a million at the last of them."""
    found = {f"at_{size}_events": _measure(size) for size in sizes}
    finalized = found[f"at_{sizes[-1]}_events"]["finalized"]
    found["on_paper_1000000_organizations"] = million_organizations(
        finalized, round_trips=finalized["round_trips"], a_message=A_MESSAGE
    )
    return found


def _measure(size: int) -> Figures:
    with open_store() as meter:
        create_organization()
        create_meters()
        publish_plan(PLAN, ten_charges(), BEGUN)
        subscribe(PLAN, BEGUN)
        midnights = [BEGUN + day * ONE_DAY for day in range((FEBRUARY - BEGUN).days)]
        if size <= REAL_EVENTS:
            fill_for_real(size, midnights, LAST_QUARTER)
        else:
            ScaledCounters(size, midnights).fill(LAST_QUARTER)
        finalized = _closed(meter, number=0, now=DECEMBER_DUE)
        targets, passed = {"write_units": MOST_WRITE_UNITS}, finalized["write_units"] <= MOST_WRITE_UNITS
        return {
            **_drafts(meter),
            "finalized": {**finalized, "targets": targets, "pass": passed},
            "finalized_with_a_touched_closed_period": _closed(meter, number=1, now=JANUARY_DUE),
        }


def _drafts(meter: Meter) -> Figures:
    """Read the draft of January in every state that costs differently."""
    warm = _read_draft(meter)
    remembered_plans.forget()
    cold_plan = _read_draft(meter)
    catalog_store.forget_definitions()
    cold_process = _read_draft(meter)
    for half in batches(events(1000, LAST_QUARTER), 500):
        send(half, NOW)
    with_today_open = _read_draft(meter)
    roll_up(lambda: FEBRUARY, has_time=lambda: True)
    subscription_service.note_written(ORGANIZATION, [quarter_hour_of(JANUARY) - 1], now=NOW)
    return {
        "rolled_up": _judged(warm),
        "rolled_up_cold_plan": _judged(cold_plan),
        "rolled_up_cold_process": shown(cold_process),
        "with_today_open": shown(with_today_open),
        "with_a_touched_closed_period": shown(_read_draft(meter)),
    }


def _read_draft(meter: Meter) -> Bill:
    with meter.bill() as bill:
        draft = invoice_service.get_current_draft(ORGANIZATION, NOW)
    assert len(draft.content.lines) == len(METER_KEYS), "every charge has a line"
    return bill


def _judged(bill: Bill) -> Figures:
    """Show what a draft costs beside its targets."""
    targets = {"read_units": MOST_READ_UNITS, "round_trips": MOST_ROUND_TRIPS}
    passed = bill.read_units <= MOST_READ_UNITS and bill.round_trips <= MOST_ROUND_TRIPS
    return {**shown(bill), "targets": targets, "pass": passed}


def shown(bill: Bill) -> Figures:
    """Show what a read or a command costs; ``items`` are those of its transaction."""
    found: Figures = {"read_units": bill.read_units, "round_trips": bill.round_trips}
    return found | ({"write_units": bill.write_units, "items": bill.items} if bill.write_units else {})


def _closed(meter: Meter, *, number: int, now: datetime) -> Figures:
    """Close a period as the billing run does: with everything that it reads and writes for one organization."""
    started = time.process_time()
    with meter.bill() as bill:
        bill_due(now)
    cpu_s = time.process_time() - started - bill.engine_cpu_s
    assert len(get_invoice(number, now).content.lines) == len(METER_KEYS)
    return {**shown(bill), "calls": bill.calls, "cpu_ms": round(cpu_s * 1000, 1)}


def bill_due(now: datetime, organization: str = ORGANIZATION) -> None:
    """Close the one draft of an organization that is due."""
    report = billing_run.bill_organization(organization, now, lambda: True)
    assert report.finalized == 1, report


def ref_of(number: int, organization: str = ORGANIZATION) -> InvoiceRef:
    """Name the invoice of a period of an organization's one subscription."""
    return InvoiceRef(organization=organization, subscription=1, kind=InvoiceKind.PERIOD, number=number)


def get_invoice(number: int, now: datetime) -> Invoice:
    """Read the invoice of a period."""
    return invoice_service.get_invoice(ref_of(number), now)
