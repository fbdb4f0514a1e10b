"""Connecting, pre-flight, mappings, switches, disconnecting."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import sqlalchemy as sa
import structlog

from console import connecting
from ravebooks.demo.sides import Body
from reconcile.model import Side
from storage import connections
from storage.models import Base, Connection, OAuthState
from tests.simulation.test_scenarios import codes
from tests.simulation.world import OURS, QUICKBOOKS, RAVETREE, Browser, World
from tests.unit.storing import delivery, envelope


@pytest.fixture
def world(new_world: World) -> World:
    """One whose customers are still to be imported while the test begins."""
    return new_world


@pytest.fixture
def path(world: World) -> str:
    return f"/api/connections/{world.connection_id}"


def ask(world: World, method: str, path: str, body: Any = None) -> Any:
    return world.web.open(path, method=method, json=body, headers={"Authorization": "Bearer api"})


def set_preferences(world: World, **groups: Any) -> None:
    row = world.quickbooks.query("select * from Preferences")[0]
    world.quickbooks.write("preferences", {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True} | groups)


def edit(world: World, entity: str, row: Body, **fields: Any) -> Body:
    now = next(
        r
        for r in world.quickbooks.query(f"select * from {entity} where Active in (true, false)")  # noqa: S608
        if r["Id"] == row["Id"]
    )
    return world.quickbooks.write(
        entity.lower(), {"Id": now["Id"], "SyncToken": now["SyncToken"], "sparse": True} | fields
    )


def item(world: World, name: str) -> Body:
    return next(row for row in world.quickbooks.query("select * from Item") if row["Name"] == name)


def found(world: World, path: str) -> dict[str, str]:
    findings = ask(world, "POST", f"{path}/preflight").get_json()["findings"]
    return {row["code"]: row["severity"] for row in findings}


# --- the way to Intuit ---------------------------------------------------------------------------


def token_of(world: World, account: str) -> str:
    """The token of an organisation, which is made unless it is the first."""
    if account == world.ravetree.credentials["account_id"]:
        return world.ravetree.credentials["api_token"]
    root, session = world.ravetree.root, world.ravetree.session
    session.post(f"{root}/sandbox/organisations", json={"account_id": account})
    return str(session.get(f"{root}/sandbox/credentials", headers={"Ravetree-Account": account}).json()["api_token"])


def begin(world: World, account: str = "") -> str:
    """A new start link for an account."""
    account = account or world.ravetree.credentials["account_id"]
    body = {"account_id": account, "ravetree_token": token_of(world, account)}
    answer = world.api("POST", "/api/connections", body).get_json()
    assert list(answer) == ["start_url"]
    return str(answer["start_url"])


def consent(world: World, link: str, realm: str = "", decision: str = "connect") -> requests.Response:
    return Browser(world).connect(link, realm, decision)


def test_a_start_link_leads_to_intuit_once(world: World) -> None:
    link, browser = begin(world), Browser(world)
    assert "/connect/oauth2?" in browser.open(link)
    assert browser.session.get(link).status_code == 400
    assert browser.session.get(f"{link}x").status_code == 400


def test_a_start_link_dies_after_ten_minutes(world: World) -> None:
    link = begin(world)
    world.clock.advance(601)
    assert Browser(world).session.get(link).status_code == 400


def test_a_start_link_outlives_an_outage_of_intuit(world: World) -> None:
    link, browser = begin(world), Browser(world)
    world.parts.neighbours.oauth._document = None
    with world.away(QUICKBOOKS):
        page = browser.session.get(link)
    assert (page.status_code, "cannot be reached" in page.text) == (400, True)
    assert "/connect/oauth2?" in browser.open(link)


def test_a_denial_changes_nothing(world: World) -> None:
    before = world.connection()
    page = consent(world, begin(world), decision="deny")
    assert "You chose not to connect" in page.text
    assert world.connection() == before


def test_a_company_that_another_account_holds_is_refused(world: World) -> None:
    page = consent(world, begin(world, "org_other"))
    assert (page.status_code, "another Ravetree account" in page.text) == (400, True)


def test_of_two_connects_that_finish_at_one_moment_one_is_refused_in_a_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither sees the other's row before both are made: the database has the last word."""
    monkeypatch.setattr(connecting, "_check_free", lambda *_: None)
    monkeypatch.setattr(connections, "find", lambda *_: None)
    page = consent(world, begin(world))
    assert (page.status_code, "was finished at this moment" in page.text) == (400, True)
    monkeypatch.undo()
    assert len(world.api("GET", "/api/connections").get_json()["data"]) == 1


