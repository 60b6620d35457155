"""All schedules of some actors: each runs in a thread that stops before every call to the storage.

The search is complete up to the order of calls that cannot see each other: it runs one schedule of every class of
schedules that differ only by swapping neighbouring calls of two actors which touch no item in common, or only read
(dynamic partial order reduction with source sets and sleep sets; Abdulla and others, 2014). Every outcome that any
schedule has is the outcome of one that was run. Each schedule starts from the same tables in a fresh process and is
replayed from the beginning.

An actor may also stop at points of its own (``Stage.point``), such as "acknowledged" and "asked": what the checks
compare must keep its order as well.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from tests.faults.footprints import Footprint, depend, footprint, point
from tests.faults.rules import passing
from tests.faults.tap import Call, Reply, Rule, Send, Tap

Actor = Callable[["Stage"], None]


class _Ended(BaseException):
    """The schedule is given up: nothing new would come of it."""


@dataclass
class _Thread:
    """One actor at work. It moves only while it has the turn."""

    name: str
    wants: Footprint | None = None
    label: str = ""
    error: BaseException | None = None
    is_done: bool = False
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


_current: ContextVar[_Thread | None] = ContextVar("actor", default=None)


def acting() -> str:
    """Name the actor whose thread this is; empty outside."""
    thread = _current.get()
    return "" if thread is None else thread.name


class Stage:
    """Runs actors one step at a time; a step is a call to the storage with all that follows it up to the next."""

    def __init__(self, tap: Tap, actors: Mapping[str, Actor], rule: Rule = passing) -> None:
        """Take actors; ``rule`` decides what becomes of a call whose turn it is."""
        self._tap = tap
        self._broken = rule
        self._actors = actors
        self._threads = {name: _Thread(name) for name in actors}
        self._stopped = threading.Semaphore(0)
        self._is_over = False
        self.steps: list[str] = []

    def point(self, name: str, *, writes: bool) -> None:
        """Stop here: a step that depends on the same name of other actors as a read or a write does."""
        self._stop(point(name, writes=writes), name)

    def _rule(self, call: Call, send: Send) -> Reply:
        self._stop(footprint(call), call.operation)
        return self._broken(call, send)

    def _stop(self, wants: Footprint, label: str) -> None:
        thread = _current.get()
        if thread is None:
            return
        thread.wants, thread.label = wants, label
        self._stopped.release()
        thread.turn.acquire()
        if self._is_over:
            raise _Ended
        self.steps.append(f"{thread.name} {label}")

    def _run(self, thread: _Thread, actor: Actor) -> None:
        _current.set(thread)
        try:
            thread.turn.acquire()
            if not self._is_over:
                actor(self)
        except _Ended:
            thread.error = None
        except BaseException as error:  # noqa: BLE001 - told to whoever runs the schedule
            thread.error = error
        finally:
            thread.is_done, thread.wants = True, None
            self._stopped.release()

    def start(self) -> None:
        """Bring every actor, one after the other, to its first step."""
        for name, thread in self._threads.items():
            threading.Thread(target=self._run, args=(thread, self._actors[name]), daemon=True).start()
            self._give_turn(thread)

    def _give_turn(self, thread: _Thread) -> None:
        thread.turn.release()
        self._stopped.acquire()

    def wanted(self) -> dict[str, Footprint]:
        """Tell what each actor that is not done would do next."""
        return {name: thread.wants for name, thread in self._threads.items() if thread.wants is not None}

    def step(self, name: str) -> None:
        """Let an actor carry out its next step."""
        self._give_turn(self._threads[name])

    def end(self) -> None:
        """Give up every actor that is not done."""
        self._is_over = True
        for thread in self._threads.values():
            if not thread.is_done:
                self._give_turn(thread)

    def errors(self) -> dict[str, BaseException]:
        """Give what actors raised."""
        return {name: thread.error for name, thread in self._threads.items() if thread.error is not None}

    def run(self, choose: Callable[[Mapping[str, Footprint]], str | None]) -> bool:
        """Run the actors, ``choose`` saying who is next; tells ``False`` when it gave up with ``None``."""
        with self._tap.under(self._rule):
            self.start()
            while wanted := self.wanted():
                name = choose(wanted)
                if name is None:
                    self.end()
                    return False
                self.step(name)
        return True


@dataclass
class _Node:
    """A place in the tree of schedules: who must be tried here (``wanted``), who was, who need not be (``asleep``)."""

    asleep: frozenset[str]
    wanted: list[str]
    tried: list[str] = field(default_factory=list)

    def try_next(self) -> bool:
        """Turn to an actor that was not tried; tells whether there was one."""
        left = [name for name in self.wanted if name not in self.asleep and name not in self.tried]
        self.tried += left[:1]
        return bool(left)


class Search:
    """Walks the tree of schedules, depth first; each run follows the path so far and goes on from there.

    After a run, each pair of its steps that depend on each other, with nothing between that orders them, is a race:
    where the first of them was done, somebody who leads to the other order must be tried too.
    """

    def __init__(self) -> None:
        self._path: list[_Node] = []
        self._steps: list[tuple[str, Footprint]] = []
        self._asleep: frozenset[str] = frozenset()
        self.is_finished = False

    def begin(self) -> None:
        """Start another run."""
        self._steps = []
        self._asleep = frozenset()

    def choose(self, wanted: Mapping[str, Footprint]) -> str | None:
        """Say whose step is next; ``None`` when every way on from here was seen elsewhere."""
        depth = len(self._steps)
        if depth == len(self._path):
            awake = [name for name in wanted if name not in self._asleep]
            if not awake:
                return None
            self._path.append(_Node(self._asleep, awake[:1], awake[:1]))
        node = self._path[depth]
        name = node.tried[-1]
        seen = node.asleep.union(node.tried[:-1])
        self._asleep = frozenset(other for other in seen if not depend(wanted[other], wanted[name]))
        self._steps.append((name, wanted[name]))
        return name

    def advance(self) -> None:
        """Turn to the next path that was not tried."""
        self._find_races()
        while self._path and not self._path[-1].try_next():
            self._path.pop()
        self.is_finished = not self._path

    def _find_races(self) -> None:
        # One bit for each step: those that must come before it.
        before: list[int] = []
        for at, (name, wants) in enumerate(self._steps):
            known = 0
            for earlier in range(at - 1, -1, -1):
                other, touched = self._steps[earlier]
                if known >> earlier & 1 or not (name == other or depend(wants, touched)):
                    continue
                if name != other:
                    self._reverse(earlier, at, [*before, known])
                known |= before[earlier] | 1 << earlier
            before.append(known)

    def _reverse(self, first: int, second: int, before: Sequence[int]) -> None:
        """Have somebody tried at the first step of a race who begins what leads to the second one without it."""
        without = [at for at in range(first + 1, second) if not before[at] >> first & 1]
        leading: dict[str, int] = {}
        for at in without:
            leading.setdefault(self._steps[at][0], at)
        leading.setdefault(self._steps[second][0], second)
        inside = sum(1 << at for at in without)
        initials = [name for name, at in leading.items() if at == second or not before[at] & inside]
        if second in leading.values() and before[second] & inside:
            initials.remove(self._steps[second][0])
        node = self._path[first]
        if not set(initials) & set(node.wanted):
            node.wanted.append(initials[0])


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule that was run: its steps, and what its actors raised."""

    steps: Sequence[str]
    errors: Mapping[str, BaseException]


