"""Rows about credit that do not come true fail, and so does every kind of credit that does not add up."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.shared.clock import Clock
from tests.client import ApiClient
from tests.stories.credit_invariants import check_credit, read_credit
from tests.stories.expectations import Expectations, list_invoices
from tests.stories.grants import read_grant
from tests.stories.invariants import Watch
from tests.stories.notation import Money, StoryError, read_story
from tests.stories.steps import Verbs
from tests.stories.story import Story

_DRAWN = """
    2026-01-01 meter        calls sum
    2026-01-01 organization acme USD UTC
    2026-01-01 plan         pro month
               charge       calls 0.02
    2026-01-01 subscribe    acme pro
    2026-01-01 grant        A 15.00 expires 2026-03-01
    2026-01-01 grant        B 50.00 from 2026-01-01
    2026-01-05 event        e1 acme calls 1000
    2026-02-02 billing
    2026-02-03 event        e2 acme calls 500
"""
_WRONG = [
    ("drawdown usage-calls B 9.00", "B 9.00"),
    ("drawdown none", "usage-calls B 10.00"),
    ("drawdown usage-calls B 10.00\n drawdown usage-calls A 1.00", "A 1.00"),
    ("by-day usage-calls B 2026-02-03=9.00", "2026-02-03=10.00"),
    ("by-day usage-calls B 2026-02-03=10.00 2026-02-04=0.01", "2026-02-03=10.00"),
    ("wallet pending 9.00 remaining 35.00", "pending 10.00"),
    ("wallet pending 10.00 remaining 35.01", "remaining 35.00"),
    ("wallet depletes 2026-03-01", "depletes none"),
    ("balance A consumed 15.00 status active", "status depleted"),
    ("balance C consumed 15.00", "no grant C"),
    ("entries 5", "4"),
    ("entry 3 drawdown A -14.00", "drawdown A -15.00"),
    ("entry newest drawdown B -5.00 of 1p1", "inv_acme.1p0.0"),
    ("entry newest-1 drawdown B -5.00", "drawdown A -15.00"),
    ("ahead 2026-03-01 expires A 1.00", "the ahead rows differ"),
    ("used 2026-02-03 calls B 10.00", "calls B 10.00 pending"),
]


def test_a_grant_is_read_from_its_words() -> None:
    verbs = Verbs(ApiClient.__new__(ApiClient))
    words = "g 9.00 priority 1 from 2026-01-05 10:07 expires 2026-02-01 basis 0.5 for a,b every month times 3"
    assert read_grant(words.split(), verbs.instant) == {
        "name": "g",
        "amount": "9.00",
        "priority": 1,
        "effective_at": "2026-01-05T10:07:00Z",
        "expires_at": "2026-02-01T00:00:00Z",
        "cost_basis": "0.5",
        "applies_to": {"charges": ["a", "b"]},
        "recurrence": {"every": "month", "count": 3},
    }
    assert read_grant(["g", "9.00", "for", "all"], verbs.instant)["applies_to"] == "all"


@pytest.fixture
def verbs(client: ApiClient, clock: Clock) -> Verbs:
    """Give what does the steps of a story that was played: one invoice and one draft, both paid by credit."""
    return Story(client, clock).play(_DRAWN)


def test_rows_about_credit_that_do_not_come_true_fail(verbs: Verbs) -> None:
    for rows, said in _WRONG:
        (step,) = read_story("\n".join(["2026-02-03 read", " draft 1p1", *(f" {row}" for row in rows.splitlines())]))
        with pytest.raises(StoryError) as fault:
            Expectations(verbs, Money("USD"), {}).check(step.rows)
        assert said in str(fault.value), rows
        assert str(fault.value).startswith("line "), rows


def _changed(found: Any, path: str, value: Any) -> Any:
    """Copy what was read with another value at a path such as ``0.credits.0.amount``; ``...`` takes it out."""
    copied = deepcopy(found)
    *outer, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    inner = copied
    for word in outer:
        inner = inner[word]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return copied


_TAMPERED = [
    ("summary", "allocated", "65.01", "allocated is not"),
    ("summary", "unbooked", "0.01", "the ledger's balance is not"),
    ("grants", "0.consumed", "14.99", "a grant is not"),
    ("grants", "0", ..., "of the grants is"),
    ("entries", "2", ..., "does not run"),
    ("entries", "3.balance", "45.01", "does not run"),
    ("entries", "0.kind", "drawdown", "wrong sign"),
    ("entries", "2.invoice", None, "names no invoice"),
    ("entries", "2.by_day", {"2026-01-05": "14.99"}, "the days of an entry"),
    ("entries", "2.grant", "gr_other", "consumed is not what the ledger drew"),
    ("verified", "valid", False, "not valid"),
    ("verified", "entries", 3, "not valid"),
    ("pending", "0", ..., "listed otherwise"),
    ("pending", "0.by_day", {"2025-12-31": "10.00"}, "outside its window"),
    ("invoices", "0.credits_applied", "9.99", "the drafts apply"),
    ("invoices", "0.lines.0.credits.0.amount", "9.99", "pending is not what the drafts draw"),
    ("invoices", "1.lines.0.credits.0.amount", "14.99", "consumed is not what the invoices drew"),
    ("invoices", "1.lines.0.net", "19.99", "otherwise than its net"),
    ("invoices", "1.lines.0.kind", "minimum", "does not cover"),
    ("grants", "1.applies_to", {"charges": ["other"]}, "does not cover"),
    ("invoices", "0.lines.0.net", "10.01", "does not pay"),
]


def test_credit_that_does_not_add_up_is_seen(verbs: Verbs) -> None:
    invoices = list_invoices(verbs)
    credit = read_credit(verbs, invoices)
    check_credit(credit, invoices, verbs.zone)
    for part, path, value, said in _TAMPERED:
        if part == "invoices":
            wrong, shown = credit, _changed(invoices, path, value)
        else:
            wrong, shown = replace(credit, **{part: _changed(getattr(credit, part), path, value)}), invoices
        with pytest.raises(StoryError) as fault:
            check_credit(wrong, shown, verbs.zone)
        assert said in str(fault.value), (part, path)


def test_more_that_comes_back_than_was_paid_is_seen(verbs: Verbs) -> None:
    invoices = list_invoices(verbs)
    credit = read_credit(verbs, invoices)
    for minor, is_seen in (("15.00", False), ("15.01", True)):
        grants = _changed(_changed(credit.grants, "0.pending", f"-{minor}"), "0.remaining", minor)
        with pytest.raises(StoryError) as fault:
            check_credit(replace(credit, grants=grants), invoices, verbs.zone)
        assert ("more comes back" in str(fault.value)) is is_seen


def test_a_step_that_moves_credit_and_should_not_is_seen(verbs: Verbs) -> None:
    watch = Watch(verbs)
    watch.before()
    watch.unchanged("nothing has happened")
    watch.after("settle_credits")
    (step,) = read_story("2026-02-03 grant C 1.00")
    verbs.do(step)
    with pytest.raises(StoryError, match="was refused"):
        watch.unchanged("a step was refused")
    with pytest.raises(StoryError, match="only books"):
        watch.kept("it only books")
    watch.after(None)
    watch._entries = [*watch._entries, watch._entries[0]]
    with pytest.raises(StoryError, match="the ledger has changed"):
        watch.after(None)
