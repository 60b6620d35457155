"""What holds and the settling of credits do in a world, and what must be true of holds whatever happened before."""

from datetime import timedelta

from chalicelib.credits import claim_service, hold_service, hold_store
from chalicelib.credits.holding import HoldTerms
from chalicelib.credits.holds import Hold, HoldStatus
from chalicelib.credits.settle_service import settle_wallet
from chalicelib.credits.wallet import assert_sound, caught_up
from chalicelib.invoices.claiming import DraftClaims
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Conflict
from chalicelib.shared.ids import sort_ids
from tests.faults import billing
from tests.faults.world import ACME, World, always

AN_HOUR = timedelta(hours=1)


def open_to_holds(world: World, *, lasts: timedelta | None = None) -> None:
    """Give 5.00 of credit, which ends after some time if one is said, and let commands know the drafts."""
    claim_service.use_claims_source(DraftClaims())
    billing.grant(world)
    if lasts is not None:
        (grant,) = billing.read_wallet(world).allocations
        billing.let_grants_expire(world, lasts=lasts)
        assert billing.read_wallet(world).allocations[grant].grant.expires_at == world.now + lasts


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
    found, _ = hold_store.list_holds(ACME, None, ended_until=clock.now(), before=None, limit=200)
    return found


def release(world: World) -> None:
    """Release the hold that ends last."""
    found = holds()
    if not found:
        raise Conflict("There is no hold.")
    billing.run(lambda: hold_service.release(ACME, hold=found[0].id, now=world.now).writes)


def settle(world: World) -> None:
    """Settle the credit, as a run that has listed it does."""
    settle_wallet(ACME, world.now, always)


def check_holds(world: World) -> None:
    """Assert that what grants hold is what open holds hold, grant by grant."""
    one = caught_up(billing.read_wallet(world), world.now)
    assert_sound(one)
    held: dict[str, int] = {}
    for each in holds():
        if each.status(world.now, holds_until=one.head.holds_until) is HoldStatus.OPEN:
            for part in each.parts:
                held[part.grant] = held.get(part.grant, 0) + part.amount_minor
    kept = {name: each.balance.held_minor for name, each in one.allocations.items() if each.balance.held_minor}
    assert kept == held, f"{kept} is kept for {held}"


def check_credit(world: World) -> None:
    """Check holds; go on until nothing can come any more; assert that nothing is held, ended unbooked, or due."""
    check_holds(world)
    billing.check_settled(world)
    settle(world)
    one = billing.read_wallet(world)
    assert one.head.totals.held_minor == 0
    ended = [each for each in one.allocations.values() if each.grant.has_ended(world.now)]
    assert all(each.left_minor == 0 for each in ended), f"{ended}"
    before = world.store.keep()
    settle(world)
    assert world.store.keep() == before
