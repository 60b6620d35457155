"""The reader lets nothing through that is not strict JSON, and changes nothing that is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shared.errors import Malformed, TooLarge
from chalicelib.shared.numbers import JsonNumber
from chalicelib.shared.strict_json import MAX_DEPTH, canonical, dump, parse
from tests.cpu_time import least_cpu_s

REFUSED = {
    "nothing": b"",
    "only spaces": b"  \n",
    "two documents": b"{} {}",
    "NaN": b'{"a": NaN}',
    "infinity": b"[Infinity]",
    "negative infinity": b"[-Infinity]",
    "a duplicate key": b'{"a": 1, "a": 1}',
    "a duplicate key deep inside": b'[{"b": {"a": 1, "c": 2, "a": 3}}]',
    "a duplicate key by escape": b'{"a": 1, "\\u0061": 2}',
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "an encoded surrogate": b'"\xed\xa0\x80"',
    "the first half of a pair": b'"\\ud83d"',
    "the second half of a pair": b'{"a": ["\\ude00"]}',
    "half a pair in a key": b'{"\\ud83d": 1}',
    "halves in the wrong order": b'"\\ude00\\ud83d"',
    "a trailing comma": b"[1,]",
    "single quotes": b"{'a': 1}",
    "a comment": b"[1] // one",
    "a bare control character": b'"\x01"',
    "an escape that is none": b'"\\x41"',
    "an underscore in a number": b"[1_000]",
    "a leading zero": b"[01]",
    "a plus sign": b"[+1]",
    "no digit before the point": b"[.5]",
    "hexadecimal": b"[0x10]",
    "Arabic digits": "[٣]".encode(),
    "a wrong constant": b"[True]",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_strict_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


def nested(depth: int, pair: tuple[str, str]) -> bytes:
    return (pair[0] * depth + "1" + pair[1] * depth).encode()


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_depth_sixteen_is_read_and_seventeen_is_not(pair: tuple[str, str]) -> None:
    parse(nested(MAX_DEPTH, pair))
    with pytest.raises(Malformed, match="deeper than 16 levels"):
        parse(nested(MAX_DEPTH + 1, pair))


@pytest.mark.parametrize("raw", [
    b"[" * 900_000,
    nested(5_000, ("[", "]")),
    nested(900, ('{"a":', "}")) + b" ",
    b'["\\u0041"' + b",[" * 5000 + b"]" * 5001,
], ids=["open brackets", "deep", "quite deep", "deep with an escape"])  # fmt: skip
def test_any_deeper_nesting_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


def test_the_size_limit_is_inclusive() -> None:
    assert parse(b'"12345678"', max_bytes=10) == "12345678"
    with pytest.raises(TooLarge):
        parse(b'"123456789"', max_bytes=10)


def test_huge_exponents_stay_literals_and_cost_nothing() -> None:
    def parse_them() -> None:
        written = [JsonNumber(text) for text in ("1E+1000000", "-0", "1.0", "1e-07")]
        assert parse(b"[1E+1000000, -0, 1.0, 1e-07]") == written
        assert parse(b"9" * 100_000) == JsonNumber("9" * 100_000)

    assert least_cpu_s(parse_them) < 0.05


def test_one_duplicate_among_many_keys_is_found_at_once() -> None:
    raw = "{" + ",".join(f'"k{n}":1' for n in range(50_000)) + ',"z":1,"z":2}'

    def refuse() -> None:
        with pytest.raises(Malformed, match="'z' comes twice"):
            parse(raw.encode())

    assert least_cpu_s(refuse) < 1



def test_a_long_duplicate_key_is_not_repeated_in_full() -> None:
    key = "k" * 10_000
    with pytest.raises(Malformed) as refused:
        parse(f'{{"{key}":1,"{key}":2}}'.encode())
    assert len(refused.value.detail) < 200


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("raw", [b"null", b"true", b"false", b'""', b"{}", b"[]", b"0", b'{"":{"":[]}}', b'"\\u0000"'])
def test_every_kind_of_value_is_read(raw: bytes) -> None:
    assert dump(parse(raw)).encode() == raw


LITERALS = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-10, max_value=10).map(str),
    st.sampled_from(["-0", "0.0", "1e5", "1E-7", "1E+1000000"]),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), TEXT, LITERALS.map(JsonNumber)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=10,
)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(child) for child in value] if isinstance(value, list) else value


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(dump(value).encode()) == value


@given(VALUES)
def test_canonical_text_forgets_the_order_of_keys_and_nothing_else(value: Any) -> None:
    assert canonical(shuffled(value)) == canonical(value)
    assert parse(canonical(value).encode()) == value


@given(VALUES, VALUES)
def test_canonical_text_is_equal_exactly_for_equal_documents(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


def test_a_float_never_leaves() -> None:
    with pytest.raises(AssertionError):
        dump({"amount": 0.1})
