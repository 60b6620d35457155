"""What credit does in a world: grants, holds, ends and voids, and the situations where they meet invoices.

Last week's invoice comes to 0.22, this week's to 0.75 so far; a fee of the plan with seats to a seventh of 7.00 a day.
"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from chalicelib.credits import hold_service, wallet
from chalicelib.credits import service as credits_service
from chalicelib.credits.grants import Grant, Scope
from chalicelib.credits.holding import HoldTerms
from chalicelib.credits.holds import Hold, HoldStatus
from chalicelib.credits.settle_service import settle_wallet
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.invoices.invoice import Invoice
from chalicelib.platform.writes import Write
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Conflict
from chalicelib.shared.ids import sort_ids
from tests.faults import billing
from tests.faults.billing import MONDAY, SEATS, WEEK_BEFORE
from tests.faults.billing_checks import read_billed
from tests.faults.credit_checks import read_holds
from tests.faults.schedules import Actor, Stage, acting
from tests.faults.tap import Call, Reply, Rule, Send
from tests.faults.world import ACME, NOON, World, always, beginning, event, go_back

AN_HOUR = timedelta(hours=1)
NEXT = f"inv_{ACME}.2p0.0"


def open_to_holds(world: World, *, lasts: timedelta | None = None) -> None:
    """Give 5.00 of credit, which ends after some time if one is said."""
    billing.grant(world)
    if lasts is not None:
        (grant,) = billing.read_wallet(world).allocations
        billing.let_grants_expire(world, lasts=lasts)
        assert billing.read_wallet(world).allocations[grant].grant.expires_at == world.now + lasts


def fund(world: World, cents: int, **terms: Any) -> None:
    """Give credit that pays for last week too; ``terms`` are those of a grant."""
    billing.grant(world, cents, **{"effective_at": WEEK_BEFORE, **terms})


def two_drafts(world: World, cents: int) -> None:
    """Leave the drafts of two subscriptions, of 0.75 and 0.88, that both may be finalized and share one grant."""
    billing.bill(world)
    billing.cancel(world)
    billing.at(world, NOON + AN_HOUR)
    billing.subscribe(world)
    world.received(event("second", NOON + AN_HOUR, v=20))
    world.roll_up()
    fund(world, cents)
    billing.at(world, MONDAY + timedelta(days=7))


def take_usage_back(world: World) -> None:
    """Void last week's event after it was billed: the draft of this week gives back what grants had paid."""
    gone = world.books.events[0]
    world.void(gone)
    world.books.voided.add((ACME, gone.identity))
    world.roll_up()


def owe_credit(world: World, cents: int = 300) -> None:
    """Leave this week's draft due, which gives back what grants paid for last week, and draws for this one."""
    fund(world, cents)
    billing.bill(world)
    take_usage_back(world)
    billing.at(world, MONDAY + timedelta(days=7, hours=13))


def pay_a_fee(world: World, cents: int = 1000) -> None:
    """Leave a plan with a fee, which credit has paid, an hour before now."""
    billing.bill(world)
    fund(world, cents, applies_to=Scope.ALL)
    billing.change(world, SEATS)
    billing.at(world, world.now + AN_HOUR)


def skip_a_paid_week(world: World) -> None:
    """Leave a period due in which nothing was used, and whose fee credit paid in advance."""
    pay_a_fee(world)
    billing.cancel(world, at="period_end")
    billing.at(world, NOON + 13 * AN_HOUR)
    billing.bill(world)
    billing.at(world, MONDAY + timedelta(days=7, hours=13))


def bill_without_credit(world: World, cents: int, **terms: Any) -> None:
    """Bill last week, then give credit that would have paid for it."""
    billing.bill(world)
    fund(world, cents, **terms)


def bill_late_usage(world: World) -> str:
    """Bill last week without credit, and usage of it on the next invoice with credit; names its line."""
    bill_without_credit(world, 1000)
    world.received(event("late", MONDAY - timedelta(hours=20), v=4**3))
    world.roll_up()
    billing.at(world, MONDAY + timedelta(days=7, hours=13))
    billing.bill(world)
    return "late-1p0-units"


def fee_line() -> tuple[str, str]:
    """Find the one line of a fee: its invoice and its id."""
    billed = read_billed(ACME)
    assert billed is not None
    lines = [(one.id, line.id) for one in billed.invoices for line in one.content.lines if line.charge == "seat"]
    (found,) = lines
    return found


def hold(world: World, *, cents: int = 300) -> None:
    """Hold some of the credit for an hour."""
    billing.run(
        lambda: (
            hold_service.make_hold(
                ACME,
                HoldTerms(amount_minor=cents, lasts=AN_HOUR, reference="job", sort_id=sort_ids.next(clock.real_ns())),
                now=world.now,
            ).writes
        )
    )


