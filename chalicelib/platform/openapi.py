"""The OpenAPI 3.1 document, derived from the declared routes and their models."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from chalicelib.platform.answers import JSON, PROBLEM
from chalicelib.platform.fields import AnswerModel, model_of
from chalicelib.platform.http import RawBody, RouteSpec, Shape
from chalicelib.platform.problems import PROBLEMS

Node = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_IDEMPOTENCY_KEY: Node = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat for 24 hours: the first answer comes again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_CREDENTIAL: Node = {"type": "http", "scheme": "bearer", "description": "An API key or a portal token."}
_PROBLEM: Node = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "pattern": "^/problems/"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def document(specs: Sequence[RouteSpec]) -> Node:
    """Describe some routes: paths, parameters, bodies, answers by status, problems, the credential."""
    references, schemas = _schemas(specs)
    paths: dict[str, Node] = {}
    for spec in specs:
        paths.setdefault(spec.path, {})[spec.method.lower()] = _operation(spec, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Meterfold", "version": "1", "description": "Usage events in, exact usage and invoices out."},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"credential": _CREDENTIAL},
        },
    }


def _operation(spec: RouteSpec, references: Mapping[Any, Node]) -> Node:
    summary, _, description = (spec.view.__doc__ or spec.name).strip().partition("\n")
    operation: Node = {
        "operationId": spec.name,
        "tags": [spec.domain],
        "summary": summary,
        "description": " ".join(description.split()) or summary,
        "parameters": _parameters(spec),
        "responses": _responses(spec, references),
        "security": [] if spec.scope == "public" else [{"credential": []}],
    }
    if spec.roles:
        operation["x-roles"] = sorted(spec.roles)
    if spec.body is not None:
        operation["requestBody"] = {
            "required": spec.needs_body,
            "content": _request_content(spec.body, references),
        }
    return operation


def _parameters(spec: RouteSpec) -> list[Node]:
    listed = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in spec.variables
    ]
    if spec.query is not None:
        listed += _query_parameters(spec.query)
    return [*listed, _IDEMPOTENCY_KEY] if spec.idempotent else listed


def _query_parameters(model: type[BaseModel]) -> list[Node]:
    schema = _inlined(model)
    required = schema.get("required", [])
    return [_query_parameter(name, dict(field), name in required) for name, field in schema["properties"].items()]


def _query_parameter(name: str, schema: Node, is_required: bool) -> Node:
    described = {"description": schema.pop("description")} if "description" in schema else {}
    shown: Node = {"name": name, "in": "query", "required": is_required, **described, "schema": _without_null(schema)}
    kind = shown["schema"].get("type")
    if kind == "object":
        shown |= {"style": "deepObject", "explode": True}
    if kind == "array":
        shown |= {"style": "form", "explode": True}
    return shown


def _without_null(schema: Node) -> Node:
    """Take null away: a parameter is left out instead."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    if len(branches) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **branches[0]}


def _inlined(model: type[BaseModel]) -> Node:
    """Give a model's schema with its references replaced by what they refer to."""
    schema = model.model_json_schema(mode="validation")
    definitions = schema.pop("$defs", {})

    def replaced(node: Any) -> Any:
        if isinstance(node, list):
            return [replaced(child) for child in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return replaced({**definitions[node["$ref"].rpartition("/")[2]], **_others(node)})
        return {name: replaced(child) for name, child in node.items()}

    inlined: Node = replaced(schema)
    inlined.setdefault("properties", {})
    return inlined


def _others(node: Node) -> Node:
    return {name: child for name, child in node.items() if name != "$ref"}


def _request_content(body: type[BaseModel] | RawBody, references: Mapping[Any, Node]) -> Node:
    media: Mapping[str, Shape] = body.media if isinstance(body, RawBody) else {JSON: body}
    return {name: {"schema": _shown(shape, references, mode="validation")} for name, shape in media.items()}


def _responses(spec: RouteSpec, references: Mapping[Any, Node]) -> Node:
    responses: Node = {}
    for status, shape in spec.answers.items():
        shapes = {**({} if shape is None else {JSON: shape}), **(spec.also if status == 200 else {})}
        content = {name: {"schema": _shown(each, references, mode="serialization")} for name, each in shapes.items()}
        responses[str(status)] = {"description": "Done.", **({"content": content} if content else {})}
    by_status: dict[int, list[str]] = {}
    for code in problem_codes(spec):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem_response(codes)
    return responses


def problem_codes(spec: RouteSpec) -> list[str]:
    """List the codes of every problem that a route can answer: its own and those of every route of its kind."""
    codes = {*spec.problems, "invalid-input", "internal-error", "busy"}
    if spec.scope != "public":
        codes |= {"unauthenticated", "forbidden", "rate-limited"}
    if spec.variables:
        codes.add("not-found")
    if spec.method not in ("GET", "DELETE"):
        codes |= {"malformed", "too-large"}
    if spec.content_types:
        codes.add("unsupported-media-type")
    if spec.idempotent:
        codes |= {"in-flight", "idempotency-key-reused"}
    if spec.query is not None and "cursor" in spec.query.model_fields:
        codes.add("invalid-cursor")
    if spec.method == "GET":
        codes.add("range-too-large")
    return sorted(codes)


def _problem_response(codes: Sequence[str]) -> Node:
    schema: Node = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"type": {"enum": [f"/problems/{code}" for code in codes]}}},
        ]
    }
    response: Node = {
        "description": " ".join(f"{code}: {PROBLEMS[code].title}" for code in codes),
        "content": {PROBLEM: {"schema": schema}},
    }
    if {"busy", "in-flight", "rate-limited"} & set(codes):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return response


def _shown(shape: Shape, references: Mapping[Any, Node], *, mode: str) -> Node:
    return references[_model(shape), mode] if isinstance(shape, type) else dict(shape)


def _model(shape: type[BaseModel] | type[AnswerModel]) -> type[BaseModel]:
    return model_of(shape) if issubclass(shape, AnswerModel) else shape


def _schemas(specs: Sequence[RouteSpec]) -> tuple[Mapping[Any, Node], Node]:
    """Give a reference for every model and mode, and the schemas they refer to."""
    from pydantic.json_schema import models_json_schema

    used: dict[Any, None] = {}
    for spec in specs:
        bodies = list(spec.body.media.values()) if isinstance(spec.body, RawBody) else [spec.body]
        for shape in bodies:
            if isinstance(shape, type):
                used[_model(shape), "validation"] = None
        for answer in (*spec.answers.values(), *spec.also.values()):
            if isinstance(answer, type):
                used[_model(answer), "serialization"] = None
    references, definitions = models_json_schema(list(used), ref_template=_REFERENCE)
    return references, definitions.get("$defs", {})
