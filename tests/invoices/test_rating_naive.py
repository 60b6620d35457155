"""Ten thousand random plans and usages are rated as ``naive_rating`` does, to the minor unit, whole and in slices."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from chalicelib.catalog.plans import Price, PriceModel, PricesBy, Tier, UsageCharge
from chalicelib.invoices.rating import ChargeTerms, Quantities, RatedCharge, rate_charge, slice_charge
from tests.invoices import naive_rating
from tests.invoices.naive_rating import Figures, Used

CURRENCIES = {"USD": 2, "JPY": 0, "KWD": 3}
NAMES = ["", "a", "b", "llama-70b", "z", "ä"]
CASES, SHARE_OF_CASES = 10_000, 2_000


def decimal(chance: Random, *, whole: int, places: int) -> Fraction:
    """Draw a number of at most so many digits before and after the point, often round or 0."""
    kind = chance.random()
    if kind < 0.1:
        return Fraction(0)
    digits = chance.randint(0, whole)
    if kind < 0.4:
        return Fraction(chance.randint(0, 10 ** min(digits, 3)))
    some = chance.randint(0, places)
    return Fraction(chance.randint(0, 10 ** (digits + some)), 10**some)


def tiers(chance: Random) -> list[tuple[Fraction | None, Fraction, Fraction]]:
    bounds = sorted({decimal(chance, whole=5, places=12) for _ in range(chance.randint(0, 3))} - {Fraction(0)})
    flat = [decimal(chance, whole=4, places=4) if chance.random() < 0.4 else Fraction(0) for _ in range(4)]
    return [
        (bound, decimal(chance, whole=3, places=12), fee) for bound, fee in zip([*bounds, None], flat, strict=False)
    ]


def price(chance: Random, *, included: bool) -> Figures:
    # Mostly as prices are, at times a millionth of a cent or a million.
    whole = chance.choice([0, 2, 2, 2, 9])
    return {
        "model": chance.choice(["per_unit", "graduated", "volume", "package"]),
        "unit_price": decimal(chance, whole=whole, places=12),
        "tiers": tiers(chance),
        "size": decimal(chance, whole=4, places=6) or Fraction(1),
        "included": decimal(chance, whole=4, places=12) if included else Fraction(0),
    }


def charge(chance: Random) -> Figures:
    digits = CURRENCIES[chance.choice(list(CURRENCIES))]
    full_days = chance.choice([7, 28, 30, 31, 91, 365])
    bound = Fraction(chance.randint(0, 500_000), 10**digits)
    priced: Figures = {"price": price(chance, included=chance.random() < 0.5)}
    if chance.random() < 0.5:
        listed = chance.sample(NAMES, chance.randint(0, 4))
        default = price(chance, included=True) if chance.random() < 0.6 else None
        priced = {"prices": {name: price(chance, included=True) for name in listed}, "default": default}
    return {
        **priced,
        "minimum": bound if chance.random() < 0.3 else None,
        "maximum": Fraction(chance.randint(0, 500_000), 10**digits) if chance.random() < 0.4 else None,
        "percent": Fraction(chance.randint(0, 1_000_000), 10_000) if chance.random() < 0.5 else Fraction(0),
        "days": chance.choice([full_days, full_days, chance.randint(0, full_days)]),
        "full_days": full_days,
        "digits": digits,
    }


def bounds_of(of: Figures) -> list[Fraction]:
    """List the quantities where something changes: bounds of tiers and packages, behind the included units."""
    prices = [of["price"]] if "price" in of else [*of["prices"].values(), *([of["default"]] if of["default"] else [])]
    share = Fraction(of["days"], of["full_days"])
    return [
        one["included"] * share + bound
        for one in prices
        for bound in [Fraction(0), one["size"] * 3, *(tier[0] for tier in one["tiers"] if tier[0] is not None)]
    ] or [Fraction(0)]


def quantity(chance: Random, edges: list[Fraction]) -> Fraction:
    """Draw a quantity, often at a bound or one twelfth place beside it; what has no end in decimals is cut there."""
    kind = chance.random()
    if kind < 0.4:
        beside = chance.choice([-1, 0, 0, 1])
        return Fraction(int(chance.choice(edges) * 10**12) + beside, 10**12)
    drawn = decimal(chance, whole=chance.choice([3, 6, 18]), places=12)
    return -drawn if kind < 0.45 else drawn


def usage(chance: Random, of: Figures) -> list[Used]:
    """Draw cumulative quantities at some instants: growing, or up and down as the meters do that do not add up."""
    names: list[str | None] = [None] if "price" in of else [*chance.sample(NAMES, chance.randint(0, 5))]
    edges = bounds_of(of)
    grows = chance.random() < 0.6
    instants: list[Used] = []
    seen: Used = {}
    for _ in range(chance.randint(1, 4)):
        seen = dict(seen)
        for name in chance.sample(names, chance.randint(0, len(names))):
            drawn = quantity(chance, edges)
            seen[name] = max(drawn, seen[name]) if grows and name in seen else drawn
        instants.append(seen)
    return instants


def as_decimal(figure: Fraction) -> Decimal:
    """Write a fraction that ends within some places as a decimal, digit by digit."""
    scaled = figure * 10**30
    assert scaled.denominator == 1
    return Decimal((int(scaled < 0), tuple(int(digit) for digit in str(abs(scaled.numerator))), -30))


def as_price(of: Figures) -> Price:
    return Price(
        model=PriceModel(of["model"]),
        unit_price=as_decimal(of["unit_price"]),
        tiers=tuple(
            Tier(None if up_to is None else as_decimal(up_to), as_decimal(unit_price), as_decimal(flat_fee))
            for up_to, unit_price, flat_fee in of["tiers"]
        ),
        package_size=as_decimal(of["size"]),
        package_price=as_decimal(of["unit_price"]),
        included=as_decimal(of["included"]),
    )


def as_prices_by(of: Figures) -> PricesBy:
    default = None if of["default"] is None else as_price(of["default"])
    return PricesBy("model", {name: as_price(one) for name, one in of["prices"].items()}, default)


def as_terms(of: Figures) -> ChargeTerms:
    minor = 10 ** of["digits"]
    return ChargeTerms(
        charge=UsageCharge(
            key="tokens",
            name="Tokens",
            meter="tokens",
            price=as_price(of["price"]) if "price" in of else None,
            prices_by=as_prices_by(of) if "prices" in of else None,
            minimum_minor=None if of["minimum"] is None else int(of["minimum"] * minor),
            maximum_minor=None if of["maximum"] is None else int(of["maximum"] * minor),
        ),
        currency=next(currency for currency, digits in CURRENCIES.items() if digits == of["digits"]),
        discount_percent=as_decimal(of["percent"]),
        factor=Fraction(of["days"], of["full_days"]),
    )


def as_quantities(of: Used) -> Quantities:
    return {name: as_decimal(figure) for name, figure in of.items()}


def figures(rated: RatedCharge, digits: int) -> Figures:
    """Give a rating in the naive one's form."""
    minor = 10**digits
    return {
        "lines": [
            (line.group, *(Fraction(part, minor) for part in (line.gross_minor, line.payable_minor, line.net_minor)))
            for line in rated.lines
        ],
        "cap": Fraction(rated.cap_minor, minor),
        "minimum": Fraction(rated.minimum_minor, minor),
        "discount": Fraction(rated.discount_minor, minor),
    }


