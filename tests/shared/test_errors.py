"""Checks that are made together name all their faults together."""

import pytest

from chalicelib.shared.errors import Conflict, Fault, InvalidInput, check_all


def refuse(pointer: str) -> int:
    raise InvalidInput(f"{pointer} is wrong", [Fault(pointer, "is wrong")])


def clash() -> int:
    raise Conflict("not now")


def test_checks_give_what_they_give_in_their_order() -> None:
    assert check_all(lambda: 1, lambda: "two") == [1, "two"]


def test_all_faults_are_named_with_the_first_detail() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_all(lambda: refuse("/plan"), lambda: 1, lambda: refuse("/spend_cap"))
    assert refused.value.detail == "/plan is wrong"
    assert [fault.pointer for fault in refused.value.faults] == ["/plan", "/spend_cap"]


def test_another_error_is_not_collected() -> None:
    with pytest.raises(Conflict):
        check_all(lambda: refuse("/plan"), clash)
