"""Strongly consistent reads, with every page followed and everything unprocessed asked for again."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

from pynamodb.expressions.condition import Condition

from chalicelib.platform import logging
from chalicelib.platform.connection import Arguments, connection
from chalicelib.platform.metrics import Metric
from chalicelib.platform.retries import MAX_ATTEMPTS, pause
from chalicelib.platform.tables import BaseModel, key_of
from chalicelib.shared.errors import Busy
from chalicelib.shared.values import dataclass

M = TypeVar("M", bound=BaseModel)
Key = dict[str, dict[str, Any]]

_KEYS_A_BATCH = 100
_WRITES_A_BATCH = 25


class ItemKey(NamedTuple):
    """Where one item is: its model, and its partition key with its sort key."""

    model: type[BaseModel]
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Generic[M]):
    """Items of one partition, in the order of their sort key.

    ``within`` narrows by sort key. An ``index`` is never strongly consistent: re-read the base items before a decision.
    """

    model: type[M]
    pk: Any
    within: Condition | None = None
    where: Condition | None = None
    index: str | None = None
    newest_first: bool = False
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some items of a query; ``next_key`` continues after the last one and is ``None`` when there are no more."""

    items: list[M]
    next_key: Key | None


def find(model: type[M], keys: tuple[Any, ...]) -> M | None:
    """Read one item, strongly consistent; ``None`` when there is none."""
    try:
        return model.get(*keys)
    except model.DoesNotExist:
        return None


def find_many(keys: Sequence[ItemKey]) -> list[BaseModel | None]:
    """Read items of any tables in one round trip per hundred, strongly consistent.

    Answers in the order of ``keys``, ``None`` where there is no item. Raises ``Busy`` when keys stay unprocessed.
    """
    asked = [(item.model.Meta.table_name, key_of(item.model, item.keys)) for item in keys]
    wanted = {_place(*each): each for each in asked}
    places = list(wanted)
    found: dict[Place, Key] = {}
    for start in range(0, len(places), _KEYS_A_BATCH):
        found |= _get_batch([wanted[place] for place in places[start : start + _KEYS_A_BATCH]])
    return [_load(item, found.get(_place(*each))) for item, each in zip(keys, asked, strict=True)]


Place = tuple[str, tuple[str, ...]]


def _load(item: ItemKey, raw: Key | None) -> BaseModel | None:
    return None if raw is None else item.model.from_raw_data(raw)


def _place(table: str, key: Key) -> Place:
    return table, tuple(str(value) for each in key.values() for value in each.values())


def _get_batch(keys: Sequence[tuple[str, Key]]) -> dict[Place, Key]:
    names = {table: list(key) for table, key in keys}
    asked: Arguments = {name: {"Keys": [], "ConsistentRead": True} for name in names}
    for table, key in keys:
        asked[table]["Keys"].append(key)
    found: dict[Place, Key] = {}
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            pause(attempt)
        answered = _ask("BatchGetItem", {"RequestItems": asked})
        for name, items in answered.get("Responses", {}).items():
            for raw in items:
                found[name, tuple(str(value) for key in names[name] for value in raw[key].values())] = raw
        asked = answered.get("UnprocessedKeys") or {}
        if not asked:
            return found
        logging.count(Metric.THROTTLES)
    raise Busy


def _ask(operation: str, arguments: Arguments) -> dict[str, Any]:
    reply = connection().ask(operation, {**arguments, "ReturnConsumedCapacity": "TOTAL"})
    if reply.fault is not None:
        raise reply.fault
    return reply.content


def list_page(query: Query[M], *, limit: int, after: Key | None = None) -> Page[M]:
    """Read at most ``limit`` items; ``next_key`` is ``None`` exactly when nothing follows."""
    raw: list[Key] = []
    position = after
    while len(raw) <= limit:
        read = _query(query, limit=limit + 1 - len(raw), after=position)
        raw += read["Items"]
        position = read.get("LastEvaluatedKey")
        if position is None:
            break
    more = len(raw) > limit
    next_key = _key_at(query, raw[limit - 1]) if more else None
    return Page([query.model.from_raw_data(item) for item in raw[:limit]], next_key)


def walk(query: Query[M], *, after: Key | None = None) -> Iterator[M]:
    """Read every item of a query, page after page, also over pages that are empty."""
    position = after
    while True:
        read = _query(query, limit=None, after=position)
        for raw in read["Items"]:
            yield query.model.from_raw_data(raw)
        position = read.get("LastEvaluatedKey")
        if position is None:
            return


def read_page(query: Query[M], *, limit: int | None = None, after: Key | None = None) -> Page[M]:
    """Read what one round trip gives (at most 1 MB): may be short or empty although ``next_key`` says there is more."""
    read = _query(query, limit=limit, after=after)
    return Page([query.model.from_raw_data(item) for item in read["Items"]], read.get("LastEvaluatedKey"))


def past_empty_pages(query: Query[M], page: Page[M], *, limit: int | None = None) -> Page[M]:
    """Go on from a page until one has items: then an empty one says that nothing follows."""
    while not page.items and page.next_key is not None:
        page = read_page(query, limit=limit, after=page.next_key)
    return page


def first(query: Query[M]) -> M | None:
    """Read the first item of a query; ``None`` when there is none."""
    items = list_page(query, limit=1).items
    return items[0] if items else None


def _query(query: Query[M], *, limit: int | None, after: Key | None) -> dict[str, Any]:
    model = query.model
    owner = model._indexes[query.index] if query.index else model  # noqa: SLF001
    read = model._get_connection().query(  # noqa: SLF001
        _partition_attribute(owner).serialize(query.pk),
        range_key_condition=query.within,
        filter_condition=query.where,
        attributes_to_get=list(query.attributes) or None,
        consistent_read=query.index is None,
        exclusive_start_key=after,
        index_name=query.index,
        limit=limit,
        scan_index_forward=not query.newest_first,
    )
    return cast("dict[str, Any]", read)


def _partition_attribute(owner: Any) -> Any:
    return owner._hash_key_attribute()  # noqa: SLF001


def _key_at(query: Query[M], raw: Key) -> Key:
    table = query.model._get_connection().get_meta_table()  # noqa: SLF001
    names: list[str] = cast("Any", table).get_key_names(query.index)
    return {name: raw[name] for name in names}


def write_batch(puts: Sequence[BaseModel] = (), deletes: Sequence[ItemKey] = ()) -> None:
    """Put and delete items without conditions, 25 to a call, in any order; safe to repeat.

    Raises ``Busy`` when items stay unprocessed; some may have been written by then.
    """
    requests = [(item.Meta.table_name, {"PutRequest": {"Item": item.serialize()}}) for item in puts]
    requests += [
        (item.model.Meta.table_name, {"DeleteRequest": {"Key": key_of(item.model, item.keys)}}) for item in deletes
    ]
    for start in range(0, len(requests), _WRITES_A_BATCH):
        _put_batch(requests[start : start + _WRITES_A_BATCH])


def _put_batch(requests: Sequence[tuple[str, Arguments]]) -> None:
    asked: dict[str, list[Arguments]] = {}
    for name, request in requests:
        asked.setdefault(name, []).append(request)
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            pause(attempt)
        asked = _ask("BatchWriteItem", {"RequestItems": asked}).get("UnprocessedItems") or {}
        if not asked:
            return
        logging.count(Metric.THROTTLES)
    raise Busy
