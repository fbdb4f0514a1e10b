"""The console in a real browser, Debian's Chromium, on a running product with both sandboxes."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.integration.running import RunningWorld
from tests.integration.system import System

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
INSTALL_SECONDS = 300
LONGEST = ("test_operator_night.py", "test_looks.py", "test_article.py", "test_first_hour.py")
"""Measured, the longest first."""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

expect.set_options(timeout=20_000)

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, and the shortest file last: both processes end at about the same time."""
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = System(tmp_path_factory.mktemp("console"))
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def world(system: System) -> Iterator[RunningWorld]:
    """The same through the doors of both sides."""
    made = RunningWorld(system)
    yield made
    made.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Whoever runs the tests may be root, for whom Chromium has no sandbox.
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def session(system: System, browser: Browser) -> dict[str, Any]:
    """The cookies of somebody who entered by the link that `up` printed."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(system.ready["console_url"])
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    kept: dict[str, Any] = dict(context.storage_state())
    context.close()
    return kept


@pytest.fixture
def open_page(system: System, browser: Browser, session: dict[str, Any]) -> Iterator[Open]:
    """Open a page of the connection, signed in; at the end nothing may have gone wrong in any of them."""
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((system.ready["url"], "data:")):
            complaints.append(f"another host: {request.url}")

    def open_(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"storage_state": session, "viewport": DESK} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("request", asked)
        page.goto(f"{system.ready['url']}/console/{system.ready['connection']}/{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, by package-lock.json; installed where it is missing or another one."""
    installed = HERE / "node_modules" / ".package-lock.json"
    wanted = json.loads((HERE / "package-lock.json").read_text())["packages"]
    found = json.loads(installed.read_text())["packages"] if installed.exists() else {}
    if any(found.get(path, {}).get("version") != package["version"] for path, package in wanted.items() if path):
        command = ["npm", "ci", "--no-progress"]
        subprocess.run(command, cwd=HERE, check=True, timeout=INSTALL_SECONDS)  # noqa: S603 - whichever npm there is
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()


SERIOUS = ("serious", "critical")


def serious(page: Page, axe: str, look: str = "axe.run()") -> list[str]:
    """What axe-core finds on a page that stands in somebody's way. Its context bypasses the content security policy."""
    page.evaluate(axe)
    result: dict[str, Any] = page.evaluate(look)
    return [
        f"{page.url}: {one['id']} {one['nodes'][0]['html'][:120]} {one['nodes'][0]['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in SERIOUS
    ]
