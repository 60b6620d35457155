"""JSON as it arrives, read strictly, and as it leaves.

The reader refuses what the standard library lets through: NaN, infinities, duplicate keys, deep nesting, lone
surrogates and bytes that are not UTF-8. Numbers stay literals (``JsonNumber``).
"""

import json
from collections import Counter
from typing import Any

from chalicelib.shared.errors import Malformed, TooLarge
from chalicelib.shared.numbers import JsonNumber

MAX_DEPTH = 16
_MAX_BYTES = 1_000_000
_SHOWN_CHARS = 100

# What is read from JSON has these very types; every value of every event is asked.
_CONTAINERS = (dict, list)
_LISTS = (list, tuple)

_quote = json.encoder.encode_basestring


class _Refused(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused(f"The key {_first_repeated(pairs)[:_SHOWN_CHARS]!r} comes twice in one object.")
    return made


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    left = Counter(name for name, _ in pairs)
    return next(name for name, _ in pairs if left[name] > 1)


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is not JSON.")


def parse(raw: bytes, *, max_bytes: int = _MAX_BYTES) -> Any:
    """Read a JSON document into dict, list, str, bool, None and ``JsonNumber``.

    Raises ``TooLarge`` above ``max_bytes`` and ``Malformed`` for everything that is not strict JSON.
    """
    if len(raw) > max_bytes:
        raise TooLarge(f"The body has {len(raw)} bytes; at most {max_bytes} are accepted.")
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_no_constant,
            object_pairs_hook=_no_duplicates,
        )
        if "\\u" in text:
            _refuse_surrogates(value)
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except RecursionError:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except _Refused as refused:
        raise Malformed(str(refused)) from None
    except json.JSONDecodeError as fault:
        raise Malformed(f"The body is not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}.") from None
    _refuse_depth(value)
    return value


def _refuse_depth(value: Any) -> None:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _refuse_surrogates(value: Any) -> None:
    try:
        dump(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("The body holds half of a surrogate pair.") from None


def dump(value: Any) -> str:
    """Write a JSON document without spaces, keys in their order, numbers as the literals they were."""
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(name)}:{dump(child)}" for name, child in value.items()) + "}"
    if isinstance(value, _LISTS):
        return "[" + ",".join(map(dump, value)) + "]"
    assert value is None or isinstance(value, bool | int), f"{type(value)} does not leave as JSON"
    return json.dumps(value)


def canonical(value: Any) -> str:
    """Write a JSON document with sorted keys: two documents are the same exactly when this text is."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, _LISTS):
        return "[" + ",".join(map(canonical, value)) + "]"
    return dump(value)
