"""The doors of a stack that runs on this machine, as its clients use them: HTTP, queues, event bus, functions."""

import http.client
import io
import json
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.stack import STACK

Found = TypeVar("Found")
PACKAGE = Path(__file__).parents[2] / "build" / "local"
PACKAGED = PACKAGE / "bundle.zip"
# A cold function on a busy machine takes its time.
PATIENCE_S = 150
# Nothing is sent twice: what comes twice is what the stack did.
ONCE = Config(read_timeout=PATIENCE_S, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class HttpReply:
    """What came over HTTP: header names in lower case, the body as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Doors:
    """One stack, asked and told from outside; ``aws`` is what an AWS client's environment must say."""

    url: str
    admin_key: str
    aws: Mapping[str, str]

    def send(
        self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None, stage: str = ""
    ) -> HttpReply:
        """Send a request as it is; ``stage`` stands in for the one of the stack."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        try:
            connection.request(method, f"{stage or parts.path}{path}", body or None, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return HttpReply(answer.status, named, answer.read())
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HttpReply:
        """Send JSON as the admin."""
        named = {"Authorization": f"Bearer {self.admin_key}", **headers}
        if body is None:
            return self.send(method, path, headers=named)
        return self.send(method, path, json.dumps(body).encode(), headers={"Content-Type": "application/json", **named})

    def get(self, path: str) -> Any:
        """Read something that must be there."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.content

    def post(self, path: str, body: Any = None) -> Any:
        """Do something that must be possible."""
        answer = self.ask("POST", path, {} if body is None else body)
        assert answer.status in (200, 201, 202), answer
        return answer.content

    def invoke(self, function: str, payload: Any, *, waits: bool = True) -> Any:
        """Invoke a function by its name; gives what it answers, ``None`` when nobody waits for it."""
        kind = "RequestResponse" if waits else "Event"
        answered = self.functions.invoke(
            FunctionName=f"{STACK}-{function}", Payload=json.dumps(payload), InvocationType=kind
        )
        text = answered["Payload"].read()
        assert "FunctionError" not in answered, text
        return json.loads(text) if waits else None

    def probe(self, handler: str, *, role_of: str) -> str:
        """Add a function of ``probe.py`` that may do what another one may; gives its name without the stage."""
        role = self.functions.get_function_configuration(FunctionName=f"{STACK}-{role_of}")["Role"]
        content = io.BytesIO(PACKAGED.read_bytes())
        with zipfile.ZipFile(content, "a") as bundle:
            bundle.write(Path(__file__).with_name("probe.py"), "probe.py")
        name = f"{handler}-as-{role_of}"
        self.functions.create_function(
            FunctionName=f"{STACK}-{name}",
            Runtime=f"python3.{sys.version_info.minor}",
            Role=role,
            Handler=f"probe.{handler}",
            Code={"ZipFile": content.getvalue()},
            Timeout=60,
        )
        return name

    def client(self, service: str) -> Any:
        """Make a client of a service, with every right."""
        return boto3.client(
            service,
            endpoint_url=self.aws["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.aws["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.aws["AWS_SECRET_ACCESS_KEY"],
            region_name=self.aws["AWS_DEFAULT_REGION"],
            config=ONCE,
        )

    @cached_property
    def functions(self) -> Any:
        """Lambda."""
        return self.client("lambda")

    @cached_property
    def queues(self) -> Any:
        """SQS."""
        return self.client("sqs")

    @cached_property
    def events(self) -> Any:
        """EventBridge."""
        return self.client("events")

    def queue_url(self, queue: str) -> str:
        """Find a queue by its name without the stage."""
        url: str = self.queues.get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"]
        return url

    def take(self, queue: str) -> str:
        """Wait for a message of a queue that nobody else receives from, and take it."""
        url = self.queue_url(queue)

        def received() -> list[dict[str, Any]]:
            answer = self.queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)
            return list(answer.get("Messages", []))

        (message,) = until(received)
        self.queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        body: str = message["Body"]
        return body

    def total(self, organization: str, meter: str = "tokens") -> str:
        """Tell the total of a meter over the last thirty days."""
        (row,) = self.get(f"/v1/organizations/{organization}/usage?meter={meter}")["data"]
        total: str = row["total"]
        return total


def until(look: Callable[[], Found]) -> Found:
    """Look until there is something, and give it: what comes by a queue comes when it comes."""
    looking = threading.Event()
    end_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end_s, "it did not come"
        looking.wait(0.5)
    return found


def ago(**back: int) -> str:
    """Write an instant that lies so far back."""
    return (datetime.now(UTC) - timedelta(**back)).isoformat()


def event(name: str, organization: str, tokens: int, **back: int) -> dict[str, Any]:
    """Make an event of so many tokens, of so long ago."""
    return {
        "id": name,
        "source": "stack",
        "type": "llm",
        "subject": organization,
        "time": ago(**back),
        "data": {"n": tokens},
    }
