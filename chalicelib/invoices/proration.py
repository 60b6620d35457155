"""What is left of an amount when a period is not covered whole (docs/rules.md 3.7).

The share is local days covered over local days of the full period, exact. It lowers recurring fees that say so,
minimums, maximums, included units and the first tier's flat fee; unit prices and the bounds of tiers stay.
"""

from fractions import Fraction

from chalicelib.catalog.plans import Price, RecurringCharge
from chalicelib.shared.money import round_whole

WHOLE = Fraction(1)


def covered_share(*, days: int, full_days: int) -> Fraction:
    """Tell which share of a full period is covered, from 0 to 1; both count local days."""
    assert 0 <= days <= full_days, f"{days} of {full_days} days"
    return Fraction(days, full_days)


def fee_share(charge: RecurringCharge, *, days: int, full_days: int) -> Fraction:
    """Tell which share of a recurring fee is due: the whole of it when the charge does not prorate."""
    return covered_share(days=days, full_days=full_days) if charge.prorate else WHOLE


def prorate_minor(amount_minor: int, share: Fraction) -> int:
    """Take a share of an amount, rounded once to minor units, ties away from zero."""
    return round_whole(amount_minor * share)


def prorate_included(price: Price, share: Fraction) -> Fraction:
    """Tell how many units a price includes when a share of the period is covered, exactly."""
    return Fraction(price.included) * share
