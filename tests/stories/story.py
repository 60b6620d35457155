"""Plays a story through the public API: the clock stands at the date of each step, and jobs run where a step says so.

After every step all invariants are checked. A story fails with the line that did not come true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from chalicelib.shared.clock import Clock
from tests.client import ApiClient
from tests.stories.expectations import Expectations
from tests.stories.invariants import Watch
from tests.stories.notation import Money, Step, StoryError, read_story
from tests.stories.steps import Done, Verbs

Play: TypeAlias = Callable[[str], Verbs]

JOBS = {"billing": "run_billing", "rollup": "rollup_usage", "settle": "settle_credits"}
# What these do shows in no draft and no invoice.
MOVING = {"rollup": "a rollup changed what it only moves", "settle": "settling changed what it only books"}
# Whatever these finalize must be what its draft was at that instant.
FINALIZING = {"billing", "finalize", "rollup", "settle"}
# What only defines things changes no invoice.
DEFINING = {"meter", "organization", "plan"}
_STATES = {"counted", "duplicate", "conflict", "voided", "amended", "unmatched"}


@dataclass(frozen=True, slots=True)
class Story:
    """Plays stories for one test."""

    client: ApiClient
    clock: Clock

    def play(self, text: str) -> Verbs:
        """Play a story, and give what did its steps; raises ``StoryError`` with the line and what is different."""
        verbs = Verbs(self.client)
        watch = Watch(verbs)
        for step in read_story(text):
            try:
                self._play_step(step, verbs, watch)
            except StoryError as fault:
                raise fault if str(fault).startswith("line ") else step.row.fault(str(fault)) from fault
        return verbs

    def _play_step(self, step: Step, verbs: Verbs, watch: Watch) -> None:
        verbs.learn(step)
        self.clock.set(verbs.instant(step.stamp))
        is_refused = (step.outcome or "").startswith("refused")
        if is_refused or step.row.verb in FINALIZING:
            watch.before()
        done = verbs.do(step)
        _check_outcome(step, done, verbs)
        if is_refused:
            watch.unchanged("a step was refused and changed something")
        if step.row.verb in MOVING:
            watch.kept(MOVING[step.row.verb])
        Expectations(verbs, Money(verbs.currency), done.body).check(verbs.rows_of(step))
        if step.row.verb not in DEFINING:
            watch.after(JOBS.get(step.row.verb) if _did_something(done.body) else None)


def _did_something(report: Any) -> bool:
    """Tell whether a job did anything: one that found nothing to do has shown already what it would do again."""
    return any(report.get(name) for name in ("finalized", "skipped", "overdue", "rolled_up", "settled"))


def _check_outcome(step: Step, done: Done, verbs: Verbs) -> None:
    """Check what stands behind the arrow: ``refused 409``, or what became of an event."""
    wanted = (step.outcome or "").replace(",", " ").split()
    refused = int(wanted[1]) if wanted[:1] == ["refused"] else None
    if done.status != refused if refused is not None else done.status >= 300:
        raise StoryError(f"answered with {done.status}: {done.body}")
    if wanted and refused is None:
        if wanted[0] not in _STATES:
            raise StoryError(f"{step.outcome} is no outcome of a step")
        states = verbs.event_state(step.row.words[0])
        if wanted[0] not in states:
            raise StoryError(f"{step.row.words[0]} is {states}")
