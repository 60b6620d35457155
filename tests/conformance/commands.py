"""A random client of the public API: what it sends depends on its seed and on the answers, which it keeps.

Two organizations, meters of several kinds, plans of two versions; events sent once, again, changed, late and in the
future; corrections, jobs, subscriptions and their changes, invoices and all that happens to them, credit and holds.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from chalicelib.shared.clock import Clock
from chalicelib.shared.money import show_money
from chalicelib.shared.time import format_instant
from tests.client import ApiClient
from tests.stories.steps import _SCHEDULED

BEGIN = datetime(2026, 1, 10, 9, tzinfo=UTC)
ORGANIZATIONS = ("acme", "beta")
_METERS: tuple[dict[str, Any], ...] = (
    {"key": "calls", "aggregation": "count"},
    {"key": "tokens", "aggregation": "sum", "value": "n"},
    {"key": "users", "aggregation": "unique_count", "value": "who"},
    {"key": "level", "aggregation": "time_weighted", "value": "n"},
)
_USAGE = {"key": "tokens", "name": "Tokens", "type": "usage", "meter": "tokens", "model": "per_unit"}
_SEATS = {"key": "seats", "name": "Seats", "type": "recurring", "amount": "31", "timing": "advance"}


class Commands:
    """One random life; ``told`` has every request with its answer."""

    def __init__(self, client: ApiClient, clock: Clock, chance: Random, begins: Callable[[], None]) -> None:
        """Take a client; ``begins`` is called before each command, but not before the pages of a list."""
        self.told: list[tuple[str, Any]] = []
        self._begins = begins
        self._client = client
        self._clock = clock
        self._chance = chance
        self._now = BEGIN
        self._events: list[dict[str, Any]] = []
        self._grants: list[tuple[str, str]] = []
        self._holds: list[tuple[str, str]] = []
        self._keys: list[str] = []
        self._repeated: list[tuple[str, Any, str]] = []

    def live(self, steps: int) -> None:
        """Set everything up, take some random steps, then look at everything."""
        self._begin()
        for _ in range(steps):
            self._pass_time()
            self._chance.choice(_STEPS)(self)
        self._job("rollup_usage")
        for name in ORGANIZATIONS:
            self._look(name)

    def _begin(self) -> None:
        self._clock.set(self._now)
        for name, zone in zip(ORGANIZATIONS, ("UTC", "America/New_York"), strict=True):
            body = {"id": name, "name": name.title(), "timezone": zone}
            self._send("POST", "/v1/organizations", {**body, "tax_rates": [{"name": "VAT", "percent": "19"}]})
        for meter in _METERS:
            dimensions = {"dimensions": {"model": "model"}}
            self._send("POST", "/v1/meters", {"name": meter["key"], "event_type": "call", **meter, **dimensions})
        plan = {"name": "Pro", "currency": "USD", "billing_period": "month", "grace_hours": 0}
        self._send("POST", "/v1/plans", {"key": "pro", **plan, "charges": [{**_USAGE, "unit_price": "0.013"}, _SEATS]})
        self._send("POST", "/v1/plans/pro/versions", {**plan, "charges": [{**_USAGE, "unit_price": "0.02"}]})
        for name in ORGANIZATIONS:
            self._send("POST", f"/v1/organizations/{name}/subscriptions", {"plan": "pro", "version": 1})

    def _pass_time(self) -> None:
        choices = (0, 0, 5, 60 * self._chance.randint(1, 30), 1440 * self._chance.randint(1, 16))
        self._now += timedelta(minutes=self._chance.choice(choices))
        self._clock.set(self._now)

    def _send(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request, keep its answer, and give the body of one that succeeded."""
        self._begins()
        answer = self._client.request(method, path, body=body, **more)
        shown = answer.json_body if answer.body and "json" in answer.headers["Content-Type"] else len(answer.body)
        self.told.append((f"{self._now} {method} {path} {body} {more}", (answer.status_code, shown)))
        return shown if answer.status_code < 300 else None

    def _list(self, path: str, **query: Any) -> list[Any]:
        """Read a list to its end, and keep it as one: where pages end is up to the engine."""
        found: list[Any] = []
        cursor: dict[str, Any] = {"limit": self._chance.choice((2, 3, 200))}
        while True:
            answer = self._client.get(path, **query, **cursor)
            if answer.status_code != 200:
                found.append((answer.status_code, answer.json_body))
                break
            found += answer.json_body["data"]
            if answer.json_body["next_cursor"] is None:
                break
            cursor["cursor"] = answer.json_body["next_cursor"]
        self.told.append((f"{self._now} list {path} {query}", found))
        return found

    def _job(self, name: str) -> None:
        self._begins()
        self.told.append((f"{self._now} {name}", self._client.invoke(name, _SCHEDULED)))

    def _organization(self) -> str:
        return self._chance.choice(ORGANIZATIONS)

    def _of(self, name: str) -> str:
        return f"/v1/organizations/{name}"

    def _money(self, most_minor: int) -> str:
        return show_money(self._chance.randint(1, most_minor), "USD")

    def ingest(self) -> None:
        """Send some events; now and then one that was sent already, as it was or with other content."""
        sent = [self._event() for _ in range(self._chance.randint(1, 8))]
        if self._events and self._chance.random() < 0.4:
            again = self._chance.choice(self._events)
            sent.append(again if self._chance.random() < 0.5 else {**again, "data": {"n": 999, "who": "x"}})
        more = {"partial": "true"} if self._chance.random() < 0.3 else {}
        if self._send("POST", "/v1/events", sent, **more) is not None:
            self._events += sent

    def _event(self) -> dict[str, Any]:
        back = timedelta(minutes=self._chance.choice((0, 0, 10, 400, 1440 * self._chance.randint(1, 40))))
        data = {"n": self._chance.randint(-3, 10**12), "who": f"u{self._chance.randint(0, 4)}"}
        model = {"model": self._chance.choice("abc")} if self._chance.random() < 0.8 else {}
        return {
            "id": f"e{len(self._events)}-{self._chance.randint(0, 10**6)}",
            "source": "scripts",
            "type": self._chance.choice(("call", "call", "call", "other")),
            "subject": self._organization(),
            "time": format_instant(self._now - back),
            "data": {**data, **model},
        }

    def correct(self) -> None:
        """Void or amend an event that was sent, or one that was not."""
        if not self._events:
            return
        event = self._chance.choice(self._events)
        named = {"organization": event["subject"], **{name: event[name] for name in ("source", "id", "time")}}
        body = {**named, "reason": "script"}
        if self._chance.random() < 0.5:
            self._send("POST", "/v1/events/void", body)
        else:
            self._send("POST", "/v1/events/amend", {**body, "data": {"n": self._chance.randint(0, 50)}})

    def measure(self) -> None:
        """Ask for usage in some form, and for the events themselves."""
        name = self._organization()
        asked: dict[str, Any] = {"window": self._chance.choice(("day", "day", "hour", "month"))}
        if self._chance.random() < 0.5:
            asked["group_by"] = "model"
        if asked["window"] == "hour":
            asked["from_"] = format_instant(self._now - timedelta(days=3))
        self._send("GET", f"{self._of(name)}/usage", **asked)
        self._list(f"{self._of(name)}/events", from_=format_instant(self._now - timedelta(days=2)))

    def run_job(self) -> None:
        """Run one of the jobs, as its schedule does."""
        self._job(self._chance.choice(("rollup_usage", "rollup_usage", "run_billing", "settle_credits")))

    def subscribe(self) -> None:
        """Change, cancel, resume or begin a subscription."""
        name = self._organization()
        number = f"/v1/subscriptions/sub_{name}.{self._chance.randint(1, 2)}"
        when = self._chance.choice(("now", "period_end"))
        draw = self._chance.randint(0, 3)
        if draw == 0:
            self._send("POST", f"{number}/change", {"plan": "pro", "version": self._chance.randint(1, 2), "at": when})
        elif draw == 1:
            self._send("POST", f"{number}/cancel", {"at": when})
        elif draw == 2:
            self._send("POST", f"{number}/resume")
        else:
            self._send("POST", f"{self._of(name)}/subscriptions", {"plan": "pro"})

    def sell(self) -> None:
        """Make an invoice of something that is no usage, or finalize a draft."""
        name = self._organization()
        if self._chance.random() < 0.5:
            lines = [{"name": "Work", "quantity": self._chance.randint(1, 3), "unit_price": self._money(900)}]
            self._send("POST", f"{self._of(name)}/invoices", {"lines": lines})
        for draft in self._list(f"{self._of(name)}/invoices", status="draft")[:1]:
            self._send("POST", f"/v1/invoices/{draft['id']}/finalize")

    def settle_invoice(self) -> None:
        """Do something to an invoice of any state."""
        listed = self._list(f"{self._of(self._organization())}/invoices")
        if not listed:
            return
        path = f"/v1/invoices/{self._chance.choice(listed)['id']}"
        draw = self._chance.randint(0, 4)
        if draw == 0:
            self._send("POST", f"{path}/payments", {"amount": self._money(4000), "reference": f"p{len(self.told)}"})
        elif draw == 1:
            self._send("POST", f"{path}/void", {"reason": "script", "regenerate": self._chance.random() < 0.5})
        elif draw == 2:
            self._send("POST", f"{path}/payments/1/reverse", {"reason": "script"})
        elif draw == 3:
            self._send("POST", f"{path}/uncollectible", {"reason": "script"})
        else:
            self._note(path)

    def _note(self, path: str) -> None:
        invoice = self._send("GET", path)
        lines = [{"line": line["id"], "amount": "0.07"} for line in invoice["lines"]]
        to = self._chance.choice(("credit", "refund"))
        self._send("POST", f"{path}/credit-notes", {"lines": lines[:2], "reason": "script", "to": to})

    def grant(self) -> None:
        """Give credit, perhaps recurring, or take it back, or move its end."""
        if self._grants and self._chance.random() < 0.4:
            name, grant = self._chance.choice(self._grants)
            path = f"{self._of(name)}/credits/grants/{grant}"
            if self._chance.random() < 0.5:
                self._send("POST", f"{path}/void", {"reason": "script"})
            else:
                self._send("POST", f"{path}/expiry", {"expires_at": self._chance.choice((None, self._later()))})
            return
        name = self._organization()
        body: dict[str, Any] = {"name": "Credit", "amount": self._money(9000)}
        body |= {"expires_at": self._later()} if self._chance.random() < 0.5 else {}
        body |= {"applies_to": "all"} if self._chance.random() < 0.5 else {}
        body |= {"recurrence": {"every": "week", "count": 3}} if self._chance.random() < 0.2 else {}
        made = self._send("POST", f"{self._of(name)}/credits/grants", body)
        self._grants += [(name, made["id"])] if made is not None else []

    def _later(self) -> str:
        return format_instant(self._now + timedelta(days=self._chance.randint(1, 60)))

    def hold(self) -> None:
        """Put credit aside, or give it back, or ask whether some is left."""
        if self._holds and self._chance.random() < 0.4:
            name, hold = self._chance.choice(self._holds)
            self._send("POST", f"{self._of(name)}/credits/holds/{hold}/release")
            return
        name = self._organization()
        body = {"amount": self._money(1500), "expires_in": self._chance.choice((60, 86_400)), "reference": "job"}
        made = self._send("POST", f"{self._of(name)}/credits/holds", body)
        self._holds += [(name, made["id"])] if made is not None else []

    def repeat(self) -> None:
        """Send a command with an idempotency key, which may be one that was used."""
        if self._repeated and self._chance.random() < 0.6:
            path, body, key = self._chance.choice(self._repeated)
            body = body if self._chance.random() < 0.7 else {**body, "name": "Other"}
        else:
            path, key = f"{self._of(self._organization())}/credits/grants", f"key-{len(self._repeated)}"
            body = {"name": "Repeated", "amount": self._money(500)}
            self._repeated.append((path, body, key))
        self._send("POST", path, body, headers={"Idempotency-Key": key})

    def administer(self) -> None:
        """Change names, keys and settings."""
        draw = self._chance.randint(0, 3)
        name = self._organization()
        if draw == 0:
            self._send("PATCH", self._of(name), {"name": self._chance.choice(("Ärger", "acme", "Zeta \U0001d11e"))})
        elif draw == 1:
            made = self._send("POST", "/v1/api-keys", {"name": "one more", "role": "read"})
            self._keys.append(made["id"])
        elif draw == 2 and self._keys:
            self._send("DELETE", f"/v1/api-keys/{self._chance.choice(self._keys)}")
        else:
            self._list("/v1/organizations", **self._chance.choice(({}, {"search": "a"}, {"search": "é"})))

    def look(self) -> None:
        """Look at one organization."""
        self._look(self._organization())

    def _look(self, name: str) -> None:
        of = self._of(name)
        self._send("GET", f"{of}/credits")
        self._send("GET", f"{of}/credits/verify")
        self._send("GET", f"{of}/invoices/current")
        for each in ("credits/ledger", "credits/grants", "credits/holds", "invoices", "subscriptions"):
            self._list(f"{of}/{each}")
        self._list("/v1/invoices", status=self._chance.choice(("finalized", "void")))
        self._list("/v1/api-keys")
        self._send("GET", "/v1/ingestion", organization=name)


_STEPS: tuple[Callable[[Commands], None], ...] = (
    *[Commands.ingest] * 6,
    *[Commands.correct] * 3,
    *[Commands.measure] * 2,
    *[Commands.run_job] * 4,
    *[Commands.subscribe] * 2,
    *[Commands.sell] * 2,
    *[Commands.settle_invoice] * 4,
    *[Commands.grant] * 3,
    *[Commands.hold] * 2,
    *[Commands.repeat] * 2,
    *[Commands.administer] * 2,
    Commands.look,
)
