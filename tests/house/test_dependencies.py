"""Each dependency says what it is for and is locked with hashes; no lock names a host."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def undocumented(lines: list[str]) -> list[str]:
    """List the requirements that no comment stands above or behind."""
    found = []
    above = ""
    for line in (line.strip() for line in lines):
        if line and not line.startswith(("#", "-")) and not above.startswith("#") and "#" not in line:
            found.append(line)
        above = line
    return found


def unpinned(lines: list[str]) -> list[str]:
    """List the requirements that leave their version open."""
    return [line for line in lines if line and line[0].isalpha() and not re.match(r"[\w.\[\]-]+==[\w.]+", line)]


def names(lines: list[str]) -> set[str]:
    """Name the packages of a requirements file in one spelling."""
    found = (re.match(r"([A-Za-z][\w.-]*)", line) for line in lines)
    return {match[1].lower().replace("_", "-").replace(".", "-") for match in found if match}


def read(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


def test_every_dependency_says_what_it_is_for() -> None:
    for name in ("requirements.txt", "requirements/dev.in"):
        assert undocumented(read(name)) == [], name
    assert undocumented(["# why", "a==1", "b==2", "c==3  # why"]) == ["b==2"]


def test_every_dependency_is_pinned() -> None:
    for name in ("requirements.txt", "requirements/dev.in", "requirements/dev.txt"):
        assert unpinned(read(name)) == [], name
    assert unpinned(["a==1.2", "b>=1", "c"]) == ["b>=1", "c"]


def test_the_lock_holds_every_dependency_with_hashes() -> None:
    lock = (ROOT / "requirements/dev.txt").read_text()
    assert names(read("requirements.txt") + read("requirements/dev.in")) <= names(lock.splitlines())
    entries = re.split(r"\n(?=[a-z])", lock.partition("\n#    make lock\n")[2])
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in lock


def test_pins_of_the_runtime_and_of_the_lock_agree() -> None:
    locked = {line.split(" ")[0].lower() for line in read("requirements/dev.txt") if line[:1].isalpha()}
    direct = [line for line in read("requirements.txt") + read("requirements/dev.in") if line[:1].isalpha()]
    assert [line for line in direct if line.lower() not in locked] == []
