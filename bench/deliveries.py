"""Messages delivered as a queue does at its worst: twice, in any order, side by side, again after a crash."""

import contextlib
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from chalicelib.platform.connection import client


class Crash(BaseException):
    """The function dies: nothing in the app may catch it and go on."""


class Crashes:
    """Breaks a call to the storage of the thread that asked for it, before it is applied or with its answer lost."""

    def __init__(self) -> None:
        self._thread = threading.local()
        found = client()
        self._send = found._make_api_call
        found._make_api_call = self._called

    def arm(self, call: int | None, *, is_lost: bool) -> None:
        """Break the how-manieth call of this thread from now on; none with ``None``."""
        self._thread.left, self._thread.is_lost = call, is_lost

    def _called(self, operation: str, request: dict[str, Any]) -> Any:
        left = getattr(self._thread, "left", None)
        if left is None:
            return self._send(operation, request)
        self._thread.left = left - 1 if left else None
        if left:
            return self._send(operation, request)
        if self._thread.is_lost:
            self._send(operation, request)
        raise Crash


class Event(list[SimpleNamespace]):
    """What the function of a queue gets: records, and a context that sets no deadline."""

    context = None


@dataclass
class Delivered:
    """How often messages were delivered, and how many of those deliveries ended in a crash."""

    times: int = 0
    crashes: int = 0


class Deliveries:
    """Delivers each message as often as it is listed, in an order of chance, from some threads at the same time.

    One message in ten comes again while it is still worked on. One delivery of ``crash_every`` crashes at one of its
    first hundred calls to the storage, and comes again.
    """

    def __init__(self, bodies: Sequence[str], receive: Callable[[Event], None], *, crash_every: int) -> None:
        self._chance = random.Random(0)
        self._waiting = list(bodies)
        self._chance.shuffle(self._waiting)
        self._put_side_by_side()
        self._receive = receive
        self._crash_every = crash_every
        self._crashes = Crashes()
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []
        self.delivered = Delivered()

    def _put_side_by_side(self) -> None:
        for body in self._waiting[::10]:
            first = self._waiting.index(body)
            with contextlib.suppress(ValueError):
                second = self._waiting.index(body, first + 1)
                self._waiting.insert(first + 1, self._waiting.pop(second))

    def run(self, threads: int) -> Delivered:
        """Deliver until nothing is left; raises what anything but a crash raised."""
        workers = [threading.Thread(target=self._work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self._failures:
            raise self._failures[0]
        return self.delivered

    def _work(self) -> None:
        while (body := self._next()) is not None:
            try:
                self._receive(Event([SimpleNamespace(body=body)]))
            except Crash:
                with self._lock:
                    self.delivered.crashes += 1
                    self._waiting.append(body)
            except BaseException as fault:  # noqa: BLE001 - raised again where everything has ended
                self._failures.append(fault)
                return

    def _next(self) -> str | None:
        """Take a message, and decide where its delivery crashes, if it does."""
        with self._lock:
            if not self._waiting:
                return None
            self.delivered.times += 1
            is_bad = self.delivered.times % self._crash_every == 0
            self._crashes.arm(self._chance.randrange(100) if is_bad else None, is_lost=self._chance.random() < 0.5)
            return self._waiting.pop(0)