@pytest.mark.parametrize("realm", ["{}/.", "./{}", "1/../{}", "{}?a=b", "", "{}x", "-{}", "{}\n"])
def test_a_realm_that_is_no_number_connects_nothing(world: World, realm: str) -> None:
    """A realm is part of every address: another spelling would tie one company to a second account."""
    company = world.quickbooks.session.post(f"{world.quickbooks.root}/sandbox/companies", json={}).json()["realm_id"]
    browser = Browser(world)
    back = urlsplit(browser.decide(browser.open(begin(world, "org_other")), company))
    query = dict(parse_qsl(back.query)) | {"realmId": realm.format(company)}
    answer = browser.session.get(f"http://{OURS}{back.path}", params=query)
    assert answer.status_code == 400
    assert len(world.api("GET", "/api/connections").get_json()["data"]) == 1


def test_a_callback_without_a_code_connects_nothing(world: World) -> None:
    browser = Browser(world)
    back = urlsplit(browser.decide(browser.open(begin(world))))
    query = {name: value for name, value in parse_qsl(back.query) if name != "code"}
    answer = browser.session.get(f"http://{OURS}{back.path}", params=query)
    assert (answer.status_code, "Begin the connect again" in answer.text) == (400, True)


def test_changes_are_looked_for_from_quickbooks_time_on(world: World) -> None:
    """Were our own clock ahead of it, what changes in between would never be seen."""
    world.quickbooks.steer("clock", {"advance_seconds": 7200})
    company = world.quickbooks.session.post(f"{world.quickbooks.root}/sandbox/companies", json={}).json()["realm_id"]
    assert consent(world, begin(world, "org_other"), company).status_code == 200
    with world.parts.database.transaction() as session:
        made = connections.find(session, Side.RAVETREE, "org_other")
        assert made is not None
        assert abs(made.cdc_watermark - (world.clock.now() + timedelta(hours=2))) < timedelta(minutes=1)


def test_a_second_company_for_an_account_is_refused(world: World) -> None:
    root = world.quickbooks.root
    other = world.quickbooks.session.post(f"{root}/sandbox/companies", json={"country": "GB"}).json()
    page = consent(world, begin(world), realm=other["realm_id"])
    assert (page.status_code, "another QuickBooks company" in page.text) == (400, True)


# --- disconnecting -------------------------------------------------------------------------------


def test_disconnected_nothing_is_written_and_a_reconnect_drains(world: World, path: str) -> None:
    client = world.client("Bright Harbor")
    first = world.invoice(client, "10.00")
    world.settle()
    shown = world.api("POST", f"{path}/disconnect", {"by": "Kim"}).get_json()
    assert (shown["state"], shown["revoked"]) == ("disconnected", True)
    second = world.invoice(client, "20.00")
    world.ravetree.change("invoices", first["id"], {"memo": "edited"})
    for letter in world.collect():
        world.deliver(letter)
    for _ in range(3):
        world.work()
        world.clock.advance(10)
    numbers = {row["DocNumber"] for row in world.quickbooks_again().query("select * from Invoice")}
    assert numbers == {first["number"]}
    body = {
        "account_id": world.ravetree.credentials["account_id"],
        "ravetree_token": world.ravetree.credentials["api_token"],
    }
    url = world.api("POST", "/api/connections", body).get_json()["start_url"]
    assert consent(world, url).status_code == 200
    world.settle()
    bills = {row["DocNumber"]: row for row in world.quickbooks_again().query("select * from Invoice")}
    assert bills.keys() == {first["number"], second["number"]}
    assert bills[first["number"]]["CustomerMemo"]["value"] == "edited"
    assert world.api("GET", f"{path}/mappings").get_json()["line_types"]


