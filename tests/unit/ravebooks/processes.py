"""Commands as processes that end by themselves.

They are forked from one Python that has imported the program: what an import costs is paid once, and not by each of
them. What each has for itself is what a command has: its environment, its files, and how it ends.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

LONGEST = 60
"""Seconds until one that does not end is ended."""

IMPORTED = ("ravebooks.command_line", "ravebooks.commands.processes", "ravebooks.commands.up")


def ended(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command in this working directory, with these settings alone."""
    environment = {"PATH": "/usr/bin:/bin"} | {f"RAVEBOOKS_{name}": value for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        outputs = [str(Path(folder) / name) for name in ("stdout", "stderr")]
        asked = {"words": words, "environment": environment, "folder": str(Path.cwd()), "outputs": outputs}
        forking = _forking()
        assert forking.stdin is not None
        assert forking.stdout is not None
        forking.stdin.write(json.dumps(asked) + "\n")
        forking.stdin.flush()
        status = int(forking.stdout.readline())
        said = [Path(output).read_text() for output in outputs]
    return subprocess.CompletedProcess(words, status, *said)


@cache
def _forking() -> "subprocess.Popen[str]":
    """Who is asked for a fork, and answers; it ends when nobody can ask any more."""
    process = subprocess.Popen(  # noqa: S603 - this module
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    atexit.register(process.communicate)
    return process


def _serve() -> None:
    """Fork for each line that is asked, and answer with the status of what was forked."""
    from ravebooks.__main__ import main

    for module in IMPORTED:
        import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(**json.loads(line))
            main()
            sys.exit()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - it is asked over a pipe


def _become(words: list[str], environment: dict[str, str], folder: str, outputs: list[str]) -> None:
    """What the shell gives to a command."""
    signal.alarm(LONGEST)
    sys.argv[1:] = words
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, output in enumerate(outputs, 1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)


if __name__ == "__main__":
    _serve()
