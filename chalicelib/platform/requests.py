"""Reads what a request carries, strictly, and names every fault at once with its place.

A body that cannot be read is refused at once (400, 413); everything else that is wrong with values and parameters is
collected from query, headers and body, and refused together (422).
"""

import binascii
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.platform.http import RawBody, RouteSpec
from chalicelib.shared import strict_json
from chalicelib.shared.errors import Fault, Malformed, NotFound, TooLarge, pointer_of

Parameters = Mapping[str, tuple[str, ...]]
BODILESS = frozenset({"GET", "DELETE"})
_LONGEST_PARAMETER = 4000
_LONGEST_VARIABLE = 255


def read_headers(request: Any) -> dict[str, str]:
    """Give the headers with names in lower case."""
    return {str(name).lower(): str(value) for name, value in dict(request.headers).items()}


def read_base_url(request: Any, headers: Mapping[str, str]) -> str:
    """Give the address that the request was sent to, with the stage that API Gateway puts before the route's path."""
    scheme = headers.get("x-forwarded-proto", "https")
    sent = str(request.context.get("path", "")).removesuffix("/").split("/")
    stage = "/".join(sent[: -str(request.path).count("/")])
    return f"{scheme}://{headers.get('host', 'localhost')}{stage}"


def read_parameters(request: Any) -> dict[str, tuple[str, ...]]:
    """Give every query parameter with all its values, in the order sent."""
    sent = request.query_params
    return {} if sent is None else {str(name): tuple(map(str, sent.getlist(name))) for name in sent}


def read_raw_body(spec: RouteSpec, request: Any) -> bytes:
    """Give the bytes of the body; raises ``Malformed`` when they cannot even be decoded. GET and DELETE have none."""
    if spec.method in BODILESS:
        return b""
    try:
        raw = request.raw_body
    except (UnicodeError, binascii.Error):
        raise Malformed("The body is not UTF-8.") from None
    return raw if isinstance(raw, bytes) else str(raw).encode()


def check_variables(path: Mapping[str, str]) -> None:
    """Raise ``NotFound`` for a path that cannot name anything: too long a part, or one with control characters."""
    for value in path.values():
        if len(value) > _LONGEST_VARIABLE or not value.isprintable():
            raise NotFound("There is no such thing.")


def read_query(model: type[BaseModel] | None, parameters: Parameters) -> tuple[BaseModel | None, list[Fault]]:
    """Read the query parameters; faults instead of a model when there are any.

    What the model does not know is a fault, unless it says that it ignores the rest.
    """
    if model is not None and model.model_config.get("extra") == "ignore":
        known = {field.alias or name for name, field in _fields(model)}
        parameters = {name: values for name, values in parameters.items() if name in known}
    kinds = {} if model is None else {field.alias or name: _kind(field.annotation) for name, field in _fields(model)}
    sent: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, values in parameters.items():
        reason = _place_parameter(sent, kinds, name, values)
        if reason is not None:
            faults.append(Fault(pointer_of("query", name), reason))
    if model is None:
        return None, faults
    try:
        read = model.model_validate(sent)
    except ValidationError as error:
        return None, [*faults, *faults_of(error, sent, "/query")]
    return (None, faults) if faults else (read, [])


def _fields(model: type[BaseModel]) -> Sequence[tuple[str, Any]]:
    return list(model.model_fields.items())


def _kind(annotation: Any) -> type:
    """Tell whether a field takes one value, a list of them, or a dict of lists."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds = [_kind(each) for each in typing.get_args(annotation) if each is not type(None)]
        return kinds[0]
    origin = typing.get_origin(annotation) or annotation
    return origin if origin in (list, dict) else str


def _place_parameter(sent: dict[str, Any], kinds: Mapping[str, type], name: str, values: tuple[str, ...]) -> str | None:
    """Put a parameter where its field expects it; gives the reason when it cannot."""
    base, bracket, rest = name.partition("[")
    if any(len(value) > _LONGEST_PARAMETER for value in (name, *values)):
        return f"must have at most {_LONGEST_PARAMETER} characters"
    if bracket and kinds.get(base) is dict and rest.endswith("]") and len(rest) > 1:
        sent.setdefault(base, {})[rest[:-1]] = list(values)
        return None
    kind = kinds.get(name)
    if kind is dict:
        return f"must be given as {name}[name]=value"
    if kind is None:
        return "is not a parameter of this route"
    if kind is not list and len(values) > 1:
        return "must be given once"
    sent[name] = list(values) if kind is list else values[0]
    return None


def read_body(spec: RouteSpec, raw: bytes) -> tuple[Any, Any, list[Fault]]:
    """Read the body: the model or raw value, the JSON value as sent, and the faults.

    Raises ``TooLarge`` and ``Malformed``. A route without a body takes none or ``{}``, as one does that needs nothing
    said.
    """
    if len(raw) > spec.max_body_bytes:
        raise TooLarge(f"The body has {len(raw)} bytes; at most {spec.max_body_bytes} are accepted.")
    if isinstance(spec.body, RawBody) or spec.method in BODILESS:
        return None, None, []
    value = strict_json.parse(raw) if raw or spec.needs_body else {}
    if spec.body is None:
        return None, value, [] if value == {} else [Fault("", "must be empty: this route takes no body")]
    try:
        return spec.body.model_validate(value), value, []
    except ValidationError as error:
        return None, value, faults_of(error, value, "")


def faults_of(error: ValidationError, value: Any, prefix: str) -> list[Fault]:
    """Name each fault of a validation with its JSON pointer into ``value``, one for each place."""
    found: dict[str, Fault] = {}
    for each in error.errors(include_url=False, include_input=False):
        pointer = prefix + _place_of(each, value)
        found.setdefault(pointer, Fault(pointer, _reason(each)))
    return list(found.values())


def _place_of(error: ErrorDetails, value: Any) -> str:
    """Walk the error's path through the value, leaving out the names of union branches and of dict keys."""
    pointer, here = "", value
    last = len(error["loc"]) - 1
    for index, part in enumerate(error["loc"]):
        if _holds(here, part):
            pointer, here = pointer + pointer_of(part), here[part]
        elif error["type"] == "missing" and index == last:
            pointer += pointer_of(part)
    return pointer


def _holds(here: Any, part: int | str) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


_REASONS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "none_required": "must be null",
}


def _reason(error: ErrorDetails) -> str:
    if error["type"] in _REASONS:
        return _REASONS[error["type"]]
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return message[:1].lower() + message[1:]