# --- pre-flight ----------------------------------------------------------------------------------


def test_a_company_in_order_has_no_finding_that_blocks(world: World, path: str) -> None:
    assert "blocks" not in found(world, path).values()


def test_settings_that_would_make_wrong_books_hold_the_switch_on(world: World, path: str) -> None:
    world.api("PUT", f"{path}/switches", {"invoices": False, "estimates": False})
    set_preferences(
        world,
        SalesFormsPrefs={"CustomTxnNumbers": False, "AutoApplyCredit": True},
        AccountingInfoPrefs={"BookCloseDate": "2026-06-30"},
    )
    assert found(world, path) == {"custom_numbers_off": "blocks", "auto_apply_on": "warning", "books_closed": "info"}
    refused = ask(world, "PUT", f"{path}/switches", {"invoices": True})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "switch_refused")
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": True})
    assert ask(world, "PUT", f"{path}/switches", {"invoices": True}).status_code == 200


def test_it_looks_daily_by_itself(world: World, path: str) -> None:
    world.settle()
    set_preferences(world, SalesFormsPrefs={"CustomTxnNumbers": False})
    world.clock.advance(86_401)
    world.settle()
    codes = [row["code"] for row in world.api("GET", f"{path}/preflight").get_json()["findings"]]
    assert "custom_numbers_off" in codes


def test_a_consent_that_was_taken_back_blocks(world: World, path: str) -> None:
    world.settle()
    world.quickbooks.steer("faults", {"endpoint": "*", "kind": "fault:3100"})
    assert found(world, path) == {"no_access": "blocks"}


def test_the_end_of_a_consent_is_told_a_year_a_month_and_a_week_before(world: World, path: str) -> None:
    """No refresh puts off the five years that a consent lasts."""

    def told_after(days: float) -> set[str]:
        world.clock.advance(days * 86_400)
        world.settle()
        rows = world.api("GET", f"{path}/preflight").get_json()["findings"]
        return {row["code"] for row in rows if row["code"].startswith("consent")}

    told = [told_after(90) for _ in range(20)]
    assert told == [set()] * 16 + [{"consent_ends"}] * 3 + [{"consent_ends_in_a_month"}]
    assert told_after(18) == {"consent_ends_in_a_week"}


def test_silent_webhooks_are_noticed(world: World, path: str) -> None:
    world.quickbooks.session.delete(f"{world.quickbooks.root}/sandbox/webhooks")
    world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    world.clock.advance(3700)
    assert found(world, path).get("webhooks_silent") == "warning"


# --- mappings ------------------------------------------------------------------------------------


def test_choices_name_keys_entries_and_what_is_mapped(world: World, path: str) -> None:
    choices = world.api("GET", f"{path}/choices/line_type?search=retainer").get_json()
    assert {row["key"] for row in choices["keys"]} == {"time", "expense", "retainer", "overage", "other"}
    assert all(row["quickbooks_id"] for row in choices["keys"])
    assert {row["name"] for row in choices["entries"]} == {"Retainer", "Retainer overage"}


def test_an_item_that_becomes_inactive_parks_what_needs_it_names_the_mapping_and_goes_on_after_the_repair(
    world: World, path: str
) -> None:
    world.settle()
    hours = item(world, "Hours")
    edit(world, "Item", hours, Active=False)
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    (row,) = world.attention()
    assert row["code"] == "item_inactive"
    assert "'time'" in row["cause"]
    assert found(world, path)["mapping_inactive"] == "blocks"
    edit(world, "Item", hours, Active=True)
    world.settle()
    assert codes(world) == []
    assert world.quickbooks.invoice(invoice["number"]) is not None


def test_remapping_affects_later_writes_only_and_says_so(world: World, path: str) -> None:
    client = world.client("Bright Harbor")
    first = world.invoice(client, "10.00")
    world.settle()
    answer = world.api("PUT", f"{path}/mappings", {"line_types": {"time": item(world, "Other services")["Id"]}})
    assert "later writes only" in answer.get_json()["note"]
    second = world.invoice(client, "20.00")
    world.settle()
    names = []
    for invoice in (first, second):
        bill = world.quickbooks.invoice(invoice["number"])
        assert bill is not None
        names.append(bill["Line"][0]["SalesItemLineDetail"]["ItemRef"]["name"])
    assert names == ["Hours", "Other services"]


