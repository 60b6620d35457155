"""What the usage domain stores. Attribute names are one letter where an item is counted by the kilobyte."""

from pynamodb.attributes import BinaryAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute

from chalicelib.platform.tables import BaseModel, table_name

EVENTS_TABLE = "usage-events"
COUNTERS_TABLE = "usage-counters"


class SegmentItem(BaseModel):
    """A segment: ``<organization>#<UTC day>``, ``<HH:MM of the quarter-hour>#<sort id>``. Expires by retention."""

    class Meta:
        """Where it is kept."""

        table_name = table_name(EVENTS_TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute(attr_name="k", null=True)
    rows = NumberAttribute(attr_name="n")
    received_micros = NumberAttribute(attr_name="r")
    ids = BinaryAttribute(attr_name="i", legacy_encoding=False)
    columns = BinaryAttribute(attr_name="c", legacy_encoding=False)
    reason = UnicodeAttribute(attr_name="z", null=True)
    expires_at = TTLAttribute(attr_name="x")


class MarkItem(BaseModel):
    """A dirty mark: ``dirty#<shard>``, ``<organization>#<quarter-hour>``; the token changes with every write."""

    class Meta:
        """Where it is kept: beside the segments."""

        table_name = table_name(EVENTS_TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    token = UnicodeAttribute(attr_name="t")


class CountersItem(BaseModel):
    """Counters of a stretch of time, or a page of them: ``<organization>``, ``<kind>#<name>[#<fold id>#<page>]``."""

    class Meta:
        """Where it is kept."""

        table_name = table_name(COUNTERS_TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    segments = NumberAttribute(attr_name="g", null=True)
    definitions = NumberAttribute(attr_name="v", null=True)
    fold_id = UnicodeAttribute(attr_name="f", null=True)
    pages = NumberAttribute(attr_name="p", null=True)
    kept_until_s = NumberAttribute(attr_name="e", null=True)
    blob = BinaryAttribute(attr_name="b", legacy_encoding=False, null=True)
