"""Settings: a wrong or missing one says which it is and what to set."""

import base64
from typing import Any

import pytest

from config import keyring
from config.errors import SettingError
from config.keyring import KeyRing
from config.settings import Settings, variables

KEY = "1:" + base64.b64encode(b"k" * 32).decode()
WRONG = [
    ("DATABASE_URL", "mysql://host/db", "sqlite://"),
    ("BROKER_URL", "http://host", "amqp://"),
    ("PUBLIC_URL", "ravebooks.example", "https://"),
    ("TOKEN_KEYS", "nonsense", "version:base64"),
    ("TOKEN_KEYS", "1:" + base64.b64encode(b"short").decode(), "5 bytes instead of 32"),
    ("RAVETREE_WEBHOOK_KEYS", f"{KEY},{KEY}", "twice"),
    ("RAVETREE_WEBHOOK_KEYS", ",", "empty"),
    ("HEALTH_PORT", "-1", "between 0 and 65535"),
    ("PORT", "65536", "between 0 and 65535"),
    ("PORT", "1.5", "whole number"),
    ("QUICKBOOKS_ENVIRONMENT", "staging", "production, sandbox, local"),
    ("LEASE_SECONDS", "soon", "not a number"),
    ("LEASE_SECONDS", "nan", "between 1 and 600"),
    ("HTTP_SECONDS", "0", "between 0.1 and 120"),
    ("EVENTS_LIMIT", "0", "between 1 and 100000"),
    ("LOG_LEVEL", "loud", "debug, info, warning, error"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_setting_names_its_variable_and_what_it_takes(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"RAVEBOOKS_{name}": value})
    assert str(caught.value).startswith(f"RAVEBOOKS_{name} is wrong: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"HTTP_SECONDS": "60", "LEASE_SECONDS": "60"}, ["HTTP_SECONDS", "LEASE_SECONDS"]),
        ({"SECRET_KEY": "x" * 31}, ["SECRET_KEY"]),
        ({"QUICKBOOKS_API_URL": "http://127.0.0.1:1/v3"}, ["QUICKBOOKS_API_URL", "QUICKBOOKS_ENVIRONMENT"]),
    ],
)
def test_settings_that_do_not_go_together_name_each_other(environment: dict[str, str], names: list[str]) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"RAVEBOOKS_{name}": value for name, value in environment.items()})
    for name in names:
        assert f"RAVEBOOKS_{name}" in str(caught.value)


def test_a_missing_setting_is_named_with_its_meaning() -> None:
    with pytest.raises(SettingError, match=r"RAVEBOOKS_PUBLIC_URL is not set: set it\. Where browsers"):
        Settings().require("state_dir", "public_url", "api_token")
    Settings(public_url="https://x").require("public_url")


def test_nothing_has_to_be_set() -> None:
    made = Settings.from_environment({"RAVEBOOKS_PORT": "  ", "PATH": "/bin"})
    assert made == Settings()
    assert made.embedded
    assert made.effective_database_url == "sqlite:///var/ravebooks.db"


def test_every_variable_is_listed_and_read() -> None:
    names = [name for name, _, _ in variables()]
    assert len(names) == len(set(names))
    assert all(meaning for _, _, meaning in variables())
    made = Settings.from_environment({"RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS": " a , b ,"})
    assert made.quickbooks_verifier_tokens == ("a", "b")


def test_an_override_wins() -> None:
    assert Settings.from_environment({"RAVEBOOKS_PORT": "1"}, port=2).port == 2


def test_secrets_are_not_shown_by_repr() -> None:
    made = Settings(
        secret_key="hidden-secret" * 3,
        api_token="hidden-api",
        quickbooks_client_secret="hidden-client",
        quickbooks_verifier_tokens=("hidden-verifier",),
        broker_url="amqp://user:hidden-broker@host/",
        token_keys=KeyRing({1: b"hidden-key"}),
    )
    assert "hidden" not in repr(made)


@pytest.mark.parametrize(
    ("changes", "uncertain", "cdc", "host"),
    [
        ({}, 150, 86400, "https://quickbooks.api.intuit.com/v3"),
        ({"quickbooks_environment": "sandbox"}, 150, 86400, "https://sandbox-quickbooks.api.intuit.com/v3"),
        (
            {"quickbooks_environment": "local", "quickbooks_api_url": "http://127.0.0.1:1/v3"},
            5,
            300,
            "http://127.0.0.1:1/v3",
        ),
        ({"uncertain_seconds": 0.0, "cdc_seconds": 60.0}, 0, 60, "https://quickbooks.api.intuit.com/v3"),
    ],
)
def test_what_is_unset_follows_from_the_environment(
    changes: dict[str, Any], uncertain: float, cdc: float, host: str
) -> None:
    made = Settings(**changes)
    assert (made.effective_uncertain_seconds, made.effective_cdc_seconds) == (uncertain, cdc)
    assert made.effective_quickbooks_api_url == host


def test_a_plain_postgresql_url_gets_the_installed_driver() -> None:
    made = Settings(database_url="postgresql://host/postgresql://x")
    assert made.effective_database_url == "postgresql+psycopg://host/postgresql://x"


def test_a_key_ring_writes_with_its_highest_version_and_spells_what_it_reads() -> None:
    ring = keyring.parse(f"{keyring.spell(b'a' * 32, 1)}, {keyring.spell(b'b' * 32, 10)},{keyring.spell(b'c' * 32, 2)}")
    assert ring.current == 10
    assert [version for version, _ in ring.newest_first()] == [10, 2, 1]
    assert ring.keys[10] == b"b" * 32
    assert "aaaa" not in repr(ring)
