"""What every test stands on: no AWS account, no network, fresh tables, a clock that stands still, repeatable chance."""

import os

os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "METERFOLD_STAGE": "test",
        "METERFOLD_SIGNING_SECRET": "a signing secret for tests alone, long enough",
        "METERFOLD_PUBLIC_URL": "https://billing.example.com",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "meterfold",
        "POWERTOOLS_METRICS_NAMESPACE": "meterfold",
        "AWS_XRAY_SDK_ENABLED": "false",
    }
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
    os.environ.pop(name, None)

import gc
import io
import ipaddress
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pynamodb.connection.base
import pytest
from botocore.session import get_session
from chalice.local import LambdaContext
from hypothesis import HealthCheck, settings

from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth, logging
from chalicelib.shared.clock import Clock
from chalicelib.shared.clock import clock as domain_clock
from tests.client import ApiClient

# Imported before the first botocore client is made: moto can answer only those that are made after it.
from tests.conformance.engine_choice import open_tables

settings.register_profile(
    "meterfold", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("meterfold")

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def _is_local(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else None
    return host is None or host == "localhost" or ipaddress.ip_address(host).is_loopback


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        assert _is_local(address), f"a test wants to connect to {address}"
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(autouse=True, scope="session")
def _collect_garbage_less_often() -> Iterator[None]:
    """Leave what was imported alone, and look for garbage less often: by the end of a run that takes long."""
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="session")
def _one_sdk_session() -> Iterator[None]:
    """Let every connection take the one SDK session: each reads what AWS is from files, a sixth of a second long."""
    session = get_session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynamodb.connection.base, "get_session", lambda: session)
        yield


@pytest.fixture(autouse=True, scope="session")
def _time_does_not_run_out() -> Iterator[None]:
    """Let Chalice's contexts keep their time: three real seconds are not enough for every job on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LambdaContext, "get_remaining_time_in_millis", lambda context: context._max_runtime)
        yield


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Let the domain's clock stand at noon of 15 January 2026, UTC, until the test sets it."""
    domain_clock.set(NOON)
    yield domain_clock
    domain_clock.set(None)


@pytest.fixture
def tables() -> Iterator[None]:
    """Give the test an AWS of its own, with every table and nothing in them or remembered from them."""
    import app

    assert app.app.routes
    auth.use_key_source(find_key)
    forget_definitions()
    with open_tables():
        yield
    forget_definitions()


@pytest.fixture
def client(tables: None, clock: Clock) -> ApiClient:
    """Give a client of the whole app with an admin key; it is noon of 15 January 2026."""
    import app

    nobody = ApiClient(app.app, None)
    return nobody.as_holder_of(nobody.make_key("admin"))


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Give what the app logs during a test."""
    stream = io.StringIO()
    before = logging.write_to(stream)
    yield stream
    logging.write_to(before)
