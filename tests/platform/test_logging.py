import io
import json
import logging as standard
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.platform import logging, wrapper
from chalicelib.platform.http import READ
from chalicelib.platform.metrics import Metric
from chalicelib.platform.portal import issue_portal_token
from chalicelib.platform.settings import settings
from tests.conftest import NOON
from tests.counted import counting
from tests.platform.conftest import Script, service_fault
from tests.platform.shop import SECRET, Shop

ROOT = Path(__file__).parents[2]
BOXES = "/v1/organizations/acme/boxes"


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_line_of_known_fields(shop: Shop, written: io.StringIO) -> None:
    shop("GET", f"{BOXES}?state={SECRET}", key=shop.key(READ, "acme"))
    [line] = lines(written)
    assert set(line) == {
        *("level", "message", "timestamp", "service"),
        *("route", "method", "status", "duration_ms", "request_id", "caller", "role", "organization"),
    }
    assert (line["route"], line["status"], line["role"]) == ("/v1/organizations/{org}/boxes", 200, "read")


def test_fields_that_are_not_listed_are_dropped(written: io.StringIO) -> None:
    logging.log("hello", route="/v1", headers={"authorization": SECRET}, body=SECRET, code=None)
    [line] = lines(written)
    assert line["route"] == "/v1"
    assert not {"headers", "body", "code"} & set(line)


