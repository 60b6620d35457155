"""Anything may be sent: the answer is always a documented status, and never a fault of the program."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.platform import openapi
from tests.platform.shop import Shop, routes

DOCUMENT = openapi.document(routes.specs)
BOXES = "/v1/organizations/{org}/boxes"

texts = st.text(max_size=80)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["1.5", "1E+1000000", "٣"])
names = st.sampled_from(["key", "label", "size", "weight", "filled_at", "parts", "scope", "name"]) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))
parameters = st.sampled_from(["limit", "cursor", "state", "meter", "filter", "filter[a]", "deep"]) | texts

freely = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def documented(path: str, method: str) -> set[int]:
    return {int(status) for status in DOCUMENT["paths"][path][method]["responses"]} - {500, 503}


@freely
@given(body=st.dictionaries(names, values, max_size=6) | values, idempotency_key=st.none() | texts)
def test_any_body_gets_a_documented_answer(shop: Shop, body: Any, idempotency_key: str | None) -> None:
    headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
    sent = shop("POST", BOXES.format(org="acme"), json.dumps(body), headers=headers)
    assert sent.status in documented(BOXES, "post")


@freely
@given(raw=st.text(max_size=200) | st.binary(max_size=100))
def test_any_bytes_get_a_documented_answer(shop: Shop, raw: str | bytes) -> None:
    text = raw if isinstance(raw, str) else raw.decode("latin-1")
    assert shop("POST", BOXES.format(org="acme"), text).status in documented(BOXES, "post")


@freely
@given(query=st.lists(st.tuples(parameters, texts), max_size=5), org=st.text(min_size=1, max_size=300))
def test_any_query_and_path_get_a_documented_answer(shop: Shop, query: list[tuple[str, str]], org: str) -> None:
    written = "&".join(f"{quote(name, safe='[]')}={quote(value)}" for name, value in query)
    path = BOXES.format(org=org.replace("/", "-").replace("?", "-"))
    assert shop("GET", f"{path}?{written}").status in documented(BOXES, "get")


@freely
@given(credential=texts | st.text(alphabet="mf_adinregst.0123456789", max_size=90))
def test_any_credential_gets_the_same_401(shop: Shop, credential: str) -> None:
    assert shop("GET", "/v1/session", key=credential).status == 401
