"""How far a folder's demo has lived: its first past, the one that was last begun, and until when events were sent."""

from datetime import datetime

from chalicelib.shared.time import format_instant, parse_instant
from local.demo_usage import Past
from local.home import Home

_EDITION, _FIRST, _PAST, _UNTIL = "demo-edition", "demo-first", "demo-past", "demo-until"
# Raised when the demo changes so much that it cannot go on from what an older one has made.
_THIS_EDITION = "3"


class Progress:
    """Where the demo stands. Without a folder it is known until the program ends."""

    def __init__(self, home: Home) -> None:
        self._home = home
        until, first, past = (home.read(name) for name in (_UNTIL, _FIRST, _PAST))
        self.is_of_another_edition = until is not None and home.read(_EDITION) != _THIS_EDITION
        self._until = parse_instant(until) if until is not None and first is not None and past is not None else None
        self._first, self._past = (_read(text) if text is not None else None for text in (first, past))

    @property
    def until(self) -> datetime | None:
        """Tell until when (exclusive) events were sent; ``None`` before the demo has begun."""
        return self._until

    @property
    def first(self) -> Past:
        """Give the past in which the demo began."""
        assert self._first is not None
        return self._first

    @property
    def past(self) -> Past:
        """Give the past that was last begun; it is over when events were sent until its end."""
        assert self._past is not None
        return self._past

    def begin(self, first: Past) -> None:
        """Note the first past, of which nothing was sent yet."""
        self._first = first
        self._home.keep(_FIRST, _shown(first))
        self._home.keep(_EDITION, _THIS_EDITION)
        self.go_on(first)

    def go_on(self, past: Past) -> None:
        """Note another past, of which nothing was sent yet."""
        self._past = past
        self._home.keep(_PAST, _shown(past))
        self.reach(past.start)

    def reach(self, until: datetime) -> None:
        """Note until when events were sent."""
        self._until = until
        self._home.keep(_UNTIL, format_instant(until))


def _shown(past: Past) -> str:
    return f"{format_instant(past.start)} {format_instant(past.end)}"


def _read(text: str) -> Past:
    start, end = text.split()
    return Past(parse_instant(start), parse_instant(end))
