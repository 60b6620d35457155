"""Commands: what they write is decided as values, then committed as one conditional call or one transaction.

A command reads, decides, and returns an ``Effect``: the answer and the writes. ``commit`` sends them all or nothing.
Each write carries its condition and what a failed condition means: a ``refusal`` to the caller, or, without one, that
the race was lost and the command must read and decide again (``run_command`` does).

A write whose answer was lost is safe to send again: a transaction keeps its ClientRequestToken; a single put or
delete is compared with what is stored; a single update goes without a transaction only when doing it twice is doing it
once, and a condition that fails after a lost answer makes the command decide again.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Value
from pynamodb.expressions.update import Action, RemoveAction, SetAction

from chalicelib.platform.answers import Answer
from chalicelib.platform.connection import Arguments, Reply, connection
from chalicelib.platform.retries import CONDITION_FAILED, CONFLICTS, AwsFault, code_of, pause, reasons_of
from chalicelib.platform.tables import BaseModel, key_of
from chalicelib.shared.errors import Busy, DomainError
from chalicelib.shared.values import dataclass

__all__ = ["CONTENDED_ATTEMPTS", "Check", "Delete", "Effect", "Lost", "Put", "Update", "Write", "commit", "run_command"]

MAX_WRITES = 100
ATTEMPTS = 8
# Of commands on what many change at once, such as a wallet: of fifty holds each that succeeds makes the others decide
# again.
CONTENDED_ATTEMPTS = 40


class Lost(Busy):
    """Somebody else wrote first: read and decide again. ``indexes`` name the writes whose condition failed."""

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__()
        self.indexes = tuple(indexes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """``refusal`` is raised when the condition fails, ``conflict`` when another transaction holds the item.

    Without a refusal the race counts as lost; without a conflict the write waits for its turn.
    """

    condition: Condition | None = None
    refusal: DomainError | None = None
    conflict: DomainError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Put(_Write):
    """Write a whole item."""

    item: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(_Write):
    """Change attributes of an item; it is created when it does not exist and no condition forbids that."""

    model: type[BaseModel]
    keys: tuple[Any, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_Write):
    """Delete an item."""

    model: type[BaseModel]
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(_Write):
    """Let the transaction pass only while a condition on an item holds."""

    model: type[BaseModel]
    keys: tuple[Any, ...]


Write: TypeAlias = Put | Update | Delete | Check


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command decided: the answer that holds once the writes are committed."""

    answer: Answer
    writes: tuple[Write, ...] = ()


def _nothing(answer: Answer) -> Sequence[Write]:
    del answer
    return ()


def run_command(
    decide: Callable[[], Effect],
    *,
    extra: Callable[[Answer], Sequence[Write]] = _nothing,
    attempts: int = ATTEMPTS,
) -> Answer:
    """Decide and commit until the race is won, deciding anew from fresh reads each time; then ``Busy``.

    ``extra`` gives writes for the same transaction that depend on the answer; they come first, so that their refusals
    win over those of the command.
    """
    for attempt in range(attempts):
        if attempt:
            pause(attempt)
        effect = decide()
        writes = (*extra(effect.answer), *effect.writes)
        try:
            if writes:
                commit(writes)
        except Lost:
            continue
        return effect.answer
    raise Busy


def commit(writes: Sequence[Write]) -> None:
    """Apply all writes or none, one plain call for a single write, else one transaction.

    Raises the refusal of the first write that has one and whose condition failed, else ``Lost``; ``Busy`` when the
    storage is throttled or other transactions hold an item for too long.
    """
    assert 0 < len(writes) <= MAX_WRITES, f"{len(writes)} writes in one commit"
    if len(writes) == 1 and _is_repeatable(writes[0]):
        _commit_one(writes[0])
    else:
        _commit_together(writes)


def _is_repeatable(write: Write) -> bool:
    """Tell whether applying a write twice leaves what applying it once leaves."""
    if isinstance(write, Update):
        return all(_is_plain(action) for action in write.actions)
    return not isinstance(write, Check)


