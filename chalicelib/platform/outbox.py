"""Events that leave: each is written in the transaction of the change it tells of, so none is lost and none is false.

They lie in the outbox by shard in the order of time, until they are delivered.
"""

import zlib
from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.platform.tables import BaseModel, table_name
from chalicelib.platform.writes import Put, Write
from chalicelib.shared import strict_json
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from chalicelib.shared.time import format_instant

SHARDS = 16


class OutboxEvent(BaseModel):
    """An event to be delivered: ``events#<0..15>`` by organization, and a time-ordered id."""

    class Meta:
        """Beside the idempotency records, under partition keys of its own."""

        table_name = table_name("outbox")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    event = UnicodeAttribute()


def outbox_write(kind: str, content: dict[str, Any], *, organization: str, now: datetime) -> Write:
    """Make the write of an event such as ``invoice.finalized``; ``content`` is JSON without secrets."""
    event_id = sort_ids.next(clock.real_ns())
    event = {"id": event_id, "type": kind, "organization": organization, "time": format_instant(now), "data": content}
    shard = zlib.crc32(organization.encode()) % SHARDS
    item = OutboxEvent(f"events#{shard}", event_id, kind=kind, event=strict_json.dump(event))
    return Put(item=item, condition=OutboxEvent.pk.does_not_exist())
