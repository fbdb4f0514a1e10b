"""Ctrl-C, or an operator's SIGTERM, while `ravebooks up --sandbox` and `demo` are still beginning."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.system import System
from tests.services.ports import wait_until

pytestmark = pytest.mark.thorough

SINCE = ("invoices_since", "estimates_since")


def begin(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "ravebooks", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "RAVEBOOKS_STATE_DIR": str(folder / "var")},
    )


def left_of(folder: Path) -> list[str]:
    """Processes that were started for this folder and still run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            words = [(entry / name).read_bytes().decode("utf-8", "replace") for name in ("cmdline", "environ")]
        except OSError:
            continue
        if str(folder) in " ".join(words):
            found.append(words[0].replace("\0", " "))
    return found


def loads(process: "subprocess.Popen[str]") -> bool:
    """The program is being loaded: its first library is there, which takes a tenth of the way."""
    return "_ssl" in Path(f"/proc/{process.pid}/maps").read_text()


def starts_the_sandbox(_: "subprocess.Popen[str]", folder: Path) -> bool:
    return (folder / "var" / "sandbox.log").exists()


def connects(_: "subprocess.Popen[str]", folder: Path) -> bool:
    return (folder / "var" / "url").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [starts_the_sandbox, connects])
@pytest.mark.parametrize("words", ["up --sandbox", "demo --exit --state-dir var"])
def test_what_is_told_to_end_while_it_begins_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, moment: Callable[["subprocess.Popen[str]", Path], bool], words: str
) -> None:
    """The sandbox is a process of its own: it went on running, and nobody knew of it."""
    with begin(tmp_path, *words.split()) as process:
        wait_until(lambda: moment(process, tmp_path), 30, "it did not begin")
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in said
    wait_until(lambda: not left_of(tmp_path), 2, "something still runs")


def test_who_is_told_to_end_at_the_moment_that_it_is_ready_ends_in_order(tmp_path: Path) -> None:
    with begin(tmp_path, "up", "--sandbox") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, "Aborted" in said) == (0, False)


@pytest.mark.parametrize("words", ["up --sandbox", "demo", "attention"])
def test_ctrl_c_while_the_program_is_loaded_ends_it_without_a_traceback(tmp_path: Path, words: str) -> None:
    with begin(tmp_path, *words.split()) as process:
        wait_until(lambda: loads(process), 30, "it did not begin")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    # On a fast machine it may be loaded by now: a command says one word then.
    assert (process.returncode, said.strip()) in ((-signal.SIGINT, ""), (1, "Aborted!"))


def test_a_start_after_a_crash_needs_no_quickbooks_and_switches_nothing_on_again(tmp_path: Path) -> None:
    """It ended when QuickBooks was away just then, and whatever a person had switched off was on again."""
    system = System(tmp_path)
    system.start()
    switched_off = _api(system, "PUT", "/switches", {"estimates": False})
    assert (switched_off["estimates_since"], bool(switched_off["invoices_since"])) == (None, True)
    system.kill()
    system.quickbooks.steer("outage", {"on": True})
    system.start()
    again = _api(system, "GET")
    assert [again[name] for name in SINCE] == [switched_off[name] for name in SINCE]
    system.quickbooks.steer("outage", {"on": False})
    assert system.stop() == 0


def _api(system: System, method: str, path: str = "", body: Any = None) -> Any:
    """The connection of a running system, asked or told something."""
    url = f"{system.ready['url']}/api/connections/{system.ready['connection']}{path}"
    head = {"Authorization": f"Bearer {system.api_token()}"}
    answer = requests.request(method, url, json=body, headers=head, timeout=20)
    answer.raise_for_status()
    return answer.json()
