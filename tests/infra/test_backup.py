"""Export and import: what comes out of the files answers as what went in, and what is changed on the way is named."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth, together
from chalicelib.platform.connection import client as dynamodb_of_the_app
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from chalicelib.shared.time import parse_instant
from infra.__main__ import main
from infra.aws import dynamodb_client
from infra.backup_export import export_stage
from infra.backup_import import ItemsDiffer, TablesHoldItems, import_stage
from infra.backup_items import LineDamaged, read_line, write_line
from infra.backup_manifest import MANIFEST, ExportDamaged
from infra.names import name_of
from infra.safekeeping import TablesMissing
from infra.tables import table_names
from tests.client import ApiClient
from tests.conformance.engine_choice import open_tables
from tests.releases.answers import ask_documents, ask_everything
from tests.releases.recorded import read_release, versions

STAGE = settings.stage
RELEASE = versions()[-1]


@pytest.fixture(autouse=True)
def _at_the_end_of_the_past(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(together, "run_all", together.in_turn)
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(parse_instant(read_release(RELEASE).now))
    yield
    clock.set(None)
    forget_definitions()


def fill(dynamodb: Any, *, one_of: int = 1) -> None:
    """Put into the tables what a release left, or one of so many of its items."""
    for table, item in list(read_release(RELEASE).stored_items())[::one_of]:
        dynamodb.put_item(TableName=name_of(STAGE, table), Item=item)


def stored(dynamodb: Any, stage: str = STAGE) -> dict[str, list[str]]:
    """Read every item of a stage as a line."""
    return {
        table: sorted(write_line(item) for item in dynamodb.scan(TableName=name_of(stage, table))["Items"])
        for table in table_names()
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an export of some of what a release left: of each table something."""
    folder = tmp_path_factory.mktemp("exports") / "export"
    with open_tables():
        dynamodb = dynamodb_client(settings.region)
        fill(dynamodb_of_the_app(), one_of=6)
        export_stage(dynamodb, STAGE, folder)
    return folder


@pytest.fixture
def export(exported: Path, tmp_path: Path) -> Path:
    """Give a copy of the export that a test may damage."""
    folder = tmp_path / "export"
    folder.mkdir()
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def dynamodb(tables: None) -> Any:
    """Give a client of an AWS with empty tables."""
    return dynamodb_client(settings.region)


def test_what_was_imported_answers_as_what_was_exported(tmp_path: Path) -> None:
    client = ApiClient(app.app, read_release(RELEASE).admin_key)
    with open_tables():
        source = dynamodb_client(settings.region)
        fill(dynamodb_of_the_app())
        answers, documents, items = ask_everything(client), ask_documents(client), stored(source)
        export_stage(source, STAGE, tmp_path / "export")
    forget_definitions()
    with open_tables():
        target = dynamodb_client(settings.region)
        import_stage(target, tmp_path / "export", STAGE)
        assert stored(target) == items
        assert ask_everything(client) == answers
        assert ask_documents(client) == documents


def test_an_export_of_what_was_imported_is_the_same(dynamodb: Any, exported: Path, tmp_path: Path) -> None:
    import_stage(dynamodb, exported, STAGE)
    export_stage(dynamodb, STAGE, tmp_path / "again")
    for table in table_names():
        before, after = ((folder / f"{table}.jsonl").read_text() for folder in (exported, tmp_path / "again"))
        assert sorted(before.splitlines()) == sorted(after.splitlines())