def test_planted_secrets_never_reach_a_log(
    shop: Shop,
    script: Script,
    written: io.StringIO,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(standard.INFO)
    token, _ = issue_portal_token("acme", name=SECRET, now=NOON, expires_in_s=60)
    headers = {"x-secret": SECRET, "idempotency-key": SECRET}
    made = shop("POST", BOXES, {"key": "a", "label": SECRET}, headers=headers)
    for method, target, body, key in (
        ("POST", BOXES, {"key": SECRET * 20, "label": 1, SECRET: SECRET}, shop.admin),
        ("POST", BOXES, f'{{"{SECRET}": NaN', shop.admin),
        ("POST", BOXES, {"key": "b"}, shop.admin),
        ("POST", f"{BOXES}?{SECRET}={SECRET}", {"key": "a"}, shop.admin),
        ("POST", BOXES, SECRET * 100_000, shop.admin),
        ("GET", f"{BOXES}?cursor={SECRET}", None, shop.admin),
        ("GET", f"/v1/organizations/{SECRET}/boxes", None, shop.key(READ, "acme")),
        ("GET", "/v1/broken/raise", None, shop.admin),
        ("GET", "/v1/broken/decimal", None, shop.admin),
        ("GET", BOXES, None, SECRET),
        ("GET", BOXES, None, token),
        ("PUT", BOXES, SECRET, SECRET),
    ):
        sent = shop(method, target, body, key=key, headers=headers)
        assert sent.status in {200, 400, 401, 404, 405, 413, 422, 500}
    for fault in (service_fault("AccessDeniedException"), service_fault("ThrottlingException"), RuntimeError(SECRET)):
        script.forever = fault
        shop("POST", BOXES, {"key": "c", "label": SECRET}, headers={"x-secret": SECRET})
    standing = written.getvalue() + caplog.text + "".join(capfd.readouterr())
    assert "unexpected fault" in standing
    for secret in (SECRET, made.json["secret"], shop.admin, shop.admin[-36:], token, settings.signing_secret):
        assert secret not in standing


def test_a_fault_is_logged_with_its_type_and_places(shop: Shop, written: io.StringIO) -> None:
    shop("GET", "/v1/broken/raise")
    [line] = lines(written)
    assert (line["level"], line["message"], line["error"]) == ("ERROR", "unexpected fault", "Broken")
    assert (line["route"], line["status"]) == ("/v1/broken/{how}", 500)
    assert line["places"][-1].endswith(" break_down")
    assert {place.partition(":")[0] for place in line["places"][:-1]} == {"wrapper.py", "writes.py"}


def test_the_settings_hide_their_secret() -> None:
    assert settings.signing_secret not in repr(settings)


def test_counts_are_embedded_in_the_log_on_lambda_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logging.count(Metric.ACCEPTED_EVENTS, 5)
    logging.flush_counts()
    assert capsys.readouterr().out == ""
    with counting():
        logging.count(Metric.ACCEPTED_EVENTS, 5)
        logging.count(Metric.ACCEPTED_EVENTS, 2)
        logging.count(Metric.ROLLUP_LAG, 300)
        logging.count(Metric.ROLLUP_LAG, 20)
        logging.flush_counts()
        embedded = json.loads(capsys.readouterr().out)
        assert (embedded["AcceptedEvents"], embedded["RollupLag"]) == ([7.0], [300.0])
        assert (embedded["stage"], embedded["service"]) == ("test", "meterfold")
        [directive] = embedded["_aws"]["CloudWatchMetrics"]
        assert directive == {
            "Namespace": "meterfold",
            "Dimensions": [["stage", "service"]],
            "Metrics": [{"Name": "AcceptedEvents", "Unit": "Count"}, {"Name": "RollupLag", "Unit": "Seconds"}],
        }
        logging.flush_counts()
        assert capsys.readouterr().out == ""


def test_what_is_nothing_is_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    with counting():
        for metric in Metric:
            logging.count(metric, 0)
        logging.count(Metric.UNUSABLE_EVENTS, -1)
        logging.flush_counts()
    assert capsys.readouterr().out == ""


def test_the_counts_of_a_request_are_sent_also_when_it_fails(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    with counting():
        shop("GET", "/v1/broken/raise")
        assert json.loads(capsys.readouterr().out)["Faults"] == [1.0]


def test_a_path_is_logged_only_once_it_is_known_to_name_something(shop: Shop, written: io.StringIO) -> None:
    shop("GET", BOXES)
    shop("POST", f"/v1/organizations/{SECRET}/boxes/a/open")
    found, refused = lines(written)
    assert (found["status"], found["organization"]) == (200, "acme")
    assert (refused["status"], refused.get("organization")) == (409, None)


def test_what_is_noted_is_in_the_line_and_in_no_other(written: io.StringIO) -> None:
    logging.note(accepted=1)
    with logging.noting() as noted:
        logging.note(accepted=2, body=SECRET)
        logging.note(accepted=3)
        logging.tell("request", None, **noted)
    logging.log("after")
    first, after = lines(written)
    assert first["accepted"] == 3
    assert "accepted" not in after
    assert SECRET not in written.getvalue()


class Recorder:
    """Stands for Powertools' tracer: keeps the parts of a trace with their annotations."""

    def __init__(self) -> None:
        self.provider = self
        self.parts: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def in_subsegment(self, name: str) -> Iterator["Recorder"]:
        self.parts.append((name, {}))
        yield self

    def put_annotation(self, key: str, value: str) -> None:
        self.parts[-1][1][key] = value


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(logging, "_tracer", lambda: made)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    return made


def test_nothing_is_traced_outside_lambda_and_nothing_that_is_not_sampled(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging.traced("work"):
        assert not settings.is_lambda
    with counting():
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
        with logging.traced("work"):
            assert recorder.parts == []


def test_a_trace_names_its_parts_and_holds_no_other_annotations_and_no_texts(recorder: Recorder) -> None:
    def rate() -> None:
        with logging.traced("rate", invoice="inv_acme.1p0.0", body=SECRET):
            with logging.traced("read", organization=None, shard=3):
                assert len(recorder.parts) == 2
            raise RuntimeError(SECRET)

    with counting(), pytest.raises(RuntimeError):
        rate()
    assert recorder.parts == [("## rate", {"invoice": "inv_acme.1p0.0"}), ("## read", {"shard": "3"})]
    assert SECRET not in str(recorder.parts)


def test_what_chalice_itself_logs_has_no_text_of_exceptions(
    shop: Shop, written: io.StringIO, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(wrapper, "_response", fail)
    assert shop("GET", "/v1/session").status == 500
    assert SECRET not in written.getvalue() + "".join(capfd.readouterr())


def test_nothing_heavy_is_imported_with_the_app() -> None:
    heavy = {"jwt", "aws_lambda_powertools", "aws_xray_sdk", "boto3", "cryptography", "moto"}
    program = f"import sys, app; print(sorted({heavy!r} & set(sys.modules)))"
    bare = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", program]
    assert subprocess.check_output(command, cwd=ROOT, env=bare, text=True).strip() == "[]"
