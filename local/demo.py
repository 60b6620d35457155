"""Demo data: the usage of an AI platform's three customers, 45 days of it up to the current hour.

Every day's events are drawn from a generator seeded with the customer and the day, with fixed ids and times. Sending
them again therefore adds nothing, and a later start sends only what happened since.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Protocol

from chalicelib.shared.time import days_between, format_instant, parse_instant

DAYS = 45
SOURCE = "demo"
_DAYS_OF_A_REQUEST = 3
_LATE_DAY = 4


class Asks(Protocol):
    """Who asks the app for something, as an operator would by HTTP."""

    def find(self, path: str) -> Any:
        """Give the JSON of something that may not exist; ``None`` where it does not."""

    def require(self, method: str, path: str, body: Any = None) -> Any:
        """Give the JSON of one request that must succeed."""


@dataclass(frozen=True, slots=True)
class Customer:
    """An organization and how much it uses: its hours (UTC), requests an hour, GPU jobs a day, GB at the start."""

    organization: dict[str, Any]
    hours: range
    scale: int
    jobs: int
    stored_gb: int


CUSTOMERS = (
    Customer(
        {"id": "acme-ai", "name": "Acme AI", "currency": "USD", "timezone": "America/New_York"},
        hours=range(24),
        scale=4,
        jobs=6,
        stored_gb=1200,
    ),
    Customer(
        {"id": "nordlicht", "name": "Nordlicht Labs", "currency": "EUR", "timezone": "Europe/Berlin"},
        hours=range(7, 18, 2),
        scale=2,
        jobs=2,
        stored_gb=300,
    ),
    Customer(
        {"id": "kaiso", "name": "Kaiso Robotics", "currency": "JPY", "timezone": "Asia/Tokyo"},
        hours=range(0, 10, 4),
        scale=1,
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
        "count",
        dimensions={"model": "model"},
        filter={"kind": ["output"]},
        unit="request",
    ),
    _meter("active_users", "Active users", "inference", "unique_count", value="user", unit="user"),
    _meter(
        "longest_prompt", "Longest prompt", "inference", "max", value="tokens", filter={"kind": ["input"]}, unit="token"
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

_MODELS = (("llama-70b", 3, 900), ("llama-8b", 5, 400), ("mixtral-8x7b", 2, 600))
_GPUS = (("h100", 8), ("a100", 4), ("l4", 1))
_SUITES = ("mmlu", "humaneval", "regression")


class _Day:
    """Draws the events of one customer on one UTC day."""

    def __init__(self, customer: Customer, day: date) -> None:
        self._customer, self._day = customer, day
        self._random = Random(f"{customer.organization['id']}/{day}")  # noqa: S311 - the same each time is the point
        self._count = 0

    def _at(self, hour: int) -> datetime:
        return _midnight(self._day) + timedelta(
            hours=hour, seconds=self._random.randrange(900), milliseconds=self._random.randrange(1000)
        )

    def _sometime(self) -> datetime:
        return self._at(self._random.choice(self._customer.hours))

    def _event(self, event_type: str, at: datetime, values: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        return {
            "specversion": "1.0",
            "id": f"{self._day}-{self._count}",
            "source": SOURCE,
            "type": event_type,
            "subject": self._customer.organization["id"],
            "time": format_instant(at),
            "data": values,
        }

    def events(self) -> Iterator[dict[str, Any]]:
        """Walk the day's events, in no order of time."""
        for hour in self._customer.hours:
            yield from self._inference(hour)
        yield from self._training()
        yield from self._evaluations()
        yield from self._levels()

    def _inference(self, hour: int) -> Iterator[dict[str, Any]]:
        busy = 3 if 13 <= hour < 22 else 1
        if self._day.weekday() >= 5:
            busy = 1
        for model, share, tokens in _MODELS:
            for _ in range(self._random.randint(0, share * busy * self._customer.scale // 4 + 1)):
                at, user = self._at(hour), f"user-{self._random.randrange(40 * self._customer.scale)}"
                prompt = self._random.randrange(tokens // 2, tokens * 3)
                answer = self._random.randrange(50, tokens)
                for kind, count in (("input", prompt), ("output", answer)):
                    values = {"model": model, "kind": kind, "tokens": count, "user": user}
                    yield self._event("inference", at, values)

    def _training(self) -> Iterator[dict[str, Any]]:
        for _ in range(self._random.randint(0, self._customer.jobs)):
            gpu, cards = self._random.choice(_GPUS)
            hours = f"{self._random.randrange(1, 12) * cards}.{self._random.choice(('25', '5', '75'))}"
            utilization = f"{self._random.randrange(55, 98)}.{self._random.randrange(1, 10)}"
            values = {"gpu": {"type": gpu}, "gpu_hours": hours, "utilization": utilization}
            yield self._event("training", self._sometime(), values)

    def _evaluations(self) -> Iterator[dict[str, Any]]:
        for suite in _SUITES:
            for _ in range(self._random.randint(0, 3)):
                yield self._event("evaluation", self._sometime(), {"suite": suite, "passed": True})

    def _levels(self) -> Iterator[dict[str, Any]]:
        grown = self._customer.stored_gb + (self._day - date(2025, 1, 1)).days
        for tier, part in (("hot", 5), ("archive", 2)):
            level = {"tier": tier, "gb": f"{grown // part}.{self._random.randrange(1, 10)}"}
            yield self._event("storage.level", self._sometime(), level)
        models = 3 + self._day.toordinal() // 7 % 5
        yield self._event("deployment.level", self._at(self._customer.hours[1]), {"models": models})


def events_between(start: datetime, end: datetime) -> Iterator[list[dict[str, Any]]]:
    """Walk the events of all customers in ``[start, end)``, in lists of a few days each."""
    days = list(days_between(start.date(), end.date() + timedelta(days=1)))
    for first in range(0, len(days), _DAYS_OF_A_REQUEST):
        for customer in CUSTOMERS:
            drawn = [
                event
                for day in days[first : first + _DAYS_OF_A_REQUEST]
                for event in _Day(customer, day).events()
                if start <= parse_instant(event["time"]) < end
            ]
            if drawn:
                yield sorted(drawn, key=lambda event: str(event["time"]))


def late_events(start: datetime, end: datetime) -> list[dict[str, Any]]:
    """List what arrives late, in ``[start, end)``: a cluster that reports its last jobs of a month on the fourth."""
    organization = CUSTOMERS[0].organization["id"]
    days = days_between(start.date(), end.date() + timedelta(days=1))
    firsts = [day.replace(day=1) for day in days if day.day == _LATE_DAY]
    return [
        {
            "specversion": "1.0",
            "id": f"late-{first}-{hour}",
            "source": SOURCE,
            "type": "training",
            "subject": organization,
            "time": format_instant(_midnight(first) - timedelta(hours=hour)),
            "data": {"gpu": {"type": gpu}, "gpu_hours": hours, "utilization": "91.5"},
        }
        for first in firsts
        if start <= _midnight(first.replace(day=_LATE_DAY)) < end
        for hour, gpu, hours in ((2, "h100", "16.5"), (3, "a100", "8.25"))
    ]


def _midnight(day: date) -> datetime:
    return parse_instant(f"{day}T00:00:00Z")


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
