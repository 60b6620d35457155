"""What usage costs as the usage query shows it: gross lines, spread over windows and groups (docs/rules.md 3.9).

A window costs what the charges come to at its end less what they came to at its start, counted from the beginning of
the billing period and rounded at both. So the windows of a period add up to the gross lines of its draft.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from chalicelib.catalog import plan_service, subscription_service
from chalicelib.catalog.plans import UsageCharge
from chalicelib.catalog.subscriptions import Period
from chalicelib.catalog.timeline import periods_from
from chalicelib.invoices.period_rating import PricedCharge, price_parts, rate_at
from chalicelib.invoices.progress import Plans, terms_of_all
from chalicelib.invoices.rating import RatedCharge, split_by_share
from chalicelib.platform.together import together
from chalicelib.shared.money import show_money
from chalicelib.shared.time import QuarterHour, quarter_hour_start
from chalicelib.shared.values import dataclass
from chalicelib.usage.breakdown import Group
from chalicelib.usage.period_usage import PeriodUsage, read_period
from chalicelib.usage.ranges import Range
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.spending import MeterSpend, SpendQuestion

# Sorts behind the names of groups; stands for those beyond the top, and for what a filter took out.
_REST, _FILTERED_OUT = "\U0010fffe", "\U0010ffff"
# A period has begun at its first instant.
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _PricedPeriod:
    """A period with its charges on the meters that were asked about."""

    period: Period
    charges: Sequence[PricedCharge]


class Spending:
    """Answers what usage costs: the source that the usage query asks."""

    def spend(
        self, organization: str, reader: CountersReader, questions: Sequence[SpendQuestion]
    ) -> Sequence[MeterSpend | None]:
        """Answer some questions, in their order; ``None`` for a meter that nothing prices in its windows."""
        windows = [window for question in questions for window in question.windows]
        if not windows:
            return [None for _ in questions]
        whole = Range(min(window.start for window in windows), max(window.end for window in windows))
        priced = _priced_periods(organization, reader, whole, {question.meter for question in questions})
        edges = {bound for window in windows for bound in (window.start, window.end)}
        figures = together(*(partial(_figures, reader, one, edges) for one in priced))
        spread = _Spread(reader.organization.currency, list(zip(priced, figures, strict=True)))
        return [spread.answer(question) for question in questions]


def _priced_periods(
    organization: str, reader: CountersReader, whole: Range, meters: Iterable[str]
) -> list[_PricedPeriod]:
    """List the periods with charges on some meters that have begun and overlap a range."""
    stored = subscription_service.read_subscriptions(organization).subscriptions
    terms = [one for subscription in stored for one in terms_of_all(subscription)]
    plans = Plans(list(zip(terms, plan_service.effective_plans(terms), strict=True)))
    until = min(quarter_hour_start(whole.end), reader.now + _MOMENT)
    wanted = frozenset(meters)
    found = []
    for subscription in stored:
        for period in periods_from(subscription, 0, until=until):
            if period.end <= whole.start or period.start >= period.end:
                continue
            priced = price_parts(period, plans.of_period(period))
            charges = [one for one in priced if isinstance(one.charge, UsageCharge) and one.charge.meter in wanted]
            if charges:
                found.append(_PricedPeriod(period, charges))
    return found


def _figures(reader: CountersReader, priced: _PricedPeriod, edges: set[QuarterHour]) -> PeriodUsage:
    period = priced.period
    bounds = {bound for part in period.parts for bound in (part.start, part.end)}
    inside = {edge for edge in edges if period.start < edge < period.end}
    meters = sorted({_charge(one).meter for one in priced.charges})
    return read_period(reader, Range(period.start, period.end), bounds | inside, meters)


def _charge(priced: PricedCharge) -> UsageCharge:
    assert isinstance(priced.charge, UsageCharge)
    return priced.charge


@dataclass(frozen=True, slots=True)
class _Spread:
    """Spreads what the charges of some periods come to."""

    currency: str
    periods: Sequence[tuple[_PricedPeriod, PeriodUsage]]

    def answer(self, question: SpendQuestion) -> MeterSpend | None:
        """Answer what one meter's usage costs."""
        amounts = dict.fromkeys(question.windows, 0)
        is_priced = False
        for priced, figures in self.periods:
            for one in priced.charges:
                if _charge(one).meter == question.meter:
                    is_priced = True
                    self._add(amounts, priced.period, one, figures)
        if not is_priced:
            return None
        groups = {window: self._shares(question, window, amounts[window]) for window in question.groups}
        shown = [sum(shares.values()) for shares in groups.values()] if question.filtered_out is not None else []
        total_minor = sum(shown) if question.filtered_out is not None else sum(amounts.values())
        return MeterSpend(
            total=self._show(total_minor),
            windows={window: self._show(minor) for window, minor in amounts.items()},
            groups={
                window: {group: self._show(minor) for group, minor in shares.items()}
                for window, shares in groups.items()
            },
        )

    def _show(self, minor: int) -> str:
        return show_money(minor, self.currency)

    def _add(self, amounts: dict[Range, int], period: Period, priced: PricedCharge, figures: PeriodUsage) -> None:
        """Add to each window what a charge comes to in it."""
        inside = [window for window in amounts if window.start < period.end and window.end > period.start]
        bounds = sorted({min(max(bound, period.start), period.end) for one in inside for bound in (one.start, one.end)})
        rated = rate_at(priced, figures, bounds)
        first = priced.ranges[0].start
        for window in inside:
            start, end = max(window.start, period.start), min(window.end, period.end)
            before = 0 if start <= first else _gross(rated[start])
            after = 0 if end <= first else _gross(rated[end])
            amounts[window] += after - before

    def _shares(self, question: SpendQuestion, window: Range, minor: int) -> dict[Group, int]:
        """Share a window's amount out over its groups, and over what a filter took out, by their quantities."""
        names = {_name(group): group for group in question.groups[window]}
        shares = [(_name(group), quantity) for group, quantity in question.groups[window].items()]
        if question.filtered_out is not None:
            shares.append((_FILTERED_OUT, question.filtered_out[window]))
        spread = split_by_share(minor, shares)
        return {group: spread[name] for name, group in names.items()}


def _name(group: Group) -> str:
    """Name a group so that names sort as groups do; those beyond the top come last."""
    return _REST if group is None else "\x00".join(group)


def _gross(rated: RatedCharge) -> int:
    return sum(line.gross_minor for line in rated.lines)
