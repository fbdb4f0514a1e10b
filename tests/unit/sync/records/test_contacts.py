"""Clients and customers: linked, made, taken apart, merged."""

import pytest

from clients.quickbooks.faults import DuplicateName
from reconcile.model import Kind
from tests.unit.sync.world import CUSTOMER, World, ours, theirs


def test_a_new_client_becomes_a_customer_with_its_first_document(world: World) -> None:
    client = world.client("Bright Harbor", email="ap@bright.test", phone="555")
    world.settle()
    assert len(world.quickbooks.every("Customer")) == 1
    world.invoice(client, "10.00")
    world.settle()
    made = world.quickbooks.row("Customer", world.pairs("contact")[client])
    assert (made["DisplayName"], made["PrimaryEmailAddr"]) == ("Bright Harbor", {"Address": "ap@bright.test"})
    assert world.written() == ["customer.create", "invoice.create"]


def test_a_name_that_a_vendor_has_is_tried_once_more_with_the_clients_id(world: World) -> None:
    client = world.client("Cobalt")
    world.quickbooks.calls.fail("write", DuplicateName("its name is taken in QuickBooks"), about="customer")
    world.invoice(client, "10.00")
    world.settle()
    assert world.quickbooks.row("Customer", world.pairs("contact")[client])["DisplayName"] == f"Cobalt ({client})"


def test_a_name_that_is_taken_twice_waits_for_a_person(world: World) -> None:
    client = world.client("Cobalt")
    world.quickbooks.calls.fail("write", DuplicateName("its name is taken in QuickBooks"), about="customer", times=2)
    invoice = world.invoice(client, "10.00")
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "duplicate_name"
    assert world.quickbooks.every("Invoice") == []


def test_an_e_mail_address_alone_is_a_question(world: World) -> None:
    world.quickbooks.add("Customer", "7", DisplayName="Else", PrimaryEmailAddr={"Address": "ap@dune.test"})
    client = world.client("Dune", email="ap@dune.test")
    invoice = world.invoice(client, "10.00")
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "contact_ambiguous"
    world.decide(ours(Kind.CONTACT, client), "link", "7")
    world.settle()
    assert world.pairs("contact") == {client: "7"}
    assert world.quickbooks.numbered(invoice["number"])["CustomerRef"]["value"] == "7"
    assert world.codes() == {}


def test_two_of_that_name_are_two_if_a_person_says_so(world: World) -> None:
    world.quickbooks.add("Customer", "7", DisplayName="Else", PrimaryEmailAddr={"Address": "ap@dune.test"})
    client = world.client("Dune", email="ap@dune.test")
    world.press(ours(Kind.CONTACT, client))
    world.settle()
    assert world.attention(ours(Kind.CONTACT, client)).code == "contact_ambiguous"
    assert world.decide(ours(Kind.CONTACT, client), "two")
    world.settle()
    assert world.quickbooks.row("Customer", world.pairs("contact")[client])["DisplayName"] == "Dune"


def test_the_button_writes_a_clients_content_to_its_customer(world: World) -> None:
    world.paired()
    client = world.aster()
    world.ravetree.change("contacts", client, {"email": "new@aster.test"})
    world.settle()
    assert "customer.update" not in world.written()
    world.press(ours(Kind.CONTACT, client))
    world.settle()
    assert world.quickbooks.row("Customer", CUSTOMER)["PrimaryEmailAddr"] == {"Address": "new@aster.test"}
    world.press(ours(Kind.CONTACT, client))
    world.settle()
    assert world.written().count("customer.update") == 1


def test_taken_apart_no_name_ties_them_again(world: World) -> None:
    world.paired()
    client = world.aster()
    world.decide(ours(Kind.CONTACT, client), "unlink")
    world.settle()
    assert world.pairs("contact") == {}
    invoice = world.invoice(client, "20.00")
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "contact_unlinked"
    world.decide(ours(Kind.CONTACT, client), "link", CUSTOMER)
    world.settle()
    assert (world.pairs("contact"), world.codes()) == ({client: CUSTOMER}, {})


