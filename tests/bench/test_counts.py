"""The accepted counts: complete, told to the pages, and compared in both directions."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bench import accepted
from bench.__main__ import main
from bench.accepted import COMPARED, Difference, differences, read_counts, read_durations, read_history
from bench.doors import all_doors
from bench.tables import COST, UNITS, computed, units_page
from bench.tally import Count, Tally

ONE = Count(
    area="events",
    door="POST /v1/events",
    write_units=Fraction(13),
    read_units=Fraction("3.5"),
    items=0,
    round_trips=3,
    calls=5,
    kept_items=1,
    kept_bytes=11_000,
    log_lines=2,
    log_bytes=500,
)


def test_every_entry_that_may_reach_the_storage_is_counted() -> None:
    counted = {count.door for count in read_counts().values()}
    assert sorted(set(all_doors()) - counted) == []
    assert sorted(counted - set(all_doors())) == []


def test_the_pages_say_what_the_results_say() -> None:
    assert UNITS.read_text(encoding="utf-8") == units_page(), "python -m bench tables"
    page = COST.read_text(encoding="utf-8")
    assert computed(page) == page, "python -m bench tables"


def test_a_computed_part_is_written_anew_and_the_rest_is_left() -> None:
    filled = "<!-- computed: prices -->\nwhat stood here\n<!-- until here -->\n"
    made = computed(f"before\n{filled}between\n<!-- computed: even -->\n<!-- until here -->\n")
    assert made.startswith("before\n<!-- computed: prices -->\nLooked up on")
    assert "what stood here" not in made
    assert "\n<!-- until here -->\nbetween\n<!-- computed: even -->\n| machines" in made


def test_every_operation_has_its_duration_and_history_ends_with_what_is_accepted() -> None:
    counts = read_counts()
    assert set(read_durations()) == set(counts)
    last = read_history()[-1]
    assert last["compared"] == list(COMPARED)
    assert {name: [Fraction(str(one)) for one in each] for name, each in last["counts"].items()} == {
        name: [Fraction(getattr(count, what)) for what in COMPARED] for name, count in counts.items()
    }


def test_what_is_worse_better_new_or_gone_is_named() -> None:
    worse = replace(ONE, read_units=Fraction(4), calls=6)
    better = replace(ONE, write_units=Fraction(12))
    found = differences({"a": ONE, "b": ONE, "c": ONE}, {"a": worse, "b": better, "d": ONE})
    assert [str(one) for one in found] == [
        "a: read_units 3.5 -> 4, worse",
        "a: calls 5 -> 6, worse",
        "b: write_units 13 -> 12, better",
        "d: new",
        "c: no longer counted",
    ]
    assert [one.is_worse for one in found] == [True, True, False, False, False]


def test_sizes_alone_make_no_difference() -> None:
    assert differences({"a": ONE}, {"a": replace(ONE, kept_bytes=10_999, log_bytes=499)}) == []


def test_another_zlib_may_differ_by_little_in_units_and_by_nothing_else() -> None:
    near = replace(ONE, write_units=Fraction(14), read_units=Fraction("4.5"))
    assert len(differences({"a": ONE}, {"a": near})) == 2
    assert differences({"a": ONE}, {"a": near}, has_slack=True) == []
    far = replace(ONE, write_units=Fraction(15), round_trips=4)
    assert [one.what for one in differences({"a": ONE}, {"a": far}, has_slack=True)] == ["write_units", "round_trips"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep results in a folder of the test's own."""
    for name in ("COUNTS", "DURATIONS", "HISTORY"):
        monkeypatch.setattr(accepted, name, tmp_path / getattr(accepted, name).name)
    monkeypatch.setattr(accepted, "RESULTS", tmp_path)
    return tmp_path


def counted(**counts: Count) -> Tally:
    tally = Tally()
    tally.counts = counts
    tally.cpu_ms = dict.fromkeys(counts, Fraction("37.46"))
    return tally


def test_what_is_accepted_is_read_back_and_adds_a_line_of_history(results: Path) -> None:
    accepted.accept(counted(a=ONE), note="first", ratios=None, with_durations=True)
    ratios: dict[str, Any] = {"folding": 1.5}
    changed = accepted.accept(counted(a=replace(ONE, calls=4)), note="less", ratios=ratios, with_durations=False)
    assert changed == [Difference("a", "calls", Fraction(5), Fraction(4))]
    assert accepted.read_counts() == {"a": replace(ONE, calls=4)}
    assert accepted.read_durations() == {"a": Fraction(37)}
    assert [(line["note"], line["ratios"]) for line in accepted.read_history()] == [("first", None), ("less", ratios)]
    assert len((results / "history.jsonl").read_text().splitlines()) == 2


def test_counts_that_differ_fail_the_check_and_are_named(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted.accept(counted(a=ONE), note="first", ratios=None, with_durations=False)
    for found, code in ((ONE, 0), (replace(ONE, calls=6), 1), (replace(ONE, calls=4), 1)):
        monkeypatch.setattr("bench.__main__.count_all", lambda found=found: counted(a=found))
        assert main(["counts", "--check"]) == code
    printed = capsys.readouterr()
    assert "a: calls 5 -> 6, worse" in printed.err
    assert "a: calls 5 -> 4, better" in printed.err
    assert "1 operations cost what is accepted" in printed.out
