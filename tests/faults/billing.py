"""What billing does in a world: plans, subscriptions, invoices and credit, through the app's own services and jobs.

``USAGE`` and ``DEARER`` are two versions of a plan without fees, ``SEATS`` charges a fee of 7.00 a week in advance
beside the same usage. Weeks begin on Mondays, are billed twelve hours after their end, and take late usage for five
days. At noon of the world, a Thursday, the week before is due.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from chalicelib.catalog import plan_service, subscription_service
from chalicelib.catalog import service as catalog_service
from chalicelib.catalog import store as catalog_store
from chalicelib.catalog.meters import Aggregation
from chalicelib.catalog.organizations import TaxRate
from chalicelib.catalog.settings import BillingSettings
from chalicelib.catalog.subscription_changes import NewSubscription
from chalicelib.catalog.subscriptions import Subscription
from chalicelib.catalog.subscriptions_store import shard_of as catalog_shard_of
from chalicelib.credits import service as credits_service
from chalicelib.credits import wallet
from chalicelib.credits.grants import Grant
from chalicelib.credits.tables import HeadItem
from chalicelib.credits.voiding import void as void_grant
from chalicelib.credits.wallet import Wallet
from chalicelib.invoices import billing_run, commands, invoice_service, store, subscribing, voiding
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.invoices.commands import Done, OneOffLine
from chalicelib.invoices.crediting import WantedNote, issue_credit_note
from chalicelib.invoices.invoice import CreditTo, Invoice
from chalicelib.invoices.numbering import InvoiceKind, InvoiceRef, find_invoice_ref
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import settles_at
from chalicelib.invoices.subscribing import Subscribed, Target
from chalicelib.platform.answers import Answer
from chalicelib.platform.writes import Effect, Write, commit, run_command
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.money import show_money
from tests.faults.billing_checks import Billed, check_billing, read_billed
from tests.faults.explore import ACKNOWLEDGED
from tests.faults.naive import Books, Received
from tests.faults.naive_billing import A_WEEK, Prices, fees_minor, usage_minor
from tests.faults.schedules import Actor, Stage
from tests.faults.store import Item
from tests.faults.tap import Call, Reply, Rule, Send
from tests.faults.world import ACME, NOON, World, always, event, fresh_process

AN_HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
WEEK_BEFORE = MONDAY - A_WEEK
LATE_DAYS = 5
SUBSCRIPTION, DUE, CURRENT = f"sub_{ACME}.1", f"inv_{ACME}.1p0.0", f"inv_{ACME}.1p1.0"

CHEAP = Prices(unit=Fraction(3), bound=10, below=Fraction(5, 2), above=Fraction(1, 4))
DEAR = Prices(unit=Fraction(4), bound=100, below=Fraction(7), above=Fraction(3, 8))


def plan_body(prices: Prices, *recurring: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
    """Write a plan as a client sends it; without a ``key`` as another version."""
    tiers = [
        {"up_to": str(prices.bound), "unit_price": _dollars(prices.below)},
        {"up_to": None, "unit_price": _dollars(prices.above)},
    ]
    usage = {"type": "usage", "meter": "sum"}
    return {
        **({} if key is None else {"key": key}),
        "name": "Plan",
        "currency": "USD",
        "billing_period": "week",
        "grace_hours": 12,
        "net_days": 1,
        "charges": [
            {**usage, "key": "units", "name": "Units", "model": "per_unit", "unit_price": _dollars(prices.unit)},
            {**usage, "key": "tiers", "name": "Tiers", "model": "graduated", "tiers": tiers},
            *recurring,
        ],
    }


def _dollars(cents: Fraction) -> str:
    exact = Fraction(Decimal(cents.numerator) / Decimal(cents.denominator) / 100)
    assert exact == cents / 100, "a price is a decimal"
    return f"{Decimal(cents.numerator) / Decimal(cents.denominator) / 100:f}"


SEAT = {"type": "recurring", "key": "seat", "name": "Seat", "amount": "7", "timing": "advance", "prorate": True}
USAGE, DEARER, SEATS = ("usage", 1), ("usage", 2), ("seats", 1)
PRICES = {USAGE: CHEAP, DEARER: DEAR, SEATS: replace(CHEAP, fee=700)}


def prepare(world: World) -> None:
    """Open a subscription with some usage, all of it rolled up: of last week, which is due, and of this one."""
    prepare_empty(world)
    subscribe(world)
    at(world, NOON)
    world.received(event("before", MONDAY - timedelta(hours=30), v=4**1), event("this", MONDAY + AN_HOUR, v=4**2))
    world.roll_up()


def prepare_empty(world: World) -> None:
    """Create an organization, a meter and the plans, and set how late an event may come, a week ago."""
    world.organization(ACME, tax_rates=(TaxRate("VAT", Decimal(19)),))
    world.meter(Aggregation.SUM)
    world.count_past()
    at(world, WEEK_BEFORE)
    commit(catalog_store.settings_writes(BillingSettings(late_limit_days=LATE_DAYS), None))
    _publish("usage", 1, plan_body(CHEAP))
    _publish("usage", 2, plan_body(DEAR))
    _publish("seats", 1, plan_body(CHEAP, SEAT))
    world.takes_history = False


def _publish(key: str, version: int, body: dict[str, Any]) -> None:
    commit(plan_service.version_writes(plan_service.new_version(body, key=key, version=version, now=WEEK_BEFORE)))


def at(world: World, now: datetime) -> None:
    """Set a world's clock."""
    world.now = now
    clock.set(now)


