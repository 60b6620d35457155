"""The public routes of the platform itself: is it up, what does it offer, what does a problem mean."""

import json
from functools import cache

from chalicelib.platform import openapi
from chalicelib.platform.fields import AnswerModel
from chalicelib.platform.http import Answer, Request, Routes, registered_routes
from chalicelib.platform.problems import PROBLEMS
from chalicelib.shared.errors import NotFound

routes = Routes("platform")


class HealthAnswer(AnswerModel):
    """The service answers."""

    status: str


class ProblemPage(AnswerModel):
    """What a problem code means."""

    code: str
    status: int
    title: str
    explanation: str


@routes.get("/health", scope="public", answers={200: HealthAnswer})
def read_health(request: Request) -> Answer:
    """Tell that the service answers; reads nothing."""
    del request
    return Answer({"status": "ok"})


@routes.get("/openapi.json", scope="public", answers={200: {"type": "object"}})
def read_openapi(request: Request) -> Answer:
    """Describe every route, shape and problem (OpenAPI 3.1)."""
    del request
    return Answer(_document(tuple(f"{spec.method} {spec.path}" for spec in registered_routes())))


@cache
def _document(routes_listed: tuple[str, ...]) -> bytes:
    specs = registered_routes()
    assert len(specs) == len(routes_listed)
    return json.dumps(openapi.document(specs), ensure_ascii=False, separators=(",", ":")).encode()


@routes.get("/problems/{code}", scope="public", answers={200: ProblemPage}, problems=("not-found",))
def read_problem(request: Request) -> Answer:
    """Explain a problem code: what it means and what to do next."""
    problem = PROBLEMS.get(request.path["code"])
    if problem is None:
        raise NotFound("There is no such problem.")
    return Answer({
        "code": problem.code,
        "status": problem.status,
        "title": problem.title,
        "explanation": problem.explanation,
    })
