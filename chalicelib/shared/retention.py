"""How long events are kept: long enough for the longest billing period and all that may still change it.

A segment is kept for ``RETENTION`` from its events' time or from when it was received, whichever is later, so that
history of any age can be brought in and then has as long to be corrected. A quarter-hour that is younger than
``SAFE_RETENTION`` has surely lost no segment; an older one may have, and then it takes no more events: its counters
stay as they are.
"""

from datetime import UTC, datetime, timedelta

RETENTION = timedelta(days=440)
# The table's expiry deletes within days, and never early.
SAFE_RETENTION = RETENTION - timedelta(days=5)
# The earliest time of an event: older ones are mistakes.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
