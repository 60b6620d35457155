"""Restoring a stage to an instant, into the tables of another: all of them, kept as safe as the first ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.platform.connection import client
from chalicelib.platform.settings import settings
from chalicelib.shared.time import format_instant
from infra import restore
from infra.__main__ import main
from infra.aws import dynamodb_client
from infra.names import name_of
from infra.restore import InstantNotKept, TablesExist, restore_stage
from infra.safekeeping import TablesMissing, protect_table
from infra.tables import table_names
from tests.infra.test_backup import STAGE, fill, stored

COPY = "copy"
LAST = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def dynamodb(tables: None) -> Any:
    """Give a client of an AWS where the tables of the stage hold something and can be restored."""
    made = dynamodb_client(settings.region)
    fill(client(), one_of=20)
    for table in table_names():
        protect_table(made, STAGE, table)
    return made


def no_sleep(seconds: float) -> None:
    raise AssertionError(f"nothing has to be waited for, and {seconds} seconds were")


def copy(dynamodb: Any, at: datetime | None = None, **options: Any) -> list[str]:
    return restore_stage(dynamodb, at, source=STAGE, target=COPY, sleep=options.pop("sleep", no_sleep), **options)


class Watched:
    """A client that notes what is restored, and may refuse something first."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.restored: list[dict[str, Any]] = []
        self.kept: dict[str, tuple[datetime, datetime]] = {}
        self.refusals = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def restore_table_to_point_in_time(self, **asked: Any) -> Any:
        self.restored.append(asked)
        return self._dynamodb.restore_table_to_point_in_time(**asked)

    def describe_continuous_backups(self, TableName: str) -> Any:  # noqa: N803 - boto3's own name
        found = self._dynamodb.describe_continuous_backups(TableName=TableName)
        recovery = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        if TableName in self.kept:
            recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = self.kept[TableName]
        return found

    def update_continuous_backups(self, **asked: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            refusal = {"Error": {"Code": "ContinuousBackupsUnavailableException", "Message": "being enabled"}}
            raise ClientError(refusal, "UpdateContinuousBackups")
        return self._dynamodb.update_continuous_backups(**asked)


@pytest.fixture
def watched(dynamodb: Any) -> Watched:
    """Watch a client whose tables can all be restored to any second of January."""
    made = Watched(dynamodb)
    made.kept = {name_of(STAGE, table): (datetime(2026, 1, 1, tzinfo=UTC), LAST) for table in table_names()}
    return made


def test_every_table_is_restored_with_its_items_and_kept_safe(watched: Watched, dynamodb: Any) -> None:
    assert copy(watched) == [name_of(COPY, table) for table in table_names()]
    assert stored(dynamodb, COPY) == stored(dynamodb)
    for table in table_names():
        described = [dynamodb.describe_table(TableName=name_of(stage, table))["Table"] for stage in (STAGE, COPY)]
        assert described[0]["KeySchema"] == described[1]["KeySchema"]
        indexes = [sorted(one["IndexName"] for one in of.get("GlobalSecondaryIndexes", [])) for of in described]
        assert indexes[0] == indexes[1]
        assert described[1]["DeletionProtectionEnabled"]
        assert dynamodb.describe_time_to_live(TableName=name_of(COPY, table))["TimeToLiveDescription"] == (
            dynamodb.describe_time_to_live(TableName=name_of(STAGE, table))["TimeToLiveDescription"]
        )
        backups = dynamodb.describe_continuous_backups(TableName=name_of(COPY, table))["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_all_tables_are_of_one_instant(watched: Watched) -> None:
    for number, name in enumerate(watched.kept):
        watched.kept[name] = (watched.kept[name][0], LAST + timedelta(minutes=number))
    copy(watched)
    assert {one["RestoreDateTime"] for one in watched.restored} == {LAST}
    assert {one["BillingModeOverride"] for one in watched.restored} == {"PAY_PER_REQUEST"}


@pytest.mark.parametrize(("seconds", "is_kept"), [(-1, False), (0, True), (60, True), (61, False)])
def test_an_instant_that_one_table_does_not_have_is_refused(watched: Watched, seconds: int, is_kept: bool) -> None:
    first = datetime(2026, 1, 10, tzinfo=UTC)
    watched.kept[name_of(STAGE, "credits")] = (first, first + timedelta(minutes=1))
    asked: Callable[[], list[str]] = lambda: copy(watched, first + timedelta(seconds=seconds))  # noqa: E731
    if is_kept:
        assert len(asked()) == len(table_names())
    else:
        with pytest.raises(InstantNotKept, match=r"credits can be restored from 2026-01-10T00:00:00\+00:00"):
            asked()
        assert watched.restored == []


def test_a_table_without_recovery_is_refused(dynamodb: Any) -> None:
    off = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=name_of(STAGE, "outbox"), PointInTimeRecoverySpecification=off)
    with pytest.raises(InstantNotKept, match="outbox has no point-in-time recovery"):
        copy(dynamodb)


def test_tables_that_are_there_are_never_touched_unless_a_restore_goes_on(watched: Watched, dynamodb: Any) -> None:
    copy(watched)
    before = stored(dynamodb, COPY)
    with pytest.raises(TablesExist, match=name_of(COPY, "catalog")):
        copy(watched)
    dynamodb.update_table(TableName=name_of(COPY, "outbox"), DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name_of(COPY, "outbox"))
    copy(watched, LAST, again=True)
    assert stored(dynamodb, COPY) == before


def test_going_on_needs_the_instant_that_was_named_first(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    copy(watched)
    assert capsys.readouterr().err == f"Restoring as of {format_instant(LAST)}.\n"
    watched.restored.clear()
    with pytest.raises(ValueError, match="the instant that the first try named"):
        copy(watched, again=True)
    assert watched.restored == []


def test_a_stage_that_is_not_there_is_refused(dynamodb: Any) -> None:
    with pytest.raises(TablesMissing, match="meterfold-nowhere-credits"):
        restore_stage(dynamodb, None, source="nowhere", target=COPY, sleep=no_sleep)


def test_recovery_of_a_new_table_is_asked_for_until_it_is_possible(watched: Watched) -> None:
    watched.refusals = 3
    slept: list[float] = []
    copy(watched, sleep=slept.append)
    assert slept == [5, 5, 5]
    watched.refusals = 1000
    with pytest.raises(TablesMissing, match="run the command again"):
        copy(watched, LAST, again=True, sleep=lambda seconds: None)


def test_the_command_reads_an_instant_and_says_what_comes_next(
    dynamodb: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def note(dynamodb: Any, at: datetime | None, **named: Any) -> list[str]:
        asked.append((at, named))
        return ["a table"]

    monkeypatch.setattr(restore, "restore_stage", note)
    command = ["restore", "--from", STAGE, "--to", COPY, "--region", settings.region, "--at"]
    assert main([*command, "2026-01-31T23:59:59+02:00"]) == 0
    assert main([*command, "latest"]) == 0
    at = datetime(2026, 1, 31, 21, 59, 59, tzinfo=UTC)
    assert [one[0] for one in asked] == [at, None]
    assert asked[0][1] == {"source": STAGE, "target": COPY, "again": False}
    assert f"verify --stage {COPY}" in capsys.readouterr().err
    assert main([*command, "2026-01-31T23:59:59"]) == 1
    assert "must carry an offset" in capsys.readouterr().err
