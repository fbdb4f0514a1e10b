"""The back-fill and the button for what is older than the switch-on: previewed, paused, stopped, reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ravebooks.demo.sides import Body
from storage import jobs as storage_jobs
from storage import pending
from tests.simulation.dying import Killed
from tests.simulation.posting import work_for
from tests.simulation.world import World


class OldWorld(World):
    """A world with invoices that are older than the switch-on."""

    old: list[Body]


@pytest.fixture
def old_world(tmp_path: Path) -> Iterator[OldWorld]:
    """Three invoices that are older than the switch-on, one of them half paid."""
    world = OldWorld(tmp_path, prepare=make_old)
    world.old = sorted(world.ravetree.every("invoices"), key=lambda invoice: str(invoice["number"]))
    yield world
    world.close()


def make_old(world: World) -> None:
    switch(world, invoices=False)
    world.settle()
    client = world.client("Bright Harbor")
    old = [
        world.invoice(client, price, issue_date=f"2026-0{month}-10", due_date="2026-12-01")
        for month, price in ((7, "100.00"), (8, "200.00"), (9, "300.00"))
    ]
    world.receive({old[1]["id"]: "80.00"}, "CHK 1")
    world.settle()
    switch(world, invoices=True)
    world.settle()


def switch(world: World, **on: bool) -> None:
    world.api("PUT", f"/api/connections/{world.connection_id}/switches", on)


def jobs(world: World, path: str = "", **body: Any) -> Any:
    asked = body if path.removeprefix("/preview") else {"by": "Kim"} | body
    return world.api("POST", f"/api/connections/{world.connection_id}/jobs{path}", asked).get_json()


def job(world: World, number: int) -> Any:
    return world.api("GET", f"/api/connections/{world.connection_id}/jobs/{number}").get_json()


def numbers(world: World) -> set[str]:
    return {row["DocNumber"] for row in world.quickbooks.query("select * from Invoice")}


def test_an_edit_or_a_payment_never_pushes_what_is_older(old_world: OldWorld) -> None:
    old_world.ravetree.change("invoices", old_world.old[0]["id"], {"memo": "edited"})
    old_world.receive({old_world.old[2]["id"]: "10.00"}, "CHK 2")
    old_world.settle()
    assert numbers(old_world) == set()
    assert old_world.quickbooks.query("select * from Payment") == []


def test_the_preview_counts_and_writes_nothing(old_world: OldWorld) -> None:
    found = jobs(old_world, "/preview", kinds=["invoice"], **{"from": "2026-08-01"})
    assert found["counts"] == {"create": 2}
    steps = found["records"][0]["steps"]
    assert [step["action"] for step in steps] == ["customer.create", "invoice.create", "payment.create"]
    assert numbers(old_world) == set()


def test_the_run_pushes_document_and_payments_as_a_unit_and_reports(old_world: OldWorld) -> None:
    begun = jobs(old_world, kinds=["invoice"], by="Kim", **{"from": "2026-08-01"})
    old_world.settle()
    shown = job(old_world, begun["id"])
    assert (shown["state"], shown["counts"]) == ("done", {"left": 0, "agreed": 2})
    assert numbers(old_world) == {row["number"] for row in old_world.old[1:]}
    (payment,) = old_world.quickbooks.query("select * from Payment")
    assert (payment["TotalAmt"], payment["PaymentRefNum"]) == (80, "CHK 1")
    again = jobs(old_world, kinds=["invoice"], **{"from": "2026-08-01"})
    old_world.settle()
    assert job(old_world, again["id"])["counts"] == {"left": 0, "already": 2}
    assert len(old_world.quickbooks.query("select * from Payment")) == 1


@pytest.mark.parametrize("dies_in", ["add_records", "note"])
def test_a_run_whose_process_dies_under_way_leaves_nothing_out(
    old_world: OldWorld, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    """A page counts as listed with its records, and a record as under way with its note."""
    begun = jobs(old_world, kinds=["invoice"], by="Kim")

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(storage_jobs if dies_in == "add_records" else pending, dies_in, dies)
        with pytest.raises(Killed):
            work_for(old_world, 5)
    old_world.settle()
    assert numbers(old_world) == {invoice["number"] for invoice in old_world.old}
    assert job(old_world, begun["id"])["counts"] == {"left": 0, "agreed": 3}


def test_statuses_narrow_it(old_world: OldWorld) -> None:
    begun = jobs(old_world, kinds=["invoice"], statuses=["partially_paid"])
    old_world.settle()
    assert job(old_world, begun["id"])["counts"] == {"left": 0, "agreed": 1}


def test_it_can_be_paused_resumed_and_stopped(old_world: OldWorld) -> None:
    begun = jobs(old_world, kinds=["invoice"])
    jobs(old_world, f"/{begun['id']}/pause")
    old_world.settle()
    assert numbers(old_world) == set()
    jobs(old_world, f"/{begun['id']}/resume")
    old_world.settle()
    assert len(numbers(old_world)) == 3
    begun = jobs(old_world, kinds=["invoice"])
    assert jobs(old_world, f"/{begun['id']}/stop")["state"] == "stopped"
    refused = old_world.web.post(
        f"/api/connections/{old_world.connection_id}/jobs/{begun['id']}/resume",
        headers={"Authorization": "Bearer api"},
    )
    assert (refused.status_code, refused.get_json()["code"]) == (409, "job_refused")


def test_a_number_that_is_taken_is_offered_though_the_company_does_not_check_numbers(old_world: OldWorld) -> None:
    customer = old_world.quickbooks.write("customer", {"DisplayName": "Bright Harbor"})
    item = old_world.quickbooks.query("select * from Item")[0]["Id"]
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    theirs = old_world.quickbooks.write(
        "invoice",
        {
            "CustomerRef": {"value": customer["Id"]},
            "DocNumber": old_world.old[0]["number"],
            "TxnDate": "2026-07-10",
            "Line": [line],
        },
    )
    preferences = old_world.quickbooks.query("select * from Preferences")[0]
    others = [{"Name": "WarnDuplicateCheckNumber", "Value": "false"}]
    named = {"Id": preferences["Id"], "SyncToken": preferences["SyncToken"], "sparse": True}
    old_world.quickbooks.write("preferences", named | {"OtherPrefs": {"NameValue": others}})
    asked = jobs(old_world, "/preview", kinds=["invoice"])["counts"]
    assert asked == {"adopt": 1, "create": 2}
    begun = jobs(old_world, kinds=["invoice"])
    old_world.settle()
    assert job(old_world, begun["id"])["counts"] == {"left": 0, "agreed": 2, "parked": 1}
    (row,) = old_world.attention()
    assert row["code"] == "duplicate_number"
    path = f"/api/connections/{old_world.connection_id}/records/ravetree/invoice/{old_world.old[0]['id']}/decision"
    old_world.api("POST", path, {"decision": "adopt", "by": "Kim"})
    old_world.settle()
    assert old_world.attention() == []
    assert len(old_world.quickbooks.query("select * from Invoice")) == 3
    (kept,) = [r for r in old_world.quickbooks.query("select * from Invoice") if r["Id"] == theirs["Id"]]
    assert kept["TotalAmt"] == 100


def test_the_button_through_the_api_says_what_happened(old_world: OldWorld) -> None:
    path = f"/api/connections/{old_world.connection_id}/records/ravetree/invoice/{old_world.old[0]['id']}"
    preview = old_world.api("GET", f"{path}/preview").get_json()
    assert preview["outcome"] == "create"
    answer = old_world.api("POST", f"{path}/sync", {"by": "Kim", "wait_seconds": 0}).get_json()
    assert answer["outcome"] == "pending"
    old_world.settle()
    answer = old_world.api("POST", f"{path}/sync", {"by": "Kim", "wait_seconds": 0})
    old_world.settle()
    assert numbers(old_world) == {old_world.old[0]["number"]}
    preview = old_world.api("GET", f"{path}/preview").get_json()
    assert preview["outcome"] == "nothing"


# --- what can go wrong on the way ----------------------------------------------------------------


def press(world: World, invoice: Body) -> None:
    path = f"/api/connections/{world.connection_id}/records/ravetree/invoice/{invoice['id']}/sync"
    world.api("POST", path, {"by": "Kim", "wait_seconds": 0})
    world.settle()


def test_the_payments_come_too_when_the_answer_to_the_invoice_is_lost(old_world: OldWorld) -> None:
    old_world.quickbooks.steer("faults", {"endpoint": "invoice.create", "kind": "timeout_after", "count": 1})
    press(old_world, old_world.old[1])
    assert [row["TotalAmt"] for row in old_world.quickbooks.query("select * from Payment")] == [80]


def test_a_payment_over_two_old_invoices_follows_them_one_after_the_other(old_world: OldWorld) -> None:
    first, _, third = old_world.old
    old_world.receive({first["id"]: "60.00", third["id"]: "90.00"}, "CHK 2")
    press(old_world, first)
    press(old_world, third)
    assert old_world.attention() == []
    (payment,) = old_world.quickbooks.query("select * from Payment")
    assert (payment["TotalAmt"], len(payment["Line"])) == (150, 2)


def test_the_preview_shows_the_payments_of_the_unit(old_world: OldWorld) -> None:
    path = f"/api/connections/{old_world.connection_id}/records/ravetree/invoice/{old_world.old[1]['id']}/preview"
    steps = old_world.api("GET", path).get_json()["steps"]
    assert [step["action"] for step in steps] == ["customer.create", "invoice.create", "payment.create"]
    assert {"field": "TotalAmt", "before": None, "after": "80"} in steps[2]["changes"]


def test_one_kind_named_twice_is_looked_at_once(old_world: OldWorld) -> None:
    begun = jobs(old_world, kinds=["invoice", "invoice"])
    assert jobs(old_world, "/preview", kinds=["invoice", "invoice"])["counts"] == {"create": 3}
    old_world.settle()
    assert job(old_world, begun["id"])["counts"] == {"left": 0, "agreed": 3}


def test_the_preview_says_already_of_what_the_run_passes_over(old_world: OldWorld) -> None:
    press(old_world, old_world.old[0])
    assert jobs(old_world, "/preview", kinds=["invoice"])["counts"] == {"already": 1, "create": 2}


def test_an_outage_of_ravetree_lets_the_job_wait(old_world: OldWorld) -> None:
    """Each slice ends with an outage: the next one is not due at once."""
    old_world.ravetree.steer("faults", {"endpoint": "*", "kind": "503", "count": 100})
    jobs(old_world, kinds=["invoice"])
    assert old_world.reconciler.work(old_world.connection_id) is False


def typed_there(world: World, invoice: Body, amount: float, **fields: Any) -> Body:
    """The same invoice was typed in QuickBooks before Ravebooks came."""
    named = {row["DisplayName"]: row for row in world.quickbooks.query("select * from Customer")}
    customer = named.get("Bright Harbor") or world.quickbooks.write("customer", {"DisplayName": "Bright Harbor"})
    item = world.quickbooks.query("select * from Item")[0]["Id"]
    line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    body = {"CustomerRef": {"value": customer["Id"]}, "DocNumber": invoice["number"], "Line": [line]}
    return world.quickbooks.write("invoice", body | {"TxnDate": invoice["issue_date"]} | fields)


def test_an_adopted_invoice_with_the_same_payment_on_both_sides_asks_and_takes_it_as_one(old_world: OldWorld) -> None:
    old = old_world.old[1]
    typed_there(old_world, old, 200)
    theirs = old_world.quickbooks.pay({old["number"]: "80.00"}, "2026-11-21", "CHK 1")
    old_world.settle()
    press(old_world, old)
    path = f"/api/connections/{old_world.connection_id}/records/ravetree"
    old_world.api("POST", f"{path}/invoice/{old['id']}/decision", {"decision": "adopt", "by": "Kim"})
    old_world.settle()
    assert {row["code"] for row in old_world.attention()} == {"one_or_two_payments"}
    (mine,) = old_world.ravetree.every("payments")
    decided = {"decision": "link", "by": "Kim", "target": theirs["Id"]}
    old_world.api("POST", f"{path}/payment/{mine['id']}/decision", decided)
    old_world.settle()
    assert old_world.attention() == []
    assert len(old_world.quickbooks.query("select * from Payment")) == 1
    assert len(old_world.ravetree.every("payments")) == 1


def test_a_payment_that_only_quickbooks_has_comes_with_an_adopted_invoice(old_world: OldWorld) -> None:
    old = old_world.old[0]
    typed_there(old_world, old, 100)
    old_world.quickbooks.pay({old["number"]: "100.00"}, "2026-11-21", "CHK 9")
    old_world.settle()
    press(old_world, old)
    path = f"/api/connections/{old_world.connection_id}/records/ravetree/invoice/{old['id']}/decision"
    old_world.api("POST", path, {"decision": "adopt", "by": "Kim"})
    old_world.settle()
    assert old_world.attention() == []
    assert old_world.ravetree.get("invoices", old["id"])["status"] == "paid"


def test_a_stopped_job_asks_for_nothing_more(old_world: OldWorld) -> None:
    begun = jobs(old_world, kinds=["contact", "invoice"])
    jobs(old_world, f"/{begun['id']}/stop")
    old_world.settle()
    assert (job(old_world, begun["id"])["state"], numbers(old_world)) == ("stopped", set())
    assert old_world.connection()["work"]["jobs"] == 0
