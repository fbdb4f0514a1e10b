"""Connect, Reconnect and Forget in the console, through the sandbox's page of consent and back."""

import html
import re

import pytest
from werkzeug.test import TestResponse

from storage import connections
from storage import users as roles
from storage.paging import Asked
from tests.simulation.posting import paired_invoice
from tests.simulation.test_connecting import begin, company, token_of
from tests.simulation.test_console import Visit, acts, text_of
from tests.simulation.world import OURS, Browser, World

ACCOUNT = "org_second"
CONTINUE = re.compile(r'href="([^"]*connect/start[^"]*)"')


@pytest.fixture
def world(new_world: World) -> World:
    """One whose customers are still to be imported while the test begins."""
    return new_world


def link_of(answer: TestResponse) -> str:
    """Where *Continue to QuickBooks* leads."""
    assert answer.status_code == 200, answer.text
    found = CONTINUE.search(answer.text)
    assert found is not None, answer.text
    return f"http://{OURS}{html.unescape(found[1])}"


def come_back(world: World, link: str, realm: str = "", decision: str = "connect") -> tuple[int, str, str]:
    """Consent, and what the callback answers: its status, its text, and where it sends the browser."""
    browser = Browser(world)
    back = browser.decide(browser.open(link), realm, decision)
    answer = browser.session.get(back, allow_redirects=False)
    return answer.status_code, answer.text, answer.headers.get("Location", "")


def disconnected(world: World, role: str = roles.BOOKKEEPER) -> Visit:
    visit = Visit(world, role, world.connection()["account_id"] if role != roles.OPERATOR else "")
    visit.post("ID/connection/disconnect", sure=world.connection_id)
    return visit


def test_a_bookkeeper_without_a_connection_connects_and_comes_back_to_the_console(world: World) -> None:
    visit, realm = Visit(world, roles.BOOKKEEPER, ACCOUNT), company(world)
    assert "Connect to QuickBooks" in text_of(visit.get())
    token = token_of(world, ACCOUNT)
    # Whatever account is named: theirs is connected.
    link = link_of(visit.post("connect", account="org_of_somebody_else", ravetree_token=token))
    status, _, where = come_back(world, link, realm)
    assert status == 302
    (made,) = [one for one in visit.world.parts.console.actions.connections.every() if one.account_id == ACCOUNT]
    assert (made.realm_id, where) == (realm, f"../console/{made.id}/connection?connected=1")
    page = text_of(visit.get(f"{made.id}/connection?connected=1"))
    assert "QuickBooks is connected. Tick what is to be synced" in page
    assert "QuickBooks' consent ends on" in page
    told = world.parts.console.actions.installation.acts(Asked(50)).rows
    assert ("begin connect", f"account:{ACCOUNT}") in [(act.what, act.subject) for act in told]


def test_what_ravetree_does_not_take_goes_no_further(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    for account, token in ((ACCOUNT, token_of(world, "org_third")), ("no/account", "x"), (ACCOUNT, "")):
        answer = visit.post("connect", account=account, ravetree_token=token)
        assert (answer.status_code, CONTINUE.search(answer.text)) == (400, None), account
    assert "begin connect" not in [act.what for act in world.parts.console.actions.installation.acts(Asked(50)).rows]


def test_who_says_no_at_quickbooks_is_led_back_too(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    link = link_of(visit.post("connect", account=ACCOUNT, ravetree_token=token_of(world, ACCOUNT)))
    status, page, _ = come_back(world, link, decision="deny")
    assert (status, "You chose not to connect" in page, 'href="../console/"' in page) == (200, True, True)
    # Whoever was sent by Ravetree is not: not everybody there enters the console.
    _, page, _ = come_back(world, begin(world, ACCOUNT), decision="deny")
    assert "../console/" not in page


def test_a_company_that_is_taken_is_refused_with_the_way_back(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    link = link_of(visit.post("connect", account=ACCOUNT, ravetree_token=token_of(world, ACCOUNT)))
    status, page, _ = come_back(world, link)
    assert (status, "is connected to another Ravetree account" in page, "../console/" in page) == (400, True, True)


def test_the_consent_is_asked_anew_with_the_api_token_that_is_kept(world: World) -> None:
    visit = Visit(world, roles.BOOKKEEPER, world.connection()["account_id"])
    before = world.connection()
    assert "Empty: the one that is kept stays." in text_of(visit.get("ID/connection/reconnect"))
    status, _, where = come_back(world, link_of(visit.post("ID/connection/reconnect", ravetree_token="")))
    assert (status, where) == (302, f"../console/{world.connection_id}/connection?connected=1")
    assert world.connection()["state"] == "active"
    assert world.connection()["invoices_since"] == before["invoices_since"]
    assert acts(world) == [(visit.name, "begin connect")]


def test_what_was_disconnected_is_connected_again_with_an_api_token(world: World) -> None:
    visit = disconnected(world)
    refused = visit.post("ID/connection/reconnect", ravetree_token="")
    assert (refused.status_code, "The API token was dropped" in refused.text) == (400, True)
    token = token_of(world, world.connection()["account_id"])
    assert come_back(world, link_of(visit.post("ID/connection/reconnect", ravetree_token=token)))[0] == 302
    assert world.connection()["state"] == "active"


def test_what_nothing_came_of_is_forgotten_by_who_is_sure(world: World) -> None:
    visit = disconnected(world, roles.OPERATOR)
    with world.parts.database.reading() as session:
        realm = connections.get(session, world.connection_id).realm_id
    page = text_of(visit.get("ID/connection"))
    assert f"Forget the QuickBooks company {realm} of the Ravetree account" in page
    assert "Nothing was ever written for it: its mappings, its settings" in page
    assert visit.post("ID/connection/forget").headers["Location"].endswith("/connection")
    assert world.connection()["state"] == "disconnected"
    assert visit.post("ID/connection/forget", sure=world.connection_id).headers["Location"] == "/console/"
    assert "The connection is forgotten." in text_of(visit.get())
    assert visit.get("ID/connection").status_code == 404
    assert acts(world)[0] == (visit.name, "forget")


def test_what_was_written_for_is_archived_and_stays_readable(world: World) -> None:
    ours, _ = paired_invoice(world)
    visit = disconnected(world)
    assert "They stay readable here" in text_of(visit.get("ID/connection"))
    assert visit.post("ID/connection/forget", sure=world.connection_id).headers["Location"].endswith("/connection")
    page = text_of(visit.get("ID/connection"))
    assert ("archived" in page, "Reconnect" in page, "The connection is archived." in page) == (True, False, True)
    assert f"Invoice {ours['number']}" in text_of(visit.get("ID/records"))


def test_one_that_is_active_is_not_forgotten(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    assert "Forget the QuickBooks company" not in text_of(visit.get("ID/connection"))
    assert visit.post("ID/connection/forget", sure=world.connection_id).status_code == 409
    assert world.connection()["state"] == "active"
