"""What commands print: whole lines into a pipe, fitted and coloured on a terminal, JSON where that is asked for."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ravebooks.bootstrap import Parts
from ravebooks.command_line import COMMANDS, ravebooks
from ravebooks.commands import many
from ravebooks.commands.printing import fitted, table
from storage import connections, jobs
from tests.unit.ravebooks.test_attention import NAMED, hold

SPEAK_OTHERWISE = {"demo", "sandbox", "simulate", "support-bundle", "sweeper", "up", "web", "worker"}
"""They run on, print nothing but JSON as it is, or tell a story."""
CAUSE = "The consent was taken back, and until somebody gives it again nothing is read and nothing is written."


def asked(runner: CliRunner, *words: str) -> dict[str, Any]:
    """What a command answers in JSON."""
    result = runner.invoke(ravebooks, [*words, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    body: dict[str, Any] = json.loads(result.output)
    return body


def test_every_command_that_prints_has_json() -> None:
    context = click.Context(ravebooks)
    found = {name: ravebooks.get_command(context, name) for name in COMMANDS}
    below = {
        f"{name} {inner}": command
        for name, group in found.items()
        if isinstance(group, click.Group)
        for inner, command in group.commands.items()
    }
    without = {
        name
        for name, command in (found | below).items()
        if command is not None and "--json" not in [option for each in command.params for option in each.opts]
    }
    assert without == SPEAK_OTHERWISE


def test_lists_are_what_the_api_answers(runner: CliRunner, parts: Parts) -> None:
    hold(parts)
    (connection,) = asked(runner, "connections")["data"]
    assert (connection["id"], connection["state"], connection["work"]["held"]) == ("c1", "active", 1)
    waits = asked(runner, "attention")
    (row,) = waits["data"]
    assert (row["connection_id"], row["side"], row["id"], row["code"]) == (
        "c1",
        "quickbooks",
        "6",
        "one_or_two_payments",
    )
    assert [choice["decision"] for choice in row["decisions"]] == ["two"]
    assert (waits["dead_letters"], waits["kept_aside"], waits["stopped"]) == ([], {}, None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["settings", "c1", "--draft-policy", "sent"], {"draft_policy": "sent", "time_zone": None}),
        (["pause", "c1", "--by", "Kim"], {"id": "c1", "state": "paused"}),
        (["pause", "--all", "--by", "Kim"], {"part": "everything", "state": "paused"}),
        (["resume", "c1"], {"id": "c1", "state": "active"}),
        (["release-brake", "c1"], {"id": "c1"}),
        (["switch", "c1", "--no-invoices"], {"id": "c1", "invoices_since": None}),
        (["jobs", "c1"], {"data": []}),
        (["backfill", "c1", "--by", "Kim"], {"id": 1, "kind": "backfill", "state": "running"}),
        (["retry", *NAMED], {"record": "quickbooks:payment:6", "state": "due"}),
        (["decide", *NAMED, "two", "--by", "Kim"], {"record": "quickbooks:payment:6", "decision": "two"}),
        (["restored"], {"connections": 1}),
        (["status"], {"well": False}),
        (["users", "add", "kim", "--role", "viewer"], {"name": "kim", "role": "viewer"}),
        (["tokens", "make", "reports", "--scope", "read"], {"id": 1, "name": "reports", "scope": "read"}),
        (["acts"], {"data": []}),
        (["users"], {"data": []}),
        (["tokens"], {"data": []}),
        (["webhook-secret", "org_42"], {"account_id": "org_42"}),
        (["doctor"], {"well": False}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_each_says_it_in_json(runner: CliRunner, parts: Parts, words: list[str], expected: dict[str, object]) -> None:
    hold(parts)
    body = asked(runner, *words)
    assert {name: body.get(name) for name in expected} == expected


def test_a_line_that_is_too_wide_goes_on_below_its_beginning_and_words_stay_whole() -> None:
    assert fitted("    → one two three four five six seven eight", 40) == [
        "    → one two three four five six seven",
        "      eight",
    ]
    address = "https://ravebooks.example/connect/start?token=" + 60 * "x"
    assert fitted(address, 40) == [address]
    assert fitted("", 40) == [""]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("1", "backfill", ""), ("12", "import", "x")]) == ["1   backfill", "12  import    x"]
    assert table([]) == []


def at_a_terminal(folder: Path, columns: int, **environment: str) -> str:
    """What `ravebooks connections` writes to a terminal of that width."""
    there, here = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "ravebooks", "connections"],
        stdout=here,
        check=True,
        env=os.environ | {"RAVEBOOKS_STATE_DIR": str(folder), "COLUMNS": str(columns), **environment},
    )
    os.close(here)
    assert done.returncode == 0
    written = b""
    while True:
        try:
            read = os.read(there, 4096)
        except OSError:
            break
        if not read:
            break
        written += read
    os.close(there)
    return written.decode().replace("\r\n", "\n")


def test_on_a_terminal_lines_fit_and_marks_have_colours_and_in_a_pipe_neither(
    runner: CliRunner, parts: Parts, state: Path
) -> None:
    with parts.database.transaction() as session:
        connections.pause(session, "c1", CAUSE, "Connect again.")
    printed = at_a_terminal(state, 60)
    assert "\x1b[36m→\x1b[0m Connect again." in printed
    plain = at_a_terminal(state, 60, NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 60
    piped = runner.invoke(ravebooks, ["connections"]).output
    assert f"    {CAUSE}\n    → Connect again.\n" in piped
    assert plain.split() == piped.split()


def test_a_job_is_waited_for_until_it_runs_no_more(
    runner: CliRunner, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody stops it while it is waited for."""

    def stop(_seconds: float) -> None:
        with parts.database.transaction() as session:
            jobs.move(session, "c1", 1, "stop", parts.clock.now())

    monkeypatch.setattr("config.ports.SystemClock.sleep", lambda _clock, seconds: stop(seconds))
    result = runner.invoke(ravebooks, ["backfill", "c1", "--by", "Kim", "--wait"])
    assert result.output.startswith("1  backfill  stopped")
    assert result.exit_code == 1
    again = runner.invoke(ravebooks, ["jobs", "c1", "1", "--wait", "--json"])
    assert (json.loads(again.output)["state"], again.exit_code) == ("stopped", 1)
    assert many.VERBS == ("pause", "resume", "stop")
    assert runner.invoke(ravebooks, ["jobs", "c1", "--wait"]).exit_code == 2
