"""Reads what an authorization rests on: the drafts as they are now, and what remains of the credit they leave."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from chalicelib.catalog.plans import UsageCharge
from chalicelib.catalog.subscription_answers import find_subscription_at
from chalicelib.catalog.subscriptions import Subscription
from chalicelib.catalog.timeline import current_terms, find_period_at
from chalicelib.credits.claims import Claims
from chalicelib.credits.grants import Allocation
from chalicelib.invoices.authorization import (
    Authorization,
    Estimate,
    Metered,
    Refusal,
    Terms,
    decide,
    estimate,
    needed_dimensions,
    priced_now,
    spent_minor,
)
from chalicelib.invoices.claiming import claims_of
from chalicelib.invoices.draft import Draft
from chalicelib.invoices.opening import open_billing
from chalicelib.invoices.progress import period_ref
from chalicelib.invoices.reader import Billing
from chalicelib.shared.errors import Fault, InvalidInput, pointer_of
from chalicelib.shared.money import to_minor
from chalicelib.shared.time import quarter_hour_of
from chalicelib.shared.values import dataclass

# In a trial, and of a meter that nothing prices.
_FREE = Estimate(None, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """An authorization with the currency of its amounts."""

    authorization: Authorization
    currency: str


def authorize(organization: str, wanted: Metered | Decimal, now: datetime) -> Authorized:
    """Decide whether a job that costs an amount (in major units), or uses so much, may start; nothing changes.

    Raises ``NotFound``, and ``InvalidInput`` for an unknown charge, meter or dimension, or one that is missing.
    """
    billing = open_billing(organization, now)
    currency = billing.organization.currency
    amount = None if isinstance(wanted, Metered) else Estimate(None, _amount_minor(wanted, currency))
    if isinstance(wanted, Metered) and wanted.meter is not None:
        _refuse_meter(billing, wanted)
    subscription = find_subscription_at(billing.subscriptions, now)
    if subscription is None:
        return Authorized(authorization=_without_subscription(amount), currency=currency)
    drafts = billing.drafts()
    draft = _current(drafts, subscription, now)
    if draft is None:
        _refuse_unknown(billing, billing.plans.of(current_terms(subscription, now)).usage_charges, wanted)
        estimates = [_FREE]
    else:
        estimates = [amount] if amount is not None else _estimates(billing, draft, wanted, now)
    terms = Terms(
        payment=subscription.payment,
        spend_cap_minor=subscription.spend_cap_minor,
        spent_minor=spent_minor(None if draft is None else draft.inputs.rated),
    )
    return Authorized(authorization=decide(terms, estimates, _remaining(billing, drafts), now), currency=currency)


def _amount_minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(amount, currency)
    except ValueError as fault:
        raise InvalidInput("There is nothing to authorize.", [Fault("/amount", str(fault))]) from None


def _without_subscription(amount: Estimate | None) -> Authorization:
    return Authorization(
        refusal=Refusal.NO_SUBSCRIPTION,
        estimated_minor=None if amount is None else amount.amount_minor,
        remaining_minor=0,
        remaining_after_minor=0,
    )


def _current(drafts: Sequence[Draft], subscription: Subscription, now: datetime) -> Draft | None:
    """Find the draft of the period that holds now; ``None`` in a trial, in which everything is free."""
    period = find_period_at(subscription, now)
    if period is None:
        return None
    ref = period_ref(subscription, period.number)
    return next((one for one in drafts if one.open_draft.ref == ref), None)


def _estimates(billing: Billing, draft: Draft, wanted: Metered | Decimal, now: datetime) -> list[Estimate]:
    assert isinstance(wanted, Metered), "an amount is its own estimate"
    assert draft.inputs.rated is not None, "the draft of a period rates it"
    meant = priced_now(draft.inputs.rated, wanted, quarter_hour_of(now))
    _refuse_unknown(billing, [one.charge for one in meant], wanted)
    return [estimate(one, wanted) for one in meant] or [_FREE]


def _refuse_unknown(billing: Billing, charges: Sequence[UsageCharge], wanted: Metered | Decimal) -> None:
    """Refuse what is none of the charges that price usage now, and dimensions that do not tell what it costs."""
    if not isinstance(wanted, Metered):
        return
    meant = [charge for charge in charges if wanted.names(charge)]
    if wanted.charge is not None and not meant:
        raise InvalidInput("There is nothing to authorize.", [Fault("/charge", "is not a usage charge of the plan")])
    _refuse_dimensions(billing, meant, wanted)


def _refuse_meter(billing: Billing, wanted: Metered) -> None:
    if wanted.meter not in billing.usage.catalog.meters:
        raise InvalidInput("There is nothing to authorize.", [Fault("/meter", "there is no such meter")])


def _refuse_dimensions(billing: Billing, meant: Sequence[UsageCharge], wanted: Metered) -> None:
    meters = {charge.meter for charge in meant}.union(() if wanted.meter is None else (wanted.meter,))
    known = {dimension.name for key in meters for dimension in billing.usage.catalog.meters[key].dimensions}
    faults = [*_unknown(wanted.dimensions, known), *_missing(meant, wanted)]
    if faults:
        raise InvalidInput("There is nothing to authorize.", faults)


def _unknown(given: Iterable[str], known: set[str]) -> list[Fault]:
    unknown = [name for name in given if name not in known]
    return [Fault(pointer_of("dimensions", name), "is not a dimension of the meter") for name in unknown]


def _missing(meant: Sequence[UsageCharge], wanted: Metered) -> list[Fault]:
    names = sorted(needed_dimensions(meant, wanted) - wanted.dimensions.keys())
    return [Fault("/dimensions", f"must have a value of {name}, which decides about the price") for name in names]


def _remaining(billing: Billing, drafts: Sequence[Draft]) -> list[tuple[Allocation, int]]:
    """Give each grant with what remains of it beside what the drafts draw."""
    drawn = tuple(claim for draft in drafts for claim in claims_of(draft.invoice))
    pending = Claims(wallet=billing.wallet, drawn=drawn).pending()
    allocations = billing.credit().allocations.values()
    return [(one, one.left_minor - pending.get(one.grant.id, 0)) for one in allocations]
