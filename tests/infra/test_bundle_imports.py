"""What a process of Lambda imports when it starts: what its function needs, and no more. Counted, never timed."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from botocore.client import ClientCreator

import app
from chalicelib.platform import queues
from chalicelib.platform.connection import disconnect
from chalicelib.wiring import functions, routes
from chalicelib.wiring.route_table import ROUTES
from tests.client import ApiClient
from tests.usage.sent import event

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
import app
names = sys.stdlib_module_names
print(json.dumps([sorted(name for name in sys.modules if name.partition(".")[0] not in names), sorted(app.app.routes)]))
"""
# Imported by the first request, message or question that needs them, whatever the function is.
NEVER = {"boto3", "s3transfer", "pydyf", "jwt", "aws_lambda_powertools", "aws_xray_sdk", "fontpkg_noto_sans"}
VALIDATION = {"pydantic", "pydantic_core"}


class Started:
    """What a process of one function has imported beside the standard library, and which paths it serves."""

    def __init__(self, function: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": "one",
            "AWS_REGION": "us-east-1",
            "_HANDLER": f"app.{function}",
            # Without the site's own start, which imports what it likes.
            "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
        }
        told = subprocess.check_output([sys.executable, "-S", "-c", PROGRAM], env=environment, text=True)
        modules, self.paths = json.loads(told)
        self.modules = set(modules)
        self.top = {name.partition(".")[0] for name in modules}

    def of(self, package: str) -> set[str]:
        return {name for name in self.modules if name.startswith(f"{package}.")}


def test_the_function_that_answers_http_imports_no_domain_before_a_request() -> None:
    api = Started("app")
    assert set(api.paths) == {path for _, _, path, _, _ in ROUTES}
    assert api.top & NEVER == set()
    domains = ("catalog", "usage", "credits", "invoices", "console")
    assert [name for domain in domains for name in api.of(f"chalicelib.{domain}")] == []
    # 234 when this was written. Who needs more should know it.
    assert len(api.modules) <= 245


def test_the_function_that_takes_events_imports_neither_models_nor_invoices() -> None:
    started = Started("ingest_events")
    assert started.paths == []
    assert "chalicelib.usage.ingest_jobs" in started.modules
    assert started.top & (NEVER | VALIDATION) == set()
    assert started.of("chalicelib.credits") | started.of("chalicelib.invoices") == set()
    assert len(started.modules) <= 245


def test_the_billing_run_imports_no_models() -> None:
    started = Started("run_billing")
    assert "chalicelib.invoices.billing_run" in started.modules
    assert started.top & (NEVER | VALIDATION) == set()
    assert {name for name in started.modules if ".api_" in name or name.endswith("_models")} == set()


def test_every_function_of_the_app_says_what_it_needs() -> None:
    served = {view.view_name for methods in app.app.routes.values() for view in methods.values()}
    assert set(functions.MODULES) == set(app.app.handler_map) - served
    for name, module in functions.MODULES.items():
        assert callable(getattr(module(), name))
    assert set(routes.MODULES) == {module for module, *_ in ROUTES}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services that clients of AWS are made for, from here on."""
    found: list[str] = []
    create = ClientCreator.create_client

    def counted(self: Any, service_name: str, *given: Any, **named: Any) -> Any:
        found.append(service_name)
        return create(self, service_name, *given, **named)

    monkeypatch.setattr(ClientCreator, "create_client", counted)
    return found


def test_one_client_serves_every_kind_of_request(client: ApiClient, made: list[str]) -> None:
    disconnect()
    path = "/v1/organizations/acme"
    organization = {"id": "acme", "name": "Acme", "currency": "USD", "timezone": "UTC"}
    answers = [client.post("/v1/organizations", organization), client.post("/v1/events", event(subject="acme"))]
    answers += [client.get(f"{path}/{kind}") for kind in ("usage", "invoices", "credits", "credits/ledger", "events")]
    assert [answer.status_code for answer in answers] == [201, 202, *[200] * 5]
    assert made == ["dynamodb"]


def test_the_client_of_queues_is_made_when_one_is_used(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    queues._client.cache_clear()
    queues.send_messages("https://sqs.us-east-1.amazonaws.com/1/q", [])
    assert "sqs" not in made
    queues._client()
    queues._client()
    assert made.count("sqs") == 1
    queues._client.cache_clear()
