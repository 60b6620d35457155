"""Which quarter-hours have segments: their keys alone, read strongly consistent."""

from collections.abc import Iterator
from datetime import date

from chalicelib.platform.reads import Query, past_empty_pages, read_page
from chalicelib.shared.time import QuarterHour, parse_quarter_hour
from chalicelib.usage.tables import SegmentItem

# Of a quarter-hour with very many segments no more than these are read before the next one is looked for.
_KEYS_AT_ONCE = 50


def list_quarter_hours(organization: str, day: date) -> Iterator[QuarterHour]:
    """Walk the quarter-hours of a UTC day that have segments, in order, however many segments those are."""
    pk, last = f"{organization}#{day.isoformat()}", ""
    while True:
        # "~" sorts after every sort id, and "3" after every time.
        within = SegmentItem.sk.between(f"{last}#~" if last else "0", "3")
        query = Query(model=SegmentItem, pk=pk, within=within, attributes=("pk", "sk"))
        page = past_empty_pages(query, read_page(query, limit=_KEYS_AT_ONCE), limit=_KEYS_AT_ONCE)
        times = dict.fromkeys(item.sk.partition("#")[0] for item in page.items)
        for time in times:
            last = time
            yield parse_quarter_hour(f"{day.isoformat()}T{time}")
        if page.next_key is None:
            return