def test_payment_methods_and_the_deposit_account_are_mapped_both_ways(world: World, path: str) -> None:
    methods = {row["Name"]: row["Id"] for row in world.quickbooks.query("select * from PaymentMethod")}
    bank = world.api("GET", f"{path}/choices/deposit_account").get_json()["entries"][0]
    keys = [row["key"] for row in world.api("GET", f"{path}/choices/payment_method").get_json()["keys"]]
    name = next(iter(methods))
    world.api(
        "PUT", f"{path}/mappings", {"payment_methods": {keys[0]: methods[name]}, "deposit_accounts": {"": bank["id"]}}
    )
    client = world.client("Bright Harbor")
    first, second = world.invoice(client, "10.00"), world.invoice(client, "20.00")
    world.settle()
    payment = world.receive({first["id"]: "10.00"}, "CHK 1")
    world.ravetree.change("payments", payment["id"], {"method": keys[0]})
    bill = world.quickbooks.invoice(second["number"])
    assert bill is not None
    world.quickbooks.write(
        "payment",
        {
            "CustomerRef": bill["CustomerRef"],
            "TotalAmt": 20,
            "TxnDate": "2026-11-21",
            "PaymentRefNum": "CHK 2",
            "PaymentMethodRef": {"value": methods[name]},
            "Line": [{"Amount": 20, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
        },
    )
    world.settle()
    theirs = {row["PaymentRefNum"]: row for row in world.quickbooks.query("select * from Payment")}
    ours = {row["reference"]: row for row in world.ravetree.every("payments")}
    assert theirs["CHK 1"]["PaymentMethodRef"]["value"] == methods[name]
    assert theirs["CHK 1"]["DepositToAccountRef"]["value"] == bank["id"]
    assert ours["CHK 2"]["method"] == keys[0]
    assert codes(world) == []


# --- a connection that is no more ----------------------------------------------------------------


def test_a_disconnected_connection_is_not_resumed_but_connected_again(world: World, path: str) -> None:
    world.settle()
    world.api("POST", f"{path}/disconnect", {"by": "Kim"})
    refused = ask(world, "POST", f"{path}/resume")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_active")
    assert world.connection()["state"] == "disconnected"


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "items", None),
        ("GET", "choices/line_type", None),
        ("PUT", "mappings", {"line_types": {"time": "2"}}),
        ("PUT", "switches", {"invoices": True}),
        ("POST", "jobs/preview", {}),
        ("GET", "records/ravetree/invoice/inv_1001/preview", None),
        ("POST", "preflight", None),
        ("GET", "drift?fresh=true", None),
        ("POST", "parity", {"full": True}),
    ],
)
def test_a_disconnected_connection_reads_nothing(
    world: World, path: str, method: str, rest: str, body: dict[str, Any] | None
) -> None:
    world.settle()
    world.api("POST", f"{path}/disconnect", {"by": "Kim"})
    asked = world.ravetree.session.get(f"{world.ravetree.root}/sandbox/usage").json()
    refused = ask(world, method, f"{path}/{rest}", body)
    assert refused.status_code == 409, refused.get_data(as_text=True)
    assert world.ravetree.session.get(f"{world.ravetree.root}/sandbox/usage").json() == asked


def test_a_look_that_fails_after_the_consent_does_not_deny_the_connection(world: World) -> None:
    world.settle()
    # All but the account itself, which is looked at before anything is stored.
    world.ravetree.steer("faults", {"endpoint": "[!a]*", "kind": "500", "count": 10})
    body = {
        "account_id": world.ravetree.credentials["account_id"],
        "ravetree_token": world.ravetree.credentials["api_token"],
    }
    page = consent(world, world.api("POST", "/api/connections", body).get_json()["start_url"])
    assert (page.status_code, "QuickBooks is connected" in page.text) == (200, True)


