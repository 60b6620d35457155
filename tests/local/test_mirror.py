"""What was answered is kept, whatever kills the process."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.mirror import FILE_NAME, FolderInUse
from tests.local.stores import client_of, open_engine

WRITER = r"""
import os, sys, threading
from pathlib import Path
from tests.local.stores import client_of, open_engine
client = client_of(open_engine(Path(sys.argv[1])))
def write(writer):
    for n in range(10_000):
        client.put_item(TableName="things", Item={"pk": {"S": writer}, "sk": {"S": f"{n:05d}"}, "n": {"N": str(n)}})
        os.write(1, f"{writer} {n:05d}\n".encode())
for writer in "ab":
    threading.Thread(target=write, args=(writer,), daemon=True).start()
threading.Event().wait()
"""


def _key(sk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "a"}, "sk": {"S": sk}}


def _all(client: Any, partition: str = "a") -> dict[str, Any]:
    pages = client.get_paginator("query").paginate(
        TableName="things", KeyConditionExpression="pk = :0", ExpressionAttributeValues={":0": {"S": partition}}
    )
    return {item["sk"]["S"]: item for page in pages for item in page["Items"]}


def test_every_kind_of_write_is_there_after_a_restart(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        client = client_of(engine)
        for sk in ("put", "deleted", "gone"):
            client.put_item(TableName="things", Item=_key(sk))
        client.update_item(
            TableName="things",
            Key=_key("updated"),
            UpdateExpression="SET b = :b",
            ExpressionAttributeValues={":b": {"B": b"\x00\xff"}},
        )
        client.delete_item(TableName="things", Key=_key("deleted"))
        batch = [{"PutRequest": {"Item": _key("batch") | {"é": {"S": "ü"}}}}, {"DeleteRequest": {"Key": _key("gone")}}]
        client.batch_write_item(RequestItems={"things": batch})
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "things", "Item": _key("moved")}},
                {"Delete": {"TableName": "things", "Key": _key("put")}},
            ]
        )
        before = _all(client)
    assert set(before) == {"updated", "batch", "moved"}
    with open_engine(tmp_path) as engine:
        assert _all(client_of(engine)) == before


def test_an_index_finds_kept_items_after_a_restart(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        client_of(engine).put_item(TableName="things", Item=_key("1") | {"kind": {"S": "x"}})
    with open_engine(tmp_path) as engine:
        answer = client_of(engine).query(
            TableName="things",
            IndexName="by_kind",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": "x"}},
        )
    assert answer["Count"] == 1


def test_a_deleted_table_comes_back_empty(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        client = client_of(engine)
        client.put_item(TableName="things", Item=_key("1"))
        client.delete_table(TableName="things")
    with open_engine(tmp_path) as engine:
        assert _all(client_of(engine)) == {}


def test_a_refused_write_is_not_kept(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        client = client_of(engine)
        with pytest.raises(client.exceptions.ConditionalCheckFailedException):
            client.put_item(TableName="things", Item=_key("1"), ConditionExpression="attribute_exists(pk)")
    with open_engine(tmp_path) as engine:
        assert _all(client_of(engine)) == {}


def test_a_folder_serves_one_engine_at_a_time(tmp_path: Path) -> None:
    with open_engine(tmp_path), pytest.raises(FolderInUse):
        open_engine(tmp_path)
    open_engine(tmp_path).close()


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_engine() as engine:
        client_of(engine).put_item(TableName="things", Item=_key("1"))
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd(), env=os.environ
    )
    assert writer.stdout is not None
    answered = [writer.stdout.readline().split() for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    answered += [line.split() for line in writer.stdout.read().splitlines()]
    writer.wait()
    assert (tmp_path / FILE_NAME).exists()
    with open_engine(tmp_path) as engine:
        client = client_of(engine)
        kept = {partition: _all(client, partition) for partition in "ab"}
    assert [(partition, sk) for partition, sk in answered if sk not in kept[partition]] == []