def run(decide: Callable[[], tuple[Write, ...]]) -> None:
    """Run a command as a route does: again when somebody else wrote first."""

    def effect() -> Effect:
        return Effect(Answer(), decide())

    run_command(effect)


def subscribe(world: World, plan: tuple[str, int] = USAGE, *, start: datetime | None = None) -> None:
    """Subscribe, and note it in the books."""
    start_at = start or world.now

    def decide() -> tuple[Write, ...]:
        billing = open_billing(ACME, world.now)
        terms, read = subscribing.find_terms(*plan, None)
        wanted = NewSubscription(organization=billing.organization, plan=read, terms=terms, start_at=start_at)
        return subscribing.subscribe(billing, wanted).writes

    run(decide)
    world.sales.subscribe(ACME, PRICES[plan], start_at)


def target(world: World, subscription: str = SUBSCRIPTION) -> Target:
    """Name a subscription to a command."""
    return Target(subscription, world.now)


def change(world: World, plan: tuple[str, int] = DEARER, *, subscription: str = SUBSCRIPTION) -> None:
    """Change the plan now."""
    _command(lambda: subscribing.change(target(world, subscription), *plan, at="now"))
    world.sales.change(ACME, PRICES[plan], world.now)


def cancel(world: World, *, subscription: str = SUBSCRIPTION, at: Literal["now", "period_end"] = "now") -> None:
    """Cancel now, or at the end of the period."""
    ended = _command(lambda: subscribing.end(target(world, subscription), at=at))
    assert ended.end_at is not None
    world.sales.stop(ACME, ended.end_at)


def _command(decide: Callable[[], Subscribed]) -> Subscription:
    done: list[Subscription] = []

    def writes() -> tuple[Write, ...]:
        decided = decide()
        done[:] = [decided.subscription]
        return decided.writes

    run(writes)
    return done[0]


def bill(world: World) -> None:
    """Close what is due of the one organization, as a run that has listed it does."""
    billing_run.bill_organization(ACME, world.now, always)


def bill_everything(world: World) -> billing_run.BillingReport:
    """Run the schedule over the shards that have organizations: what is due is closed, what is overdue is marked."""
    shards = sorted({catalog_shard_of(name) for name in world.organizations})
    due = [name for shard in shards for name in subscription_service.list_due(world.now, shard=shard)]
    report = billing_run.bill_all(due, world.now, always)
    assert not report.failed, report
    for shard in shards:
        for organization, number in store.list_overdue(world.now, shard=shard):
            report += billing_run._mark(organization, number, world.now)
    return report


def mark_overdue(world: World) -> None:
    """Mark the invoice of last week as overdue, as a run that has listed it does."""
    billing_run._mark(ACME, 1, world.now)


def due(invoice: str) -> str:
    """Tell what is due on an invoice, in dollars."""
    stored = store.find_invoice(ref_of(invoice))
    assert stored is not None
    return show_money(stored.invoice.due_minor, "USD")


def ref_of(invoice: str) -> InvoiceRef:
    """Read an invoice's id."""
    found = find_invoice_ref(invoice)
    assert found is not None
    return found


