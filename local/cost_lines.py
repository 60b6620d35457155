"""From traffic to quantities that AWS bills: each with what it is for and how it was computed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache

from infra.functions import API, FUNCTIONS
from infra.queues import QUEUES
from infra.watching import alarms, watching_resources
from local import prices
from local.cost_question import DAYS, HOURS, MINUTES, Door, Question, event_bytes
from local.cost_work import ZERO, Work, at_size, measured

GB = 10**9
_HTTP_SIZES = {size: f"ingest {size} by HTTP" for size in (1, 10, 100, 500, 2000)}
_QUEUE_SIZES = {size: f"ingest {size} by queue, a message each" for size in (1, 10, 100)}
_ROLLUP_SIZES = {size: f"roll up a quarter-hour of {size}" for size in (1, 100, 1000, 5000)}
# What it takes more to roll up a quarter-hour whose day has 95 others.
_EARLIER, _LAST_OF_ITS_DAY = 95, "roll up a quarter-hour of 1000, the 96th of its day"
# What each further organization in a batch takes, whatever it sends.
_FURTHER, _EACH, _OF_MANY = 49, 10, "ingest 500 of 50 organizations by HTTP"
# What a look at the console asks: requests of the API, and the page with its files.
_VIEW = (
    "read the session",
    "usage of 30 days, today open",
    "current draft, with credit",
    "summary of credit",
    "list an organization's invoices",
)
_PAGE_FILES = 10
# Who has used something an invoice is for: closed by the hourly run, or by messages of 25 when there are more.
_A_MESSAGE = 25
# Hours of a month in which there are invoices, and so their two metrics: the first days' of calendar months.
_BILLING_HOURS = 24
# An environment is kept for some minutes: a schedule of every hour finds none, one of every five minutes usually does.
_SCHEDULES = {
    "rollup_usage": (12 * HOURS, "rollup, nothing to do", Fraction(1, 10)),
    "run_billing": (HOURS, "billing run, nothing due", Fraction(1)),
    "settle_credits": (HOURS, "settling run, nothing due", Fraction(1)),
}
_PACKAGE_BYTES = 8_000_000


class Purpose(StrEnum):
    """What a quantity is for."""

    IDLE = "idle"
    INGEST = "ingest"
    ROLLUP = "rollup"
    KEEPING = "keeping"
    BILLING = "billing"
    READS = "reads"
    WATCHING = "watching"


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of what ``price`` names, with the sum that it came from."""

    purpose: Purpose
    price: str
    quantity: Fraction
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invoked:
    """Some invocations of one function for one purpose; ``started`` is the share that starts a new environment."""

    purpose: Purpose
    function: str
    times: Fraction
    work: Work
    started: Fraction = ZERO

    @property
    def traced(self) -> Fraction:
        """Tell which share is traced: as API Gateway decides, or the first of each second and a few of the others."""
        if self.function == API:
            return _share_of_rule()
        a_second = self.times / (HOURS * 3600)
        return Fraction(1) if a_second <= 1 else (1 + (a_second - 1) * prices.TRACED_SHARE) / a_second

    def amounts(self) -> Iterator[Amount]:
        """List what they come to: invocations, their time, units, logs, traces."""
        memory_mb = FUNCTIONS[self.function].memory_mb
        ms = math.ceil(self.work.duration_ms(memory_mb))
        held_ms = ms + self.started * prices.COLD_START_MS
        yield self._amount("lambda_requests", Fraction(1), self.function)
        gb_s = held_ms / 1000 * Fraction(memory_mb, 1024)
        yield self._amount("lambda_gb_s", gb_s, f"{shown(held_ms)} ms at {memory_mb} MB")
        yield self._amount("write_units", self.work.write_units, f"{shown(self.work.write_units)} written")
        yield self._amount("read_units", self.work.read_units, f"{shown(self.work.read_units)} read")
        yield from self._logs()
        yield self._amount("traces", self.traced, f"{shown(self.traced * 100)} % traced")

    def _logs(self) -> Iterator[Amount]:
        lines = self.work.log_lines + prices.PLATFORM_LOG_LINES
        size = self.work.log_bytes + prices.PLATFORM_LOG_BYTES + lines * prices.LINE_BYTES
        for price in ("log_gb", "log_kept_gb"):
            yield self._amount(price, size / GB, f"{shown(size)} bytes")

    def _amount(self, price: str, each: Fraction, formula: str) -> Amount:
        return Amount(self.purpose, price, self.times * each, f"{shown(self.times)} x {formula}")


def list_amounts(question: Question) -> list[Amount]:
    """List every quantity that a month comes to; those that are 0 are left out."""
    found = [
        *_idle(),
        *_ingested(question),
        *_rolled_up(question),
        *_kept(question),
        *_billed(question),
        *_read(question),
        *_watched(question),
    ]
    return [amount for amount in found if amount.quantity]


