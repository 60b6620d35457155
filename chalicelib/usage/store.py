"""Segments and dirty marks in DynamoDB: appended, never changed. Every read is strongly consistent."""

import itertools
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from chalicelib.platform.reads import Query, list_page, walk, write_batch
from chalicelib.platform.writes import Delete, Lost, commit
from chalicelib.shared.time import (
    QuarterHour,
    format_quarter_hour,
    instant_of,
    microseconds,
    parse_quarter_hour,
    quarter_hour_start,
)
from chalicelib.shared.values import dataclass
from chalicelib.usage.segments import Packed, Segment, SegmentKind, expiry_s
from chalicelib.usage.tables import MarkItem, SegmentItem

SHARDS = 16
_TOKEN_BYTES = 6
# No random part has one.
_AFTER_TIME = "."

Partition = tuple[QuarterHour, list[Segment]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """A segment to be appended. ``sort_id`` comes from the real clock, ``received_at`` from the domain's."""

    organization: str
    quarter_hour: QuarterHour
    kind: SegmentKind
    packed: Packed
    received_at: datetime
    sort_id: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A quarter-hour of an organization whose stored counters may be behind its segments.

    The token begins with when the mark was last written; that of an older release tells nothing.
    """

    organization: str
    quarter_hour: QuarterHour
    token: str

    @property
    def waits_since(self) -> datetime:
        """Tell since when it could be rolled up: when its quarter-hour ended, or when it was written later."""
        closed_at = quarter_hour_start(self.quarter_hour + 1)
        written, has_time, _ = self.token.partition(_AFTER_TIME)
        return max(closed_at, instant_of(int(written, 16))) if has_time else closed_at


def put_segments(segments: Sequence[NewSegment]) -> None:
    """Append segments. Repeating it under new sort ids adds copies, which the fold drops. Raises ``Busy``."""
    write_batch([_segment_item(segment) for segment in segments])


def put_marks(pairs: Iterable[tuple[str, QuarterHour]], *, marked_at: datetime | None = None) -> None:
    """Mark quarter-hours dirty, each with a new token that tells when. Raises ``Busy``."""
    write_batch(
        [
            MarkItem(_mark_partition(organization), _mark_key(organization, quarter_hour), token=_new_token(marked_at))
            for organization, quarter_hour in dict.fromkeys(pairs)
        ]
    )


def _new_token(marked_at: datetime | None) -> str:
    told = "" if marked_at is None else f"{microseconds(marked_at):x}{_AFTER_TIME}"
    return f"{told}{secrets.token_urlsafe(_TOKEN_BYTES)}"


def shard_of(organization: str) -> int:
    """Tell which of the 16 shards holds an organization's marks."""
    return zlib.crc32(organization.encode()) % SHARDS


def list_marks(organization: str) -> list[Mark]:
    """List an organization's marks by quarter-hour."""
    within = MarkItem.sk.startswith(f"{organization}#")
    return [_mark(item) for item in walk(Query(model=MarkItem, pk=_mark_partition(organization), within=within))]


def list_marks_of_shard(shard: int) -> Iterator[Mark]:
    """Walk the marks of a shard, by organization and quarter-hour."""
    for item in walk(Query(model=MarkItem, pk=f"dirty#{shard}")):
        yield _mark(item)


def first_marks_of_shard(shard: int, *, limit: int) -> tuple[list[Mark], bool]:
    """Read the first marks of a shard, by organization and quarter-hour, and whether there are more."""
    page = list_page(Query(model=MarkItem, pk=f"dirty#{shard}"), limit=limit)
    return [_mark(item) for item in page.items], page.next_key is not None


def delete_mark(mark: Mark) -> bool:
    """Delete a mark if it still has the token that was read; tells whether it did."""
    keys = (_mark_partition(mark.organization), _mark_key(mark.organization, mark.quarter_hour))
    # Another token means that a segment may have come after the partition was read.
    try:
        commit([Delete(model=MarkItem, keys=keys, condition=MarkItem.token == mark.token)])
    except Lost:
        return False
    return True


def _mark_partition(organization: str) -> str:
    return f"dirty#{shard_of(organization)}"


def _mark_key(organization: str, quarter_hour: QuarterHour) -> str:
    return f"{organization}#{format_quarter_hour(quarter_hour)}"


def _mark(item: MarkItem) -> Mark:
    organization, _, quarter_hour = item.sk.partition("#")
    return Mark(organization, parse_quarter_hour(quarter_hour), item.token)


def read_partition(organization: str, quarter_hour: QuarterHour) -> list[Segment]:
    """Read all segments of a quarter-hour in the order of their sort ids."""
    return list(_query_segments(organization, quarter_hour, quarter_hour))


def read_partitions(organization: str, quarter_hours: Sequence[QuarterHour]) -> Iterator[Partition]:
    """Read all segments of some quarter-hours, given in order, one quarter-hour at a time in that order.

    Neighbours of one UTC day share a query. Quarter-hours without segments are left out.
    """
    for first, last in runs_of_quarter_hours(quarter_hours):
        segments = _query_segments(organization, first, last)
        for quarter_hour, partition in itertools.groupby(segments, key=lambda segment: segment.quarter_hour):
            yield quarter_hour, list(partition)


def runs_of_quarter_hours(quarter_hours: Sequence[QuarterHour]) -> list[tuple[QuarterHour, QuarterHour]]:
    """Join quarter-hours, given in order, into runs (first, last) without gaps within one UTC day."""
    runs: list[tuple[QuarterHour, QuarterHour]] = []
    for quarter_hour in quarter_hours:
        starts_a_day = quarter_hour % 96 == 0
        if runs and runs[-1][1] == quarter_hour - 1 and not starts_a_day:
            runs[-1] = (runs[-1][0], quarter_hour)
        else:
            runs.append((quarter_hour, quarter_hour))
    return runs


def _query_segments(organization: str, first: QuarterHour, last: QuarterHour) -> Iterator[Segment]:
    day, start = format_quarter_hour(first).split("T")
    _, end = format_quarter_hour(last).split("T")
    # "~" sorts after every sort id.
    between = SegmentItem.sk.between(f"{start}#", f"{end}#~")
    for item in walk(Query(model=SegmentItem, pk=f"{organization}#{day}", within=between)):
        yield _segment(item)


def read_segments_back(
    organization: str, day: date, *, before: QuarterHour | None = None
) -> Iterator[tuple[Segment, int]]:
    """Walk the segments of a UTC day from the latest quarter-hour to the first, each with its size in bytes.

    ``before`` leaves out that quarter-hour and all later ones. Within a quarter-hour the last received comes first.
    """
    upper = None if before is None else SegmentItem.sk < format_quarter_hour(before).split("T")[1]
    found = walk(Query(model=SegmentItem, pk=f"{organization}#{day.isoformat()}", within=upper, newest_first=True))
    for item in found:
        segment = _segment(item)
        yield segment, segment.packed.size


def _segment_item(segment: NewSegment) -> SegmentItem:
    day, minute = format_quarter_hour(segment.quarter_hour).split("T")
    return SegmentItem(
        f"{segment.organization}#{day}",
        f"{minute}#{segment.sort_id}",
        kind=None if segment.kind is SegmentKind.EVENTS else segment.kind.value,
        rows=segment.packed.rows,
        received_micros=microseconds(segment.received_at),
        ids=segment.packed.ids,
        columns=segment.packed.columns,
        reason=segment.reason,
        expires_at=instant_of(expiry_s(segment.quarter_hour, microseconds(segment.received_at)) * 10**6),
    )


def _segment(item: SegmentItem) -> Segment:
    day = item.pk.rpartition("#")[2]
    minute, _, sort_id = item.sk.partition("#")
    return Segment(
        sort_id,
        SegmentKind(item.kind or SegmentKind.EVENTS),
        parse_quarter_hour(f"{day}T{minute}"),
        int(item.received_micros),
        Packed(item.ids, item.columns, int(item.rows)),
        item.reason,
    )
