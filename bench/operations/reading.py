"""Reading usage, events and drafts: with everything rolled up, and with a quarter-hour open."""

from datetime import datetime, timedelta
from typing import Any

from bench.operations.scene import Scene, in_quarter_hour
from bench.workload import METER_KEYS, ORGANIZATION
from chalicelib.shared.time import ONE_DAY

_DAYS = 30
_USAGE, _CURRENT = "GET /v1/organizations/{org}/usage", "GET /v1/organizations/{org}/invoices/current"


def count_reading(scene: Scene, last_quarter: datetime) -> None:
    """Read as people and their pages do; nothing has come yet in ``last_quarter``, the quarter-hour that is open."""
    ask, of_org = scene.ask, {"org": ORGANIZATION}
    ask("read the session", "GET /v1/session")
    scene.forget_key()
    ask("read the session, the key not remembered", "GET /v1/session")
    _ask_usage(scene, "usage of 30 days, rolled up", last_quarter.date() - _DAYS * ONE_DAY)
    draft = ask("current draft, rolled up", _CURRENT, **of_org)
    assert len(draft["lines"]) == len(METER_KEYS), "every charge has a line"
    scene.forget_all()
    ask("current draft, in a new process", _CURRENT, **of_org)
    line = {"invoice": draft["id"], "line": draft["lines"][0]["id"]}
    ask("explain a line of a draft", "GET /v1/invoices/{invoice}/lines/{line}", **line)
    ask("health of the deployment", "GET /v1/health")
    quantity = {"meter": METER_KEYS[0], "quantity": "1"}
    ask("authorize usage", "POST /v1/organizations/{org}/authorize", quantity, **of_org)
    scene.count(
        "authorize usage by direct invocation",
        lambda: scene.doors.invoke("authorize_usage", {**quantity, "organization": ORGANIZATION}),
    )


def count_reading_open(scene: Scene, last_quarter: datetime) -> None:
    """Read the same, and events, while a quarter-hour is open that holds a thousand events."""
    ask, of_org = scene.ask, {"org": ORGANIZATION}
    scene.send(in_quarter_hour(1000, last_quarter))
    _ask_usage(scene, "usage of 30 days, today open", last_quarter.date() - (_DAYS - 1) * ONE_DAY)
    ask("current draft, today open", _CURRENT, **of_org)
    span = {"from": last_quarter.isoformat(), "to": (last_quarter + timedelta(minutes=15)).isoformat()}
    ask("search events, a page of 50", "GET /v1/organizations/{org}/events", query=span, **of_org)
    ask("ingestion of a day", "GET /v1/ingestion", query={**_day(last_quarter), "organization": ORGANIZATION})


def _day(at: datetime) -> dict[str, Any]:
    return {"from": at.date().isoformat(), "to": (at.date() + ONE_DAY).isoformat()}


def _ask_usage(scene: Scene, name: str, first: Any) -> None:
    """Ask for all ten meters by day, in 20 groups by two dimensions."""
    query = {
        "from": first.isoformat(),
        "to": (first + _DAYS * ONE_DAY).isoformat(),
        "window": "day",
        "group_by": "model,kind",
        "top": 20,
    }
    answer = scene.ask(name, _USAGE, query=query, org=ORGANIZATION)
    assert len(answer["data"]) == len(METER_KEYS), "every meter counted something"
