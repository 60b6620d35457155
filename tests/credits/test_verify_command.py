"""The command that checks an exported ledger: alone, exact about the first wrong place, in constant memory."""

import contextlib
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.credits.ledger import EMPTY, EntryDraft, EntryKind, append
from local.verify_ledger import INVALID, UNREADABLE, VALID, Start, check, main
from tests.credits.build import JANUARY
from tests.credits.tampering import (
    ENTRIES,
    HEAD,
    WRONG_WITH_A_RIGHT_HASH,
    Tampered,
    rehashed,
    rewritten,
    shown,
    tamperings,
)

WHOLE = shown(ENTRIES)
COMMAND = Path(__file__).parents[2] / "local" / "verify_ledger.py"
NOTED = {HEAD.seq: HEAD.hash}
Rows = Sequence[Mapping[str, Any]]


def wrong_place(entries: Rows, heads: Mapping[int, str] = NOTED, **given: Any) -> int | None:
    _, found = check(entries, given.get("digits"), heads, given.get("start", Start()))
    return None if found.bad is None else found.bad.seq


def lines_of(entries: Rows) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def saved(folder: Path, text: str | bytes, name: str = "ledger.jsonl") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


class Said:
    """What one call of the command said."""

    def __init__(self, *arguments: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = main(arguments)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_an_untouched_ledger_is_valid_in_either_order(currency: str, order: int) -> None:
    assert wrong_place(shown(ENTRIES, currency)[::order]) is None


CASES = [pytest.param(one, order, id=f"{one.how}, {order}") for one in tamperings() for order in (1, -1)]


@pytest.mark.parametrize(("tampered", "order"), CASES)
def test_whatever_was_tampered_with_is_named_exactly(tampered: Tampered, order: int) -> None:
    assert wrong_place(shown(tampered.entries)[::order]) == tampered.exported


def texts() -> Iterator[tuple[str, Any]]:
    """Give what a field of the exported text can be changed to."""
    amounts = ["1", "+1.00", "1e3", "01.00", "-0.00", "١.00", "NaN", " 1.00", 5, None]
    others: dict[str, list[Any]] = {
        "seq": [True, "1", 0, -1, None],
        "kind": ["gift", None, "GRANT", 3],
        "amount": amounts,
        "balance": amounts,
        "by_day": [{}, [], "", {"2026-01-05": "10.0"}, {"2026-01-05": 10}],
        "pending": [True, None, 0],
    }
    names = ("grant", "effective_at", "recorded_at", "invoice", "note", "previous_hash", "hash")
    others |= {name: ["", " ", 0, False, [], "\ud800", None] for name in names}
    yield from ((name, value) for name, values in others.items() for value in values)


@pytest.mark.parametrize(("name", "value"), [pytest.param(*one, id=repr(one)) for one in texts()])
def test_every_field_of_every_entry_is_read_strictly(name: str, value: Any) -> None:
    for place, entry in enumerate(WHOLE):
        if entry.get(name) is value and type(value) is not bool:
            continue
        changed = [*WHOLE[:place], {**entry, name: value}, *WHOLE[place + 1 :]]
        assert wrong_place(changed) == wrong_place(changed[::-1]) == place + 1
        gone = {field: known for field, known in entry.items() if field != name}
        if entry.get(name) is not None and name != "pending":
            assert wrong_place([*WHOLE[:place], gone, *WHOLE[place + 1 :]]) == place + 1


@pytest.mark.parametrize("wrong", WRONG_WITH_A_RIGHT_HASH, ids=str)
def test_an_entry_that_its_place_does_not_allow_is_wrong_under_a_right_hash_too(wrong: dict[str, Any]) -> None:
    forged = shown([*ENTRIES[:-1], rehashed(replace(ENTRIES[-1], **wrong))])
    assert wrong_place(forged, {}) == wrong_place(forged[::-1], {}) == HEAD.seq


def test_nothing_is_written_in_one_way_only() -> None:
    drafts = [
        EntryDraft(kind=kind, grant="gr_a", amount_minor=minor, effective_at=JANUARY)
        for kind, minor in ((EntryKind.GRANT, 5), (EntryKind.EXPIRY, -5))
    ]
    first, last = shown(append(EMPTY, drafts, JANUARY)[0])
    assert wrong_place([first, last], {}) is None
    assert wrong_place([first, {**last, "balance": "-0.00"}], {}) == 2


def test_tampering_is_tried_at_least_three_hundred_times() -> None:
    assert len(CASES) >= 300


@pytest.mark.parametrize("place", range(1, HEAD.seq + 1))
@pytest.mark.parametrize("order", [1, -1])
def test_a_ledger_made_anew_is_exposed_by_a_noted_head_and_by_nothing_else(place: int, order: int) -> None:
    anew = shown(rewritten(place)[0])[::order]
    assert wrong_place(anew, {}) is None
    for seq in range(1, HEAD.seq + 1):
        noted = {seq: ENTRIES[seq - 1].hash}
        assert wrong_place(anew, noted) == (seq if seq >= place else None)


def test_of_several_noted_heads_the_first_that_differs_is_named() -> None:
    noted = {entry.seq: entry.hash for entry in ENTRIES}
    assert wrong_place(WHOLE, noted) is None
    assert wrong_place(shown(rewritten(4)[0])[::-1], noted) == 4


def test_a_ledger_that_ends_before_a_noted_entry_is_not_valid() -> None:
    assert wrong_place(WHOLE[:-1], {}) is None
    assert wrong_place(WHOLE[:-1]) == wrong_place(WHOLE[:-1][::-1]) == HEAD.seq
    assert wrong_place([]) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_of_a_ledger_is_checked_from_its_first_entry_on(order: int) -> None:
    part = WHOLE[3:][::order]
    assert wrong_place(part) == 1
    assert wrong_place(part, start=Start(3)) is None
    assert wrong_place(part, start=Start(2)) == 3
    assert wrong_place(part, start=Start(4)) == 5
    before = ENTRIES[2].hash
    assert wrong_place(part, {3: before}, start=Start(3)) is None
    assert wrong_place(part, {3: "0" * 64}, start=Start(3)) == 4


def test_the_currencys_digits_tell_whose_amounts_were_written_otherwise() -> None:
    first = {**WHOLE[0], "amount": "1500", "balance": "1500"}
    assert wrong_place([first, *WHOLE[1:]]) == 2
    assert wrong_place([first, *WHOLE[1:]], digits=2) == 1
    assert wrong_place(WHOLE, digits=2) is None
    assert wrong_place(WHOLE, digits=3) == 1


def forms() -> Iterator[tuple[str, str]]:
    """Give the ways in which a ledger may be saved."""
    newest = WHOLE[::-1]
    pages: list[dict[str, Any]] = [{"data": newest[:3], "next_cursor": "x"}, {"data": newest[3:], "next_cursor": None}]
    yield "lines, oldest first", lines_of(WHOLE)
    yield "lines, newest first", lines_of(newest)
    yield "lines with empty ones, and a mark in front", "\ufeff" + lines_of(WHOLE).replace("\n", "\n\n")
    yield "a list", json.dumps(WHOLE)
    yield "a list for people", json.dumps(newest, indent=2)
    yield "pages in lines", lines_of(pages)
    yield "pages for people, one behind the other", "\n".join(json.dumps(page, indent=2) for page in pages) + "\n"


@pytest.mark.parametrize(("how", "text"), [pytest.param(*one, id=one[0]) for one in forms()])
def test_every_form_of_an_export_is_read(how: str, text: str, tmp_path: Path) -> None:
    said = Said(saved(tmp_path, text), "--head", f"{HEAD.seq}:{HEAD.hash}")
    assert (said.code, said.err) == (VALID, "")
    assert said.out.splitlines()[-1] == "VALID"


def test_what_was_checked_is_said_with_the_end_and_the_sums(tmp_path: Path) -> None:
    said = Said(saved(tmp_path, lines_of(WHOLE[::-1])))
    assert said.out.splitlines() == [
        "read: 8 entries, newest first; 0 pending rows passed over",
        "checked: seq without gaps, every hash, the chain, signs, the running balance",
        "heads noted elsewhere: 0 given",
        "last seq: 8",
        f"last hash: {HEAD.hash}",
        "balance: 4.00",
        "sum of grant: 20.00",
        "sum of carried: 2.00",
        "sum of reversal: 0.40",
        "sum of drawdown: -11.00",
        "sum of expiry: -5.40",
        "sum of void: -2.00",
        "VALID",
    ]


def test_what_is_wrong_is_said_with_its_place(tmp_path: Path) -> None:
    said = Said(saved(tmp_path, lines_of([*WHOLE[:2], {**WHOLE[2], "note": "x"}, *WHOLE[3:]])))
    assert said.code == INVALID
    assert said.out.splitlines()[-1] == "NOT VALID: first wrong place: seq 3: its hash is not that of its fields"
    said = Said(saved(tmp_path, lines_of([*WHOLE[:2], *WHOLE[5:]])))
    assert said.out.splitlines()[-1] == "NOT VALID: first wrong place: seq 3: entries 3 to 5 are missing: 6 comes next"


def test_a_part_says_what_it_takes_on_trust(tmp_path: Path) -> None:
    part = saved(tmp_path, lines_of(WHOLE[3:]))
    trust = "begins at seq 4: its previous_hash is taken on trust, with the balance before it"
    assert trust in Said(part, "--from-seq", "4").out.splitlines()
    noted = Said(part, "--from-seq", "4", "--head", f"3:{ENTRIES[2].hash}")
    assert "begins at seq 4: its previous_hash is as noted" in noted.out.splitlines()


def test_several_files_are_one_ledger_and_pending_rows_are_passed_over(tmp_path: Path) -> None:
    pending = {"seq": None, "pending": True, "kind": "drawdown", "amount": "-1.00", "hash": None}
    newest = WHOLE[::-1]
    first = saved(tmp_path, json.dumps({"data": [pending, *newest[:5]]}), "1.json")
    second = saved(tmp_path, json.dumps({"data": newest[5:]}), "2.json")
    said = Said(first, second)
    assert (said.code, said.out.splitlines()[0]) == (0, "read: 8 entries, newest first; 1 pending rows passed over")


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "{}",
        "[1]",
        '{"data": [{}]}',
        "[" * 100_000,
        lines_of(WHOLE[:2]) + "{",
        lines_of(WHOLE[:2]) + '{"seq": 3, "seq": 3}',
        b"\xff\xfe",
        '{"seq": ' + "9" * 5000 + "}",
    ],
    ids=["text", "object", "number", "page", "deep", "half a line", "twice", "bytes", "digits"],
)
def test_what_is_no_ledger_is_not_readable(text: str | bytes, tmp_path: Path) -> None:
    said = Said(saved(tmp_path, text))
    assert (said.code, said.out) == (UNREADABLE, "")
    assert said.err.startswith("NOT READABLE: ")


