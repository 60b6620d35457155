import zlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.platform.connection import client
from chalicelib.platform.http import ADMIN
from chalicelib.platform.idempotency import IdempotencyRecord
from chalicelib.platform.tables import table_name
from chalicelib.shared.clock import Clock
from tests.conftest import NOON
from tests.platform.conftest import Script, cancelled, service_fault
from tests.platform.shop import Sent, Shop
from tests.platform.stored import Box

BOXES = "/v1/organizations/acme/boxes"


def create(shop: Shop, body: Any = None, idempotency_key: str = "k1", **more: Any) -> Sent:
    return shop("POST", BOXES, body or {"key": "a"}, headers={"idempotency-key": idempotency_key}, **more)


def records() -> list[Any]:
    return client().scan(TableName=table_name("outbox"))["Items"]  # type: ignore[no-any-return]


def test_the_same_request_again_gets_the_first_answer_byte_for_byte_but_for_the_secret(shop: Shop) -> None:
    one = create(shop)
    other = create(shop)
    third = create(shop)
    assert [one.status, other.status] == [201, 201]
    assert one.json["secret"].startswith("s_")
    assert other.json == {**one.json, "secret": None}
    assert other.body == one.body.replace(b'"' + one.json["secret"].encode() + b'"', b"null") == third.body
    assert "Idempotent-Replayed" not in one.headers
    assert other.headers["Idempotent-Replayed"] == "true"
    assert {**one.headers, "Idempotent-Replayed": "true"} == dict(other.headers)


def test_a_secret_is_not_kept(shop: Shop) -> None:
    secret = create(shop).json["secret"]
    stored = IdempotencyRecord.query(records()[0]["pk"]["S"]).next()
    assert secret not in zlib.decompress(stored.body).decode()
    assert stored.sk == "answer"


def test_spelling_of_the_body_does_not_matter_but_content_does(shop: Shop) -> None:
    one = create(shop, '{"key": "a", "label": "x"}')
    assert create(shop, '{ "label":"x",\n"key":"a"}').json["serial"] == one.json["serial"]
    other = create(shop, '{"key": "a", "label": "y"}')
    assert (other.status, other.code) == (422, "idempotency-key-reused")
    assert create(shop, '{"key": "b"}').code == "idempotency-key-reused"


def test_keys_of_other_callers_and_routes_are_others(shop: Shop) -> None:
    create(shop)
    assert create(shop, key=shop.key(ADMIN)).code == "conflict"
    opened = shop("POST", f"{BOXES}/a/open", headers={"idempotency-key": "k1"})
    assert opened.status == 200
    assert shop("POST", f"{BOXES}/b/open", headers={"idempotency-key": "k1"}).code == "conflict"
    again = shop("POST", f"{BOXES}/a/open", headers={"idempotency-key": "k1"})
    assert again.body == opened.body


def test_without_a_key_nothing_is_kept(shop: Shop) -> None:
    shop("POST", BOXES, {"key": "a"})
    assert shop("POST", BOXES, {"key": "a"}).code == "conflict"
    shop("POST", "/v1/raw", "x", headers={"idempotency-key": "k1"})
    assert records() == []


def test_an_answer_that_wrote_nothing_is_kept_too(shop: Shop, script: Script) -> None:
    headers = {"idempotency-key": "k1"}
    script.steps.append(None)
    script.lose_answer()
    one = shop("POST", "/v1/echo", headers=headers)
    assert shop("POST", "/v1/echo", headers=headers).body == one.body
    assert script.operations() == ["GetItem", "PutItem", "PutItem", "GetItem", "GetItem"]
    script.steps += [None, ("before", service_fault("TransactionConflictException"))]
    assert shop("POST", "/v1/echo", headers={"idempotency-key": "k2"}).code == "in-flight"


def test_refusals_are_not_kept(shop: Shop) -> None:
    assert create(shop, {"key": "A"}).status == 422
    shop("POST", BOXES, {"key": "a"})
    assert create(shop).status == 409
    assert records() == []
    Box("acme", "a").delete()
    assert create(shop).status == 201


