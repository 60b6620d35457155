"""Published figures of other billing systems, as far as the rules here agree with them, and the rules' own examples.

The cases come from the tests and manuals of OpenMeter, Lago, Kill Bill and Metronome; their days are told in 2026. Left
out, with what sets them apart:

- ``lago-wallet-08``: a wallet in dollars pays no euros. Here credit is in the organization's currency (rule 5.1), and
  so are its drafts: there is no other to be told apart.
- ``oml-cost-01``, ``lago-rate-01``, ``lago-rate-02``, ``lago-rate-04``, ``metronome-cost-01``: turn units of credit
  into money. Here credit is money, and its cost basis says only what was paid for it (rule 5.1).
"""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from chalicelib.credits.grants import Allocation, Balance, Scope, Source, SourceKind, invoice_credit
from chalicelib.credits.recurrence import Every, Recurrence
from chalicelib.credits.wallet import Wallet, book_ended
from chalicelib.shared.errors import Conflict
from tests.credits.build import at, grant, void_at_once, wallet
from tests.credits.build_drafts import Paid, by_grant, draft, drawdowns, fee, had_paid, left, pays, usage


def on(instant: str) -> datetime:
    return datetime.fromisoformat(instant).replace(tzinfo=UTC)


# om-active-01, om-active-02


def test_a_window_holds_its_start_and_not_its_end() -> None:
    one = grant(effective_at=on("2024-01-01"), expires_at=on("2024-01-02"))
    probes = ["2023-12-31T23:59:59", "2024-01-01T00:00:00", "2024-01-01T23:59:59", "2024-01-02T00:00:00"]
    assert [one.is_open(on(probe)) for probe in probes] == [False, True, True, False]


def test_a_window_without_length_is_never_open() -> None:
    one = grant(effective_at=on("2024-01-01"), expires_at=on("2024-01-01"))
    assert not one.is_open(on("2024-01-01"))
    assert pays(usage(("01-01", 100)), grant(expires_at=at("01-01"))) == {}


# om-recur-01, om-recur-03


@pytest.mark.parametrize(
    ("anchor", "probe", "window"),
    [
        ("2025-01-31T15:00", "2025-08-13T20:00", ("2025-07-31T15:00", "2025-08-31T15:00")),
        ("2025-01-30T15:00", "2025-02-13T20:00", ("2025-01-30T15:00", "2025-02-28T15:00")),
    ],
)
def test_a_month_is_clipped_from_the_anchor_each_time(anchor: str, probe: str, window: tuple[str, str]) -> None:
    monthly = Recurrence(every=Every.MONTH, timezone="UTC")
    windows = (monthly.window(on(anchor), number) for number in count())
    found = next((start, end) for start, end in windows if start <= on(probe) < end)
    assert found == tuple(map(on, window))


# oml-09


def test_usage_is_taken_from_a_grant_in_the_order_of_time() -> None:
    one = usage(("01-01T01:00", 40_00), ("01-01T02:00", 30_00))
    assert pays(one, grant(amount_minor=100_00, priority=1)) == {"gr_a": 100_00 - 30_00}


# oml-void-01, oml-void-05


def voided() -> Wallet:
    given = wallet(grant(amount_minor=100_00, priority=1, expires_at=at("01-31")))
    return void_at_once(given, recorded_at=at("01-02"))


def test_an_unused_grant_is_voided_whole_and_nothing_is_left_to_expire() -> None:
    ended = book_ended(voided(), ["gr_a"], recorded_at=at("02-01"))
    one = ended.get_allocation("gr_a")
    assert one.balance == Balance(voided_minor=100_00)
    assert pays(usage(("01-01", 50_00)), one) == {}


def test_a_second_void_changes_nothing() -> None:
    once = voided()
    with pytest.raises(Conflict):
        void_at_once(once, recorded_at=at("01-03"))
    assert once.get_allocation("gr_a").remaining_minor(at("02-01")) == 0


# lago-wallet-02, lago-wallet-11


def test_grants_for_one_charge_pay_its_lines_alone() -> None:
    grants = [
        grant("gr_1", 30_00, priority=1, applies_to={"bm1"}, created_at=at("01-01")),
        grant("gr_2", 50_00, priority=2, applies_to={"bm2"}, created_at=at("01-02")),
    ]
    lines = [usage(("01-11", 25_00), name="bm1"), usage(("01-11", 25_00), name="bm2")]
    found = drawdowns([draft(*lines)], *grants)
    paid = [by_grant(found, name) for name in ("bm1", "bm2")]
    assert paid == [{"gr_1": 25_00}, {"gr_2": 25_00}]
    assert [grants[0].amount_minor - paid[0]["gr_1"], grants[1].amount_minor - paid[1]["gr_2"]] == [5_00, 25_00]


def test_a_charge_outside_of_the_scope_is_due_whole() -> None:
    one = grant(amount_minor=39_00, applies_to={"count_1", "count_2"})
    assert pays(usage(("01-11", 10_00), name="other"), one) == {}


# kb-cba-01, kb-cba-10: what an account holds is a grant that an invoice made


