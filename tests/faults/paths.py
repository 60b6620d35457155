"""The write paths of the product: what the crash matrix, the throttles and the partial answers go through.

A path is done by a client who repeats it until it is answered; its answer is compared where a repeat must get the same.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalice.test import TestEventsClient

from chalicelib.catalog.meters import Aggregation
from chalicelib.catalog.store import find_key
from chalicelib.platform import auth
from chalicelib.shared.time import format_instant
from tests.client import ApiClient
from tests.faults.naive import Received
from tests.faults.world import ACME, NOON, World, event
from tests.usage.damaged import damage

AN_HOUR = timedelta(hours=1)
SORT_ID = r"(?<![0-9a-z])[0-9a-hjkmnp-tv-z]{17}(?![0-9a-z])"
_SECRET = r'mf_[^"]+|"secret": *null|"secret":"[^"]*"|"url": *null|"url":"[^"]*"'
_RANDOM = re.compile(rf"{SORT_ID}|key_[0-9a-z]{{20}}|[0-9a-f]{{64}}|{_SECRET}")

MORE = (event("more", NOON - AN_HOUR, v=4**6), event("other", NOON - 3 * AN_HOUR, v=4**7, model="b"))


class Refused(AssertionError):
    """The app answered with a problem that a repeat does not mend."""


class Unavailable(Exception):
    """The app said to try again: 503 or, with an idempotency key, 409 in-flight, each with Retry-After."""


@dataclass(frozen=True)
class Served:
    """A world and a client of the app in it."""

    world: World
    api: ApiClient

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        """Send a request and give the answer's status and body, without what is random."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.api.request(method, path, body=body, headers=named)
        code = answer.json_body["type"].rpartition("/")[2] if answer.status_code >= 400 else ""
        if code in ("busy", "in-flight"):
            assert answer.status_code == {"busy": 503, "in-flight": 409}[code]
            assert int(answer.headers["Retry-After"]) >= 1
            raise Unavailable
        text = f"{answer.status_code} {answer.body.decode()}"
        if answer.status_code >= 400:
            raise Refused(text)
        return _RANDOM.sub("random", text)


def serve(world: World) -> Served:
    """Serve the app in a world to a client with an admin key."""
    import app

    auth.use_key_source(find_key)
    nobody = ApiClient(app.app, None)
    return Served(world, nobody.as_holder_of(nobody.make_key("admin")))


