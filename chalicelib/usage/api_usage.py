"""The usage query over HTTP, as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.platform.csv_text import CSV, Cell, Money, wants_csv, write_csv
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.errors import Fault, InvalidInput, RangeTooLarge
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import (
    ONE_DAY,
    ceil_quarter_hour,
    format_instant,
    local_day_of,
    local_day_start,
    quarter_hour_of,
)
from chalicelib.shared.values import dataclass
from chalicelib.usage.breakdown import Grouping, WindowQuantity
from chalicelib.usage.query import MeterUsage, UsageQuestion, measure_usage, used_meters
from chalicelib.usage.query_models import Bound, UsageAnswer, UsageQuery
from chalicelib.usage.ranges import QUARTER_HOURS_PER_DAY, Range, Window
from chalicelib.usage.reader import CountersReader
from chalicelib.usage.spending import ShownSpend, spend_of
from chalicelib.usage.visibility import Visibility, open_visible

DEFAULT_DAYS = 30
_MAX_DAYS = 1_100
_MAX_DAYS_BY_QUARTER_HOUR = 7
_MAX_DAYS_BY_HOUR = 31
# A range of n local days may hold one hour more: the day on which the clocks go back.
_ONE_HOUR = 4

routes = Routes("usage")


@routes.get(
    "/v1/organizations/{org}/usage",
    roles={READ},
    query=UsageQuery,
    answers={200: UsageAnswer},
    also={CSV: {"type": "string"}},
    problems=("range-too-large", "history-limit"),
)
def get_usage(request: Request) -> Answer:
    """Measure usage by meter, window and group. Every acknowledged event is in the next answer."""
    query: UsageQuery = request.query
    is_bound = request.caller.organization is not None
    reader, visibility = open_visible(request.path["org"], is_bound=is_bound, now=request.now)
    question = _question(query, reader, visibility)
    visibility.refuse_beyond(question.whole, reader)
    usage = measure_usage(reader, question)
    if visibility.is_bound:
        usage = _visible(usage, reader, question, visibility)
    spend = spend_of(reader, question, usage, visibility.billable) if query.spend else {}
    shown = [_Shown(one, one.meter.key in visibility.billable, spend.get(one.meter.key)) for one in usage]
    if wants_csv(request.headers):
        return Answer(write_csv(*_table(shown, query)), media_type=CSV)
    return Answer(_document(shown, query, question, reader))


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an answer shows of one meter; ``spend`` is ``None`` when nobody asked for it."""

    usage: MeterUsage
    billable: bool
    spend: ShownSpend | None

    @property
    def meter(self) -> Meter:
        return self.usage.meter

    @property
    def windows(self) -> Sequence[WindowQuantity]:
        return self.usage.breakdown.windows


def _question(query: UsageQuery, reader: CountersReader, visibility: Visibility) -> UsageQuestion:
    zone = query.timezone or reader.zone
    faults = _unknown_names(query, reader.catalog)
    try:
        days = visibility.default_days(DEFAULT_DAYS)
        whole = requested_range(RequestedBounds(query.from_, query.to, days), zone, reader.now)
    except InvalidInput as empty:
        raise InvalidInput(empty.detail, [*empty.faults, *faults]) from None
    if faults:
        raise InvalidInput("The query names things that do not exist.", faults)
    _refuse_too_large(whole, query.window, same_zone=zone.key == reader.zone.key)
    filters = {name: frozenset(values) for name, values in query.filter.items()}
    return UsageQuestion(
        whole=whole,
        window=query.window,
        zone=zone,
        meters=tuple(dict.fromkeys(query.meter)),
        grouping=Grouping(query.group_by, filters, query.top),
        compare=query.compare is not None,
        include_zero=query.include_zero,
        spend=query.spend,
    )


@dataclass(frozen=True, slots=True)
class RequestedBounds:
    """The range that a request names; where it says no start, it begins so many local days before the end."""

    start: Bound | None
    end: Bound | None
    days: int


def requested_range(bounds: RequestedBounds, zone: ZoneInfo, now: datetime) -> Range:
    """Work out the range of a request: days mean their first instants, the default end is that of today.

    Raises ``InvalidInput`` when it is empty.
    """
    if bounds.end is not None:
        end_at = _instant(bounds.end, zone)
    else:
        end_at = local_day_start(local_day_of(now, zone) + ONE_DAY, zone)
    if bounds.start is not None:
        start_at = _instant(bounds.start, zone)
    else:
        last_day = local_day_of(end_at - timedelta(microseconds=1), zone)
        start_at = local_day_start(last_day - timedelta(days=bounds.days - 1), zone)
    if start_at >= end_at:
        fault = Fault("/query/to", f"must lie after from, which is {format_instant(start_at)}")
        raise InvalidInput("The range is empty.", [fault])
    return Range(quarter_hour_of(start_at), ceil_quarter_hour(end_at))


