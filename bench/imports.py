"""What a cold start costs: importing the bundle as it is deployed, and the first calls after that.

The bundle is built, unpacked, and imported by ``probe.py`` in fresh interpreters, which see it and the standard library
alone. Each import is compared with that of ``json``, ``decimal`` and ``datetime`` in an interpreter of the same round.
"""

import json
import platform
import subprocess
import sys
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import app
from bench.workload import ORGANIZATION, create_meters, create_organization, events
from chalicelib.catalog import store as catalog_store
from chalicelib.platform.connection import client, disconnect
from chalicelib.platform.settings import settings
from chalicelib.platform.tables import create_tables
from infra.archive import MOST_BYTES, MOST_BYTES_WITHOUT_PDF
from infra.bundle import Package, build_package
from infra.functions import API, FUNCTIONS
from local.engine import EmbeddedDynamo, use_no_aws_account

TARGET = 32
BASE = "json,decimal,datetime"
_PROBE = Path(__file__).with_name("probe.py")
_ROUNDS = 9
Found = dict[str, Any]


def measure_imports(rounds: int = _ROUNDS) -> dict[str, Any]:
    """Measure the bundle of this machine's architecture: its size, its imports, its first calls, its clients."""
    with tempfile.TemporaryDirectory() as scratch:
        package = build_package(Path(scratch, "package"), stage=settings.stage, architecture=own_architecture())
        folder = Path(scratch, "bundle")
        zipfile.ZipFile(package.bundle).extractall(folder)
        with _store() as store:
            return {
                "package": _sizes(package),
                "import_app": compare_imports(folder, rounds),
                "functions": {name: _import_of(folder, name) for name in FUNCTIONS},
                "first_calls": measure_first_calls(folder, store),
                "clients": count_clients(folder, store),
            }


def own_architecture() -> str:
    """Name this machine's architecture as Lambda does."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _sizes(package: Package) -> dict[str, Any]:
    sizes = package.sizes
    return {
        "bytes": {"value": sizes.whole, "target": MOST_BYTES, "pass": sizes.whole <= MOST_BYTES},
        "bytes_without_pdf": {
            "value": sizes.without_pdf,
            "target": MOST_BYTES_WITHOUT_PDF,
            "pass": sizes.without_pdf <= MOST_BYTES_WITHOUT_PDF,
        },
        "bytes_unpacked": sizes.unpacked,
    }


def compare_imports(folder: Path, rounds: int) -> dict[str, Any]:
    """Compare the import of the app with the base's, one after the other in each round; medians of the ratios."""
    pairs = [(probe(folder, BASE)["imported"], probe(folder, "app")["imported"]) for _ in range(rounds)]
    cpu, wall = (median(whole[clock] / base[clock] for base, whole in pairs) for clock in ("cpu_ns", "wall_ns"))
    return {
        "cpu_ms": _ms(median(whole["cpu_ns"] for _, whole in pairs)),
        "base_cpu_ms": _ms(median(base["cpu_ns"] for base, _ in pairs)),
        "modules": pairs[0][1]["modules"],
        "wall_ratio": round(wall, 1),
        "ratio": round(cpu, 1),
        "target": TARGET,
        "pass": cpu <= TARGET,
    }


def _import_of(folder: Path, function: str) -> dict[str, Any]:
    """Measure the import in a process of one function, which imports what that needs."""
    found = [probe(folder, "app", function=function)["imported"] for _ in range(3)]
    return {"cpu_ms": _ms(min(one["cpu_ns"] for one in found)), "modules": found[0]["modules"]}


def measure_first_calls(folder: Path, store: "Store") -> dict[str, Any]:
    """Measure import, first and second call of some entries: CPU of their process, which the store is no part of."""
    batch = _batch()
    entries = {
        "GET /health": (API, http_event("GET", "/health", store)),
        "POST /v1/events": (API, http_event("POST", "/v1/events", store, batch)),
        "GET /v1/organizations/{org}/usage": (API, http_event("GET", "/v1/organizations/{org}/usage", store)),
        "GET /v1/organizations/{org}/credits": (API, http_event("GET", "/v1/organizations/{org}/credits", store)),
        "ingest_events": ("ingest_events", batch),
    }
    return {name: _first_calls(folder, store, *entry) for name, entry in entries.items()}


