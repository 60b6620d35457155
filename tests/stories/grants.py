"""Grants as stories write them: a name, an amount, then whatever is not as usual.

    grant    annual 100.00 priority 1 from 2026-01-01 expires 2026-02-01 basis 0.80
    grant    seats 62.00 for seats,tokens
    grant    free 10.00 for all every month times 3

A grant is known by its name; occurrence 2 of ``free`` is ``free.2``. One that an invoice made has its own name, with
``-`` for each space: ``Carried-from-ACME-000001``.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from chalicelib.shared.time import format_instant
from tests.stories.notation import split_stamp

Instant: TypeAlias = Callable[[Sequence[str]], datetime]


def read_grant(words: Sequence[str], instant: Instant) -> dict[str, Any]:
    """Give the body of a grant; ``instant`` tells when a stamp is."""
    name, amount, *rest = words
    body: dict[str, Any] = {"name": name, "amount": amount}
    while rest:
        word, *rest = rest
        if word in ("from", "expires"):
            stamp, left = split_stamp(rest)
            body[{"from": "effective_at", "expires": "expires_at"}[word]] = format_instant(instant(stamp))
            rest = list(left)
        else:
            value, *rest = rest
            _WORDS[word](body, value)
    return body


def read_end(words: Sequence[str], instant: Instant) -> str | None:
    """Give the end of a grant as the API takes it; ``never`` is none."""
    return None if words[0] == "never" else format_instant(instant(words))


def _read_scope(body: dict[str, Any], value: str) -> None:
    body["applies_to"] = "all" if value == "all" else {"charges": value.split(",")}


def _read_recurrence(body: dict[str, Any], name: str, value: object) -> None:
    body["recurrence"] = {**body.get("recurrence", {}), name: value}


_WORDS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "priority": lambda body, value: body.update(priority=int(value)),
    "basis": lambda body, value: body.update(cost_basis=value),
    "for": _read_scope,
    "every": lambda body, value: _read_recurrence(body, "every", value),
    "times": lambda body, value: _read_recurrence(body, "count", int(value)),
}
