"""Very many organizations at the end of a period, each with a subscription of its own and with rolled up usage."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from bench.customers import Charge, publish_plan
from bench.workload import NOON, create_meters, events, pack_one
from chalicelib.catalog import plan_service, subscriptions_store
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.organizations import Organization
from chalicelib.catalog.plans import Plan
from chalicelib.catalog.subscription_changes import NewSubscription, new_subscription
from chalicelib.catalog.subscriptions import Subscriptions, Terms
from chalicelib.invoices.progress import Plans, next_due
from chalicelib.platform.reads import write_batch
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.writes import Put
from chalicelib.shared.time import ONE_DAY
from chalicelib.usage.counters import Counters, encode
from chalicelib.usage.counters_store import Kind, day_stretch
from chalicelib.usage.fold import fold
from chalicelib.usage.tables import CountersItem

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
# The end of January and the day of grace, with an hour more.
DUE = datetime(2026, 2, 2, 1, tzinfo=UTC)
_PLAN = "crowd"
_METER = "calls"
_DAYS = 3
# Organizations differ in how much they use: so many events on each of these days, in turn.
_USES = tuple(range(10, 900, 45))
_PRICES = (Fraction("0.02"), Fraction("0.01"))
_BOUND = 1000
_FEE_MINOR = 1000


def create_crowd(ids: Sequence[str]) -> None:
    """Create organizations that subscribed on 1 January and used something on three days since."""
    create_meters((_METER,))
    publish_plan(_PLAN, [_usage_charge(), _fee()], BEGUN)
    catalog_service.create_unknown(ids, BEGUN)
    write_batch(list(_items(ids)))


def _usage_charge() -> Charge:
    tiers = [{"up_to": str(_BOUND), "unit_price": "0.02"}, {"up_to": None, "unit_price": "0.01"}]
    return {"key": _METER, "name": "Calls", "type": "usage", "meter": _METER, "model": "graduated", "tiers": tiers}


def _fee() -> Charge:
    return {"key": "base", "name": "Base fee", "type": "recurring", "amount": "10", "timing": "arrears"}


def total_minor(place: int) -> int:
    """Tell what the invoice of the organization at a place must come to, by arithmetic of its own."""
    quantity = _USES[place % len(_USES)] * _DAYS
    usage = min(quantity, _BOUND) * _PRICES[0] + max(quantity - _BOUND, 0) * _PRICES[1]
    # Both prices are whole cents, so nothing is rounded.
    return int(usage * 100) + _FEE_MINOR


def _items(ids: Sequence[str]) -> Iterator[BaseModel]:
    terms = Terms(_PLAN, 1)
    plan = plan_service.effective_plan(terms)
    used = [_counted(events_a_day) for events_a_day in _USES]
    for place, one in enumerate(ids):
        yield _subscriptions_item(one, terms, plan)
        yield from _day_items(one, *used[place % len(_USES)])


def _subscriptions_item(organization: str, terms: Terms, plan: Plan) -> BaseModel:
    """Make what subscribing would have stored."""
    made = Organization(id=organization, name=organization, currency="USD", timezone="UTC", created_at=BEGUN)
    wanted = NewSubscription(organization=made, plan=plan, terms=terms)
    nothing = Subscriptions(organization=organization, version=0, subscriptions=())
    one = new_subscription(nothing, wanted, late_limit_days=35, now=BEGUN)
    due_at = next_due([one], Plans([(terms, plan)]), BEGUN)
    write = subscriptions_store.replace_write(
        replace(nothing, version=1, subscriptions=(one,)), version_read=0, due_at=due_at
    )
    assert isinstance(write, Put)
    return write.item


def _counted(events_a_day: int) -> tuple[Counters, bytes]:
    catalog = catalog_service.meter_catalog()
    counters = fold([pack_one(events(events_a_day, NOON))], catalog)
    return counters, encode(counters, catalog)


def _day_items(organization: str, counters: Counters, blob: bytes) -> Iterator[BaseModel]:
    """Make what the rollup would have stored, with as many items a call as a batch takes."""
    for day in range(_DAYS):
        stretch = day_stretch(organization, Kind.DAY, (BEGUN + (2 + 9 * day) * ONE_DAY).date())
        yield CountersItem(
            organization,
            stretch.sort_key,
            segments=counters.segments,
            definitions=counters.definitions,
            blob=blob,
        )