@pytest.mark.parametrize(
    ("credit", "charges", "left_over", "due"),
    [
        (200_00, [100_00, 50_00], 50_00, [0, 0]),
        (300_00, [249_95, 249_95], 0, [0, 199_90]),
    ],
)
def test_account_credit_pays_the_oldest_first(credit: int, charges: list[int], left_over: int, due: list[int]) -> None:
    made_by = Source(SourceKind.CARRIED, "inv_0")
    carried = invoice_credit(id="gr_a", name="x", amount_minor=credit, source=made_by, now=at("01-01"))
    drafts = [
        draft(fee(f"0{month}-01", charge), invoice=f"inv_{month}") for month, charge in enumerate(charges, start=2)
    ]
    found = drawdowns(drafts, carried)
    paid = [by_grant(found, "base", one.invoice)["gr_a"] for one in drafts]
    assert [charge - part for charge, part in zip(charges, paid, strict=True)] == due
    assert credit - sum(paid) == left_over


# metronome-window-02


def test_usage_at_the_instant_of_expiry_is_not_covered() -> None:
    one = grant(amount_minor=100_00, priority=1, expires_at=at("01-02"))
    paid = pays(usage(("01-01T23:45", 10_00), ("01-02", 10_00)), one)
    assert paid == {"gr_a": 10_00}
    after = Allocation(one, Balance(consumed_minor=paid["gr_a"])).at(at("01-03"))
    assert after == Balance(consumed_minor=10_00, expired_minor=90_00)


# The rules' own examples (docs/rules.md, section 6)


def test_the_plain_example() -> None:
    """Tokens: the first 1,000 at 0.02, then 0.01; 800 on 5 January, 400 on the 12th, 600 on the 20th."""
    grants = [
        grant("gr_a", 15_00, expires_at=at("01-15")),
        grant("gr_b", 5_00, effective_at=at("01-10")),
    ]
    slices = [
        ("01-05", 800 * 2),  # A pays 15.00, 1.00 is due: B has not begun
        ("01-12", 200 * 2 + 200 * 1),  # A is empty, B pays 5.00, 1.00 is due
        ("01-20", 600 * 1),
    ]
    found = drawdowns([draft(usage(*slices))], *grants)
    line = sum(minor for _, minor in slices)
    assert (line, by_grant(found)) == (28_00, {"gr_a": 15_00, "gr_b": 5_00})
    assert [(one.day.day, one.amount_minor) for one in found["inv_1", "tokens"]] == [(5, 15_00), (12, 5_00)]
    assert line - sum(by_grant(found).values()) == 8_00
    assert grants[0].amount_minor - by_grant(found)["gr_a"] == 0


def test_the_example_of_discount_and_tax() -> None:
    """20 lines of 10.05 less 10 %, each 9.05 net: credit can pay 181.00."""
    lines = [usage(("01-05", 9_05), name=f"charge-{place}") for place in range(20)]
    found = drawdowns([draft(*lines)], grant(amount_minor=500_00))
    assert sum(by_grant(found, line.id)["gr_a"] for line in lines) == 20 * 9_05 == 181_00


@pytest.mark.parametrize(("expires", "paid"), [(None, {"gr_a": 30_00, "gr_b": 20_00}), (at("02-01"), {"gr_b": 50_00})])
def test_the_example_of_negative_late_usage(expires: datetime | None, paid: Paid) -> None:
    """50.00 of usage, paid by credit, less 30.00 of January's 40.00, which a grant had paid.

    What came back pays the usage where its window is open; in a grant that has ended it stays.
    """
    emptied = left(grant("gr_a", 40_00, priority=1, expires_at=expires), consumed_minor=40_00)
    late = usage(("02-01", -30_00), name="late", paid=(had_paid("gr_a", "01-20", 40_00),))
    found = drawdowns([draft(late, usage(("02-10", 50_00)))], emptied, grant("gr_b", 100_00))
    assert by_grant(found, "late") == {"gr_a": -30_00}
    assert by_grant(found) == paid
    applied = sum(one.amount_minor for line in found.values() for one in line)
    assert (50_00 - 30_00, applied) == (20_00, 50_00 - 30_00)


def test_the_volume_example() -> None:
    """0.02 up to 1,000, then 0.01 for all: 1,000 units are 20.00, one more makes 10.01 of it."""
    slices = [("01-05", 1_000 * 2), ("01-06", 1_001 * 1 - 1_000 * 2)]
    paid = pays(usage(*slices), grant(amount_minor=5_00, expires_at=at("01-06")))
    line = sum(minor for _, minor in slices)
    assert (line, paid, line - sum(paid.values())) == (10_01, {"gr_a": 5_00}, 5_01)


def test_the_volume_example_with_more_credit_gives_back_what_is_not_due() -> None:
    slices = [("01-05", 20_00), ("01-06", -9_99)]
    assert pays(usage(*slices), grant(amount_minor=15_00)) == {"gr_a": 10_01}


@pytest.mark.parametrize(("more", "paid"), [(timedelta(0), {}), (timedelta(microseconds=1), {"gr_a": 10_00})])
def test_a_fee_is_paid_by_the_grant_whose_window_holds_its_first_instant(more: timedelta, paid: Paid) -> None:
    one = grant(expires_at=at("02-01") + more, applies_to=Scope.ALL)
    assert pays(fee("02-01", 10_00), one) == paid
