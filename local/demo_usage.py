"""What the demo's customers use: the events of each day, drawn from a generator seeded with the customer and the day.

An event of type ``inference`` is the report of a gateway: the requests and tokens of one user and model. The further a
day lies back, the fewer reports tell of it, and the fewer quarter-hours they lie in: its quantities are the same, and
it is stored quickly. Within one ``Past``, however it is cut and however often it is drawn, ids and times are the same,
so sending events again adds nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import cycle
from random import Random
from typing import Any, NamedTuple, TypeAlias

from chalicelib.shared.time import days_between, format_instant, parse_instant
from local import demo
from local.demo import Customer

SOURCE = "demo"
_DAYS_OF_A_REQUEST = 7
_LATE_DAY = 4
_QUARTER_HOUR_S = 900
_GROWING_SINCE = date(2026, 1, 1)
_BUSY_HOURS = range(13, 22)
_SATURDAY = 5

Event: TypeAlias = dict[str, Any]


class Model(NamedTuple):
    """A model that is served: its share of the requests in percent, tokens of a prompt and of an answer."""

    name: str
    share: int
    prompt: int
    answer: int


MODELS = (Model("llama-70b", 30, 1600, 450), Model("llama-8b", 50, 700, 220), Model("mixtral-8x7b", 20, 1050, 320))
SUITES = ("mmlu", "humaneval", "regression")
GPUS = (("h100", 8), ("a100", 4), ("l4", 1))
TIERS = ("hot", "archive")


class Detail(NamedTuple):
    """How a day is told: so many of a customer's hours in one quarter-hour, so many in one report."""

    in_quarter_hour: int
    in_report: int


_IN_FULL = Detail(1, 1)
# From so many days before the end on.
_OF_AGE = ((31, Detail(24, 2)), (7, Detail(8, 1)))


@dataclass(frozen=True, slots=True)
class Past:
    """A span ``[start, end)`` that is drawn as seen from its end.

    Its first and its last days are drawn in full: other spans join there, in the middle of a day.
    """

    start: datetime
    end: datetime

    def detail_of(self, day: date) -> Detail:
        """Tell how a day is told."""
        if day <= self.start.date():
            return _IN_FULL
        age = (self.end.date() - day).days
        return next((detail for from_age, detail in _OF_AGE if age >= from_age), _IN_FULL)


def requests_an_hour(customer: Customer, day: date, hour: int) -> int:
    """Tell how many requests a customer makes in an hour (UTC): more by day, more each month, few on weekends."""
    if not customer.hours.start <= hour < customer.hours.stop:
        return 0
    rhythm = 3 if hour in _BUSY_HOURS else 1
    percent = 45 if day.weekday() >= _SATURDAY else 100
    percent += max(0, (day - _GROWING_SINCE).days) // 4
    if day.toordinal() % 17 == 3:
        percent += 70
    return customer.requests * rhythm * percent // 100


