"""What an invoice does to the wallet: draws what grants pay of its lines, gives back what they get, and the undoing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from chalicelib.credits import wallet
from chalicelib.credits.drawdown import effective_at
from chalicelib.credits.wallet import Movement, Wallet
from chalicelib.invoices.invoice import Line, LineCredit, by_grant
from chalicelib.shared.errors import Conflict
from chalicelib.shared.values import dataclass

_LATE = "late usage or an unused fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The movements of one invoice, by grant: what it draws, and what goes back because a line takes something back."""

    drawn: tuple[LineCredit, ...]
    back: tuple[LineCredit, ...]

    def __bool__(self) -> bool:
        return bool(self.drawn or self.back)


def moves_of(lines: Iterable[Line]) -> Moves:
    """Tell what the lines of an invoice move, in the order in which grants come first; amounts are positive."""
    found = [credit for line in lines for credit in line.credits]
    back = [LineCredit(one.grant, one.name, -one.amount_minor, _negated(one)) for one in found if one.amount_minor < 0]
    return Moves(drawn=by_grant(one for one in found if one.amount_minor > 0), back=by_grant(back))


def _negated(credit: LineCredit) -> dict[date, int]:
    return {day: -minor for day, minor in credit.by_day.items()}


def book(before: Wallet, invoice: str, lines: Sequence[Line], *, zone: ZoneInfo, now: datetime) -> Wallet:
    """Let an invoice that is finalized move credit: first what goes back, so that it can draw that too."""
    moves = moves_of(lines)
    if not moves:
        return before
    after = wallet.reverse(before, reversals(moves.back, invoice, now, note=_LATE), recorded_at=now)
    begun = wallet.caught_up(after, now)
    drawdowns = [
        Movement(
            grant=one.grant,
            amount_minor=one.amount_minor,
            invoice=invoice,
            effective_at=effective_at(begun.allocations[one.grant].grant, one.by_day, zone),
            by_day=one.by_day,
        )
        for one in moves.drawn
    ]
    return wallet.draw(begun, drawdowns, recorded_at=now)


def unbook(before: Wallet, invoice: str, lines: Sequence[Line], *, reason: str, now: datetime) -> Wallet:
    """Undo what a finalized invoice moved: its drawdowns go back, and what had come back is drawn again.

    Raises ``Conflict`` when that has been drawn by others, is held, or has expired meanwhile.
    """
    moves = moves_of(lines)
    if not moves:
        return before
    after = wallet.reverse(before, reversals(moves.drawn, invoice, now, note=reason), recorded_at=now)
    if any(after.get_allocation(one.grant).left_minor < one.amount_minor for one in moves.back):
        raise Conflict("Credit that this invoice gave back has been drawn, is held, or has expired.")
    return wallet.draw(after, reversals(moves.back, invoice, now, note=reason), recorded_at=now)


def reversals(moved: Sequence[LineCredit], invoice: str, now: datetime, *, note: str | None) -> list[Movement]:
    """Say, as movements that take effect now, how much of which grants an invoice moves."""
    return [
        Movement(
            grant=one.grant,
            amount_minor=one.amount_minor,
            invoice=invoice,
            effective_at=now,
            by_day=one.by_day,
            note=note,
        )
        for one in moved
    ]
