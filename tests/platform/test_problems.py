import json
import re
from pathlib import Path

import pytest

import app
from chalicelib.platform.answers import Answer
from chalicelib.platform.problems import PROBLEMS, problem_of
from chalicelib.shared import errors
from chalicelib.shared.errors import Busy, DomainError, Fault, InvalidInput
from tests.platform.shop import Shop

PAGES = Path(__file__).parents[2] / "docs" / "problems"
# Groups of the tree: never raised themselves.
GROUPS = {"error", "access-denied"}


def codes() -> set[str]:
    found: set[str] = set()
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        found.add(error.code)
        # Domains may derive errors of their own from the tree.
        waiting += [each for each in error.__subclasses__() if each.__module__ == errors.__name__]
    return found - GROUPS


def test_every_error_of_the_tree_has_a_problem() -> None:
    assert codes() <= set(PROBLEMS)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(PROBLEMS)


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_page_says_what_the_problem_means_and_shows_it(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text()
    problem = PROBLEMS[code]
    assert text.startswith(f"# {code}: {problem.title}\n\nHTTP status {problem.status}. ")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Typical causes",
        "## What to do next",
        "## Example",
    ]
    shown = re.search(r"```json\n(.*)\n```", text, re.DOTALL)
    assert shown is not None
    example = json.loads(shown[1])
    assert list(example) == ["type", "title", "status", "detail", "errors"]
    assert (example["type"], example["title"]) == (f"/problems/{code}", problem.title)
    assert example["status"] == problem.status


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_is_explained_where_its_type_points(code: str, tables: None) -> None:
    sent = Shop(app.app)("GET", f"/problems/{code}", key=None)
    assert sent.json["code"] == code
    assert sent.json["title"] == PROBLEMS[code].title


def test_a_problem_has_the_form_of_rfc_9457() -> None:
    answer = problem_of(InvalidInput("It has 2 faults.", [Fault("/a", "is required"), Fault("/query/b", "is unknown")]))
    assert answer == Answer(
        {
            "type": "/problems/invalid-input",
            "title": "The request has faults.",
            "status": 422,
            "detail": "It has 2 faults.",
            "errors": [{"pointer": "/a", "detail": "is required"}, {"pointer": "/query/b", "detail": "is unknown"}],
        },
        422,
        {},
        "application/problem+json",
    )


def test_busy_says_when_to_come_back() -> None:
    assert problem_of(Busy(retry_after_s=7)).headers == {"Retry-After": "7"}
