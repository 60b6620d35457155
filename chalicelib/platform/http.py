"""The surface of HTTP for every domain: declare routes, read requests, give answers.

::

    routes = Routes("meters")

    @routes.post("/v1/meters", roles={ADMIN}, body=NewMeter, answers={201: MeterAnswer}, problems=("already-exists",))
    def create_meter(request: Request) -> Effect: ...

A function answers with an ``Answer``, or with an ``Effect`` whose writes the wrapper commits together with the
idempotency record. It may be called again when the race for a write was lost, so it must read afresh each time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, TypedDict, Unpack

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.platform.answers import JSON, Answer
from chalicelib.platform.auth import Caller
from chalicelib.platform.fields import AnswerModel, ListQuery
from chalicelib.platform.keys import Role
from chalicelib.platform.paging import ListScope, open_cursor, seal_cursor
from chalicelib.platform.whole import import_whole
from chalicelib.platform.writes import ATTEMPTS, Effect
from chalicelib.shared.values import dataclass

__all__ = [
    "ADMIN",
    "INGEST",
    "READ",
    "Answer",
    "Caller",
    "Effect",
    "ListQuery",
    "RawBody",
    "Request",
    "Role",
    "RouteSpec",
    "Routes",
    "registered_routes",
]

ADMIN, INGEST, READ = Role.ADMIN, Role.INGEST, Role.READ
MAX_BODY_BYTES = 1_000_000

View = Callable[["Request"], "Answer | Effect"]
Shape = type[BaseModel] | type[AnswerModel] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body that the route reads by itself: its media types with their shapes (a model or a JSON schema)."""

    media: Mapping[str, Shape]
    max_bytes: int = MAX_BODY_BYTES


class Options(TypedDict, total=False):
    """What a route declares.

    ``roles``: any of them suffices. ``scope``: ``organization`` (default with ``{org}`` in the path: bound callers see
    only their own), ``global`` (default otherwise: bound callers are refused), ``any`` (the function looks at
    ``request.caller.organization``), ``public`` (no credential). ``answers``: status to shape; another media type than
    JSON goes to ``also``, and a 200 of ``None`` has those alone. ``problems``: codes beyond those that every route of
    its kind has. ``attempts``: how often the function decides anew when it loses the race for a write.
    """

    roles: Iterable[Role]
    scope: str
    query: type[BaseModel]
    body: type[BaseModel] | RawBody
    answers: Mapping[int, Shape | None]
    also: Mapping[str, Shape]
    problems: Iterable[str]
    idempotent: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A route as declared: what the wrapper enforces and the OpenAPI document shows."""

    domain: str
    method: str
    path: str
    view: View = field(repr=False)
    roles: frozenset[Role] = frozenset()
    scope: str = "global"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | RawBody | None = None
    answers: Mapping[int, Shape | None] = field(default_factory=dict)
    also: Mapping[str, Shape] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    idempotent: bool = False
    attempts: int = ATTEMPTS

    @property
    def name(self) -> str:
        """Name the operation: the function's name."""
        return str(getattr(self.view, "__name__", ""))

    @property
    def content_types(self) -> list[str]:
        """List the media types of the body; empty when the route takes none."""
        if isinstance(self.body, RawBody):
            return list(self.body.media)
        return [JSON] if self.body is not None else []

    @property
    def needs_body(self) -> bool:
        """Tell whether a request without a body is refused: a PUT or a PATCH never means nothing."""
        if self.body is None or isinstance(self.body, RawBody):
            return self.body is not None
        fields = self.body.model_fields.values()
        return self.method in ("PUT", "PATCH") or any(field.is_required() for field in fields)

    @property
    def max_body_bytes(self) -> int:
        """Tell how many bytes a body may have."""
        return self.body.max_bytes if isinstance(self.body, RawBody) else MAX_BODY_BYTES

    @property
    def variables(self) -> list[str]:
        """List the names of the path's variables."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose caller, path, query and body have been checked.

    ``base_url`` is the address that it was sent to, up to where the route's own path begins.
    """

    route: RouteSpec
    path: Mapping[str, str]
    query: Any
    parameters: Mapping[str, tuple[str, ...]]
    body: Any
    raw_body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    base_url: str
    now: datetime
    signed_in: Caller | None

    @property
    def caller(self) -> Caller:
        """Say who is calling. A public route has no caller."""
        assert self.signed_in is not None, "a public route has no caller"
        return self.signed_in

    @property
    def organization(self) -> str | None:
        """Name the organization of the path, else the one that the caller is bound to."""
        bound = self.signed_in.organization if self.signed_in is not None else None
        return self.path.get("org", bound)

    def position(self) -> Any:
        """Open the cursor of a ``ListQuery``: the position it was sealed with; ``None`` at the beginning."""
        cursor: str | None = self.query.cursor
        return None if cursor is None else open_cursor(self._list_scope(), cursor)

    def list_answer(self, items: list[Any], next_position: Any) -> Answer:
        """Answer a page of a list; ``next_position`` (a JSON value) is ``None`` when nothing follows."""
        cursor = None if next_position is None else seal_cursor(self._list_scope(), next_position)
        return Answer({"data": items, "next_cursor": cursor})

    def _list_scope(self) -> ListScope:
        filters = sorted((name, each) for name, each in self.parameters.items() if name not in ("limit", "cursor"))
        values = tuple(self.path[name] for name in self.route.variables)
        return ListScope(f"{self.route.method} {self.route.path}", self.organization, (("", values), *filters))


