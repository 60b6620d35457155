"""Verifying a stage: what is whole passes, and each thing that is changed, lost or invented is named."""

import argparse
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth, together
from chalicelib.platform.connection import client
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.shared.time import parse_instant
from infra import verify, verify_credits
from infra.__main__ import main
from infra.names import name_of
from infra.verifying import Wanted, verify_stage
from tests.infra.test_backup import RELEASE, STAGE, fill, stored
from tests.releases.recorded import read_release
from tests.usage.damaged import damage, find, overwrite

NOW = parse_instant(read_release(RELEASE).now)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Item = dict[str, Any]


@pytest.fixture(autouse=True)
def _filled(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put into the tables what a release left, at the instant when that ended."""
    monkeypatch.setattr(together, "run_all", together.in_turn)
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(NOW)
    fill(client())
    yield
    clock.set(None)


def findings(**options: Any) -> list[str]:
    """Verify, and give what is wrong with whom."""
    wanted = Wanted(**{"start": LONG_AGO, "end": NOW + timedelta(days=1), "now": NOW, **options})
    return [f"{one.organization}: {one.what}" for one in verify_stage(wanted).findings]


def change(table: str, sort_key: str, to: Callable[[Item], None], partition: str = "acme") -> None:
    """Change an item, or delete it where nothing is left of it."""
    name, key = name_of(STAGE, table), {"pk": {"S": partition}, "sk": {"S": sort_key}}
    item = client().get_item(TableName=name, Key=key)["Item"]
    to(item)
    if item:
        client().put_item(TableName=name, Item=item)
    else:
        client().delete_item(TableName=name, Key=key)


def keys(table: str, prefix: str, partition: str = "acme") -> list[str]:
    """List the sort keys of a partition that begin with something."""
    items = client().scan(TableName=name_of(STAGE, table))["Items"]
    found = [one["sk"]["S"] for one in items if one["pk"]["S"] == partition]
    return sorted(key for key in found if key.startswith(prefix))


def in_text(attribute: str, old: str, new: str) -> Callable[[Item], None]:
    """Replace something inside a packed or a plain text."""

    def to(item: Item) -> None:
        ((kind, content),) = item[attribute].items()
        text = zlib.decompress(content).decode() if kind == "B" else content
        assert old in text, text
        changed = text.replace(old, new, 1)
        item[attribute] = {kind: zlib.compress(changed.encode()) if kind == "B" else changed}

    return to


def gone(item: Item) -> None:
    item.clear()


def _lose_a_segment() -> None:
    change("usage-events", keys("usage-events", "", "acme#2025-12-22")[0], gone, "acme#2025-12-22")


def _lose_counters() -> None:
    change("usage-counters", "q#2026-01-09T23:00", gone)


DAMAGES: dict[str, tuple[Callable[[], None], str]] = {
    "an entry of the ledger": (
        lambda: change("credits", keys("credits", "entries#")[1], in_text("entries", "1766", "1767")),
        "acme: ledger: entry is wrong: seq ",
    ),
    "entries that are gone": (
        lambda: change("credits", keys("credits", "entries#")[-1], gone),
        "acme: ledger: (entry|end|invoice) is wrong: seq ",
    ),
    "the ledger's end": (
        lambda: change("credits", "head", lambda item: item.update(hash={"S": "0" * 64})),
        "acme: ledger: end is wrong",
    ),
    "a balance": (
        lambda: change("credits", "wallet#0000", lambda item: item.update(balances={"B": zlib.compress(b"[]")})),
        "acme: ledger: balances is wrong|acme: credit: cannot be checked",
    ),
    "the sums of a wallet": (
        lambda: change("credits", "head", in_text("totals", "0", "1")),
        "acme: (ledger: balances is wrong|wallet: its sums do not hold)",
    ),
    "an invoice that is gone": (
        lambda: change("invoices", "inv#000000002", gone),
        r"acme: invoice numbers: \[2\] missing; the next is ",
    ),
    "the next number": (
        lambda: change("invoices", "head", in_text("header", '"next_number":', '"next_number":1')),
        "acme: invoice numbers: .* missing; the next is 1",
    ),
    "a credit note that is gone": (
        lambda: change("invoices", "cn#000000001", gone),
        "acme: credit note 1 is named by its invoice, and is missing",
    ),
    "what an invoice is found by": (
        lambda: change("invoices", "ref#0o1", gone),
        r"acme: inv_acme.0o1.0 has the number \d, and its record does not know it",
    ),
    "a page of an invoice": (
        lambda: change("invoices", keys("invoices", "page#")[0], gone),
        "acme: invoices: cannot be checked: AssertionError",
    ),
    "counters of a quarter-hour": (
        lambda: damage("q#2026-01-09T23:00"),
        "acme: counters of 2026-01-09T23:00: differ from what they are made of for disk, tokens",
    ),
    "counters of a day": (
        lambda: damage("d#2026-01-10"),
        "acme: counters of the day 2026-01-10: differ from what they are made of for disk, tokens",
    ),
    "levels of a day": (
        lambda: damage("l#2026-01-10"),
        "acme: levels of the day 2026-01-10: differ from what they are made of for disk",
    ),
    "levels of a month": (
        lambda: damage("m#2026-01"),
        "acme: levels of the month 2026-01: differ from what they are made of for disk",
    ),
    "counters that cannot be read": (
        lambda: overwrite("q#2026-01-09T23:00", blob=b"none"),
        "acme: counters of 2026-01-09T23:00: cannot be read",
    ),
    "a day that cannot be read": (
        lambda: overwrite("d#2026-01-10", blob=b"none"),
        "acme: counters of the day 2026-01-10: cannot be read",
    ),
    "a day that is gone": (
        lambda: find("d#2026-01-10").delete() and None,
        "acme: counters of the day 2026-01-10: are missing",
    ),
    "counters that are gone": (
        _lose_counters,
        "acme: counters of 2026-01-09T23:00: 2 segments were never counted, and have no mark",
    ),
    "a segment that is gone": (
        _lose_a_segment,
        r"acme: counters of 2025-12-22T23:00: say that they have seen \d segments, and there are \d",
    ),
}


def test_what_a_release_left_is_whole() -> None:
    before = stored(client())
    report = verify_stage(Wanted(start=LONG_AGO, end=NOW + timedelta(days=1), now=NOW))
    assert report.findings == []
    looked_at = report.looked_at
    kinds = Counter(item["sk"]["S"].partition("#")[0] for _, item in read_release(RELEASE).stored_items())
    assert (looked_at["organizations"], looked_at["invoices"], looked_at["days"]) == (3, kinds["inv"], kinds["d"] - 2)
    assert looked_at["ledger_entries"] >= kinds["entries"] > 0
    assert looked_at["quarter_hours"] >= looked_at["days"]
    assert stored(client()) == before


@pytest.mark.parametrize("name", list(DAMAGES))
def test_whatever_is_damaged_is_named(name: str) -> None:
    do, said = DAMAGES[name]
    do()
    found = findings()
    assert found
    assert any(re.match(said, one) for one in found), found


def test_what_has_a_mark_is_left_to_the_rollup() -> None:
    damage("q#2026-01-09T23:00", "d#2026-01-10", "l#2026-01-10", "m#2026-01")
    mark = {"pk": {"S": "dirty#14"}, "sk": {"S": "acme#2026-01-09T23:00"}, "t": {"S": "token"}}
    client().put_item(TableName=name_of(STAGE, "usage-events"), Item=mark)
    assert findings() == []


def test_what_has_expired_is_passed_over() -> None:
    _lose_a_segment()
    kept_until = int(find("q#2025-12-22T23:00").kept_until_s)
    a_day_before = datetime.fromtimestamp(kept_until - 24 * 3600, UTC)
    assert findings(now=a_day_before - timedelta(seconds=1), organizations=["acme"]) != []
    assert findings(now=a_day_before, organizations=["acme"]) == []


def test_only_what_is_asked_for_is_read() -> None:
    damage("q#2026-01-09T23:00", "d#2026-01-10")
    damage("q#2026-01-05T18:15", "d#2026-01-06", organization="globex")
    found = findings(organizations=["globex"])
    assert {one.partition(":")[0] for one in found} == {"globex"}
    assert findings(organizations=["acme"], start=parse_instant("2026-01-10T23:00:00Z")) == []
    assert findings(organizations=["acme"], end=parse_instant("2026-01-09T23:00:00Z")) == []
    assert len(findings(organizations=["acme"], end=parse_instant("2026-01-09T23:15:00Z"))) >= 1


def test_the_command_prints_a_report_and_fails_when_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--stage", STAGE]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], report["findings"], report["looked_at"]["organizations"]) == (True, [], 3)
    damage("d#2026-01-10")
    assert main(["verify", "--stage", STAGE, "--organization", "acme"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], [one["organization"] for one in report["findings"]]) == (False, ["acme"])


def test_another_stage_is_verified_by_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def start(command: list[str], *, env: dict[str, str], check: bool) -> Any:
        started.append((command, env, check))
        return argparse.Namespace(returncode=3)

    monkeypatch.setattr(subprocess, "run", start)
    asked = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z", "--organization", "a"]
    assert main(["verify", "--stage", "other", "--region", "eu-west-1", *asked]) == 3
    [(command, env, _)] = started
    assert command == [sys.executable, "-m", "infra", "verify", "--stage", "other", *asked]
    assert (env["METERFOLD_STAGE"], env["AWS_REGION"]) == ("other", "eu-west-1")
    assert len(env["METERFOLD_SIGNING_SECRET"]) >= 32
    assert env["METERFOLD_SIGNING_SECRET"] != settings.signing_secret
    # The child is told all that its parent was, and has then the stage that it wants.
    child = argparse.Namespace(stage="other", region="eu-west-1", signing_secret="known")
    monkeypatch.setattr(verify, "settings", child)
    monkeypatch.setattr(verify, "_verify", lambda options, region, now: (region, options.organization))
    options = argparse.Namespace(stage="other", start="a", end="b", organization=["c"], region=None)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert verify.run(options) == ("eu-west-1", ["c"])  # type: ignore[comparison-overlap]


def test_a_region_that_only_the_profile_names_is_the_one_that_is_verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[dict[str, str]] = []

    def start(command: list[str], *, env: dict[str, str], check: bool) -> Any:
        started.append(env)
        return argparse.Namespace(returncode=0)

    (tmp_path / "config").write_text("[default]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr(subprocess, "run", start)
    # The stage is that of this process, the region is not: the models of this process would read another one.
    assert main(["verify", "--stage", settings.stage]) == 0
    assert [env["AWS_REGION"] for env in started] == ["eu-central-1"]


def test_what_differs_in_one_look_only_is_a_stage_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    look, looks = verify_credits._shown, []

    def once_without(invoices: Any) -> Any:
        looks.append(1)
        return Counter() if len(looks) == 1 else look(invoices)

    monkeypatch.setattr(verify_credits, "_shown", once_without)
    assert main(["verify", "--stage", settings.stage, "--organization", "acme"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert len(looks) == 2
