"""The shapes of the usage query and its answer."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from chalicelib.platform.fields import AnswerModel, Flag, Form, Key, QueryModel, Schema, Whole
from chalicelib.shared.time import parse_day, parse_instant, zone_of
from chalicelib.shared.values import dataclass
from chalicelib.usage.ranges import Window

Bound = date | datetime
MAX_NAMES = 16


@dataclass(frozen=True)
class BoundForm(Form):
    """One end of a range: an instant, or a local day, which means its first instant."""

    def read(self, value: Any) -> Bound:
        """Read ``YYYY-MM-DD`` or an RFC 3339 instant with an offset."""
        if not isinstance(value, str):
            raise ValueError("must be a day or an instant")
        return parse_day(value) if len(value) == len("2026-01-31") else parse_instant(value)

    def schema(self) -> Schema:
        """Show both forms."""
        return {
            "type": "string",
            "description": "A local day (its first instant) or an RFC 3339 instant; half-open, whole quarter-hours.",
            "examples": ["2026-01-31", "2026-01-31T23:45:00Z"],
        }


@dataclass(frozen=True)
class ZoneForm(Form):
    """A time zone of the IANA database."""

    def read(self, value: Any) -> ZoneInfo:
        """Find the zone by its name."""
        if not isinstance(value, str):
            raise ValueError("is not a time zone of the IANA database")
        return zone_of(value)

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "examples": ["Europe/Berlin"]}


@dataclass(frozen=True)
class NamesForm(Form):
    """Names of dimensions joined by commas, each once."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Split the names."""
        names = tuple(str(value).split(","))
        if not all(names) or len(set(names)) != len(names) or len(names) > MAX_NAMES:
            raise ValueError(f"must be 1 to {MAX_NAMES} different names joined by commas")
        return names

    def schema(self) -> Schema:
        """Show an example."""
        return {"type": "string", "examples": ["model,kind"]}


class UsageQuery(QueryModel):
    """What to measure, over which range, cut and grouped how."""

    meter: list[Key] = Field(default=[], description="Only these meters; all by default.")
    from_: Annotated[Bound, BoundForm()] | None = Field(default=None, alias="from")
    to: Annotated[Bound, BoundForm()] | None = None
    window: Window = Window.DAY
    timezone: Annotated[ZoneInfo, ZoneForm()] | None = None
    group_by: Annotated[tuple[str, ...], NamesForm()] = ()
    filter: dict[str, list[str]] = Field(default={}, description="Keep only these values of a dimension.")
    top: Annotated[int, Whole(1, 50)] = Field(default=10, description="How many groups, by their total.")
    include_zero: Flag = Field(default=False, description="List meters without usage in the range too.")
    spend: Flag = Field(default=False, description="Add what the usage costs; null where no charge prices it.")
    compare: Literal["previous"] | None = Field(default=None, description="Add the total of the range before.")


class UsageWindow(AnswerModel):
    """The quantity of one window, or of one group in it. The rest beyond the top has ``rest`` and no group."""

    start: str
    end: str
    group: dict[str, str] | None
    rest: bool = Field(default=False, json_schema_extra={"description": "All groups beyond the top as one."})
    value: str
    spend: str | None = None


class MeterUsageAnswer(AnswerModel):
    """The usage of one meter."""

    meter: str
    name: str
    unit: str | None
    aggregation: str
    billable: bool
    counting: bool = Field(description="Events stored before the meter was created are still being counted.")
    total: str
    previous_total: str | None = None
    spend: str | None = None
    windows: list[UsageWindow]


class UsageAnswer(AnswerModel):
    """The usage of an organization, right as of ``as_of``."""

    from_: str = Field(alias="from")
    to: str
    window: Window
    timezone: str
    as_of: str
    data: list[MeterUsageAnswer]
