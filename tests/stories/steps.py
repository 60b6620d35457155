"""What the verbs of a story do: each is one request or one run of a job, as a client of the public API makes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chalice.test import HTTPResponse

from chalicelib.shared.time import format_instant
from local.lambda_events import scheduled_event
from tests.client import ApiClient
from tests.stories.grants import read_end, read_grant
from tests.stories.notation import Row, Step, StoryError, instant_of_stamp, split_stamp
from tests.stories.plans import read_plan

_SCHEDULED = scheduled_event(datetime(2026, 1, 1, tzinfo=UTC))
_SOURCE = "stories"


@dataclass(frozen=True, slots=True)
class Done:
    """What a step came to: the status of its answer and the object in it."""

    status: int
    body: Any


@dataclass
class Verbs:
    """Does the steps of one story, which is about one organization."""

    client: ApiClient
    organization: str = ""
    currency: str = "USD"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    _plans: dict[str, int] = field(default_factory=dict)
    _events: dict[str, dict[str, Any]] = field(default_factory=dict)
    _grants: dict[str, str] = field(default_factory=dict)
    _holds: dict[str, str] = field(default_factory=dict)

    def instant(self, words: Sequence[str]) -> datetime:
        """Tell when a date is for the organization."""
        return instant_of_stamp(words, self.zone)

    def learn(self, step: Step) -> None:
        """Take the organization's time zone from the step that creates it, whose own date needs it."""
        if step.row.verb == "organization":
            self.organization, self.currency, zone, *_ = step.row.words
            self.zone = ZoneInfo(zone)

    def do(self, step: Step) -> Done:
        """Do a step; raises ``StoryError`` for a verb that is none."""
        found = _VERBS.get(step.row.verb)
        if found is None:
            raise StoryError(f"{step.row.verb} is no verb of a story")
        return found(self, step)

    def rows_of(self, step: Step) -> list[Row]:
        """List the rows below a step that expect something: those of a plan describe it."""
        return [] if step.row.verb == "plan" else step.rows

    def run(self, job: str) -> Any:
        """Run a scheduled job."""
        report = self.client.invoke(job, _SCHEDULED)
        if report.get("failed"):
            raise StoryError(f"{job} failed: {report}")
        return report

    def invoice_id(self, name: str) -> str:
        """Give the id of an invoice by its short name: ``1p0`` is the first attempt, ``1p0.1`` the second."""
        return f"inv_{self.organization}.{name}" + ("" if "." in name else ".0")

    def subscription_id(self, number: str) -> str:
        """Give the id of a subscription by its number."""
        return f"sub_{self.organization}.{number}"

    @property
    def gave_grants(self) -> bool:
        """Tell whether the story gave any grant; invoices may have made some too."""
        return bool(self._grants)

    def grant_id(self, name: str) -> str:
        """Give the id of a grant by its name, or that of an occurrence: ``monthly.2``."""
        first, point, number = name.partition(".")
        if first not in self._grants:
            listed = self.list_all("credits/grants")
            self._grants.update((one["name"].replace(" ", "-"), one["id"]) for one in listed if one["invoice"])
        if first not in self._grants:
            raise StoryError(f"there is no grant {first}")
        return self._grants[first] + point + number

    def grant_name(self, grant: str) -> str:
        """Give the name of a grant by its id, as stories write it."""
        first, point, number = grant.partition(".")
        names = {known: name for name, known in self._grants.items()}
        if first not in names:
            names = {one["id"]: one["name"].replace(" ", "-") for one in self.list_all("credits/grants")}
        return names[first] + point + number

    def ask(self, path: str, **query: Any) -> Any:
        """Read something of the organization."""
        answer = self.client.get(f"/v1/organizations/{self.organization}/{path}", **query)
        if answer.status_code != 200:
            raise StoryError(f"{path} is answered with {answer.status_code}: {answer.json_body}")
        return answer.json_body

    def list_all(self, path: str, **query: Any) -> list[Any]:
        """Read a list of the organization to its end."""
        page = self.ask(path, limit=200, **query)
        found: list[Any] = page["data"]
        while page["next_cursor"] is not None:
            page = self.ask(path, limit=200, cursor=page["next_cursor"], **query)
            found += page["data"]
        return found

    def event_time(self, name: str) -> datetime:
        """Tell when an event happened."""
        return datetime.fromisoformat(self._events[name]["time"])

    def event_state(self, name: str) -> list[str]:
        """Tell what became of everything sent under an event's id, the first received last."""
        time = self._events[name]["time"]
        query = {"id": name, "from_": time, "limit": 50}
        found = self.client.get(f"/v1/organizations/{self.organization}/events", **query).json_body["data"]
        return [event["state"] for event in found]

    def _post(self, path: str, body: Any = None) -> Done:
        return _done(self.client.post(path, body))

    def _create_organization(self, step: Step) -> Done:
        name, currency, zone, *taxes = step.row.words
        rates = [{"name": tax, "percent": percent} for tax, percent in zip(taxes[::2], taxes[1::2], strict=True)]
        body = {"id": name, "name": name.title(), "currency": currency, "timezone": zone, "tax_rates": rates}
        return self._post("/v1/organizations", body)

    def _create_meter(self, step: Step) -> Done:
        key, aggregation, *dimensions = step.row.words
        body: dict[str, Any] = {"key": key, "name": key, "event_type": key, "aggregation": aggregation}
        if aggregation != "count":
            body["value"] = "n"
        return self._post("/v1/meters", {**body, "dimensions": {name: name for name in dimensions[1:]}})

    def _publish_plan(self, step: Step) -> Done:
        body = read_plan(step.row.words, step.rows, self.currency)
        key = body["key"]
        self._plans[key] = self._plans.get(key, 0) + 1
        if self._plans[key] == 1:
            return self._post("/v1/plans", body)
        return self._post(f"/v1/plans/{key}/versions", {name: value for name, value in body.items() if name != "key"})

    def _subscribe(self, step: Step) -> Done:
        name, plan, *rest = step.row.words
        body: dict[str, Any] = {"plan": plan}
        while rest:
            word, *rest = rest
            if word in ("from", "until"):
                stamp, rest = self._split(rest)
                body["start" if word == "from" else "end"] = format_instant(self.instant(stamp))
            elif word == "anniversary":
                body["anchor"] = word
            else:
                value, *rest = rest
                body |= _SUBSCRIBING[word](value)
        return self._post(f"/v1/organizations/{name}/subscriptions", body)

    def _split(self, words: list[str]) -> tuple[Sequence[str], list[str]]:
        stamp, rest = split_stamp(words)
        return stamp, list(rest)

    def _send_event(self, step: Step) -> Done:
        name, subject, meter, quantity, *rest = step.row.words
        dimensions = dict(word.split("=") for word in rest if "=" in word)
        rest = [word for word in rest if "=" not in word]
        stamp = step.stamp
        if rest[:1] == ["at"]:
            found, rest = self._split(rest[1:])
            stamp = tuple(found)
        event = {
            "id": name,
            "source": _SOURCE,
            "type": meter,
            "subject": subject,
            "time": format_instant(self.instant(stamp)),
            "data": {"n": quantity, **dimensions},
        }
        self._events.setdefault(name, event)
        return self._post("/v1/events", [event])

    def _named(self, name: str, **more: Any) -> dict[str, Any]:
        named = {"organization": self.organization, "source": _SOURCE, "id": name, "time": self._events[name]["time"]}
        return {**named, "reason": "story", **more}

    def _void_event(self, step: Step) -> Done:
        return self._post("/v1/events/void", self._named(step.row.words[0]))

    def _amend_event(self, step: Step) -> Done:
        name, quantity = step.row.words
        return self._post("/v1/events/amend", self._named(name, data={**self._events[name]["data"], "n": quantity}))

    def _when(self, words: Sequence[str]) -> str:
        return words[0] if words[0] in ("now", "period_end") else format_instant(self.instant(words))

    def _change(self, step: Step) -> Done:
        number, plan, *rest = step.row.words
        body: dict[str, Any] = {"plan": plan}
        if rest[0] == "version":
            body["version"] = int(rest[1])
            rest = rest[2:]
        path = f"/v1/subscriptions/{self.subscription_id(number)}/change"
        return self._post(path, {**body, "at": self._when(rest)})

    def _cancel(self, step: Step) -> Done:
        number, *when = step.row.words
        return self._post(f"/v1/subscriptions/{self.subscription_id(number)}/cancel", {"at": self._when(when)})

    def _resume(self, step: Step) -> Done:
        return self._post(f"/v1/subscriptions/{self.subscription_id(step.row.words[0])}/resume")

    def _override(self, step: Step) -> Done:
        number, percent = step.row.words
        body = {"overrides": {"discount_percent": percent}}
        return _done(self.client.patch(f"/v1/subscriptions/{self.subscription_id(number)}", body))

    def _set_taxes(self, step: Step) -> Done:
        name, tax, percent = step.row.words
        body = {"tax_rates": [{"name": tax, "percent": percent}]}
        return _done(self.client.patch(f"/v1/organizations/{name}", body))

    def _run_rollup(self, _: Step) -> Done:
        return Done(200, self.run("rollup_usage")["rollup"])

    def _count(self, _: Step) -> Done:
        """Let meters count what was stored before them: the rollup does that too."""
        return Done(200, self.run("rollup_usage")["counting"])

    def _run_billing(self, _: Step) -> Done:
        return Done(200, self.run("run_billing"))

    def _read(self, step: Step) -> Done:
        if not step.row.words:
            return Done(200, {})
        path = f"/v1/subscriptions/{self.subscription_id(step.row.words[0])}"
        return _done(self.client.get(path))

    def _act(self, name: str, action: str, body: Any = None) -> Done:
        return self._post(f"/v1/invoices/{self.invoice_id(name)}/{action}", body)

    def _finalize(self, step: Step) -> Done:
        return self._act(step.row.words[0], "finalize")

    def _pay(self, step: Step) -> Done:
        name, amount, reference = step.row.words
        return self._act(name, "payments", {"amount": amount, "reference": reference})

    def _reverse(self, step: Step) -> Done:
        name, payment, *reason = step.row.words
        return self._act(name, f"payments/{payment}/reverse", {"reason": " ".join(reason)})

    def _void(self, step: Step) -> Done:
        name, *rest = step.row.words
        regenerate = rest[:1] == ["regenerate"]
        return self._act(name, "void", {"reason": " ".join(rest[regenerate:]), "regenerate": regenerate})

    def _give_up(self, step: Step) -> Done:
        name, *reason = step.row.words
        return self._act(name, "uncollectible", {"reason": " ".join(reason)})

    def _credit(self, step: Step) -> Done:
        name, *amounts, _, to = step.row.words
        lines = [{"line": line, "amount": one} for line, one in zip(amounts[::2], amounts[1::2], strict=True)]
        return self._act(name, "credit-notes", {"lines": lines, "reason": "story", "to": to})

    def _sell(self, step: Step) -> Done:
        name, sold, quantity, _, unit_price = step.row.words
        lines = [{"name": sold, "quantity": quantity, "unit_price": unit_price}]
        return self._post(f"/v1/organizations/{name}/invoices", {"lines": lines})

    def _grant(self, step: Step) -> Done:
        done = self._post_credits("grants", read_grant(step.row.words, self.instant))
        if done.status < 300:
            self._grants[step.row.words[0]] = done.body["id"]
        return done

    def _void_grant(self, step: Step) -> Done:
        return self._post_credits(f"grants/{self.grant_id(step.row.words[0])}/void", {"reason": "story"})

    def _expire(self, step: Step) -> Done:
        name, *end = step.row.words
        return self._post_credits(f"grants/{self.grant_id(name)}/expiry", {"expires_at": read_end(end, self.instant)})

    def _hold(self, step: Step) -> Done:
        name, amount, seconds = step.row.words
        done = self._post_credits("holds", {"amount": amount, "expires_in": int(seconds), "reference": name})
        if done.status < 300:
            self._holds[name] = done.body["id"]
        return done

    def _release(self, step: Step) -> Done:
        return self._post_credits(f"holds/{self._holds[step.row.words[0]]}/release")

    def _settle(self, _: Step) -> Done:
        return Done(200, self.run("settle_credits"))

    def _post_credits(self, path: str, body: Any = None) -> Done:
        return self._post(f"/v1/organizations/{self.organization}/credits/{path}", body)


