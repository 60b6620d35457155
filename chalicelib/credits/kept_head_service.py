"""What finalized invoices say about the ledger: asked of the source that ``app.py`` names, which knows invoices.

Credits itself knows no invoices. Without a source there are none, and nothing is compared.
"""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.credits.ledger import KeptHead
from chalicelib.platform.sources import Source
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class PlacedHead:
    """A kept head, and the place behind which a list goes on after it."""

    kept_head: KeptHead
    place: str


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """Some kept heads, their seq never falling. ``place`` is behind all that was read, also what names no entry."""

    kept_heads: Sequence[PlacedHead] = ()
    place: str | None = None
    is_last: bool = True


class KeptHeadSource(Protocol):
    """Knows the finalized invoices of an organization."""

    def list_kept_heads(self, organization: str, *, after: str | None) -> KeptHeads:
        """List what invoices say about the ledger, oldest first, behind a place, or from the first one on.

        One round trip: a page may be empty although more follow.
        """


_source: Source[KeptHeadSource | None] = Source("kept heads", None)


def use_kept_head_source(source: KeptHeadSource | None) -> None:
    """Name the source that knows invoices; ``None`` takes it away."""
    _source.named = source


def list_kept_heads(organization: str, *, after: str | None) -> KeptHeads:
    """List what invoices say about the ledger, oldest first, behind a place; one round trip, which may give none."""
    return KeptHeads(place=after) if _source.named is None else _source.named.list_kept_heads(organization, after=after)
