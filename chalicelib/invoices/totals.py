"""What closes the lines of an invoice: a total that is never below 0, and taxes (docs/rules.md 4.2).

The order is fixed: credits come before tax, and what would be below 0 after them is carried before taxes are computed.
"""

from collections.abc import Sequence

from chalicelib.catalog.organizations import TaxRate
from chalicelib.invoices.invoice import Interval, Line, LineKind, TaxAmount
from chalicelib.invoices.taxes import tax_amounts

CARRIED_LINE = "carried"


def money_minor(lines: Sequence[Line]) -> int:
    """Give subtotal less discount less credits, which may be below 0 as long as the lines are not closed."""
    # The discount line's amount is negative, so adding up all amounts subtracts it.
    return sum(line.amount_minor - sum(credit.amount_minor for credit in line.credits) for line in lines)


def close_below_zero(lines: Sequence[Line], period: Interval) -> tuple[Line, ...]:
    """Add the line that lifts what is left for money to 0 when it is below; closed lines stay as they are.

    ``period`` is the invoice's: the service period of the added line.
    """
    missing_minor = -money_minor(lines)
    if missing_minor <= 0:
        return tuple(lines)
    carried = Line(
        id=CARRIED_LINE,
        kind=LineKind.CARRIED_TO_CREDIT,
        charge=None,
        name="Carried to credit",
        service_period=period,
        quantity=None,
        amount_minor=missing_minor,
        net_minor=missing_minor,
    )
    return (*lines, carried)


def carried_minor(lines: Sequence[Line]) -> int:
    """Tell how much of an invoice becomes a grant when it is finalized; 0 for most."""
    return sum(line.amount_minor for line in lines if line.kind is LineKind.CARRIED_TO_CREDIT)


def complete(
    lines: Sequence[Line], rates: Sequence[TaxRate], period: Interval
) -> tuple[tuple[Line, ...], tuple[TaxAmount, ...]]:
    """Close the lines and compute the taxes on them, as ``Content`` takes both."""
    closed = close_below_zero(lines, period)
    return closed, tax_amounts(money_minor(closed), rates)
