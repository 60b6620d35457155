"""The shapes of holds."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from chalicelib.credits.holds import LONGEST_S, HoldStatus
from chalicelib.platform.fields import AnswerModel, Exact, ListQuery, Name, RequestModel, WholeNumberOnly


class NewHold(RequestModel):
    """Credit to be put aside for some time, in whole seconds; ``reference`` is the caller's own name for the work."""

    amount: Annotated[Decimal, Exact(above=Decimal(0))]
    expires_in: Annotated[int, WholeNumberOnly(1, LONGEST_S)]
    reference: Name


class HoldQuery(ListQuery):
    """Which holds to list."""

    status: HoldStatus | None = None


class HeldAnswer(AnswerModel):
    """What a hold holds of one grant."""

    grant: str
    amount: str


class HoldAnswer(AnswerModel):
    """A hold; ``amount`` is the sum over its grants, which are in the order of drawdown."""

    id: str
    amount: str
    reference: str
    status: HoldStatus
    created_at: str
    expires_at: str
    released_at: str | None = Field(description="Null also when the hold ended by itself.")
    grants: list[HeldAnswer]


class HoldList(AnswerModel):
    """A page of holds, the latest end first. It may be short, or empty, although more follow."""

    data: list[HoldAnswer]
    next_cursor: str | None
