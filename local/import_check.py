"""What the server would refuse of a file, found out before the first event is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.shared.numbers import JsonNumber, read_event_number
from chalicelib.shared.time import format_instant, parse_instant
from local.client import Client, Reply
from local.rows import BadRow, Row, Target

EARLY_LIMIT = timedelta(minutes=5)
DEFAULT_LATE_LIMIT_DAYS = 35
_NUMERIC = frozenset({"sum", "max", "min", "average", "latest", "time_weighted"})
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Measure:
    """A meter that would read these events: where its value lies and whether it refuses what it cannot use."""

    key: str
    path: tuple[str, ...] | None
    numeric: bool
    strict: bool

    def can_use(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the meter finds a value that it can use."""
        if self.path is None:
            return True
        found: Any = values
        for name in self.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not self.numeric:
            return isinstance(found, str | bool | JsonNumber)
        text = found.text if isinstance(found, JsonNumber) else found
        return isinstance(text, str) and read_event_number(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides whether the server takes an event: its clock and limits, as far as the key may read them."""

    now: datetime
    late_limit: timedelta
    backfill: bool
    measures: tuple[Measure, ...] = ()

    def refusal(self, row: Row) -> str | None:
        """Say why the server would refuse a row; ``None`` when it would take it."""
        if row.time > self.now + EARLY_LIMIT:
            return f"its time {format_instant(row.time)} is more than 5 minutes ahead of {format_instant(self.now)}"
        if not self.backfill and row.time < self.now - self.late_limit:
            return (
                f"its time {format_instant(row.time)} is older than the late limit of {self.late_limit.days} days "
                f"(--backfill sends it all the same)"
            )
        unusable = [measure.key for measure in self.measures if measure.strict and not measure.can_use(row.values)]
        return f"the strict meter {unusable[0]} cannot use it" if unusable else None


class Refused(Exception):
    """The server would refuse every row; the message says why."""


def ask_rules(client: Client, target: Target, *, backfill: bool) -> Rules:
    """Ask the server for its clock, limits and meters; what the key may not read falls back to the defaults.

    Raises ``Refused`` for a key that is not valid and for an organization that neither exists nor would be created.
    """
    session = client.get("/v1/session")
    if session.status == 401:
        raise Refused("The server does not know this key.")
    settings = _content(client.get("/v1/settings"))
    if client.get(f"/v1/organizations/{target.subject}").status == 404 and settings.get(
        "create_unknown_organizations"
    ) in (None, False):
        raise Refused(f"There is no organization {target.subject}, and the server does not create unknown ones.")
    return Rules(
        now=_now_of(client.get("/_local/clock")),
        late_limit=timedelta(days=int(settings.get("late_limit_days", DEFAULT_LATE_LIMIT_DAYS))),
        backfill=backfill,
        measures=tuple(_measures(client, target.type)),
    )


def _content(reply: Reply) -> Mapping[str, Any]:
    return reply.content if reply.status == 200 and isinstance(reply.content, Mapping) else {}


def _now_of(reply: Reply) -> datetime:
    """Read the local server's clock, which may be set; a deployed server has the real one."""
    told = _content(reply).get("now")
    return parse_instant(told) if isinstance(told, str) else datetime.now(UTC)


def _measures(client: Client, event_type: str) -> Iterator[Measure]:
    cursor = ""
    while True:
        page = _content(client.get(f"/v1/meters?limit=200{cursor}"))
        for meter in page.get("data", []):
            if meter["event_type"] == event_type and not meter.get("archived_at"):
                path = tuple(meter["value"].split(".")) if meter.get("value") else None
                numeric = meter["aggregation"] in _NUMERIC
                yield Measure(meter["key"], path, numeric, bool(meter.get("strict")))
        if not page.get("next_cursor"):
            return
        cursor = f"&cursor={page['next_cursor']}"


@dataclass(slots=True)
class Check:
    """What was found about all rows of a file."""

    rows: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    unusable: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, row: Row | BadRow, rules: Rules) -> None:
        """Look at one row."""
        self.rows += 1
        reason = row.reason if isinstance(row, BadRow) else rules.refusal(row)
        if reason is not None:
            self.refused[row.line] = reason
        elif isinstance(row, Row):
            self.unusable.update(one.key for one in rules.measures if not one.strict and not one.can_use(row.values))
            self.first = min(self.first or row.time, row.time)
            self.last = max(self.last or row.time, row.time)

    def report(self) -> Sequence[str]:
        """Say what was found, in lines for a person: the first twenty refused rows and all counts."""
        lines = [f"line {line}: {reason}" for line, reason in list(self.refused.items())[:_SHOWN_ROWS]]
        if len(self.refused) > _SHOWN_ROWS:
            lines.append(f"… and {len(self.refused) - _SHOWN_ROWS:,} more")
        lines += [f"meter {key} cannot use {count:,} rows; they are stored" for key, count in self.unusable.items()]
        span = ""
        if self.first is not None and self.last is not None:
            span = f", {format_instant(self.first)} to {format_instant(self.last)}"
        lines.append(f"{self.rows:,} rows: {self.rows - len(self.refused):,} good{span}; {len(self.refused):,} refused")
        return lines


def check_rows(rows: Iterable[Row | BadRow], rules: Rules) -> Check:
    """Check every row against what the server would refuse."""
    check = Check()
    for row in rows:
        check.add(row, rules)
    return check
