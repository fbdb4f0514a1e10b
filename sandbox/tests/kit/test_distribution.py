"""What is installed by itself works by itself."""

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("sandbox_kit", "quickbooks_sandbox", "ravetree_sandbox", "sandbox_commands")
EVERY_MODULE = """
import importlib, pkgutil, sys
for top in sys.argv[1:]:
    package = importlib.import_module(top)
    for module in pkgutil.walk_packages(package.__path__, f"{top}."):
        importlib.import_module(module.name)
print(len([name for name in sys.modules if name.partition(".")[0] in sys.argv[1:]]))
"""


def asked_for(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {line for line in lines if line and line[0] not in "#-"}


def test_every_module_is_imported_where_nothing_else_of_this_repository_is_installed() -> None:
    # What is installed editable, `-S` does not see.
    path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    done = subprocess.run(  # noqa: S603 - our own packages
        [sys.executable, "-S", "-c", EVERY_MODULE, *PACKAGES],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT / "requirements",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


def test_the_lock_pins_what_is_depended_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) == asked_for("run.in") - {"setuptools"}
    pinned = {line.partition("==")[0] for line in (ROOT / "requirements" / "run.lock").read_text().splitlines()}
    assert {name.lower() for name in asked_for("run.in")} <= {name.lower() for name in pinned}


def test_every_folder_with_modules_is_a_package() -> None:
    """Without its `__init__.py` a folder works in a checkout and is left out of what is installed."""
    folders = {path.parent for top in PACKAGES for path in (ROOT / top).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
