"""Settings: a wrong or missing one says which it is and what to set."""

import base64
from random import Random
from typing import Any
from uuid import UUID

import pytest

from config import keyring
from config.errors import SettingError
from config.keyring import KeyRing
from config.redaction import redact_text
from config.settings import Settings, variables

KEY = "1:" + base64.b64encode(b"k" * 32).decode()
STRONG_KEY = "1:" + base64.b64encode(bytes(range(32))).decode()
STRONG = "v7GqXz0PmK3sTn5LdWb8RyHc2JfA9eUa"
WRONG = [
    ("DATABASE_URL", "mysql://host/db", "sqlite://"),
    ("BROKER_URL", "http://host", "amqp://"),
    ("PUBLIC_URL", "ravebooks.example", "https://"),
    ("RAVETREE_RECORD_URL", "https://app.ravetree.example/invoices", "{id}"),
    ("RAVETREE_RECORD_URL", "https://app.ravetree.example/{org}/{id}", "{account} and {kind}"),
    ("RAVETREE_RECORD_URL", "https://app.ravetree.example/{id.real}", "{account} and {kind}"),
    ("RAVETREE_RECORD_URL", "https://app.ravetree.example/{id", "{account} and {kind}"),
    ("RAVETREE_RECORD_URL", "javascript:alert({id})", "https://"),
    ("TOKEN_KEYS", "nonsense", "version:base64"),
    ("TOKEN_KEYS", "1:" + base64.b64encode(b"short").decode(), "5 bytes instead of 32"),
    ("RAVETREE_WEBHOOK_KEYS", f"{KEY},{KEY}", "twice"),
    ("RAVETREE_WEBHOOK_KEYS", ",", "empty"),
    ("TOKEN_KEYS", "0:" + KEY[2:], "between 1 and 65535, and not 0"),
    ("TOKEN_KEYS", "65536:" + KEY[2:], "between 1 and 65535, and not 65536"),
    ("TOKEN_KEYS", "-1:" + KEY[2:], "version:base64"),
    ("TOKEN_KEYS", KEY[2:], "version:base64"),
    ("PUBLIC_URL", "https://", "no host"),
    ("DATABASE_URL", "postgresql://host:port/db", "no URL"),
    ("HEALTH_PORT", "-1", "between 0 and 65535"),
    ("PORT", "65536", "between 0 and 65535"),
    ("PORT", "1.5", "whole number"),
    ("QUICKBOOKS_ENVIRONMENT", "staging", "production, sandbox, local"),
    ("LEASE_SECONDS", "soon", "a number between 1 and 600"),
    ("LEASE_SECONDS", "nan", "between 1 and 600"),
    ("HTTP_SECONDS", "0", "between 0.1 and 120"),
    ("EVENTS_LIMIT", "0", "between 1 and 100000"),
    ("LOG_LEVEL", "loud", "debug, info, warning, error"),
]


def local(**variables: str) -> Settings:
    """Settings of an installation that is not production."""
    given = {"QUICKBOOKS_ENVIRONMENT": "local"} | variables
    return Settings.from_environment({f"RAVEBOOKS_{name}": value for name, value in given.items()})


