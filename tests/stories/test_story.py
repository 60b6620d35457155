"""A story that is not understood, or does not come true, fails and says where."""

from contextlib import nullcontext
from fractions import Fraction

import pytest

from chalicelib.shared.clock import Clock
from tests.client import ApiClient
from tests.stories.expectations import Expectations
from tests.stories.invariants import Watch, _check_fees, _check_numbers, _check_sums
from tests.stories.notation import Money, StoryError, read_story
from tests.stories.steps import Verbs
from tests.stories.story import Play, Story

_INVOICED = """
    2026-01-01 meter        calls sum
    2026-01-01 organization acme USD UTC
    2026-01-01 plan         pro month
               charge       calls 0.02
               fee          base 10.00 arrears
    2026-01-01 subscribe    acme pro
    2026-01-10 event        e1 acme calls 1500
    2026-02-02 billing
               invoice      1p0
"""


def test_a_sum_is_computed_exactly_and_rounded_once() -> None:
    dollars, yen = Money("USD"), Money("JPY")
    assert dollars.amount("60 / 31 x 24") == "46.45"
    assert dollars.amount("0.005") == "0.01"
    assert dollars.amount("-(0.004 + 0.001)") == "-0.01"
    assert dollars.amount("[0.004] + [0.004]") == "0.00"
    assert dollars.amount("2 x (10.05 - [10.05 x 0.90]) = 2.00") == "2.00"
    assert yen.amount("101 x 0.5") == "51"
    assert dollars.exact("0.1 + 0.2") == Fraction(3, 10)
    assert dollars.quantity_and_amount("1000 x 0.02 + 0.5 x 0.01") == ("1000.5", "20.01")
    assert dollars.quantity_and_amount("of 2 x 24: 0.48") == ("48", "0.48")


@pytest.mark.parametrize("text", ["1500 x 0.02 = 30.01", "1 +", "1 % 2", "a x 2", "2 ** 3", "[1, 2]"])
def test_a_sum_that_is_wrong_or_none_is_refused(text: str) -> None:
    with pytest.raises(StoryError):
        Money("USD").amount(text)


def test_rows_belong_to_the_step_above_them() -> None:
    steps = read_story(
        """
        2026-01-01 12:30 event e1 acme calls 1   -> duplicate, twice   # a remark
                   due  1.00

        2026-03-08T07:00Z billing
        """
    )
    assert [(step.stamp, step.row.verb, step.outcome) for step in steps] == [
        (("2026-01-01", "12:30"), "event", "duplicate, twice"),
        (("2026-03-08T07:00Z",), "billing", None),
    ]
    assert [(row.verb, row.words) for row in steps[0].rows] == [("due", ("1.00",))]
    with pytest.raises(StoryError):
        read_story("due 1.00")


_WRONG = [
    ("line calls 1500 x 0.02", "fee-base = 10.00"),
    ("line calls 1500 x 0.03\n fee base 10.00", "usage-calls 1500 = 45.00"),
    ("line calls of 1501: 30.00\n fee base 10.00", "usage-calls 1501 = 30.00"),
    ("fee base 10.00\n line calls 1500 x 0.02", "differ"),
    ("line calls 1500 x 0.02\n fee base 10.00\n minimum calls 1.00", "minimum-calls = 1.00"),
    ("fee base 11.00\n others", "fee-base = 11.00"),
    ("lines none", "differ"),
    ("total 40.01", "expected 40.01\nbut it is 40.00"),
    ("due 40.00 - 0.01", "expected 39.99"),
    ("number ACME-000002", "expected ACME-000002"),
    ("payment paid", "but it is unpaid"),
    ("period 2026-01-01 2026-02-02", "2026-02-02T00:00:00Z"),
    ("finalized 1", "there is no finalized"),
    ("sum 40.00", "nothing that a story can expect"),
    ("draft 1p0", "but it is invoice"),
    ("invoice 1p1", "draft"),
    ("invoice 1p7", "404"),
    ("invoice 1p0 none", "expected 404"),
    ("drafts none", "1p1"),
    ("grants 1.00", "none"),
    ("blocked anything", "False"),
]


def test_what_does_not_come_true_fails(client: ApiClient, clock: Clock) -> None:
    Story(client, clock).play(_INVOICED)
    for rows, said in _WRONG:
        wrong = [f" {row}" for row in ("invoice 1p0", *rows.splitlines())]
        (step,) = read_story("\n".join(["2026-02-02 read", *wrong]))
        with pytest.raises(StoryError) as fault:
            Expectations(Verbs(client, "acme"), Money("USD"), {}).check(step.rows)
        assert said in str(fault.value)
        assert str(fault.value).startswith("line ")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("dance acme", "no verb"),
        ("pay 1p0 10.00 r1 -> refused 409", "answered with 200"),
        ("pay 1p0 100.00 r1", "answered with 409"),
        ("pay 1p0 100.00 r1 -> refused 422", "answered with 409"),
        ("event e1 acme calls 1500 at 2026-01-10 -> conflict", "duplicate"),
        ("event e1 acme calls 1500 at 2026-01-10 -> lost", "no outcome"),
    ],
)
def test_an_outcome_that_does_not_come_true_fails(play: Play, step: str, said: str) -> None:
    with pytest.raises(StoryError) as fault:
        play(f"{_INVOICED}\n    2026-02-03 {step}")
    assert said in str(fault.value)


