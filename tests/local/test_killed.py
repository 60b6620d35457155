"""The server dies at any moment of load, billing and settling, starts again and goes on: nothing is lost or doubled.

``METERFOLD_KILLS`` is how many times it dies in each of the four stretches of work (1).
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from local.client import Client, Unreachable
from tests.local.running import Running, serving

KILLS = int(os.environ.get("METERFOLD_KILLS", "1"))
ORGANIZATIONS = [f"customer-{place:02}" for place in range(12)]
JANUARY, CLOSED, SETTLED = "2026-01-20T12:00:00Z", "2026-02-03T00:00:00Z", "2026-04-20T00:00:00Z"
A_BATCH, BATCHES, WRITERS = 20, 60, 3
METER = {"key": "calls", "name": "Calls", "event_type": "call", "aggregation": "sum", "value": "n"}
CHARGE = {"key": "calls", "name": "Calls", "type": "usage", "meter": "calls", "model": "per_unit", "unit_price": "0.5"}
GRANT = {
    "name": "trial",
    "amount": "20",
    "effective_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-03-01T00:00:00Z",
}
PLAN = {"key": "plan", "name": "Plan", "currency": "USD", "billing_period": "month", "charges": [CHARGE]}

Events = list[dict[str, Any]]


class Deaths:
    """A server that is started again whenever it was killed, on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chance = random.Random(7)
        self.happened = 0

    @contextmanager
    def running(self, now: str) -> Iterator[Running]:
        arguments = ("--data", self._folder, "--clock", now, "--admin-key", "key", "--no-traffic")
        with serving(*arguments) as server:
            yield server

    @contextmanager
    def through(
        self, now: str, *, work: Callable[[Running], bool], progress: Callable[[Running], int]
    ) -> Iterator[Running]:
        """Let ``work`` go on over ``KILLS`` deaths until it says that it is done; gives the server that lived.

        Each death comes when ``progress`` has grown by a number of chance, with ``work`` in the middle of something.
        """
        for _death in range(KILLS):
            with self.running(now) as server:
                self._die_in(server, work, progress)
        with self.running(now) as server:
            assert work(server)
            yield server

    def _die_in(
        self, server: Running, work: Callable[[Running], bool], progress: Callable[[Running], int]
    ) -> None:
        done = threading.Event()

        def go_on() -> None:
            with suppress(Unreachable):
                work(server)
            done.set()

        worker = threading.Thread(target=go_on)
        begun = progress(server)
        enough = self._chance.randrange(1, 6)
        worker.start()
        while progress(server) < begun + enough and not done.is_set():
            worker.join(0.002)
        self.happened += not done.is_set()
        server.kill()
        worker.join()


class Producer:
    """Sends its batches one after the other; what was not acknowledged is sent again, as it was."""

    def __init__(self, name: int) -> None:
        chance = random.Random(name)
        self.batches: list[Events] = [
            [
                {
                    "id": f"{name}-{batch}-{place}",
                    "source": "load",
                    "type": "call",
                    "subject": chance.choice(ORGANIZATIONS),
                    "time": f"2026-01-{chance.randrange(15, 20)}T{chance.choice((7, 19)):02}:10:00Z",
                    "data": {"n": chance.randrange(1, 9)},
                }
                for place in range(A_BATCH)
            ]
            for batch in range(BATCHES)
        ]
        self.acknowledged = 0

    def go_on(self, url: str) -> None:
        client = Client(url, "key", patience_s=0)
        while self.acknowledged < BATCHES:
            reply = client.post("/v1/events", self.batches[self.acknowledged])
            assert reply.status == 202, reply.text
            self.acknowledged += 1


def used(producers: list[Producer]) -> dict[str, int]:
    """Add up what was sent, each event once."""
    total = dict.fromkeys(ORGANIZATIONS, 0)
    for producer in producers:
        for event in chain.from_iterable(producer.batches):
            total[event["subject"]] += event["data"]["n"]
    return total


