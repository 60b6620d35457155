"""What the invoices domain stores: one table, one partition for each organization.

``head`` has the next numbers, ``inv#<number>`` an invoice, ``page#…`` a part of a very long one, ``cn#<number>`` a
credit note, and ``ref#<name>`` what was billed under a name: a period, an advance fee, late usage, a one-off.
"""

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.platform.tables import BaseModel, table_name

TABLE = "invoices"


class StatusIndex(GlobalSecondaryIndex["InvoicesItem"]):  # type: ignore[no-untyped-call]
    """Invoices of all organizations by state, ``open``, ``paid`` or ``void``, with a shard, and by when issued."""

    class Meta:
        """Name and projection."""

        index_name = "by_status"
        projection = KeysOnlyProjection()

    status_key = UnicodeAttribute(hash_key=True)
    issued_at = NumberAttribute(range_key=True)


class DueIndex(GlobalSecondaryIndex["InvoicesItem"]):  # type: ignore[no-untyped-call]
    """What a job has to look at, by when: ``overdue#<0..15>``, microseconds since 1970."""

    class Meta:
        """Name and projection."""

        index_name = "due"
        projection = KeysOnlyProjection()

    due_key = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class InvoicesItem(BaseModel):
    """An item of an organization's invoices.

    Of an invoice ``header`` and ``content`` never change, ``standing`` does, and ``version`` counts its changes. A
    content over 30 KB lies in ``pages`` items named by ``page_id``, and so does a record over 300 KB. A
    long standing or credit note is ``standing_packed``. ``issued_at`` and ``due_at`` count microseconds.
    """

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute(null=True)
    header = UnicodeAttribute(null=True)
    content = BinaryAttribute(null=True, legacy_encoding=False)
    standing = UnicodeAttribute(null=True)
    standing_packed = BinaryAttribute(null=True, legacy_encoding=False)
    pages = NumberAttribute(null=True)
    page_id = UnicodeAttribute(null=True)
    status_key = UnicodeAttribute(null=True)
    issued_at = NumberAttribute(null=True)
    due_key = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)
    by_status = StatusIndex()
    by_due = DueIndex()