def test_tables_that_are_missing_are_made_and_kept_safe(dynamodb: Any, exported: Path) -> None:
    import_stage(dynamodb, exported, "other")
    for table in table_names():
        described = dynamodb.describe_table(TableName=name_of("other", table))["Table"]
        assert described["DeletionProtectionEnabled"]
        backups = dynamodb.describe_continuous_backups(TableName=name_of("other", table))
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    for table, attribute in {"usage-events": "x", "outbox": "expires_at"}.items():
        expiry = dynamodb.describe_time_to_live(TableName=name_of("other", table))["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}
    assert stored(dynamodb, "other")["catalog"]


def test_tables_that_hold_anything_are_refused_unless_an_import_goes_on(dynamodb: Any, exported: Path) -> None:
    items = [json.loads(line) for line in (exported / "catalog.jsonl").read_text().splitlines()]
    dynamodb.put_item(TableName=name_of(STAGE, "catalog"), Item=read_line(json.dumps(items[0])))
    with pytest.raises(TablesHoldItems, match="catalog"):
        import_stage(dynamodb, exported, STAGE)
    assert len(stored(dynamodb)["catalog"]) == 1
    import_stage(dynamodb, exported, STAGE, again=True)
    whole = stored(dynamodb)
    import_stage(dynamodb, exported, STAGE, again=True)
    assert stored(dynamodb) == whole


def test_an_item_that_is_another_is_never_replaced(dynamodb: Any, exported: Path) -> None:
    line = (exported / "credits.jsonl").read_text().splitlines()[0]
    other = {**read_line(line), "more": {"N": "1"}}
    dynamodb.put_item(TableName=name_of(STAGE, "credits"), Item=other)
    with pytest.raises(ItemsDiffer, match=other["sk"]["S"]):
        import_stage(dynamodb, exported, STAGE, again=True)
    assert write_line(other) in stored(dynamodb)["credits"]


def test_going_on_in_a_table_of_another_stage_is_refused_before_anything_is_written(
    dynamodb: Any, exported: Path
) -> None:
    # No key of it clashes with one of the export.
    stranger = {"pk": {"S": "org#somebody-else"}, "sk": {"S": "profile"}}
    dynamodb.put_item(TableName=name_of(STAGE, "outbox"), Item=stranger)
    before = stored(dynamodb)
    with pytest.raises(ItemsDiffer, match="somebody-else"):
        import_stage(dynamodb, exported, STAGE, again=True)
    assert stored(dynamodb) == before


Damage = Callable[[Path], None]


def _edit(folder: Path, table: str, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / f"{table}.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _flip_a_byte(path: Path) -> None:
    """Make a byte one that no text has."""
    content = bytearray(path.read_bytes())
    content[20] = 0xFF
    path.write_bytes(content)


def _without_tables(path: Path) -> None:
    document = json.loads(path.read_text())
    del document["tables"]
    path.write_text(json.dumps(document))


def _another_balance(lines: list[str]) -> list[str]:
    at = next(number for number, line in enumerate(lines) if '"balance_minor":{"N":"' in line)
    return [*lines[:at], lines[at].replace('"balance_minor":{"N":"', '"balance_minor":{"N":"9'), *lines[at + 1 :]]


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a number": (lambda folder: _edit(folder, "credits", _another_balance), r"credits: line \d+: \w+ / head is not as"),
    "a line less": (lambda folder: _edit(folder, "invoices", lambda lines: lines[1:]), "invoices: .* items instead of"),
    "a line twice": (lambda folder: _edit(folder, "catalog", lambda lines: [*lines, lines[0]]), "catalog: .* instead"),
    "another order": (lambda folder: _edit(folder, "outbox", lambda lines: lines[::-1]), "outbox: outbox.jsonl is not"),
    "a byte": (lambda folder: _flip_a_byte(folder / "catalog.jsonl"), r"catalog: line \d+: "),
    "a manifest without tables": (lambda folder: _without_tables(folder / MANIFEST), "is not as it was written"),
    "no line": (lambda folder: _edit(folder, "outbox", lambda lines: ["{}\n", *lines[1:]]), "line 1: is no line"),
    "no file": (lambda folder: (folder / "usage-counters.jsonl").unlink(), "there is no usage-counters.jsonl"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "it is no export, or one that did not end"),
    "another format": (lambda folder: _write(folder / MANIFEST, '{"format": "x"}'), "no export of a kind"),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_export_is_refused_before_anything_is_written(dynamodb: Any, export: Path, name: str) -> None:
    damage, said = DAMAGES[name]
    damage(export)
    with pytest.raises(ExportDamaged, match=said):
        import_stage(dynamodb, export, STAGE)
    assert not any(stored(dynamodb).values())


def test_tables_of_another_release_are_refused(dynamodb: Any, export: Path) -> None:
    manifest = json.loads((export / MANIFEST).read_text())
    del manifest["tables"]["outbox"]
    (export / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(TablesMissing, match="this release"):
        import_stage(dynamodb, export, STAGE)


def test_what_is_not_there_is_not_exported_and_nothing_is_overwritten(dynamodb: Any, tmp_path: Path) -> None:
    with pytest.raises(TablesMissing, match="meterfold-nowhere-catalog"):
        export_stage(dynamodb, "nowhere", tmp_path / "export")
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(FileExistsError):
        export_stage(dynamodb, STAGE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_commands_say_what_they_did_and_refuse(
    dynamodb: Any, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, region = str(tmp_path / "mine"), ["--region", settings.region]
    assert main(["import", str(exported), "--stage", STAGE, *region]) == 0
    assert main(["export", folder, "--stage", STAGE, *region]) == 0
    assert "credits: " in capsys.readouterr().err
    assert main(["export", folder, "--stage", STAGE, *region]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main(["import", folder, "--stage", STAGE, *region]) == 1
    assert "hold items" in capsys.readouterr().err
    assert main(["import", folder, "--stage", STAGE, *region, "--again"]) == 0


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=12).map(lambda one: {"N": format(one, "f")})
SINGLE = st.one_of(
    st.text().map(lambda one: {"S": one}),
    st.binary().map(lambda one: {"B": one}),
    st.booleans().map(lambda one: {"BOOL": one}),
    st.just({"NULL": True}),
    NUMBERS,
    st.sets(st.text(), min_size=1).map(lambda one: {"SS": sorted(one)}),
    st.sets(st.binary(), min_size=1).map(lambda one: {"BS": sorted(one)}),
)
NESTED = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.lists(inner).map(lambda one: {"L": one}), st.dictionaries(st.text(), inner).map(lambda one: {"M": one})
    ),
    max_leaves=8,
)


@hypothesis.settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1), NESTED))
def test_an_item_comes_back_exactly_as_it_was(item: dict[str, Any]) -> None:
    line = write_line(item)
    assert read_line(line) == item
    assert line.count("\n") == 1
    assert write_line(dict(reversed(item.items()))) == line


@given(st.data())
def test_a_line_that_was_changed_anywhere_is_not_read_as_another_item(data: st.DataObject) -> None:
    keys: dict[str, Any] = {"pk": {"S": "acme"}, "sk": {"S": "head"}}
    item = {**keys, "n": {"N": str(Decimal("1.50"))}, "b": {"B": b"\x00\xff"}}
    line = write_line(item)
    at = data.draw(st.integers(0, len(line) - 2))
    other = data.draw(st.characters(max_codepoint=126, min_codepoint=33))
    changed = f"{line[:at]}{other}{line[at + 1 :]}"
    try:
        found = read_line(changed)
    except LineDamaged:
        return
    assert found == item