def every(server: Running, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get(path)["data"]
    return found


def issued(server: Running) -> list[dict[str, Any]]:
    listed = [every(server, f"/v1/organizations/{one}/invoices?limit=50") for one in ORGANIZATIONS]
    return [invoice for invoices in listed for invoice in invoices if invoice["status"] == "finalized"]


def test_nothing_is_lost_or_doubled_whenever_the_server_dies(tmp_path: Path) -> None:
    deaths, producers = Deaths(tmp_path), [Producer(name) for name in range(WRITERS)]
    with deaths.running(JANUARY) as server:
        _set_up(server)

    def send(server: Running) -> bool:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda one: one.go_on(server.ready["url"]), producers))
        return all(one.acknowledged == BATCHES for one in producers)

    def sent(_server: Running) -> int:
        return sum(one.acknowledged for one in producers)

    with deaths.through(JANUARY, work=send, progress=sent) as server:
        _usage_is(server, used(producers))
    with deaths.through(JANUARY, work=_job("rollup_usage"), progress=_done_of("rollup", "waiting")) as server:
        _usage_is(server, used(producers))
    with deaths.through(CLOSED, work=_job("run_billing"), progress=_done_of("billing", "due")) as server:
        invoices = {one["id"]: one for one in issued(server)}
        _billed_once(server, list(invoices.values()), used(producers))
    with deaths.through(SETTLED, work=_job("settle_credits"), progress=_done_of("settling", "due")) as server:
        _settled(server)
        now = {one["id"]: _content(one) for one in issued(server)}
        assert {name: now[name] for name in invoices} == {name: _content(one) for name, one in invoices.items()}
    assert deaths.happened >= KILLS


def _set_up(server: Running) -> None:
    server.post("/v1/meters", METER)
    server.post("/v1/plans", PLAN)
    for one in ORGANIZATIONS:
        server.post("/v1/organizations", {"id": one, "name": one, "currency": "USD", "timezone": "UTC"})
        server.post(f"/v1/organizations/{one}/subscriptions", {"plan": "plan", "start": "2026-01-01T00:00:00Z"})
        server.post(f"/v1/organizations/{one}/credits/grants", GRANT)


def _job(name: str) -> Callable[[Running], bool]:
    def run(server: Running) -> bool:
        client = Client(server.ready["url"], "key", patience_s=0)
        return client.post(f"/_local/jobs/{name}", {}).status == 200

    return run


def _done_of(job: str, waiting: str) -> Callable[[Running], int]:
    """Count backwards what waits for a job, so that it grows."""
    return lambda server: -int(server.get("/v1/health")[job][waiting]["count"])


def _usage_is(server: Running, expected: dict[str, int]) -> None:
    asked = "usage?meter=calls&from=2026-01-01T00:00:00Z&to=2026-01-20T12:00:00Z"
    found = {one: every(server, f"/v1/organizations/{one}/{asked}") for one in ORGANIZATIONS}
    assert {one: int(meters[0]["total"]) for one, meters in found.items()} == expected


def _billed_once(server: Running, invoices: list[dict[str, Any]], expected: dict[str, int]) -> None:
    """January is on one invoice of each, at half a dollar for each unit, and 20 dollars of it are credit."""
    assert sorted(one["organization"] for one in invoices) == ORGANIZATIONS
    assert len({one["number"] for one in invoices}) == len(invoices)
    for one in invoices:
        cents = 50 * expected[one["organization"]]
        credit = min(2000, cents)
        assert [one["subtotal"], one["credits_applied"], one["total"]] == [
            f"{amount // 100}.{amount % 100:02}" for amount in (cents, credit, cents - credit)
        ]
        assert server.get(f"/v1/invoices/{one['id']}")["ledger_head"] == one["ledger_head"]


def _settled(server: Running) -> None:
    """The rest of each grant has expired, once; ledgers are whole."""
    for one in ORGANIZATIONS:
        verified = server.get(f"/v1/organizations/{one}/credits/verify")
        assert verified["valid"], verified
        credit = server.get(f"/v1/organizations/{one}/credits")
        assert credit["remaining"] == credit["ledger_balance"] == "0.00"
        kinds = [entry["kind"] for entry in every(server, f"/v1/organizations/{one}/credits/ledger?limit=100")]
        assert kinds.count("grant") == 1
        assert kinds.count("expiry") <= 1


def _content(invoice: dict[str, Any]) -> dict[str, Any]:
    """Give what never changes of a finalized invoice: all but how it stands."""
    standing = {"as_of", "payment_status"}
    return {name: value for name, value in invoice.items() if name not in standing}
