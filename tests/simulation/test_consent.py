"""Who may finish a connect, what it says, how it is taken back, and what stays of it in the database."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa
import structlog
from structlog.testing import capture_logs

from console.states import UNDO
from consumers.sweeper import FORGET_EVERY
from ravebooks.local.sandbox_connection import ITEMS
from storage import connections, oauth_states
from storage.journal import open_operation
from storage.models import Connection, OAuthState
from tests.simulation.test_connecting import ask, begin, company, rows_of, token_of
from tests.simulation.world import OURS, Browser, World
from tests.unit.storing import operation

ACCOUNT = "org_second"


@pytest.fixture
def world(new_world: World) -> World:
    """One whose customers are still to be imported while the test begins."""
    return new_world


def states(world: World) -> list[OAuthState]:
    """What is under way, beside the offer to undo the world's first connect."""
    with world.parts.database.transaction() as session:
        return list(session.execute(sa.select(OAuthState).where(OAuthState.purpose != UNDO)).scalars())


def found(world: World, account: str = ACCOUNT) -> list[dict[str, Any]]:
    rows = world.api("GET", "/api/connections").get_json()["data"]
    return [row for row in rows if row["account_id"] == account]


def undo_token(page: requests.Response) -> str:
    given = re.search(r'name="token" value="([0-9a-f]+)"', page.text)
    assert given is not None, page.text
    return given.group(1)


def press_undo(browser: Browser, token: str) -> requests.Response:
    return browser.session.post(f"http://{OURS}/connect/undo", data={"token": token})


# --- the browser that began ----------------------------------------------------------------------


def test_a_callback_of_another_browser_connects_nothing_and_uses_nothing_up(world: World) -> None:
    """Else whoever sends a person a finished consent would join that person's company to an account of their own."""
    mine, other, realm = Browser(world), Browser(world), company(world)
    back = mine.decide(mine.open(begin(world, ACCOUNT)), realm)
    refused = other.session.get(back)
    assert (refused.status_code, "in another browser" in refused.text) == (400, True)
    assert found(world) == []
    assert mine.session.get(back).status_code == 200
    assert [row["realm_id"] for row in found(world)] == [realm]


def test_a_browser_with_a_connect_of_its_own_does_not_finish_anothers(world: World) -> None:
    mine, other = Browser(world), Browser(world)
    back = mine.decide(mine.open(begin(world, ACCOUNT)), company(world))
    other.open(begin(world, "org_third"))
    assert other.session.get(back).status_code == 400
    assert found(world) == []


def test_another_browser_does_not_deny_for_the_one_that_began(world: World) -> None:
    mine, other = Browser(world), Browser(world)
    page = mine.open(begin(world, ACCOUNT))
    denial = mine.decide(page, decision="deny")
    assert other.session.get(denial).status_code == 400
    assert mine.session.get(mine.decide(page, company(world))).status_code == 200


def test_two_tabs_of_one_browser_connect_two_accounts(world: World) -> None:
    browser, realms = Browser(world), {ACCOUNT: company(world), "org_third": company(world)}
    pages = {account: browser.open(begin(world, account)) for account in realms}
    for account, realm in realms.items():
        assert browser.session.get(browser.decide(pages[account], realm)).status_code == 200
        assert [row["realm_id"] for row in found(world, account)] == [realm]


@pytest.mark.parametrize("value", ["", "x", "0" * 63, "Z" * 64, "\xe9" * 64])
def test_a_cookie_that_is_none_of_ours_is_no_browser(world: World, value: str) -> None:
    browser = Browser(world)
    back = browser.decide(browser.open(begin(world, ACCOUNT)), company(world))
    refused = Browser(world).session.get(back, headers={"Cookie": f"ravebooks_connect={value}"})
    assert (refused.status_code, "in another browser" in refused.text) == (400, True)
    assert found(world) == []


def test_a_browser_is_not_known_by_a_cookie_of_somebody_elses_making(world: World) -> None:
    answer = Browser(world).session.get(
        begin(world), headers={"Cookie": "ravebooks_connect=guess"}, allow_redirects=False
    )
    assert "ravebooks_connect=guess" not in answer.headers["Set-Cookie"]


