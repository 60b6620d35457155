"""What other domains may ask about plans: versions, what overrides make of them, and whether overrides are sound."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chalicelib.catalog import plans_store, service
from chalicelib.catalog.plan_content import PlanVersion, canonical_content, read_plan
from chalicelib.catalog.plan_memory_store import PlanName, remembered_plans
from chalicelib.catalog.plan_overrides import (
    canonical_overrides,
    merge_overrides,
    overridden,
    point_into_overrides,
    split_overrides,
)
from chalicelib.catalog.plan_rules import Json
from chalicelib.catalog.plans import Plan
from chalicelib.catalog.subscriptions import Terms
from chalicelib.platform.writes import Write
from chalicelib.shared import strict_json
from chalicelib.shared.errors import Fault, InvalidInput, NotFound, TooLarge


def no_such_plan() -> NotFound:
    """Say that there is no such plan: the same words whether it is unknown or may not be seen."""
    return NotFound("There is no such plan.")


def get_plan_version(key: str, version: int | None = None) -> PlanVersion:
    """Read a version of a plan, the latest when none is named; raises ``NotFound``."""
    if version is None:
        found = plans_store.find_latest(key)
    else:
        found = plans_store.find_versions([(key, version)]).get((key, version))
    if found is None:
        raise no_such_plan()
    return found


def find_plan_versions(names: Iterable[tuple[str, int]]) -> list[PlanVersion]:
    """Read versions by plan and number in the order of ``names``; unknown ones are left out."""
    return list(plans_store.find_versions(names).values())


def page_of_versions(names: Sequence[tuple[str, int]]) -> list[PlanVersion]:
    """Read existing versions in the order of ``names``, until the next one would make an answer too large."""
    return plans_store.page_of_versions(names)


def list_latest_plans(*, after: str | None, limit: int) -> tuple[list[PlanVersion], str | None]:
    """List the latest versions of all plans by lower-case name, and the place to go on after; may be a short page."""
    return plans_store.list_latest(after=after, limit=limit)


def new_version(sent: Json, *, key: str, version: int, now: datetime) -> PlanVersion:
    """Make a version of a plan that has been checked; raises ``TooLarge``."""
    made = PlanVersion(key=key, version=version, content=canonical_content(sent), created_at=now)
    size = len(plans_store.write_version(made).encode())
    if size > plans_store.MAX_PLAN_BYTES:
        raise TooLarge(f"The plan has {size} bytes; at most {plans_store.MAX_PLAN_BYTES} are accepted.")
    return made


def version_writes(version: PlanVersion) -> tuple[Write, ...]:
    """Make the writes that publish a version, if it is still the next one."""
    return plans_store.version_writes(version)


def effective_plan(terms: Terms) -> Plan:
    """Give the plan version of terms with their overrides; raises ``NotFound``."""
    return effective_plans([terms])[0]


def effective_plans(terms: Sequence[Terms]) -> list[Plan]:
    """Give the plans of terms in their order, with one batch read for all that this process has not made yet.

    Overrides must have been accepted before. Raises ``NotFound``.
    """
    names = [_name(each) for each in terms]
    known = {name: remembered_plans.find(name) for name in dict.fromkeys(names)}
    missing = {name: each for name, each in zip(names, terms, strict=True) if known[name] is None}
    versions = plans_store.find_versions((each.plan, each.version) for each in missing.values()) if missing else {}
    made: dict[PlanName, Plan] = {name: plan for name, plan in known.items() if plan is not None}
    for name, each in missing.items():
        if (each.plan, each.version) not in versions:
            raise no_such_plan()
        made[name] = _with_overrides(versions[each.plan, each.version], each.overrides)
        remembered_plans.remember(name, made[name])
    return [made[name] for name in names]


def _name(terms: Terms) -> PlanName:
    return terms.plan, terms.version, strict_json.canonical(dict(terms.overrides))


def _with_overrides(version: PlanVersion, overrides: Json) -> Plan:
    content = merge_overrides(version.content, overrides) if overrides else version.content
    return read_plan(content, key=version.key, version=version.version, created_at=version.created_at)


def override_faults(version: PlanVersion, overrides: Any) -> list[Fault]:
    """Find everything that is wrong with overrides of a plan version, under ``/overrides``; none when they are sound.

    What comes out is checked like a new plan, but for meters that were archived after it was published.
    """
    sound, faults = split_overrides(version.content, overrides)
    merged = overridden(version.content, sound)
    # Jobs read plans and never check one: they need no models.
    from chalicelib.catalog.plan_check_service import MAX_FAULTS, plan_faults

    found = (point_into_overrides(fault, merged) for fault in plan_faults(merged, service.meter_catalog().meters))
    return list({fault.pointer: fault for fault in (*found, *faults)}.values())[:MAX_FAULTS]


def accept_overrides(version: PlanVersion, overrides: Any) -> Terms:
    """Make the terms of a plan version with overrides as they were sent; raises ``InvalidInput`` with every fault.

    The overrides of the terms are canonical: text, whole numbers, lists and objects, as they are shown and stored.
    """
    faults = override_faults(version, overrides)
    if faults:
        raise InvalidInput("The overrides do not fit the plan.", faults)
    return Terms(version.key, version.version, canonical_overrides(version.content, overrides))