Deed = Callable[[Served], object]


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way to write: ``prepare`` what it starts from, ``do`` it, note in the ``books`` what it means.

    ``same_answer`` tells whether a repeat must get the first answer; a plain DELETE, for one, gets 404 then.
    """

    do: Deed
    prepare: Deed = lambda served: None
    books: Callable[[World], None] = lambda world: None
    same_answer: bool = True
    repeat_is_refused: bool = False


def shown(at: datetime) -> str:
    return format_instant(at)


def plain(*events: Received) -> list[dict[str, Any]]:
    """Write events as plain JSON."""
    return [
        {
            "id": one.id,
            "source": one.source,
            "type": one.type,
            "subject": one.organization,
            "time": shown(one.at),
            "data": one.content,
        }
        for one in events
    ]


def _received(world: World) -> None:
    world.books.events += MORE


def _send(served: Served) -> str:
    return served.ask("POST", "/v1/events", plain(*MORE))


def _invoke(served: Served) -> object:
    return served.api.invoke("ingest_events", {"events": plain(*MORE)})


def _deliver(served: Served) -> object:
    bodies = [json.dumps(one) for one in plain(*MORE)]
    batch = TestEventsClient(served.api._app).generate_sqs_event(bodies)
    for number, record in enumerate(batch["Records"]):
        record["messageId"] = f"message {number}"
    failed = served.api.invoke("receive_events", batch)["batchItemFailures"]
    if failed:
        raise Unavailable
    return failed


def _target(one: Received) -> dict[str, str]:
    return {
        "organization": one.organization,
        "source": one.source,
        "id": one.id,
        "time": shown(one.at),
        "reason": "a test",
    }


EARLY = event("early", NOON - 4 * AN_HOUR, v=4**1)


def _void(served: Served) -> str:
    return served.ask("POST", "/v1/events/void", _target(EARLY))


def _voided(world: World) -> None:
    world.books.voided.add((ACME, EARLY.identity))


def _amend(served: Served) -> str:
    return served.ask("POST", "/v1/events/amend", {**_target(EARLY), "data": {"v": 99, "model": "c"}})


def _amended(world: World) -> None:
    world.books.amended[ACME, EARLY.identity] = {"v": 99, "model": "c"}


def _dirty_days(served: Served) -> None:
    """Leave five quarter-hours of three days and two months to be rolled up."""
    hours = (1, 3, 25, 26, 15 * 24)
    served.world.received(*(event(f"h{hours}", NOON - hours * AN_HOUR, v=4**2) for hours in hours))


def _new_meter(served: Served) -> None:
    served.world.meter(Aggregation.MAX)


def _refold(served: Served, hours: int = 25) -> object:
    """Mark what was used in the last hours before noon."""
    since = NOON - hours * AN_HOUR
    return served.api.invoke("refold_usage", {"organization": ACME, "from": shown(since), "to": shown(NOON)})


def _damage(served: Served) -> None:
    """Leave counters of today that say they have seen all, and are wrong: of the last hour, the day, and levels."""
    served.world.roll_up()
    damage("q#2026-01-15T11:00", "d#2026-01-15", "l#2026-01-15", "m#2026-01")


def _damage_and_mark(served: Served) -> None:
    _damage(served)
    _refold(served, hours=1)


METER = {"key": "tokens", "name": "Tokens", "event_type": "call", "aggregation": "sum", "value": "v"}
ORGANIZATION = {"id": "new", "name": "New", "timezone": "Europe/Berlin"}
SETTINGS = {"seller": {"legal_name": "S", "address": "A", "tax_id": "T"}, "create_unknown_organizations": True}
UNKNOWN = event("first", NOON - AN_HOUR, organization="unknown", v=3)
ONCE = {"Idempotency_Key": "one-and-the-same"}


def _ask(method: str, path: str, body: Any = None, **headers: str) -> Deed:
    return lambda served: served.ask(method, path, body, **headers)


def _key_to_revoke(served: Served) -> None:
    made = json.loads(served.api.post("/v1/api-keys", {"name": "old", "role": "read"}).body)
    served.api.key_to_revoke = made["id"]  # type: ignore[attr-defined]


def _revoke(served: Served) -> str:
    return served.ask("DELETE", f"/v1/api-keys/{served.api.key_to_revoke}")  # type: ignore[attr-defined]


def _unknown_allowed(served: Served) -> None:
    served.ask("PUT", "/v1/settings", SETTINGS)


def _send_unknown(served: Served) -> str:
    return served.ask("POST", "/v1/events", plain(UNKNOWN))


def _unknown_received(world: World) -> None:
    world.books.events.append(UNKNOWN)
    world.organizations.append("unknown")


PATHS: Mapping[str, Path] = {
    "events over HTTP": Path(do=_send, books=_received),
    "events by direct invocation": Path(do=_invoke, books=_received),
    "events by the queue": Path(do=_deliver, books=_received),
    "events of an unknown organization": Path(prepare=_unknown_allowed, do=_send_unknown, books=_unknown_received),
    "void": Path(do=_void, books=_voided),
    "amend": Path(do=_amend, books=_amended),
    "rollup of one quarter-hour": Path(do=lambda served: served.world.roll_up()),
    "rollup of many quarter-hours": Path(prepare=_dirty_days, do=lambda served: served.world.roll_up()),
    "fold a range again": Path(prepare=_damage, do=_refold),
    "rollup of damaged counters": Path(prepare=_damage_and_mark, do=lambda served: served.world.roll_up()),
    "counting past events": Path(prepare=_new_meter, do=lambda served: served.world.count_past()),
    "create an organization": Path(do=_ask("POST", "/v1/organizations", ORGANIZATION), same_answer=False),
    "create an organization once": Path(do=_ask("POST", "/v1/organizations", ORGANIZATION, **ONCE)),
    "change an organization": Path(do=_ask("PATCH", "/v1/organizations/acme", {"name": "Acme Inc."})),
    "create a meter": Path(do=_ask("POST", "/v1/meters", METER), same_answer=False),
    "create a meter once": Path(do=_ask("POST", "/v1/meters", METER, **ONCE)),
    "change a meter": Path(do=_ask("PATCH", "/v1/meters/sum", {"name": "Sum of v", "unit": "calls"})),
    "archive a meter": Path(do=_ask("POST", "/v1/meters/latest/archive", None)),
    "make a key once": Path(do=_ask("POST", "/v1/api-keys", {"name": "k", "role": "ingest"}, **ONCE)),
    "revoke a key": Path(prepare=_key_to_revoke, do=_revoke, same_answer=False, repeat_is_refused=True),
    "change the settings": Path(do=_ask("PUT", "/v1/settings", SETTINGS)),
    "make a portal link once": Path(
        do=_ask("POST", "/v1/organizations/acme/portal-links", {"expires_in": 600}, **ONCE)
    ),
    "repeat what was done once": Path(
        prepare=_ask("POST", "/v1/organizations", ORGANIZATION, **ONCE),
        do=_ask("POST", "/v1/organizations", ORGANIZATION, **ONCE),
    ),
}

MAIN: Sequence[str] = (
    "events over HTTP",
    "events by the queue",
    "amend",
    "rollup of one quarter-hour",
    "fold a range again",
    "create a meter once",
)
