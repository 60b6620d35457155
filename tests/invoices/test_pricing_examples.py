"""Published figures of other billing systems, as far as the rules here agree with them.

The cases come from the tests and manuals of OpenMeter, Lago, Stripe, Chargebee and Orb. Background only, with what sets
them apart:

- ``om-delta-pack-03``, ``om-delta-grad-01``, ``om-delta-grad-03``, ``om-delta-vol-01``: bill one period in several
  lines; here a period has one line for a charge (rule 3.2). Its slices (rule 5.3) have the same figures, see
  ``test_what_each_step_bills_is_a_slice``.
- ``om-delta-vol-05``: adds the minimum with the last step only; here a draft shows it from its first instant (rule
  3.7).
- ``lago-trueup-03``: a true-up is a charge of its own; here it is a charge's minimum (rule 3.3), which adds nothing
  either when it is met, see ``om-vol-12``.
- ``kb-bullets-01``, ``kb-bullets-02``: tiers of blocks, a model that rule 3.1 does not have; inside their first tier
  they are packages, see ``test_blocks_of_one_tier_are_packages``.
- ``orb-package-01``: rounds the quantity up to whole packages; here the packages are counted and the quantity stays as
  it was used (rule 3.1).
- ``om-alloc-*`` are in ``test_shares``.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from chalicelib.catalog.plans import Price, Timing
from chalicelib.invoices.rating import rate_recurring, slice_charge
from chalicelib.shared.money import show_money
from tests.invoices.build_prices import exact, fee, graduated, gross, package, per_unit, rate, terms, used, volume

OM_GRADUATED = [("5", "0", "100"), ("10", "0", "50")]
OM_VOLUME = volume(("5", "0", "100"), ("10", "0", "150"), ("15", "10"), (None, "5"))
LAGO_VOLUME = volume(("100", "2", "10"), ("200", "1"), (None, "0.5", "50"))
STRIPE_VOLUME = volume(("5", "7"), ("10", "6.5"), (None, "6"))
ORB_BULK = volume(("10", "0.50"), ("1000", "0.40"))
TENS = package("10", "15")

ROUNDED = [
    ("om-grad-01", graduated(*OM_GRADUATED, ("15", "5"), (None, "1")), "22", "USD", "182.00"),
    ("om-grad-10", graduated(*OM_GRADUATED, ("15", "10"), (None, "5")), "5.001", "USD", "150.00"),
    ("om-grad-11", graduated(*OM_GRADUATED, ("15", "10"), (None, "5")), "7", "USD", "150.00"),
    ("om-vol-01", OM_VOLUME, "0", "USD", "100.00"),
    ("om-vol-06", OM_VOLUME, "15", "USD", "150.00"),
    ("om-vol-15", volume(("5", "5"), (None, "4")), "0", "USD", "0.00"),
    ("om-pack-01", TENS, "0", "USD", "0.00"),
    ("om-pack-03", TENS, "9", "USD", "15.00"),
    ("om-pack-04", TENS, "10", "USD", "15.00"),
    ("lago-standard-03", per_unit("5.12345"), "10", "USD", "51.23"),
    ("stripe-volume-01", STRIPE_VOLUME, "1", "USD", "7.00"),
    ("stripe-volume-02", STRIPE_VOLUME, "5", "USD", "35.00"),
    ("stripe-package-01", package("5", "10"), "1", "USD", "10.00"),
    ("stripe-package-02", package("5", "10"), "3", "USD", "10.00"),
    ("chargebee-rounding-01", per_unit("4.4556"), "10.625", "USD", "47.34"),
    ("chargebee-rounding-02", per_unit("4.4556"), "10.625", "JPY", "47"),
    ("orb-unit-01", per_unit("0.50"), "7", "USD", "3.50"),
    ("orb-bulk-01", ORB_BULK, "10", "USD", "5.00"),
    ("orb-bulk-02", ORB_BULK, "101", "USD", "40.40"),
    ("orb-package-03", package("10", "0.80"), "11", "USD", "1.60"),
]
EXACT = [
    ("lago-standard-02", per_unit("10"), "10", "100"),
    ("lago-graduated-06", graduated(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3")), "21", "163"),
    ("lago-graduated-09", graduated(("0.1", "10"), ("1", "5"), (None, "2")), "0.5", "3.0"),
    ("lago-volume-01", LAGO_VOLUME, "0", "10"),
    ("lago-volume-03", LAGO_VOLUME, "100", "210"),
    ("lago-volume-04", LAGO_VOLUME, "100.5", "100.5"),
    ("lago-volume-05", LAGO_VOLUME, "101", "101"),
    ("lago-volume-06", LAGO_VOLUME, "200", "200"),
    ("lago-package-01", package("10", "100"), "121", "1300"),
]
# Gross, what the minimum adds, what the maximum takes, total.
BOUNDED = [
    ("om-unit-02", per_unit("10"), {"minimum": "100"}, "0", ["0.00", "100.00", "0.00", "100.00"]),
    ("om-vol-11", OM_VOLUME, {"minimum": "100"}, "100", ["500.00", "0.00", "0.00", "500.00"]),
    ("om-vol-12", OM_VOLUME, {"minimum": "100"}, "5", ["100.00", "0.00", "0.00", "100.00"]),
    ("om-pack-06", TENS, {"minimum": "100"}, "0", ["0.00", "100.00", "0.00", "100.00"]),
    ("om-pack-08", TENS, {"maximum": "100"}, "10", ["15.00", "0.00", "0.00", "15.00"]),
]
DELTA_GRADUATED = graduated(("5", "1"), ("10", "2"), (None, "3"))
STEPS = [
    ("om-delta-pack-03", TENS, ["1", "31"], ["15.00", "45.00"]),
    ("om-delta-grad-01", DELTA_GRADUATED, ["3", "5"], ["3.00", "2.00"]),
    ("om-delta-grad-03", DELTA_GRADUATED, ["3", "12"], ["3.00", "18.00"]),
    ("om-delta-vol-01", volume(("15", "10"), (None, "5")), ["12", "14"], ["120.00", "20.00"]),
]


@pytest.mark.parametrize(("case", "price", "quantity", "currency", "total"), ROUNDED, ids=[row[0] for row in ROUNDED])
def test_a_line_is_the_published_total(case: str, price: Price, quantity: str, currency: str, total: str) -> None:
    assert gross(terms(price, currency=currency), quantity) == [total]


@pytest.mark.parametrize(("case", "price", "quantity", "total"), EXACT, ids=[row[0] for row in EXACT])
def test_an_exact_amount_is_the_published_total(case: str, price: Price, quantity: str, total: str) -> None:
    assert exact(price, quantity) == Fraction(total)


@pytest.mark.parametrize(("case", "price", "bounds", "quantity", "figures"), BOUNDED, ids=[row[0] for row in BOUNDED])
def test_bounds_add_and_take_what_was_published(
    case: str, price: Price, bounds: dict[str, str], quantity: str, figures: list[str]
) -> None:
    rated = rate(terms(price, **bounds), quantity)
    gross_minor = sum(line.gross_minor for line in rated.lines)
    total_minor = gross_minor + rated.cap_minor + rated.minimum_minor
    shown = [gross_minor, rated.minimum_minor, rated.cap_minor, total_minor]
    assert [show_money(minor, "USD") for minor in shown] == figures


@pytest.mark.parametrize(
    ("case", "timing"),
    [("om-flat-01", Timing.ARREARS), ("om-flat-02", Timing.ADVANCE)],
    ids=["om-flat-01", "om-flat-02"],
)
def test_a_flat_fee_is_due_whole_without_usage(case: str, timing: Timing) -> None:
    rated = rate_recurring(fee("100", timing=timing), Decimal(0), days=31, full_days=31)
    assert (rated.amount_minor, rated.net_minor) == (100_00, 100_00)


@pytest.mark.parametrize(("case", "price", "totals", "deltas"), STEPS, ids=[row[0] for row in STEPS])
def test_what_each_step_bills_is_a_slice(case: str, price: Price, totals: list[str], deltas: list[str]) -> None:
    of, cuts = terms(price), [None, *(used(total) for total in totals)]
    slices = [slice_charge(of, at_start=start, at_end=end) for start, end in pairwise(cuts) if end is not None]
    assert [[show_money(line.gross_minor, "USD") for line in lines] for lines in slices] == [[d] for d in deltas]


@pytest.mark.parametrize(("quantity", "total"), [("199", "5.90"), ("350", "11.80")])
def test_blocks_of_one_tier_are_packages(quantity: str, total: str) -> None:
    assert gross(terms(package("100", "2.95")), quantity) == [total]
