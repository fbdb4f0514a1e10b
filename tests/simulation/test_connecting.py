"""Connecting, pre-flight, mappings, switches, disconnecting."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import codes
from tests.simulation.world import World


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
    made = world.ravetree.session.post(
        f"{world.ravetree.root}/sandbox/organisations", json={"account_id": account}, headers={"Ravetree-Account": ""}
    )
    return str(made.json()["api_token"])


def begin(world: World, account: str = "") -> Any:
    account = account or world.ravetree.credentials["account_id"]
    body = {"account_id": account, "ravetree_token": token_of(world, account)}
    return world.api("POST", "/api/connections", body).get_json()


def consent(world: World, url: str, realm: str = "", decision: str = "connect") -> requests.Response:
    browser = requests.Session()
    browser.mount("http://", world.adapter())
    form = dict(parse_qsl(urlsplit(url).query)) | {
        "decision": decision,
        "realm_id": realm or world.quickbooks.credentials["realm_id"],
    }
    return browser.post(url.partition("?")[0], data=form)


def test_a_start_link_leads_to_intuit_once(world: World) -> None:
    link = urlsplit(begin(world)["start_url"])
    target = f"{link.path}?{link.query}"
    first = world.web.get(target)
    assert (first.status_code, "/connect/oauth2?" in first.headers["Location"]) == (302, True)
    assert world.web.get(target).status_code == 400
    assert world.web.get(f"{target}x").status_code == 400


def test_a_start_link_dies_after_ten_minutes(world: World) -> None:
    link = urlsplit(begin(world)["start_url"])
    world.clock.advance(601)
    assert world.web.get(f"{link.path}?{link.query}").status_code == 400


def test_a_denial_changes_nothing(world: World) -> None:
    before = world.connection()
    page = consent(world, begin(world)["authorize_url"], decision="deny")
    assert "You chose not to connect" in page.text
    assert world.connection() == before


def test_a_company_that_another_account_holds_is_refused(world: World) -> None:
    page = consent(world, begin(world, "org_other")["authorize_url"])
    assert (page.status_code, "another Ravetree account" in page.text) == (400, True)


def test_a_second_company_for_an_account_is_refused(world: World) -> None:
    root = world.quickbooks.root
    other = world.quickbooks.session.post(f"{root}/sandbox/companies", json={"country": "GB"}).json()
    page = consent(world, begin(world)["authorize_url"], realm=other["realm_id"])
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
    url = world.api("POST", "/api/connections", body).get_json()["authorize_url"]
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
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "SwitchRefused")
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
    assert row["code"] == "ItemInactive"
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
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "NotActive")
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
    world.ravetree.steer("faults", {"endpoint": "*", "kind": "500", "count": 10})
    body = {
        "account_id": world.ravetree.credentials["account_id"],
        "ravetree_token": world.ravetree.credentials["api_token"],
    }
    page = consent(world, world.api("POST", "/api/connections", body).get_json()["authorize_url"])
    assert (page.status_code, "QuickBooks is connected" in page.text) == (200, True)


# --- what is ill-shaped --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/api/connections/nowhere/records/ravetree/invoice/x/retry", None, 404),
        ("POST", "/api/connections/nowhere/records/ravetree/invoice/x/sync", {}, 404),
        ("GET", "/api/connections/nowhere/records/ravetree/invoice/x/preview", None, 404),
        ("POST", "/api/connections/nowhere/jobs", {}, 404),
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
