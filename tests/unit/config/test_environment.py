"""Where settings come from: the environment, `.env`, files for secrets; and what means nothing there."""

from pathlib import Path

import pytest

from config import environment
from config.errors import SettingError
from config.settings import Settings, unknown, variables

SECRETS = [
    "DATABASE_URL",
    "BROKER_URL",
    "BROKER_MANAGEMENT_URL",
    "SECRET_KEY",
    "TOKEN_KEYS",
    "RAVETREE_WEBHOOK_KEYS",
    "API_TOKEN",
    "QUICKBOOKS_CLIENT_SECRET",
    "QUICKBOOKS_VERIFIER_TOKENS",
    "MAIL_URL",
    "TELL_WEBHOOK_URL",
    "TELL_WEBHOOK_SECRET",
    "TRACES_URL",
]
TOKEN = "v7GqXz0PmK3sTn5LdWb8RyHc2JfA9eUa"


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_file_adds_what_the_environment_lacks(dotenv: Path) -> None:
    dotenv.write_text("# ours\nexport RAVEBOOKS_PORT=1\nRAVEBOOKS_HOST='::1'\nRAVEBOOKS_API_TOKEN=\"a ${HOME} $b\"\n")
    read = environment.read({"RAVEBOOKS_PORT": "2", "RAVEBOOKS_LOG_LEVEL": "debug"}, dotenv)
    assert read == {
        "RAVEBOOKS_PORT": "2",
        "RAVEBOOKS_LOG_LEVEL": "debug",
        "RAVEBOOKS_HOST": "::1",
        "RAVEBOOKS_API_TOKEN": "a ${HOME} $b",
    }


def test_an_exported_variable_that_is_empty_hides_that_of_the_file(dotenv: Path) -> None:
    dotenv.write_text("RAVEBOOKS_BROKER_URL=amqp://host\n")
    assert Settings.from_environment(environment.read({"RAVEBOOKS_BROKER_URL": ""}, dotenv)).embedded


def test_it_is_read_in_the_working_directory_alone(
    dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv.write_text("RAVEBOOKS_PORT=1\n")
    monkeypatch.chdir(tmp_path)
    assert environment.read({}) == {"RAVEBOOKS_PORT": "1"}
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert environment.read({}) == {}


def test_settings_alone_read_no_file(dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever passes an environment, a test for one, has that and nothing of what lies about."""
    dotenv.write_text("RAVEBOOKS_PORT=1\n")
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({}).port == 0


def test_every_line_of_the_file_that_is_no_setting_is_named_without_its_text(dotenv: Path) -> None:
    dotenv.write_text('RAVEBOOKS_PORT=1\ns3cr3t\n\nRAVEBOOKS_API_TOKEN="s3cr3t\n')
    with pytest.raises(SettingError) as caught:
        environment.read({}, dotenv)
    assert [", line 2," in caught.value.lines[0], ", line 4," in caught.value.lines[1]] == [True, True]
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(("make", "reason"), [("folder", "Is a directory"), ("bytes", "it is not UTF-8")])
def test_a_file_that_cannot_be_read_is_an_error_with_its_reason(dotenv: Path, make: str, reason: str) -> None:
    if make == "folder":
        dotenv.mkdir()
    else:
        dotenv.write_bytes(b"RAVEBOOKS_HOST=\xff")
    with pytest.raises(SettingError, match=reason):
        environment.read({}, dotenv)


def test_each_secret_and_nothing_else_may_stand_in_a_file() -> None:
    with_files = [name for name, _, meaning in variables() if "`…_FILE`" in meaning]
    assert with_files == [f"RAVEBOOKS_{name}" for name in SECRETS]


def test_a_secret_is_read_from_its_file_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    made = Settings.from_environment({"RAVEBOOKS_API_TOKEN_FILE": str(tmp_path / "token")}, needed=("api_token",))
    assert made.api_token == TOKEN


def complaint(**variables: str) -> str:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"RAVEBOOKS_{name}": value for name, value in variables.items()})
    (line,) = caught.value.lines
    return line


def test_a_secret_that_is_set_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    line = complaint(API_TOKEN=TOKEN, API_TOKEN_FILE=str(tmp_path / "token"))
    assert line.startswith("RAVEBOOKS_API_TOKEN and RAVEBOOKS_API_TOKEN_FILE are both set: unset one")


def test_a_secrets_file_that_cannot_be_read_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    reasons = {"missing": "No such file", ".": "Is a directory", "bytes": "not UTF-8", "empty": "that is empty"}
    for name, reason in reasons.items():
        line = complaint(API_TOKEN_FILE=str(tmp_path / name))
        assert line.startswith("RAVEBOOKS_API_TOKEN_FILE names a file that ")
        assert reason in line


def test_a_missing_secret_whose_file_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({"RAVEBOOKS_API_TOKEN_FILE": str(tmp_path / "none")}, needed=("api_token",))
    assert len(caught.value.lines) == 1


def test_what_is_wrong_in_a_file_names_the_files_variable(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("nonsense")
    assert complaint(TOKEN_KEYS_FILE=str(tmp_path / "keys")).startswith("RAVEBOOKS_TOKEN_KEYS_FILE is wrong: ")


def test_a_variable_that_means_nothing_is_named_with_the_nearest_that_does() -> None:
    given = {"RAVEBOOKS_DATABSE_URL": "x", "RAVEBOOKS_XYZ": "", "RAVEBOOKS_API_TOKEN_FILE": "x", "HOME": "x"}
    assert unknown(given) == [
        "RAVEBOOKS_DATABSE_URL is set and means nothing: was RAVEBOOKS_DATABASE_URL meant? Correct it, or unset it.",
        "RAVEBOOKS_XYZ is set and means nothing: unset it.",
    ]
    assert unknown(dict.fromkeys((name for name, _, _ in variables()), "x")) == []
