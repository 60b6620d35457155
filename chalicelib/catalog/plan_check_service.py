"""Checks plans: the shape of each value here, what the fields say about each other in ``plan_rules``.

Both lists together name every fault at once. The edge shows these shapes in the API document, and other domains have
overrides checked by the same functions.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from chalicelib.catalog.plan_content import DEFAULTS
from chalicelib.catalog.plan_rules import Json, Meters, rule_faults
from chalicelib.catalog.plans import PriceModel, Timing
from chalicelib.platform.fields import Exact, Key, Line, Name, RequestModel, WholeNumberOnly
from chalicelib.platform.requests import faults_of
from chalicelib.shared.billing_periods import PeriodUnit
from chalicelib.shared.errors import Fault, InvalidInput

MAX_CHARGES, MAX_TIERS, MAX_PRICES, MAX_FILTERS = 100, 100, 1000, 16
MAX_FAULTS = 1000
_ZERO = Decimal(0)
_CHARGE = re.compile(r"/charges/([0-9]+)")

NotNegative = Annotated[Decimal, Exact(at_least=_ZERO)]
Positive = Annotated[Decimal, Exact(above=_ZERO)]
Percent = Annotated[Decimal, Exact(at_least=_ZERO, at_most=Decimal(100))]
Currency = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{3}$", "examples": ["USD"]})]
Model = Annotated[PriceModel, Field(strict=False)]
DimensionValue = Annotated[str, Line(at_most=200, at_least=0)]
DimensionValues = Annotated[list[DimensionValue], Field(min_length=1, max_length=100)]


class TierShape(RequestModel):
    """Units up to a bound, included; the last tier has none."""

    up_to: Positive | None
    unit_price: NotNegative | None = None
    flat_fee: NotNegative | None = None


class PriceShape(RequestModel):
    """A model with its fields: ``unit_price``, or ``tiers``, or ``package_size`` with ``package_price``."""

    model: Model | None = None
    unit_price: NotNegative | None = None
    tiers: Annotated[list[TierShape], Field(min_length=1, max_length=MAX_TIERS)] | None = None
    package_size: Positive | None = None
    package_price: NotNegative | None = None
    included: NotNegative | None = None


class PricesByShape(RequestModel):
    """A price for each value of a dimension; one without a model has the charge's."""

    dimension: Key
    prices: Annotated[dict[DimensionValue, PriceShape], Field(max_length=MAX_PRICES)]
    default: PriceShape | None = None


class UsageChargeShape(PriceShape):
    """A price on the quantity of a meter."""

    key: Key
    name: Name
    type: Literal["usage"]
    meter: Key
    minimum: NotNegative | None = None
    maximum: NotNegative | None = None
    filter: Annotated[dict[Key, DimensionValues], Field(max_length=MAX_FILTERS)] | None = None
    prices_by: PricesByShape | None = None


class RecurringChargeShape(RequestModel):
    """A fee for each period."""

    key: Key
    name: Name
    type: Literal["recurring"]
    amount: NotNegative
    timing: Timing = Field(strict=False)
    prorate: bool = True


ChargeShape = Annotated[UsageChargeShape | RecurringChargeShape, Field(discriminator="type")]


class PlanShape(RequestModel):
    """What a version of a plan says."""

    name: Name
    currency: Currency
    billing_period: PeriodUnit = Field(strict=False)
    charges: Annotated[list[ChargeShape], Field(max_length=MAX_CHARGES)]
    minimum: NotNegative | None = None
    discount_percent: Percent = _ZERO
    usage_history_days: Annotated[int, WholeNumberOnly(1, 1100)] = DEFAULTS["usage_history_days"]
    net_days: Annotated[int, WholeNumberOnly(0, 365)] = DEFAULTS["net_days"]
    grace_hours: Annotated[int, WholeNumberOnly(0, 720)] = DEFAULTS["grace_hours"]


class KeyedPlanShape(PlanShape):
    """The first version of a plan with the plan's key."""

    key: Key


def plan_faults(sent: Json, meters: Meters, *, shape: type[BaseModel] = PlanShape) -> list[Fault]:
    """Find everything that is wrong with a plan as it was sent, in the order of the shape; none when it is sound.

    Archived meters count as known: what exists already may go on with them.
    """
    found = {fault.pointer: fault for fault in _shape_faults(sent, shape)}
    for fault in rule_faults(sent, meters):
        found.setdefault(fault.pointer, fault)
    return list(found.values())


def _shape_faults(sent: Json, shape: type[BaseModel]) -> list[Fault]:
    try:
        shape.model_validate(sent)
    except ValidationError as error:
        return [_at_its_type(fault, sent) for fault in faults_of(error, sent, "")]
    return []


def _at_its_type(fault: Fault, sent: Json) -> Fault:
    """Move a fault of a whole charge to its type: without one that is known, nothing tells what it should be."""
    found = _CHARGE.fullmatch(fault.pointer)
    if found is None:
        return fault
    if isinstance(sent["charges"][int(found[1])], dict):
        return Fault(f"{fault.pointer}/type", "must be usage or recurring")
    return Fault(fault.pointer, "must be an object")


def refuse(faults: Sequence[Fault]) -> None:
    """Raise ``InvalidInput`` when there are faults of a plan, one for each place."""
    named = {fault.pointer: fault for fault in faults}
    if named:
        count = "The plan has a fault." if len(named) == 1 else f"The plan has {len(named)} faults."
        raise InvalidInput(count, list(named.values())[:MAX_FAULTS])