def test_the_cookie_is_for_the_connect_alone_and_only_its_digest_is_kept(world: World) -> None:
    said = Browser(world).session.get(begin(world), allow_redirects=False).headers["Set-Cookie"]
    value = re.match(r"ravebooks_connect=([0-9a-f]{64});", said)
    assert value is not None, said
    assert {part.strip() for part in said.split(";")[1:]} >= {
        "HttpOnly",
        "Path=/connect",
        "SameSite=Lax",
        "Max-Age=600",
    }
    (kept,) = states(world)
    assert kept.browser is not None
    assert kept.browser != value.group(1)


def test_nobody_who_only_looks_at_a_link_uses_it_up(world: World) -> None:
    """Mail gateways and previews ask by HEAD for whatever they find."""
    browser, link = Browser(world), begin(world, ACCOUNT)
    looked = browser.session.head(link)
    assert (looked.status_code, "Set-Cookie" in looked.headers, looked.text) == (200, False, "")
    back = browser.decide(browser.open(link), company(world))
    assert browser.session.head(back).status_code == 200
    assert found(world) == []
    assert browser.session.get(back).status_code == 200


def test_an_error_of_intuits_is_not_said_to_be_the_persons_choice(world: World) -> None:
    browser = Browser(world)
    state = parse_qs(urlsplit(browser.open(begin(world, ACCOUNT))).query)["state"][0]
    query = {"state": state, "error": "server_error<b>"}
    page = browser.session.get(f"http://{OURS}/connect/callback", params=query)
    assert (page.status_code, "You chose" in page.text) == (400, False)
    assert "Intuit did not go on (server_error&lt;b&gt;)" in page.text
    assert states(world) == []


# --- code challenges -----------------------------------------------------------------------------


def test_a_code_is_good_with_its_verifier_alone_which_is_sealed(world: World) -> None:
    browser = Browser(world)
    page = browser.open(begin(world, ACCOUNT))
    asked = parse_qs(urlsplit(page).query)
    assert asked["code_challenge_method"] == ["S256"]
    (row,) = states(world)
    assert row.verifier is not None
    back = browser.decide(page, company(world))
    with world.parts.database.transaction() as session:
        session.execute(sa.update(OAuthState).values(verifier=None))
    refused = browser.session.get(back)
    assert (refused.status_code, "does not take the code" in refused.text) == (400, True)
    assert found(world) == []


def test_without_challenges_at_intuit_a_connect_works_as_before(world: World) -> None:
    world.quickbooks.steer("switches", {"code_challenges": False})
    world.parts.neighbours.oauth._document = None
    browser = Browser(world)
    page = browser.open(begin(world, ACCOUNT))
    assert "code_challenge" not in page
    assert browser.session.get(browser.decide(page, company(world))).status_code == 200


