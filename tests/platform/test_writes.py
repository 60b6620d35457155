from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.platform.answers import Answer
from chalicelib.platform.connection import client
from chalicelib.platform.reads import find
from chalicelib.platform.retries import MAX_ATTEMPTS, MAX_UNKNOWN
from chalicelib.platform.tables import BaseModel
from chalicelib.platform.writes import Check, Delete, Effect, Lost, Put, Update, Write, commit, run_command
from chalicelib.shared.errors import AlreadyExists, Busy, Conflict, InFlight
from tests.platform.conftest import Script, cancelled, service_fault
from tests.platform.stored import Box, Label

FREE = Box.pk.does_not_exist()


def put(sk: str, **more: Any) -> Put:
    return Put(item=Box("a", sk, version=1), condition=FREE, **more)


def bump(expected: int, sk: str = "1") -> Update:
    new = Box.version.set(expected + 1)
    return Update(model=Box, keys=("a", sk), actions=(new,), condition=Box.version == expected)


def version(sk: str = "1") -> Any:
    box = find(Box, ("a", sk))
    return None if box is None else box.version


SINGLE: dict[str, tuple[Callable[[], Write], str]] = {
    "put": (lambda: put("2"), "PutItem"),
    "update": (lambda: bump(1), "UpdateItem"),
    "delete": (lambda: Delete(model=Box, keys=("a", "1"), condition=Box.version == 1), "DeleteItem"),
}


@pytest.mark.parametrize("kind", SINGLE)
def test_one_write_is_one_plain_call(script: Script, kind: str) -> None:
    commit([put("1")])
    make, operation = SINGLE[kind]
    commit([make()])
    assert script.operations()[1:] == [operation]


@pytest.mark.parametrize(
    "write",
    [
        Update(model=Box, keys=("a", "1"), actions=(Box.version.add(1),)),
        Update(model=Box, keys=("a", "1"), actions=(Box.version.set(Box.version + 1),)),
        Check(model=Box, keys=("a", "1"), condition=Box.version == 1),
    ],
)
def test_what_must_not_happen_twice_goes_with_a_token(script: Script, write: Write) -> None:
    commit([put("1")])
    commit([write])
    assert script.operations()[1:] == ["TransactWriteItems"]
    assert script.calls[1][1]["ClientRequestToken"]


def test_several_writes_are_one_transaction_in_their_order(script: Script) -> None:
    commit([put("1"), put("4")])
    commit([
        Check(model=Box, keys=("a", "1"), condition=Box.version == 1),
        put("2"),
        bump(1, "4"),
        Delete(model=Box, keys=("a", "9")),
        Put(item=Label("b", "1", text="x")),
    ])
    kinds = [next(iter(each)) for each in script.calls[-1][1]["TransactItems"]]
    assert kinds == ["ConditionCheck", "Put", "Update", "Delete", "Put"]
    assert [version("1"), version("2"), version("4")] == [1, 1, 2]


@pytest.mark.parametrize("alone", [True, False])
def test_a_failed_condition_is_the_refusal_of_its_write(tables: None, alone: bool) -> None:
    commit([put("1")])
    refusal = AlreadyExists("There is a box.")
    others = [] if alone else [put("2")]
    with pytest.raises(AlreadyExists, match="There is a box"):
        commit([*others, put("1", refusal=refusal)])
    assert version("2") is None


def test_a_failed_condition_without_a_refusal_is_a_lost_race(tables: None) -> None:
    commit([put("1")])
    with pytest.raises(Lost) as alone:
        commit([bump(7)])
    with pytest.raises(Lost) as together:
        commit([put("2"), bump(7, "5"), put("3"), put("1")])
    assert alone.value.indexes == (0,)
    assert together.value.indexes == (1, 3)


def test_the_first_refusal_wins(tables: None) -> None:
    commit([put("1"), put("2")])
    with pytest.raises(Conflict, match="second"):
        commit([bump(9, "5"), put("1", refusal=Conflict("second")), put("2", refusal=Conflict("third"))])


