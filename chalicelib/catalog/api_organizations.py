"""Organizations, the session and portal links over HTTP."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chalicelib.catalog import service, store
from chalicelib.catalog.models import (
    NewOrganization,
    NewPortalLink,
    OrganizationAnswer,
    OrganizationChange,
    OrganizationList,
    OrganizationSearch,
    PortalLinkAnswer,
    SessionAnswer,
)
from chalicelib.catalog.organizations import Organization, TaxRate
from chalicelib.platform.fields import names_of
from chalicelib.platform.http import ADMIN, INGEST, READ, Answer, Effect, Request, Routes
from chalicelib.platform.portal import issue_portal_token
from chalicelib.platform.settings import settings
from chalicelib.shared.errors import AlreadyExists
from chalicelib.shared.numbers import show_decimal
from chalicelib.shared.time import format_instant

routes = Routes("catalog")


@routes.post(
    "/v1/organizations",
    roles={ADMIN},
    body=NewOrganization,
    answers={201: OrganizationAnswer, 200: OrganizationAnswer},
    problems=("already-exists",),
)
def create_organization(request: Request) -> Effect:
    """Create an organization under an id of your choice; the same again answers 200 with the one that exists."""
    wanted = _new(request.body, request.now)
    existing = service.find_organizations([wanted.id]).get(wanted.id)
    if existing is None:
        return Effect(Answer(show(wanted), 201), service.organization_writes(wanted))
    if replace(existing, created_at=wanted.created_at) != wanted:
        raise AlreadyExists(f"There is an organization {wanted.id} with other content.")
    return Effect(Answer(show(existing)))


def _new(body: NewOrganization, now: datetime) -> Organization:
    return Organization(created_at=now, **_fields(body, set(NewOrganization.model_fields)))


def _fields(body: BaseModel, names: set[str]) -> dict[str, Any]:
    """Give the organization's fields that a body sets."""
    sent = {name: getattr(body, name) for name in names}
    if "tax_rates" in sent:
        sent["tax_rates"] = tuple(TaxRate(rate.name, rate.percent) for rate in sent["tax_rates"] or ())
    return sent


def show(organization: Organization) -> dict[str, Any]:
    """Show an organization as JSON."""
    rates = [{"name": rate.name, "percent": show_decimal(rate.percent)} for rate in organization.tax_rates]
    shown = {**asdict(organization), "created_at": format_instant(organization.created_at), "tax_rates": rates}
    return {name: shown[name] for name in names_of(OrganizationAnswer)}


@routes.get("/v1/organizations", roles={READ}, query=OrganizationSearch, answers={200: OrganizationList})
def list_organizations(request: Request) -> Answer:
    """List organizations by name, or those whose name begins with ``q``, and the one whose id is ``q``."""
    query: OrganizationSearch = request.query
    position = request.position()
    first = _of_id(query.q) if query.q is not None and position is None else []
    room = query.limit - len(first)
    found, next_key = store.search_organizations(query.q or "", limit=max(room, 1), after=position or None)
    if room == 0:
        # The search begins on the next page, if it finds anything.
        found, next_key = [], {} if found else None
    return request.list_answer([show(one) for one in [*first, *found]], next_key)


def _of_id(q: str) -> list[Organization]:
    """Give the organization whose id is ``q``, unless the search by name finds it anyway."""
    searched = store.search_text(q)
    named = service.find_organizations([q]).values()
    return [one for one in named if not store.search_text(one.name).startswith(searched)]


@routes.get("/v1/organizations/{org}", roles={READ}, answers={200: OrganizationAnswer}, problems=("not-found",))
def get_organization(request: Request) -> Answer:
    """Show an organization."""
    return Answer(show(service.get_organization(request.path["org"])))


@routes.patch(
    "/v1/organizations/{org}",
    roles={ADMIN},
    body=OrganizationChange,
    answers={200: OrganizationAnswer},
    problems=("not-found",),
)
def change_organization(request: Request) -> Effect:
    """Change what is sent; ``null`` clears a field. Currency and time zone never change."""
    profile = store.get_profile(request.path["org"])
    changed = replace(profile.organization, **_fields(request.body, request.body.model_fields_set))
    return Effect(Answer(show(changed)), service.profile_writes(profile, changed))


@routes.get("/v1/session", roles={READ, INGEST}, scope="any", answers={200: SessionAnswer})
def get_session(request: Request) -> Answer:
    """Tell who is signed in with the credential of this request."""
    caller = request.caller
    ends = caller.expires_at
    return Answer(
        {
            "role": caller.role.value,
            "organization": caller.organization,
            "name": caller.name,
            "expires_at": None if ends is None else format_instant(ends),
            "as_of": format_instant(request.now),
        }
    )


@routes.post(
    "/v1/organizations/{org}/portal-links",
    roles={ADMIN},
    body=NewPortalLink,
    answers={201: PortalLinkAnswer},
    problems=("not-found",),
)
def create_portal_link(request: Request) -> Effect:
    """Make a link that opens the console for one organization, read-only, for at most 24 hours."""
    organization = service.get_organization(request.path["org"])
    body: NewPortalLink = request.body
    token, ends = issue_portal_token(organization.id, name=body.name, now=request.now, expires_in_s=body.expires_in)
    address = settings.public_url or request.base_url
    link = {"url": f"{address}/console#token={token}", "expires_at": format_instant(ends)}
    return Effect(Answer(link, 201, secrets=("url",)))
