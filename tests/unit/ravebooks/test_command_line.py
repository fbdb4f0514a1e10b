"""How every command begins and ends: its settings, its state folder, its status."""

import json
import os
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from config.errors import SettingError
from ravebooks import commands
from ravebooks.bootstrap import Parts
from ravebooks.command_line import COMMANDS, WIDEST, ravebooks
from ravebooks.commands.processes import SHARED, WEB
from ravebooks.commands.up import _banner
from ravebooks.local.keys import KeysUnreadable, with_generated_keys
from ravebooks.local.settings import NEEDED_BY_UP
from ravebooks.private import FolderUnusable
from reconcile.decisions import Decision
from tests.unit.ports import SeededEntropy
from tests.unit.ravebooks.processes import ended

UUID = "3f1c5d2e-9b7a-4e86-a0d4-c2b6f8e91735"
NEEDED = {f"RAVEBOOKS_{name.upper()}": UUID for name in NEEDED_BY_UP}
NEEDED |= {"RAVEBOOKS_RAVETREE_API_URL": "https://api.ravetree.example/v1"}
RELEASE = {"DATABASE_URL": "sqlite:///books.db", "BROKER_URL": "amqp://guest:guest@127.0.0.1:9/"}
"""A release that makes its database and finds no broker."""


def fields(lines: tuple[str, ...] | list[str]) -> list[str]:
    """Whose variables the lines begin with."""
    return [line.split()[0].removeprefix("RAVEBOOKS_").lower() for line in lines]


def test_every_module_of_commands_is_found_by_their_names(runner: CliRunner) -> None:
    """Each is imported when it is asked for: a wrong place would show only then."""
    context = click.Context(ravebooks)
    named = {name: ravebooks.get_command(context, name) for name in ravebooks.list_commands(context)}
    assert {name: command and command.name for name, command in named.items()} == {name: name for name in COMMANDS}
    folder = Path(commands.__file__).parent
    written = [
        value
        for path in folder.glob("[a-z]*.py")
        for value in vars(import_module(f"ravebooks.commands.{path.stem}")).values()
        if isinstance(value, click.Command)
    ]
    below = [command for group in written if isinstance(group, click.Group) for command in group.commands.values()]
    assert {command.name for command in written if command not in below} == COMMANDS.keys()
    assert runner.invoke(ravebooks, ["--help"]).exit_code == 0
    assert runner.invoke(ravebooks, ["nonsense"]).exit_code == 2