def finalize(world: World, invoice: str = DUE) -> None:
    """Finalize by hand."""
    _do(lambda: commands.finalize(ref_of(invoice), world.now))


def _do(decide: Callable[[], Done]) -> Invoice:
    done: list[Invoice] = []

    def writes() -> tuple[Write, ...]:
        decided = decide()
        done[:] = [decided.invoice]
        return decided.writes

    run(writes)
    return done[0]


def read_invoice(world: World, invoice: str = DUE) -> None:
    """Read an invoice or its draft."""
    invoice_service.get_invoice(ref_of(invoice), world.now)


def pay(world: World, amount: str, *, reference: str, invoice: str = DUE) -> None:
    """Add a payment."""
    _do(lambda: commands.pay(ref_of(invoice), Decimal(amount), paid_at=None, reference=reference, now=world.now))
    world.sales.paid.append((invoice, reference))


def void(world: World, *, regenerate: bool = False, invoice: str = DUE) -> None:
    """Void an invoice; without ``regenerate`` the usage of its period is given away."""
    voided = _do(lambda: voiding.void(ref_of(invoice), "wrong", regenerate=regenerate, now=world.now))
    if not regenerate and ref_of(invoice).kind is InvoiceKind.PERIOD:
        period = voided.content.period
        world.sales.waived.append((ACME, period.start_at, period.end_at))


def credit(
    world: World, amount: str, *, invoice: str = DUE, line: str = "usage-units", to: CreditTo = CreditTo.CREDIT
) -> None:
    """Issue a credit note on a line, that of units unless another is said."""
    wanted = WantedNote([(line, Decimal(amount))], "too much", to)
    run(lambda: issue_credit_note(ref_of(invoice), wanted, world.now).writes)


def sell_once(world: World) -> None:
    """Issue a one-off invoice."""
    line = OneOffLine("Setup", Decimal(2), Decimal("12.5"))
    _do(lambda: commands.issue_one_off(ACME, [line], net_days=1, now=world.now))


def grant(world: World, amount_minor: int = 500, **terms: Any) -> None:
    """Give credit; ``terms`` are those of a grant."""

    def decide() -> tuple[Write, ...]:
        before = read_wallet(world)
        given = {"name": "Welcome", "effective_at": world.now, "created_at": world.now, **terms}
        made = Grant(id=f"gr_{sort_ids.next(clock.real_ns())}", amount_minor=amount_minor, **given)
        writes, _ = credits_service.grant_writes(before, [made], recorded_at=world.now)
        return writes

    run(decide)


def read_wallet(world: World) -> Wallet:
    """Read the credit of the one organization."""
    return credits_service.read_wallet(ACME, currency="USD", now=world.now)


def void_grants(world: World) -> None:
    """Void every grant; what drafts may still claim stays until they are finalized."""

    def decide() -> tuple[Write, ...]:
        read = DraftClaims().read(ACME, world.now)
        before = after = read.claims.wallet
        for one in before.allocations:
            after = void_grant(replace(read.claims, wallet=after), one, reason="over", now=world.now)
        return (*credits_service.wallet_writes(before, after), *read.checks)

    run(decide)


def let_grants_expire(world: World, *, lasts: timedelta = 2 * A_WEEK) -> None:
    """Give every grant an end, two weeks on unless something else is said."""

    def decide() -> tuple[Write, ...]:
        before = after = read_wallet(world)
        for one in before.allocations:
            after = wallet.change_expiry(after, one, expires_at=world.now + lasts, recorded_at=world.now)
        return credits_service.wallet_writes(before, after)

    run(decide)


def close_the_books(world: World) -> None:
    """Go on until everything that was used has settled: three weeks on, when nothing can come any more."""
    this_monday = MONDAY + (world.now - MONDAY) // A_WEEK * A_WEEK
    at(world, this_monday + 3 * A_WEEK + timedelta(hours=13))
    fresh_process()
    world.roll_up()
    world.count_past()
    bill_everything(world)


def check_settled(world: World) -> None:
    """Check what holds at any moment; go on until nothing can come any more; assert that all usage was billed once."""
    for organization in world.organizations:
        check_billing(organization)
    close_the_books(world)
    for organization in world.organizations:
        check_billing(organization)
        _check_sums(world, organization)