def holds() -> list[Hold]:
    """Read all holds, the latest end first."""
    return read_holds(ACME, clock.now())


def release(world: World) -> None:
    """Release the hold that ends last."""
    found = holds()
    if not found:
        raise Conflict("There is no hold.")
    billing.run(lambda: hold_service.release(ACME, hold=found[0].id, now=world.now).writes)


def end_grants(world: World) -> None:
    """Let every grant expire now."""

    def decide() -> tuple[Write, ...]:
        read = DraftClaims().read(ACME, world.now)
        before = after = read.claims.wallet
        for one in before.allocations:
            after = wallet.change_expiry(after, one, expires_at=world.now, recorded_at=world.now)
        return (*credits_service.wallet_writes(before, after), *read.checks)

    billing.run(decide)


def settle(world: World) -> None:
    """Settle the credit, as a run that has listed it does."""
    settle_wallet(ACME, world.now, always)


def outcome(world: World) -> tuple[object, ...]:
    """Tell what came of some commands, without what names things: invoices, grants in their order, open holds."""
    billed = read_billed(ACME)
    one = wallet.caught_up(billing.read_wallet(world), world.now)
    names = {name: place for place, name in enumerate(sorted(one.allocations, key=lambda each: _terms(one, each)))}
    until = one.head.holds_until
    return (
        tuple(sorted(_shown(invoice, names) for invoice in (() if billed is None else billed.invoices))),
        tuple((_terms(one, name), str(one.allocations[name].balance)) for name in names),
        tuple(sorted(each.amount_minor for each in holds() if each.status(world.now, holds_until=until) is _OPEN)),
    )


def one_by_one(world: World, actors: Mapping[str, Actor], refused: tuple[type[Exception], ...]) -> dict[str, Any]:
    """Make the options of ``explore`` that compare each schedule with doing the same one by one.

    The order is that in which the actors wrote, the last time each; who wrote nothing may have come anywhere.
    """
    start = beginning(world)
    right: dict[tuple[str, ...], tuple[object, ...]] = {}
    for order in itertools.permutations(actors):
        go_back(world, start)
        for name in order:
            with suppress(*refused):
                actors[name](Stage(world.store.tap, {}))
        right[order] = outcome(world)
    go_back(world, start)
    wrote: list[str] = []

    def make_rule() -> Rule:
        wrote.clear()

        def rule(call: Call, send: Send) -> Reply:
            reply = send(call.request)
            if call.writes:
                wrote.append(acting())
            return reply

        return rule

    def check(after: World) -> None:
        found, last = outcome(after), {name: place for place, name in enumerate(wrote)}
        wanted = [came for order, came in right.items() if _agree(order, last)]
        assert found in wanted, f"{found} after {wrote} is none of {wanted}"
        check_all_settled(after)

    return {"rule": make_rule, "check": check}


def _agree(order: Sequence[str], last: Mapping[str, int]) -> bool:
    places = [last[name] for name in order if name in last]
    return places == sorted(places)


_OPEN = HoldStatus.OPEN


def _terms(one: wallet.Wallet, name: str) -> str:
    grant: Grant = one.allocations[name].grant
    return f"{grant.name} {grant.amount_minor} {grant.effective_at} {grant.end_at} {one.allocations[name].balance}"


def _shown(invoice: Invoice, names: dict[str, int]) -> str:
    lines = [(line.id, line.net_minor, _paid(line.credits, names)) for line in invoice.content.lines]
    notes = [
        [(each.line, _paid(each.reversed, names)) for each in note.lines] for note in invoice.standing.credit_notes
    ]
    return str((invoice.id, invoice.status, invoice.due_minor, lines, notes))


def _paid(moved: Sequence[Any], names: dict[str, int]) -> list[tuple[int, int]]:
    return [(names[each.grant], each.amount_minor) for each in moved]


def check_all_settled(world: World) -> None:
    """Go on until nothing can come any more; assert that nothing is held, ended unbooked, or due."""
    billing.check_settled(world)
    check_credit_settled(world)


def check_credit_settled(world: World) -> None:
    """Settle, and assert that no hold or end is left to be booked, and that settling again writes nothing."""
    settle(world)
    one = billing.read_wallet(world)
    opened = {part.grant for each in holds() if each.expires_at > world.now for part in each.parts}
    kept = {name for name, each in one.allocations.items() if each.balance.held_minor}
    assert kept <= opened, f"{kept} is held"
    claimed = DraftClaims().read_claimants(ACME, world.now).claims
    ended = [each for each in one.allocations.values() if each.grant.has_ended(world.now)]
    left = [each for each in ended if each.left_minor and not claimed.holders(each.grant)]
    assert not left, f"{left}"
    before = world.store.keep()
    settle(world)
    assert world.store.keep() == before
