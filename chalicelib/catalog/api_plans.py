"""Plans over HTTP: published version by version, never changed."""

from typing import Any

from chalicelib.catalog import plan_service, service, subscription_service
from chalicelib.catalog.plan_check_service import KeyedPlanShape, plan_faults, refuse
from chalicelib.catalog.plan_content import PlanVersion, says_the_same
from chalicelib.catalog.plan_models import NewPlan, NewPlanVersion, PlanAnswer, PlanList
from chalicelib.catalog.plan_rules import Json, archived_faults
from chalicelib.catalog.plan_visibility import subscribed_versions
from chalicelib.catalog.plans_store import MAX_VERSIONS
from chalicelib.platform.http import ADMIN, READ, Answer, Caller, Effect, ListQuery, Request, Routes
from chalicelib.shared.errors import AlreadyExists, Conflict, Fault
from chalicelib.shared.time import format_instant

routes = Routes("catalog")


@routes.post(
    "/v1/plans",
    roles={ADMIN},
    body=NewPlan,
    answers={201: PlanAnswer, 200: PlanAnswer},
    problems=("already-exists",),
)
def create_plan(request: Request) -> Effect:
    """Create a plan with its first version, under a key of your choice; the same again answers 200 with that one."""
    sent: Json = request.body
    meters = service.meter_catalog().meters
    faults, ended = plan_faults(sent, meters, shape=KeyedPlanShape), list(archived_faults(sent, meters))
    # A meter that has ended alone is no fault yet: what was sent may be what exists already.
    refuse([*faults, *ended] if faults else [])
    wanted = plan_service.new_version(sent, key=sent["key"], version=1, now=request.now)
    for existing in plan_service.find_plan_versions([(wanted.key, 1)]):
        if says_the_same(existing, wanted):
            return Effect(Answer(show(existing)))
        raise AlreadyExists(f"There is a plan {wanted.key} with another first version.")
    refuse(ended)
    return Effect(Answer(show(wanted), 201), plan_service.version_writes(wanted))


@routes.post(
    "/v1/plans/{plan}/versions",
    roles={ADMIN},
    body=NewPlanVersion,
    answers={201: PlanAnswer, 200: PlanAnswer},
    problems=("not-found", "conflict"),
)
def publish_plan_version(request: Request) -> Effect:
    """Publish the next version of a plan; what says the same as the latest one answers 200 with that one.

    Subscriptions keep the version that they have. The currency is the plan's and may be left out.
    """
    latest = plan_service.get_plan_version(request.path["plan"])
    sent = _in_currency(request.body, latest.content["currency"])
    meters = service.meter_catalog().meters
    faults = [*plan_faults(sent, meters), *_currency_faults(sent, latest.content["currency"])]
    ended = list(archived_faults(sent, meters))
    refuse([*faults, *ended] if faults else [])
    wanted = plan_service.new_version(sent, key=latest.key, version=latest.version + 1, now=request.now)
    if says_the_same(latest, wanted):
        return Effect(Answer(show(latest)))
    refuse(ended)
    if wanted.version > MAX_VERSIONS:
        raise Conflict(f"The plan has {MAX_VERSIONS} versions, which is the most.")
    return Effect(Answer(show(wanted), 201), plan_service.version_writes(wanted))


def _in_currency(sent: Json, currency: str) -> Json:
    return {**sent, "currency": currency if sent.get("currency") is None else sent["currency"]}


def _currency_faults(sent: Json, currency: str) -> list[Fault]:
    if sent["currency"] == currency:
        return []
    return [Fault("/currency", f"must stay {currency}: the currency of a plan never changes")]


def show(version: PlanVersion) -> dict[str, Any]:
    """Show a version of a plan as JSON."""
    return {
        "key": version.key,
        "version": version.version,
        **version.content,
        "created_at": format_instant(version.created_at),
    }


@routes.get("/v1/plans", roles={READ}, scope="any", query=ListQuery, answers={200: PlanList})
def list_plans(request: Request) -> Answer:
    """List the plans by name, each with its latest version.

    A caller bound to an organization gets the versions that it is or was subscribed to, by key and version.
    """
    visible = _visible(request.caller)
    limit: int = request.query.limit
    if visible is None:
        found, place = plan_service.list_latest_plans(after=request.position(), limit=limit)
        return request.list_answer([show(version) for version in found], place)
    after = tuple(request.position() or ("", 0))
    rest = sorted(name for name in visible if name > after)
    shown = plan_service.page_of_versions(rest[:limit])
    return request.list_answer([show(each) for each in shown], rest[len(shown) - 1] if len(shown) < len(rest) else None)


def _visible(caller: Caller) -> set[tuple[str, int]] | None:
    """Name the versions that a caller bound to an organization may see; ``None`` for who may see all."""
    if caller.organization is None:
        return None
    return subscribed_versions(subscription_service.read_subscriptions(caller.organization))


@routes.get("/v1/plans/{plan}", roles={READ}, scope="any", answers={200: PlanAnswer}, problems=("not-found",))
def get_plan(request: Request) -> Answer:
    """Show the latest version of a plan; to a caller bound to an organization the latest that it may see."""
    key = request.path["plan"]
    visible = _visible(request.caller)
    if visible is None:
        return Answer(show(plan_service.get_plan_version(key)))
    seen = [version for plan, version in visible if plan == key]
    if not seen:
        raise plan_service.no_such_plan()
    return Answer(show(plan_service.get_plan_version(key, max(seen))))


@routes.get(
    "/v1/plans/{plan}/versions/{version}",
    roles={READ},
    scope="any",
    answers={200: PlanAnswer},
    problems=("not-found",),
)
def get_plan_version(request: Request) -> Answer:
    """Show one version of a plan."""
    key, version = request.path["plan"], _number(request.path["version"])
    visible = _visible(request.caller)
    if version is None or (visible is not None and (key, version) not in visible):
        raise plan_service.no_such_plan()
    return Answer(show(plan_service.get_plan_version(key, version)))


def _number(text: str) -> int | None:
    """Read the number of a version; ``None`` for what can be none."""
    is_one = text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= len(str(MAX_VERSIONS))
    return int(text) if is_one else None
