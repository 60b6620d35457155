"""Which quarter-hours take no more events: those that have lost segments, or soon will, could not be folded anew.

Counters know when the first of the segments they have seen expires. A day before that their quarter-hour is closed for
good: no event, void or amend is added, nothing is folded again, and the counters stay as they are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from chalicelib.shared.retention import SAFE_RETENTION
from chalicelib.shared.time import EPOCH, QuarterHour, quarter_hour_of
from chalicelib.usage import counters_store
from chalicelib.usage.counters_store import quarter_hour_stretch
from chalicelib.usage.segments import Segment

Pair = tuple[str, QuarterHour]

# Longer than any acknowledged event waits for its rollup.
_MARGIN_S = 24 * 3600


def is_closed(kept_until_s: int, now: datetime) -> bool:
    """Tell whether segments are gone or soon will be; 0 stands for no segments."""
    return 0 < kept_until_s <= (now - EPOCH) // timedelta(seconds=1) + _MARGIN_S


def is_partition_closed(pair: Pair, segments: Sequence[Segment], now: datetime) -> bool:
    """Tell whether a quarter-hour, given with the segments that are there, takes no more records."""
    return any(is_closed(segment.kept_until_s, now) for segment in segments) or bool(closed_pairs([pair], now))


def closed_pairs(pairs: Iterable[Pair], now: datetime) -> set[Pair]:
    """Find the pairs whose stored counters have seen segments that are gone or soon will be. Only old ones are read."""
    oldest = quarter_hour_of(now - SAFE_RETENTION)
    old = [pair for pair in pairs if pair[1] < oldest]
    kept_until_s = counters_store.read_kept_until([quarter_hour_stretch(*pair) for pair in old])
    return {pair for pair, until_s in zip(old, kept_until_s, strict=True) if is_closed(until_s, now)}
