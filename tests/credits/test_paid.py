"""What grants paid by local day and charge, and what drafts draw as entries without a place in the ledger."""

from datetime import date
from zoneinfo import ZoneInfo

from chalicelib.credits.claims import Claim, Claims
from chalicelib.credits.ledger import EntryDraft, EntryKind
from chalicelib.credits.paid import Days, Paid, add_up_paid
from chalicelib.credits.pending import pending_entries
from chalicelib.credits.recurrence import Every, Recurrence
from tests.credits.build import at, grant, wallet
from tests.credits.claiming import claim

JANUARY_DAYS = Days(date(2026, 1, 1), date(2026, 2, 1))
BERLIN = ZoneInfo("Europe/Berlin")


def shown(paid: list[Paid]) -> list[tuple[str, str | None, str, int, bool]]:
    return [(f"{one.day:%m-%d}", one.charge, one.grant, one.amount_minor, one.is_pending) for one in paid]


def test_what_was_paid_adds_up_by_day_charge_and_grant() -> None:
    drawn = [claim("01-05", 100), claim("01-05", 20, line="usage-tokens.1"), claim("01-06", 7)]
    found = add_up_paid(JANUARY_DAYS, drawn=drawn, finalized=[])
    assert shown(found) == [("01-06", "tokens", "gr_a", 7, True), ("01-05", "tokens", "gr_a", 120, True)]


def test_paid_is_listed_by_day_charge_and_grant_with_what_is_pending_last() -> None:
    drawn = [
        *(claim("01-05", 6, charge=None), claim("01-05", 4), claim("01-05", 3, grant="gr_0")),
        *(claim("01-05", 5, charge="zebra"), claim("01-06", 1)),
    ]
    found = add_up_paid(JANUARY_DAYS, drawn=drawn, finalized=[claim("01-05", 9, invoice="inv_0")])
    assert shown(found) == [
        ("01-06", "tokens", "gr_a", 1, True),
        ("01-05", "tokens", "gr_0", 3, True),
        ("01-05", "tokens", "gr_a", 9, False),
        ("01-05", "tokens", "gr_a", 4, True),
        ("01-05", "zebra", "gr_a", 5, True),
        ("01-05", None, "gr_a", 6, True),
    ]


def test_days_are_half_open() -> None:
    claims = [claim("01-04", 1), claim("01-05", 2), claim("01-06", 4), claim("01-07", 8)]
    days = Days(date(2026, 1, 5), date(2026, 1, 7))
    assert [one.amount_minor for one in add_up_paid(days, drawn=claims, finalized=[])] == [4, 2]
    assert [one.amount_minor for one in add_up_paid(days, drawn=[], finalized=claims)] == [4, 2]


def test_what_comes_to_nothing_is_left_out_and_what_came_back_is_negative() -> None:
    claims = [claim("01-05", 100), claim("01-05", -100), claim("01-06", 3), claim("01-06", -5)]
    assert [one.amount_minor for one in add_up_paid(JANUARY_DAYS, drawn=claims, finalized=[])] == [-2]


def test_a_draft_that_was_finalized_meanwhile_counts_once() -> None:
    found = add_up_paid(
        JANUARY_DAYS, drawn=[claim("01-05", 100)], finalized=[claim("01-05", 100), claim("01-05", 7, invoice="inv_2")]
    )
    assert [(one.amount_minor, one.is_pending) for one in found] == [(7, False), (100, True)]


def pending(*drawn: Claim, effective: str = "01-01") -> list[EntryDraft]:
    recurring = Recurrence(every=Every.MONTH, timezone="UTC")
    one = wallet(grant("gr_a", effective_at=at(effective)), grant("gr_b", recurrence=recurring, expires_at=at("02-01")))
    return pending_entries(Claims(wallet=one, drawn=drawn), zone=BERLIN, now=at("02-10"))


def test_a_draft_has_one_pending_drawdown_for_each_grant() -> None:
    found = pending(claim("01-12", 30), claim("01-05", 100), claim("01-05", 20, charge="seats", line="usage-seats"))
    assert found == [
        EntryDraft(
            kind=EntryKind.DRAWDOWN,
            grant="gr_a",
            amount_minor=-150,
            # The 5th of January begins in Berlin at 23:00 of the 4th in UTC.
            effective_at=at("01-04T23:00"),
            invoice="inv_1",
            by_day={date(2026, 1, 5): 120, date(2026, 1, 12): 30},
        )
    ]


def test_a_pending_drawdown_is_not_effective_before_its_grant() -> None:
    assert [one.effective_at for one in pending(claim("01-05", 1), effective="01-05")] == [at("01-05")]
    assert [one.effective_at for one in pending(claim("01-05", 1), effective="01-04T22:59")] == [at("01-04T23:00")]


def test_what_comes_back_is_a_reversal_of_its_own_effective_now() -> None:
    drawn, back = pending(claim("01-12", 30), claim("01-05", -100), claim("01-04", -1))
    assert (drawn.kind, drawn.amount_minor) == (EntryKind.DRAWDOWN, -30)
    assert (back.kind, back.amount_minor, back.effective_at) == (EntryKind.REVERSAL, 101, at("02-10"))
    assert back.by_day == {date(2026, 1, 4): 1, date(2026, 1, 5): 100}


def test_pending_entries_are_in_the_order_of_draft_grant_and_kind() -> None:
    found = pending(
        *(claim("01-05", 1, invoice="inv_2"), claim("02-05", 1, grant="gr_b.1"), claim("01-05", 1, grant="gr_b")),
        *(claim("01-05", -1), claim("01-05", 1)),
    )
    assert [(one.invoice, one.grant, one.kind.value) for one in found] == [
        *(("inv_1", "gr_a", "drawdown"), ("inv_1", "gr_a", "reversal")),
        *(("inv_1", "gr_b", "drawdown"), ("inv_1", "gr_b.1", "drawdown"), ("inv_2", "gr_a", "drawdown")),
    ]


def test_where_nothing_is_drawn_nothing_is_pending() -> None:
    assert pending() == []
    assert pending(claim("01-05", 0)) == []
