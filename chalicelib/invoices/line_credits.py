"""What grants pay of a line: by grant as a line shows it, and by grant and local day as it is drawn and given back.

*Drawdowns* here are ``Drawn`` values, each of one grant and one local day. They are oldest first: by day, and within a
day in the order in which they were drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from chalicelib.credits.drawdown import Drawn
from chalicelib.invoices.invoice import Line, LineCredit


def credits_of(drawn: Iterable[Drawn], names: Mapping[str, str]) -> tuple[LineCredit, ...]:
    """Gather drawdowns by grant, in the order in which grants come first; ``names`` has the names of the grants."""
    found: dict[str, dict[date, int]] = {}
    for one in drawn:
        days = found.setdefault(one.grant, {})
        days[one.day] = days.get(one.day, 0) + one.amount_minor
    return tuple(
        LineCredit(grant, names[grant], sum(days.values()), dict(sorted(days.items()))) for grant, days in found.items()
    )


def drawn_of(line_credits: Iterable[LineCredit]) -> tuple[Drawn, ...]:
    """Give the drawdowns of a line's credits, oldest first."""
    found = [Drawn(credit.grant, day, minor) for credit in line_credits for day, minor in credit.by_day.items()]
    return tuple(sorted(found, key=lambda one: one.day))


def add_up(*parts: Iterable[Drawn]) -> tuple[Drawn, ...]:
    """Add up drawdowns of the same grant and day; what comes to nothing is left out. Oldest first."""
    found: dict[tuple[str, date], Drawn] = {}
    for one in (each for part in parts for each in part):
        known = found.get((one.grant, one.day))
        minor = one.amount_minor + (0 if known is None else known.amount_minor)
        found[one.grant, one.day] = Drawn(one.grant, one.day, minor)
    return tuple(sorted((one for one in found.values() if one.amount_minor), key=lambda one: one.day))


def negated(drawn: Iterable[Drawn]) -> tuple[Drawn, ...]:
    """Turn drawdowns into what gives them back, and back."""
    return tuple(Drawn(one.grant, one.day, -one.amount_minor) for one in drawn)


def take_latest(drawn: Iterable[Drawn], minor: int) -> tuple[Drawn, ...]:
    """Take an amount off the latest drawdowns; answers what was taken, latest first, all where there is less."""
    taken = []
    for one in reversed(tuple(drawn)):
        part_minor = min(minor, one.amount_minor)
        if part_minor > 0:
            taken.append(Drawn(one.grant, one.day, part_minor))
            minor -= part_minor
    return tuple(taken)


def is_covered(wanted: Sequence[Drawn], *, pool: Sequence[Drawn]) -> bool:
    """Tell whether a pool of drawdowns still holds all of some, grant by grant and day by day."""
    left = {(one.grant, one.day): one.amount_minor for one in pool}
    return all(left.get((one.grant, one.day), 0) >= one.amount_minor for one in wanted)


def within(wanted: Sequence[Drawn], *, pool: Sequence[Drawn]) -> tuple[Drawn, ...]:
    """Keep of some drawdowns what a pool still holds, grant by grant and day by day; oldest first."""
    left = {(one.grant, one.day): one.amount_minor for one in pool}
    kept = [Drawn(one.grant, one.day, min(one.amount_minor, left.get((one.grant, one.day), 0))) for one in wanted]
    return tuple(one for one in kept if one.amount_minor > 0)


def credits_drawn(line: Line) -> tuple[Drawn, ...]:
    """Give what grants pay of a line, oldest first."""
    return tuple(one for one in drawn_of(line.credits) if one.amount_minor > 0)