def _first_calls(folder: Path, store: "Store", function: str, event: Found) -> dict[str, Any]:
    call = {"function": entry_name(function), "event": event}
    told = probe(folder, "app", function=function, store=store, calls=[call, call])
    first, second = told["called"]
    return {
        "import_cpu_ms": _ms(told["imported"]["cpu_ns"]),
        "first_cpu_ms": _ms(first["cpu_ns"]),
        "second_cpu_ms": _ms(second["cpu_ns"]),
    }


def count_clients(folder: Path, store: "Store") -> dict[str, Any]:
    """Count the clients of AWS that one process makes over a first request of every kind."""
    kinds = [
        http_event("POST", "/v1/events", store, _batch()),
        http_event("GET", "/v1/organizations/{org}/usage", store),
        http_event("GET", "/v1/organizations/{org}/invoices", store),
        http_event("GET", "/v1/organizations/{org}/credits", store),
        http_event("GET", "/v1/meters", store),
    ]
    calls = [{"function": entry_name(API), "event": event} for event in kinds]
    told = probe(folder, "app", store=store, calls=calls, count_clients=True)
    refused = [one["answer"] for one in told["called"] if one["answer"]["statusCode"] >= 400]
    assert not refused, refused
    return {"made": told["clients"], "target": {"dynamodb": 1}, "pass": told["clients"] == {"dynamodb": 1}}


def _batch() -> Found:
    return {"events": events(100, datetime.now(UTC) - timedelta(minutes=20))}


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 1)


def entry_name(function: str) -> str:
    """Name a function as app.py does: the one that answers HTTP is the app."""
    return "app" if function == API else function


@dataclass(frozen=True)
class Store:
    """A store on this machine with an organization, its meters and a key."""

    address: str
    key: str


def http_event(method: str, route: str, store: Store, body: Any = None) -> Found:
    """Write what API Gateway passes on of a request."""
    variables = {"org": ORGANIZATION} if "{org}" in route else None
    headers = {"authorization": f"Bearer {store.key}", "host": "localhost", "content-type": "application/json"}
    path = route.format(org=ORGANIZATION)
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "stageVariables": None,
        "pathParameters": variables,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": route,
            "path": path,
            "stage": "api",
            "requestId": str(uuid.uuid4()),
            "identity": {},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def probe(
    folder: Path,
    modules: str,
    *,
    function: str = API,
    store: Store | None = None,
    calls: Sequence[Found] = (),
    count_clients: bool = False,
) -> Found:
    """Run the probe as Lambda runs one function of the bundle."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as order:
        json.dump({"calls": calls, "count_clients": count_clients}, order)
        order.flush()
        command = [sys.executable, "-I", "-S", str(_PROBE), str(folder), modules, *([order.name] if calls else [])]
        environment = _environment(folder, function, store)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The bundle does not run:\n{done.stderr}")
    found: Found = json.loads(done.stderr.splitlines()[-1])
    return found


def _environment(folder: Path, function: str, store: Store | None) -> dict[str, str]:
    return {
        "AWS_LAMBDA_FUNCTION_NAME": f"meterfold-{settings.stage}-{function}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR",
        "LAMBDA_TASK_ROOT": str(folder),
        "METERFOLD_STAGE": settings.stage,
        "METERFOLD_SIGNING_SECRET": "of the bench alone, long enough to be one",
        "_HANDLER": f"app.{entry_name(function)}",
        "_X_AMZN_TRACE_ID": "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0",
        **({"AWS_ENDPOINT_URL_DYNAMODB": store.address} if store is not None else {}),
    }


@contextmanager
def _store() -> Iterator[Store]:
    """Open a store in this process, behind a port that the probes ask."""
    use_no_aws_account()
    disconnect()
    catalog_store.forget_definitions()
    with EmbeddedDynamo() as engine, ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answers, engine)) as server:
        engine.attach(client())
        create_tables()
        create_organization()
        create_meters()
        made = app.create_api_key({"name": "bench", "role": "admin"}, None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Store(f"http://127.0.0.1:{server.server_port}", made["secret"])
        finally:
            server.shutdown()
            disconnect()


class _Answers(BaseHTTPRequestHandler):
    """Passes a request of DynamoDB's protocol on to the engine."""

    protocol_version = "HTTP/1.1"

    def __init__(self, engine: EmbeddedDynamo, *given: Any) -> None:
        self._engine = engine
        super().__init__(*given)

    def do_POST(self) -> None:
        """Answer one call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, _, answer = self._engine.execute(self.headers["X-Amz-Target"].rpartition(".")[2], body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *given: Any) -> None:  # noqa: A002 - the name of the standard library
        """Say nothing."""


if __name__ == "__main__":
    json.dump(measure_imports(), sys.stdout, indent=2)
