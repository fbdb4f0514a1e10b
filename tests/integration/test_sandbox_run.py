"""`ravebooks sandbox` as a process: one line, the same ports again, an orderly end."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

COMMAND = "from ravebooks.commands.sandbox import sandbox; sandbox()"


def start(directory: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - this interpreter and the command above
        [sys.executable, "-c", COMMAND, "--directory", str(directory)], stdout=subprocess.PIPE, text=True
    )


def ready_line(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_it_comes_back_as_it_was_and_ends_in_order(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        ready = ready_line(first)
        # As when whoever started it is gone.
        assert first.stdout is not None
        first.stdout.close()
        for side in ("quickbooks", "ravetree"):
            root = ready[side]["api_url"].rpartition("/")[0]
            assert requests.get(f"{root}/sandbox/credentials", timeout=10).json() == ready[side]
        first.kill()
    with start(tmp_path) as second:
        assert ready_line(second) == ready
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
