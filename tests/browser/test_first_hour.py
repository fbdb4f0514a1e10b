"""A bookkeeper's first hour: money seen as it comes, a conflict answered, all of it by keyboard too."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.integration.running import RunningWorld
from tests.integration.system import until


def edited_on_both_sides(world: RunningWorld, name: str) -> None:
    """A payment whose reference both sides changed."""
    ours, theirs = world.ravetree, world.quickbooks
    invoice = world.invoice(world.client(name), "100.00")
    until(lambda: theirs.invoice(invoice["number"]))
    theirs.pay({invoice["number"]: "60.00"}, "2026-11-21", name)
    until(lambda: any(row["reference"] == name for row in ours.every("payments")))
    (payment,) = (row for row in ours.every("payments") if row["reference"] == name)
    (copy,) = (row for row in theirs.query("select * from Payment") if row.get("PaymentRefNum") == name)
    address = f"/api/connections/{world.connection_id}"
    world.api("POST", f"{address}/pause", {"by": "Kim"})
    ours.change("payments", payment["id"], {"reference": f"{name} here"})
    named = {key: copy[key] for key in ("Id", "SyncToken")}
    theirs.write("payment", named | {"sparse": True, "PaymentRefNum": f"{name} there"})
    world.api("POST", f"{address}/resume")
    until(lambda: [row["code"] for row in world.attention()] == ["edited_on_both_sides"])


def test_money_of_the_other_side_is_seen_without_loading_the_page_again(open_page: Open, world: RunningWorld) -> None:
    invoice = world.invoice(world.client("Live"), "100.00")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    world.settle()
    page = open_page()
    before = page.locator(".verdict dd").first.inner_text()
    theirs = world.quickbooks
    theirs.pay({invoice["number"]: "100.00"}, "2026-11-21", "LIVE 1")
    expect(page.locator(".verdict dd").first).not_to_have_text(before)


def test_a_conflict_is_looked_at_and_answered(open_page: Open, world: RunningWorld) -> None:
    edited_on_both_sides(world, "Conflict")
    page = open_page()
    expect(page.get_by_role("heading", level=1)).to_contain_text("waits for you")
    page.get_by_role("link", name="Needs attention").click()
    question = page.get_by_role("article")
    question.get_by_role("link", name="Preview").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("would do")
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("Your answer is kept")).to_be_visible()
    until(lambda: _agreed(world, "Conflict"))


def test_two_clients_of_one_name_are_told_apart(open_page: Open, world: RunningWorld) -> None:
    """One of them came with the company's customers."""
    theirs = world.quickbooks
    (known,) = theirs.query("select * from Customer where DisplayName = 'Cedar & Finch'")
    invoice = world.invoice(world.client("Cedar & Finch"), "11.00")
    until(world.attention)
    page = open_page("attention")
    page.get_by_role("article").get_by_role("button", name="They are two").click()
    expect(page.get_by_text("Your answer is kept")).to_be_visible()
    until(lambda: theirs.invoice(invoice["number"]))
    made = theirs.invoice(invoice["number"])
    assert made is not None
    assert made["CustomerRef"]["value"] != known["Id"]
    until(lambda: not world.attention())


def test_a_mapping_is_repaired_and_what_waited_for_it_goes_on(open_page: Open, world: RunningWorld) -> None:
    theirs = world.quickbooks
    (item,) = theirs.query("select * from Item where Name = 'Hours'")
    named = {key: item[key] for key in ("Id", "SyncToken")}
    theirs.write("item", named | {"sparse": True, "Active": False})
    invoice = world.invoice(world.client("Mapping"), "13.00")
    until(world.attention)
    page = open_page("connection/mappings")
    page.get_by_label("Time", exact=True).select_option(label="Other services")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    until(lambda: theirs.invoice(invoice["number"]))
    until(lambda: not world.attention())


def test_the_same_by_keyboard_alone(open_page: Open, world: RunningWorld) -> None:
    edited_on_both_sides(world, "Keyboard")
    page = open_page("attention")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "Take Ravetree's")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your answer is kept")).to_be_visible()
    until(lambda: _agreed(world, "Keyboard"))


def _tab_to(page: Page, label: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()") == (
            f"BUTTON {label}"
        ):
            return
    raise AssertionError(f"no button {label} is reached")


def _agreed(world: RunningWorld, name: str) -> bool:
    """Whether both books have one reference again."""
    found = {row["reference"] for row in world.ravetree.every("payments")}
    found |= {str(row.get("PaymentRefNum")) for row in world.quickbooks.query("select * from Payment")}
    return len({reference for reference in found if reference.startswith(name)}) == 1
