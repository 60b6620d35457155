"""What finalized invoices say about the credits' ledger, for those who check it."""

from chalicelib.credits.kept_head_service import KeptHeads, PlacedHead
from chalicelib.credits.ledger import KeptHead
from chalicelib.invoices.kept_head_store import list_ledger_notes


class InvoiceHeads:
    """Knows what invoices noted when they were finalized: the source that checking a ledger asks.

    Numbers and entries are both given out under the wallet's head, so a later invoice never notes an earlier entry. A
    void invoice keeps what it noted.
    """

    def list_kept_heads(self, organization: str, *, after: str | None) -> KeptHeads:
        """List what invoices say about the ledger, oldest first, behind a place; one round trip."""
        notes, is_last = list_ledger_notes(organization, after=after)
        kept = [(one.head, one) for one in notes if one.head is not None]
        placed = [PlacedHead(KeptHead(*head, one.invoice), one.sort_key) for head, one in kept]
        return KeptHeads(placed, notes[-1].sort_key if notes else after, is_last)
