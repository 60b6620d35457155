"""What is behind, for operators: the rollup, the billing run, settling of credit, meters that still count.

It reads the 16 partitions of dirty marks and the 32 of the two indexes ``due``, each up to a limit: 34 read units when
nothing waits, at most some 180. Marks, meters and the place of counting are read strongly consistent; the indexes
may be a moment behind. Nothing is computed: a draft that is blocked shows as an organization that stays due.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from chalicelib.catalog import subscription_service
from chalicelib.credits import settle_service
from chalicelib.platform.due_runs import DueBacklog
from chalicelib.platform.fields import AnswerModel
from chalicelib.platform.http import READ, Answer, Request, Routes
from chalicelib.platform.metrics import BILLING_MAY_LAG_S, ROLLUP_MAY_LAG_S, SETTLING_MAY_LAG_S
from chalicelib.platform.together import together
from chalicelib.shared.time import format_instant, quarter_hour_start
from chalicelib.shared.values import dataclass
from chalicelib.usage import backlog_service
from chalicelib.usage.backlog_service import CountingBacklog, MarkBacklog

routes = Routes("health")

_ONE_SECOND = timedelta(seconds=1)


class CountAnswer(AnswerModel):
    """How many were found; ``more``: there are more than were looked at."""

    count: int
    more: bool


class WaitingMarkAnswer(AnswerModel):
    """A quarter-hour of an organization, and since when it could have been rolled up."""

    organization: str
    quarter_hour: str
    since: str


class RollupHealthAnswer(AnswerModel):
    """Dirty quarter-hours, open ones too, and those of them that wait for the next rollup."""

    dirty: CountAnswer
    waiting: CountAnswer
    oldest: WaitingMarkAnswer | None
    lag_s: int


class DueAnswer(AnswerModel):
    """An organization with something due, and since when."""

    organization: str
    since: str


class RunHealthAnswer(AnswerModel):
    """Organizations that the next run works on; ``oldest`` names up to ten, the longest due first."""

    due: CountAnswer
    oldest: list[DueAnswer]
    lag_s: int


class CountingHealthAnswer(AnswerModel):
    """Meters that still count past events: done up to ``after_organization``, and in the next one before ``day``."""

    meters: list[str]
    after_organization: str | None
    day: str | None


class BehindAnswer(AnswerModel):
    """A job that is later than it may be, and the page that says what to do."""

    reason: str = Field(description="rollup, billing or settling")
    since: str
    lag_s: int
    allowed_s: int
    page: str


class OperatorHealthAnswer(AnswerModel):
    """What is behind; ``state`` is ok or behind."""

    state: str
    behind: list[BehindAnswer]
    rollup: RollupHealthAnswer
    billing: RunHealthAnswer
    settling: RunHealthAnswer
    counting: CountingHealthAnswer
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lag:
    """Since when a job has had something to do that it has not done."""

    reason: str
    since: datetime | None
    allowed_s: int
    page: str

    def seconds(self, now: datetime) -> int:
        return 0 if self.since is None else max(0, (now - self.since) // _ONE_SECOND)


@routes.get("/v1/health", roles={READ}, answers={200: OperatorHealthAnswer})
def read_backlogs(request: Request) -> Answer:
    """Tell what the jobs have still to do, and which of them are behind."""
    now = request.now
    marks, counting, billing, settling = together(
        lambda: backlog_service.read_mark_backlog(now),
        backlog_service.read_counting_backlog,
        lambda: subscription_service.due_backlog(now),
        lambda: settle_service.due_backlog(now),
    )
    lags = list(_lags(marks, billing, settling))
    behind = [lag for lag in lags if lag.seconds(now) > lag.allowed_s]
    rollup_s, billing_s, settling_s = (lag.seconds(now) for lag in lags)
    return Answer(
        {
            "state": "behind" if behind else "ok",
            "behind": [_show_lag(lag, now) for lag in behind],
            "rollup": {**_show_marks(marks), "lag_s": rollup_s},
            "billing": {**_show_due(billing), "lag_s": billing_s},
            "settling": {**_show_due(settling), "lag_s": settling_s},
            "counting": _show_counting(counting),
            "as_of": format_instant(now),
        }
    )


def _lags(marks: MarkBacklog, billing: DueBacklog, settling: DueBacklog) -> Iterator[_Lag]:
    since = None if marks.oldest is None else marks.oldest.waits_since
    yield _Lag(reason="rollup", since=since, allowed_s=ROLLUP_MAY_LAG_S, page="docs/alarms/rollup-behind.md")
    for reason, due, allowed_s, page in (
        ("billing", billing, BILLING_MAY_LAG_S, "docs/alarms/billing-behind.md"),
        ("settling", settling, SETTLING_MAY_LAG_S, "docs/alarms/settling-stopped.md"),
    ):
        yield _Lag(reason=reason, since=due.oldest[0].due_at if due.oldest else None, allowed_s=allowed_s, page=page)


def _show_lag(lag: _Lag, now: datetime) -> dict[str, Any]:
    assert lag.since is not None, "what is behind has been so since some instant"
    return {
        "reason": lag.reason,
        "since": format_instant(lag.since),
        "lag_s": lag.seconds(now),
        "allowed_s": lag.allowed_s,
        "page": lag.page,
    }


def _show_marks(marks: MarkBacklog) -> dict[str, Any]:
    oldest = marks.oldest
    return {
        "dirty": {"count": marks.dirty, "more": marks.has_more},
        "waiting": {"count": marks.waiting, "more": marks.has_more},
        "oldest": None
        if oldest is None
        else {
            "organization": oldest.organization,
            "quarter_hour": format_instant(quarter_hour_start(oldest.quarter_hour)),
            "since": format_instant(oldest.waits_since),
        },
    }


def _show_due(due: DueBacklog) -> dict[str, Any]:
    return {
        "due": {"count": due.count, "more": due.has_more},
        "oldest": [{"organization": one.organization, "since": format_instant(one.due_at)} for one in due.oldest],
    }


def _show_counting(counting: CountingBacklog) -> dict[str, Any]:
    return {
        "meters": list(counting.meters),
        "after_organization": counting.after,
        "day": None if counting.day is None else counting.day.isoformat(),
    }
