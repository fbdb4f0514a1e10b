"""How long `ravebooks --help` takes, and its memory, beside a Python that does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict

from tests.bench import rounds

COMMANDS = {"python -c pass": ["-c", "pass"], "ravebooks --help": ["-m", "ravebooks", "--help"]}
TIMES = 10
"""Starts of each in a round, in turn; the first of all, which reads files into the page cache, does not count."""
GOALS = {"ravebooks --help": 300.0}
KILOBYTES = 1024
STARTER = """
import json, os, sys, time
begun = time.monotonic()
nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ, file_actions=[nowhere])
_, status, used = os.wait4(child, 0)
passed = time.monotonic() - begun
print(json.dumps([os.waitstatus_to_exitcode(status), passed, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""Starts what it is given. Linux counts what its parent had to a process's most memory: its parent is a small one."""
COLUMNS = {"passed": "passed, ms", "goal": "goal, ms", "cpu": "processor time, ms", "memory": "most memory, MB"}


def run(times: int) -> None:
    """Each command in turn."""
    measured: rounds.Measured = defaultdict(list)
    for arguments in COMMANDS.values():
        _start(arguments)
    for _ in range(times * TIMES):
        for name, arguments in COMMANDS.items():
            measured[name].append(_start(arguments) | {"goal": GOALS.get(name, rounds.NO_GOAL)})
    rounds.show("starting", "start", measured, COLUMNS)


def _start(arguments: list[str]) -> dict[str, float]:
    starter = [sys.executable, "-I", "-S", "-c", STARTER, *arguments]
    said = subprocess.run(starter, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603 - our own command
    status, passed, processor, memory = json.loads(said)
    if status:
        sys.exit(f"{' '.join(arguments)} ended with {status}")
    return {"passed": passed * 1000, "cpu": processor * 1000, "memory": memory / KILOBYTES}
