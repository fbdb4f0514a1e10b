"""Tokens at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.keyring import KeyRing
from storage import connections
from storage.database import Database
from storage.vault import UnreadableSecret, Vault, lost_versions
from tests.unit.ports import SeededEntropy
from tests.unit.storing import add_connection

OLD, NEW = b"1" * 32, b"2" * 32
OWNER, FIELD = "con_1", "access_token"


def vault(keys: dict[int, bytes]) -> Vault:
    return Vault(KeyRing(keys), SeededEntropy())


@given(st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_opens(secret: str) -> None:
    made = vault({1: OLD})
    assert made.open(made.seal(secret, OWNER, FIELD), OWNER, FIELD) == secret


def test_a_sealed_secret_shows_nothing_and_is_never_the_same_twice() -> None:
    made = vault({1: OLD})
    first, second = (made.seal("eyJ-secret", OWNER, FIELD) for _ in range(2))
    assert b"secret" not in first
    assert first != second


@pytest.mark.parametrize(
    ("owner", "field"), [("con_2", FIELD), (OWNER, "refresh_token"), ("con_1\0access", "token"), ("", "")]
)
def test_a_secret_does_not_open_for_another_connection_or_field(owner: str, field: str) -> None:
    made = vault({1: OLD})
    with pytest.raises(UnreadableSecret):
        made.open(made.seal("secret", OWNER, FIELD), owner, field)


def test_a_rotation_reads_with_the_old_key_and_writes_with_the_new() -> None:
    sealed = vault({1: OLD}).seal("secret", OWNER, FIELD)
    both = vault({1: OLD, 2: NEW})
    assert both.open(sealed, OWNER, FIELD) == "secret"
    again = both.seal("secret", OWNER, FIELD)
    assert vault({2: NEW}).open(again, OWNER, FIELD) == "secret"


def test_a_key_that_is_gone_or_another_one_is_named() -> None:
    sealed = vault({1: OLD}).seal("secret", OWNER, FIELD)
    with pytest.raises(UnreadableSecret, match="key 1, which the ring does not have"):
        vault({2: NEW}).open(sealed, OWNER, FIELD)
    with pytest.raises(UnreadableSecret, match="does not open with key 1"):
        vault({1: NEW}).open(sealed, OWNER, FIELD)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_vault(noise: bytes) -> None:
    with pytest.raises(UnreadableSecret):
        vault({0: OLD, 1: NEW}).open(noise, OWNER, FIELD)


def test_a_flipped_bit_is_noticed() -> None:
    sealed = bytearray(vault({1: OLD}).seal("secret", OWNER, FIELD))
    sealed[-1] ^= 1
    with pytest.raises(UnreadableSecret):
        vault({1: OLD}).open(bytes(sealed), OWNER, FIELD)


def test_a_secret_that_was_never_stored_is_unreadable() -> None:
    with pytest.raises(UnreadableSecret, match="no access_token"):
        vault({1: OLD}).open(None, OWNER, FIELD)


def test_versions_that_stored_tokens_need_and_a_ring_lacks_are_found(database: Database) -> None:
    add_connection(database)
    add_connection(database, "con_2", "org_2", "2")
    assert lost(database, 1) == []
    with database.transaction() as session:
        first, second = connections.get(session, "con_1"), connections.get(session, "con_2")
        first.access_token = vault({1: OLD}).seal("x", "con_1", "access_token")
        first.refresh_token = vault({300: OLD}).seal("x", "con_1", "refresh_token")
        second.ravetree_token = vault({300: OLD}).seal("x", "con_2", "ravetree_token")
    assert lost(database, 1) == [300]
    assert lost(database, 2) == [1, 300]
    assert lost(database, 1, 300) == []


def lost(database: Database, *versions: int) -> list[int]:
    with database.transaction() as session:
        return lost_versions(session, KeyRing(dict.fromkeys(versions, NEW)))
