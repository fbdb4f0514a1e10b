"""Which QuickBooks customer is a Ravetree client: the contact row of the rules' table."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.contacts import (
    CreateContact,
    CreateCustomer,
    UseContact,
    UseCustomer,
    customer_content,
    customer_name,
    match,
    match_contact,
    notices,
    suffixed_name,
)
from reconcile.model import Attention, QuickBooksCustomer, RavetreeContact
from tests.unit.reconcile.build import contact, customer


def test_nobody_of_that_name_means_a_new_customer() -> None:
    assert match(contact(), "USD", []) == CreateCustomer("Bright Harbor")


@pytest.mark.parametrize(
    "candidate",
    [
        customer(),
        customer("BRIGHT harbor"),
        customer(email="ap@example.com"),
    ],
)
def test_the_same_active_name_in_the_same_currency_is_the_customer(candidate: QuickBooksCustomer) -> None:
    assert match(contact(email="AP@example.com"), "USD", [candidate]) == UseCustomer("C1")


def test_of_two_with_the_name_the_one_in_the_currency_is_it() -> None:
    euro = customer(id="C2", currency="EUR")
    assert match(contact(), "EUR", [customer(), euro]) == UseCustomer("C2")


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([customer(), customer(id="C2")], "the name of several"),
        ([customer(email="other@example.com")], "another e-mail address"),
        ([customer(active=False)], "inactive"),
        ([customer("Bright Harbor (deleted)", active=False)], "inactive"),
        ([customer("Someone else", email="ap@example.com")], "with another name"),
    ],
)
def test_what_is_not_certain_is_asked(candidates: list[QuickBooksCustomer], words: str) -> None:
    found = match(contact(email="ap@example.com"), "USD", candidates)
    assert isinstance(found, Attention)
    assert (found.state, found.code) == ("held", "contact_ambiguous")
    assert words in found.cause
    assert f"Id {candidates[0].id}" in found.cause


def test_an_email_that_only_one_side_has_contradicts_nothing() -> None:
    assert match(contact(email="ap@example.com"), "USD", [customer()]) == UseCustomer("C1")
    assert match(contact(), "USD", [customer(email="ap@example.com")]) == UseCustomer("C1")


def test_a_customer_of_another_live_client_is_none_for_this_one() -> None:
    made_for_it = match(contact(), "USD", [customer()], taken={"C1": True})
    assert made_for_it == CreateCustomer("Bright Harbor (client_1)")
    stood_there = match(contact(), "USD", [customer()], taken={"C1": False})
    assert isinstance(stood_there, Attention)
    assert "another client's QuickBooks customer" in stood_there.cause
    of_two_clients = match(contact(), "USD", [customer()], others={"bright harbor"})
    assert isinstance(of_two_clients, Attention)
    assert "the name of another client and of a QuickBooks customer" in of_two_clients.cause


def test_an_e_mail_address_of_another_clients_customer_says_nothing() -> None:
    client, shares = contact(email="ap@example.com"), [customer("Someone else", email="ap@example.com")]
    assert isinstance(match(client, "USD", shares), Attention)
    assert match(client, "USD", shares, taken={"C1": False}) == CreateCustomer("Bright Harbor")
    assert match(client, "USD", shares, others={"someone else"}) == CreateCustomer("Bright Harbor")


def test_the_name_in_another_currency_gets_a_customer_of_its_own() -> None:
    """Currencies of customers are fixed, and display names are unique."""
    assert match(contact(), "EUR", [customer()]) == CreateCustomer("Bright Harbor (EUR)")


def test_an_email_in_another_currency_is_no_candidate() -> None:
    other = customer("Someone else", email="ap@example.com", currency="EUR")
    assert match(contact(email="ap@example.com"), "USD", [other]) == CreateCustomer("Bright Harbor")


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_a_client_without_a_name_is_parked(name: str) -> None:
    found = match(contact(name), "USD", [])
    assert isinstance(found, Attention)
    assert (found.state, found.code) == ("parked", "contact_without_name")


@given(st.text(max_size=300), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_every_name_is_one_that_quickbooks_takes(name: str, id_: str) -> None:
    client = replace(contact(name), id=id_)
    for made in (customer_name(client), suffixed_name(client)):
        assert len(made) <= 100
        assert not set(made) & set(":\t\n\r")
        assert made == made.strip() or not customer_name(client)
    assert suffixed_name(client).endswith(f"({id_})")


def test_a_long_name_in_another_currency_still_fits() -> None:
    long = contact("x" * 150)
    found = match(long, "EUR", [customer("x" * 100)])
    assert isinstance(found, CreateCustomer)
    assert found.name.endswith(" (EUR)")
    assert len(found.name) <= 100


@pytest.mark.parametrize(
    ("field", "text", "kept", "said"),
    [
        ("phone", "5" * 31, "5" * 30, "phone"),
        ("name", "x" * 101, "x" * 100, "company"),
        ("email", f"a@{'b' * 60}.example,c@{'d' * 60}.example", f"a@{'b' * 60}.example", "e-mail address c@d"),
        ("email", f"a@{'b' * 100}.example; c@d.example", "c@d.example", "e-mail address a@b"),
        ("email", "a@b; c@d.example", "c@d.example", "e-mail address a@b is left out"),
    ],
)
def test_what_is_longer_than_quickbooks_takes_is_kept_in_part_with_a_notice(
    field: str, text: str, kept: str, said: str
) -> None:
    changes: dict[str, Any] = {field: text}
    client = replace(contact("Bright Harbor"), **changes)
    made = customer_content(client, "USD", "Bright Harbor")
    assert getattr(made, "company_name" if field == "name" else field) == kept
    assert [notice for notice in notices(client) if said in notice] != []
    assert notices(contact()) == ()


@pytest.mark.parametrize(("part", "limit"), [("line1", 500), ("city", 255), ("postal_code", 30)])
def test_a_part_of_an_address_that_is_too_long_is_cut_with_a_notice(part: str, limit: int) -> None:
    client = replace(contact(), address={part: "x" * (limit + 1), "country": "NO"})
    made = customer_content(client, "USD", "Bright Harbor")
    assert made.address == {part: "x" * limit, "country": "NO"}
    assert [f"keeps the first {limit}" in notice for notice in notices(client)] == [True]


# --- the import ------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [contact(), contact("BRIGHT  harbor"), contact(currency="", email="ap@example.com")])
def test_a_customer_is_linked_to_the_contact_of_its_name(known: RavetreeContact) -> None:
    assert match_contact(customer(email="AP@example.com"), [known], ()) == UseContact("client_1")


@pytest.mark.parametrize(
    ("contacts", "linked", "words"),
    [
        ([contact(currency="EUR")], (), "differs from it"),
        ([contact(email="other@example.com")], (), "differs from it"),
        ([contact(active=False)], (), "differs from it"),
        ([contact()], ("client_1",), "differs from it"),
        ([contact(), contact(id="client_2")], (), "several contacts"),
        ([contact("Someone else", email="ap@example.com")], (), "with another name"),
    ],
)
def test_which_contact_a_customer_is_is_asked_where_it_is_not_certain(
    contacts: list[RavetreeContact], linked: tuple[str, ...], words: str
) -> None:
    found = match_contact(customer(email="ap@example.com"), contacts, linked)
    assert isinstance(found, Attention)
    assert (found.state, found.code, found.decisions) == ("held", "contact_ambiguous", ("link", "two"))
    assert words in found.cause
    assert isinstance(match_contact(customer(), contacts, linked, "two"), CreateContact)


def test_otherwise_a_contact_is_made() -> None:
    assert isinstance(match_contact(customer(), [], ()), CreateContact)
    assert isinstance(match_contact(customer(), [contact(merged_into="client_9")], ()), CreateContact)
    mailed = contact("Someone else", email="ap@example.com")
    found = match_contact(customer(email="ap@example.com"), [mailed], (), others={"someone else"})
    assert isinstance(found, CreateContact), "who has that name is another customer's"


def test_none_of_the_candidates_means_a_new_customer_with_the_id_only_where_the_name_is_taken() -> None:
    client = contact(email="ap@example.com")
    assert match(client, "USD", [customer()], "two") == CreateCustomer("Bright Harbor (client_1)")
    by_address = [customer("Someone else", email="ap@example.com")]
    assert match(client, "USD", by_address, "two") == CreateCustomer("Bright Harbor")
    assert isinstance(match(client, "USD", by_address, "another answer"), Attention)


def test_a_name_that_is_cut_ends_with_no_space() -> None:
    assert customer_name(contact("x" * 99 + " y")) == "x" * 99
    assert customer_name(contact("  x" + " y")) == "x y"
