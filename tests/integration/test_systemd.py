"""systemd itself reads the units of ops/systemd and finds nothing to say about them."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "ops" / "systemd"
NAMES = ("ravebooks.target", *(f"ravebooks-{name}.service" for name in ("release", "web", "worker@1", "sweeper")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The units as they are installed, with a program that is there."""
    shutil.copytree(UNITS, tmp_path / "units")
    program = tmp_path / "bin" / "ravebooks"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (tmp_path / "units").glob("*.service"):
        path.write_text(path.read_text().replace("/opt/ravebooks/bin", str(program.parent)))
    return tmp_path / "units"


def said(folder: Path, name: str) -> str:
    command = ["/usr/bin/systemd-analyze", "verify", "--man=no", str(folder / name)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    return f"{done.returncode}: {done.stdout}"


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong_with_a_unit(folder: Path, name: str) -> None:
    assert said(folder, name) == "0: "


def test_what_every_unit_has_is_read_with_each(folder: Path) -> None:
    with (folder / "ravebooks-.service.d" / "common.conf").open("a") as file:
        file.write("NoSuchSetting=yes\n")
    assert all("NoSuchSetting" in said(folder, name) for name in NAMES[1:])
