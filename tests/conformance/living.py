"""Lets a random client of the whole app live on an engine: its clock, its ids and its chance are the same each time."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

import app
from chalicelib.catalog.store import find_key
from chalicelib.platform import auth, retries, together
from chalicelib.platform.connection import client
from chalicelib.shared.clock import clock
from chalicelib.shared.ids import sort_ids
from tests.client import ApiClient
from tests.conformance.commands import BEGIN, Commands
from tests.conformance.engines import Engine, Send
from tests.faults.world import fresh_process

Through = Callable[[Send], Send]


def live(engine: Engine, seed: int, *, steps: int, through: Through = lambda send: send) -> list[tuple[str, Any]]:
    """Live on empty tables, and give every request with its answer; calls to the engine go ``through`` something."""
    engine.empty()
    seconds = _Seconds()
    with _repeatable(seed, seconds), pytest.MonkeyPatch.context() as patch:
        patch.setattr(client(), "_make_api_call", through(engine.send))
        nobody = ApiClient(app.app, None)
        commands = Commands(nobody.as_holder_of(nobody.make_key("admin")), clock, Random(seed), seconds.next)
        commands.live(steps)
        return commands.told


class _Seconds:
    """A real clock that goes on by a second with each command, and by a nanosecond with each look.

    How often it is looked at is up to the engine, which decides how many pages a list has; ids hold what it tells.
    """

    def __init__(self) -> None:
        self._second, self._looks = 1_768_000_000, 0

    def next(self) -> None:
        """Begin another second."""
        self._second, self._looks = self._second + 1, 0

    def __call__(self) -> int:
        self._looks += 1
        return self._second * 10**9 + self._looks


@contextmanager
def _repeatable(seed: int, seconds: _Seconds) -> Iterator[None]:
    chance = Random(seed)
    auth.use_key_source(find_key)
    with pytest.MonkeyPatch.context() as patch:
        # Tokens of transactions are no part of this: an engine remembers them.
        patch.setattr(secrets, "randbits", chance.getrandbits)
        patch.setattr(secrets, "token_hex", lambda size: chance.randbytes(size).hex())
        patch.setattr(secrets, "token_urlsafe", lambda size: chance.randbytes(size).hex())
        patch.setattr(clock, "real_ns", seconds)
        patch.setattr(sort_ids, "_last", 0)
        patch.setattr(together, "run_all", together.in_turn)
        patch.setattr(retries, "sleep", lambda seconds: None)
        clock.set(BEGIN)
        fresh_process()
        try:
            yield
        finally:
            clock.set(None)
            fresh_process()
