"""What a usage line is made of: the quantity of each local day, and of the greatest combinations of dimension values.

A draft computes them when they are asked for; finalizing keeps them with the invoice, so that a line can be explained
for good, whatever arrives later.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.catalog.plans import UsageCharge
from chalicelib.invoices.draft_lines import Days, Shares
from chalicelib.invoices.invoice import DimensionShare
from chalicelib.invoices.period_rating import PricedCharge, UsageFigures
from chalicelib.usage.aggregation import exact_sum
from chalicelib.usage.cumulative import Values
from chalicelib.usage.ranges import Range

# An invoice keeps them, so there are few: the rest is one more.
MOST_SHARES = 20


class ExplainedFigures(UsageFigures, Protocol):
    """What a period's usage can tell to explain it."""

    @property
    def catalog(self) -> MeterCatalog:
        """Give the meters."""

    def by_day(
        self,
        meter: str,
        *,
        ranges: Sequence[Range],
        filters: Mapping[str, frozenset[str]],
        by: tuple[str, ...],
    ) -> Mapping[date, Mapping[Values, Decimal]]:
        """Give the quantity of each local day, by group."""


def days_of(priced: PricedCharge, figures: ExplainedFigures) -> Days:
    """Give the quantity of each local day that a charge prices, by its group."""
    charge = _usage_charge(priced)
    by = () if charge.prices_by is None else (charge.prices_by.dimension,)
    found: dict[str | None, dict[date, Decimal]] = {}
    for day, groups in figures.by_day(charge.meter, ranges=priced.ranges, filters=charge.filter, by=by).items():
        for group, quantity in groups.items():
            found.setdefault(group[0] if by else None, {})[day] = quantity
    return found


def shares_of(priced: PricedCharge, figures: ExplainedFigures) -> Shares:
    """Give the quantities of the greatest combinations of dimension values that a charge prices, by its group.

    For a meter without dimensions there are none. Quantities that do not add up over groups have no rest.
    """
    charge = _usage_charge(priced)
    meter = figures.catalog.meters[charge.meter]
    names = tuple(one.name for one in meter.dimensions)
    if not names:
        return {}
    last = priced.ranges[-1].end
    measured = figures.quantities(
        charge.meter, ranges=priced.ranges, cuts=(last,), filters=charge.filter, by=names
    ).groups
    place = None if charge.prices_by is None else names.index(charge.prices_by.dimension)
    by_group: dict[str | None, list[tuple[Values, Decimal]]] = {}
    for values, quantities in measured.items():
        if quantities[-1] != 0:
            by_group.setdefault(None if place is None else values[place], []).append((values, quantities[-1]))
    return {group: _greatest(found, names, meter) for group, found in by_group.items()}


def _greatest(
    found: Sequence[tuple[Values, Decimal]], names: tuple[str, ...], meter: Meter
) -> tuple[DimensionShare, ...]:
    """Keep the greatest by quantity, ties by name, and add up the rest where that means something."""
    ordered = sorted(found, key=lambda pair: (pair[1].copy_negate(), pair[0]))
    kept = [DimensionShare(dict(zip(names, values, strict=True)), some) for values, some in ordered[:MOST_SHARES]]
    rest = [some for _, some in ordered[MOST_SHARES:]]
    if rest and meter.aggregation.is_additive:
        kept.append(DimensionShare(None, exact_sum(rest)))
    return tuple(kept)


def _usage_charge(priced: PricedCharge) -> UsageCharge:
    assert isinstance(priced.charge, UsageCharge), "only usage has quantities"
    return priced.charge
