"""Production does not install the sandbox: everything is there without it, and who asks for it is told what to do."""

import configparser
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EVERY_MODULE = """
import importlib, pkgutil, sys
for top in sys.argv[1:]:
    package = importlib.import_module(top)
    for module in pkgutil.walk_packages(package.__path__, f"{top}."):
        if not module.name.endswith((".__main__", ".env")):
            importlib.import_module(module.name)
print(len([name for name in sys.modules if name.partition(".")[0] in sys.argv[1:]]))
"""


def without_sandbox(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """A process of Python that finds the checkout and what was downloaded; what is installed editable it does not."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAVEBOOKS_")}
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-S", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_sandbox_is_out_of_reach_in_these_tests(tmp_path: Path) -> None:
    assert "No module named" in without_sandbox("-c", "import quickbooks_sandbox", cwd=tmp_path).stderr


def test_every_module_of_the_product_is_imported_without_it(tmp_path: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    tops = sorted({name.partition(".")[0] for name in setup["options"]["packages"].split()})
    done = without_sandbox("-c", EVERY_MODULE, *tops, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


@pytest.mark.parametrize("words", ["sandbox", "up --sandbox"])
def test_who_asks_for_it_is_told_how_it_is_installed(tmp_path: Path, words: str) -> None:
    done = without_sandbox("-m", "ravebooks", *words.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ravebooks: the sandbox is not installed here. "
        "Run `make setup` in the checkout, or `pip install ./sandbox` there."
    )
    assert done.stdout == ""
