"""A small app on the platform: boxes that organizations keep, behind every kind of route."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from chalice.app import Chalice
from pydantic import Field

from chalicelib.platform import auth
from chalicelib.platform.auth import StoredKey
from chalicelib.platform.fields import (
    DecimalNumber,
    Flag,
    Instant,
    Key,
    ListQuery,
    Name,
    QueryModel,
    RequestModel,
    WholeNumber,
)
from chalicelib.platform.http import ADMIN, INGEST, READ, Answer, Effect, RawBody, Request, Role, Routes
from chalicelib.platform.keys import NewKey, make_key
from chalicelib.platform.reads import Query, find, list_page
from chalicelib.platform.wrapper import serve
from chalicelib.platform.writes import Put, Update
from chalicelib.shared.errors import Conflict
from chalicelib.shared.ids import new_id
from tests.platform.stored import Box

routes = Routes("shop", is_listed=False)


class Part(RequestModel):
    name: Name
    weight: DecimalNumber


class NewBox(RequestModel):
    key: Key
    label: Name | None = None
    size: WholeNumber = 1
    weight: DecimalNumber | None = None
    filled_at: Instant | None = None
    parts: list[Part] = Field(default_factory=list)
    scope: "str | Part" = "all"


class Search(ListQuery):
    state: str | None = None
    meter: list[str] = Field(default_factory=list)
    filter: dict[str, list[str]] = Field(default_factory=dict)
    deep: Flag = False


class Nothing(QueryModel):
    pass


@routes.get("/v1/organizations/{org}/boxes", roles={READ, INGEST}, query=Search, answers={200: {"type": "object"}})
def list_boxes(request: Request) -> Answer:
    """List an organization's boxes."""
    query = Query(model=Box, pk=request.path["org"])
    page = list_page(query, limit=request.query.limit, after=request.position())
    return request.list_answer([{"key": box.sk} for box in page.items], page.next_key)


@routes.post("/v1/organizations/{org}/boxes", roles={ADMIN}, body=NewBox, answers={201: {"type": "object"}})
def create_box(request: Request) -> Effect:
    """Create a box."""
    box = Box(request.path["org"], request.body.key, version=1, weight=request.body.weight)
    answer = Answer({"key": box.sk, "serial": new_id("box"), "secret": new_id("s")}, 201, secrets=("secret",))
    taken = Conflict("There is such a box.")
    return Effect(answer, (Put(item=box, condition=Box.pk.does_not_exist(), refusal=taken),))


@routes.post("/v1/organizations/{org}/boxes/{box}/open", roles={ADMIN}, answers={200: {"type": "object"}})
def open_box(request: Request) -> Effect:
    """Open a box, once."""
    keys = (request.path["org"], request.path["box"])
    box = find(Box, keys)
    if box is None or box.version != 1:
        raise Conflict("It is open.")
    opened = Update(model=Box, keys=keys, actions=(Box.version.set(2),), condition=Box.version == 1)
    return Effect(Answer({"version": 2, "serial": new_id("open")}), (opened,))


@routes.get("/v1/global", roles={ADMIN, READ}, query=Nothing, answers={200: {"type": "object"}})
def read_global(request: Request) -> Answer:
    """Read what is nobody's."""
    return Answer({"caller": request.caller.name})


@routes.post("/v1/echo", roles={ADMIN, READ}, scope="any", answers={200: {"type": "object"}})
def echo(request: Request) -> Answer:
    """Answer anew each time, writing nothing."""
    return Answer({"serial": new_id("echo"), "caller": request.caller.id})


@routes.get("/v1/session", roles={ADMIN, READ, INGEST}, scope="any", answers={200: {"type": "object"}})
def read_session(request: Request) -> Answer:
    """Say who is calling."""
    caller = request.caller
    return Answer({"role": str(caller.role), "organization": caller.organization, "now": request.now.isoformat()})


@routes.post(
    "/v1/raw",
    roles={INGEST},
    body=RawBody({"application/json": {}, "application/cloudevents+json": {}}, max_bytes=4_000_000),
    idempotent=False,
    answers={202: {"type": "object"}},
)
def take_raw(request: Request) -> Answer:
    """Take bytes."""
    return Answer({"bytes": len(request.raw_body), "type": request.headers.get("content-type")}, 202)


SECRET = "planted-4711-secret"


class Broken(Exception):
    pass


@routes.get("/v1/broken/{how}", roles={READ}, answers={200: {"type": "object"}})
def break_down(request: Request) -> Answer:
    """Fail in the way asked for."""
    how = request.path["how"]
    if how == "decimal":
        return Answer({"amount": Decimal("1.5")})
    if how == "float":
        return Answer({"amount": 1.5})
    if how == "large":
        return Answer({"text": "x" * 5_000_001})
    raise Broken(f"{SECRET} {request.headers}")


@dataclass(frozen=True)
class Sent:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["type"].removeprefix("/problems/"))

    @property
    def faults(self) -> dict[str, str]:
        return {each["pointer"]: each["detail"] for each in self.json["errors"]}


class Shop:
    """Calls the app as API Gateway's proxy integration does."""

    def __init__(self, app: Chalice) -> None:
        self.app = app
        self.keys: dict[str, StoredKey] = {}
        self.reads = 0
        auth.use_key_source(self._find)
        self.admin = self.key(ADMIN)

    def _find(self, key_id: str) -> StoredKey | None:
        self.reads += 1
        return self.keys.get(key_id)

    def issue(self, role: Role, organization: str | None = None) -> NewKey:
        made = make_key(role, new_id("key"))
        self.keys[made.id] = StoredKey(made.id, role, organization, "a key", made.hash)
        return made

    def key(self, role: Role, organization: str | None = None) -> str:
        return self.issue(role, organization).secret

    def __call__(self, method: str, target: str, body: Any = None, **more: Any) -> Sent:
        path, _, query = target.partition("?")
        resource, variables = self._match(path)
        key = more.pop("key", self.admin)
        headers = {"authorization": f"Bearer {key}"} if key is not None else {}
        headers |= {name.replace("_", "-"): value for name, value in more.pop("headers", {}).items()}
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        event = {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
            "pathParameters": variables or None,
            "body": text,
            "isBase64Encoded": False,
            "stageVariables": None,
            "requestContext": {"httpMethod": method, "resourcePath": resource, "requestId": "r-1"},
            **more,
        }
        answer = self.app(event, None)
        return Sent(answer["statusCode"], answer["headers"], answer["body"].encode())

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        parts = path.split("/")
        for resource in self.app.routes:
            own = resource.split("/")
            pairs = list(zip(own, parts, strict=False))
            if len(own) == len(parts) and all(there == sent or there.startswith("{") for there, sent in pairs):
                return resource, {there[1:-1]: sent for there, sent in pairs if there.startswith("{")}
        raise AssertionError(f"no route has the path {path}")


def open_shop() -> Shop:
    app = Chalice(app_name="shop", configure_logs=False)
    serve(app, routes)
    return Shop(app)