_registered: list["Routes"] = []


class Routes:
    """The routes of one domain, collected by its decorators and registered on Chalice as one blueprint."""

    def __init__(self, domain: str, *, is_listed: bool = True) -> None:
        self.domain = domain
        self.specs: list[RouteSpec] = []
        if is_listed:
            _registered.append(self)

    def get(self, path: str, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare a GET route."""
        return self._route("GET", path, options)

    def post(self, path: str, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare a POST route; it takes an ``Idempotency-Key`` unless ``idempotent=False``."""
        return self._route("POST", path, {"idempotent": True, **options})

    def put(self, path: str, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare a PUT route, which replaces the whole."""
        return self._route("PUT", path, options)

    def patch(self, path: str, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare a PATCH route."""
        return self._route("PATCH", path, options)

    def delete(self, path: str, **options: Unpack[Options]) -> Callable[[View], View]:
        """Declare a DELETE route."""
        return self._route("DELETE", path, options)

    def _route(self, method: str, path: str, options: Options) -> Callable[[View], View]:
        def declare(view: View) -> View:
            scope = options.get("scope", "organization" if "{org}" in path else "global")
            chosen: dict[str, Any] = {**options, "scope": scope}
            chosen["roles"] = frozenset(options.get("roles", ()))
            chosen["problems"] = tuple(options.get("problems", ()))
            assert bool(chosen["roles"]) != (scope == "public"), f"{method} {path}: roles, or public"
            self.specs.append(RouteSpec(domain=self.domain, method=method, path=path, view=view, **chosen))
            return view

        return declare

    def blueprint(self) -> Blueprint:
        """Make the Chalice blueprint of these routes, each inside the one route wrapper."""
        from chalicelib.platform.wrapper import chalice_view

        blueprint = Blueprint(__name__)
        for spec in self.specs:
            types = spec.content_types
            declare = blueprint.route(spec.path, methods=[spec.method], content_types=types, name=spec.name)
            declare(chalice_view(spec))
        return blueprint


def registered_routes() -> list[RouteSpec]:
    """List every declared route, by path and method; without an application, of the modules that were imported."""
    import_whole()
    return sorted((spec for routes in _registered for spec in routes.specs), key=lambda spec: (spec.path, spec.method))
