"""The customer that a document has in QuickBooks: whose it is, what of it stands on the form, and who may change it."""

from typing import Any

import pytest

from tests.simulation.world import World

ADDRESS = {"line1": "1 Quay", "city": "Bristol", "region": "CA", "postal_code": "94103", "country": "US"}
LINE = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "50.00", "taxable": False}


def there(world: World, document: dict[str, Any], entity: str = "Invoice") -> dict[str, Any]:
    rows = world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - an entity of this file's own
    (found,) = [row for row in rows if row["DocNumber"] == document["number"]]
    return found


def billed(world: World, document: dict[str, Any]) -> str:
    """The name of the customer that a document has."""
    return str(there(world, document)["CustomerRef"]["name"])


def edit(world: World, entity: str, row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A bookkeeper edits a record in QuickBooks."""
    named = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    return world.quickbooks.write(entity.lower(), named | changes)


def customer(world: World, name: str) -> dict[str, Any]:
    rows = world.quickbooks.query("select * from Customer where Active in (true, false)")
    (found,) = [row for row in rows if row["DisplayName"].removesuffix(" (deleted)") == name]
    return found


def decide(world: World, kind: str, name: str, decision: str, target: str = "") -> None:
    path = f"/api/connections/{world.connection_id}/records/ravetree/{kind}/{name}/decision"
    world.api("POST", path, {"decision": decision, "by": "Kim", "target": target})
    world.settle()


def codes(world: World) -> list[str]:
    return [row["code"] for row in world.attention()]


# --- another client ------------------------------------------------------------------------------


def test_a_changed_client_leaves_nothing_of_the_old_one_on_the_form(world: World) -> None:
    old = world.client("Bright Harbor", email="pay@harbor.example", address=ADDRESS)
    new = world.client("Old Town Bakery", email="till@bakery.example", address=ADDRESS | {"line1": "2 Market"})
    world.invoice(new, "1.00")
    invoice = world.invoice(old, "100.00")
    world.settle()
    form = {"ShipAddr": {"Line1": "Gate 4", "City": "Bristol"}, "BillEmailCc": {"Address": "boss@harbor.example"}}
    edit(world, "Invoice", there(world, invoice), **form)
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"client_id": new})
    world.settle()
    bill = there(world, invoice)
    assert (bill["CustomerRef"]["name"], bill["BillEmail"]["Address"]) == ("Old Town Bakery", "till@bakery.example")
    assert bill["BillAddr"]["Line1"] == "2 Market"
    assert "Gate 4" not in str(bill.get("ShipAddr"))
    assert "harbor" not in str(bill)
    assert world.attention() == []


def test_a_new_client_without_address_and_mail_leaves_the_form_without(world: World) -> None:
    old = world.client("Bright Harbor", email="pay@harbor.example", address=ADDRESS)
    invoice = world.invoice(old, "100.00")
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"client_id": world.client("Old Town Bakery")})
    world.settle()
    bill = there(world, invoice)
    assert bill["CustomerRef"]["name"] == "Old Town Bakery"
    assert ("harbor" in str(bill), "1 Quay" in str(bill)) == (False, False)


# --- projects ------------------------------------------------------------------------------------


def into_project(world: World, invoice: dict[str, Any], entity: str = "Invoice") -> dict[str, Any]:
    """A bookkeeper puts a document under a project of its customer."""
    parent = there(world, invoice, entity)["CustomerRef"]
    project = world.quickbooks.write(
        "customer", {"DisplayName": "New pier", "ParentRef": {"value": parent["value"]}, "Job": True}
    )
    edit(world, entity, there(world, invoice, entity), CustomerRef={"value": project["Id"]})
    world.settle()
    return project


def test_a_project_set_by_the_bookkeeper_stays_until_the_client_changes(world: World) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), "100.00")
    world.settle()
    project = into_project(world, invoice)
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    bill = there(world, invoice)
    assert (bill["CustomerRef"]["value"], bill["CustomerMemo"]["value"]) == (project["Id"], "anew")
    world.ravetree.change("invoices", invoice["id"], {"client_id": world.client("Old Town Bakery")})
    world.settle()
    assert (billed(world, invoice), world.attention()) == ("Old Town Bakery", [])


def test_a_project_that_is_no_longer_below_the_clients_customer_is_left(world: World) -> None:
    invoice = world.invoice(world.client("Bright Harbor"), "100.00")
    world.invoice(world.client("Old Town Bakery"), "1.00")
    world.settle()
    project = into_project(world, invoice)
    other = customer(world, "Old Town Bakery")
    edit(world, "Customer", customer(world, project["DisplayName"]), ParentRef={"value": other["Id"]}, Job=True)
    world.clock.advance(86400)
    world.settle()
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    assert billed(world, invoice) == "Bright Harbor"


def test_an_estimates_project_stays_too(world: World) -> None:
    client = world.client("Bright Harbor")
    body = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": [LINE]}
    estimate = world.ravetree.create("estimates", body)
    world.settle()
    project = into_project(world, estimate, "Estimate")
    world.ravetree.change("estimates", estimate["id"], {"memo": "anew"})
    world.settle()
    assert there(world, estimate, "Estimate")["CustomerRef"]["value"] == project["Id"]


# --- names and mailboxes -------------------------------------------------------------------------


def test_two_clients_of_one_name_have_two_customers(world: World) -> None:
    first, second = world.client("Bright Harbor"), world.client("Bright  HARBOR")
    bills = []
    for client in (first, second):
        bills.append(world.invoice(client, "10.00"))
        world.settle()
    assert billed(world, bills[0]) == "Bright Harbor"
    assert billed(world, bills[1]) == f"Bright HARBOR ({second})"
    assert world.attention() == []


@pytest.mark.parametrize("asked_on", ["invoice", "contact"])
@pytest.mark.parametrize("decision", ["two", "link"])
def test_one_of_two_clients_whose_name_a_customer_has_is_asked_about(
    world: World, asked_on: str, decision: str
) -> None:
    made = world.quickbooks.write("customer", {"DisplayName": "Bright Harbor"})
    first, _second = world.client("Bright Harbor"), world.client("Bright Harbor")
    invoice = world.invoice(first, "10.00")
    world.settle()
    assert set(codes(world)) == {"contact_ambiguous"}
    name = invoice["id"] if asked_on == "invoice" else first
    decide(world, asked_on, name, decision, made["Id"] if decision == "link" else "")
    expected = "Bright Harbor" if decision == "link" else f"Bright Harbor ({first})"
    assert (billed(world, invoice), codes(world)) == (expected, [])


@pytest.mark.parametrize("ended", ["merged", "inactive", "deleted"])
def test_a_client_of_the_name_that_lives_no_more_asks_nothing(world: World, ended: str) -> None:
    made = world.quickbooks.write("customer", {"DisplayName": "Bright Harbor"})
    first, second = world.client("Bright Harbor"), world.client("Bright Harbor")
    if ended == "deleted":
        world.ravetree.delete("contacts", second)
    else:
        changes: dict[str, Any] = {"merged_into": first} if ended == "merged" else {"active": False}
        world.ravetree.change("contacts", second, changes)
    world.settle()
    invoice = world.invoice(first, "10.00")
    world.settle()
    assert (codes(world), there(world, invoice)["CustomerRef"]["value"]) == ([], made["Id"])


def test_a_shared_mailbox_asks_nothing(world: World) -> None:
    bills = []
    for name in ("Bright Harbor", "Old Town Bakery"):
        bills.append(world.invoice(world.client(name, email="office@shared.example"), "10.00"))
        world.settle()
    assert [billed(world, bill) for bill in bills] == ["Bright Harbor", "Old Town Bakery"]
    assert world.attention() == []


def test_two_spellings_of_one_letter_are_one_name(world: World) -> None:
    world.quickbooks.write("customer", {"DisplayName": "Cafe\u0301 Nord"})
    invoice = world.invoice(world.client("Caf\u00e9 Nord"), "10.00")
    world.settle()
    assert billed(world, invoice) == "Cafe\u0301 Nord"
    other = world.client("Cafe\u0301 NORD")
    second = world.invoice(other, "10.00")
    world.settle()
    assert set(codes(world)) == {"contact_ambiguous"}
    decide(world, "contact", other, "two")
    assert billed(world, second) == f"Caf\u00e9 NORD ({other})"
    assert codes(world) == []


def test_a_contact_whose_customer_an_invoice_made_has_its_icon(world: World) -> None:
    client = world.client("Bright Harbor")
    world.invoice(client, "10.00")
    world.settle()
    state = world.ravetree.sync_state("contact", client)
    assert (state["state"], state["remote_id"]) == ("synced", customer(world, "Bright Harbor")["Id"])


# --- inactive ------------------------------------------------------------------------------------


def write_something(world: World, kind: str, client: str) -> str:
    if kind == "invoice":
        return f"Invoice {world.invoice(client, '50.00')['number']}"
    body = {"client_id": client, "currency": "USD"}
    if kind == "estimate":
        document = body | {"issue_date": "2026-11-20", "lines": [LINE]}
        return f"Estimate {world.ravetree.create('estimates', document)['number']}"
    money = {"date": "2026-11-20", "amount": "60.00", "allocations": []}
    world.ravetree.create("payments", body | money)
    return "Payment of 60.00 USD of 2026-11-20"


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("kind", ["invoice", "estimate", "payment"])
def test_an_inactive_customer_is_named_and_it_goes_on_when_it_is_active_again(
    world: World, kind: str, is_told: bool
) -> None:
    client = world.client("Bright Harbor")
    invoice = world.invoice(client, "100.00")
    world.settle()
    world.receive({invoice["id"]: "100.00"})
    world.settle()

    def make(active: bool) -> None:
        edit(world, "Customer", customer(world, "Bright Harbor"), Active=active)
        if not is_told:
            world.collect()

    make(active=False)
    what = write_something(world, kind, client)
    world.settle()
    (row,) = world.attention()
    assert row["code"] == "billed_customer_inactive"
    assert row["cause"] == f"{what}: the customer Bright Harbor of client Bright Harbor is inactive in QuickBooks."
    make(active=True)
    world.settle()
    if not is_told:
        world.clock.advance(3 * 3600)
        world.settle()
    assert world.attention() == []


# --- e-mail addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["pay@", "@harbor.example", "pay@@harbor.example", "pay@harbor", "pay@harbor..example"]
)
def test_an_impossible_address_is_left_out_before_quickbooks_refuses_it(world: World, address: str) -> None:
    client = world.client("Bright Harbor", email=f"{address}; till@harbor.example")
    invoice = world.invoice(client, "10.00")
    world.settle()
    said = [f"The e-mail address {address} is left out: QuickBooks takes none of this form."]
    assert there(world, invoice)["BillEmail"] == {"Address": "till@harbor.example"}
    assert world.ravetree.sync_state("invoice", invoice["id"])["notices"] == said
    assert world.attention() == []
    world.ravetree.change("contacts", client, {"email": address})
    world.ravetree.session.post(f"{world.ravetree.root}/sandbox/app/contacts/{client}/sync").raise_for_status()
    world.ravetree.change("invoices", invoice["id"], {"memo": "anew"})
    world.settle()
    for kind, name in (("contact", client), ("invoice", invoice["id"])):
        state = world.ravetree.sync_state(kind, name)
        assert (state["state"], state["notices"]) == ("synced", said)
    assert world.attention() == []
