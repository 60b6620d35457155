"""The one table from errors to HTTP: RFC 9457 problems, for the domain's errors, for Chalice's and for the gateway's.

Titles come from the errors' docstrings; what a problem means and what to do next stands here (served at
``/problems/<code>``) and, at length, in ``docs/problems``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.platform.answers import PROBLEM, Answer
from chalicelib.shared.errors import Busy, DomainError, Fault, InFlight, NotFound, Unauthenticated
from chalicelib.shared.values import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem: its code, its status, what it means and what to do next."""

    code: str
    status: int
    title: str
    explanation: str


def _titles() -> dict[str, str]:
    found: dict[str, str] = {}
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        assert error.__doc__ is not None
        found.setdefault(error.code, error.__doc__.strip().partition("\n")[0])
    return found


# What no domain raises: HTTP's own.
_OWN_TITLES = {
    "method-not-allowed": "This path does not know the method.",
    "rate-limited": "Too many requests.",
    "internal-error": "Something went wrong here.",
    "timeout": "The answer took too long.",
}

_MEANINGS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The body or a header could not be read. Send strict JSON in UTF-8: no NaN, no key twice."),
    "invalid-cursor": (400, "A cursor continues only the list, filters and organization it came from. Start again."),
    "unauthenticated": (401, "Send a valid API key or portal token as `Authorization: Bearer …`."),
    "forbidden": (403, "The credential is valid but its role or its organization does not allow this."),
    "history-limit": (403, "The plan shows usage back to a certain day only. Ask for a later `from`."),
    "not-found": (404, "There is no such thing, or it belongs to another organization."),
    "method-not-allowed": (405, "Use one of the methods named in the header `Allow`."),
    "conflict": (409, "The request is fine, but the current state does not allow it. Read the state, then decide."),
    "already-exists": (409, "The id or key is taken by something with other content. Choose another."),
    "event-voided": (409, "A voided event stays voided: it can be neither amended nor sent again."),
    "insufficient-credit": (409, "Less credit remains than is asked for. Hold less, release holds, or add credit."),
    "in-flight": (409, "A request with the same idempotency key is at work. Send it again after `Retry-After`."),
    "too-large": (413, "The request has too many bytes or too many things. Send it in parts."),
    "unsupported-media-type": (415, "Send one of the content types that the API document names for this path."),
    "invalid-input": (422, "`errors` names every fault with its place. Mend them all, then send the request again."),
    "range-too-large": (422, "The answer would be too large. Ask for a shorter range, larger windows or fewer groups."),
    "idempotency-key-reused": (422, "This key came with another body before. A new request needs a new key."),
    "rate-limited": (429, "Slow down, and send the request again after `Retry-After`."),
    "internal-error": (500, "The request may or may not have been carried out. Send it again with the same key."),
    "busy": (503, "Too many writers at once. Nothing is wrong: send the request again after `Retry-After`."),
    "timeout": (504, "The request may or may not have been carried out. Ask for less, or send it again."),
}

PROBLEMS: Mapping[str, Problem] = {
    code: Problem(code, status, {**_titles(), **_OWN_TITLES}[code], explanation)
    for code, (status, explanation) in _MEANINGS.items()
}

_OF_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-input",
    429: "rate-limited",
    503: "busy",
    504: "timeout",
}


def problem_of(error: DomainError) -> Answer:
    """Turn a domain error into the answer that tells the caller: code, detail, every fault with its place."""
    headers: dict[str, str] = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, InFlight):
        headers["Retry-After"] = "1"
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return _answer(PROBLEMS[error.code], error.detail, error.faults, headers)


def internal_problem() -> Answer:
    """Answer what nobody expected, without any detail of it."""
    return _answer(PROBLEMS["internal-error"], "The fault has been logged.")


def problem_of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Turn a bare status, as frameworks and gateways give it, into a problem."""
    problem = PROBLEMS[_OF_STATUS.get(status, "internal-error" if status >= 500 else "malformed")]
    return _answer(problem, detail, (), headers)


def gateway_problem(status: int, *, is_unknown_path: bool = False) -> Answer:
    """Answer what API Gateway refuses by itself, as the deployed gateway's responses do.

    Its 403 "Missing Authentication Token" means a path that no route knows: ``is_unknown_path`` makes it a 404.
    """
    if is_unknown_path:
        return problem_of(NotFound("No route has this path."))
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    problem = PROBLEMS[_OF_STATUS.get(status, "internal-error" if status >= 500 else "malformed")]
    return _answer(problem, problem.explanation, (), headers)


def _answer(
    problem: Problem, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults],
    }
    return Answer(body, status=problem.status, headers=headers or {}, media_type=PROBLEM)
