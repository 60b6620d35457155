"""The usage query over HTTP, as JSON and as CSV."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.catalog.meters import Meter, MeterCatalog
from chalicelib.platform.csv_text import CSV, Cell, wants_csv, write_csv
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.shared.errors import Fault, HistoryLimit, InvalidInput, RangeTooLarge
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import (
    ONE_DAY,
    ceil_quarter_hour,
    format_instant,
    local_day_of,
    local_day_start,
    quarter_hour_of,
)
from chalicelib.usage.breakdown import Grouping, WindowQuantity
from chalicelib.usage.query import MeterUsage, UsageQuestion, measure_usage, open_reader, used_meters
from chalicelib.usage.query_models import Bound, UsageAnswer, UsageQuery
from chalicelib.usage.ranges import QUARTER_HOURS_PER_DAY, Range, Window
from chalicelib.usage.reader import CountersReader

DEFAULT_DAYS = 30
HISTORY_DAYS = 90
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
    reader = open_reader(request.path["org"], request.now)
    question = _question(query, reader)
    if request.caller.organization is not None:
        refuse_beyond_history(question.whole, reader)
    usage = measure_usage(reader, question)
    if request.caller.organization is not None:
        usage = _visible(usage, reader, question)
    if wants_csv(request.headers):
        return Answer(write_csv(*_table(usage, query)), media_type=CSV)
    return Answer(_document(usage, query, question, reader))


def _question(query: UsageQuery, reader: CountersReader) -> UsageQuestion:
    zone = query.timezone or reader.zone
    faults = _unknown_names(query, reader.catalog)
    try:
        whole = requested_range(query.from_, query.to, zone, reader.now)
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
    )


def requested_range(start: Bound | None, end: Bound | None, zone: ZoneInfo, now: datetime) -> Range:
    """Work out the range of a request: days mean their first instants, the default is the last 30 days with today.

    Raises ``InvalidInput`` when it is empty.
    """
    end_at = _instant(end, zone) if end is not None else local_day_start(local_day_of(now, zone) + ONE_DAY, zone)
    if start is not None:
        start_at = _instant(start, zone)
    else:
        last_day = local_day_of(end_at - timedelta(microseconds=1), zone)
        start_at = local_day_start(last_day - timedelta(days=DEFAULT_DAYS - 1), zone)
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


def refuse_beyond_history(whole: Range, reader: CountersReader, days: int = HISTORY_DAYS) -> None:
    """Raise ``HistoryLimit`` when a range begins before the days that an organization's own callers may see."""
    first = history_start(reader.now, reader.zone, days)
    if whole.start_at < first:
        raise HistoryLimit(
            f"The range may begin at {format_instant(first)} at the earliest: {days} days are shown.",
            [Fault("/query/from", f"must not lie before {format_instant(first)}")],
        )


def history_start(now: datetime, zone: ZoneInfo, days: int = HISTORY_DAYS) -> datetime:
    """Give the first instant of the days, today included, that an organization's own callers may see."""
    today: date = local_day_of(now, zone)
    return local_day_start(today - timedelta(days=days - 1), zone)


def _visible(usage: Sequence[MeterUsage], reader: CountersReader, question: UsageQuestion) -> list[MeterUsage]:
    """Keep the meters that an organization's own callers may see: those it has used."""
    if all(one.breakdown.total != 0 for one in usage):
        return list(usage)
    start = quarter_hour_of(history_start(reader.now, reader.zone))
    used = used_meters(reader, Range(start, max(question.whole.end, ceil_quarter_hour(reader.now))))
    used |= {one.meter.key for one in usage if one.breakdown.total != 0}
    unseen = [one.meter.key for one in usage if one.meter.key not in used]
    if question.meters and unseen:
        # The same words as for a meter that does not exist.
        faults = [Fault("/query/meter", f"{key} is not a meter") for key in unseen]
        raise InvalidInput("The query names things that do not exist.", faults)
    return [one for one in usage if one.meter.key in used]


def _document(
    usage: Sequence[MeterUsage], query: UsageQuery, question: UsageQuestion, reader: CountersReader
) -> dict[str, Any]:
    return {
        "from": format_instant(question.whole.start_at),
        "to": format_instant(question.whole.end_at),
        "window": question.window.value,
        "timezone": question.zone.key,
        "as_of": format_instant(reader.now),
        "data": [_meter_document(one, query) for one in usage],
    }


def _meter_document(usage: MeterUsage, query: UsageQuery) -> dict[str, Any]:
    meter = usage.meter
    document: dict[str, Any] = {
        "meter": meter.key,
        "name": meter.name,
        "unit": meter.unit,
        "aggregation": meter.aggregation.value,
        "billable": False,
        "counting": not meter.counted,
        "total": show_decimal(usage.breakdown.total),
    }
    if usage.previous is not None:
        document["previous_total"] = show_decimal(usage.previous.total)
    if query.spend:
        document["spend"] = None
    document["windows"] = [_window_document(one, query) for one in usage.breakdown.windows]
    return document


def _window_document(one: WindowQuantity, query: UsageQuery) -> dict[str, Any]:
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
    if query.spend:
        document["spend"] = None
    return document


def _table(usage: Sequence[MeterUsage], query: UsageQuery) -> tuple[list[str], Iterator[list[Cell]]]:
    header = ["meter", "start", "end", *query.group_by, "value", *(["spend"] if query.spend else [])]

    def rows() -> Iterator[list[Cell]]:
        for one in usage:
            for row in one.breakdown.windows:
                yield _cells(one.meter, row, query)

    return header, rows()


def _cells(meter: Meter, row: WindowQuantity, query: UsageQuery) -> list[Cell]:
    group = row.group if row.group is not None else ("(other)",) * len(query.group_by)
    bounds = format_instant(row.window.start_at), format_instant(row.window.end_at)
    return [meter.key, *bounds, *group, row.quantity, *([None] if query.spend else [])]
