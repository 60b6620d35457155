"""Dataclasses whose methods are written late: in everything else as the standard library's."""

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A value with defaults."""

    name: str
    weights: list[int] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A value that refuses some fields, and has a default before a field without one."""

    low: int = 0
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low lies above high")


@dataclass(frozen=True)
class Open:
    """A value without slots, which others build on."""

    first: int


@dataclass(frozen=True)
class Wider(Open):
    """One more field."""

    second: int = 2

    def __repr__(self) -> str:
        return "its own words"


def standard(cls: Any, **options: Any) -> Any:
    """Make the same class as the standard library does."""
    kept = {name: value for name, value in vars(cls).items() if name in {"__doc__", "__post_init__", "__module__"}}
    fields = [(one.name, one.type, _again(one)) for one in dataclasses.fields(cls)]
    return dataclasses.make_dataclass(cls.__name__, fields, namespace=kept, frozen=True, **options)


def _again(one: Any) -> Any:
    names = ("default", "default_factory", "repr", "compare", "kw_only")
    return field(**{name: getattr(one, name) for name in names})


def test_a_value_says_and_compares_what_the_standard_one_does() -> None:
    usual = standard(Part, slots=True)
    ours, theirs = Part("a", [1], "hidden", "one"), usual("a", [1], "hidden", "one")
    assert repr(ours) == repr(theirs) == "Part(name='a', weights=[1], note='one')"
    assert (ours == Part("a", [1], "hidden", "another")) is (theirs == usual("a", [1], "hidden", "another")) is True
    assert (ours == Part("b", [1])) is (theirs == usual("b", [1])) is False
    assert ours != theirs
    assert Part("a").weights is not Part("a").weights


def test_equal_values_are_one_key() -> None:
    assert {Checked(high=1): "x"}[Checked(low=0, high=1)] == "x"
    assert len({Checked(high=1), Checked(high=1), Checked(high=2)}) == 2
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(Part("a"))


def test_nothing_of_a_value_can_be_changed() -> None:
    value: Any = Part("a")
    for name in ("name", "new"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(value, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del value.name
    assert value == Part("a")


def test_arguments_are_those_of_the_fields() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Part()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Checked(1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        Part("a", other=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="low lies above high"):
        Checked(low=2, high=1)


def test_a_value_is_replaced_copied_and_stored() -> None:
    value = Part("a", [1], "s")
    assert dataclasses.replace(value, name="b") == Part("b", [1], "s")
    assert dataclasses.asdict(value) == {"name": "a", "weights": [1], "secret": "s", "note": ""}
    for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301 - our own
        assert (again, again.secret) == (value, "s")
    assert copy.deepcopy(value).weights is not value.weights


def test_a_value_that_was_only_read_back_compares_too() -> None:
    made: Any = type("Fresh", (), {"__annotations__": {"name": str}, "__doc__": "Never made here."})
    fresh: Any = dataclass(frozen=True, slots=True)(made)
    one, other = fresh.__new__(fresh), fresh.__new__(fresh)
    for each in (one, other):
        each.__setstate__(["a"])
    assert (one == other, hash(one) == hash(other), repr(one)) == (True, True, "Fresh(name='a')")


def test_a_match_takes_a_value_apart() -> None:
    match Part("a", [1]):
        case Part(name, [weight]):
            assert (name, weight) == ("a", 1)
        case _:
            pytest.fail("it is one")


def test_a_class_builds_on_another_and_keeps_what_it_says_itself() -> None:
    assert (Wider(1).first, Wider(1).second, repr(Wider(1))) == (1, 2, "its own words")
    assert Wider(1) == Wider(1, 2) != Wider(2)
    assert Open(1) != Wider(1)


def test_slots_leave_no_room_for_more() -> None:
    assert not hasattr(Part("a"), "__dict__")
    assert hasattr(Open(1), "__dict__")


def test_methods_are_written_on_first_use() -> None:
    made: Any = type("Unused", (), {"__annotations__": {"name": str}, "__doc__": "Defined and never made."})
    unused: Any = dataclass(frozen=True, slots=True)(made)
    before = unused.__init__
    assert before.__code__.co_filename.endswith("values.py")
    unused("a")
    assert unused.__init__ is not before
    assert unused.__init__.__code__.co_varnames == ("self", "name")