def _is_plain(action: Action) -> bool:
    return isinstance(action, RemoveAction) or (isinstance(action, SetAction) and isinstance(action.values[1], Value))


def _commit_one(write: Write) -> None:
    kind, arguments = _request_of(write)
    counted = _counted(arguments)
    reply = connection().ask(f"{kind}Item", counted, settles=lambda fault: _conflict(fault, [write]) is not None)
    if reply.fault is None:
        return
    _raise_conflict(reply.fault, [write])
    if code_of(reply.fault) not in CONDITION_FAILED:
        raise reply.fault
    if reply.may_be_applied:
        if _is_stored(write, arguments):
            return
        raise Lost([0])
    raise write.refusal or Lost([0])


def _is_stored(write: Write, arguments: Arguments) -> bool:
    """Tell whether the storage is as a put or a delete wanted it: then its lost answer was a success."""
    if isinstance(write, Update):
        return False
    item = arguments["Item"] if isinstance(write, Put) else None
    key = _key_of_put(write) if isinstance(write, Put) else arguments["Key"]
    read = {"TableName": arguments["TableName"], "Key": key, "ConsistentRead": True}
    reply = connection().ask("GetItem", _counted(read))
    if reply.fault is not None:
        raise reply.fault
    return bool(reply.content.get("Item") == item)


def _key_of_put(write: Put) -> Arguments:
    item = write.item
    names = [name for name in (item._hash_keyname, item._range_keyname) if name is not None]  # noqa: SLF001
    return key_of(type(item), tuple(getattr(item, name) for name in names))


def _commit_together(writes: Sequence[Write]) -> None:
    requests = [_request_of(write) for write in writes]
    arguments = {
        "TransactItems": [{kind: arguments} for kind, arguments in requests],
        # The same for every attempt: a second one that finds the first applied is answered as a success.
        "ClientRequestToken": str(uuid.uuid4()),
    }
    counted = _counted(arguments)
    reply = connection().ask("TransactWriteItems", counted, settles=lambda fault: _conflict(fault, writes) is not None)
    if reply.fault is not None:
        _raise_reasons(reply, writes)


def _raise_reasons(reply: Reply, writes: Sequence[Write]) -> None:
    assert reply.fault is not None
    reasons = reasons_of(reply.fault)
    failed = [index for index, reason in enumerate(reasons) if reason in CONDITION_FAILED]
    for index in failed:
        refusal = writes[index].refusal
        if refusal is not None and not reply.may_be_applied:
            raise refusal
    if failed:
        raise Lost(failed)
    _raise_conflict(reply.fault, writes)
    raise reply.fault


def _raise_conflict(fault: AwsFault, writes: Sequence[Write]) -> None:
    conflict = _conflict(fault, writes)
    if conflict is not None:
        raise conflict


def _conflict(fault: AwsFault, writes: Sequence[Write]) -> DomainError | None:
    """Give what the first write that another transaction holds wants to be said about it."""
    reasons = reasons_of(fault) or [code_of(fault)]
    if CONDITION_FAILED.intersection(reasons):
        return None
    held = (write.conflict for write, reason in zip(writes, reasons, strict=False) if reason in CONFLICTS)
    return next((conflict for conflict in held if conflict is not None), None)


def _request_of(write: Write) -> tuple[str, Arguments]:
    """Write the request of a single call, which is also the request inside a transaction."""
    if isinstance(write, Put):
        return "Put", write.item.get_save_kwargs_from_instance(condition=write.condition)
    hash_key, range_key = write.model._serialize_keys(*write.keys)  # noqa: SLF001
    table = write.model._get_connection()  # noqa: SLF001
    actions = write.actions if isinstance(write, Update) else None
    arguments = table.get_operation_kwargs(hash_key, range_key, actions=actions, condition=write.condition)
    if isinstance(write, Check):
        assert write.condition is not None, "a check without a condition checks nothing"
    kinds = {Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
    return kinds[type(write)], arguments


def _counted(arguments: Arguments) -> Arguments:
    """Ask for the consumed capacity, as every call does: it is what `make bench` adds up."""
    return {**arguments, "ReturnConsumedCapacity": "TOTAL"}
