"""What the server would refuse of a file, found out before the first event is sent.

Each row is checked by the code that checks it on the server, with the server's clock, limits and strict meters.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.catalog.meters import Aggregation, Dimension, Filter, Meter, parse_path
from chalicelib.catalog.settings import DEFAULT_LATE_LIMIT_DAYS
from chalicelib.shared.retention import EARLIEST
from chalicelib.shared.time import format_instant, parse_instant
from chalicelib.usage.event_checks import MAX_AHEAD, Terms, check_event
from chalicelib.usage.events import Event
from chalicelib.usage.matching import can_use, is_for
from local.client import Client, Reply
from local.rows import BadRow, Row, Target

_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides whether the server takes an event, as far as the key may read it."""

    terms: Terms
    meters: Sequence[Meter] = ()

    def judge(self, row: Row) -> Event | str:
        """Read a row's event, or say why the server would refuse it."""
        found = check_event(row.event, self.terms)
        return found if isinstance(found, Event) else "; ".join(f"{one.pointer} {one.detail}" for one in found)

    def unusable(self, event: Event) -> list[str]:
        """Name the meters that count an event and cannot use it."""
        return [meter.key for meter in self.meters if is_for(meter, event) and not can_use(meter, event)]


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
    meters = _meters(client, target.type)
    now = _now_of(client.get("/_local/clock"))
    late_limit = timedelta(days=int(settings.get("late_limit_days", DEFAULT_LATE_LIMIT_DAYS)))
    return Rules(
        Terms(
            earliest_at=EARLIEST if backfill else now - late_limit,
            latest_at=now + MAX_AHEAD,
            organizations=frozenset({target.subject}),
            strict_meters={target.type: [meter for meter in meters if meter.strict]},
        ),
        meters,
    )


def _content(reply: Reply) -> Mapping[str, Any]:
    return reply.content if reply.status == 200 and isinstance(reply.content, Mapping) else {}


def _now_of(reply: Reply) -> datetime:
    """Read the local server's clock, which may be set; a deployed server has the real one."""
    told = _content(reply).get("now")
    return parse_instant(told) if isinstance(told, str) else datetime.now(UTC)


def _meters(client: Client, event_type: str) -> list[Meter]:
    found: list[Meter] = []
    cursor = ""
    while True:
        page = _content(client.get(f"/v1/meters?limit=200{cursor}"))
        found += [_meter(shown) for shown in page.get("data", []) if shown["event_type"] == event_type]
        if not page.get("next_cursor"):
            return found
        cursor = f"&cursor={page['next_cursor']}"


def _meter(shown: Mapping[str, Any]) -> Meter:
    """Read a meter back from how the API shows it."""
    paths: Mapping[str, str] = shown["dimensions"]
    return Meter(
        key=shown["key"],
        name=shown["name"],
        event_type=shown["event_type"],
        aggregation=Aggregation(shown["aggregation"]),
        value=None if shown["value"] is None else parse_path(shown["value"]),
        dimensions=tuple(Dimension(name, parse_path(path)) for name, path in paths.items()),
        filters=tuple(
            Filter(name, parse_path(paths.get(name, name)), frozenset(values))
            for name, values in shown["filter"].items()
        ),
        unit=shown["unit"],
        strict=shown["strict"],
        count_from=parse_instant(shown["count_from"]),
        archived_at=None if shown["archived_at"] is None else parse_instant(shown["archived_at"]),
        version=shown["version"],
        counted=True,
        created_at=parse_instant(shown["created_at"]),
    )


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
        found = row.reason if isinstance(row, BadRow) else rules.judge(row)
        if isinstance(found, str):
            self.refused[row.line] = found
            return
        self.unusable.update(rules.unusable(found))
        self.first = min(self.first or found.time, found.time)
        self.last = max(self.last or found.time, found.time)

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
