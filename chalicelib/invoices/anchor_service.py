"""What finalized invoices say about the credits' ledger, for those who check it."""

from chalicelib.credits.anchor_service import AnchorPage, PlacedAnchor
from chalicelib.credits.ledger import Anchor
from chalicelib.invoices.anchor_store import list_ledger_notes


class Anchors:
    """Knows what invoices noted when they were finalized: the source that checking a ledger asks.

    Numbers and entries are both given out under the wallet's head, so a later invoice never notes an earlier entry. A
    void invoice keeps what it noted.
    """

    def list_anchors(self, organization: str, *, after: str | None) -> AnchorPage:
        """List what invoices say about the ledger, oldest first, behind a place; one round trip."""
        notes, is_last = list_ledger_notes(organization, after=after)
        anchors = [PlacedAnchor(Anchor(*one.head, one.invoice), one.sort_key) for one in notes if one.head is not None]
        return AnchorPage(anchors, notes[-1].sort_key if notes else after, is_last)
