"""Every page for everybody: axe-core finds nothing serious, and on a phone nothing moves or overflows."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page

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


def _go(page: Page, world: RunningWorld, path: str) -> None:
    own = world.connection_id
    where = path.removeprefix("../") if path.startswith("../") else f"{own}/{path}"
    answer = page.goto(f"{page.url.partition('/console/')[0]}/console/{where}")
    assert answer is not None
    assert answer.status == 200, path
