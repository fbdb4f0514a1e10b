"""The wheels hold what the checkout holds, and run without it."""

import json
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what was built, beside what building it said."""
    folder = tmp_path_factory.mktemp("built") / "dist"
    command = [ROOT / "ops" / "build-wheels", folder]
    done = subprocess.run(command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    (folder.parent / "said").write_text(done.stdout)
    assert done.returncode == 0, done.stdout
    return folder


def held(wheel: Path) -> set[str]:
    """The files of a wheel but those about itself."""
    return {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}


def tracked(folder: Path, rooms: set[str]) -> set[str]:
    """What git keeps of the rooms in a folder."""
    said = subprocess.run(["/usr/bin/git", "ls-files", *rooms], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603
    return set(said.stdout.split())


@pytest.mark.parametrize(("folder", "name", "least"), [(".", "ravebooks", 11), ("sandbox", "quickbooks_sandbox", 4)])
def test_a_wheel_holds_what_the_checkout_holds_and_nothing_else(
    built: Path, folder: str, name: str, least: int
) -> None:
    (wheel,) = built.glob(f"{name}-*.whl")
    rooms = {file.partition("/")[0] for file in held(wheel)}
    assert len(rooms) >= least
    assert held(wheel) == tracked(ROOT / folder, rooms)


def test_the_demo_agrees_where_nothing_of_the_checkout_is(built: Path) -> None:
    assert "\n24 records compared, 0 differ\n" in (built.parent / "said").read_text()


def test_the_bill_of_materials_names_what_the_lock_names_and_the_product(built: Path) -> None:
    locked = {
        line.split("==")[0].split("[")[0]
        for line in (built / "ravebooks.lock").read_text().splitlines()
        if "==" in line
    }
    materials = json.loads((built / "bom.json").read_text())["components"]
    assert {part["name"].lower().replace("_", "-").replace(".", "-") for part in materials} == locked - {
        "setuptools"
    } | {"ravebooks"}
    assert all(part["version"] for part in materials)
