"""Charges rated the slow way, on fractions, from dicts: written apart from what it checks.

A price is ``{"model", "unit_price", "tiers": [(up_to | None, unit_price, flat_fee)], "size", "included"}``; for
packages ``unit_price`` is that of a package. A charge is ``{"price"}`` or ``{"prices": {name: price}, "default": price
| None}``, with ``minimum`` and ``maximum`` (major units, or None), ``percent`` (the discount), ``days``, ``full_days``
and ``digits`` (of the currency). Every figure is a fraction in major units.

Units lie on a line, from 0 to the quantity. The included ones are its free beginning, and every tier is a stretch of
what comes after.
"""

from fractions import Fraction
from itertools import pairwise
from typing import Any

ZERO = Fraction(0)
Figures = dict[str, Any]
Used = dict[str | None, Fraction]


def rounded(figure: Fraction, digits: int) -> Fraction:
    """Round to a number of digits: away from zero from the half on."""
    step = Fraction(1, 10**digits)
    down = abs(figure) - abs(figure) % step
    size = down if abs(figure) - down < step / 2 else down + step
    return size if figure > 0 else -size


def stretches(price: Figures, free: Fraction, share: Fraction) -> list[Figures]:
    """Lay the tiers out behind the free units; the last one has no end."""
    found: list[Figures] = []
    for up_to, unit_price, flat_fee in price["tiers"]:
        begin = found[-1]["end"] if found else free
        end = None if up_to is None else free + up_to
        flat = flat_fee if found else flat_fee * share
        found.append({"begin": begin, "end": end, "unit_price": unit_price, "flat": flat})
    found[-1]["end"] = None
    return found


def cost(price: Figures, quantity: Fraction, share: Fraction) -> Fraction:
    """Say what a quantity costs when a share of the period is covered."""
    free: Fraction = price["included"] * share
    if price["model"] in {"per_unit", "package"}:
        beyond: Fraction = quantity - free if quantity > free else ZERO
        return unpack(price, beyond) if price["model"] == "package" else beyond * Fraction(price["unit_price"])
    tiers = stretches(price, free, share)
    return climb(tiers, quantity) if price["model"] == "graduated" else land(tiers, quantity)


def unpack(price: Figures, units: Fraction) -> Fraction:
    """Pay for the full packages, then for the one that is begun."""
    size: Fraction = price["size"]
    full, begun = divmod(units, size)
    return Fraction(price["unit_price"]) * (full + (1 if begun else 0))


def climb(tiers: list[Figures], quantity: Fraction) -> Fraction:
    """Walk up from tier to tier until the quantity is reached, paying on the way."""
    paid: Fraction = tiers[0]["flat"]
    at: Fraction = tiers[0]["begin"]
    for number, tier in enumerate(tiers):
        if quantity <= at:
            break
        paid += tier["flat"] if number else ZERO
        stop = quantity if tier["end"] is None or quantity < tier["end"] else tier["end"]
        paid += (stop - at) * tier["unit_price"]
        at = stop
    return paid


def land(tiers: list[Figures], quantity: Fraction) -> Fraction:
    """Pay for everything where the quantity ends: in the last tier that begins below it."""
    landed = [tier for tier in tiers if tier["begin"] < quantity] or tiers[:1]
    units = quantity - tiers[0]["begin"] if quantity > tiers[0]["begin"] else ZERO
    return Fraction(landed[-1]["flat"]) + units * Fraction(landed[-1]["unit_price"])


def has_fee(price: Figures) -> bool:
    return price["model"] in {"graduated", "volume"} and bool(price["tiers"][0][2])


def priced(charge: Figures, used: Used) -> list[tuple[str | None, Figures]]:
    """List what gets a line, with its price: the listed names as listed, then the others by name."""
    if "price" in charge:
        return [(None, charge["price"])]
    found: list[tuple[str | None, Figures]] = []
    for name, price in charge["prices"].items():
        if used.get(name) or (has_fee(price) and charge["days"]):
            found.append((name, price))
    for name in sorted(str(name) for name in used if name not in charge["prices"]):
        price = charge["default"]
        if price is not None and (used[name] or (has_fee(price) and charge["days"])):
            found.append((name, price))
    return found


def rate(charge: Figures, used: Used) -> Figures:
    """Rate a charge: ``lines`` of group, gross, payable and net, then ``cap``, ``minimum`` and ``discount``."""
    share, digits = Fraction(charge["days"], charge["full_days"]), charge["digits"]
    groups = priced(charge, used)
    gross = [rounded(cost(price, used.get(group, ZERO), share), digits) for group, price in groups]
    # What is payable of the first n lines together is their sum up to the maximum; a line's own part is the step.
    most = sum(gross) if charge["maximum"] is None else rounded(charge["maximum"] * share, digits)
    heights = [min(most, sum(gross[:number], ZERO)) for number in range(len(gross) + 1)]
    payable = [after - before for before, after in pairwise(heights)]
    net = [rounded(part * (100 - charge["percent"]) / 100, digits) for part in payable]
    least = ZERO if charge["minimum"] is None else rounded(charge["minimum"] * share, digits)
    return {
        "lines": list(zip((group for group, _ in groups), gross, payable, net, strict=True)),
        "cap": sum(payable, ZERO) - sum(gross, ZERO),
        "minimum": max(least - sum(payable, ZERO), ZERO),
        "discount": sum(payable, ZERO) - sum(net, ZERO),
    }
