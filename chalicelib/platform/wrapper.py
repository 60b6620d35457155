"""The one route wrapper: every request goes through here, in this order.

credential → role → organization → path → query, headers and body (all faults at once) → idempotency key → the route's
function → its writes with the idempotency record → the answer. Chalice turns exceptions of a view into its own 500
before any middleware runs, so errors become problems here; Chalice's own refusals are reshaped by the middleware.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from chalice.app import Chalice, Response

from chalicelib.platform import auth, idempotency, logging, requests
from chalicelib.platform.answers import BINARY_TYPES, Answer
from chalicelib.platform.http import Request, Routes, RouteSpec
from chalicelib.platform.metrics import Metric
from chalicelib.platform.problems import internal_problem, problem_of, problem_of_status
from chalicelib.platform.writes import Effect, run_command
from chalicelib.shared.clock import clock
from chalicelib.shared.errors import DomainError, Fault, Forbidden, InvalidInput, RangeTooLarge

MAX_ANSWER_BYTES = 5_000_000
# What a path names and a line of the log is found by.
_NAMED_BY_PATH = (("organization", "org"), ("invoice", "invoice"))
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

# Of this thread, unlike Chalice's current_request.
_current: ContextVar[Any] = ContextVar("chalice_request")


def serve(app: Chalice, *domains: Routes) -> None:
    """Register the middleware, the types that are not text, and the routes of every domain on the app."""
    logging.guard(app.log)
    app.api.binary_types += [media for media in BINARY_TYPES if media not in app.api.binary_types]
    app.register_middleware(middleware, "http")
    for routes in domains:
        app.register_blueprint(routes.blueprint())


def middleware(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Keep the request for its view, and reshape what Chalice itself refuses into a problem."""
    token = _current.set(request)
    try:
        response = get_response(request)
    finally:
        _current.reset(token)
        logging.flush_counts()
    if isinstance(response.body, dict) and set(response.body) == {"Code", "Message"}:
        return _response(_reshaped(request, response))
    return response


def _reshaped(request: Any, response: Response) -> Answer:
    """Turn Chalice's 405, 415, 400 and 500 into problems."""
    status = response.status_code
    details = {
        400: "An answer that is not text needs an Accept header with its media type, such as application/pdf.",
        405: "This path does not know the method.",
        415: "The content type is not one that this path takes.",
    }
    kept = {name: str(value) for name, value in response.headers.items() if name == "Allow" and value}
    detail = details.get(status, "Not possible.")
    answer = internal_problem() if status >= 500 else problem_of_status(status, detail, kept)
    logging.count(Metric.FAULTS, int(answer.status >= 500))
    logging.log("request", method=getattr(request, "method", None), status=answer.status)
    return answer


def chalice_view(spec: RouteSpec) -> Callable[..., Response]:
    """Make the view that Chalice calls for a route."""

    def view(**path: str) -> Response:
        return _response(_answer_or_problem(spec, _current.get(), path))

    view.__name__ = spec.name
    return view


def failed_import(fault: Exception, *, method: str, path: str) -> Response:
    """Answer a request whose route could not be imported as any other unexpected fault."""
    logging.count(Metric.FAULTS)
    logging.log_fault("unexpected fault", fault, route=path, method=method, status=500)
    return _response(internal_problem())


def _response(answer: Answer) -> Response:
    body = answer.content()
    headers: dict[str, str | list[str]] = {**_ALWAYS, "Content-Type": answer.media_type, **answer.headers}
    return Response(body if answer.is_binary else body.decode(), headers, answer.status)


def _answer_or_problem(spec: RouteSpec, sent: Any, path: dict[str, str]) -> Answer:
    started_ns = clock.real_ns()
    failure: Exception | None = None
    with logging.noting() as noted:
        noted["request_id"] = sent.context.get("requestId")
        try:
            answer = _written(spec, _answer(spec, sent, path, noted=noted))
            # Only now is it certain that they name something, and are not any text.
            noted.update({key: path[name] for key, name in _NAMED_BY_PATH if name in path and answer.status < 400})
        except DomainError as error:
            answer = problem_of(error)
            noted["code"] = error.code
            logging.count(Metric.BUSY, int(answer.status == 503))
        except Exception as fault:  # noqa: BLE001 - the last resort: logged, and told without any detail
            failure = fault
            logging.count(Metric.FAULTS)
            answer = internal_problem()
        duration_ms = (clock.real_ns() - started_ns) // 10**6
        told = {"route": spec.path, "method": spec.method, "status": answer.status, "duration_ms": duration_ms}
        logging.tell("request", failure, **told, **noted)
    return answer


def _written(spec: RouteSpec, answer: Answer) -> Answer:
    """Write the body, once; raises ``RangeTooLarge`` for what Lambda could not carry."""
    content = answer.content()
    carried = len(content) * 4 // 3 if answer.is_binary else len(content)
    if spec.method == "GET" and carried > MAX_ANSWER_BYTES:
        raise RangeTooLarge(f"The answer would have more than {MAX_ANSWER_BYTES} bytes.")
    return Answer(content, answer.status, answer.headers, answer.media_type)


def _answer(spec: RouteSpec, sent: Any, path: dict[str, str], *, noted: dict[str, Any]) -> Answer:
    now, headers = clock.now(), requests.read_headers(sent)
    caller = None
    if spec.scope != "public":
        caller = auth.authenticate(headers, now)
        noted.update(caller=caller.id, role=str(caller.role), organization=caller.organization)
        _authorize(spec, caller, path)
    requests.check_variables(path)
    raw = requests.read_raw_body(spec, sent)
    body, content, faults = requests.read_body(spec, raw)
    parameters = requests.read_parameters(sent)
    query, query_faults = requests.read_query(spec.query, parameters)
    if spec.idempotent:
        faults = [*idempotency.check_key(headers), *faults]
    _refuse([*query_faults, *faults])
    request = Request(
        route=spec,
        path=path,
        query=query,
        parameters=parameters,
        body=body,
        raw_body=raw,
        headers=headers,
        base_url=requests.read_base_url(sent, headers),
        now=now,
        signed_in=caller,
    )
    return _run(request, content)


def _authorize(spec: RouteSpec, caller: auth.Caller, path: dict[str, str]) -> None:
    auth.require_role(caller, spec.roles)
    if spec.scope == "organization":
        auth.require_organization(caller, path["org"])
    if spec.scope == "global" and caller.organization is not None:
        raise Forbidden("This needs a credential that is not bound to one organization.")


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidInput("The request has a fault." if len(faults) == 1 else f"It has {len(faults)} faults.", faults)


def _run(request: Request, content: Any) -> Answer:
    """Call the route's function and commit what it wants written, once for each idempotency key."""
    spec = request.route

    def decide() -> Effect:
        with logging.traced(spec.name):
            decided = spec.view(request)
        return decided if isinstance(decided, Effect) else Effect(decided)

    key = request.headers.get(idempotency.HEADER)
    if not spec.idempotent or key is None or request.signed_in is None:
        return run_command(decide, attempts=spec.attempts)
    route = f"{spec.method} {spec.path.format(**request.path)}"
    parameters = [[name, *values] for name, values in sorted(request.parameters.items())]
    return idempotency.run_once(
        idempotency.request_key(
            caller=request.caller.id, route=route, key=key, content=[parameters, content], now=request.now
        ),
        decide,
        attempts=spec.attempts,
    )