def _instant(bound: Bound, zone: ZoneInfo) -> datetime:
    return bound if isinstance(bound, datetime) else local_day_start(bound, zone)


def _unknown_names(query: UsageQuery, catalog: MeterCatalog) -> list[Fault]:
    faults = [Fault("/query/meter", f"{key} is not a meter") for key in query.meter if key not in catalog.meters]
    chosen = [catalog.meters[key] for key in query.meter if key in catalog.meters] or list(catalog.meters.values())
    names = {dimension.name for meter in chosen for dimension in meter.dimensions}
    unknown = f"is not a dimension of {'these meters' if query.meter else 'any meter'}"
    if not faults:
        faults += [Fault("/query/group_by", f"{name} {unknown}") for name in query.group_by if name not in names]
        faults += [Fault(f"/query/filter[{name}]", f"{name} {unknown}") for name in query.filter if name not in names]
    return faults


def _refuse_too_large(whole: Range, window: Window, *, same_zone: bool) -> None:
    limit = _MAX_DAYS
    if window is Window.QUARTER_HOUR:
        limit = _MAX_DAYS_BY_QUARTER_HOUR
    elif window is Window.HOUR or not same_zone:
        limit = _MAX_DAYS_BY_HOUR
    if whole.end - whole.start > limit * QUARTER_HOURS_PER_DAY + _ONE_HOUR:
        raise RangeTooLarge(
            f"The range has more than {limit} days, the most for this window and time zone.",
            [Fault("/query/from", f"must lie at most {limit} days before to")],
        )


def _visible(
    usage: Sequence[MeterUsage], reader: CountersReader, question: UsageQuestion, visibility: Visibility
) -> list[MeterUsage]:
    """Keep the meters that an organization's own callers may see: those that a charge prices, and those it has used."""
    seen = visibility.billable | {one.meter.key for one in usage if one.breakdown.total != 0}
    if all(one.meter.key in seen for one in usage):
        return list(usage)
    start = quarter_hour_of(visibility.history_start(reader.now, reader.zone))
    seen |= used_meters(reader, Range(start, max(question.whole.end, ceil_quarter_hour(reader.now))))
    unseen = [one.meter.key for one in usage if one.meter.key not in seen]
    if question.meters and unseen:
        # The same words as for a meter that does not exist.
        faults = [Fault("/query/meter", f"{key} is not a meter") for key in unseen]
        raise InvalidInput("The query names things that do not exist.", faults)
    return [one for one in usage if one.meter.key in seen]


def _document(
    shown: Sequence[_Shown], query: UsageQuery, question: UsageQuestion, reader: CountersReader
) -> dict[str, Any]:
    return {
        "from": format_instant(question.whole.start_at),
        "to": format_instant(question.whole.end_at),
        "window": question.window.value,
        "timezone": question.zone.key,
        "as_of": format_instant(reader.now),
        "data": [_meter_document(one, query) for one in shown],
    }


def _meter_document(shown: _Shown, query: UsageQuery) -> dict[str, Any]:
    meter, usage = shown.meter, shown.usage
    document: dict[str, Any] = {
        "meter": meter.key,
        "name": meter.name,
        "unit": meter.unit,
        "aggregation": meter.aggregation.value,
        "billable": shown.billable,
        "counting": not meter.counted,
        "total": show_decimal(usage.breakdown.total),
    }
    if usage.previous is not None:
        document["previous_total"] = show_decimal(usage.previous.total)
    if shown.spend is not None:
        document["spend"] = shown.spend.total
    document["windows"] = [_window_document(one, query, shown.spend) for one in shown.windows]
    return document


def _window_document(one: WindowQuantity, query: UsageQuery, spend: ShownSpend | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "start": format_instant(one.window.start_at),
        "end": format_instant(one.window.end_at),
        "group": dict(zip(query.group_by, one.group, strict=True))
        if query.group_by and one.group is not None
        else None,
    }
    if one.group is None:
        document["rest"] = True
    document["value"] = show_decimal(one.quantity)
    if spend is not None:
        document["spend"] = spend.find(one.window, one.group)
    return document


def _table(shown: Sequence[_Shown], query: UsageQuery) -> tuple[list[str], Iterator[list[Cell]]]:
    header = ["meter", "start", "end", *query.group_by, "value", *(["spend"] if query.spend else [])]

    def rows() -> Iterator[list[Cell]]:
        for one in shown:
            for row in one.windows:
                yield _cells(one, row, query)

    return header, rows()


def _cells(shown: _Shown, row: WindowQuantity, query: UsageQuery) -> list[Cell]:
    group = row.group if row.group is not None else ("(other)",) * len(query.group_by)
    bounds = format_instant(row.window.start_at), format_instant(row.window.end_at)
    cells: list[Cell] = [shown.meter.key, *bounds, *group, row.quantity]
    if shown.spend is not None:
        spend = shown.spend.find(row.window, row.group)
        cells.append(None if spend is None else Money(spend))
    return cells
