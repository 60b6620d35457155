"""The billing run at the end of a period: very many organizations, each billed once, whatever happens to messages.

The run fires twice before any message is received. Its messages, two for every organization then, are delivered in an
order of chance from two threads; one delivery in a hundred crashes and comes again.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from bench.crowd import DUE, create_crowd, total_minor
from bench.deliveries import Deliveries, Event
from bench.on_paper import million_organizations
from bench.store import Meter, open_store
from chalicelib.invoices import jobs, store
from chalicelib.invoices.store import Listed
from chalicelib.platform import together
from chalicelib.platform.reads import find_many
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock

Figures = dict[str, Any]
Messages = list[str]
MOST_WRITE_UNITS = 30
THREADS = 2
# Of closing a period, its transaction too: measured where reads are made side by side (``billing.py``).
ROUND_TRIPS = 4
FIRST_INVOICE = "inv#000000001"
_A_BATCH = 100


def measure_period_end(organizations: int = 10_000, *, alone: int = 250, crash_every: int = 100) -> Figures:
    """Bill organizations by messages that come twice and crash, and first some by messages that come once.

    ``alone`` of them come once: their figures are those of a quiet day.
    """
    ids = [f"customer-{place:07}" for place in range(organizations + alone)]
    with open_store() as meter, _set_clock(), patch.object(together, "run_all", together.in_turn):
        create_crowd(ids)
        quiet = _quiet(meter, ids[:alone])
        crowded = _crowded(meter, organizations, crash_every)
        faults = list(_wrong_invoices(ids))
        left = _fire()
    everyone = not faults and not left
    return {
        "organizations": organizations,
        "every_one_billed_once_and_right": everyone,
        **({} if everyone else {"faults": faults[:10], "left": len(left)}),
        "quiet": quiet,
        "on_paper_1000000_organizations": million_organizations(
            quiet["per_invoice"], round_trips=ROUND_TRIPS, a_message=jobs.A_MESSAGE
        ),
        "twice_with_crashes": crowded,
        "pass": everyone and quiet["per_invoice"]["write_units"] <= MOST_WRITE_UNITS,
    }


@contextlib.contextmanager
def _set_clock() -> Iterator[None]:
    clock.set(DUE)
    try:
        yield
    finally:
        clock.set(None)


@contextlib.contextmanager
def _queue() -> Iterator[Messages]:
    """Give the job a queue, and catch what it sends there."""
    sent: Messages = []

    def send(_url: str, bodies: Sequence[Any]) -> None:
        sent.extend(map(json.dumps, bodies))

    with_queue = replace(settings, billing_queue_url="bench")
    with patch.object(jobs, "settings", with_queue), patch.object(jobs, "send_messages", send):
        yield sent


def _fire() -> Messages:
    """Let the schedule fire once; answers the messages it sent."""
    with _queue() as sent:
        jobs.run_billing(Event())
    return sent


def _messages(ids: Sequence[str]) -> Messages:
    groups = [ids[at : at + jobs.A_MESSAGE] for at in range(0, len(ids), jobs.A_MESSAGE)]
    return [json.dumps({"organizations": group}) for group in groups]


def _deliver_once(messages: Messages) -> None:
    for body in messages:
        jobs.bill_organizations(Event([SimpleNamespace(body=body)]))


def _quiet(meter: Meter, ids: Sequence[str]) -> Figures:
    """Bill some organizations by messages that come once; then see what it costs that each comes again."""
    first = _costs(meter, lambda: _deliver_once(_messages(ids)), invoices=len(ids))
    again = _costs(meter, lambda: _deliver_once(_messages(ids)), invoices=len(ids))
    return {"invoices": len(ids), "per_invoice": first, "per_organization_once_more": again}


def _costs(meter: Meter, act: Callable[[], object], *, invoices: int) -> Figures:
    """Measure what something costs for each of some invoices; CPU is the app's own, without the engine's."""
    started = time.process_time()
    with meter.bill() as bill:
        act()
    cpu_s = time.process_time() - started - bill.engine_cpu_s
    return {
        "read_units": round(bill.read_units / invoices, 2),
        "write_units": round(bill.write_units / invoices, 2),
        "calls": round(bill.calls / invoices, 2),
        "cpu_ms": round(cpu_s * 1000 / invoices, 2),
        "lost_races": round(bill.cancelled / invoices, 4),
    }


def _crowded(meter: Meter, organizations: int, crash_every: int) -> Figures:
    """Let the schedule fire twice, then deliver what came of it."""
    started, messages = time.perf_counter(), Messages()
    firing = _costs(meter, lambda: messages.extend([*_fire(), *_fire()]), invoices=organizations)
    assert len(messages) == 2 * -(-organizations // jobs.A_MESSAGE), "each firing names everyone"
    deliveries = Deliveries(messages, jobs.bill_organizations, crash_every=crash_every)
    billing = _costs(meter, lambda: deliveries.run(THREADS), invoices=organizations)
    return {
        "messages": len(messages),
        "deliveries": deliveries.delivered.times,
        "crashes": deliveries.delivered.crashes,
        "invocations_per_invoice": round(deliveries.delivered.times / organizations, 3),
        "per_invoice": billing,
        "firing_per_invoice": firing,
        "wall_s": round(time.perf_counter() - started, 1),
    }


def _wrong_invoices(ids: Sequence[str]) -> Iterator[str]:
    """Name each organization that has not exactly the one invoice it must have."""
    for start in range(0, len(ids), _A_BATCH):
        some = ids[start : start + _A_BATCH]
        heads = find_many([store.head_key(one) for one in some])
        stored = store.read_listed([Listed(0, one, FIRST_INVOICE) for one in some])
        found = {one.invoice.organization: one.invoice for one in stored}
        for place, (one, head) in enumerate(zip(some, heads, strict=True), start=start):
            invoice = found.get(one)
            if store.head_of(one, head).next_number != 2 or invoice is None:
                yield f"{one} has not one invoice"
            elif (invoice.number, invoice.content.total_minor) != (1, total_minor(place)):
                yield f"{one} was billed {invoice.content.total_minor} and not {total_minor(place)}"
