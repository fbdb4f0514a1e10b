"""Pages as they are used: a report on paper, a connect by keyboard, a long list narrowed as one types."""

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.integration.running import RunningWorld
from tests.integration.system import until


def test_a_report_is_printed_whole_and_without_what_surrounds_it(open_page: Open, world: RunningWorld) -> None:
    invoice = world.invoice(world.client("Printed"), "100.00")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    world.ravetree.change("invoices", invoice["id"], {"status": "paid"})
    until(lambda: (found := world.quickbooks.invoice(invoice["number"])) and found["Balance"] == 0)
    world.api("POST", f"/api/connections/{world.connection_id}/parity", {"full": False})
    # A4 without its margins.
    page = open_page("parity", viewport={"width": 718, "height": 1000})
    page.emulate_media(media="print")
    expect(page.get_by_role("columnheader", name="What to do")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    expect(page.get_by_role("button", name="Compare now")).to_be_hidden()
    wider = "[document.documentElement, document.querySelector('.rows')].map(one => one.scrollWidth - one.clientWidth)"
    assert max(page.evaluate(wider)) <= 2  # its borders


def test_a_connect_is_begun_by_keyboard_alone(open_page: Open, world: RunningWorld) -> None:
    page = open_page("connection")
    page.get_by_role("link", name="Reconnect").focus()
    page.keyboard.press("Enter")
    page.get_by_label("API token of that account").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Continue to QuickBooks")).to_be_visible()
    page.get_by_role("link", name="Not now").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert world.connection()["state"] == "active"


def test_lists_to_map_to_are_narrowed_as_one_types(open_page: Open) -> None:
    page = open_page("connection/mappings")
    rest = page.get_by_label("The rest").first
    everything = rest.locator("option").count()
    page.get_by_role("searchbox").focus()
    page.keyboard.type("retainer ov")
    expect(page.get_by_role("status")).to_have_text("1 found")
    expect(rest.locator("option")).to_have_text(["stays as it is", "to Retainer overage"])
    # What is chosen stays chosen, and Enter sends nothing away.
    page.keyboard.press("Enter")
    expect(page.get_by_label("Time", exact=True).locator("option:checked")).to_have_text("Hours")
    page.get_by_role("searchbox").fill("")
    expect(rest.locator("option")).to_have_count(everything)
