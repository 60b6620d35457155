"""On which line of which invoice an event is billed: asked of the source that ``app.py`` names, which knows invoices.

Without a source no event is billed, and there is no invoice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.platform.sources import Source
from chalicelib.shared.errors import NotFound
from chalicelib.usage.billed import BilledOn, CountedEvent, LineScope
from chalicelib.usage.event_listing import ListedEvent, counted_event


class BillingSource(Protocol):
    """Knows which lines of which invoices bill which events; drafts are invoices too."""

    def find_lines(
        self, organization: str, *, invoice: str, line: str | None, now: datetime
    ) -> Sequence[LineScope] | None:
        """Tell what an invoice bills, or one line of it: nothing for a line without usage, ``None`` if there is none.

        The invoice of another organization is none.
        """

    def billed_on(self, organization: str, events: Sequence[CountedEvent], now: datetime) -> Sequence[BilledOn | None]:
        """Tell where each of some events is billed, in their order; ``None`` where no line bills it."""


class _NoBilling:
    """Stands for a source while there is none."""

    def find_lines(
        self, organization: str, *, invoice: str, line: str | None, now: datetime
    ) -> Sequence[LineScope] | None:
        """Know no invoice."""
        del organization, invoice, line, now
        return None

    def billed_on(self, organization: str, events: Sequence[CountedEvent], now: datetime) -> Sequence[BilledOn | None]:
        """Bill nothing."""
        del organization, now
        return [None] * len(events)


_source: Source[BillingSource] = Source("billing", _NoBilling())


def use_billing_source(source: BillingSource | None) -> None:
    """Name the source that knows invoices; ``None`` takes it away."""
    _source.named = _NoBilling() if source is None else source


def get_scopes(organization: str, *, invoice: str, line: str | None, now: datetime) -> Sequence[LineScope]:
    """Tell what an invoice bills, or one line of it; raises ``NotFound``."""
    found = _source.named.find_lines(organization, invoice=invoice, line=line, now=now)
    if found is None:
        raise NotFound("There is no such invoice." if line is None else "There is no such line of an invoice.")
    return found


def billed_on(organization: str, events: Sequence[ListedEvent], now: datetime) -> list[BilledOn | None]:
    """Tell where each of some events is billed, in their order. Only events that a meter counts are asked about."""
    counted = [counted_event(one) for one in events]
    asked = [one for one in counted if one is not None]
    answers = iter(_source.named.billed_on(organization, asked, now) if asked else ())
    return [None if one is None else next(answers) for one in counted]
