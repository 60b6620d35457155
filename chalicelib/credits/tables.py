"""What the credits domain stores: one partition for each organization.

``head`` says which wallet this is; ``grant#<id>`` holds a grant's terms, written once; ``wallet#<page>`` the balances
of many grants; ``entries#<first seq>`` the ledger entries of one transaction; ``hold#<end>#<id>`` a hold. The index
``due`` finds the heads of wallets in which something has to be booked.
"""

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.platform.tables import BaseModel, table_name

TABLE = "credits"


class DueIndex(GlobalSecondaryIndex["HeadItem"]):  # type: ignore[no-untyped-call]
    """Wallets in which something has to be booked, by when: ``credits#<0..15>``, microseconds since 1970."""

    class Meta:
        """Name and projection."""

        index_name = "due"
        projection = KeysOnlyProjection()

    due_key = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class HeadItem(BaseModel):
    """The head of a wallet: ``<organization>``, ``head``.

    ``totals`` are the sums over all grants, as JSON: granted, consumed, expired, voided, held. ``due_key`` and
    ``due_at`` are there while something lies ahead that has to be booked. ``holds_until``, ``next_hold_at`` and
    ``waits_until`` are those of ``WalletHead``; older items have none.
    """

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    seq = NumberAttribute()
    hash = UnicodeAttribute()
    balance_minor = NumberAttribute()
    totals = UnicodeAttribute()
    grants = NumberAttribute()
    page_size = NumberAttribute()
    holds_until = NumberAttribute(null=True)
    next_hold_at = NumberAttribute(null=True)
    waits_until = NumberAttribute(null=True)
    due_key = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)
    by_due = DueIndex()


class GrantItem(BaseModel):
    """The terms of a grant, as JSON: ``<organization>``, ``grant#<id>``. Occurrences have none, they are derived."""

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    terms = UnicodeAttribute()


class PageItem(BaseModel):
    """The balances of many grants: ``<organization>``, ``wallet#<page>``. ``version`` is that of the head with it."""

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    balances = BinaryAttribute(legacy_encoding=False)


class EntriesItem(BaseModel):
    """The ledger entries of a transaction, in their order: ``<organization>``, ``entries#<first seq>``."""

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    entries = BinaryAttribute(legacy_encoding=False)


class HoldItem(BaseModel):
    """A hold: ``<organization>``, ``hold#<end in microseconds>#<sort id>``: they lie in the order of their ends.

    ``parts`` is JSON: grants with amounts. ``version`` is that of the head that it was written with last.
    """

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    amount_minor = NumberAttribute()
    parts = UnicodeAttribute()
    reference = UnicodeAttribute()
    created_at = NumberAttribute()
    released_at = NumberAttribute(null=True)
