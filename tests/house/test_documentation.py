"""The documents are true where a test can tell: links, paths, the tests they name, problem pages, READMEs."""

import ast
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import PurePosixPath

from chalicelib.platform.problems import PROBLEMS
from tests.house.sources import ROOT, Source, classes, deployed, files, sample, sources, text_of

# Errors that are never raised themselves: what their kinds have in common.
GROUPS = {"error", "access-denied"}
DOCUMENTS = [name for name in files() if name.endswith(".md")]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+)`")
TOP = sorted({name.partition("/")[0] for name in files() if "/" in name})


def exists(path: str) -> bool:
    """Tell whether a path, perhaps with ``*``, names something committed."""
    wanted = path.rstrip("/")
    return any(name == wanted or name.startswith(f"{wanted}/") or fnmatch(name, wanted) for name in files())


def resolve(document: str, link: str) -> str:
    """Turn a link, seen from its document, into a path from the top."""
    parts: list[str] = []
    for part in (PurePosixPath(document).parent / link).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def anchor_of(heading: str) -> str:
    plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", lambda match: match[1] or "", heading.strip())
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {anchor_of(match[1]) for match in re.finditer(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)}


def broken_links(document: str, text: str) -> list[str]:
    """List the relative links whose target, or whose heading in it, does not exist."""
    found = []
    for match in LINK.finditer(FENCE.sub("", text)):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = resolve(document, target) if target else document
        if target and not exists(path):
            found.append(f"{document}: {link}")
        elif anchor and anchor not in anchors(text if path == document else text_of(path) or ""):
            found.append(f"{document}: {link}: no such heading")
    return found


def test_every_relative_link_leads_somewhere() -> None:
    assert [link for name in DOCUMENTS for link in broken_links(name, text_of(name) or "")] == []
    assert broken_links("README.md", "see [x](docs/nothing.md) and [y](#nowhere)") == [
        "README.md: docs/nothing.md",
        "README.md: #nowhere: no such heading",
    ]
    assert broken_links("docs/x.md", "# A `b` c\n[x](../README.md) [y](#a-b-c) [z](https://example.com)") == []


def named_paths(text: str) -> list[str]:
    """List what stands in backquotes and looks like a path of this project."""
    quoted = (match[1].split("::")[0] for match in QUOTED.finditer(FENCE.sub("", text)))
    return [path for path in quoted if re.fullmatch(r"[\w.*-]+(/[\w.*-]*)+", path) and path.partition("/")[0] in TOP]


def missing_paths(document: str, text: str) -> list[str]:
    return [f"{document}: {path}" for path in named_paths(text) if not exists(path) and not is_built(path)]


def is_built(path: str) -> bool:
    """Tell whether a path is made by a command and not committed: what .gitignore names."""
    ignored = [line.rstrip("/") for line in (text_of(".gitignore") or "").splitlines() if line and line[0] != "#"]
    return any(path.startswith(line) for line in ignored)


def test_every_path_in_the_documents_exists() -> None:
    assert [path for name in DOCUMENTS for path in missing_paths(name, text_of(name) or "")] == []
    assert missing_paths("README.md", "in `chalicelib/nothing.py`, `tests/house/test_nothing.py::test_x`") != []
    assert missing_paths("README.md", "in `chalicelib/shared/` and `POST /v1/events`, `text/csv`") == []


@cache
def defined_tests() -> frozenset[str]:
    names: set[str] = set()
    for source in sources():
        if source.path.startswith("tests/"):
            names |= set(re.findall(r"^\s*(?:async )?def (test_\w+)", source.text, re.MULTILINE))
            names.add(source.name)
    return frozenset(names)


def unknown_tests(document: str, text: str) -> list[str]:
    """List the tests that a document names and nobody wrote."""
    named = re.findall(r"\b(test_\w+)\b", FENCE.sub("", text))
    return [f"{document}: {name}" for name in named if name not in defined_tests()]


def test_every_test_that_a_document_names_exists() -> None:
    assert [name for document in DOCUMENTS for name in unknown_tests(document, text_of(document) or "")] == []
    assert unknown_tests("ARCHITECTURE.md", "see `test_that_nobody_wrote`") != []


def unproven(text: str) -> list[str]:
    """List the rows of the table of invariants that name no test."""
    section = re.search(r"^## Invariants$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    rows = [line for line in (section[1] if section else "").splitlines() if line.startswith("| ")][1:]
    assert rows, "there is no table of invariants"
    return [row for row in rows if not re.search(r"test_\w+", row)]


def test_every_invariant_names_its_test() -> None:
    assert unproven(text_of("ARCHITECTURE.md") or "") == []
    assert unproven("## Invariants\n| what | test |\n|---|---|\n| a | `test_a` |\n| b | later |\n") == ["| b | later |"]


def test_every_domain_has_a_readme() -> None:
    domains = {"catalog", "usage", "credits", "invoices", "console"}
    assert [name for name in sorted(domains) if text_of_or_none(f"chalicelib/{name}/README.md") is None] == []
    assert text_of_or_none("chalicelib/nothing/README.md") is None


def text_of_or_none(path: str) -> str | None:
    return text_of(path) if path in files() else None


def codes(of: list[Source]) -> set[str]:
    """List the codes of all errors that a caller can see: ``code = "…"`` in the body of a class."""
    lines = [ast.unparse(line) for source in of for owner in classes(source) for line in owner.body]
    return {match[1] for line in lines if (match := re.match(r"code(?:: [^=]+)? = '([a-z-]+)'$", line))}


def test_every_problem_has_a_page() -> None:
    pages = {PurePosixPath(name).stem for name in files() if name.startswith("docs/problems/")} - {"README"}
    assert pages == set(PROBLEMS)
    assert codes(deployed()) - GROUPS - pages == set()
    assert codes([sample("class A(B):\n    'why'\n    code = 'a-b'\n    other = 'c'")]) == {"a-b"}


DECISION = ("## Context", "## Decision", "## Consequences", "## How we would notice that it was wrong")


def unfit_decisions(pages: dict[str, str]) -> list[str]:
    """List the decision records out of sequence, without one of the parts, or longer than a page."""
    found = []
    for number, (name, text) in enumerate(sorted(pages.items()), 1):
        if not name.startswith(f"{number:04}-"):
            found.append(f"{name}: number {number:04} expected")
        found += [f"{name}: no {part}" for part in DECISION if f"\n{part}\n" not in text]
        if len(text.splitlines()) > 60:
            found.append(f"{name}: longer than a page")
    return found


def test_decisions_are_numbered_complete_and_short() -> None:
    pages = {PurePosixPath(name).name: text_of(name) or "" for name in files() if name.startswith("docs/decisions/")}
    assert len(pages) >= 8
    assert unfit_decisions(pages) == []
    assert len(unfit_decisions({"0002-x.md": "# x\n"})) == 5


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", text_of("CHANGELOG.md") or "", re.MULTILINE)
    assert headings[:1] == ["Unreleased"]


def test_the_readme_names_the_two_commands() -> None:
    text = text_of("README.md") or ""
    assert "make run" in text
    assert "make test" in text
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in DOCUMENTS:
        assert set(re.findall(r"`make ([a-z]+)", text_of(name) or "")) <= targets, name
