"""The shapes of the requests and answers about subscriptions.

Overrides and instants of a change are only looked at from afar here: what they mean depends on the plan and the state.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.catalog.subscription_changes import MAX_TRIAL_DAYS
from chalicelib.catalog.subscriptions import Payment, SubscriptionStatus
from chalicelib.platform.fields import (
    AnswerModel,
    Exact,
    Form,
    Instant,
    InstantForm,
    Key,
    RequestModel,
    Schema,
    WholeNumberOnly,
)
from chalicelib.shared.billing_periods import Anchor, PeriodUnit
from chalicelib.shared.values import dataclass


@dataclass(frozen=True)
class WhenForm(Form):
    """When a change takes effect: ``now``, ``period_end``, or an instant."""

    def read(self, value: Any) -> datetime | Literal["now", "period_end"]:
        """Read one of the two words or an RFC 3339 instant."""
        if value in ("now", "period_end"):
            return "now" if value == "now" else "period_end"
        if isinstance(value, str) and value[:1].isdigit():
            return InstantForm().read(value)
        raise ValueError("must be now, period_end or an RFC 3339 instant such as 2026-01-31T23:59:59Z")

    def schema(self) -> Schema:
        """Show the words and the format."""
        return {"anyOf": [{"type": "string", "enum": ["now", "period_end"]}, InstantForm().schema()]}


@dataclass(frozen=True)
class OverridesForm(Form):
    """Fields of a plan by name; they are checked together with the plan version that they change."""

    def read(self, value: Any) -> dict[str, Any]:
        """Read an object."""
        if not isinstance(value, dict):
            raise ValueError("must be an object")
        return value

    def schema(self) -> Schema:
        """Show the fields that may be overridden."""
        return {
            "type": "object",
            "properties": {
                "charges": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
                "minimum": {},
                "discount_percent": {},
                "net_days": {},
            },
            "additionalProperties": False,
            "examples": [{"discount_percent": "10"}],
        }


When = Annotated[datetime | Literal["now", "period_end"], WhenForm()]
Overrides = Annotated[dict[str, Any], OverridesForm()]
VersionNumber = Annotated[int, WholeNumberOnly(1, 10**9)]
SpendCap = Annotated[Decimal, Exact(at_least=Decimal(0))]


class NewSubscriptionBody(RequestModel):
    """A subscription to be made; without ``version`` the latest one of the plan."""

    plan: Key
    version: VersionNumber | None = None
    start: Instant | None = None
    end: Instant | None = None
    anchor: Anchor = Field(default=Anchor.CALENDAR, strict=False)
    trial_days: Annotated[int, WholeNumberOnly(0, MAX_TRIAL_DAYS)] = 0
    payment: Payment = Field(default=Payment.POSTPAID, strict=False)
    spend_cap: SpendCap | None = None
    overrides: Overrides | None = None


class ChangeBody(RequestModel):
    """Another plan, or another version of it: the latest one where none is named."""

    plan: Key
    version: VersionNumber | None = None
    at: When


class CancelBody(RequestModel):
    """When the subscription ends."""

    at: When


class SubscriptionPatch(RequestModel):
    """What changes of a subscription: only the fields that are sent; ``null`` takes the cap or all overrides away."""

    spend_cap: SpendCap | None = None
    overrides: Overrides | None = None


class SpanAnswer(AnswerModel):
    """Instants from ``start`` up to, not including, ``end``."""

    start: str
    end: str


class ScheduledChangeAnswer(AnswerModel):
    """A change of plan that lies ahead."""

    plan: str
    version: int
    at: str


class HeldPlanAnswer(AnswerModel):
    """A plan version that has held, until the next one in the list."""

    plan: str
    version: int
    from_: str = Field(alias="from")


class SubscriptionAnswer(AnswerModel):
    """A subscription as it is now."""

    id: str
    organization: str
    plan: str
    version: int
    status: SubscriptionStatus
    start: str
    end: str | None
    trial_end: str | None
    anchor: Anchor
    billing_period: PeriodUnit
    payment: Payment
    spend_cap: str | None
    overrides: dict[str, Any]
    current_period: SpanAnswer | None
    previous_period: SpanAnswer | None
    scheduled_change: ScheduledChangeAnswer | None
    usage_history_days: int
    created_at: str
    history: list[HeldPlanAnswer]


class SubscriptionList(AnswerModel):
    """A page of subscriptions, the latest first."""

    data: list[SubscriptionAnswer]
    next_cursor: str | None
