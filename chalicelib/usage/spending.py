"""What usage costs, by window and group: asked of the source that ``app.py`` names, which knows prices.

Usage itself knows no money. It says what it shows: the windows of a meter, and where it shows parts of a window (groups
or filtered values), their quantities; the source shares the money of a window out over them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Protocol

from chalicelib.platform.sources import Source
from chalicelib.shared.numbers import EXACT
from chalicelib.shared.values import dataclass
from chalicelib.usage.aggregation import exact_sum
from chalicelib.usage.breakdown import Breakdown, Group
from chalicelib.usage.query import MeterUsage, UsageQuestion
from chalicelib.usage.ranges import Range, cut
from chalicelib.usage.reader import CountersReader


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendQuestion:
    """What one meter's usage costs in some windows, which follow one another without a gap.

    Where groups are shown, or a filter keeps a part, ``groups`` has the quantities of each window with usage: by
    group, ``None`` for those beyond the top, and ``()`` without a grouping. With a filter ``filtered_out`` has what it
    took out of each of these windows, which costs its share too; without one that is ``None``.
    """

    meter: str
    windows: Sequence[Range]
    groups: Mapping[Range, Mapping[Group, Decimal]] = field(default_factory=dict)
    filtered_out: Mapping[Range, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpend:
    """Gross money, as text with the currency's minor digits: in all, of each window, of the groups of each."""

    total: str
    windows: Mapping[Range, str]
    groups: Mapping[Range, Mapping[Group, str]] = field(default_factory=dict)


class SpendSource(Protocol):
    """Knows what usage costs."""

    def spend(
        self, organization: str, reader: CountersReader, questions: Sequence[SpendQuestion]
    ) -> Sequence[MeterSpend | None]:
        """Answer some questions, in their order; ``None`` for a meter that nothing prices in its windows.

        The total is that of all windows, or with a filter that of the groups. ``reader`` has read its marks.
        """


_source: Source[SpendSource | None] = Source("spend", None)


def use_spend_source(source: SpendSource | None) -> None:
    """Name the source that knows what usage costs; ``None`` takes it away."""
    _source.named = source


@dataclass(frozen=True, slots=True)
class ShownSpend:
    """What the usage of one meter costs, as it is shown; ``None`` where no charge prices it, or nobody can tell."""

    spend: MeterSpend | None = None
    by_group: bool = False

    @property
    def total(self) -> str | None:
        """Give the money of the whole range."""
        return None if self.spend is None else self.spend.total

    def find(self, window: Range, group: Group) -> str | None:
        """Give the money of a window, or of a group in it."""
        if self.spend is None:
            return None
        if self.by_group:
            return self.spend.groups.get(window, {}).get(group)
        return self.spend.windows.get(window)


def spend_of(
    reader: CountersReader, question: UsageQuestion, usage: Sequence[MeterUsage], billable: Collection[str]
) -> dict[str, ShownSpend]:
    """Tell what each meter's usage costs, by key; the source is asked once for all of them.

    Quantities that do not add up have no shares: nobody can tell what the groups of such a meter cost, nor what of it
    a filter keeps.
    """
    source, grouping = _source.named, question.grouping
    asked = [
        one
        for one in usage
        if one.meter.key in billable and (one.meter.aggregation.is_additive or not grouping.filters)
    ]
    if source is None or not asked:
        return {one.meter.key: ShownSpend() for one in usage}
    windows = cut(question.whole, question.window, question.zone)
    by_group = bool(grouping.by or grouping.filters)
    questions = [_question(one, windows) if by_group else _plain_question(one, windows) for one in asked]
    answers = source.spend(reader.organization.id, reader, questions)
    found = {one.meter.key: ShownSpend(answer, by_group) for one, answer in zip(asked, answers, strict=True)}
    return {one.meter.key: found.get(one.meter.key, ShownSpend()) for one in usage}


def _plain_question(usage: MeterUsage, windows: Sequence[Range]) -> SpendQuestion:
    return SpendQuestion(meter=usage.meter.key, windows=windows)


def _question(usage: MeterUsage, windows: Sequence[Range]) -> SpendQuestion:
    """Ask for the parts of windows that are shown, as far as quantities add up."""
    if not usage.meter.aggregation.is_additive:
        return _plain_question(usage, windows)
    groups: dict[Range, dict[Group, Decimal]] = {}
    for row in usage.breakdown.windows:
        if row.quantity:
            groups.setdefault(row.window, {})[row.group] = row.quantity
    filtered_out = None if usage.unfiltered is None else _filtered_out(groups, usage.unfiltered)
    return SpendQuestion(meter=usage.meter.key, windows=windows, groups=groups, filtered_out=filtered_out)


def _filtered_out(groups: Mapping[Range, Mapping[Group, Decimal]], unfiltered: Breakdown) -> dict[Range, Decimal]:
    whole = {row.window: row.quantity for row in unfiltered.windows}
    return {window: EXACT.subtract(whole[window], exact_sum(shown.values())) for window, shown in groups.items()}