def _line(name: str, amount: str, kind: str = "usage", charge: str | None = "a") -> dict[str, object]:
    said = {"id": name, "amount": amount, "net": amount, "kind": kind, "charge": charge, "quantity": "1"}
    return said | {"credits": [], "origin": None, "group": None}


def _shown(**changed: object) -> dict[str, object]:
    head = {"id": "inv_acme.1p0.0", "status": "finalized", "number": "ACME-000001", "taxes": [{"amount": "1.90"}]}
    sums = {"subtotal": "10.00", "discount": "0.00", "credits_applied": "0.00", "tax": "1.90", "total": "11.90"}
    return head | sums | {"lines": [_line("usage-a", "10.00")]} | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"subtotal": "10.01"},
        {"discount": "1.00", "total": "10.90"},
        {"credits_applied": "1.00", "total": "10.90"},
        {"tax": "1.91", "total": "11.91"},
        {"total": "11.91"},
        {"lines": [_line("usage-a", "5.00"), _line("usage-a", "5.00")]},
        {"lines": [_line("minimum", "10.00", "minimum")]},
        {"lines": [_line("usage-a", "10.00", charge=None)]},
        {"lines": [_line("usage-a", "-10.00")], "subtotal": "-10.00", "tax": "0.00", "taxes": [], "total": "-10.00"},
    ],
)
def test_sums_that_do_not_add_up_are_seen(changed: dict[str, object]) -> None:
    _check_sums(_shown())
    with pytest.raises(StoryError):
        _check_sums(_shown(**changed))


def test_a_gap_in_the_numbers_is_seen() -> None:
    _check_numbers([_shown(), _shown(number="ACME-000002")], "acme")
    for wrong in ("ACME-000003", "ACME-000001"):
        with pytest.raises(StoryError):
            _check_numbers([_shown(), _shown(number=wrong)], "acme")
    with pytest.raises(StoryError):
        _check_numbers([_shown(status="draft")], "acme")


def test_a_fee_that_is_charged_twice_is_seen() -> None:
    one = _shown(lines=[_line("fee-seats.p1", "10.00", "recurring")])
    _check_fees([one, _shown(id="inv_acme.2p0.0", lines=one["lines"])])
    with pytest.raises(StoryError):
        _check_fees([one, _shown(id="inv_acme.1p1.0", lines=one["lines"])])


def test_a_fee_that_two_drafts_correct_is_seen() -> None:
    lines = [_line("adjusted-seats.p1", "-10.00", "recurring")]
    draft = _shown(status="draft", lines=lines)
    _check_fees([draft, _shown(id="inv_acme.1p1.0", lines=lines)])
    with pytest.raises(StoryError):
        _check_fees([draft, _shown(id="inv_acme.1p1.0", status="draft", lines=lines)])


def test_an_invoice_that_changes_or_is_not_its_draft_is_seen() -> None:
    watch = Watch(Verbs.__new__(Verbs))
    watch._before = [_shown(status="draft", number=None)]
    watch._check_finalized(_shown())
    watch._check_finalized(_shown(status="void", amount_due="0.00"))
    with pytest.raises(StoryError, match="has changed"):
        watch._check_finalized(_shown(total="11.91"))
    other = Watch(Verbs.__new__(Verbs))
    other._before = [_shown(status="draft", number=None, total="9.00")]
    with pytest.raises(StoryError, match="not what its draft was"):
        other._check_finalized(_shown())


def test_an_invoice_may_draw_more_than_its_draft_only_when_another_made_credit() -> None:
    paid = {**_line("usage-a", "10.00"), "credits": [{"grant": "gr_1", "amount": "4.00"}]}
    issued = _shown(lines=[paid], credits_applied="4.00", taxes=[], tax="0.00", total="6.00")
    draft = _shown(status="draft", number=None)
    back = {**_line("late-1p0-a", "-5.00"), "credits": [{"grant": "gr_1", "amount": "-5.00"}]}
    for others, is_seen in (([_line("usage-a", "5.00")], True), ([back], False)):
        watch = Watch(Verbs.__new__(Verbs))
        watch._before = [draft, _shown(id="inv_acme.1p1.0", status="draft", lines=others)]
        with pytest.raises(StoryError, match="not what its draft was") if is_seen else nullcontext():
            watch._check_finalized(issued)
