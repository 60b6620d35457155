"""What grants paid of the charges of a period: told by the lines of an invoice, remembered by key of the charge.

The memory says, when something is taken back later, which grants get it back (docs/rules.md 3.8 and 4.5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices.draft_lines import LatePeriod, elsewhere_id, line_id
from chalicelib.invoices.line_credits import add_up
from chalicelib.invoices.period_rating import RatedPeriod
from chalicelib.invoices.period_record import Billed, PeriodRecord

# What grants pay of the lines of an invoice, by id, oldest first.
DrawnByLine: TypeAlias = Mapping[str, Sequence[Drawn]]


def with_usage_drawn(rated: RatedPeriod, amounts: Mapping[str, Billed], drawn: DrawnByLine) -> dict[str, Billed]:
    """Add to what a period comes to what grants pay of its usage lines."""
    paid = {
        usage.priced.key: add_up(
            *(
                drawn.get(line_id("usage", charge=usage.charge.key, part=usage.priced.part, group=line.group), ())
                for line in usage.rated.lines
            )
        )
        for usage in rated.usage
    }
    return {key: replace(billed, drawn=paid.get(key, ())) for key, billed in amounts.items()}


def late_with_drawn(late: LatePeriod, drawn: DrawnByLine) -> dict[str, Billed]:
    """Give what late usage of a closed period comes to, with what grants pay of its lines, or get back."""
    return {
        key: replace(billed, drawn=tuple(drawn.get(_late_line(late, key), ())))
        for key, billed in late.differences().items()
    }


def late_paid(late: LatePeriod) -> dict[str, tuple[Drawn, ...]]:
    """Tell what grants have paid so far for what late lines change, by id of the line."""
    return {_late_line(late, key): billed.drawn for key, billed in late.record.billed().items()}


def _late_line(late: LatePeriod, key: str) -> str:
    usage = next((one for one in late.rated.usage if one.priced.key == key), None)
    return late.place.line_id(None) if usage is None else late.place.line_id(usage.charge.key, usage.priced.part)


def elsewhere_with_drawn(record: PeriodRecord, rated: RatedPeriod, drawn: DrawnByLine) -> dict[str, Billed]:
    """Give what an invoice made again takes off because others billed it, with what grants get back for that."""
    places = range(len(record.late))
    paid = {
        usage.priced.key: add_up(*(drawn.get(elsewhere_id(place, usage), ()) for place in places))
        for usage in rated.usage
    }
    return {key: replace(-billed, drawn=paid.get(key, ())) for key, billed in record.billed_elsewhere().items()}


def elsewhere_paid(record: PeriodRecord, rated: RatedPeriod) -> dict[str, tuple[Drawn, ...]]:
    """Tell what grants paid on the other invoices for what is taken off, by id of the line."""
    return {
        elsewhere_id(place, usage): billing.amounts[usage.priced.key].drawn
        for place, billing in enumerate(record.late)
        for usage in rated.usage
        if usage.priced.key in billing.amounts
    }