# --- what is ill-shaped --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/api/connections/nowhere/records/ravetree/invoice/x/retry", None, 404),
        ("POST", "/api/connections/nowhere/records/ravetree/invoice/x/sync", {}, 404),
        ("GET", "/api/connections/nowhere/records/ravetree/invoice/x/preview", None, 404),
        ("POST", "/api/connections/nowhere/jobs", {"by": "Kim"}, 404),
        ("POST", "/api/connections/nowhere/jobs/preview", {}, 404),
        ("POST", "/api/connections/nowhere/pause", {}, 404),
        ("POST", "/api/connections/nowhere/disconnect", {}, 404),
        ("POST", "/api/connections/nowhere/release-brake", None, 404),
        ("GET", "/api/connections/nowhere/usage", None, 404),
        ("GET", "ID/jobs/99999999999999999999", None, 404),
        ("POST", "ID/jobs/99999999999999999999/stop", None, 404),
        ("POST", "/api/dead-letters/99999999999999999999/redrive", None, 404),
        ("POST", "ID/records/ravetree/invoice/x/decision", {"decision": "link"}, 422),
        ("GET", "ID/records/ravetree/invoice/x/preview?decision=link", None, 422),
        ("POST", f"ID/records/ravetree/invoice/{'x' * 300}/sync", {"wait_seconds": 0}, 404),
        ("POST", "ID/records/ravetree/invoice/x%00y/sync", {"wait_seconds": 0}, 404),
        ("PUT", "ID/mappings", {"line_types": {"k" * 300: "2"}}, 422),
        ("PUT", "ID/mappings", {"line_types": {"time": ""}}, 422),
        ("POST", "ID/jobs", {"kinds": []}, 422),
        ("POST", "ID/jobs", {"from": "2026-09-01", "to": "2026-08-01"}, 422),
    ],
)
def test_what_is_ill_shaped_is_said_to_be(
    world: World, path: str, method: str, target: str, body: dict[str, Any] | None, status: int
) -> None:
    answer = ask(world, method, target.replace("ID", path, 1), body)
    assert answer.status_code == status, answer.get_data(as_text=True)


# --- whose token it is ---------------------------------------------------------------------------


class Answers:
    """A host that answers everything with one status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def _call(self, _request: requests.PreparedRequest) -> "tuple[int, dict[str, str], bytes]":
        return self._status, {}, b""


def states_and_connections(world: World) -> tuple[int, list[tuple[str, bytes | None]]]:
    with world.parts.database.transaction() as session:
        states = session.execute(sa.select(sa.func.count()).select_from(OAuthState)).scalar_one()
        rows = session.execute(sa.select(Connection.account_id, Connection.ravetree_token)).all()
    return states, [(row.account_id, row.ravetree_token) for row in rows]


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_a_wrong_ravetree_token_is_refused_before_anybody_consents(world: World, whose: str) -> None:
    """It said "connected", and its account and company were locked for good."""
    token_of(world, "org_second")
    wrong = "rvt_wrong" if whose == "nobody" else world.ravetree.credentials["api_token"]
    before = states_and_connections(world)
    refused = ask(world, "POST", "/api/connections", {"account_id": "org_second", "ravetree_token": wrong})
    assert refused.status_code == 409
    assert "valid API token" in refused.get_json()["remedy"]
    assert states_and_connections(world) == before


@pytest.mark.parametrize(
    ("account", "token"),
    [("организация", "t"), ("a/b", "t"), ("org\nX: y", "t"), ("org_a", "tökén€"), ("org_a", "a\r\nX: 1")],
)
def test_what_no_header_can_carry_is_refused_at_the_beginning(world: World, account: str, token: str) -> None:
    refused = ask(world, "POST", "/api/connections", {"account_id": account, "ravetree_token": token})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "connect_refused")


@pytest.mark.parametrize("status", [400, 404, 422, 451])
def test_a_ravetree_that_does_not_say_whose_token_it_is_ends_the_connect_at_its_beginning(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It is there, and will answer the same after the consent."""
    monkeypatch.setitem(world._apps, RAVETREE, Answers(status))
    body = {"account_id": "org_second", "ravetree_token": "rvt_token"}
    before = states_and_connections(world)
    refused = ask(world, "POST", "/api/connections", body)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "connect_refused")
    assert "RAVEBOOKS_RAVETREE_API_URL" in refused.get_json()["remedy"]
    assert "Intuit" not in refused.get_data(as_text=True)
    assert states_and_connections(world) == before


