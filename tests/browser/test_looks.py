"""Every page for everybody: axe-core finds nothing serious, and on a phone nothing moves or overflows."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open, serious
from tests.integration.running import RunningWorld
from tests.integration.system import until

OWN = ("", "attention", "records", "connection", "connection/mappings", "backfill", "parity", "reads")
OPERATING = ("../well", "../queues", "../dead", "../parked", "../events", "../brakes", "../kept")
ACCESS = ("../people", "../people/tokens", "../acts", "../you")
PAGES = (*OWN, "connection/reconnect", "../connect", *ACCESS, "../all-parts", *OPERATING)
COLOURS = "{runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}"
LOOKED_AT = {"light": "axe.run()", "dark": f"axe.run({COLOURS})"}
"""In the dark a page is the same but for its colours."""


@pytest.fixture(scope="module")
def record(world: RunningWorld) -> str:
    """The address of an invoice that stands in both books."""
    invoice = world.invoice(world.client("Looks"), "100.00")
    until(lambda: world.quickbooks.invoice(invoice["number"]))
    return f"records/ravetree/invoice/{invoice['id']}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_anybodys_way(
    open_page: Open, world: RunningWorld, record: str, axe: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme, bypass_csp=True)
    found = []
    for path in (*PAGES, record, f"{record}/preview", *details(world, record)):
        _go(page, world, path)
        found += serious(page, axe, LOOKED_AT[scheme])
    assert found == []


def details(world: RunningWorld, record: str) -> list[str]:
    """What operators see of one thing alone; a dead letter and a job over many are looked at in their night."""
    since = (world.clock.now() - timedelta(hours=1)).isoformat(timespec="minutes").removesuffix("+00:00")
    recover = f"../many?what=recover&connection={world.connection_id}&since={since}"
    return [
        "../events/1",
        recover,
        f"../parked/{world.connection_id}/{record.removeprefix('records/')}",
        "../queues?span=day",
    ]


def test_on_a_phone_nothing_moves_and_nothing_is_wider_than_the_screen(
    open_page: Open, world: RunningWorld, record: str
) -> None:
    page = open_page(viewport=PHONE)
    found = []
    for path in (*PAGES, record, *details(world, record)):
        _go(page, world, path)
        shift = page.evaluate(
            """new Promise(done => {
                let moved = 0;
                new PerformanceObserver(list => list.getEntries().forEach(entry => moved += entry.value))
                    .observe({type: "layout-shift", buffered: true});
                setTimeout(() => done(moved), 100);
            })"""
        )
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if shift or wider > 0:
            found.append((path, shift, wider))
    assert found == []


def test_a_report_is_printed_whole_and_without_what_surrounds_it(
    open_page: Open, world: RunningWorld, record: str
) -> None:
    invoice = world.ravetree.get("invoices", record.rpartition("/")[2])
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


def _go(page: Page, world: RunningWorld, path: str) -> None:
    own = world.connection_id
    where = path.removeprefix("../") if path.startswith("../") else f"{own}/{path}"
    answer = page.goto(f"{page.url.partition('/console/')[0]}/console/{where}")
    assert answer is not None
    assert answer.status == 200, path
