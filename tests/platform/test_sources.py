"""Sources: what stands for one while there is none, what is offered, and what is named in its place."""

import pytest

from chalicelib.platform import sources
from chalicelib.platform.sources import Source, offer_source


@pytest.fixture(autouse=True)
def _offers_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_offers", {})


def test_a_source_that_nobody_offers_is_what_stands_for_it() -> None:
    assert Source("prices", "none").named == "none"


def test_an_offered_source_is_made_once_and_when_it_is_asked_for() -> None:
    made: list[str] = []
    source = Source[object]("prices", None)

    def make() -> object:
        made.append("one")
        return object()

    offer_source("prices", make)
    assert made == []
    assert source.named is source.named is not None
    assert made == ["one"]


def test_an_offer_may_come_after_the_first_question() -> None:
    source = Source("prices", "none")
    assert source.named == "none"
    offer_source("prices", lambda: "known")
    assert source.named == "known"


def test_what_is_named_is_taken_whatever_is_offered() -> None:
    source = Source("prices", "none")
    offer_source("prices", lambda: "offered")
    source.named = "named"
    assert source.named == "named"
