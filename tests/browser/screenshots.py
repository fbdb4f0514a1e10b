"""`make screenshots`: every page of the console after a believable day, in light, dark and phone width, to look at.

They are written below `var/screenshots`; what the README shows is taken from there.
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from config.ports import SystemClock
from ravebooks.commands import demo
from ravebooks.demo.day import WorkingDay
from storage import parity
from storage.database import Database
from tests.browser.conftest import CHROMIUM, DESK, PHONE
from tests.integration.running import RunningWorld
from tests.integration.system import System, until

FOLDER = Path("var/screenshots")
OWN = ("", "attention", "records", "connection", "connection/mappings", "backfill?preview=1&kinds=invoice", "parity")
OPERATING = ("../well", "../queues", "../dead", "../parked", "../events", "../brakes", "../kept")
HERE = (*OWN, "reads", "connection/reconnect", "../connect")
PAGES = (*HERE, "../people", "../acts", "../you", "../all-parts", *OPERATING)
LOOKS = {"light": ("light", DESK), "dark": ("dark", DESK), "phone": ("light", PHONE)}


def take() -> None:
    """Play the demo's day with a question left open, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder))
        system.start()
        try:
            for step in WorkingDay(system.ravetree, system.quickbooks, lambda *_: None).steps():
                step()
            _take(RunningWorld(system), system)
        finally:
            demo.stop(system.process)


def _take(world: RunningWorld, system: System) -> None:
    invoice = _ask_something(world)
    world.settle()
    _remember_days(world, system)
    world.api("POST", f"/api/connections/{world.connection_id}/parity", {"full": False})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.goto(system.ready["console_url"])
        page.get_by_role("button", name="Enter").click()
        kept = context.storage_state()
        for look, (scheme, viewport) in LOOKS.items():
            options: Any = {"storage_state": kept, "viewport": viewport, "color_scheme": scheme}
            shown = browser.new_context(**options)
            for path in (*PAGES, invoice, f"{invoice}/preview"):
                _picture(shown.new_page(), f"{system.ready['url']}/console", world.connection_id, path, look)
        browser.close()
    world.close()


def _remember_days(world: RunningWorld, system: System) -> None:
    """Reports of the days before, with some differences on some of them."""
    database = Database(system.database_url(), SystemClock())
    with database.transaction() as session:
        for days, differing in enumerate((1, 0, 3, 5, 2, 0, 0, 1, 4, 2, 0, 1), 1):
            summary = {"compared": 26 - days, "equal": 26 - days - differing, "differing": differing, "causes": {}}
            made_at = SystemClock().now() - timedelta(days=days)
            parity.add(session, world.connection_id, made_at, "copies", summary | {"currencies": {}}, [])
    database.close()


def _ask_something(world: RunningWorld) -> str:
    """A payment of QuickBooks' that somebody edits on both sides; the address of its invoice."""
    invoice = world.invoice(world.client("Harbour Lights Festival"), "2400.00", "180.50")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    world.quickbooks.pay({invoice["number"]: "600.00"}, "2026-11-21", "CHK 2210")
    until(lambda: any(row["reference"] == "CHK 2210" for row in world.ravetree.every("payments")))
    (payment,) = (row for row in world.ravetree.every("payments") if row["reference"] == "CHK 2210")
    (copy,) = (row for row in world.quickbooks.query("select * from Payment") if row.get("PaymentRefNum") == "CHK 2210")
    address = f"/api/connections/{world.connection_id}"
    world.api("POST", f"{address}/pause", {"by": "Kim"})
    world.ravetree.change("payments", payment["id"], {"reference": "CHK 2211"})
    named = {key: copy[key] for key in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "CHK 2210 B"})
    world.api("POST", f"{address}/resume")
    until(world.attention)
    return f"records/ravetree/invoice/{invoice['id']}"


def _picture(page: Page, console: str, connection_id: str, path: str, look: str) -> None:
    page.goto(
        f"{console}/{path.removeprefix('../')}" if path.startswith("../") else f"{console}/{connection_id}/{path}"
    )
    name = path.partition("?")[0].removeprefix("../").partition("/ravetree")[0].replace("/", "-") or "home"
    if "/ravetree/" in path:
        name = "preview" if path.endswith("/preview") else "record"
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}-{look}.png", full_page=True)
    page.close()


if __name__ == "__main__":
    take()
    sys.stdout.write(f"{FOLDER}: {len(list(FOLDER.glob('*.png')))} pictures\n")
