"""Two kinds of items in one table, for the tests of storage."""

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.platform.tables import BaseModel, DecimalAttribute, table_name


class ByState(GlobalSecondaryIndex["Box"]):  # type: ignore[no-untyped-call]
    class Meta:
        index_name = "by_state"
        projection = KeysOnlyProjection()

    state = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class Box(BaseModel):
    class Meta:
        table_name = table_name("boxes")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute(null=True)
    weight = DecimalAttribute(null=True)
    version = NumberAttribute(null=True)
    by_state = ByState()


class Label(BaseModel):
    class Meta:
        table_name = table_name("boxes")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute()
    expires_at = TTLAttribute(null=True)
