"""Events that come without HTTP: the queue and direct invocation."""

import json
from typing import Any

import pytest

from chalicelib.platform import retries
from chalicelib.platform.connection import client as dynamodb
from chalicelib.shared.errors import InvalidInput, TooLarge
from chalicelib.usage import store
from local.lambda_events import queue_event
from tests.client import ApiClient
from tests.platform.conftest import service_fault
from tests.usage import sent


@pytest.fixture
def api(client: ApiClient) -> ApiClient:
    sent.add_organization(client)
    sent.add_meter(client)
    return client


def batch(*messages: Any) -> dict[str, Any]:
    """Write the event that Lambda passes for messages named m1, m2, …; text goes as it is."""
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return queue_event("usage-events", texts)


def failed(api: ApiClient, *messages: Any) -> list[str]:
    answer = api.invoke("receive_events", batch(*messages))
    assert list(answer) == ["batchItemFailures"]
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_a_message_is_one_event_a_list_or_an_object_with_events(api: ApiClient) -> None:
    messages = [sent.event("e1"), [sent.event("e2"), sent.event("e3")], {"events": [sent.event("e4")]}]
    assert failed(api, *messages) == []
    assert sent.total(api) == "28"


def test_what_the_bus_could_not_deliver_counts_when_it_is_sent_again(api: ApiClient) -> None:
    """EventBridge keeps the whole event, without what the rule makes of it."""
    around = {"version": "0", "id": "b1", "detail-type": "usage", "source": "platform", "account": "1", "region": "r"}
    one = {**around, "detail": sent.event("e1")}
    more = {**around, "detail": {"events": [sent.event("e2"), sent.event("e3")]}}
    other = {**around, "detail-type": "orders", "detail": sent.event("e4")}
    assert failed(api, one, more, other) == ["m3"]
    assert sent.states(api) == dict.fromkeys(["e1", "e2", "e3"], "counted")


def test_the_messages_of_a_batch_share_segments_in_their_order(api: ApiClient) -> None:
    assert failed(api, sent.event("e1", tokens=1), sent.event("e1", tokens=2), sent.event("e2", tokens=4)) == []
    (mark,) = store.list_marks("acme")
    (segment,) = store.read_partition("acme", mark.quarter_hour)
    assert segment.ids == ["e1", "e1", "e2"]
    assert sent.total(api) == "5"


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "",
        '{"id": NaN}',
        '{"id": "\ud800"}',
        "[]",
        "7",
        [],
        {"events": []},
        [sent.event("good"), sent.event("bad", time="never")],
        [sent.event("good"), sent.event("bad", subject="nobody")],
        sent.event("old", "2025-01-01T00:00:00Z"),
    ],
)
def test_only_bad_messages_fail_and_whole(api: ApiClient, bad: Any) -> None:
    assert failed(api, sent.event("e1"), bad, sent.event("e2")) == ["m2"]
    assert sent.states(api) == {"e1": "counted", "e2": "counted"}


def test_a_batch_of_bad_messages_fails_message_by_message_and_changes_nothing(api: ApiClient) -> None:
    before = sent.everything()
    assert failed(api, "not json", sent.event(""), [{}] * 10_001) == ["m1", "m2", "m3"]
    assert sent.everything() == before


def test_a_message_that_comes_again_counts_once(api: ApiClient) -> None:
    for _ in range(3):
        assert failed(api, sent.event("e1")) == []
    assert sent.total(api) == "7"


def test_a_busy_storage_fails_every_message(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    call = dynamodb()._make_api_call
    monkeypatch.setattr(retries, "sleep", lambda _: None)

    def throttle(operation: str, arguments: Any) -> Any:
        if operation == "BatchWriteItem":
            raise service_fault("ProvisionedThroughputExceededException")
        return call(operation, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(dynamodb(), "_make_api_call", throttle)
        assert failed(api, sent.event("e1"), "not json", sent.event("e2")) == ["m1", "m2", "m3"]
    assert failed(api, sent.event("e1"), sent.event("e2")) == []
    assert sent.total(api) == "14"


def test_unknown_organizations_of_messages_are_created_when_the_settings_say_so(api: ApiClient) -> None:
    assert failed(api, sent.event(subject="initech")) == ["m1"]
    api.put("/v1/settings", {"create_unknown_organizations": True})
    assert failed(api, sent.event(subject="initech")) == []
    assert sent.states(api, organization="initech") == {"e1": "counted"}


def invoke(api: ApiClient, payload: Any) -> Any:
    return api.invoke("ingest_events", payload)


def test_direct_invocation_stores_the_valid_events(api: ApiClient) -> None:
    answer = invoke(api, {"events": [sent.event("e1"), sent.event("e2", time="never"), 7, sent.event("e4")]})
    assert answer["accepted"] == 2
    assert [(one["index"], [fault["pointer"] for fault in one["errors"]]) for one in answer["rejected"]] == [
        (1, ["/events/1/time"]),
        (2, ["/events/2"]),
    ]
    assert sent.total(api) == "14"


def test_direct_invocation_reads_numbers_as_they_were_meant(api: ApiClient) -> None:
    floats = [0.1, 0.2, 0.30000000000000004, 1e-07, 1e22, 12345678901234567]
    assert invoke(api, {"events": [sent.event(f"e{n}", tokens=one) for n, one in enumerate(floats)]})["accepted"] == 6
    usable = {row["id"]: row["meters"][0]["usable"] for row in sent.listed(api)}
    assert usable == {"e0": True, "e1": True, "e2": True, "e3": True, "e4": True, "e5": True}
    assert sent.total(api) == "10000012345678901234567.60000010000000004"


def test_one_unreadable_event_does_not_stop_the_others(api: ApiClient) -> None:
    deep: Any = {}
    for _ in range(20):
        deep = {"a": deep}
    odd = [float("nan"), float("inf"), "\ud800"]
    events = [sent.event("good"), *(sent.event("bad", tokens=one) for one in odd), sent.event("deep", data=deep)]
    answer = invoke(api, {"events": events})
    assert answer["accepted"] == 1
    assert [fault["pointer"] for one in answer["rejected"] for fault in one["errors"]] == [
        "/events/1",
        "/events/2",
        "/events/3",
        "/events/4",
    ]


def test_direct_invocation_without_events_stores_none(api: ApiClient) -> None:
    assert invoke(api, {"events": []}) == {"accepted": 0, "rejected": []}


@pytest.mark.parametrize("payload", [None, [], 7, {}, {"events": None}, {"events": {}}, {"events": [], "partial": 1}])
def test_a_payload_that_holds_no_events_fails_the_invocation(api: ApiClient, payload: Any) -> None:
    before = sent.everything()
    with pytest.raises(InvalidInput):
        invoke(api, payload)
    assert sent.everything() == before


def test_too_many_events_fail_the_invocation(api: ApiClient) -> None:
    with pytest.raises(TooLarge):
        invoke(api, {"events": [{}] * 10_001})
