"""Where the reference is not sure, both answers: each on a switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quickbooks_sandbox.books.amounts import decode
from quickbooks_sandbox.testing import CUSTOMER, World, applied_to, code_of, line, money, sparse
from quickbooks_sandbox.world.switches import SWITCHES


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.order("webhooks", {"url": "http://receiver.example/webhooks"})
    yield world
    world.close()


def deliver(world: World) -> None:
    world.time += 0.5
    world.services.webhooks.run_due()


def test_every_switch_is_listed_with_its_position(world: World) -> None:
    shown = decode(world.client.get("/sandbox/switches").data)
    assert shown == {name: choices[0] for name, choices in SWITCHES.items()}
    assert world.client.post("/sandbox/switches", json={"nonsense": 1}).status_code == 400


@pytest.mark.parametrize("position", [True, False])
def test_invoices_that_a_payment_touches_are_announced_or_not(world: World, position: bool) -> None:
    world.order("switches", {"side_effect_events": position})
    invoice = world.invoice(100)
    deliver(world)
    world.receiver.bodies.clear()
    payment = world.save(
        "Payment", {"CustomerRef": {"value": CUSTOMER}, "TotalAmt": 10, "Line": [applied_to(invoice, 10)]}
    )
    deliver(world)
    events = set(world.receiver.events())
    assert ("qbo.payment.created.v1", payment["Id"]) in events
    assert (("qbo.invoice.updated.v1", invoice["Id"]) in events) is position


@pytest.mark.parametrize("position", SWITCHES["webhook_content_type"])
def test_the_content_type_of_a_delivery(world: World, position: str) -> None:
    world.order("switches", {"webhook_content_type": position})
    world.invoice(1)
    deliver(world)
    assert world.receiver.headers[0]["Content-Type"] == position


def test_the_test_button_sends_several_realms_in_one_delivery(world: World) -> None:
    orders = [{"realm_id": "1", "entity": "Invoice", "id": "7"}, {"realm_id": "2", "entity": "Customer", "id": "8"}]
    world.order("webhooks/test", {"events": orders})
    deliver(world)
    [body] = world.receiver.bodies
    assert [(event["intuitaccountid"], event["type"]) for event in decode(body)] == [
        ("1", "qbo.invoice.created.v1"),
        ("2", "qbo.customer.created.v1"),
    ]
    assert world.client.post("/sandbox/webhooks/test", json={"operation": "painted"}).status_code == 400


@pytest.mark.parametrize(("position", "status"), [(True, "NeedToSend"), (False, "NotSet")])
def test_the_email_status_can_be_set_or_not(world: World, position: bool, status: str) -> None:
    world.order("switches", {"email_status_writable": position})
    invoice = world.invoice(10)
    assert world.change("Invoice", invoice, EmailStatus="NeedToSend")["EmailStatus"] == status


def test_characters_beyond_latin1_can_be_refused(world: World) -> None:
    body: Any = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)], "PrivateNote": "Łódź"}
    assert world.save("Invoice", body)["PrivateNote"] == "Łódź"
    world.order("switches", {"latin1_only": True})
    assert code_of(world.post("invoice", body)) == "2040"
    world.save("Invoice", {**body, "PrivateNote": "Köln"})


def test_the_ids_of_batch_items_can_be_limited(world: World) -> None:
    items = {"BatchItemRequest": [{"bId": "x" * 11, "Query": "select * from Item maxresults 1"}]}
    assert "Fault" not in world.post("batch", items).get_json()["BatchItemResponse"][0]
    world.order("switches", {"batch_ids_limited": True})
    [item] = world.post("batch", items).get_json()["BatchItemResponse"]
    assert item["Fault"]["Error"][0]["code"] == "2050"


@pytest.mark.parametrize(("position", "reads"), [("each", 3), ("once", 1)])
def test_the_queries_of_a_batch_are_metered_each_or_once(world: World, position: str, reads: int) -> None:
    world.order("switches", {"batch_queries_metered": position})
    items = [{"bId": str(number), "Query": "select * from Item"} for number in range(3)]
    world.post("batch", {"BatchItemRequest": items})
    assert decode(world.client.get("/sandbox/usage").data)["total_reads"] == reads


def test_a_switch_outlives_a_restart(world: World, tmp_path: Path) -> None:
    world.order("switches", {"latin1_only": True})
    world.close()
    again = World(tmp_path)
    assert again.services.switches["latin1_only"] is True
    invoice = again.invoice(10)
    assert code_of(again.post("invoice", sparse(invoice, PrivateNote="Łódź"))) == "2040"


@pytest.mark.parametrize(("position", "made"), [("always", 1), (24, 1), (1, 2)])
def test_how_long_a_requestid_is_remembered(world: World, position: Any, made: int) -> None:
    world.order("switches", {"requestid_hours": position})
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    ids = {world.save("Invoice", body, requestid="r")["Id"]}
    world.order("clock", {"advance_seconds": 2 * 3600})
    ids |= {world.save("Invoice", body, requestid="r")["Id"]}
    assert len(ids) == made


@pytest.mark.parametrize(("position", "made"), [("always", 1), (24, 2), (1, 2)])
def test_the_items_of_a_batch_are_remembered_as_long(world: World, position: Any, made: int) -> None:
    world.order("switches", {"requestid_hours": position})
    invoice = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    items = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Invoice": invoice}]}
    first = world.post("batch", items, requestid="b").get_json()
    world.order("clock", {"advance_seconds": 25 * 3600})
    second = world.post("batch", items, requestid="b").get_json()
    ids = {answer["BatchItemResponse"][0]["Invoice"]["Id"] for answer in (first, second)}
    assert len(ids) == made


def test_a_known_requestid_with_another_body_is_answered_again_or_refused(world: World) -> None:
    body: Any = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    first = world.post("invoice", body, requestid="r")
    assert world.post("invoice", {**body, "PrivateNote": "other"}, requestid="r").data == first.data
    world.order("switches", {"requestid_other_body": "refused"})
    assert code_of(world.post("invoice", {**body, "PrivateNote": "other"}, requestid="r")) == "6000"
    assert code_of(world.post("invoice", body, requestid="r", operation="update")) == "6000"
    assert world.post("invoice", body, requestid="r").data == first.data
    assert world.query("select count(*) from Invoice")["totalCount"] == 1


def test_an_item_that_changed_in_a_batch_that_was_cut_off_is_refused_by_itself(world: World) -> None:
    world.order("switches", {"requestid_other_body": "refused"})
    invoice = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}

    def items(*amounts: int) -> Any:
        made = [{**invoice, "Line": [line(amount)]} for amount in amounts]
        return [{"bId": str(at), "operation": "create", "Invoice": body} for at, body in enumerate(made)]

    world.post("batch", {"BatchItemRequest": items(10, 20)}, requestid="b")
    with world.services.storage.transaction() as connection:  # as after a kill before the batch's own answer
        connection.execute("DELETE FROM answers WHERE requestid = 'b'")
    again = world.post("batch", {"BatchItemRequest": items(10, 21)}, requestid="b").get_json()["BatchItemResponse"]
    assert again[0]["Invoice"]["TotalAmt"] == 10
    assert again[1]["Fault"]["Error"][0]["code"] == "6000"


@pytest.mark.parametrize(("position", "numbered"), [("automatic", True), ("none", False)])
def test_a_form_without_a_number_gets_one_or_none(world: World, position: str, numbered: bool) -> None:
    world.order("switches", {"number_not_sent": position})
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    made, other = world.save("Invoice", body), world.save("Invoice", body)
    assert ("DocNumber" in made) is numbered
    if numbered:
        assert (made["DocNumber"], other["DocNumber"]) == ("10001", "10002")
    emptied = world.change("Invoice", made, DocNumber="")
    assert "DocNumber" not in emptied


@pytest.mark.parametrize(("position", "price"), [("as_sent", "33.333"), ("recomputed", "33.3333333")])
def test_a_price_is_kept_or_worked_out_again(world: World, position: str, price: str) -> None:
    world.order("switches", {"unit_price": position})
    made = world.invoice(Line=[line(100, Qty=3, UnitPrice="33.333"), line(10, UnitPrice=7), line(10, Qty=4)])
    details = [one["SalesItemLineDetail"] for one in made["Line"][:3]]
    assert details[0]["UnitPrice"] == money(price)
    assert details[1]["UnitPrice"] == 7
    assert details[2].get("UnitPrice") == (None if position == "as_sent" else money("2.5"))
    assert world.save("Invoice", made)["Line"] == made["Line"]


def test_a_new_record_may_not_be_readable_for_some_seconds(world: World) -> None:
    world.order("switches", {"readable_after_seconds": 5})
    made = world.invoice(100)
    assert made["Id"] == "1"
    deliver(world)
    assert ("qbo.invoice.created.v1", made["Id"]) in world.receiver.events()
    everyone = (
        "select * from Invoice",
        "select * from Invoice orderby Id",
        "select * from Invoice where Id = '1'",
        "select * from Invoice where TotalAmt = '100'",
    )
    queries = [{"bId": "1", "Query": everyone[0]}]
    since = {"entities": "Invoice", "changedSince": "2026-11-01"}

    def found() -> list[bool]:
        batch = world.post("batch", {"BatchItemRequest": queries}).get_json()["BatchItemResponse"][0]
        captured = world.get("cdc", **since).get_json()["CDCResponse"][0]["QueryResponse"]
        return [
            world.get(f"invoice/{made['Id']}").status_code == 200,
            *("Invoice" in world.query(text) for text in everyone),
            "Invoice" in batch["QueryResponse"],
            "Invoice" in captured[0],
        ]

    assert code_of(world.get(f"invoice/{made['Id']}")) == "610"
    assert not any(found())
    assert world.change("Invoice", made, PrivateNote="written all the same")["SyncToken"] == "1"
    world.order("clock", {"advance_seconds": 5})
    assert all(found())


def test_a_new_record_is_readable_at_once_otherwise(world: World) -> None:
    made = world.invoice(100)
    assert world.read("Invoice", made["Id"]) == made


def test_a_position_is_of_its_own_kind(world: World) -> None:
    for name, value in (("requestid_hours", True), ("latin1_only", 1), ("requestid_hours", 2)):
        assert world.client.post("/sandbox/switches", json={name: value}).status_code == 400


def test_answers_of_a_directory_that_knew_no_marks_are_still_replayed(world: World, tmp_path: Path) -> None:
    body = {"CustomerRef": {"value": CUSTOMER}, "Line": [line(10)]}
    first = world.post("invoice", body, requestid="old")
    world.order("snapshot", {"name": "old"})
    with world.services.storage.transaction() as connection:
        for table in ("answers", "snapshot_answers"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN mark")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN at")
    world.close()
    again = World(tmp_path)
    assert again.post("invoice", body, requestid="old").data == first.data
    again.order("restore", {"name": "old"})
    assert again.post("invoice", body, requestid="old").data == first.data
