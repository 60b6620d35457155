"""Problems that the local server answers before the app sees the request, worded by the app's own table."""

from chalicelib.platform.answers import Answer
from chalicelib.platform.problems import internal_problem, problem_of, problem_of_status
from chalicelib.shared.errors import DomainError
from local.http_server import HttpAnswer, Unreadable


def refused(error: DomainError) -> HttpAnswer:
    """Answer with the problem of a domain error."""
    return _sent(problem_of(error))


def unreadable(fault: Unreadable) -> HttpAnswer:
    """Answer a request that could not be read off the wire."""
    return _sent(problem_of_status(fault.status, str(fault)))


def wrong_method(allowed: str) -> HttpAnswer:
    """Answer a method that a route does not know."""
    return _sent(problem_of_status(405, f"Only {allowed} is possible here.", {"Allow": allowed}))


def failed() -> HttpAnswer:
    """Answer what nobody expected."""
    return _sent(internal_problem())


def _sent(answer: Answer) -> HttpAnswer:
    headers = (("Content-Type", answer.media_type), ("Cache-Control", "no-store"), *answer.headers.items())
    return HttpAnswer(answer.status, headers, answer.content())
