"""Which quarter-hours have lost segments to expiry: they take no more events, because they could not be folded anew."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.shared.retention import SAFE_RETENTION
from chalicelib.shared.time import QuarterHour, quarter_hour_of
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters_store import quarter_hour_stretch

Pair = tuple[str, QuarterHour]


def has_expired(organization: str, quarter_hour: QuarterHour, now: datetime) -> bool:
    """Tell whether stored counters of an old quarter-hour have seen segments that are no longer there."""
    return bool(expired_pairs([(organization, quarter_hour)], now))


def expired_pairs(pairs: Iterable[Pair], now: datetime) -> set[Pair]:
    """Find the pairs that have lost segments. Only old ones are looked at, and read only where counters are stored."""
    oldest = quarter_hour_of(now - SAFE_RETENTION)
    old = [pair for pair in pairs if pair[1] < oldest]
    stored = counters_store.read_segment_counts([quarter_hour_stretch(*pair) for pair in old])
    return {
        pair
        for pair, segments in zip(old, stored, strict=True)
        if segments and len(store.read_partition(*pair)) < segments
    }