def _done(answer: HTTPResponse) -> Done:
    return Done(answer.status_code, answer.json_body if answer.body else {})


_SUBSCRIBING: dict[str, Callable[[str], dict[str, Any]]] = {
    "version": lambda value: {"version": int(value)},
    "trial": lambda value: {"trial_days": int(value)},
    "discount": lambda value: {"overrides": {"discount_percent": value}},
}
_VERBS: dict[str, Callable[[Verbs, Step], Done]] = {
    "organization": Verbs._create_organization,
    "meter": Verbs._create_meter,
    "plan": Verbs._publish_plan,
    "subscribe": Verbs._subscribe,
    "event": Verbs._send_event,
    "void-event": Verbs._void_event,
    "amend": Verbs._amend_event,
    "change": Verbs._change,
    "cancel": Verbs._cancel,
    "resume": Verbs._resume,
    "override": Verbs._override,
    "taxes": Verbs._set_taxes,
    "rollup": Verbs._run_rollup,
    "count": Verbs._count,
    "billing": Verbs._run_billing,
    "read": Verbs._read,
    "finalize": Verbs._finalize,
    "pay": Verbs._pay,
    "reverse": Verbs._reverse,
    "void": Verbs._void,
    "uncollectible": Verbs._give_up,
    "credit-note": Verbs._credit,
    "one-off": Verbs._sell,
    "grant": Verbs._grant,
    "void-grant": Verbs._void_grant,
    "expire": Verbs._expire,
    "hold": Verbs._hold,
    "release": Verbs._release,
    "settle": Verbs._settle,
}
