"""Random scripts of calls to DynamoDB, in the forms in which the app makes them, over few keys that meet again."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

from chalicelib.platform.tables import table_name
from chalicelib.shared.numbers import show_decimal

Arguments = dict[str, Any]

CATALOG, CREDITS, INVOICES = (table_name(name) for name in ("catalog", "credits", "invoices"))
TABLES = (CATALOG, CREDITS, INVOICES)
# Each index with the table that has it, its keys, and whether its sort key is a number.
INDEXES = (
    (CATALOG, "due", "due_key", "due_at", True),
    (CREDITS, "due", "due_key", "due_at", True),
    (INVOICES, "by_status", "status_key", "issued_at", True),
    (CATALOG, "list", "list_kind", "list_name", False),
)
PARTITIONS = ("acme", "acme#é")
# The last three are in one order by their bytes, in another by UTF-16.
SORTS = ("head", "inv#1", "inv#10", "inv#2", "q#1", "q#1#x", "q#2", "~", "é", "\uff5a", "\U0001d11e")
_PREFIXES = ("i", "inv#1", "q#", "é", "zz")
_INDEXED = ("job#0", "job#1")


@dataclass(frozen=True, slots=True)
class Step:
    """One call; ``walks`` means that all of its pages are asked for, each from where the one before ended."""

    operation: str
    arguments: Arguments
    walks: bool = False


class Script:
    """Draws the steps of one script; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._chance = Random(seed)
        self._sent: list[Step] = []

    def steps(self, length: int) -> list[Step]:
        """Fill the tables a little, draw so many steps, and in the end read everything."""
        draws = (
            *[self.put] * 6,
            *[self.update] * 4,
            *[self.delete] * 3,
            *[self.transact] * 6,
            *[self.send_again] * 2,
            *[self.query] * 5,
            *[self.query_index] * 3,
            *[self.get] * 2,
            *[self.get_batch] * 2,
            *[self.write_batch] * 2,
        )
        made = [self.write_batch() for _ in TABLES]
        made += [self._chance.choice(draws)() for _ in range(length)]
        return made + [_whole(table, pk) for table in TABLES for pk in PARTITIONS]

    def put(self) -> Step:
        """Put an item, perhaps on a condition."""
        table = self._chance.choice(TABLES)
        return Step("PutItem", self._put(table) | self._shown() | self._returned("NONE", "ALL_OLD"))

    def update(self) -> Step:
        """Set and remove some attributes, perhaps on a condition."""
        table = self._chance.choice(TABLES)
        kinds = ("NONE", "ALL_OLD", "ALL_NEW")
        return Step("UpdateItem", self._update(table) | self._shown() | self._returned(*kinds))

    def delete(self) -> Step:
        """Delete an item that may not be there, perhaps on a condition."""
        table = self._chance.choice(TABLES)
        keyed = {"TableName": table, "Key": self._key()}
        return Step("DeleteItem", keyed | self._condition() | self._shown() | self._returned("NONE", "ALL_OLD"))

    def transact(self) -> Step:
        """Write up to eight different items at once or none, with a token."""
        places = [(table, pk, sk) for table in TABLES for pk in PARTITIONS for sk in SORTS]
        chosen = self._chance.sample(places, self._chance.randint(1, 8))
        writes = [self._part(table, _key(pk, sk)) for table, pk, sk in chosen]
        token = f"{_RUN}-{self.seed}-{len(self._sent)}"
        step = Step("TransactWriteItems", {"TransactItems": writes, "ClientRequestToken": token})
        self._sent.append(step)
        return step

    def send_again(self) -> Step:
        """Send a transaction of before again as it was, as is done when its answer was lost."""
        return self._chance.choice(self._sent) if self._sent else self.transact()

    def get(self) -> Step:
        """Read an item that may not be there, whole or in part."""
        table = self._chance.choice(TABLES)
        asked: Arguments = {"TableName": table, "Key": self._key(), "ConsistentRead": True}
        return Step("GetItem", asked | self._projection())

    def get_batch(self) -> Step:
        """Read several items of two tables."""
        asked = {}
        for table in self._chance.sample(TABLES, 2):
            places = [_key(pk, sk) for pk in PARTITIONS for sk in SORTS]
            asked[table] = {"Keys": self._chance.sample(places, self._chance.randint(1, 9)), "ConsistentRead": True}
        return Step("BatchGetItem", {"RequestItems": asked})

    def write_batch(self) -> Step:
        """Put and delete several items of a table."""
        table = self._chance.choice(TABLES)
        places = [_key(pk, sk) for pk in PARTITIONS for sk in SORTS]
        writes: list[Arguments] = []
        for key in self._chance.sample(places, self._chance.randint(1, 9)):
            is_put = self._chance.random() < 0.6
            put = {"PutRequest": {"Item": key | self._attributes(table)}}
            writes.append(put if is_put else {"DeleteRequest": {"Key": key}})
        return Step("BatchWriteItem", {"RequestItems": {table: writes}})

    def query(self) -> Step:
        """Read a range of a partition: forwards or backwards, in pages, filtered or in part."""
        values: Arguments = {":p": {"S": self._chance.choice(PARTITIONS)}}
        also, bounds = self._range("sk", self._sort_key, self._chance.choice(_PREFIXES))
        asked: Arguments = {"TableName": self._chance.choice(TABLES), "ConsistentRead": True}
        asked |= {"KeyConditionExpression": f"pk = :p{also}", "ExpressionAttributeValues": values | bounds}
        if self._chance.random() < 0.2:
            present = self._chance.choice(("attribute_exists", "attribute_not_exists"))
            asked["FilterExpression"] = f"{present} (released_at)"
        if self._chance.random() < 0.2:
            asked["ProjectionExpression"] = "pk, sk"
        return Step("Query", asked | self._paged(), walks=True)

    def query_index(self) -> Step:
        """Read a range of an index. Items with equal keys are in no order there, so it is read whole."""
        table, index, partition, sort, is_number = self._chance.choice(INDEXES)
        values: Arguments = {":p": {"S": self._chance.choice(_INDEXED)}}
        draw = self._instant if is_number else self._name
        also, bounds = self._range(sort, draw, None if is_number else "b")
        asked: Arguments = {"TableName": table, "IndexName": index}
        asked |= {"KeyConditionExpression": f"{partition} = :p{also}", "ExpressionAttributeValues": values | bounds}
        return Step("Query", asked, walks=True)

    def _range(self, name: str, draw: Callable[[], Arguments], prefix: str | None) -> tuple[str, Arguments]:
        kinds = ["", "=", "<", "<=", ">", ">=", "between", *(["begins"] if prefix is not None else [])]
        kind = self._chance.choice(kinds)
        if not kind:
            return "", {}
        if kind == "begins":
            return f" AND begins_with ({name}, :a)", {":a": {"S": prefix}}
        if kind == "between":
            low, high = sorted((draw(), draw()), key=_order)
            return f" AND {name} BETWEEN :a AND :b", {":a": low, ":b": high}
        return f" AND {name} {kind} :a", {":a": draw()}

    def _paged(self) -> Arguments:
        limit = {"Limit": self._chance.randint(1, 5)} if self._chance.random() < 0.5 else {}
        return {**limit, "ScanIndexForward": self._chance.random() < 0.5}

    def _projection(self) -> Arguments:
        return {"ProjectionExpression": "pk, packed, amount"} if self._chance.random() < 0.3 else {}

    def _returned(self, *kinds: str) -> Arguments:
        return {"ReturnValues": self._chance.choice(kinds)}

    def _shown(self) -> Arguments:
        return {"ReturnValuesOnConditionCheckFailure": self._chance.choice(("NONE", "ALL_OLD"))}

    def _part(self, table: str, key: Arguments) -> Arguments:
        draw = self._chance.random()
        keyed: Arguments = {"TableName": table, "Key": key}
        if draw < 0.5:
            return {"Put": self._put(table, key) | self._shown()}
        if draw < 0.7:
            return {"Update": self._update(table, key) | self._shown()}
        if draw < 0.85:
            return {"Delete": keyed | self._condition() | self._shown()}
        return {"ConditionCheck": keyed | (self._condition() or {"ConditionExpression": "attribute_exists (pk)"})}

    def _put(self, table: str, key: Arguments | None = None) -> Arguments:
        item = (key or self._key()) | self._attributes(table)
        return {"TableName": table, "Item": item} | self._condition()

    def _update(self, table: str, key: Arguments | None = None) -> Arguments:
        drawn = self._attributes(table)
        names = self._chance.sample(sorted(drawn), self._chance.randint(1, min(3, len(drawn))))
        values = {f":n{place}": drawn[name] for place, name in enumerate(names)}
        sets = ", ".join(f"{name} = :n{place}" for place, name in enumerate(names))
        gone = self._chance.sample([each for each in _REMOVED if each not in names], self._chance.randint(0, 2))
        removes = f" REMOVE {', '.join(gone)}" if gone else ""
        condition = self._condition()
        values |= condition.pop("ExpressionAttributeValues", {})
        written = {"UpdateExpression": f"SET {sets}{removes}", "ExpressionAttributeValues": values}
        return {"TableName": table, "Key": key or self._key(), **written, **condition}

    def _condition(self) -> Arguments:
        """Draw one of the conditions that the app makes, or none."""
        number, other = ({"N": str(self._chance.randint(0, 3))} for _ in range(2))
        form = self._chance.choice(_CONDITIONS)
        values = {":v": number, ":w": other, ":e": {"S": f"e{self._chance.randint(0, 2)}"}}
        used = {name: value for name, value in values.items() if form is not None and name in form}
        given = {"ExpressionAttributeValues": used} if used else {}
        return {"ConditionExpression": form, **given} if form is not None else {}

    def _attributes(self, table: str) -> Arguments:
        """Draw what an item holds beside its key: at least a version."""
        chance = self._chance
        drawn: Arguments = {
            "edition": {"S": f"e{chance.randint(0, 2)}"},
            "packed": {"B": chance.randbytes(chance.choice((0, 1, 40, 900)))},
            "note": {"S": chance.choice(("", "x", "ß€\U0001d11e", "long " * 300))},
            "amount": {"N": self._number()},
            "flag": {"BOOL": chance.random() < 0.5},
            "released_at": {"N": str(chance.randint(0, 3))},
        }
        kept = {name: value for name, value in drawn.items() if chance.random() < 0.4}
        return {"version": {"N": str(chance.randint(0, 3))}, **kept, **self._index_keys(table)}

    def _index_keys(self, table: str) -> Arguments:
        found: Arguments = {}
        for owner, _, partition, sort, is_number in INDEXES:
            if owner == table and self._chance.random() < 0.5:
                found[partition] = {"S": self._chance.choice(_INDEXED)}
                found[sort] = self._instant() if is_number else self._name()
        return found

    def _number(self) -> str:
        """Draw a number of up to 38 digits as the app writes one."""
        digits = self._chance.randint(1, 38)
        number = Decimal(self._chance.randint(-(10**digits) + 1, 10**digits - 1))
        return show_decimal(number.scaleb(-self._chance.choice((0, 2, 6, 12))).normalize())

    def _key(self) -> Arguments:
        return _key(self._chance.choice(PARTITIONS), self._chance.choice(SORTS))

    def _sort_key(self) -> Arguments:
        return {"S": self._chance.choice(SORTS)}

    def _instant(self) -> Arguments:
        return {"N": str(self._chance.choice((0, 7, 10, 1_768_000_000, 2_000_000_000)))}

    def _name(self) -> Arguments:
        return {"S": self._chance.choice(("a", "b", "ba", "é"))}


_CONDITIONS = (
    *[None] * 4,
    *["attribute_not_exists (pk)"] * 3,
    *["version = :v"] * 3,
    "attribute_exists (pk)",
    "edition = :e",
    "attribute_not_exists (released_at)",
    "(attribute_not_exists (pk) OR released_at <= :v)",
    "attribute_not_exists(pk) OR (version < :v AND released_at <= :w) OR (version <= :v AND released_at < :w)",
)
# An engine remembers tokens for ten minutes: another run must not find those of this one.
_RUN = uuid4().hex[:16]
_REMOVED = ("edition", "packed", "note", "released_at", "due_key", "status_key")


def _key(pk: str, sk: str) -> Arguments:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _order(value: Arguments) -> Any:
    (kind, text), *_ = value.items()
    return Decimal(text) if kind == "N" else text


def _whole(table: str, pk: str) -> Step:
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": pk}}}
    return Step("Query", {"TableName": table, "ConsistentRead": True, **asked}, walks=True)
