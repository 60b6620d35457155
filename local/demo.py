"""Demo data: an AI platform's three customers, what is metered of them, and how events reach the app."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

DAYS = 100


class Refused(Exception):
    """The app did not do what it was asked for."""


class Asks(Protocol):
    """Who asks the app for something, as an operator would by HTTP. What must succeed and does not is ``Refused``."""

    def find(self, path: str) -> Any:
        """Give the JSON of something that may not exist; ``None`` where it does not."""

    def require(self, method: str, path: str, body: Any = None) -> Any:
        """Give the JSON of one request that must succeed."""


@dataclass(frozen=True, slots=True)
class Customer:
    """An organization and how much it uses.

    The hours (UTC) at which it is reported, its weekdays (Monday is 0), requests an hour when it is quiet, people, GPU
    jobs a day at most, GB stored at the start.
    """

    organization: dict[str, Any]
    hours: range
    weekdays: range
    requests: int
    people: int
    jobs: int
    stored_gb: int

    @property
    def id(self) -> str:
        """Give the organization's id."""
        return str(self.organization["id"])


CUSTOMERS = (
    Customer(
        {"id": "acme-ai", "name": "Acme AI", "currency": "USD", "timezone": "America/New_York"},
        hours=range(24),
        weekdays=range(7),
        requests=400,
        people=56,
        jobs=6,
        stored_gb=5200,
    ),
    Customer(
        {"id": "nordlicht", "name": "Nordlicht Labs", "currency": "EUR", "timezone": "Europe/Berlin"},
        hours=range(7, 18, 2),
        weekdays=range(5),
        requests=120,
        people=30,
        jobs=2,
        stored_gb=900,
    ),
    Customer(
        {"id": "kaiso", "name": "Kaiso Robotics", "currency": "JPY", "timezone": "Asia/Tokyo"},
        hours=range(0, 10, 3),
        weekdays=range(0, 5, 2),
        requests=40,
        people=12,
        jobs=0,
        stored_gb=80,
    ),
)


def _meter(key: str, name: str, event_type: str, aggregation: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "name": name, "event_type": event_type, "aggregation": aggregation} | more


METERS = (
    _meter(
        "inference_tokens",
        "Inference tokens",
        "inference",
        "sum",
        value="tokens",
        dimensions={"model": "model", "kind": "kind"},
        unit="token",
    ),
    _meter(
        "inference_requests",
        "Inference requests",
        "inference",
        "sum",
        value="requests",
        dimensions={"model": "model"},
        filter={"kind": ["output"]},
        unit="request",
    ),
    _meter("active_users", "Active users", "inference", "unique_count", value="user", unit="user"),
    _meter(
        "longest_prompt",
        "Longest prompt",
        "inference",
        "max",
        value="longest",
        filter={"kind": ["input"]},
        unit="token",
    ),
    _meter(
        "training_gpu_hours",
        "Training GPU-hours",
        "training",
        "sum",
        value="gpu_hours",
        dimensions={"gpu": "gpu.type"},
        unit="GPU-hour",
    ),
    _meter("gpu_utilization", "GPU utilization", "training", "average", value="utilization", unit="%"),
    _meter("training_jobs", "Training jobs", "training", "count", unit="job"),
    _meter("evaluation_runs", "Evaluation runs", "evaluation", "count", dimensions={"suite": "suite"}, unit="run"),
    _meter(
        "storage_gb_hours",
        "Storage",
        "storage.level",
        "time_weighted",
        value="gb",
        dimensions={"tier": "tier"},
        unit="GB-hour",
    ),
    _meter("deployed_models", "Deployed models", "deployment.level", "latest", value="models", unit="model"),
    _meter("fine_tuning_tokens", "Fine-tuning tokens", "fine_tuning", "sum", value="tokens", unit="token"),
)
# Nobody has used the one yet, the other was given up for GPU-hours.
UNUSED_METER, ARCHIVED_METER = "fine_tuning_tokens", "training_jobs"


def define_meters(operator: Asks) -> None:
    """Create the meters; what exists already stays as it is."""
    for meter in METERS:
        if operator.find(f"/v1/meters/{meter['key']}") is None:
            operator.require("POST", "/v1/meters", meter)


def send(operator: Asks, batches: Iterable[Sequence[dict[str, Any]]]) -> tuple[int, int]:
    """Send events; tells how many were taken, and how many were refused because they come too late by now."""
    taken = refused = 0
    for batch in batches:
        answer = operator.require("POST", "/v1/events?partial=true", json.dumps(batch).encode())
        taken += answer["accepted"]
        refused += len(answer["rejected"])
    return taken, refused
