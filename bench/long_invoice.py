"""An invoice of a thousand lines: one charge that prices a thousand models, each used on every day of the month."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from bench.billing import JANUARY, JANUARY_DUE, LAST_QUARTER, NOW, Figures, bill_due, get_invoice, ref_of, shown
from bench.customers import publish_plan, subscribe
from bench.sizes import item_bytes
from bench.store import Meter, open_store
from bench.workload import ORGANIZATION, JsonEvent, create_meters, create_organization, events, send
from chalicelib.invoices import commands, invoice_service
from chalicelib.invoices.tables import InvoicesItem
from chalicelib.platform.answers import Answer
from chalicelib.platform.reads import Query, walk
from chalicelib.platform.writes import Effect, run_command
from chalicelib.shared.time import ONE_DAY
from chalicelib.usage.rollup import roll_up

_METER = "busy_ms"
_MOST_ITEMS = 25


def measure_long_invoice(lines: int = 1000, days: int = 31) -> Figures:
    """Measure the draft, its finalization and reading the invoice; ``days`` are those with usage."""
    with open_store() as meter:
        create_organization()
        create_meters((_METER,))
        prices = {_model(place): {"model": "per_unit", "unit_price": "0.0001"} for place in range(lines)}
        by_model = {"dimension": "model", "prices": prices}
        charge = {"key": "models", "name": "Models", "type": "usage", "meter": _METER, "prices_by": by_model}
        publish_plan("long", [charge], JANUARY)
        subscribe("long", JANUARY)
        for day in range(days):
            send(_every_model(lines, JANUARY + day * ONE_DAY), LAST_QUARTER)
        roll_up(lambda: LAST_QUARTER, has_time=lambda: True)
        return _measured(meter, lines)


def _model(place: int) -> str:
    return f"model-{place:04}"


def _every_model(lines: int, start: datetime) -> list[JsonEvent]:
    return [{**one, "data": {**one["data"], "model": _model(place)}} for place, one in enumerate(events(lines, start))]


def _pay() -> Effect:
    paid = commands.pay(ref_of(0), Decimal(1), paid_at=None, reference="bench", now=JANUARY_DUE)
    return Effect(Answer(), paid.writes)


def _by_kind(items: Iterable[InvoicesItem]) -> Iterator[tuple[str, Iterable[InvoicesItem]]]:
    """Group the items of an organization, which are in the order of their sort keys, by what they are."""
    return itertools.groupby(items, key=lambda one: str(one.sk.partition("#")[0]))


def _measured(meter: Meter, lines: int) -> Figures:
    with meter.bill() as draft:
        assert len(invoice_service.get_current_draft(ORGANIZATION, NOW).content.lines) == lines
    with meter.bill() as finalized:
        bill_due(JANUARY_DUE)
    with meter.bill() as read:
        stored = len(get_invoice(0, JANUARY_DUE).content.lines)
    with meter.bill() as paid:
        run_command(_pay)
    items = list(walk(Query(model=InvoicesItem, pk=ORGANIZATION)))
    return {
        "lines": stored,
        "draft": shown(draft),
        "finalized": shown(finalized),
        "read": shown(read),
        "payment": shown(paid),
        "item_bytes": {kind: [item_bytes(one.serialize()) for one in some] for kind, some in _by_kind(items)},
        "targets": {"lines": lines, "items": _MOST_ITEMS},
        "pass": stored == lines and finalized.items <= _MOST_ITEMS,
    }
