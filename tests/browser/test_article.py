"""The help article, gone through in the console sentence by sentence, from nothing."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from ravebooks.local.sandbox_connection import ITEMS
from tests.browser.bare import Bare
from tests.browser.conftest import DESK
from tests.integration.running import RunningWorld
from tests.integration.system import until

LINE = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "50.00", "taxable": False}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    made = Bare(tmp_path_factory.mktemp("article") / "var")
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def page(bare: Bare, browser: Browser) -> Iterator[Page]:
    """The browser of somebody who has entered; nothing may go wrong in it, and nothing but both sides be asked."""
    complaints: list[str] = []
    sides = (bare.ready["url"], bare.world.quickbooks_root, "data:")
    options: Any = {"viewport": DESK}
    context = browser.new_context(**options)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if _is_ours(said, bare) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(sides) else complaints.append(asked.url))
    page.goto(bare.ready["console_url"])
    page.get_by_role("button", name="Enter").click()
    yield page
    context.close()
    assert complaints == []


def _is_ours(said: ConsoleMessage, bare: Bare) -> bool:
    """Whether a page of the console complains: QuickBooks' own is not looked at."""
    return said.type in ("error", "warning") and said.location["url"].startswith(bare.ready["url"])


def connect(page: Page, bare: Bare) -> str:
    """Through QuickBooks' own page and back; the connection's id."""
    page.get_by_role("link", name="Connect to QuickBooks").click()
    page.get_by_label("Ravetree account").fill(bare.world.ravetree["account_id"])
    page.get_by_label("API token of that account").fill(bare.world.ravetree["api_token"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("link", name="Continue to QuickBooks").click()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("QuickBooks is connected.")).to_be_visible()
    found = re.search(r"/console/([^/]+)/connection", page.url)
    assert found is not None, page.url
    return found[1]


def go(page: Page, world: RunningWorld, path: str) -> None:
    page.goto(f"{page.url.partition('/console/')[0]}/console/{world.connection_id}/{path}")


def push(page: Page, world: RunningWorld, kind: str, record_id: str) -> None:
    """Open a record and press its button."""
    go(page, world, f"records/ravetree/{kind}/{record_id}")
    page.get_by_role("button", name="Sync to QuickBooks").click()
    expect(page.get_by_role("status")).to_be_visible()


def there(world: RunningWorld, entity: str, name: str, value: str) -> dict[str, Any] | None:
    rows = world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - an entity of this file's own
    return next((row for row in rows if row.get(name) == value), None)


def remote(world: RunningWorld, entity: str, name: str, value: str) -> dict[str, Any]:
    """The same, as soon as it is there."""
    until(lambda: there(world, entity, name, value), what=f"no {entity} {value}")
    return there(world, entity, name, value) or {}


def test_the_article(page: Page, bare: Bare) -> None:
    """Each comment is a sentence of the article."""
    ours = bare.ravetree
    # An invoice from before the integration, for its button below.
    client = ours.create("contacts", {"kind": "account", "name": "Old Client", "currency": "USD"})
    body = {"client_id": client["id"], "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": "USD"}
    old = ours.create("invoices", body | {"lines": [LINE]})
    # "Go to the Admin page in Ravetree, then click on the Connections tab."
    expect(page.get_by_text("No account is connected yet.")).to_be_visible()
    # "Next, you will be asked to authenticate with your online QuickBooks account."
    bare.ready["connection"] = connect(page, bare)
    world = RunningWorld(bare)
    try:
        set_up(page, world)
        invoices(page, world, old["number"], old["id"])
        estimates(world)
        contacts(page, world)
    finally:
        world.close()


def set_up(page: Page, world: RunningWorld) -> None:
    # "Make sure you select the Invoices checkbox first." "Estimates by checking the Estimates checkbox."
    page.get_by_role("checkbox", name="Invoices").check()
    page.get_by_role("checkbox", name="Estimates").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("It waits for these mappings: ")).to_be_visible()
    assert world.connection()["invoices_since"] is None
    # "Then click on the Configure Mappings button."
    page.get_by_role("link", name="Configure Mappings").click()
    # "The fields on the left represent the five types of line items." "Each must be mapped to a service item."
    table = page.get_by_role("table").filter(has_text="Ravetree line item")
    keys = {row["key"]: row["label"] for row in world.ravetree.every("line_item_types")}
    assert keys.keys() == ITEMS.keys()
    for key, label in keys.items():
        table.get_by_label(label, exact=True).select_option(label=ITEMS[key])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    # "After completing this step the integration is complete."
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_text("It waits for these mappings")).to_have_count(0)
    until(lambda: None not in (world.connection()["invoices_since"], world.connection()["estimates_since"]))
    # "When you first enable the integration Ravetree will create contacts to match your customer database."
    customers = {row["DisplayName"] for row in world.quickbooks.query("select * from Customer")}
    assert customers
    until(lambda: customers <= {row["name"] for row in world.ravetree.every("contacts")})


