"""The tutorial, from its first line to its last, by somebody who types what it says."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ravebooks.local import sandbox_process
from tests.docs.examples import ROOT, Example, examples, fits
from tests.docs.shell import Shell
from tests.integration.system import until
from tests.services.ports import ServiceError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder in which the program is installed as in a checkout, and nothing else is."""
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    return tmp_path


@pytest.fixture
def shell(checkout: Path) -> Iterator[Shell]:
    made = Shell(checkout, {})
    yield made
    made.close()
    world = sandbox_process.kept(checkout / "var")
    if world is not None and sandbox_process.answers(world):
        world.stop()


def test_it_prints_what_it_says_and_leaves_nothing_running(shell: Shell, checkout: Path) -> None:
    typed = examples(ROOT / "docs" / "tutorial.md", "bash")
    assert sum(example.prints is not None for example in typed) >= 10
    for example in typed:
        _type(shell, example)
    world = sandbox_process.kept(checkout / "var")
    assert world is not None
    until(lambda: not sandbox_process.answers(world), what="the sandbox is still there")


def _type(shell: Shell, example: Example) -> None:
    """What is shown to be printed is looked at again until it is: a person looks again too."""
    if example.prints is None:
        ran = shell.run(example.command)
        assert ran.status == 0, f"{example.command}\n{ran.printed}{ran.errors}"
        return
    said, seen = example.prints, [""]

    def is_printed() -> bool:
        ran = shell.run(example.command)
        seen[0] = ran.printed + ran.errors
        return ran.status == 0 and fits(ran.printed, said)

    try:
        until(is_printed, what="it is not printed")
    except ServiceError:
        pytest.fail(f"{example.command}\nprints\n{seen[0]}\nand not\n{said}")
