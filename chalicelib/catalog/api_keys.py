"""API keys over HTTP, and the direct function that makes the first one."""

from datetime import datetime
from typing import Any

from chalicelib.catalog import service, store
from chalicelib.catalog.models import ApiKeyList, CreatedApiKey, NewApiKey
from chalicelib.catalog.tables import CatalogItem
from chalicelib.platform.auth import forget_key
from chalicelib.platform.direct import read_payload
from chalicelib.platform.entries import entry
from chalicelib.platform.http import ADMIN, Answer, Effect, ListQuery, Request, Routes
from chalicelib.platform.keys import make_key
from chalicelib.platform.writes import Delete, commit, run_command
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import Fault, InvalidInput, NotFound
from chalicelib.shared.ids import new_id
from chalicelib.shared.time import format_instant

routes = Routes("catalog")


@routes.post("/v1/api-keys", roles={ADMIN}, body=NewApiKey, answers={201: CreatedApiKey})
def create_key(request: Request) -> Effect:
    """Make a key. Its secret is in this answer only."""
    return _make(request.body, request.now)


@entry("create_api_key")
def create_api_key(payload: Any, context: Any) -> dict[str, Any]:
    """Make a key by direct invocation, guarded by IAM: the only way to the first one. The payload is the HTTP body."""
    del context
    body, now = read_payload(NewApiKey, payload), clock.now()
    made: dict[str, Any] = run_command(lambda: _make(body, now)).body
    return made


def _make(body: NewApiKey, now: datetime) -> Effect:
    if body.organization is not None and not service.find_organizations([body.organization]):
        raise InvalidInput("The key is bound to nothing.", [Fault("/organization", "there is no such organization")])
    key = make_key(body.role, new_id("key"))
    stored = store.NewStoredKey(key.id, body.role, body.organization, body.name, hash=key.hash, created_at=now)
    shown = {**show(stored), "secret": key.secret}
    return Effect(Answer(shown, 201, secrets=("secret",)), store.key_writes(stored))


def show(key: store.NewStoredKey) -> dict[str, Any]:
    """Show a key without its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "organization": key.organization,
        "created_at": format_instant(key.created_at),
    }


@routes.get("/v1/api-keys", roles={ADMIN}, query=ListQuery, answers={200: ApiKeyList})
def list_keys(request: Request) -> Answer:
    """List the keys that have not been revoked, by name."""
    keys, next_key = store.list_keys(limit=request.query.limit, after=request.position())
    return request.list_answer([show(key) for key in keys], next_key)


@routes.delete("/v1/api-keys/{key}", roles={ADMIN}, answers={204: None}, problems=("not-found",))
def revoke_key(request: Request) -> Answer:
    """Revoke a key: it ends within 10 seconds everywhere."""
    key_id = request.path["key"]
    unknown = NotFound("There is no such key.")
    exists = CatalogItem.pk.exists()
    commit([Delete(model=CatalogItem, keys=store.key_keys(key_id), condition=exists, refusal=unknown)])
    forget_key(key_id)
    return Answer(status=204)
