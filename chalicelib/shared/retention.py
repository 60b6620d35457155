"""How long events are kept: long enough for the longest billing period and all that may still change it."""

from datetime import timedelta

RETENTION = timedelta(days=440)
# Within it no segment of a quarter-hour has expired: what is folded again or added to must lie inside.
SAFE_RETENTION = RETENTION - timedelta(days=5)