def test_no_token_and_no_verifier_of_a_connect_is_logged(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        browser = Browser(world)
        page = browser.connect(begin(world, ACCOUNT), company(world))
        press_undo(browser, undo_token(page))
    said = repr(logs)
    assert "connect undone" in said
    for secret in (undo_token(page), token_of(world, ACCOUNT), *browser.session.cookies.values()):
        assert secret not in said


# --- what the page says, and the way back --------------------------------------------------------


def test_the_page_names_who_was_joined(world: World) -> None:
    realm = company(world)
    page = Browser(world).connect(begin(world, ACCOUNT), realm).text
    info = world.quickbooks.session.get(f"{world.quickbooks.root}/sandbox/companies").json()
    names = {row["realm_id"]: row["name"] for row in info}
    assert f"QuickBooks company {names[realm]} ({realm})" in page
    assert f"({ACCOUNT})" in page
    assert "<script" not in page


def test_a_new_connection_is_undone_without_a_trace_and_its_consent_ended(world: World) -> None:
    realm, browser = company(world), Browser(world)
    page = browser.connect(begin(world, ACCOUNT), realm)
    (made,) = found(world)
    assert world.services.tokens.connected(realm)
    undone = press_undo(browser, undo_token(page))
    assert (undone.status_code, "can join others" in undone.text) == (200, True)
    assert (found(world), rows_of(world, made["id"])) == ([], {})
    assert world.services.tokens.connected(realm) == []
    assert Browser(world).connect(begin(world, ACCOUNT), company(world)).status_code == 200
    assert Browser(world).connect(begin(world, "org_third"), realm).status_code == 200


def test_an_undo_after_something_was_written_keeps_its_records(world: World) -> None:
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    (made,) = found(world)
    path = f"/api/connections/{made['id']}"
    items = {row["name"]: row["id"] for row in world.api("GET", f"{path}/items").get_json()["data"]}
    world.api("PUT", f"{path}/mappings", {"line_types": {key: items[name] for key, name in ITEMS.items()}})
    world.api("PUT", f"{path}/switches", {"invoices": True})
    for _ in range(20):
        world.work()
        world.clock.advance(1)
    undone = press_undo(browser, undo_token(page))
    assert (undone.status_code, "stays in both books" in undone.text) == (200, True)
    assert [row["state"] for row in found(world)] == ["archived"]
    assert rows_of(world, made["id"])["operations"]


def test_an_undo_while_a_write_has_no_answer_disconnects_at_once_and_names_it(world: World) -> None:
    """It was refused, and the wrong company went on being written to."""
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    (made,) = found(world)
    with world.parts.database.transaction() as session:
        operation(session, open_operation, made["id"], now=world.clock.now())
    undone = press_undo(browser, undo_token(page))
    assert (undone.status_code, "nothing more is written" in undone.text) == (200, True)
    assert "1 write got no answer and may have been made (ravetree:invoice:inv_1)" in undone.text
    assert [row["state"] for row in found(world)] == ["disconnected"]
    world.clock.advance(24 * 3600)
    assert world.api("POST", f"/api/connections/{made['id']}/forget", {}).get_json() == {"outcome": "archived"}


def test_an_undo_serves_once(world: World) -> None:
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    assert press_undo(browser, undo_token(page)).status_code == 200
    again = press_undo(browser, undo_token(page))
    assert (again.status_code, "nothing to undo" in again.text.lower()) == (400, True)


def test_an_undo_ends_after_ten_minutes(world: World) -> None:
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    world.clock.advance(601)
    late = press_undo(browser, undo_token(page))
    assert (late.status_code, "ten minutes have passed" in late.text) == (400, True)
    assert found(world)[0]["state"] == "active"


def test_another_browser_undoes_nothing_and_uses_nothing_up(world: World) -> None:
    """The cookie is not sent by a form of another site, so that no page presses this for a person."""
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    refused = press_undo(Browser(world), undo_token(page))
    assert (refused.status_code, "in another browser" in refused.text) == (400, True)
    assert found(world)[0]["state"] == "active"
    assert press_undo(browser, undo_token(page)).status_code == 200


def test_a_renewed_connection_is_not_undone(world: World) -> None:
    realm, browser = company(world), Browser(world)
    first = browser.connect(begin(world, ACCOUNT), realm)
    renewed = browser.connect(begin(world, ACCOUNT), realm)
    assert "<form" not in renewed.text
    assert "renewed" in renewed.text
    assert press_undo(browser, undo_token(first)).status_code == 400
    assert found(world)[0]["state"] == "active"


def test_an_undo_that_intuit_does_not_hear_of_says_so(world: World) -> None:
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    world.quickbooks.steer("outage", {"on": True})
    undone = press_undo(browser, undo_token(page))
    assert (undone.status_code, "remove the app in QuickBooks" in undone.text) == (200, True)
    assert found(world) == []


def test_an_undo_by_get_is_none(world: World) -> None:
    browser = Browser(world)
    page = browser.connect(begin(world, ACCOUNT), company(world))
    assert browser.session.get(f"http://{OURS}/connect/undo", params={"token": undo_token(page)}).status_code == 405
    assert found(world)[0]["state"] == "active"


# --- what is kept --------------------------------------------------------------------------------


def test_what_was_abandoned_goes_with_its_tokens(world: World) -> None:
    begin(world, ACCOUNT)
    Browser(world).open(begin(world, "org_third"))
    assert len(states(world)) == 2
    world.clock.advance(599)
    world.work()
    assert len(states(world)) == 2
    world.clock.advance(FORGET_EVERY)
    world.work()
    assert states(world) == []


def test_what_was_abandoned_goes_at_the_next_begin_too(world: World) -> None:
    begin(world, ACCOUNT)
    world.clock.advance(601)
    begin(world, ACCOUNT)
    assert len(states(world)) == 1


def test_what_was_just_made_outlives_a_sweep_whose_time_was_taken_before(world: World) -> None:
    """The sweeper takes its time, asks the broker, and only then cleans: a connect begun meanwhile was dropped."""
    link = begin(world, ACCOUNT)
    with world.parts.database.transaction() as session:
        oauth_states.forget_expired(session, world.clock.now() - timedelta(seconds=30))
    assert "/connect/oauth2?" in Browser(world).open(link)


def test_a_state_of_a_clock_that_ran_ahead_is_not_believed(world: World) -> None:
    world.clock.advance(86_400)
    link = begin(world, ACCOUNT)
    world.clock.advance(-86_400)
    assert Browser(world).session.get(link).status_code == 400
    world.work()
    assert states(world) == []


def test_a_disconnected_connection_keeps_no_token_and_a_reconnect_tells_what_was_left_to_tell(world: World) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    for letter in world.collect():
        world.deliver(letter)
    world.ravetree.steer("faults", {"endpoint": "sync_states.*", "kind": "500", "count": 1000})
    for _ in range(5):
        world.work()
        world.clock.advance(1)
    assert world.quickbooks.invoice(invoice["number"]) is not None
    begin(world)
    world.api("POST", f"/api/connections/{world.connection_id}/disconnect", {"by": "Kim"})
    world.ravetree.session.delete(f"{world.ravetree.root}/sandbox/faults")
    with world.parts.database.transaction() as session:
        row = connections.get(session, world.connection_id)
        names = [
            column.key for column in Connection.__table__.columns if "token" in column.key or "refresh" in column.key
        ]
        assert len(names) == 5
        assert [name for name in names if getattr(row, name) is not None] == []
    assert states(world) == []
    world.clock.advance(60)
    assert Browser(world).connect(begin(world)).status_code == 200
    world.settle()
    told = world.ravetree.session.get(f"{world.ravetree.root}/v1/sync_states/invoice/{invoice['id']}").json()["data"]
    assert told["state"] == "synced"


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/connect/start", {}, 400),
        ("GET", "/connect/callback", {}, 400),
        ("POST", "/connect/undo", {}, 400),
        ("HEAD", "/connect/start", {}, 200),
        ("GET", "/nowhere", {}, 404),
        ("DELETE", "/connect/start", {}, 405),
        ("GET", "/webhooks/quickbooks", {}, 405),
        ("POST", "/webhooks/quickbooks", {"data": b"x" * 2_000_000}, 413),
        ("POST", "/connect/undo", {"data": {"token": "x" * 5000}}, 413),
        ("POST", "/webhooks/quickbooks", {"headers": {"Content-Encoding": "gzip"}}, 415),
        ("GET", "/api/connections", {}, 401),
        ("GET", "/healthz", {}, 200),
    ],
)
def test_every_answer_is_neither_framed_nor_sniffed_nor_kept(
    world: World, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    answer = world.web.open(path, method=method, **more)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_unexpected_error_has_the_headers_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> str:
        raise RuntimeError("unexpected")

    monkeypatch.setattr(type(world.parts.console.connecting), "start", broken)
    answer = world.web.get("/connect/start?token=x")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (500, "no-store")
    assert answer.content_type.startswith("text/html")
    assert "unexpected happened" in answer.get_data(as_text=True)
    assert ask(world, "GET", "/api/connections").status_code == 200


def test_a_flood_of_made_up_tokens_is_one_line_and_asks_no_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_database() -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(world.parts.database, "transaction", no_database)
    with capture_logs() as lines:
        for number in range(50):
            answers = [
                world.web.get(f"/connect/start?token=x{number}"),
                world.web.get(f"/connect/callback?state=x{number}"),
                world.web.post("/connect/undo", data={"token": f"x{number}"}),
            ]
            assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert sorted(line["event"] for line in lines) == ["connect refused", "start refused", "undo refused"]
