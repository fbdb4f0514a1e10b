"""JSON that says one thing."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import strict_json
from schemas.strict_json import DEPTH_LIMIT, MalformedJson

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '[{"a":{"b":1,"b":2}}]', "NaN", "[Infinity]", "[-Infinity]", "", "{", "'a'", "[1,]", "\ufeff{}"],
)
def test_what_two_readers_may_read_differently_is_refused(text: str) -> None:
    with pytest.raises(MalformedJson):
        strict_json.loads(text)


def test_depth_is_bounded_before_the_parser_recurses() -> None:
    assert strict_json.loads("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT)
    for text in ("[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1), "[" * 100_000, '{"a":' * 40 + "1" + "}" * 40):
        with pytest.raises(MalformedJson, match="deeper"):
            strict_json.loads(text)


def test_brackets_inside_strings_are_not_depth() -> None:
    text = json.dumps("[{" * 100 + '\\"[')
    assert strict_json.loads(text) == "[{" * 100 + '\\"['


STRINGS = st.text(alphabet='[]{}"\\\\a\u00e9', max_size=12)


@given(st.integers(DEPTH_LIMIT - 2, DEPTH_LIMIT + 2), st.booleans(), st.lists(STRINGS, min_size=1, max_size=6))
def test_depth_is_exact_whatever_the_strings_hold(depth: int, objects: bool, strings: list[str]) -> None:
    value: Any = strings
    for _ in range(depth - 1):
        value = {strings[0]: value} if objects else [strings[-1], value, []]
    text = json.dumps(value)
    if depth <= DEPTH_LIMIT:
        assert strict_json.loads(text) == value
    else:
        with pytest.raises(MalformedJson, match="deeper than 32"):
            strict_json.loads(text)


def test_decimals_are_exact_both_ways() -> None:
    loaded = strict_json.loads('{"a":0.1,"b":19.90,"c":1234567890123.45}')
    assert loaded == {"a": Decimal("0.1"), "b": Decimal("19.90"), "c": Decimal("1234567890123.45")}
    assert strict_json.dumps(loaded) == '{"a":0.1,"b":19.9,"c":1234567890123.45}'


@given(st.decimals(-(10**12), 10**12, places=2))
def test_every_amount_survives_to_the_cent(amount: Decimal) -> None:
    assert strict_json.loads(strict_json.dumps(amount)) == amount


@given(VALUES)
def test_a_value_survives_and_always_has_the_same_bytes(value: Any) -> None:
    text = strict_json.dumps(value)
    assert text.isascii()
    assert strict_json.loads(text) == value
    assert strict_json.dumps(strict_json.loads(text)) == text


def test_keys_are_sorted() -> None:
    assert strict_json.dumps({"b": 1, "a": {"d": 1, "c": 1}}) == '{"a":{"c":1,"d":1},"b":1}'


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_but_a_refusal_comes_of_nonsense(data: Any) -> None:
    try:
        loaded = strict_json.loads(data)
    except MalformedJson:
        return
    assert strict_json.dumps(loaded)


def test_a_string_that_never_ends_is_looked_at_once() -> None:
    """A look that begins anew at each quote takes hours for these 400 kB."""
    with pytest.raises(MalformedJson):
        strict_json.loads('"\\' * 200_000)


def _spelled(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key} : {value}" for key, value in pairs) + "}"


WORDS = st.text(alphabet='ab:{}[]\u00e9\u2028\x7f\\" ', max_size=3).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
NUMBERS = st.from_regex(
    r"-?[0-9]{1,22}(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True, alphabet="0123456789.eE+-"
)
TEXTS = st.recursive(
    WORDS | NUMBERS | st.sampled_from(["null", "true", "NaN", "-Infinity", '"\\ud800"', '"\t"', "''", "01"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(WORDS, inner), max_size=3).map(_spelled)
    ),
    max_leaves=8,
)
"""What may be JSON: also with keys that stand twice, numbers out of range and characters that must not be there."""


@given(TEXTS)
def test_the_quick_parser_says_what_the_strict_one_does_or_nothing(text: str) -> None:
    try:
        quick = strict_json._read_at_once(text)
    except strict_json._Unclear:
        return
    strict = strict_json._read(text)
    assert repr(quick) == repr(strict)


@pytest.mark.parametrize("text", ['[{"a":1.50,"b":[":","{"]},{"a":null}]', '{"\u00e9":-1e5}', '"}{"', "7"])
def test_the_quick_parser_takes_what_senders_send(text: str) -> None:
    assert repr(strict_json._read_at_once(text)) == repr(strict_json._read(text))