def test_an_account_that_could_not_be_looked_at_is_looked_at_after_the_consent(world: World) -> None:
    """Ravetree was away at the beginning, and the token is wrong: nothing of it is stored."""
    account = world.ravetree.credentials["account_id"]
    world.ravetree.steer("outage", {"on": True})
    body = {"account_id": account, "ravetree_token": "rvt_wrong"}
    url = world.api("POST", "/api/connections", body).get_json()["start_url"]
    world.ravetree.steer("outage", {"on": False})
    before = states_and_connections(world)[1]
    page = consent(world, url)
    assert (page.status_code, "does not accept this API token" in page.text) == (400, True)
    assert states_and_connections(world)[1] == before


def test_an_account_that_is_out_of_reach_after_the_consent_is_not_connected(world: World) -> None:
    body = {"account_id": "org_second", "ravetree_token": token_of(world, "org_second")}
    url = world.api("POST", "/api/connections", body).get_json()["start_url"]
    headers = {"Ravetree-Account": "org_second"}
    root, session = world.ravetree.root, world.ravetree.session
    session.post(f"{root}/sandbox/outage", json={"on": True}, headers=headers).raise_for_status()
    page = consent(world, url, realm=company(world))
    assert (page.status_code, "could not be looked at" in page.text) == (400, True)
    assert len(states_and_connections(world)[1]) == 1


# --- forgotten and archived ----------------------------------------------------------------------


def company(world: World) -> str:
    """A new company of the sandbox."""
    made = world.quickbooks.session.post(f"{world.quickbooks.root}/sandbox/companies", json={}).json()
    return str(made["realm_id"])


def connect(world: World, account: str, realm: str) -> str:
    """Connect an account to a company; returns the connection's id."""
    page = consent(world, begin(world, account), realm=realm)
    assert page.status_code == 200, page.text
    rows = world.api("GET", "/api/connections").get_json()["data"]
    return str(next(row["id"] for row in rows if row["account_id"] == account and row["state"] == "active"))


def rows_of(world: World, connection_id: str) -> dict[str, int]:
    """How many rows each table has of a connection, tables without one left out."""
    counts = {}
    with world.parts.database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            column = table.c.get("connection_id", table.c.id if table.name == "connections" else None)
            if column is not None:
                query = sa.select(sa.func.count()).select_from(table).where(column == connection_id)
                counts[table.name] = session.execute(query).scalar_one()
    return {name: count for name, count in counts.items() if count}


def test_what_nothing_came_of_is_forgotten_without_a_trace(world: World) -> None:
    realm = company(world)
    mistaken = connect(world, "org_second", realm)
    world.settle()
    world.parts.consuming.recorder.record([delivery(envelope("e9", subject="77"), account=realm)])
    assert rows_of(world, mistaken).keys() >= {"connections", "events", "pending_changes"}
    assert ask(world, "DELETE", f"/api/connections/{mistaken}").status_code == 409
    world.api("POST", f"/api/connections/{mistaken}/disconnect", {"by": "Kim"})
    forgotten = world.api("POST", f"/api/connections/{mistaken}/forget", {"by": "Kim"}).get_json()
    assert forgotten == {"outcome": "forgotten"}
    assert rows_of(world, mistaken) == {"acts": 2}, "who disconnected and who forgot it stays"
    assert rows_of(world, world.connection_id)
    assert ask(world, "GET", f"/api/connections/{mistaken}").status_code == 404
    # Both are free: the account joins another company, the company another account.
    assert connect(world, "org_second", company(world)) != mistaken
    assert connect(world, "org_third", realm) != mistaken
    world.parts.nudger.nudge(mistaken)
    world.settle()