def refusals(**variables: str) -> tuple[str, ...]:
    """The lines that production is refused with."""
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"RAVEBOOKS_{name}": value for name, value in variables.items()})
    return caught.value.lines


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_setting_names_its_variable_and_what_it_takes(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"RAVEBOOKS_{name}": value})
    assert str(caught.value).startswith(f"RAVEBOOKS_{name} is wrong: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert redact_text(str(caught.value)) == str(caught.value)


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


def test_everything_that_is_wrong_or_missing_is_said_at_once_a_line_each() -> None:
    environment = {
        "RAVEBOOKS_PORT": "x",
        "RAVEBOOKS_LOG_LEVEL": "loud",
        "RAVEBOOKS_SECRET_KEY": "short",
        "RAVEBOOKS_TOKEN_KEYS": "nonsense",
        "RAVEBOOKS_QUICKBOOKS_ENVIRONMENT": "local",
    }
    with pytest.raises(SettingError) as caught:
        Settings.from_environment(environment, needed=("token_keys", "broker_url", "public_url"))
    assert [line.split()[0] for line in caught.value.lines] == [
        "RAVEBOOKS_TOKEN_KEYS",
        "RAVEBOOKS_PORT",
        "RAVEBOOKS_LOG_LEVEL",
        "RAVEBOOKS_SECRET_KEY",
        "RAVEBOOKS_BROKER_URL",
        "RAVEBOOKS_PUBLIC_URL",
    ]
    assert str(caught.value).splitlines() == list(caught.value.lines)


def test_no_complaint_shows_a_value() -> None:
    """A secret that was put into the wrong variable does not end in a terminal or a log."""
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({name: "s3cr3t-V4lue" for name, _, _ in variables()})
    assert len(caught.value.lines) > 20
    assert "V4lue" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "a" * 40),
        ("SECRET_KEY", "changeme-" * 5),
        ("API_TOKEN", "x"),
        ("API_TOKEN", "0" * 48),
        ("API_TOKEN", "abcdefgh" * 4),
        ("API_TOKEN", "Change_Me-to-something-9871"),
        ("QUICKBOOKS_VERIFIER_TOKENS", f"{STRONG},v"),
        ("TOKEN_KEYS", KEY),
        ("RAVETREE_WEBHOOK_KEYS", f"{STRONG_KEY},2:" + base64.b64encode(b"01234567" * 4).decode()),
        ("PUBLIC_URL", "http://ravebooks.example"),
        ("RAVETREE_API_URL", "http://127.0.0.1:9/v1"),
        ("RAVETREE_RECORD_URL", "http://ravetree.example/{id}"),
    ],
)
def test_production_refuses_what_is_weak_and_everybody_else_takes_it(name: str, value: str) -> None:
    (line,) = refusals(**{name: value})
    assert line.startswith(f"RAVEBOOKS_{name} ")
    assert ": set " in line
    local(**{name: value})


def test_a_weak_key_is_named_by_its_version() -> None:
    assert "of version 7," in refusals(TOKEN_KEYS=f"{STRONG_KEY},7:{KEY[2:]}")[0]


def test_production_takes_what_is_random() -> None:
    random = Random(1)
    for _ in range(300):
        text, hexadecimal = random.randbytes(24), random.randbytes(16).hex()
        Settings.from_environment(
            {
                "RAVEBOOKS_SECRET_KEY": base64.b64encode(text).decode(),
                "RAVEBOOKS_API_TOKEN": hexadecimal,
                "RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS": str(UUID(hex=hexadecimal)),
                "RAVEBOOKS_TOKEN_KEYS": keyring.spell(random.randbytes(32)),
            }
        )


def test_a_wrong_environment_makes_no_other_complaint_up() -> None:
    lines = refusals(QUICKBOOKS_ENVIRONMENT="staging", API_TOKEN="x")
    assert [line.split()[0] for line in lines] == ["RAVEBOOKS_QUICKBOOKS_ENVIRONMENT"]


def test_the_platforms_port_is_read_without_our_prefix() -> None:
    assert Settings.from_environment({"PORT": "5000"}).platform_port == 5000
    with pytest.raises(SettingError, match=r"^PORT is wrong: it has to be a whole number"):
        Settings.from_environment({"PORT": "tcp://10.0.0.1:80"})


def test_a_missing_setting_is_named_with_its_meaning() -> None:
    with pytest.raises(SettingError, match=r"RAVEBOOKS_PUBLIC_URL is not set: set it\. Where browsers") as caught:
        Settings().require("state_dir", "public_url", "api_token")
    assert caught.value.lines[1].startswith("RAVEBOOKS_API_TOKEN is not set: set it (or RAVEBOOKS_API_TOKEN_FILE).")
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
    made = local(QUICKBOOKS_VERIFIER_TOKENS=" a , b ,")
    assert made.quickbooks_verifier_tokens == ("a", "b")


def test_an_override_wins() -> None:
    assert Settings.from_environment({"RAVEBOOKS_PORT": "1"}, port=2).port == 2


def test_no_variables_meaning_is_taken_for_a_secret() -> None:
    """What a command says about its settings goes through the redaction."""
    for name, _, meaning in variables():
        assert redact_text(f"{name} is not set: set it. {meaning}.") == f"{name} is not set: set it. {meaning}."


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
