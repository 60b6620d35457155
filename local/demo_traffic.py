"""Live traffic of the demo: every few seconds some of its customers' events, while the domain clock runs.

The past is drawn up to the start of the server; from there on this is what the customers use, under a source of its own
and random ids. Before a batch is sent, its instant is noted as the end of what was sent: the next start draws what lies
behind it, so that nothing counts twice, and a kill loses a few seconds.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime
from random import Random

from chalicelib.shared.clock import clock
from local import demo
from local.demo import Asks, Customer
from local.demo_progress import Progress
from local.demo_usage import (
    GPUS,
    MODELS,
    SUITES,
    TIERS,
    Event,
    event,
    level,
    people_of,
    reports,
    requests_an_hour,
    training,
)

logger = logging.getLogger("local")

SOURCE = "demo-live"
_PAUSE_MS = range(2500, 5500)
_STOP_WITHIN_S = 2
_BATCHES_AN_HOUR = 900
# One batch in so many is also of each customer, in their order, and one report of a customer in so many of the rest.
_ONE_IN = (1, 3, 8)
_TRAINING_IN, _LEVEL_IN, _EVALUATION_IN = 10, 200, 2000


class Traffic:
    """Sends events in a thread of its own until it is stopped."""

    def __init__(self, operator: Asks, progress: Progress) -> None:
        self._operator, self._progress = operator, progress
        self._random = Random(f"{progress.until}")  # noqa: S311 - traffic needs no secrecy
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo traffic", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more, and wait a moment for what is being sent."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_S)

    def _run(self) -> None:
        while not self._stopped.wait(self._random.choice(_PAUSE_MS) / 1000):
            try:
                self.send_batch()
            except Exception:
                logger.warning("demo traffic: a batch was not sent", exc_info=True)

    def send_batch(self) -> int:
        """Send what was used in the last seconds; tells how many events that were.

        Nothing is sent while the clock stands still, or shows an instant up to which events were sent already.
        """
        now, until = clock.now(), self._progress.until
        if clock.is_set() or (until is not None and now < until):
            return 0
        self._progress.reach(now)
        taken, _ = demo.send(self._operator, [draw_batch(self._random, now)])
        return taken


def draw_batch(random: Random, now: datetime) -> list[Event]:
    """Draw what was used in the last seconds: always by the first customer, now and then by the others."""
    return [
        one | {"id": str(uuid.uuid4()), "source": SOURCE}
        for customer, one_in in zip(demo.CUSTOMERS, _ONE_IN, strict=True)
        if random.randrange(one_in) == 0
        for one in _used(customer, random, now, _BATCHES_AN_HOUR // one_in)
    ]


def _used(customer: Customer, random: Random, now: datetime, batches_an_hour: int) -> Iterator[Event]:
    requests = requests_an_hour(customer, now.date(), now.hour) * random.randrange(50, 150) // 100
    people = people_of(customer, now.date())
    models = random.sample(MODELS, counts=[model.share for model in MODELS], k=random.randint(1, 2))
    for model in models:
        count = max(1, requests // batches_an_hour // len(models))
        yield from reports(customer, now, model=model, requests=count, random=random, user=random.choice(people))
    if customer.jobs and random.randrange(_TRAINING_IN) == 0:
        gpu, cards = random.choice(GPUS)
        hours = f"0.{random.randrange(1, 4) * cards:02}"
        yield training(customer, now, gpu=gpu, gpu_hours=hours, random=random)
    if random.randrange(_LEVEL_IN) == 0:
        yield level(customer, now, random.choice(TIERS), random)
    if random.randrange(_EVALUATION_IN) == 0:
        yield event(customer, "evaluation", now, {"suite": random.choice(SUITES), "passed": True})