def _idle() -> Iterator[Amount]:
    """List what runs although nothing happens: the schedules, and Lambda's looking at queues that are empty."""
    for function, (runs, operation, started) in _SCHEDULES.items():
        invoked = _Invoked(
            purpose=Purpose.IDLE,
            function=function,
            times=Fraction(runs),
            work=measured(operation),
            started=started,
        )
        yield from invoked.amounts()
    for name, queue in QUEUES.items():
        pollers = prices.POLLERS_WITH_LIMIT if queue.at_once else prices.POLLERS
        polls = Fraction(pollers * prices.POLLS_A_MINUTE * MINUTES)
        formula = f"{name}: {pollers} pollers x {prices.POLLS_A_MINUTE} a minute x {MINUTES:,} minutes"
        yield Amount(Purpose.IDLE, "queue_requests", polls, formula)
    yield Amount(Purpose.IDLE, "package_gb", Fraction(_PACKAGE_BYTES, GB), f"{_PACKAGE_BYTES:,} bytes")


def _ingested(question: Question) -> Iterator[Amount]:
    if not question.events:
        return
    function = {Door.HTTP: API, Door.DIRECT: "ingest_events"}.get(question.door, "receive_events")
    invoked = _Invoked(
        purpose=Purpose.INGEST,
        function=function,
        times=question.invocations,
        work=_taking_in(question),
    )
    yield from invoked.amounts()
    if question.door is Door.HTTP:
        yield Amount(Purpose.INGEST, "api_requests", question.requests, "a request for each batch")
    elif question.door is not Door.DIRECT:
        yield from _queued(question)


def _taking_in(question: Question) -> Work:
    """Tell what one invocation takes: as one organization's events, and each further organization beside it."""
    events, segments = question.events_an_invocation, question.segments_an_invocation
    sizes = _HTTP_SIZES if question.door in (Door.HTTP, Door.DIRECT) or events > max(_QUEUE_SIZES) else _QUEUE_SIZES
    whole, one = at_size(events, sizes), at_size(events / segments, _HTTP_SIZES)
    further = (measured(_OF_MANY) - at_size(Fraction(_EACH), _HTTP_SIZES)).times(Fraction(1, _FURTHER))
    per_segment = Work(
        write_units=one.write_units,
        kept_items=one.kept_items,
        kept_bytes=one.kept_bytes,
        read_units=further.read_units,
        cpu_ms=further.cpu_ms,
        wait_ms=further.wait_ms,
    )
    if segments == 1:
        return whole
    # The reads and the time of the first organization are the request's own, its segment is one of them.
    stored = Work(write_units=whole.write_units, kept_items=whole.kept_items, kept_bytes=whole.kept_bytes)
    first = Work(read_units=further.read_units, cpu_ms=further.cpu_ms, wait_ms=further.wait_ms)
    return whole - stored - first + per_segment.times(segments)


def _queued(question: Question) -> Iterator[Amount]:
    """List what a message costs on its way: sent, received, deleted, the first two by the chunk."""
    chunks = math.ceil(Fraction(question.batch * event_bytes(), prices.CHUNK_BYTES))
    yield Amount(
        Purpose.INGEST,
        "queue_requests",
        question.requests * (2 * chunks + 1),
        f"{shown(question.requests)} messages x (send and receive {chunks} x 64 KB, delete)",
    )
    if question.door is Door.BUS:
        formula = f"{shown(question.requests)} events of the bus x {chunks} x 64 KB"
        yield Amount(Purpose.INGEST, "bus_events", question.requests * chunks, formula)


def _rolled_up(question: Question) -> Iterator[Amount]:
    """List what the rollup takes beyond its idle runs: a part of them for each quarter-hour of an organization."""
    if not question.events:
        return
    pairs, work = question.pairs, _rollup(question)
    memory_mb = FUNCTIONS["rollup_usage"].memory_mb
    ms = work.duration_ms(memory_mb)
    per_pair: Mapping[str, tuple[Fraction, str]] = {
        "lambda_gb_s": (ms / 1000 * Fraction(memory_mb, 1024), f"{shown(ms)} ms at {memory_mb} MB"),
        "write_units": (work.write_units, f"{shown(work.write_units)} written"),
        "read_units": (work.read_units, f"{shown(work.read_units)} read"),
    }
    for price, (each, formula) in per_pair.items():
        yield Amount(Purpose.ROLLUP, price, pairs * each, f"{shown(pairs)} quarter-hours x {formula}")


