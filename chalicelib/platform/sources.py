"""What a domain asks for and may not import, since it lies above: ``app.py`` offers it, made when it is asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

S = TypeVar("S")

_offers: dict[str, Callable[[], Any]] = {}


def offer_source(name: str, make: Callable[[], Any]) -> None:
    """Offer a source to whoever asks for it by this name; ``make`` is called once, at the first question."""
    _offers[name] = make


class Source(Generic[S]):
    """A source by its name; ``without`` stands for it while nobody offers any."""

    def __init__(self, name: str, without: S) -> None:
        self._name = name
        self._without = without
        self._taken: list[S] = []

    @property
    def named(self) -> S:
        """Give the source."""
        if not self._taken and self._name in _offers:
            self._taken = [_offers[self._name]()]
        return self._taken[0] if self._taken else self._without

    @named.setter
    def named(self, source: S) -> None:
        """Take this one from now on."""
        self._taken = [source]