def people_of(customer: Customer, day: date) -> Sequence[str]:
    """Draw who is at work on a day, in no order: about every second one, fewer on weekends."""
    random = Random(f"{customer.id}/{day}/people")  # noqa: S311 - the same each time is the point
    percent = random.randrange(22, 32) if day.weekday() >= _SATURDAY else random.randrange(42, 66)
    everybody = [f"user-{number}" for number in range(customer.people)]
    return random.sample(everybody, max(1, customer.people * percent // 100))


def stored_gb(customer: Customer, day: date, tier: str) -> int:
    """Tell how much a customer stores in a tier on a day."""
    grown = customer.stored_gb + (day - _GROWING_SINCE).days * 2
    return grown // (5 if tier == "hot" else 2)


def event(customer: Customer, event_type: str, at: datetime, values: dict[str, Any]) -> Event:
    """Give an event that has neither source nor id yet."""
    return {
        "specversion": "1.0",
        "type": event_type,
        "subject": customer.id,
        "time": format_instant(at),
        "data": values,
    }


def reports(customer: Customer, at: datetime, *, model: Model, requests: int, random: Random, user: str) -> list[Event]:
    """Draw a gateway's report about some requests: what they asked, and what was answered."""
    tokens = random.randrange(80, 120) * requests
    told = {"model": model.name, "requests": requests, "user": user}
    asked = told | {"kind": "input", "tokens": tokens * model.prompt // 100}
    asked["longest"] = random.randrange(model.prompt, model.prompt * 8)
    answered = told | {"kind": "output", "tokens": tokens * model.answer // 100}
    return [event(customer, "inference", at, values) for values in (asked, answered)]


def training(customer: Customer, at: datetime, *, gpu: str, gpu_hours: str, random: Random) -> Event:
    """Draw the report of a cluster about a training job, or a part of one."""
    utilization = f"{random.randrange(55, 98)}.{random.randrange(1, 10)}"
    values = {"gpu": {"type": gpu}, "gpu_hours": gpu_hours, "utilization": utilization}
    return event(customer, "training", at, values)


def level(customer: Customer, at: datetime, tier: str, random: Random) -> Event:
    """Draw how much a customer stores in a tier."""
    gigabytes = f"{stored_gb(customer, at.date(), tier)}.{random.randrange(1, 10)}"
    return event(customer, "storage.level", at, {"tier": tier, "gb": gigabytes})


class _Day:
    """Draws the events of one customer on one UTC day."""

    def __init__(self, customer: Customer, day: date, detail: Detail) -> None:
        self._customer, self._day, self._detail = customer, day, detail
        self._random = Random(f"{customer.id}/{day}")  # noqa: S311 - the same each time is the point
        self._slots = _cut(customer.hours, detail.in_quarter_hour)

    def events(self) -> list[Event]:
        """List the day's events in the order in which they are sent; what is sent again comes last."""
        if self._day.weekday() not in self._customer.weekdays:
            return []
        drawn = [*self._inference(), *self._training(), *self._evaluations(), *self._levels()]
        for number, one in enumerate(drawn, 1):
            one |= {"id": f"{self._day}-{number}", "source": SOURCE}
        return [*drawn, *self._mishaps(drawn)]

    def _at(self, hour: int) -> datetime:
        seconds, milliseconds = self._random.randrange(_QUARTER_HOUR_S), self._random.randrange(1000)
        return midnight(self._day) + timedelta(hours=hour, seconds=seconds, milliseconds=milliseconds)

    def _sometime(self) -> datetime:
        return self._at(_middle(self._random.choice(self._slots)))

    def _inference(self) -> Iterator[Event]:
        people = cycle(people_of(self._customer, self._day))
        for slot in self._slots:
            for hours in _cut(slot, self._detail.in_report):
                requests = sum(self._requests(hour) for hour in hours) * self._random.randrange(85, 115)
                for model in MODELS:
                    yield from reports(
                        self._customer,
                        self._at(_middle(slot)),
                        model=model,
                        requests=1 + requests * model.share // 10_000,
                        random=self._random,
                        user=next(people),
                    )

    def _requests(self, hour: int) -> int:
        hours = range(hour, hour + self._customer.hours.step)
        return sum(requests_an_hour(self._customer, self._day, one) for one in hours)

    def _training(self) -> Iterator[Event]:
        for _ in range(self._random.randint(0, self._customer.jobs)):
            gpu, cards = self._random.choice(GPUS)
            hours = f"{self._random.randrange(1, 12) * cards}.{self._random.choice(('25', '5', '75'))}"
            yield training(self._customer, self._sometime(), gpu=gpu, gpu_hours=hours, random=self._random)

    def _evaluations(self) -> Iterator[Event]:
        for suite in SUITES:
            for _ in range(self._random.randint(0, 3)):
                yield event(self._customer, "evaluation", self._sometime(), {"suite": suite, "passed": True})

    def _levels(self) -> Iterator[Event]:
        for tier in TIERS:
            yield level(self._customer, self._sometime(), tier, self._random)
        models = 3 + self._day.toordinal() // 7 % 5
        yield event(self._customer, "deployment.level", self._at(_middle(self._slots[-1])), {"models": models})

    def _mishaps(self, drawn: Sequence[Event]) -> Iterator[Event]:
        """Draw what goes wrong at a producer now and then, so that there is something to see in ingestion health."""
        if not self._customer.jobs:
            return
        number = self._day.toordinal()
        if number % 3 == 0:
            yield self._odd("a", "guardrail.check", {"verdict": "passed"})
        if number % 4 == 1:
            yield self._odd("b", "training", {"gpu": {"type": "h100"}, "gpu_hours": "unknown", "utilization": "88.5"})
        if number % 5 == 2:
            yield drawn[0]
        if number % 9 == 4:
            yield drawn[1] | {"data": drawn[1]["data"] | {"tokens": drawn[1]["data"]["tokens"] + 1}}

    def _odd(self, name: str, event_type: str, values: dict[str, Any]) -> Event:
        return event(self._customer, event_type, self._sometime(), values) | {
            "id": f"{self._day}-{name}",
            "source": SOURCE,
        }


def _cut(hours: range, count: int) -> list[range]:
    return [hours[first : first + count] for first in range(0, len(hours), count)]


def _middle(hours: range) -> int:
    """Give the hour that stands for some: on the same local day as most of them."""
    return hours[len(hours) // 2]


def events_of_day(customer: Customer, day: date, past: Past) -> list[Event]:
    """Draw all events of a customer on a UTC day."""
    return _Day(customer, day, past.detail_of(day)).events()


def events_between(start: datetime, end: datetime, past: Past) -> Iterator[list[Event]]:
    """Walk the events of all customers in ``[start, end)``, a part of a past, in lists of a week at most."""
    days = list(days_between(start.date(), end.date() + timedelta(days=1)))
    for first in range(0, len(days), _DAYS_OF_A_REQUEST):
        for customer in demo.CUSTOMERS:
            drawn = [
                one
                for day in days[first : first + _DAYS_OF_A_REQUEST]
                for one in events_of_day(customer, day, past)
                if start <= parse_instant(one["time"]) < end
            ]
            if drawn:
                yield sorted(drawn, key=lambda one: str(one["time"]))


def late_events(start: datetime, end: datetime) -> list[Event]:
    """List what arrives late, in ``[start, end)``: a cluster that reports its last jobs of a month on the fourth."""
    days = days_between(start.date(), end.date() + timedelta(days=1))
    firsts = [day.replace(day=1) for day in days if day.day == _LATE_DAY]
    return [
        event(
            demo.CUSTOMERS[0],
            "training",
            midnight(first) - timedelta(hours=hour),
            {"gpu": {"type": gpu}, "gpu_hours": hours, "utilization": "91.5"},
        )
        | {"id": f"late-{first}-{hour}", "source": SOURCE}
        for first in firsts
        if start <= midnight(first.replace(day=_LATE_DAY)) < end
        for hour, gpu, hours in ((2, "h100", "16.5"), (3, "a100", "8.25"))
    ]


def midnight(day: date) -> datetime:
    """Give the first instant of a UTC day."""
    return parse_instant(f"{day}T00:00:00Z")