def _rollup(question: Question) -> Work:
    """Tell what rolling up a quarter-hour takes on average: a day is read with what it has by then."""
    earlier = max(ZERO, question.pairs / question.organizations / DAYS - 1) / 2
    more = (measured(_LAST_OF_ITS_DAY) - measured(_ROLLUP_SIZES[1000])).times(earlier / _EARLIER)
    reading = Work(read_units=more.read_units, cpu_ms=more.cpu_ms, wait_ms=more.wait_ms)
    return at_size(question.events / question.pairs, _ROLLUP_SIZES) + reading


def _kept(question: Question) -> Iterator[Amount]:
    """List what is stored once the retention is reached: segments, counters of quarter-hours, invoices."""
    months = question.retention_days / DAYS
    taken, invoice = _taking_in(question) if question.events else Work(), measured("bill an organization")
    per_month = {
        "segments": _stored(taken).times(question.invocations),
        # Half of what a rollup puts is the quarter-hour's own; the rest takes the place of what was there before.
        "counters": _stored(_rollup(question)).times(question.pairs / 2) if question.events else Work(),
        "invoices": _stored(invoice).times(question.organizations * question.invoices),
    }
    for what, kept in per_month.items():
        size = kept.kept_bytes + kept.kept_items * prices.ITEM_OVERHEAD_BYTES
        formula = f"{what}: {shown(size)} bytes a month x {shown(months)}"
        for price in ("storage_gb", "recovery_gb"):
            yield Amount(Purpose.KEEPING, price, size * months / GB, formula)


def _stored(work: Work) -> Work:
    return Work(kept_items=work.kept_items, kept_bytes=work.kept_bytes)


def _billed(question: Question) -> Iterator[Amount]:
    invoices = Fraction(question.organizations * question.invoices)
    is_alone = question.organizations <= _A_MESSAGE
    function = "run_billing" if is_alone else "bill_organizations"
    messages = ZERO if is_alone else Fraction(math.ceil(invoices / _A_MESSAGE))
    each = measured("bill an organization")
    invoked = _Invoked(
        purpose=Purpose.BILLING,
        function=function,
        times=messages or Fraction(question.invoices),
        work=each.times(invoices / messages if messages else Fraction(question.organizations)),
    )
    yield from invoked.amounts()
    yield Amount(Purpose.BILLING, "queue_requests", messages * 3, f"{shown(messages)} messages x 3")


def _read(question: Question) -> Iterator[Amount]:
    """List what people and programs read: looks at the console, each with all its requests, and usage queries."""
    files = [measured("read the session")] * _PAGE_FILES
    yield from _requested("looks at the console", question.views, [*map(measured, _VIEW), *files])
    yield from _requested("usage queries", question.reads, [measured("usage of 30 days, rolled up")])


def _requested(what: str, times: int, requests: Sequence[Work]) -> Iterator[Amount]:
    """Add up the requests of something that is done some times."""
    found: dict[str, Fraction] = {"api_requests": Fraction(len(requests))}
    for work in requests:
        one = _Invoked(purpose=Purpose.READS, function=API, times=Fraction(1), work=work)
        for amount in one.amounts():
            found[amount.price] = found.get(amount.price, ZERO) + amount.quantity
    for price, each in found.items():
        yield Amount(Purpose.READS, price, times * each, f"{times:,} {what} x {shown(each)}")


def _watched(question: Question) -> Iterator[Amount]:
    hours = min(Fraction(HOURS), question.invocations)
    formula = f"accepted events and rollup lag x {shown(hours)} of {HOURS} hours"
    yield Amount(Purpose.WATCHING, "metrics", 2 * hours / HOURS, formula)
    billing = Fraction(_BILLING_HOURS if question.organizations * question.invoices else 0)
    formula = f"invoices and billing lag x {shown(billing)} of {HOURS} hours"
    yield Amount(Purpose.WATCHING, "metrics", 2 * billing / HOURS, formula)
    if question.alarms:
        every = alarms("cost")
        looked_at = Fraction(sum(len(alarm.metrics) for alarm in every))
        yield Amount(Purpose.WATCHING, "alarms", looked_at, f"{len(every)} alarms")


@cache
def _share_of_rule() -> Fraction:
    """Tell which share of the requests of API Gateway is traced, as the template says."""
    rules = [one for one in watching_resources("cost").values() if one["Type"] == "AWS::XRay::SamplingRule"]
    return Fraction(str(rules[0]["Properties"]["SamplingRule"]["FixedRate"]))


def shown(value: Fraction) -> str:
    """Write a quantity for people: with thousands, and three digits behind the point at most."""
    digits = 1 if value >= 100 else 3
    return f"{float(value):,.{digits}f}".rstrip("0").rstrip(".") or "0"
