"""Puts right what refuses the counters of the rollup although it is wrong.

A write of counters is refused by whatever says that it has seen as much. Mostly that is the same, or more; but counters
that a fault of the code or a hand has damaged would refuse the right ones for ever. So who is refused by anything else
than the same reads in this order: first the header that stands there, then all that it is made of. Whoever wrote that
header had read no more of it, because parts only grow. So the counters made now are right, and they take the place of
exactly that header; where another stands there meanwhile nothing is written, and the caller begins again.
"""

from collections.abc import Callable
from datetime import datetime

from chalicelib.catalog import service as catalog_service
from chalicelib.catalog.meters import MeterCatalog
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.time import parse_quarter_hour
from chalicelib.usage import counters_store, store
from chalicelib.usage.counters import CODE_VERSION, Counters, definitions_number
from chalicelib.usage.counters_store import Stored, Stretch
from chalicelib.usage.expiry import is_closed
from chalicelib.usage.fold import fold

# Makes counters anew from their parts as they are stored now; ``None`` when that needs a newer catalog.
MakeAgain = Callable[[], Counters | None]


def store_merged(stretch: Stretch, counters: Counters, make_again: MakeAgain, catalog: MeterCatalog) -> bool:
    """Store the counters of a day, or levels; tells ``False`` when others than these may be wanted there.

    Their parts are never deleted, so what they make is right whatever stands there says it has seen. Raises ``Busy``.
    """
    if counters_store.put_counters(stretch, counters, catalog, sort_ids.next(clock.real_ns())) is not None:
        return True
    stored = counters_store.find_stored(stretch, catalog)
    if stored is None or stored.counters == counters:
        return stored is not None
    again = make_again()
    return again is not None and _put_right(stored, again, catalog)


def mend_quarter_hour(stretch: Stretch, refused: Counters, catalog: MeterCatalog, now: datetime) -> bool:
    """Look at what refused the fold of a quarter-hour, and put it right; tells ``False`` when to fold again.

    Only what is stored with the same content has surely seen the same: a partition of several pages is not read at one
    instant, so two folds of as many segments may have seen different ones. Counters that have seen segments which may
    have expired since can never be told anew, so they stay. Raises ``Busy``.
    """
    stored = counters_store.find_stored(stretch, catalog)
    if stored is None or stored.counters == refused:
        return stored is not None
    folded = fold(store.read_partition(stretch.organization, parse_quarter_hour(stretch.name)), catalog)
    found = stored.counters
    if is_closed(int(stored.header.kept_until_s or 0), now):
        return found is None or found.segments >= folded.segments
    if found is not None and folded.definitions < found.definitions and _may_be_known(found.definitions):
        return False
    return _put_right(stored, folded, catalog)


def _may_be_known(definitions: int) -> bool:
    """Tell whether counters that were read before may really know so much.

    What the meters never had is damage, or from before the meters were restored. A later version of the fold's code is
    that of another release, which runs beside this one or ran before it: what it wrote is not for this one to judge.
    """
    newest = definitions_number(catalog_service.meter_catalog().version)
    return definitions <= newest or definitions >= definitions_number(0, code_version=CODE_VERSION + 1)


def _put_right(stored: Stored, counters: Counters, catalog: MeterCatalog) -> bool:
    """Store counters where others than they were read; tells whether they stand there."""
    if stored.counters == counters:
        return True
    return counters_store.replace_counters(stored, counters, catalog, sort_ids.next(clock.real_ns()))