THROTTLES = [
    service_fault("ProvisionedThroughputExceededException"),
    service_fault("ThrottlingException"),
    service_fault("RequestLimitExceeded"),
]


@pytest.mark.parametrize("fault", THROTTLES, ids=lambda fault: fault.response["Error"]["Code"])
@pytest.mark.parametrize("writes", [["1"], ["1", "2"]])
def test_a_throttled_write_is_sent_again(script: Script, fault: Exception, writes: list[str]) -> None:
    script.refuse(*[fault] * (MAX_ATTEMPTS - 1))
    commit([put(sk) for sk in writes])
    assert len(script.pauses_s) == MAX_ATTEMPTS - 1
    assert all(0 <= pause <= 0.5 for pause in script.pauses_s)
    assert version("1") == 1


@pytest.mark.parametrize("fault", [*THROTTLES, service_fault("TransactionConflictException")])
@pytest.mark.parametrize("write", [lambda: commit([put("1")]), lambda: commit([put("1"), put("2")]), version])
def test_a_throttle_that_lasts_ends_in_busy(script: Script, fault: Exception, write: Callable[[], None]) -> None:
    script.forever = fault
    with pytest.raises(Busy) as busy:
        write()
    assert not isinstance(busy.value, Lost)
    assert busy.value.retry_after_s == 1
    assert len(script.calls) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "fault",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "None"),
        cancelled("TransactionConflict", "ProvisionedThroughputExceeded"),
        service_fault("TransactionInProgressException"),
    ],
)
def test_conflicts_and_throttles_in_a_transaction_pass(script: Script, fault: Exception) -> None:
    script.refuse(fault, fault)
    commit([put("1"), put("2")])
    tokens = {arguments["ClientRequestToken"] for _, arguments in script.calls}
    assert len(script.calls) == 3
    assert len(tokens) == 1


def test_a_conflict_that_lasts_ends_in_busy(script: Script) -> None:
    script.forever = cancelled("TransactionConflict", "None")
    with pytest.raises(Busy):
        commit([put("1"), put("2")])
    assert len(script.calls) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("fault", "alone"),
    [(cancelled("TransactionConflict", "None"), False), (service_fault("TransactionConflictException"), True)],
)
def test_a_write_may_want_to_hear_of_a_conflict(script: Script, fault: Exception, alone: bool) -> None:
    script.refuse(fault)
    with pytest.raises(InFlight):
        commit([put("1", conflict=InFlight("At work.")), *([] if alone else [put("2")])])
    assert len(script.calls) == 1


def test_a_conflict_on_another_write_is_waited_for(script: Script) -> None:
    script.refuse(cancelled("None", "TransactionConflict"))
    commit([put("1", conflict=InFlight("At work.")), put("2")])
    assert len(script.calls) == 2


def test_a_failed_condition_decides_over_a_conflict(script: Script) -> None:
    script.refuse(cancelled("TransactionConflict", "ConditionalCheckFailed"))
    with pytest.raises(AlreadyExists):
        commit([put("1", conflict=InFlight("At work.")), put("2", refusal=AlreadyExists("There."))])
    assert len(script.calls) == 1


@pytest.mark.parametrize(
    "fault", [cancelled("ValidationError", "None"), cancelled("None", "ItemCollectionSizeLimitExceeded")]
)
def test_a_fault_of_the_program_is_not_retried(script: Script, fault: Exception) -> None:
    script.refuse(fault)
    with pytest.raises(type(fault)):
        commit([put("1"), put("2")])
    assert len(script.calls) == 1


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFoundException", "AccessDeniedException"])
def test_an_error_of_the_service_about_the_request_is_not_retried(script: Script, code: str) -> None:
    script.forever = service_fault(code)
    for write in ([put("1")], [put("1"), put("2")]):
        script.calls.clear()
        with pytest.raises(type(script.forever)):
            commit(write)
        assert len(script.calls) == 1


