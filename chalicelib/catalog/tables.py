"""What the catalog stores: one table, small items, every definition as one JSON text.

The index ``list`` orders what people search by name. All meters lie in one partition with the catalog's version, and
all organization ids in another, so that both can be read whole, in a fixed order and strongly consistent.
"""

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.platform.tables import BaseModel, table_name

TABLE = "catalog"


class ListIndex(GlobalSecondaryIndex["CatalogItem"]):  # type: ignore[no-untyped-call]
    """Things of one kind by lower-case name and id."""

    class Meta:
        """Name and projection."""

        index_name = "list"
        projection = AllProjection()

    list_kind = UnicodeAttribute(hash_key=True)
    list_name = UnicodeAttribute(range_key=True)


class DueIndex(GlobalSecondaryIndex["CatalogItem"]):  # type: ignore[no-untyped-call]
    """What a job has to look at, by when: ``billing#<0..15>``, microseconds since 1970."""

    class Meta:
        """Name and projection."""

        index_name = "due"
        projection = KeysOnlyProjection()

    due_key = UnicodeAttribute(hash_key=True)
    due_at = NumberAttribute(range_key=True)


class CatalogItem(BaseModel):
    """A definition. ``content`` is its JSON text.

    The item ``meters``/``#version`` carries the ``version`` of the definitions, which counters are folded with, and the
    ``edition``, a random text that is another one after any change of a meter, its name too. The ``changed`` meters of
    that change, so many, carry the edition too: who reads the partition knows by them that it has read all of it.

    All subscriptions of an organization are one item, ``org#<id>``/``subscriptions``: ``packed`` is their JSON text,
    zlib-compressed, and ``version`` counts its changes. ``due_key`` and ``due_at`` are there while billing is due.
    """

    class Meta:
        """Where it is kept."""

        table_name = table_name(TABLE)

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    list_kind = UnicodeAttribute(null=True)
    list_name = UnicodeAttribute(null=True)
    content = UnicodeAttribute(null=True)
    packed = BinaryAttribute(null=True, legacy_encoding=False)
    version = NumberAttribute(null=True)
    edition = UnicodeAttribute(null=True)
    changed = NumberAttribute(null=True)
    counted = BooleanAttribute(null=True)
    due_key = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)
    by_name = ListIndex()
    by_due = DueIndex()
