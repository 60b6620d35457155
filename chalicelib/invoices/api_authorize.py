"""May this job start: over HTTP, also with a portal token, and by direct invocation."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from chalicelib.invoices.authorization import Metered
from chalicelib.invoices.authorize_service import Authorized, authorize
from chalicelib.platform.direct import read_payload
from chalicelib.platform.entries import entry
from chalicelib.platform.fields import AnswerModel, Exact, Key, RequestModel
from chalicelib.platform.http import INGEST, READ, Answer, Request, Routes
from chalicelib.shared.clock import clock
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant

routes = Routes("invoices")

_ONE = "must name exactly one of charge, meter and amount"


class AuthorizeBody(RequestModel):
    """A job: so much more of a charge or a meter, or an amount of money."""

    charge: Key | None = None
    meter: Key | None = None
    quantity: Annotated[Decimal, Exact(at_least=Decimal(0))] | None = Field(
        default=None, description="How much more of the priced quantity the job uses."
    )
    dimensions: dict[str, str] | None = Field(default=None, description="Values of the meter's dimensions by name.")
    amount: Annotated[Decimal, Exact(at_least=Decimal(0))] | None = None

    @model_validator(mode="after")
    def _is_one_job(self) -> Self:
        if [self.charge, self.meter, self.amount].count(None) != 2:
            raise ValueError(_ONE)
        if (self.quantity is None) != (self.amount is not None):
            raise ValueError("must have a quantity with a charge or a meter, and none with an amount")
        if self.amount is not None and self.dimensions:
            raise ValueError("must have no dimensions with an amount")
        return self

    def wanted(self) -> Metered | Decimal:
        """Give what is to be authorized."""
        if self.amount is not None:
            return self.amount
        assert self.quantity is not None, "a charge or a meter comes with a quantity"
        return Metered(
            charge=self.charge, meter=self.meter, quantity=self.quantity, dimensions=dict(self.dimensions or {})
        )


class AuthorizeQuestion(AuthorizeBody):
    """What the directly invoked function takes: the body of the route with the organization."""

    organization: Key


class AuthorizationAnswer(AnswerModel):
    """Whether the job may start. Nothing is reserved by it: make a hold for that."""

    allowed: bool
    estimated_amount: str | None = Field(description="What the job would cost; null without a subscription.")
    remaining: str = Field(description="What remains now of the grants that would pay for it.")
    remaining_after: str
    reason: str | None = Field(description="no-subscription, insufficient-credit or spend-cap; null when allowed.")
    as_of: str


@routes.post(
    "/v1/organizations/{org}/authorize",
    roles={READ, INGEST},
    body=AuthorizeBody,
    answers={200: AuthorizationAnswer},
    problems=("not-found",),
)
def authorize_job(request: Request) -> Answer:
    """Tell whether a job may start, by the draft as it is now: the plan's prices, the spend cap, the credit left."""
    return Answer(
        _show(authorize(request.path["org"], request.body.wanted(), request.now), format_instant(request.now))
    )


@entry("authorize_usage")
def authorize_usage(payload: Any, context: Any) -> dict[str, Any]:
    """Tell whether a job may start, by direct invocation, guarded by IAM: the route's body with ``organization``.

    Answers what the route does; raises ``NotFound`` and ``InvalidInput``.
    """
    del context
    question, now = read_payload(AuthorizeQuestion, payload), clock.now()
    return _show(authorize(question.organization, question.wanted(), now), format_instant(now))


def _show(found: Authorized, as_of: str) -> dict[str, Any]:
    one, currency = found.authorization, found.currency
    estimated_minor = one.estimated_minor
    return {
        "allowed": one.refusal is None,
        "estimated_amount": None if estimated_minor is None else show_money(estimated_minor, currency),
        "remaining": show_money(one.remaining_minor, currency),
        "remaining_after": show_money(one.remaining_after_minor, currency),
        "reason": None if one.refusal is None else one.refusal.value,
        "as_of": as_of,
    }
