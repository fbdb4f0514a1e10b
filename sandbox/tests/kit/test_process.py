"""The commands as processes: one line, the same ports again, an orderly end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

SIDES = [("quickbooks", ["quickbooks"]), ("ravetree", ["ravetree"]), ("both", ["quickbooks", "ravetree"])]


@contextmanager
def started(command: str, directory: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that is gone afterwards, also when the test failed."""
    words = ["-m", f"sandbox_commands.{command}", "--directory", str(directory), *options]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            yield process
        finally:
            process.kill()


def ready_line(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def root_of(credentials: dict[str, str]) -> str:
    return credentials["api_url"].rpartition("/")[0]


@pytest.mark.parametrize(("command", "sides"), SIDES)
def test_it_comes_back_as_it_was_and_ends_in_order(tmp_path: Path, command: str, sides: list[str]) -> None:
    with started(command, tmp_path) as first:
        ready = ready_line(first)
        assert list(ready) == ["ready", *sides]
        # As when whoever started it is gone.
        assert first.stdout is not None
        first.stdout.close()
        for side in sides:
            answer = requests.get(f"{root_of(ready[side])}/sandbox/credentials", timeout=10)
            assert answer.json() == ready[side]
    with started(command, tmp_path) as second:
        assert ready_line(second) == ready
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0


def test_a_sample_company_has_its_business(tmp_path: Path) -> None:
    with started("quickbooks", tmp_path, "--sample", "--companies", "2") as process:
        root = root_of(ready_line(process)["quickbooks"])
        companies = requests.get(f"{root}/sandbox/companies", timeout=10).json()
    assert [row["records"]["Invoice"] for row in companies] == [40, 40]
    assert companies[0]["realm_id"] != companies[1]["realm_id"]
