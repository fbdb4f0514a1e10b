"""Commands without loading the program for each: a process of its own, forked from one that has loaded it.

How the program is loaded is what `test_interrupted.py` looks at.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ravebooks import command_line

SECONDS = 60
_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(
    [f"ravebooks.commands.{place.partition(':')[0]}" for place in command_line.COMMANDS.values()]
)


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    status: int | None
    stdout: str
    stderr: str


def ravebooks(words: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Done:
    """`ravebooks` with these words in this environment; what it writes goes through files in `folder`."""
    written = (folder / "stdout", folder / "stderr")
    process = _LOADED.Process(target=_run, args=(words, dict(environment), written))
    process.start()
    process.join(SECONDS)
    assert process.exitcode is not None, f"{words} did not end"
    done = Done(process.exitcode, *(path.read_text() for path in written))
    process.close()
    return done


def _run(words: tuple[str, ...], environment: dict[str, str], written: tuple[Path, Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate(written, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["ravebooks", *words]
    command_line.run()