def loads_nothing(ask: str, **environment: str) -> str:
    """What is printed by a process that runs `ask`; fails if any command was imported for it."""
    loaded = "[name for name in sys.modules if name.startswith(('ravebooks.commands', 'sqlalchemy', 'flask'))]"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", f"import sys\nfrom ravebooks.command_line import ravebooks\n{ask}\nprint({loaded})"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    *printed, names = done.stdout.splitlines()
    assert names == "[]"
    return "\n".join(printed)


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_the_list_of_commands_is_whole_at_any_width_and_imports_none(columns: int) -> None:
    """It took more than a second, and the whole program in memory."""
    printed = loads_nothing("ravebooks(['--help'], standalone_mode=False)", COLUMNS=str(columns))
    together = "".join(printed.split())
    assert "..." not in printed.partition("\n")[2]
    assert max(map(len, printed.splitlines())) <= min(columns, WIDEST)
    context = click.Context(ravebooks)
    for name in COMMANDS:
        command = ravebooks.get_command(context, name)
        assert command is not None
        assert "".join([name, *(command.help or "").partition("\n\n")[0].split()]) in together
    headings = [line.rstrip(":") for line in printed.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options", "See", "Decide", "Connect", "Run", "Operate", "Develop"]


def test_it_says_its_version(runner: CliRunner) -> None:
    assert runner.invoke(ravebooks, ["--version"]).output == f"ravebooks {metadata.version('ravebooks')}\n"


def test_older_names_go_on_working_and_no_list_shows_them(runner: CliRunner, parts: Parts) -> None:
    older = ["--draft", "sent", "--delete", "delete", "--removals", "7", "--reads", "9"]
    set_before = runner.invoke(ravebooks, ["policy", "c1", *older])
    shown = runner.invoke(ravebooks, ["settings", "c1"])
    assert [line.split() for line in shown.output.splitlines()] == [
        ["draft_policy", "sent"],
        ["delete_policy", "delete"],
        ["removals_limit", "7"],
        ["reads_budget", "9"],
        ["time_zone", "–"],
    ]
    assert set_before.output == shown.output
    listed = runner.invoke(ravebooks, ["settings"]).output
    assert listed == runner.invoke(ravebooks, ["configuration"]).output
    assert "RAVEBOOKS_DATABASE_URL" in listed
    helps = [runner.invoke(ravebooks, words).output for words in (["-h"], ["settings", "-h"], ["jobs", "-h"])]
    assert [name for name in ("policy  ", "--draft,", "--draft ", "--reads ", "--do") if name in "".join(helps)] == []


@pytest.mark.parametrize("words", [["stop"], ["--do", "stop"]])
def test_a_job_is_stopped_as_the_api_names_it_or_by_the_older_option(
    runner: CliRunner, parts: Parts, words: list[str]
) -> None:
    begun = runner.invoke(ravebooks, ["backfill", "c1", "--by", "Kim"])
    assert begun.output == "job 1 runs\n"
    assert "1  backfill  stopped" in runner.invoke(ravebooks, ["jobs", "c1", "1", *words]).output


def test_settings_without_a_connection_set_nothing(runner: CliRunner) -> None:
    refused = runner.invoke(ravebooks, ["settings", "--draft-policy", "sent"])
    assert (refused.exit_code, "Name the connection" in refused.output) == (2, True)


@pytest.mark.parametrize("command", ["show", "timeline", "preview", "sync", "retry", "decide"])
def test_side_and_kind_are_explained_where_they_are_asked_for(runner: CliRunner, command: str) -> None:
    said = " ".join(runner.invoke(ravebooks, [command, "--help"]).output.split())
    assert "SIDE is whose record it is, ravetree or quickbooks" in said
    assert "KIND is contact, estimate, invoice or payment." in said
    if command == "decide":
        assert f"DECISION is one of {', '.join(Decision)}." in said


def test_commands_are_completed_without_importing_them_and_arguments_by_what_they_take() -> None:
    asked = {"_RAVEBOOKS_COMPLETE": "bash_complete", "COMP_WORDS": "ravebooks re", "COMP_CWORD": "1"}
    complete = "try: ravebooks(prog_name='ravebooks')\nexcept SystemExit: pass"
    assert loads_nothing(complete, **asked).split() == [
        "plain,retry",
        "plain,release",
        "plain,resume",
        "plain,release-brake",
        "plain,restored",
    ]
    side = {"COMP_WORDS": "ravebooks retry c1 q", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "ravebooks"],
        env=os.environ | asked | side,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,quickbooks\n"


def test_a_command_does_not_import_what_others_need() -> None:
    """Each process starts a second sooner for it, the sandbox first of all."""
    seen = "import sys; from ravebooks.command_line import ravebooks; print('ravebooks.bootstrap' in sys.modules)"
    asked = "ravebooks.get_command(None, 'sandbox'); print('ravebooks.bootstrap' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", f"{seen}; {asked}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("command", "needed"), [("worker", SHARED), ("sweeper", SHARED), ("up", NEEDED_BY_UP)])
def test_a_process_with_nothing_set_lists_all_that_it_lacks(
    runner: CliRunner, command: str, needed: tuple[str, ...]
) -> None:
    error = runner.invoke(ravebooks, [command]).exception
    assert isinstance(error, SettingError)
    assert fields(error.lines) == list(needed)


def test_a_missing_setting_that_was_misspelt_is_named_with_what_was_meant(runner: CliRunner) -> None:
    misspelt = {"RAVEBOOKS_RAVETREE_API_URL": "", "RAVEBOOKS_RAVETREE_API_ULR": "https://api.ravetree.example/v1"}
    error = runner.invoke(ravebooks, ["up"], env=NEEDED | misspelt).exception
    assert isinstance(error, SettingError)
    missing, unknown = error.lines
    assert missing.startswith("RAVEBOOKS_RAVETREE_API_URL is not set")
    assert "RAVEBOOKS_RAVETREE_API_ULR is set and means nothing: was RAVEBOOKS_RAVETREE_API_URL meant?" in unknown


def test_wrong_and_missing_settings_are_listed_together_a_line_each_and_end_with_status_2() -> None:
    done = ended("web", PORT="many", API_TOKEN="x", LOG_LEVEL="loud")
    lines = done.stderr.splitlines()
    assert all(line.startswith("ravebooks: RAVEBOOKS_") for line in lines)
    found = fields([line.removeprefix("ravebooks: ") for line in lines])
    missing = [name for name in (*SHARED, *WEB) if name != "api_token"]
    assert (done.returncode, found) == (2, ["port", "log_level", "api_token", *missing])


def test_the_working_directorys_file_is_read_below_the_environment(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RAVEBOOKS_PORT=many\n")
    error = runner.invoke(ravebooks, ["attention"]).exception
    assert isinstance(error, SettingError)
    assert fields(error.lines) == ["port"]
    monkeypatch.setenv("RAVEBOOKS_PORT", "1")
    assert not isinstance(runner.invoke(ravebooks, ["attention"]).exception, SettingError)


def test_a_variable_that_means_nothing_is_one_warning_at_the_start(runner: CliRunner) -> None:
    done = ended("release", DATABSE_URL="x", **RELEASE)
    line, _ = done.stderr.splitlines()
    assert json.loads(line)["level"] == "warning"
    assert "was RAVEBOOKS_DATABASE_URL meant?" in json.loads(line)["event"]
    result = runner.invoke(ravebooks, ["doctor"], env={"RAVEBOOKS_DATABSE_URL": "x"})
    assert "note  settings: RAVEBOOKS_DATABSE_URL is set and means nothing" in result.output


@pytest.mark.parametrize(
    "words", ["up", "up --sandbox", "doctor", "attention", "connections", "restored", "webhook-secret org_1"]
)
def test_every_command_refuses_a_state_folder_that_is_a_file(runner: CliRunner, tmp_path: Path, words: str) -> None:
    (tmp_path / "var").write_text("")
    error = runner.invoke(ravebooks, words.split(), env=NEEDED).exception
    assert isinstance(error, FolderUnusable)
    assert "set RAVEBOOKS_STATE_DIR to a folder" in error.remedy


def test_a_known_error_is_one_line_and_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    done = ended("restored", STATE_DIR="var")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ravebooks: the state folder var cannot be used: Not a directory. ")


def test_an_unexpected_error_is_one_line_of_json_and_ends_with_status_1(tmp_path: Path) -> None:
    # A folder where a file is expected, and where nothing looks for one.
    (tmp_path / "var" / "lock").mkdir(parents=True)
    done = ended("up", "--sandbox", STATE_DIR="var")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "IsADirectoryError" in json.loads(line)["exception"]


def test_what_a_release_makes_is_for_the_owner_alone(tmp_path: Path) -> None:
    ended("release", **RELEASE)
    assert (tmp_path / "books.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"secret_key": "s3cr3t"}', '{"token_keys": 7}'])
def test_a_file_of_keys_that_is_not_whole_is_neither_used_nor_replaced(parts: Parts, state: Path, content: str) -> None:
    """New keys in its place would open no stored token."""
    (state / "keys.json").write_text(content)
    with pytest.raises(KeysUnreadable) as caught:
        with_generated_keys(parts.settings, SeededEntropy())
    assert "s3cr3t" not in str(caught.value)
    assert (state / "keys.json").read_text() == content


def test_somebody_at_a_terminal_is_told_where_the_console_is() -> None:
    said = _banner({"url": "http://127.0.0.1:1", "console_url": "http://127.0.0.1:1/console/enter?token=x"})
    assert "/console/enter?token=x" in said
    assert "http://127.0.0.1:1/console/\n" in _banner({"url": "http://127.0.0.1:1", "console_url": ""})
