import io
import json
import logging as standard
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.platform import logging, wrapper
from chalicelib.platform.http import READ
from chalicelib.platform.portal import issue_portal_token
from chalicelib.platform.settings import read_settings, settings
from tests.conftest import NOON
from tests.platform.conftest import Script, service_fault
from tests.platform.shop import SECRET, Shop

ROOT = Path(__file__).parents[2]
BOXES = "/v1/organizations/acme/boxes"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    before = logging.write_to(stream)
    yield stream
    logging.write_to(before)


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
    fault, request = lines(written)
    assert (fault["level"], fault["error"]) == ("ERROR", "Broken")
    assert fault["places"][-1].endswith(" break_down")
    assert request["status"] == 500


def test_the_settings_hide_their_secret() -> None:
    assert settings.signing_secret not in repr(settings)


def test_counts_are_embedded_in_the_log_on_lambda_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.count("EventsAccepted", 5)
    logging.flush_counts()
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(logging, "settings", read_settings({"AWS_LAMBDA_FUNCTION_NAME": "api"}))
    logging.count("EventsAccepted", 5)
    logging.count("EventsAccepted", 2)
    logging.flush_counts()
    embedded = json.loads(capsys.readouterr().out)
    assert embedded["EventsAccepted"] == [5.0, 2.0]
    assert embedded["stage"] == "dev"
    logging.flush_counts()
    assert capsys.readouterr().out == ""


def test_nothing_is_traced_outside_lambda() -> None:
    with logging.traced("work"):
        assert not settings.is_lambda


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
