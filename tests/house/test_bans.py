"""What this project does not do: floats, clock reads, scans, skipped tests, swallowed errors, loose ends."""

import ast
import re

from tests.house.sources import Source, at, calls, deployed, files, nodes, sample, sources, text_of
from tests.house.test_imports import domain_of, layer

CLOCK = "chalicelib/shared/clock.py"
CLOCK_READS = re.compile(
    r"(datetime|date|datetime\.datetime|datetime\.date)\.(now|utcnow|today)"
    r"|time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|localtime|gmtime)"
)


def called(of: list[Source], pattern: str | re.Pattern[str]) -> list[str]:
    """Find calls whose dotted name matches whole."""
    found = ((source, call, name) for source in of for call, name in calls(source))
    return [f"{at(source, call)} {name}" for source, call, name in found if re.fullmatch(pattern, name)]


def test_nothing_deployed_makes_a_float() -> None:
    assert called(deployed(), "float") == []
    assert called([sample("float('1')")], "float") != []


def float_literals(of: list[Source]) -> list[str]:
    return [
        at(source, node)
        for source in of
        for node in nodes(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]


def is_exact(source: Source) -> bool:
    """Tell whether a file computes figures: shared and every core file."""
    shared = source.path.startswith("chalicelib/shared/")
    return shared or (domain_of(source.module) is not None and layer(source.module) == "core")


def test_no_float_stands_where_figures_are_computed() -> None:
    assert float_literals([source for source in deployed() if is_exact(source)]) == []
    assert float_literals([sample("RATE = 0.1")]) != []


def test_only_the_clock_reads_the_clock() -> None:
    assert called([source for source in deployed() if source.path != CLOCK], CLOCK_READS) == []
    for line in ("datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "time.time()", "time.monotonic()"):
        assert called([sample(line)], CLOCK_READS) != [], line


def now_readers(of: list[Source]) -> list[str]:
    """Find reads of the domain's now below the edge; ``clock.real_ns`` for sort ids is free."""
    inside = [source for source in of if domain_of(source.module) is not None and layer(source.module) != "edge"]
    return called(inside, r"clock\.(now|set|is_set)|Clock")


def test_now_is_an_argument_below_the_edge() -> None:
    assert now_readers(deployed()) == []
    assert now_readers([sample("clock.now()", "chalicelib/usage/query.py")]) != []
    assert now_readers([sample("clock.now()", "chalicelib/usage/api.py")]) == []
    assert now_readers([sample("clock.real_ns()", "chalicelib/usage/ingest.py")]) == []


def test_nothing_scans_a_table() -> None:
    pattern = r"(.*\.)?(scan|rate_limited_scan|parallel_scan)"
    assert called(deployed(), pattern) == []
    assert called([sample("Segment.scan()")], pattern) != []


SKIP = r"(pytest\.)?(skip|xfail|importorskip)|.*\.(skipif|skip|xfail|skipTest)"


def skipped(of: list[Source]) -> list[str]:
    """Find skipped tests, as calls and as bare decorators."""
    bare = [
        f"{source.path}:{node.lineno}"
        for source in of
        for node in nodes(source)
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "xfail", "skipif"}
    ]
    return called(of, SKIP) + bare


def test_no_test_is_skipped() -> None:
    assert skipped([source for source in sources() if source.path.startswith("tests/")]) == []
    for line in ("pytest.skip('x')", "@pytest.mark.xfail\ndef test_a(): ...", "@pytest.mark.skipif(True)\ndef f(): 1"):
        assert skipped([sample(line, "tests/test_a.py")]) != [], line


def swallowed(of: list[Source]) -> list[str]:
    """Find handlers that do nothing, and blanket ones that do not raise or report."""
    found = []
    for source in of:
        for node in nodes(source):
            if not isinstance(node, ast.ExceptHandler):
                continue
            silent = all(isinstance(line, ast.Pass) or is_ellipsis(line) for line in node.body)
            if silent or node.type is None:
                found.append(at(source, node))
    return found + called(of, r"(contextlib\.)?suppress")


def is_ellipsis(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and line.value.value is ...


def test_no_error_is_swallowed() -> None:
    assert swallowed(deployed()) == []
    assert swallowed([sample("try:\n    f()\nexcept ValueError:\n    pass")]) != []
    assert swallowed([sample("try:\n    f()\nexcept:\n    g()")]) != []
    assert swallowed([sample("with suppress(Exception):\n    f()")]) != []
    assert swallowed([sample("try:\n    f()\nexcept ValueError:\n    return None")]) == []


# Written in two parts, so that this file does not find itself.
LOOSE_ENDS = [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"#\s*XX" + r"X\b", "NotImplemented" + "Error", "inner" + "HTML"]


def loose_ends(name: str, text: str) -> list[str]:
    return [
        f"{name}:{number}: {pattern}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern in LOOSE_ENDS
        if re.search(pattern, line)
    ]


def test_nothing_is_left_for_later() -> None:
    for name in files():
        assert loose_ends(name, text_of(name) or "") == []
    for line in ("# TO" + "DO: later", "raise NotImplemented" + "Error", "node.inner" + "HTML = text"):
        assert loose_ends("sample", line) != []


# Addresses of machines and registries, and talk about how the project was written instead of what it is.
FOREIGN = [
    r"/(work|tmp|root|home|Users)/[a-z]",
    "pythonhosted" + r"\.org",
    r"\bpypi" + r"\.org",
    "registry" + r"\.npmjs",
    "repo1" + r"\.maven|maven" + r"\.org/maven2",
    r"\b(?i:prompts|chat ?bot|co-authored|assistant)\b",
    r"\b(?i:claude|anthropic|chatgpt|copilot)\b",
    r"\b(?i:sub-?agents?|this session|previous session|session of the)\b",
]
# A list with hashes, and a cookbook of the system's own paths.
MAY_NAME_PATHS = {"tests/house/test_bans.py"}


def foreign(name: str, text: str) -> list[str]:
    return [
        f"{name}:{number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern in FOREIGN
        if (match := re.search(pattern, line))
    ]


def test_files_name_no_machine_no_registry_and_not_how_they_were_written() -> None:
    for name in files():
        if name not in MAY_NAME_PATHS:
            assert foreign(name, text_of(name) or "") == []
    for line in ("see /" + "work/shared", "https://pypi" + ".org/simple", "the pro" + "mpts", "/" + "tmp/plan"):
        assert foreign("sample", line) != [], line
    assert foreign("sample", "GET /v1/session, /usr/bin/env, tmp_path") == []
