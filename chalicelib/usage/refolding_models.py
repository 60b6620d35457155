"""What is asked when usage is to be folded again."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from chalicelib.platform.fields import OrganizationId, RequestModel
from chalicelib.shared.errors import Fault, InvalidInput
from chalicelib.shared.time import ceil_quarter_hour, format_instant, local_day_start, quarter_hour_of
from chalicelib.usage.query_models import Bound, BoundForm
from chalicelib.usage.ranges import Range


class RefoldQuestion(RequestModel):
    """Whose usage, and of when: half-open, in whole quarter-hours; a local day means its first instant."""

    organization: OrganizationId
    from_: Annotated[Bound, BoundForm()] = Field(alias="from")
    to: Annotated[Bound, BoundForm()]

    def range_in(self, zone: ZoneInfo) -> Range:
        """Give the quarter-hours that the range touches; raises ``InvalidInput`` when it is empty."""
        start, end = (_first_instant(bound, zone) for bound in (self.from_, self.to))
        if start >= end:
            fault = Fault("/to", f"must lie after from, which is {format_instant(start)}")
            raise InvalidInput(f"The payload has faults: /to {fault.detail}.", [fault])
        return Range(quarter_hour_of(start), ceil_quarter_hour(end))


def _first_instant(bound: Bound, zone: ZoneInfo) -> datetime:
    return bound if isinstance(bound, datetime) else local_day_start(bound, zone)
