"""One word, one meaning: what the glossary bans, and what a suffix or a prefix promises."""

import ast
import re

from tests.house.sources import Source, at, classes, deployed, functions, product, sample, sources, type_of_function

BANNED = {
    *("util", "utils", "helper", "helpers", "common", "manager", "managers"),
    *("process", "processor", "handle", "handler"),
    *("data", "info", "misc", "stuff"),
}
# Words of the trade that have another name here.
OTHER_WORDS = {
    "customer": "organization",
    "customers": "organizations",
    "tenant": "organization",
    "bucket": "quarter-hour",
    "buckets": "quarter-hours",
    "aggregate": "fold",
    "metric": "meter",
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(name: str) -> list[str]:
    """Split a name in snake_case or CamelCase into lower-case words."""
    return [word.lower() for word in WORD.findall(name)]


# Words that mean something in a function's name: an event has data, a machine has processes.
MEANT = {"data", "process"}


def banned(name: str) -> set[str]:
    return BANNED.intersection(words(name))


def is_empty(node: type_of_function | ast.ClassDef) -> bool:
    """Tell whether a name says nothing; that of a test is a sentence and free."""
    if node.name.startswith("test_"):
        return False
    if isinstance(node, ast.ClassDef) or words(node.name)[:1] in (["process"], ["handle"]):
        return bool(banned(node.name))
    return bool(banned(node.name) - (MEANT if len(words(node.name)) > 1 else set()))


def badly_named(of: list[Source]) -> list[str]:
    """Find modules, functions and classes whose name says nothing."""
    found = [source.path for source in of if any(banned(part) for part in source.module.split("."))]
    for source in of:
        for node in [*functions(source), *classes(source)]:
            if is_empty(node):
                found.append(f"{at(source, node)} {node.name}")
    return found


def test_no_name_is_empty_of_meaning() -> None:
    assert badly_named(list(sources())) == []
    assert badly_named([sample("def handle_request(): ...")]) != []
    assert badly_named([sample("def process_event(): ...")]) != []
    assert badly_named([sample("def data(): ...")]) != []
    assert badly_named([sample("class EventData: ...")]) != []
    assert badly_named([sample("x = 1", "chalicelib/usage/utils.py")]) != []
    assert badly_named([sample("def database(): ...\ndef processed_at(): ...\ndef amended_data(): ...")]) == []


def foreign(of: list[Source]) -> list[str]:
    return [
        f"{at(source, node)} {node.name}: say {OTHER_WORDS[word]}"
        for source in of
        for node in [*functions(source), *classes(source)]
        for word in words(node.name)
        if word in OTHER_WORDS
    ]


def test_domains_speak_the_glossary() -> None:
    assert foreign([source for source in deployed() if "/platform/" not in source.path]) == []
    assert foreign([sample("def list_customers(): ...")]) != []


def fields(source: Source) -> list[tuple[ast.AnnAssign, str, str]]:
    """List the annotated fields of classes: node, name, and the annotation as written."""
    return [
        (node, node.target.id, ast.unparse(node.annotation))
        for owner in classes(source)
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def wrong_suffix(of: list[Source]) -> list[str]:
    """Find fields whose type breaks what their suffix promises, and instants or days without one."""
    found = []
    for source in of:
        for node, name, annotation in fields(source):
            promised = suffix_fault(name, annotation.strip("'\""))
            if promised is not None:
                found.append(f"{at(source, node)} {name}: {annotation}: {promised}")
    return found


INSTANTS = {"now", "start", "end", "time", "as_of", "since", "until", "instant", "at", "at_", "from_", "to"}


def suffix_fault(name: str, annotation: str) -> str | None:
    types = {part.strip() for part in annotation.split("|")} - {"None"}
    if name.endswith("_at") and types & {"date", "float"}:
        return "an instant ends in _at"
    if name.endswith("_on") and types & {"datetime", "int", "float"}:
        return "a local day ends in _on"
    if name.endswith("_minor") and types != {"int"}:
        return "minor units are whole numbers"
    if types == {"timedelta"} and name.endswith("_s"):
        return "seconds are numbers"
    allowed = name in INSTANTS or name.endswith(("_at", "_until", "_from", "_start", "_end", "_since", "_to"))
    if types == {"datetime"} and not allowed:
        return "an instant ends in _at"
    return None


def test_suffixes_keep_their_promise() -> None:
    assert wrong_suffix([source for source in product() if source.path.startswith("chalicelib/")]) == []
    for field in ("created_at: date", "paid_on: datetime", "fee_minor: Decimal", "received: datetime | None"):
        assert wrong_suffix([sample(f"class A:\n    {field}")]) != [], field
    assert wrong_suffix([sample("class A:\n    created_at: datetime\n    as_of: datetime\n    fee_minor: int")]) == []


def returns_none(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    if node.returns is None:
        return False
    written = ast.unparse(node.returns).strip("'\"")
    return "None" in re.split(r"[\s|]+", written)


def wrong_prefix(of: list[Source]) -> list[str]:
    """Find a ``get_x`` that may answer nothing and a ``find_x`` that never does (or answers no collection)."""
    found = []
    for source in of:
        for node in functions(source):
            written = ast.unparse(node.returns) if node.returns is not None else ""
            collection = written.lower().startswith(("dict", "list", "mapping", "sequence", "iterator", "tuple", "set"))
            if node.name.startswith("get_") and returns_none(node):
                found.append(f"{at(source, node)} {node.name} may answer None: call it find_")
            if node.name.startswith("find_") and not returns_none(node) and not collection:
                found.append(f"{at(source, node)} {node.name} always answers: call it get_")
    return found


def test_get_raises_and_find_may_answer_nothing() -> None:
    assert wrong_prefix([source for source in product() if source.path.startswith("chalicelib/")]) == []
    assert wrong_prefix([sample("def get_meter() -> Meter | None: ...")]) != []
    assert wrong_prefix([sample("def find_meter() -> Meter: ...")]) != []
    assert wrong_prefix([sample("def find_meters() -> dict[str, Meter]: ...")]) == []
