"""The scheduled rollup: what it does with little time, and how it hands on what it has no time for."""

import json
from typing import Any

import boto3
import pytest

from chalicelib.platform import queues
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import Clock
from chalicelib.usage import jobs
from tests.usage.build import event, meter
from tests.usage.stored import add_meter, add_organization, marks, send

HOUR = "2026-01-15T11:00:00Z"


class Event(list[Any]):
    """A schedule's event, or messages, with a context that has so many milliseconds left."""

    def __init__(self, *records: Any, left_ms: list[int]) -> None:
        super().__init__(records)
        self.context = self
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms.pop(0) if len(self._left_ms) > 1 else self._left_ms[0]


class Message:
    def __init__(self, body: Any) -> None:
        self.body = json.dumps(body)


@pytest.fixture(autouse=True)
def _dirty(tables: None, clock: Clock) -> None:
    add_organization()
    add_meter(meter())
    send(event("e1", HOUR, tokens=5))


def test_with_time_everything_closed_is_rolled_up() -> None:
    report = jobs.rollup_usage(Event(left_ms=[29_000]))
    assert report["rollup"] == {"rolled_up": 1, "left": 0, "unfinished": ()}
    assert not marks()


def test_a_run_whose_time_is_up_names_every_shard_it_did_not_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "settings", settings)
    report = jobs.rollup_usage(Event(left_ms=[90_000, 0]))
    assert sorted(report["rollup"]["unfinished"]) == list(range(16))
    assert len(marks()) == 1


def test_unfinished_shards_go_to_the_queue_and_are_rolled_up_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = boto3.client("sqs", region_name=settings.region)
    url = sqs.create_queue(QueueName="rollup-shards")["QueueUrl"]

    class WithQueue:
        rollup_queue_url = url

    monkeypatch.setattr(jobs, "settings", WithQueue)
    queues._client.cache_clear()
    jobs.rollup_usage(Event(left_ms=[90_000, 0]))
    bodies = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        bodies += [json.loads(one["Body"]) for one in found]
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    queues._client.cache_clear()
    assert sorted(body["shard"] for body in bodies) == list(range(16))
    for body in bodies:
        jobs.rollup_shards(Event(Message(body), left_ms=[90_000]))
    assert not marks()
