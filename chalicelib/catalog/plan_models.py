"""The shapes of requests and answers about plans."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from chalicelib.catalog.plan_check_service import Currency, KeyedPlanShape, PlanShape
from chalicelib.catalog.plans import PriceModel, Timing
from chalicelib.platform.fields import AnswerModel
from chalicelib.shared.billing_periods import PeriodUnit


class NewPlan(KeyedPlanShape):
    """A plan to be created. The route judges it together with the meters, so that every fault is named at once."""

    @model_validator(mode="wrap")
    @classmethod
    def _left_to_the_route(cls, sent: Any, judge: ModelWrapValidatorHandler[Self]) -> Any:
        return sent if isinstance(sent, dict) else judge(sent)


class NewPlanVersion(PlanShape):
    """What the next version of a plan says; the currency is the plan's. Judged by the route, as a new plan is."""

    currency: Currency | None = None  # type: ignore[assignment]

    @model_validator(mode="wrap")
    @classmethod
    def _left_to_the_route(cls, sent: Any, judge: ModelWrapValidatorHandler[Self]) -> Any:
        return sent if isinstance(sent, dict) else judge(sent)


class TierAnswer(AnswerModel):
    """Units up to a bound, included."""

    up_to: str | None
    unit_price: str
    flat_fee: str


class PriceAnswer(AnswerModel):
    """A model with its fields; those of other models are left out."""

    model: PriceModel | None = None
    unit_price: str | None = None
    tiers: list[TierAnswer] | None = None
    package_size: str | None = None
    package_price: str | None = None
    included: str | None = None


class PricesByAnswer(AnswerModel):
    """A price for each value of a dimension; one without a model has the charge's."""

    dimension: str
    prices: dict[str, PriceAnswer]
    default: PriceAnswer | None = None


class UsageChargeAnswer(PriceAnswer):
    """A price on the quantity of a meter."""

    key: str
    name: str
    type: Literal["usage"]
    meter: str
    minimum: str | None = None
    maximum: str | None = None
    filter: dict[str, list[str]] | None = None
    prices_by: PricesByAnswer | None = None


class RecurringChargeAnswer(AnswerModel):
    """A fee for each period."""

    key: str
    name: str
    type: Literal["recurring"]
    amount: str
    timing: Timing
    prorate: bool


class PlanAnswer(AnswerModel):
    """A version of a plan. What a charge does not say is left out."""

    key: str
    version: int
    name: str
    currency: str
    billing_period: PeriodUnit
    charges: list[Annotated[UsageChargeAnswer | RecurringChargeAnswer, Field(discriminator="type")]]
    minimum: str | None
    discount_percent: str
    usage_history_days: int
    net_days: int
    grace_hours: int
    created_at: str


class PlanList(AnswerModel):
    """A page of plans."""

    data: list[PlanAnswer]
    next_cursor: str | None
