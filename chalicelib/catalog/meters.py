"""What a meter is: which events it counts, what it takes from them, how they add up (docs/rules.md, section 2)."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from chalicelib.shared.values import dataclass

Path = tuple[str, ...]

_SEGMENT = re.compile(r"[^.\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}")
MAX_PATH_DEPTH = 15


class Aggregation(StrEnum):
    """How the events of a meter become one quantity."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    AVERAGE = "average"
    UNIQUE_COUNT = "unique_count"
    LATEST = "latest"
    TIME_WEIGHTED = "time_weighted"

    @property
    def is_additive(self) -> bool:
        """Tell whether the quantities of groups add up to the quantity of all."""
        return self in (Aggregation.COUNT, Aggregation.SUM, Aggregation.TIME_WEIGHTED)


class MeterStatus(StrEnum):
    """Where a meter is in its life."""

    COUNTING = "counting"
    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A named part of an event's data that quantities are kept apart by."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on an event: the value at ``path`` is one of ``values``, as text."""

    name: str
    path: Path
    values: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The definition of a meter, which never changes but for its name, unit and end.

    Events of ``event_type`` with a time in ``[count_from, archived_at)`` count. ``version`` is the catalog's version
    since which this definition holds; ``counted`` tells that events stored before it have been counted too.
    """

    key: str
    name: str
    event_type: str
    aggregation: Aggregation
    value: Path | None
    dimensions: tuple[Dimension, ...]
    filters: tuple[Filter, ...]
    unit: str | None
    strict: bool
    count_from: datetime
    archived_at: datetime | None
    version: int
    counted: bool
    created_at: datetime

    @property
    def status(self) -> MeterStatus:
        """Tell whether the meter is archived, still counting stored events, or active."""
        if self.archived_at is not None:
            return MeterStatus.ARCHIVED
        return MeterStatus.ACTIVE if self.counted else MeterStatus.COUNTING


@dataclass(frozen=True, slots=True)
class MeterCatalog:
    """All meters at one version of the catalog, by key.

    ``edition`` is another text after any change of a meter, its name too; commands make sure that it still holds.
    """

    version: int
    meters: Mapping[str, Meter]
    edition: str = ""


def parse_path(text: str) -> Path:
    """Read a path into an event's data such as ``usage.output_tokens``; raises ``ValueError`` with the reason."""
    path = tuple(text.split("."))
    if len(path) > MAX_PATH_DEPTH:
        raise ValueError(f"must have at most {MAX_PATH_DEPTH} parts")
    if not all(_SEGMENT.fullmatch(part) for part in path):
        raise ValueError("must be names joined by points, such as usage.output_tokens")
    return path


def format_path(path: Path) -> str:
    """Show a path as it was given."""
    return ".".join(path)
