"""Tokens for the API."""

import pytest

from console.access.tokens import Bearer, TokenRefused, Tokens
from storage.api_tokens import UnknownToken
from storage.database import Database
from tests.unit.ports import FakeClock, SeededEntropy


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(database: Database, clock: FakeClock) -> Tokens:
    return Tokens(database, clock, SeededEntropy(), "the first one")


def test_a_token_opens_until_it_is_revoked(tokens: Tokens) -> None:
    token, row = tokens.make("reports", "read", "org_1", "Kim")
    assert token.startswith("rvb_")
    assert token not in row.digest
    assert tokens.bearer(token) == Bearer("reports", "read", "org_1")
    tokens.revoke(row.id)
    assert tokens.bearer(token) is None
    with pytest.raises(UnknownToken):
        tokens.revoke(99)


def test_the_token_of_the_settings_may_do_everything(tokens: Tokens, database: Database) -> None:
    assert tokens.bearer("the first one") == Bearer("RAVEBOOKS_API_TOKEN", "operate")
    assert [tokens.bearer(wrong) for wrong in ("", "The first one", "rvb_", "rvb_ü")] == [None] * 4
    assert Tokens(database, tokens.clock, tokens.entropy, "").bearer("") is None


def test_its_use_is_noted_now_and_then(tokens: Tokens, clock: FakeClock) -> None:
    token, row = tokens.make("reports", "read")
    assert row.used_at is None
    used = []
    for seconds in (0, 60, 600):
        clock.advance(seconds)
        tokens.bearer(token)
        used.append(tokens.every()[0].used_at)
    assert used[0] == used[1] != used[2] == clock.now()


@pytest.mark.parametrize(
    ("name", "scope", "account"),
    [
        ("", "read", ""),
        ("x", "all", ""),
        ("x", "operate", "org_1"),
        ("x", "read", "no id!"),
        ("\n", "read", ""),
        ("ravebooks_api_token", "read", ""),
    ],
)
def test_what_makes_no_sense_is_refused(tokens: Tokens, name: str, scope: str, account: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.make(name, scope, account)


@pytest.mark.parametrize(
    ("scope", "may"), [("read", [True, False, False]), ("act", [True, True, False]), ("operate", [True] * 3)]
)
def test_a_wider_scope_has_the_narrower_ones(scope: str, may: list[bool]) -> None:
    assert [Bearer("x", scope).may(needed) for needed in ("read", "act", "operate")] == may