@pytest.fixture
def archived(world: World) -> tuple[World, str]:
    """A world whose first connection has a pair and was archived; and that connection's path."""
    invoice = world.invoice(world.client("Bright Harbor"), "10.00")
    world.settle()
    world.parity()
    path = f"/api/connections/{world.connection_id}"
    world.api("POST", f"{path}/disconnect", {"by": "Kim"})
    assert world.api("DELETE", path).get_json() == {"outcome": "archived"}
    return world, f"{path}|{invoice['id']}"


def test_what_was_written_for_is_archived_and_stays_readable(archived: tuple[World, str]) -> None:
    world, (path, _, invoice) = archived[0], archived[1].partition("|")
    shown = world.connection()
    assert (shown["state"], shown["work"]["due"]) == ("archived", 0)
    assert world.api("GET", f"{path}/records/ravetree/invoice/{invoice}/timeline").get_json()["data"]
    report = world.api("GET", f"{path}/parity").get_json()["data"][0]["id"]
    assert world.api("GET", f"{path}/parity/{report}").get_json()["summary"]


def test_an_archived_connection_gives_account_and_company_free(archived: tuple[World, str]) -> None:
    world, account = archived[0], archived[0].ravetree.credentials["account_id"]
    realm = world.quickbooks.credentials["realm_id"]
    moved, taken = connect(world, account, company(world)), connect(world, "org_second", realm)
    with world.parts.database.transaction() as session:
        found = [connections.find(session, Side.RAVETREE, account), connections.find(session, Side.QUICKBOOKS, realm)]
    assert [row.id if row else None for row in found] == [moved, taken]
    world.parts.consuming.recorder.record([delivery(envelope("e9", subject="77"), account=realm)])
    before = rows_of(world, world.connection_id)
    world.settle()
    assert rows_of(world, world.connection_id) == before


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("POST", "resume", None),
        ("POST", "pause", {}),
        ("POST", "disconnect", {}),
        ("POST", "forget", {}),
        ("DELETE", "", None),
        ("POST", "release-brake", None),
        ("PUT", "settings", {"removals_limit": 5}),
        ("PUT", "switches", {"invoices": True}),
        ("PUT", "switches", {"invoices": False}),
        ("PUT", "mappings", {"line_types": {"time": "2"}}),
        ("GET", "items", None),
        ("POST", "preflight", None),
        ("POST", "parity", {"full": True}),
        ("POST", "jobs", {"by": "Kim"}),
        ("POST", "jobs/preview", {}),
        ("POST", "jobs/1/stop", None),
        ("POST", "records/ravetree/invoice/INVOICE/sync", {"wait_seconds": 0}),
        ("POST", "records/ravetree/invoice/INVOICE/retry", None),
        ("POST", "records/ravetree/invoice/INVOICE/decision", {"decision": "push"}),
    ],
)
def test_nothing_is_done_to_an_archived_connection(
    archived: tuple[World, str], method: str, rest: str, body: dict[str, Any] | None
) -> None:
    world, (path, _, invoice) = archived[0], archived[1].partition("|")
    before = rows_of(world, world.connection_id)
    refused = ask(world, method, f"{path}/{rest}".rstrip("/").replace("INVOICE", invoice), body)
    assert refused.status_code == 409, refused.get_data(as_text=True)
    assert refused.get_json()["code"] == "not_active"
    assert rows_of(world, world.connection_id) == before


# --- another environment -------------------------------------------------------------------------


def test_a_connection_of_another_environment_is_never_worked_on(world: World, path: str) -> None:
    world.settle()
    with world.parts.database.transaction() as session:
        connections.get(session, world.connection_id).environment = "production"
    world.invoice(world.client("Bright Harbor"), "10.00")
    for letter in world.collect():
        world.deliver(letter)
    asked = world.ravetree.session.get(f"{world.ravetree.root}/sandbox/usage").json()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            world.parts.wakeups.nudge(world.connection_id)
            world.work()
            world.clock.advance(10)
    said = [row for row in logs if row["event"] == "not ours to work on"]
    assert len(said) == 3
    assert "belongs to QuickBooks' environment production" in said[0]["cause"]
    assert world.ravetree.session.get(f"{world.ravetree.root}/sandbox/usage").json() == asked
    assert world.quickbooks.query("select * from Invoice") == []
    refused = ask(world, "POST", f"{path}/preflight")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "other_environment")
