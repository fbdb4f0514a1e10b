"""A sandbox over real HTTP for clients that know nothing of it, and Node.js to run the half of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox import QuickBooksSandbox

HERE = Path(__file__).parent
INSTALL_SECONDS, SCRIPT_SECONDS = 300, 60

Node = Callable[[str], Any]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickBooksSandbox]:
    sandbox = QuickBooksSandbox(tmp_path_factory.mktemp("quickbooks"))
    sandbox.start()
    sandbox.set_limits(enabled=False)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def packages() -> None:
    """The npm packages of package-lock.json, installed where they are missing or others."""
    installed = HERE / "node_modules" / ".package-lock.json"
    wanted = json.loads((HERE / "package-lock.json").read_text())["packages"]
    found = json.loads(installed.read_text())["packages"] if installed.exists() else {}
    if any(found.get(path, {}).get("version") != package["version"] for path, package in wanted.items() if path):
        subprocess.run(["npm", "ci", "--no-progress"], cwd=HERE, check=True, timeout=INSTALL_SECONDS)  # noqa: S607  # whichever npm there is


@pytest.fixture
def node(sandbox: QuickBooksSandbox, packages: None) -> Node:
    """Run a script of the folder ``node``; it is given the sandbox's credentials and must end well."""

    def run(script: str) -> Any:
        done = subprocess.run(  # noqa: S603  # a script of this folder
            ["node", str(HERE / "node" / script), json.dumps(sandbox.credentials())],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