def every_schedule(
    tap: Tap, make: Callable[[], Mapping[str, Actor]], rule: Callable[[], Rule] = lambda: passing
) -> Iterator[Schedule]:
    """Run every schedule of some actors; ``make`` puts everything back to the beginning and gives them afresh.

    ``rule`` makes the rule that the calls of one schedule are under.
    """
    search = Search()
    while not search.is_finished:
        stage = Stage(tap, make(), rule())
        search.begin()
        if stage.run(search.choose):
            yield Schedule(stage.steps, stage.errors())
        search.advance()


# How often the actor who moved last goes on: few changes of turn find most of what is wrong.
_GOES_ON = 0.8


def some_schedules(
    tap: Tap, make: Callable[[], Mapping[str, Actor]], rule: Callable[[], Rule], *, count: int
) -> Iterator[Schedule]:
    """Run so many schedules drawn by chance, the same ones each time: for actors with too many to run them all."""
    for seed in range(count):
        stage = Stage(tap, make(), rule())
        stage.run(_Drawn(seed))
        yield Schedule(stage.steps, stage.errors())


class _Drawn:
    """Draws who is next; at the end of a line of turns anybody, also the one who moved last."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._last = ""

    def __call__(self, wanted: Mapping[str, Footprint]) -> str:
        if self._last not in wanted or self._chance.random() > _GOES_ON:
            self._last = self._chance.choice(sorted(wanted))
        return self._last
