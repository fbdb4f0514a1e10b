"""The help article, gone through in the console in its own order."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.integration.running import RunningWorld
from tests.integration.system import until

TYPES = 5


def tick(page: Page, name: str, *, on: bool) -> None:
    box = page.get_by_role("checkbox", name=name)
    box.set_checked(on)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_role("checkbox", name=name)).to_be_checked(checked=on)


def test_the_article(open_page: Open, world: RunningWorld) -> None:
    """Each comment is a sentence of the article."""
    ours, theirs = world.ravetree, world.quickbooks
    # "Go to the Admin page, then click on the Connections tab."
    page = open_page()
    page.get_by_role("link", name="Connection", exact=True).click()
    # An invoice from before the integration is enabled, for the button below.
    tick(page, "Invoices", on=False)
    old = world.invoice(world.client("Old Client"), "10.00")
    # "Make sure you select the Invoices checkbox first, then click on the Configure Mappings button."
    tick(page, "Invoices", on=True)
    page.get_by_role("link", name="Configure Mappings").click()
    # "The fields on the left represent the five types of line items." "Each must be mapped to a service item."
    table = page.get_by_role("table").filter(has_text="Ravetree line item")
    choices = table.get_by_role("combobox")
    expect(choices).to_have_count(TYPES + 1)  # and one for the rest
    for number in range(TYPES):
        assert choices.nth(number).input_value() != ""
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    # "After completing this step the integration is complete."
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_text("It waits for these mappings")).to_have_count(0)
    # "Anytime you create an invoice in Ravetree it will be pushed over", with "the same invoice number".
    made = world.invoice(world.client("New Client"), "100.00")
    until(lambda: theirs.invoice(made["number"]))
    # "If the contact does not already exist in QuickBooks, then it will be created for you."
    assert "New Client" in [row["DisplayName"] for row in theirs.query("select * from Customer")]
    # "When you receive payment you can enter this into Ravetree or QuickBooks", and both have it.
    theirs.pay({made["number"]: "40.00"}, "2026-11-21", "CHK 1")
    until(lambda: any(row["reference"] == "CHK 1" for row in ours.every("payments")))
    # "If you have old invoices you can have them pushed over by opening the invoice and clicking Sync to QuickBooks."
    page.goto(page.url.replace("/connection", f"/records/ravetree/invoice/{old['id']}"))
    page.get_by_role("button", name="Sync to QuickBooks").click()
    until(lambda: theirs.invoice(old["number"]))
    # "You can also choose to sync Ravetree Estimates by checking the Estimates checkbox."
    page.get_by_role("link", name="Connection", exact=True).click()
    tick(page, "Estimates", on=True)
    # "Any contacts that have been synced will have a small QuickBooks icon": here its state in the list.
    page.get_by_role("link", name="Records").click()
    page.get_by_label("Number, client or amount").fill("New Client")
    page.get_by_role("button", name="Find").click()
    row = page.get_by_role("row").filter(has_text="Client New Client")
    expect(row.get_by_text("Synced")).to_be_visible()