def test_an_inactive_customer_is_asked_about_while_its_client_lives(world: World) -> None:
    world.paired()
    world.quickbooks.save("Customer", {"Id": CUSTOMER, "DisplayName": "Aster (deleted)", "Active": False})
    world.look_at(theirs(Kind.CONTACT, CUSTOMER), must_read=True)
    world.settle()
    row = world.attention(theirs(Kind.CONTACT, CUSTOMER))
    assert (row.code, row.cause) == ("customer_inactive", "Customer Aster of client Aster is inactive in QuickBooks.")
    world.ravetree.change("contacts", world.aster(), {"active": False})
    world.retry(theirs(Kind.CONTACT, CUSTOMER))
    world.settle()
    assert world.codes() == {}


@pytest.mark.parametrize(("named", "code"), [("9", "customer_inactive"), ("404", "customer_gone")])
def test_a_client_is_linked_to_a_live_customer_instead_of_one_that_is_none(world: World, named: str, code: str) -> None:
    client = world.client("Basalt")
    world.quickbooks.add("Customer", "9", DisplayName="Basalt of old (deleted)", Active=False)
    world.decide(ours(Kind.CONTACT, client), "link", named)
    world.settle()
    row = world.attention(ours(Kind.CONTACT, client))
    assert (row.code, row.decisions, "(deleted)" in row.cause) == (code, "link", False)
    world.decide(ours(Kind.CONTACT, client), "link", CUSTOMER)
    world.settle()
    assert (world.pairs("contact"), world.codes()) == ({client: CUSTOMER}, {})


def test_customers_that_were_merged_hand_their_links_to_the_survivor(world: World) -> None:
    world.paired()
    world.quickbooks.add("Customer", "9", DisplayName="Aster & Co")
    world.quickbooks.tell("Customer", "9", "merged", deletedid=CUSTOMER)
    world.settle()
    assert world.pairs("contact") == {world.aster(): "9"}


@pytest.mark.parametrize("has_its_own", [False, True])
def test_clients_that_were_merged_hand_their_links_over(world: World, has_its_own: bool) -> None:
    world.paired()
    survivor = world.client("Basalt")
    if has_its_own:
        world.invoice(survivor, "5.00")
        world.settle()
    world.ravetree.change("contacts", world.aster(), {"merged_into": survivor, "active": False})
    world.settle()
    assert (world.pairs("contact")[survivor] == CUSTOMER) is not has_its_own
    assert list(world.codes().values()) == ["merged_apart"] * has_its_own


def test_a_client_that_is_gone_is_said_of_its_invoice(world: World) -> None:
    client = world.client("Ember")
    invoice = world.invoice(client, "5.00")
    world.ravetree.delete("contacts", client)
    world.settle()
    assert world.attention(ours(Kind.INVOICE, invoice)).code == "client_missing"


def test_a_customer_is_imported_when_it_is_asked_for(world: World) -> None:
    world.quickbooks.add("Customer", "7", DisplayName="Fjord", CompanyName="Fjord AS", BillAddr={"Line1": "Quay 1"})
    world.press(theirs(Kind.CONTACT, "7"))
    world.settle()
    (made,) = world.ravetree.every("contacts")
    assert (made["name"], made["kind"], made["address"]) == ("Fjord", "account", {"line1": "Quay 1"})
    assert world.pairs("contact") == {made["id"]: "7"}


def test_a_customer_is_linked_to_the_contact_of_its_name(world: World) -> None:
    client = world.client("Aster")
    world.press(theirs(Kind.CONTACT, CUSTOMER))
    world.settle()
    assert (world.pairs("contact"), world.written()) == ({client: CUSTOMER}, [])


def test_a_customer_is_linked_where_a_person_says(world: World) -> None:
    client = world.client("Somebody")
    world.decide(theirs(Kind.CONTACT, CUSTOMER), "link", "con_404")
    world.settle()
    assert world.attention(theirs(Kind.CONTACT, CUSTOMER)).code == "link_not_possible"
    world.decide(theirs(Kind.CONTACT, CUSTOMER), "link", client)
    world.settle()
    assert (world.pairs("contact"), world.codes()) == ({client: CUSTOMER}, {})


def test_a_customer_that_was_taken_apart_asks_before_it_is_tied_by_name(world: World) -> None:
    world.paired()
    world.decide(theirs(Kind.CONTACT, CUSTOMER), "unlink")
    world.settle()
    world.press(theirs(Kind.CONTACT, CUSTOMER))
    world.settle()
    assert world.pairs("contact") == {}
