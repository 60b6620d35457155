"""Frozen dataclasses that cost little to define: their methods are written when the first object of them is made.

The standard library writes and compiles six methods for each class when it is defined. Over the classes of this project
that is half of the time that a new process takes to import it, and a process uses few of them. Here fields and slots
are made at once, and the same methods by the same code on first use; everything else is as ``dataclasses`` has it.
"""

import dataclasses as standard
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

_WRITTEN_LATE = ("__init__", "__repr__", "__eq__", "__hash__")

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool = False, kw_only: bool = False) -> Callable[[type], type]:
        """Make a class a frozen dataclass, as the standard library's decorator of that name does."""
        assert frozen, "what changes is no value: use the standard library's"

        def define(plain: type) -> type:
            return _define(plain, slots=slots, kw_only=kw_only)

        return define


def _define(plain: type, *, slots: bool, kw_only: bool) -> type:
    late = [name for name in _WRITTEN_LATE if name not in plain.__dict__]
    made: Any = standard.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(plain)
    for name in late:
        setattr(made, name, _first_use(made, name, late))
    made.__setattr__, made.__delattr__ = _refuse_to_assign, _refuse_to_delete
    if slots:
        made.__getstate__, made.__setstate__ = _read_slots, _write_slots
    found: type = made
    return found


def _first_use(made: type, name: str, late: list[str]) -> Callable[..., Any]:
    def write_then_call(self: Any, *given: Any, **named: Any) -> Any:
        _write_methods(made, late)
        return getattr(made, name)(self, *given, **named)

    return write_then_call


def _write_methods(made: Any, late: list[str]) -> None:
    """Let the standard library write the methods, for a class with the same fields; doing it twice does no harm."""
    after = {"__post_init__": made.__post_init__} if hasattr(made, "__post_init__") else {}
    fields = [(one.name, one.type, _copy(one)) for one in standard.fields(made)]
    written = standard.make_dataclass(made.__name__, fields, frozen=True, namespace=after)
    for name in late:
        setattr(made, name, written.__dict__[name])


def _copy(field: Any) -> Any:
    kept = ("default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")
    copied: Any = standard.field(**{name: getattr(field, name) for name in kept})
    return copied


def _refuse_to_assign(self: Any, name: str, value: Any) -> NoReturn:
    del self, value
    raise standard.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> NoReturn:
    del self
    raise standard.FrozenInstanceError(f"cannot delete field {name!r}")


def _read_slots(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in standard.fields(self)]


def _write_slots(self: Any, state: list[Any]) -> None:
    for one, value in zip(standard.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
