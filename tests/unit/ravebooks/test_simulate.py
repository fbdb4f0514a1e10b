"""`ravebooks simulate` in a checkout, and without one."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ravebooks.command_line import ravebooks
from ravebooks.commands import simulate

ROOT = Path(__file__).parents[3]


def test_a_seed_is_played_from_any_folder(tmp_path: Path) -> None:
    asked = [sys.executable, "-c", "import sys; from ravebooks.__main__ import main; sys.argv = sys.argv[1:]; main()"]
    played = subprocess.run(  # noqa: S603 - our own program
        [*asked, "ravebooks", "simulate", "--seed", "3", "--steps", "20", "--only", "none"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    assert played.stdout.endswith("All held.\n")


def test_without_a_checkout_it_says_where_it_is_played(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "SIMULATION", Path("nowhere"))
    with pytest.raises(simulate.NoCheckout) as caught:
        runner.invoke(ravebooks, ["simulate"], catch_exceptions=False)
    assert "make simulate" in caught.value.remedy