def cases(part: int) -> Iterator[tuple[int, Random, Figures]]:
    """Draw one share of all cases; each has a seed of its own, which names it when it fails."""
    for seed in range(part * SHARE_OF_CASES, (part + 1) * SHARE_OF_CASES):
        chance = Random(seed)
        yield seed, chance, charge(chance)


def check_whole(of: Figures, terms: ChargeTerms, used: Used) -> RatedCharge:
    """Compare one rating with the naive one, and see that nothing in it is below zero."""
    rated = rate_charge(terms, as_quantities(used))
    assert figures(rated, of["digits"]) == naive_rating.rate(of, used)
    assert all(line.gross_minor >= line.payable_minor >= line.net_minor >= 0 for line in rated.lines)
    assert rated.cap_minor <= 0 <= min(rated.minimum_minor, rated.discount_minor)
    return rated


def check_slices(terms: ChargeTerms, instants: list[Used], rated: RatedCharge) -> bool:
    """See that the slices between instants add up to the lines; tells whether one of them was negative."""
    summed_gross: Counter[str | None] = Counter()
    summed_net: Counter[str | None] = Counter()
    negative = False
    cuts: list[Quantities | None] = [None, *(as_quantities(used) for used in instants)]
    for start, end in pairwise(cuts):
        for line in slice_charge(terms, at_start=start, at_end=end or {}):
            summed_gross[line.group] += line.gross_minor
            summed_net[line.group] += line.net_minor
            negative = negative or line.net_minor < 0
    whole = {line.group: (line.gross_minor, line.net_minor) for line in rated.lines}
    assert {group: (summed_gross[group], summed_net[group]) for group in summed_gross} == {
        **dict.fromkeys(summed_gross, (0, 0)),
        **whole,
    }
    return negative


@pytest.mark.parametrize("part", range(CASES // SHARE_OF_CASES))
def test_random_charges_are_rated_as_the_naive_way_does(part: int) -> None:
    met: Counter[str] = Counter()
    for seed, chance, of in cases(part):
        terms, instants = as_terms(of), usage(chance, of)
        try:
            rated = check_whole(of, terms, instants[-1])
            met["negative slice"] += check_slices(terms, instants, rated)
        except AssertionError as fault:
            fault.add_note(f"seed {seed}: {of} with {instants}")
            raise
        met["cap"] += rated.cap_minor < 0
        met["minimum"] += rated.minimum_minor > 0
        met["discount"] += rated.discount_minor > 0
        met["lines"] += len(rated.lines) > 1
        met["nothing due"] += not rated.lines
    # The cases are worth something only while every rule is met in many of them.
    assert {rule: count for rule, count in met.items() if count < SHARE_OF_CASES // 50} == {}


def test_the_order_of_lines_does_not_depend_on_the_order_of_usage() -> None:
    for seed in range(200):
        chance = Random(seed)
        of = replace(as_terms(charge(chance)), factor=Fraction(1))
        used: Quantities = {name: Decimal(chance.randint(0, 3)) for name in NAMES}
        shuffled = dict(chance.sample(list(used.items()), len(used)))
        assert rate_charge(of, used) == rate_charge(of, shuffled)


def test_the_naive_way_is_not_blind() -> None:
    """A maximum that is off by one minor unit, or a bound that belongs to the other tier, is another figure."""
    known: dict[str, Any] = {"price": None, "minimum": None, "percent": Fraction(0), "days": 1, "full_days": 1}
    tier_list = [(Fraction(5), Fraction(1), Fraction(0)), (None, Fraction(1), Fraction(7))]
    of: Figures = {"model": "graduated", "tiers": tier_list, "included": Fraction(0)}
    whole = {**known, "digits": 2, "maximum": Fraction("4.99"), "price": of}
    assert naive_rating.rate(whole, {None: Fraction(5)})["cap"] == Fraction("-0.01")
    assert naive_rating.cost(of, Fraction(5), Fraction(1)) == 5
    assert naive_rating.cost(of, Fraction("5.1"), Fraction(1)) == Fraction("12.1")