def check_idle(world: World) -> None:
    """Assert that jobs which have nothing to do write nothing."""
    before = world.store.keep()
    bill_everything(world)
    world.roll_up()
    assert world.store.keep() == before


def _check_sums(world: World, organization: str) -> None:
    billed = read_billed(organization)
    if billed is None:
        return
    assert len(billed.subscriptions.subscriptions) == world.sales.subscribed
    kept = {(one.id, payment.reference) for one in billed.invoices for payment in one.standing.payments}
    assert set(world.sales.paid) == kept, f"{kept} are kept of {world.sales.paid}"
    meter = catalog_service.meter_catalog().meters["sum"]
    this_monday = MONDAY + (world.now - MONDAY) // A_WEEK * A_WEEK
    used_minor = usage_minor(world.books, world.sales, meter, organization=organization, until=this_monday)
    billed_minor = _billed_minor(world, billed)
    most_minor = used_minor + billed.noted_minor(fees=False)
    assert used_minor <= billed_minor <= most_minor, f"{billed_minor} billed for usage worth {used_minor}"
    due_minor = fees_minor(world.sales, organization=organization, until=this_monday + A_WEEK)
    most_minor = due_minor + billed.noted_minor(fees=True)
    assert due_minor <= billed.fees_minor() <= most_minor, f"{billed.fees_minor()} billed for fees of {due_minor}"
    for one in billed.subscriptions.subscriptions:
        late = [period.number for period in one.progress.settling if settles_at(period) <= world.now]
        assert not late, f"{one.id} has periods that never settle: {late}"
        assert not one.progress.reopened
        assert not one.progress.advance_missing


def check_moment(world: World) -> None:
    """Check what holds at any moment, and go on until nothing can come any more."""
    for organization in world.organizations:
        check_billing(organization)
    close_the_books(world)
    for organization in world.organizations:
        check_billing(organization)


def _billed_minor(world: World, billed: Billed) -> int:
    """Add up what was billed for usage that was not given away; late usage may have been billed before that."""
    spans = [(line.service_period, line.net_minor) for line in billed.usage_lines()]
    gave_away = world.sales.gave_away
    return sum(minor for span, minor in spans if not gave_away(billed.organization, span.start_at, span.end_at))


def doing(world: World, act: Callable[..., None], **options: Any) -> Actor:
    """Do something in a world."""

    def actor(stage: Stage) -> None:
        act(world, **options)

    return actor


def naming_the_ledger(world: World) -> Rule:
    """Assert of every invoice, when it is stored, that it names the ledger's head of that moment."""

    def rule(call: Call, send: Send) -> Reply:
        reply = send(call.request)
        if call.operation == "TransactWriteItems":
            for one in call.request["TransactItems"]:
                item = one.get("Put", {}).get("Item")
                if item is not None and item["sk"]["S"].startswith("inv#"):
                    assert _named_head(item) == _stored_head(world, item["pk"]["S"])
        return reply

    return rule


def _named_head(item: Item) -> tuple[int, str] | None:
    named = json.loads(item["header"]["S"]).get("ledger_head")
    return None if named is None else (named["seq"], named["hash"])


def _stored_head(world: World, organization: str) -> tuple[int, str] | None:
    head = world.store.contents()[HeadItem.Meta.table_name].get(organization, {}).get("head")
    return None if head is None else (int(head["seq"]["N"]), head["hash"]["S"])


def ask_for_drafts(world: World, late: Received) -> Actor:
    """Read the drafts: with the invoices they must come to what was acknowledged before, or is on its way."""

    def actor(stage: Stage) -> None:
        stage.point(ACKNOWLEDGED, writes=False)
        known = Books(list(world.books.events), set(world.books.voided), dict(world.books.amended))
        drafts = open_billing(ACME, world.now).drafts()
        lines = [line for draft in drafts for line in draft.invoice.content.lines]
        stored = read_billed(ACME)
        assert stored is not None
        shown_minor = _billed_minor(world, stored) + sum(line.net_minor for line in lines)
        meter = catalog_service.meter_catalog().meters["sum"]
        more = Books([*known.events, late], known.voided, known.amended)
        right = {usage_minor(books, world.sales, meter, organization=ACME, until=world.now) for books in (known, more)}
        assert shown_minor in right, f"{shown_minor} shown of {right}"

    return actor