@pytest.mark.parametrize(
    ("key", "is_accepted"),
    [("x" * 255, True), ("x" * 256, False), ("", False), ("a b", False), ("\x7f", False), ("ä", False), ("!~", True)],
)
def test_a_key_has_1_to_255_visible_characters(shop: Shop, key: str, is_accepted: bool) -> None:
    sent = create(shop, idempotency_key=key)
    assert sent.status == (201 if is_accepted else 422)
    if not is_accepted:
        assert set(sent.faults) == {"/headers/idempotency-key"}


def test_a_record_is_kept_for_24_hours_of_the_domains_clock(shop: Shop, clock: Clock) -> None:
    one = create(shop)
    clock.set(NOON + timedelta(hours=24, microseconds=-1))
    assert create(shop).json["serial"] == one.json["serial"]
    clock.set(NOON + timedelta(hours=24))
    assert create(shop).code == "conflict"
    Box("acme", "a").delete()
    again = create(shop)
    assert again.status == 201
    assert again.json["serial"] != one.json["serial"]
    assert create(shop).json["serial"] == again.json["serial"]
    assert len(records()) == 1


def test_the_table_expires_records_by_the_real_clock(shop: Shop, clock: Clock) -> None:
    with time_machine.travel("2026-11-01T00:00:00Z", tick=False):
        create(shop)
    assert records()[0]["expires_at"] == {"N": "1793577600"}


def test_a_request_at_work_is_in_flight(shop: Shop, script: Script) -> None:
    script.steps += [None, ("before", cancelled("TransactionConflict", "None"))]
    sent = create(shop)
    assert (sent.status, sent.code) == (409, "in-flight")
    assert sent.headers["Retry-After"] == "1"
    assert create(shop).status == 201


def test_a_conflict_elsewhere_is_waited_for(shop: Shop, script: Script) -> None:
    script.steps += [None, ("before", cancelled("None", "TransactionConflict"))]
    assert create(shop).status == 201


def test_of_two_at_once_one_runs_and_the_other_gets_its_answer(shop: Shop, script: Script) -> None:
    won: list[Sent] = []
    script.steps.append(None)
    call = script.call

    def rival(send: Any, operation: str, arguments: Any) -> Any:
        if operation == "TransactWriteItems" and not won:
            won.append(None)  # type: ignore[arg-type]
            won[0] = create(shop)
        return call(send, operation, arguments)

    script.call = rival  # type: ignore[method-assign]
    sent = create(shop)
    assert won[0].status == sent.status == 201
    assert sent.json["serial"] == won[0].json["serial"]
    assert sent.headers["Idempotent-Replayed"] == "true"


def test_a_refusal_because_the_same_request_has_won_is_its_answer(shop: Shop, script: Script) -> None:
    shop("POST", BOXES, {"key": "a"})
    target, headers = f"{BOXES}/a/open", {"idempotency-key": "k1"}
    won: list[Sent] = []
    call = script.call

    def rival(send: Any, operation: str, arguments: Any) -> Any:
        answered = call(send, operation, arguments)
        if operation == "GetItem" and not won and arguments["TableName"].endswith("outbox"):
            won.append(None)  # type: ignore[arg-type]
            won[0] = shop("POST", target, headers=headers)
        return answered

    script.call = rival  # type: ignore[method-assign]
    sent = shop("POST", target, headers=headers)
    assert sent.body == won[0].body
    assert sent.headers["Idempotent-Replayed"] == "true"


def test_a_lost_answer_is_found_by_the_retry(shop: Shop, script: Script) -> None:
    script.steps.append(None)
    script.lose_answer()
    sent = create(shop)
    assert sent.status == 201
    assert len(records()) == 1
    assert sent.json["key"] == "a"


def test_a_throttled_effect_leaves_no_record(shop: Shop, script: Script) -> None:
    script.steps += [None, *[("before", service_fault("ThrottlingException"))] * 8]
    assert create(shop).status == 503
    assert records() == []
    assert create(shop).status == 201