def test_a_file_that_is_not_there_is_not_readable(tmp_path: Path) -> None:
    assert Said(str(tmp_path / "none")).code == UNREADABLE


@pytest.mark.parametrize(
    "wrong",
    [
        ["--head", "1"],
        ["--head", f"0:{'0' * 64}"],
        ["--head", f"1:{'0' * 64}", "--head", f"1:{'1' * 64}"],
        ["--head", f"1:{'0' * 64}", "--from-seq", "3"],
        ["--from-seq", "x"],
        ["--currency-digits", "-1"],
    ],
)
def test_a_wrong_call_is_refused(wrong: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        Said(saved(tmp_path, lines_of(WHOLE)), *wrong)
    assert ended.value.code == UNREADABLE


def test_the_command_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    copied = saved(tmp_path, COMMAND.read_bytes(), "alone.py")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", copied, "-"], input=lines_of(WHOLE).encode(), capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout.decode().splitlines()[-1], ran.stderr) == (0, "VALID", b"")


def peak_bytes(count: int, folder: Path) -> int:
    drafts = [EntryDraft(kind=EntryKind.GRANT, grant="gr_a", amount_minor=1, effective_at=JANUARY)] * count
    path = saved(folder, lines_of(shown(append(EMPTY, drafts, JANUARY)[0])))
    tracemalloc.start()
    try:
        assert Said(path).code == VALID
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_as_many_lines_need_no_more_memory(tmp_path: Path) -> None:
    peak_bytes(100, tmp_path)
    assert peak_bytes(3000, tmp_path) < 1.1 * peak_bytes(300, tmp_path)