def invoices(page: Page, world: RunningWorld, old_number: str, old_id: str) -> None:
    ours, theirs = world.ravetree, world.quickbooks
    # "Anytime you create an invoice it will be pushed over." "The invoice number will be the same."
    made = world.invoice(world.client("New Client"), "100.00")
    number, invoice_id = made["number"], made["id"]
    copy = remote(world, "Invoice", "DocNumber", number)
    assert copy["TotalAmt"] == 100
    # "If the contact does not already exist in QuickBooks, then it will be created for you."
    assert there(world, "Customer", "DisplayName", "New Client")
    # "Adding, editing, or removing invoice line items will update the invoice in QuickBooks."
    lines = ours.get("invoices", invoice_id)["lines"]
    ours.change("invoices", invoice_id, {"lines": [*lines, LINE]})
    until(lambda: remote(world, "Invoice", "DocNumber", number)["TotalAmt"] == 150)
    lines = ours.get("invoices", invoice_id)["lines"]
    edited = [lines[0] | {"quantity": "2", "amount": "200.00"}, lines[1]]
    ours.change("invoices", invoice_id, {"lines": edited})
    until(lambda: remote(world, "Invoice", "DocNumber", number)["TotalAmt"] == 250)
    ours.change("invoices", invoice_id, {"lines": [ours.get("invoices", invoice_id)["lines"][0]]})
    until(lambda: remote(world, "Invoice", "DocNumber", number)["TotalAmt"] == 200)
    # "If you update the status, e.g. if you send the invoice, it is updated in both, wherever that was made."
    ours.change("invoices", invoice_id, {"status": "sent"})
    until(lambda: remote(world, "Invoice", "DocNumber", number).get("EmailStatus") == "EmailSent")
    other = world.invoice(world.client("Other Client"), "75.00")
    copy = remote(world, "Invoice", "DocNumber", other["number"])
    theirs.write(f"invoice/{copy['Id']}/send", {}, sendTo="books@other.example")
    until(lambda: ours.get("invoices", other["id"])["sent_at"])
    # "Or mark it as Paid."
    ours.change("invoices", other["id"], {"status": "paid"})
    until(lambda: remote(world, "Invoice", "DocNumber", other["number"])["Balance"] == 0)
    # "When you receive payment you can enter this into Ravetree or QuickBooks, and both places have it."
    theirs.pay({number: "40.00"}, "2026-11-21", "CHK 1")
    until(lambda: any(row["reference"] == "CHK 1" for row in ours.every("payments")))
    world.receive({invoice_id: "160.00"}, "WIRE 1")
    remote(world, "Payment", "PaymentRefNum", "WIRE 1")
    until(lambda: remote(world, "Invoice", "DocNumber", number)["Balance"] == 0)
    until(lambda: ours.get("invoices", invoice_id)["status"] == "paid")
    assert Decimal(ours.get("invoices", invoice_id)["balance"]) == 0
    # "Old invoices can be pushed over by opening the invoice and clicking on the Sync to QuickBooks button."
    assert there(world, "Invoice", "DocNumber", old_number) is None
    push(page, world, "invoice", old_id)
    remote(world, "Invoice", "DocNumber", old_number)


def estimates(world: RunningWorld) -> None:
    ours, theirs = world.ravetree, world.quickbooks
    # "Estimates that are created and updated in Ravetree will be synced."
    body = {"client_id": world.client("Asking Client"), "issue_date": "2026-11-20", "currency": "USD", "lines": [LINE]}
    made = ours.create("estimates", body)
    remote(world, "Estimate", "DocNumber", made["number"])
    ours.change("estimates", made["id"], {"lines": [LINE, LINE]})
    until(lambda: remote(world, "Estimate", "DocNumber", made["number"])["TotalAmt"] == 100)
    # "If you make changes to estimates in QuickBooks, these updates will not be synced back to Ravetree."
    world.settle()
    copy = remote(world, "Estimate", "DocNumber", made["number"])
    named = {key: copy[key] for key in ("Id", "SyncToken")}
    before = ours.get("estimates", made["id"])
    theirs.write("estimate", named | {"sparse": True, "PrivateNote": "Ours alone", "TxnStatus": "Accepted"})
    world.settle()
    assert ours.get("estimates", made["id"]) == before
    assert remote(world, "Estimate", "DocNumber", made["number"])["PrivateNote"] == "Ours alone"


def contacts(page: Page, world: RunningWorld) -> None:
    # "If you have contacts that you want pushed over, open the contact and click on the Sync to QuickBooks button."
    contact = world.client("Quiet Client")
    world.settle()
    assert there(world, "Customer", "DisplayName", "Quiet Client") is None
    push(page, world, "contact", contact)
    remote(world, "Customer", "DisplayName", "Quiet Client")
    # "Contacts that have been synced will have a small QuickBooks icon": its state in the list, and Ravetree is told.
    until(lambda: world.ravetree.sync_state("contact", contact).get("state") == "synced")
    go(page, world, "records?kind=contact&q=quiet+client")
    row = page.get_by_role("row").filter(has_text="Client Quiet Client")
    expect(row.get_by_text("Synced")).to_be_visible()