@pytest.mark.parametrize("writes", [["1"], ["1", "2"]])
def test_a_service_that_stays_broken_ends_in_busy(script: Script, writes: list[str]) -> None:
    script.forever = service_fault("InternalServerError", 500)
    with pytest.raises(Busy):
        commit([put(sk) for sk in writes])
    assert len(script.calls) == MAX_UNKNOWN


@pytest.mark.parametrize("kind", ["put", "delete"])
def test_the_echo_of_ones_own_write_is_a_success(script: Script, kind: str) -> None:
    commit([put("1", refusal=None)])
    script.calls.clear()
    script.lose_answer()
    write: Write = put("2", refusal=AlreadyExists("no"))
    if kind == "delete":
        write = Delete(model=Box, keys=("a", "1"), condition=Box.pk.exists(), refusal=Conflict("no"))
    commit([write])
    assert [version("1"), version("2")] == ([1, 1] if kind == "put" else [None, None])
    assert script.operations()[:3] == [*[{"put": "PutItem", "delete": "DeleteItem"}[kind]] * 2, "GetItem"]


def test_a_lost_answer_beside_another_writer_is_a_lost_race(script: Script) -> None:
    script.lose_answer()
    script.meanwhile = lambda: Box("a", "1", version=5).save()
    with pytest.raises(Lost):
        commit([put("1", refusal=AlreadyExists("no"))])


def test_an_update_with_a_lost_answer_is_decided_again(script: Script) -> None:
    commit([put("1")])

    def decide() -> Effect:
        box = find(Box, ("a", "1"))
        assert box is not None
        return Effect(Answer({"version": int(box.version)}), (bump(int(box.version)),) if box.version == 1 else ())

    script.steps.append(None)
    script.lose_answer()
    assert run_command(decide).body == {"version": 2}


def test_a_transaction_keeps_its_token_over_attempts(script: Script) -> None:
    script.lose_answer()
    # The test's engine forgets tokens: its echo is a lost race, never a refusal.
    with pytest.raises(Lost):
        commit([put("1", refusal=AlreadyExists("no")), put("2")])
    tokens = [arguments["ClientRequestToken"] for _, arguments in script.calls]
    assert len(tokens) == 2
    assert tokens[0] == tokens[1]


def test_a_command_decides_anew_after_each_lost_race(script: Script) -> None:
    commit([put("1")])
    seen: list[int] = []

    def decide() -> Effect:
        box = Box.get("a", "1")
        seen.append(int(box.version))
        if len(seen) < 4:
            Box("a", "1", version=len(seen) + 1).save()
        return Effect(Answer({"version": seen[-1]}), (bump(seen[-1]),))

    assert run_command(decide).body == {"version": 4}
    assert seen == [1, 2, 3, 4]
    assert version() == 5
    assert len(script.pauses_s) == 3


def test_a_command_that_always_loses_is_busy_after_its_attempts(script: Script) -> None:
    tries: list[int] = []

    def decide() -> Effect:
        tries.append(1)
        return Effect(Answer(), (bump(7),))

    with pytest.raises(Busy) as busy:
        run_command(decide)
    assert not isinstance(busy.value, Lost)
    assert len(tries) == 8


def test_extra_writes_share_the_transaction_and_refuse_first(tables: None) -> None:
    commit([put("1"), put("2")])
    with pytest.raises(Conflict, match="extra"):
        run_command(
            lambda: Effect(Answer(), (put("1", refusal=Conflict("own")), put("3"))),
            extra=lambda answer: [put("2", refusal=Conflict("extra"))],
        )
    assert version("3") is None


def test_a_command_without_writes_touches_nothing(script: Script) -> None:
    assert run_command(lambda: Effect(Answer({"ok": True}))).body == {"ok": True}
    assert script.calls == []


def test_an_unmodelled_crash_is_not_swallowed(script: Script) -> None:
    class Crash(BaseException):
        pass

    script.forever = Crash()  # type: ignore[assignment]
    with pytest.raises(Crash):
        commit([put("1")])


@pytest.mark.usefixtures("tables")
def test_every_stored_model_names_its_keys() -> None:
    assert all(model._hash_keyname == "pk" for model in BaseModel.stored_models)
    assert client() is not None
