"""Organizations, keys, settings, meters, plans, subscriptions: made at the beginning, read and changed at the end."""

from bench.customers import PLAN, advance_fee, ten_charges
from bench.operations.scene import Scene
from bench.workload import ORGANIZATION

OTHER = "globex"
_PLAN_BODY = {"name": "Ten", "currency": "USD", "billing_period": "month"}
_WITH_FEE = "ten-and-a-fee"
_METER = {"name": "More", "event_type": "other", "aggregation": "count"}
SUBSCRIPTION = f"sub_{ORGANIZATION}.1"


def count_definitions(scene: Scene) -> None:
    """Make what billing needs; the first subscription is the organization's that everything else is done with."""
    ask = scene.ask
    ask("create an organization", "POST /v1/organizations", {"id": OTHER, "name": "Globex"})
    key = ask("create an API key", "POST /v1/api-keys", {"name": "reader", "role": "read"})
    scene.count(
        "create an API key by direct invocation",
        lambda: scene.doors.invoke("create_api_key", {"name": "first", "role": "admin"}),
    )
    ask("list API keys", "GET /v1/api-keys")
    ask("revoke an API key", "DELETE /v1/api-keys/{key}", key=key["id"])
    ask("publish a plan of ten charges", "POST /v1/plans", {**_PLAN_BODY, "key": PLAN, "charges": ten_charges()})
    fee = {**_PLAN_BODY, "key": _WITH_FEE, "charges": [advance_fee(), *ten_charges()]}
    scene.doors.request("POST /v1/plans", fee)
    ask("subscribe", "POST /v1/organizations/{org}/subscriptions", {"plan": PLAN}, org=ORGANIZATION)
    ask(
        "subscribe, with a fee in advance",
        "POST /v1/organizations/{org}/subscriptions",
        {"plan": _WITH_FEE},
        org=OTHER,
    )


def count_changes(scene: Scene) -> None:
    """Read and change definitions; the last change is a new meter, which makes everything be counted again."""
    ask, of_org, of_sub = scene.ask, {"org": ORGANIZATION}, {"subscription": SUBSCRIPTION}
    _count_reads(scene)
    ask("change an organization", "PATCH /v1/organizations/{org}", {"name": "Acme Corp"}, **of_org)
    settings = ask("read the settings", "GET /v1/settings")
    ask("replace the settings", "PUT /v1/settings", settings)
    ask("make a portal link", "POST /v1/organizations/{org}/portal-links", {}, **of_org)
    ask("set a spend cap", "PATCH /v1/subscriptions/{subscription}", {"spend_cap": "5000"}, **of_sub)
    version = {**_PLAN_BODY, "name": "Ten, again", "charges": ten_charges()}
    ask("publish another version of a plan", "POST /v1/plans/{plan}/versions", version, plan=PLAN)
    change = {"plan": _WITH_FEE, "at": "period_end"}
    ask("change the plan at the period's end", "POST /v1/subscriptions/{subscription}/change", change, **of_sub)
    ask("cancel at the period's end", "POST /v1/subscriptions/{subscription}/cancel", {"at": "period_end"}, **of_sub)
    ask("take a cancellation back", "POST /v1/subscriptions/{subscription}/resume", **of_sub)
    ask("create a meter", "POST /v1/meters", {**_METER, "key": "more"})
    ask("rename a meter", "PATCH /v1/meters/{meter}", {"name": "Others"}, meter="more")
    ask("archive a meter", "POST /v1/meters/{meter}/archive", meter="more")


def _count_reads(scene: Scene) -> None:
    ask, of_org = scene.ask, {"org": ORGANIZATION}
    ask("list organizations", "GET /v1/organizations")
    ask("search organizations", "GET /v1/organizations", query={"q": "glo"})
    ask("read an organization", "GET /v1/organizations/{org}", **of_org)
    ask("list meters", "GET /v1/meters")
    ask("read a meter", "GET /v1/meters/{meter}", meter="calls")
    ask("list plans", "GET /v1/plans")
    ask("read a plan", "GET /v1/plans/{plan}", plan=PLAN)
    ask("read a version of a plan", "GET /v1/plans/{plan}/versions/{version}", plan=PLAN, version=1)
    ask("list subscriptions", "GET /v1/organizations/{org}/subscriptions", **of_org)
    ask("read a subscription", "GET /v1/subscriptions/{subscription}", subscription=SUBSCRIPTION)
