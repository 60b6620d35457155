"""Identifiers: random ones with a prefix, and time-ordered ones that sort as they were made."""

import secrets
import threading

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 13
_RANDOM_CHARS = 4


def new_id(prefix: str) -> str:
    """Make a random id such as ``key_8d0f…``: the prefix, then 100 random bits."""
    return f"{prefix}_{_base32(secrets.randbits(100), 20)}"


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(length - 1, -1, -1))


class SortIds:
    """Makes ids that sort by the time they were made, strictly rising within a process."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self, real_ns: int, *, above: str = "") -> str:
        """Make the next id: above every earlier one of this process and above ``above``.

        ``real_ns`` is the real clock in nanoseconds, never the domain's. Four random characters keep the ids of two
        processes apart.
        """
        floor = _time_part(above) + 1 if above else 0
        with self._lock:
            self._last = max(real_ns, self._last + 1, floor)
            made = self._last
        return _base32(made, _TIME_CHARS) + _base32(secrets.randbits(5 * _RANDOM_CHARS), _RANDOM_CHARS)


def _time_part(sort_id: str) -> int:
    number = 0
    for char in sort_id[:_TIME_CHARS]:
        number = number << 5 | _ALPHABET.index(char)
    return number


sort_ids = SortIds()
