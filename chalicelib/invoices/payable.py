"""What credit may pay of a draft: its lines cut into slices by time (docs/rules.md 5.3).

A usage line's slice is its net at the end of a stretch of time less its net at the start, so slices add up to the line,
whatever the price model or the cap. Fees and one-offs count at the first instant of their service period, late usage at
that of the draft's own period. Minimum lines, caps, discounts and what is carried are not paid by credit.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from chalicelib.credits.drawdown import Drawdowns, Drawn, PayableDraft, PayableLine, Slice
from chalicelib.invoices.draft_lines import line_id
from chalicelib.invoices.invoice import Interval, Line, LineKind
from chalicelib.invoices.line_credits import credits_of
from chalicelib.invoices.period_rating import RatedPeriod, RatedUsage, UsageFigures, rate_at
from chalicelib.invoices.rating import slice_rated
from chalicelib.shared.time import ONE_DAY, QuarterHour, days_between, quarter_hour_of
from chalicelib.shared.values import dataclass
from chalicelib.usage.ranges import day_of, day_range

# An event may be this much ahead of the clock, so that much of what lies ahead is cut, too.
_AHEAD = timedelta(minutes=15)

# By id of a usage line.
UsageSlices: TypeAlias = Mapping[str, tuple[Slice, ...]]
# By id of a line that takes something back: what had paid for it, oldest first.
PaidBefore: TypeAlias = Mapping[str, tuple[Drawn, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """Where usage is cut: at each start of a local day and at ``bounds`` of grants, as far as time has come."""

    zone: ZoneInfo
    bounds: Collection[QuarterHour]
    now: datetime

    def inside(self, start: QuarterHour, end: QuarterHour) -> list[QuarterHour]:
        """List the cuts between two quarter-hours, rising."""
        until = min(end, quarter_hour_of(self.now + _AHEAD) + 1)
        if start >= until:
            return []
        days = days_between(day_of(start, self.zone), day_of(until, self.zone) + ONE_DAY)
        found = {day_range(day, self.zone).start for day in days}.union(self.bounds)
        return sorted(cut for cut in found if start < cut < until)


def slice_usage(rated: RatedPeriod, figures: UsageFigures, cutting: Cutting) -> dict[str, tuple[Slice, ...]]:
    """Cut the usage lines of a period into slices, by id; what comes to nothing is left out."""
    found: dict[str, list[Slice]] = {}
    for usage in rated.usage:
        for name, one in _slices(usage, figures, cutting, end=rated.period.end):
            found.setdefault(name, []).append(one)
    return {name: tuple(slices) for name, slices in found.items()}


def _slices(
    usage: RatedUsage, figures: UsageFigures, cutting: Cutting, *, end: QuarterHour
) -> Iterator[tuple[str, Slice]]:
    priced, charge = usage.priced, usage.charge
    at = priced.ranges[0].start
    cuts = [*cutting.inside(at, end), end]
    before = None
    for cut, after in rate_at(priced, figures, cuts).items():
        day = day_of(at, cutting.zone)
        for line in slice_rated(charge, before=before, after=after):
            if line.net_minor:
                name = line_id("usage", charge=charge.key, part=priced.part, group=line.group)
                yield name, Slice(at, day, line.net_minor)
        before, at = after, cut


def payable_draft(
    invoice: str, lines: Iterable[Line], period: Interval, *, usage: UsageSlices, paid: PaidBefore, zone: ZoneInfo
) -> PayableDraft:
    """Say what credit may pay of a draft's lines; ``period`` is the draft's own."""
    found = (_payable(line, period, usage=usage, paid=paid, zone=zone) for line in lines)
    return PayableDraft(invoice=invoice, lines=tuple(one for one in found if one is not None and one.slices))


def _payable(
    line: Line, period: Interval, *, usage: UsageSlices, paid: PaidBefore, zone: ZoneInfo
) -> PayableLine | None:
    if line.kind is LineKind.USAGE:
        return PayableLine(id=line.id, charge=line.charge, is_usage=True, slices=usage.get(line.id, ()))
    # What a plan minimum comes to later is still a minimum.
    is_late = line.kind is LineKind.LATE_USAGE and line.charge is not None
    if not is_late and line.kind not in (LineKind.RECURRING, LineKind.ONE_OFF):
        return None
    at = quarter_hour_of((period if is_late else line.service_period).start_at)
    slices = (Slice(at, day_of(at, zone), line.net_minor),) if line.net_minor else ()
    taken_back = paid.get(line.id, ()) if line.net_minor < 0 else ()
    return PayableLine(id=line.id, charge=line.charge, is_usage=is_late, slices=slices, paid=taken_back)


def with_credits(
    invoice: str, lines: Sequence[Line], drawdowns: Drawdowns, names: Mapping[str, str]
) -> tuple[Line, ...]:
    """Give lines what grants pay of them; ``names`` has the names of the grants."""
    return tuple(
        replace(line, credits=credits_of(drawdowns[invoice, line.id], names))
        if (invoice, line.id) in drawdowns
        else line
        for line in lines
    )
