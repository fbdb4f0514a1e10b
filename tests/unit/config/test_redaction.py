"""Redaction: by key and by pattern, whatever a credential is wrapped in."""

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import redact, redact_text

SECRET = "s3cr3t-V4lue.x"
SECRET_KEYS = (
    "access_token",
    "refresh_token",
    "client_secret",
    "password",
    "api_key",
    "verifier_token",
    "Authorization",
)

Wrap = Callable[[dict[str, str]], str]
WRAPS: tuple[Wrap, ...] = (json.dumps, lambda pairs: json.dumps(pairs, indent=2), repr, urllib.parse.urlencode)


@pytest.mark.parametrize(
    "key",
    [
        "Authorization",
        "access_token",
        "refresh_token",
        "token",
        "client_secret",
        "password",
        "api_key",
        "apikey",
        "intuit-signature",
        "verifier_token",
        "code",
        "Cookie",
    ],
)
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET], {"x": SECRET}])
def test_a_telling_key_hides_its_whole_value(key: str, value: Any) -> None:
    assert SECRET not in repr(redact({key: value}))
    assert SECRET not in repr(redact([{"deep": {key: value}}]))


@pytest.mark.parametrize("key", ["sync_token", "SyncToken", "token_expires_at", "record", "intuit_tid", "error_code"])
def test_a_harmless_key_keeps_its_value(key: str) -> None:
    assert redact({key: "7"}) == {key: "7"}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "basic {}",
        "detail: Token expired: {}",
        "Token invalid: {}",
        "GET /callback?code={}&state=1",
        "refresh_token={}",
        "client_secret={} and more",
        "postgresql://user:{}@host/db",
        "amqp://user:{}@host:5672/",
    ],
)
def test_a_credential_inside_a_text_is_cut_out(text: str) -> None:
    spelled = text.format(SECRET)
    for value in (spelled, spelled.encode(), ValueError(spelled), [spelled], {"message": spelled}):
        assert SECRET not in repr(redact(value))


@pytest.mark.parametrize("token", ["whsec_AbC+/=", "eyJhbGciOi12345.abc-DEF.g_h"])
def test_a_credential_of_known_shape_is_cut_out_anywhere(token: str) -> None:
    assert token not in redact_text(f"x {token} y")


@pytest.mark.parametrize(
    "text",
    [
        "Exception closing connection <psycopg.Connection [BAD] (host=db.internal user=kim database=ledger) at 0x7f>",
        "Engine(postgresql+psycopg://kim:***@db.internal:5432/ledger)",
        "connected to amqps://kim:**@db.internal:5671/ledger",
        "sqlite:////srv/ledger/books.db is locked",
    ],
)
def test_the_address_of_a_database_or_a_broker_is_cut_out(text: str) -> None:
    """SQLAlchemy's pool logs connections as their drivers show them."""
    redacted = redact_text(text)
    assert [part for part in ("kim", "db.internal", "ledger") if part in redacted] == []
    assert redact_text(redacted) == redacted


def test_an_ordinary_sentence_stays_as_it_is() -> None:
    text = "Invoice 1043: its number is taken in QuickBooks (operation 7, 19.99 USD)."
    assert redact_text(text) == text


@pytest.mark.parametrize("outer", [None, *WRAPS])
@pytest.mark.parametrize("inner", WRAPS)
def test_a_harmless_key_inside_a_text_keeps_its_value(inner: Wrap, outer: Wrap | None) -> None:
    text = inner({"sync_token": "17", "SyncToken": "18", "DocNumber": "1043"})
    wrapped = outer({"body": text}) if outer else text
    assert redact_text(wrapped) == wrapped


@pytest.mark.parametrize(
    "text",
    [
        "QuickBooks refused a token: invalid_grant",
        '{"Fault": {"Error": [{"Message": "Duplicate Document Number Error", "code": "6140"}]}}',
        "RAVEBOOKS_TOKEN_KEYS is wrong: the ring is empty.",
        "the ravetree_token of c1 was sealed with key 2, which the ring does not have",
    ],
)
def test_a_sentence_about_a_credential_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '{{"tokens": ["{0}", "{0}"]}}',
        'code: {{"access_token": "{0}"}}',
        'cut off: {{"access_token": "{0}',
        "Cookie: a=b; session={0}",
        "Authorization%3A+Bearer+{0}",
        "{{'access_token': b'{0}'}}",
        "password: {0}",
    ],
)
def test_a_credential_in_an_uncommon_shape_is_cut_out(text: str) -> None:
    redacted = redact_text(text.format(SECRET))
    assert SECRET not in redacted
    assert redact_text(redacted) == redacted


# Long and unlike anything else that stands in a line.
signs = st.characters(min_codepoint=32, max_codepoint=0x2FF) | st.sampled_from("\"'\\&%+={}[]:, ")
secrets = st.text(signs, min_size=3).map(lambda text: f"q7Zx{text}Kv9Y")


@given(
    secret=secrets,
    key=st.sampled_from(SECRET_KEYS),
    inner=st.sampled_from(WRAPS),
    outer=st.sampled_from([None, *WRAPS]),
    neighbour=st.text(),
)
def test_whatever_a_secret_is_wrapped_in_it_is_cut_out(
    secret: str, key: str, inner: Wrap, outer: Wrap | None, neighbour: str
) -> None:
    text = inner({"memo": neighbour.replace("\ud800", ""), key: secret, "next": "1"})
    if outer is not None:
        text = outer({"body": text, "status": "200"})
    redacted = redact_text(f"answered {text}")
    assert "q7Zx" not in redacted
    assert "Kv9Y" not in redacted
    assert redact_text(redacted) == redacted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.tuples(st.text()), inner),
    max_leaves=8,
)


@given(json_values)
def test_whatever_is_redacted_is_strict_json_afterwards(value: Any) -> None:
    json.dumps(redact({"value": value}), allow_nan=False)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_is_spelled(number: float) -> None:
    assert json.dumps(redact({"seconds": [number]}), allow_nan=False) == f'{{"seconds": ["{number}"]}}'


def test_what_cannot_be_spelled_or_contains_itself_costs_no_line() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise ValueError("not today")

    circle: list[Any] = [Mute()]
    circle.append(circle)
    assert "a Mute that cannot be shown" in json.dumps(redact(circle))
