"""The page that shows the books, and the payment that a bookkeeper enters there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quickbooks_sandbox.testing import CUSTOMER, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def page(world: World, customer: str = CUSTOMER) -> str:
    return f"/books/{world.credentials['realm_id']}/customers/{customer}"


def test_the_first_page_leads_to_a_customers_open_invoices(world: World) -> None:
    invoice = world.invoice("1234.50")
    assert world.credentials["realm_id"] in world.client.get("/").text
    overview = world.client.get(f"/books/{world.credentials['realm_id']}").text
    assert page(world) in overview
    assert "1,234.50 USD" in overview
    assert f'name="invoice-{invoice["Id"]}"' in world.client.get(page(world)).text


def test_a_bookkeeper_enters_a_payment_and_the_app_is_told(world: World) -> None:
    world.order("webhooks", {"url": "http://receiver.example/webhooks"})
    first, second = world.invoice(100), world.invoice(50)
    form = {f"invoice-{first['Id']}": "100", f"invoice-{second['Id']}": "", "received": "120", "day": "2026-11-02"}
    assert world.client.post(page(world), data=form).status_code == 303
    [payment] = world.query("select * from Payment")["Payment"]
    assert (payment["TotalAmt"], payment["UnappliedAmt"], payment["TxnDate"]) == (120, 20, "2026-11-02")
    assert world.read("Invoice", first["Id"])["Balance"] == 0
    world.time += 0.5
    world.services.webhooks.run_due()
    assert ("qbo.payment.created.v1", payment["Id"]) in world.receiver.events()


def test_a_customers_page_lists_the_invoices_of_those_below_to_be_paid(world: World) -> None:
    child = world.save("Customer", {"DisplayName": "North", "Job": True, "ParentRef": {"value": CUSTOMER}})
    invoice = world.invoice(100, customer=child["Id"])
    name = f'name="invoice-{invoice["Id"]}"'
    assert name in (shown := world.client.get(page(world)).text)
    assert "<td>North</td>" in shown
    assert world.client.post(page(world), data={f"invoice-{invoice['Id']}": "100"}).status_code == 303
    assert world.read("Invoice", invoice["Id"])["Balance"] == 0
    assert name not in world.client.get(page(world, child["Id"])).text


@pytest.mark.parametrize("amount", ["a lot", "1e999999", "NaN", "100.01", "-5"])
def test_what_cannot_be_entered_is_said_on_the_page(world: World, amount: str) -> None:
    invoice = world.invoice(100)
    answer = world.client.post(page(world), data={f"invoice-{invoice['Id']}": amount})
    assert answer.status_code == 400
    assert 'class="problem"' in answer.text
    assert world.read("Invoice", invoice["Id"])["Balance"] == 100


def test_names_are_shown_as_text(world: World) -> None:
    made = world.save("Customer", {"DisplayName": "<script>alert(1)</script>"})
    for path in (page(world, made["Id"]), f"/books/{world.credentials['realm_id']}"):
        assert "<script>" not in world.client.get(path).text


@pytest.mark.parametrize("path", ["/books/1", "/books/1/customers/1"])
def test_an_unknown_page_is_a_404(world: World, path: str) -> None:
    assert world.client.get(path).status_code == 404
    assert world.client.get(page(world, "999")).status_code == 404


def test_a_company_shows_what_is_on_its_accounts(world: World) -> None:
    overview = f"/books/{world.credentials['realm_id']}"
    assert "Undeposited Funds" not in world.client.get(overview).text
    world.payment("1234.50")
    assert (
        "<td>Undeposited Funds</td><td>Other Current Asset</td><td>1,234.50 USD</td>" in world.client.get(overview).text
    )
