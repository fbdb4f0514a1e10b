"""The page to work by hand: each form does what the user's side does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ravetree_sandbox.testing import World

LINE = {"type": "time", "description": "By hand <b>", "quantity": "2", "unit_price": "50.00"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def post(world: World, path: str, **fields: str) -> int:
    return world.client.post(path, data=fields).status_code


def test_a_working_day_by_hand(world: World) -> None:
    assert post(world, "/pages/invoices", client_id=world.client_id(), **LINE) == 303
    (invoice,) = world.ok("GET", "/v1/invoices")
    assert post(world, f"/pages/invoices/{invoice['id']}/lines", **LINE) == 303
    assert post(world, f"/pages/invoices/{invoice['id']}/status", status="sent") == 303
    paid = {"invoice_id": invoice["id"], "amount": "40.00", "date": "2026-11-20", "reference": "CHK 1"}
    assert post(world, "/pages/payments", **paid) == 303
    invoice = world.ok("GET", f"/v1/invoices/{invoice['id']}")
    assert (invoice["total"], invoice["balance"], invoice["status"]) == ("200.00", "160.00", "partially_paid")
    page = world.client.get("/").get_data(as_text=True)
    assert invoice["number"] in page
    assert "CHK 1" in page
    assert "By hand &lt;b&gt;" in page


def test_a_payment_is_deleted_by_hand(world: World) -> None:
    invoice = world.invoice("100.00")
    world.ok("POST", "/sandbox/app/payments", world.payment_of("30.00", (invoice["id"], "30.00")))
    (payment,) = world.ok("GET", "/v1/payments")
    assert post(world, f"/pages/payments/{payment['id']}/delete") == 303
    assert world.ok("GET", "/v1/payments") == []


def test_what_is_refused_is_said_on_the_page(world: World) -> None:
    invoice = world.invoice("100.00")
    paid = {"invoice_id": invoice["id"], "amount": "500.00", "date": "2026-11-20", "reference": ""}
    answer = world.client.post("/pages/payments", data=paid)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert world.ok("GET", "/v1/payments") == []


def test_acts_on_the_page_send_events(world: World) -> None:
    assert post(world, "/pages/invoices", client_id=world.client_id(), **LINE) == 303
    assert [event["type"] for event in world.ok("GET", "/v1/events")][-1] == "invoice.created"


def test_the_contract_is_served(world: World) -> None:
    assert world.client.get("/contract/openapi.json").get_json()["openapi"] == "3.1.0"
    assert world.client.get("/contract/events.json").get_json()["title"] == "An event of Ravetree"
