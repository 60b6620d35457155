"""Problems (RFC 9457) that the local server answers itself, before the app sees the request."""

import json

from local.http_server import HttpAnswer, Unreadable

_TITLES = {
    "malformed": (400, "The request cannot be read."),
    "forbidden": (403, "The credential does not allow this."),
    "not-found": (404, "There is no such thing."),
    "method-not-allowed": (405, "The method is not allowed here."),
    "too-large": (413, "The request is too large."),
    "invalid-input": (422, "The request has faults."),
    "internal-error": (500, "Something is wrong on our side."),
}


def problem_answer(code: str, detail: str) -> HttpAnswer:
    """Make the answer of a problem by its code."""
    status, title = _TITLES[code]
    document = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, "errors": []}
    headers = (("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"))
    return HttpAnswer(status, headers, json.dumps(document).encode())


def refuse(unreadable: Unreadable) -> HttpAnswer:
    """Make the answer to a request that could not be read off the wire."""
    answer = problem_answer(unreadable.code, unreadable.detail)
    return HttpAnswer(unreadable.status, answer.headers, answer.body)
