"""Drift, parity reports, one record side by side, and its timeline, with the whole system in one thread."""

import csv
import io
from typing import Any

import pytest
from prometheus_client import REGISTRY

from consumers.sweeper import PARITY_EVERY
from ravebooks.demo.sides import Body
from sync.questions import comparison
from tests.simulation.test_scenarios import codes, payments, remote
from tests.simulation.world import World


def get(world: World, path: str) -> Any:
    return world.api("GET", f"/api/connections/{world.connection_id}{path}").get_json()


def listed(world: World, path: str) -> Any:
    """All of a list, which is short."""
    page = get(world, path)
    assert page["next_cursor"] is None
    return page["data"]


def drift(world: World, *, fresh: bool = False) -> Any:
    return listed(world, f"/drift?fresh={str(fresh).lower()}")


def fields(pair: Any) -> dict[str, tuple[str, str]]:
    return {row["field"]: (row["ravetree"], row["quickbooks"]) for row in pair["differences"]}


def report(world: World, *, full: bool = False) -> Any:
    answer = world.api("POST", f"/api/connections/{world.connection_id}/parity", {"full": full})
    assert answer.status_code == 201
    return answer.get_json()


def edit(world: World, invoice: Body, **changes: Any) -> None:
    """A bookkeeper edits the invoice in QuickBooks."""
    found = remote(world, invoice)
    world.quickbooks.write("invoice", {"Id": found["Id"], "SyncToken": found["SyncToken"], "sparse": True} | changes)


def raise_total(world: World, invoice: Body) -> None:
    line: dict[str, Any] = dict(remote(world, invoice)["Line"][0]) | {"Amount": 150}
    line["SalesItemLineDetail"] = dict(line["SalesItemLineDetail"], Qty=1, UnitPrice=150)
    edit(world, invoice, Line=[line])


def reads(world: World, cause: str) -> int:
    return int(listed(world, "/usage")[0]["reads"].get(cause, 0))


# --- drift -----------------------------------------------------------------------------------------


def test_books_that_agree_show_no_drift(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    world.settle()
    assert drift(world) == []
    assert drift(world, fresh=True) == []


def test_an_edit_in_quickbooks_is_drift_that_the_next_edit_overwrites(world: World, paired: Body) -> None:
    edit(world, paired, CustomerMemo={"value": "call first"}, DueDate="2027-01-31")
    world.settle()
    (pair,) = drift(world)
    assert fields(pair) == {"memo": ("", "call first"), "due date": ("2026-12-20", "2027-01-31")}
    assert {row["owner"] for row in pair["differences"]} == {"ravetree"}
    assert {row["cause"] for row in pair["differences"]} == {"drift"}
    assert all("at the next edit in Ravetree its content is written" in row["next"] for row in pair["differences"])
    world.ravetree.change("invoices", paired["id"], {"memo": "ours"})
    world.settle()
    assert drift(world) == []


def test_what_drift_says_of_the_next_edit_is_what_happens(world: World, paired: Body) -> None:
    """A changed total holds it, and the drift said so before."""
    raise_total(world, paired)
    world.settle()
    (pair,) = drift(world)
    assert fields(pair)["total"] == ("100.00", "150.00")
    assert fields(pair)["line 1 price"] == ("100", "150")
    assert codes(world) == ["open_balances_differ"]
    assert all("until a person decides" in row["next"] for row in pair["differences"] if row["field"] == "total")
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    assert codes(world) == ["drift_before_overwrite"]


def test_what_ravetree_does_not_own_is_no_drift(world: World, paired: Body) -> None:
    edit(
        world,
        paired,
        PrivateNote="checked",
        CustomField=[{"DefinitionId": "1", "StringValue": "x", "Type": "StringType"}],
    )
    world.settle()
    assert drift(world, fresh=True) == []


def test_an_added_line_is_named(world: World, paired: Body) -> None:
    lines = [line for line in remote(world, paired)["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    extra = {name: value for name, value in lines[0].items() if name != "Id"} | {"Description": "Rush", "Amount": 20}
    extra["SalesItemLineDetail"] = dict(extra["SalesItemLineDetail"], Qty=1, UnitPrice=20)
    edit(world, paired, Line=[*lines, extra])
    world.settle()
    assert fields(drift(world)[0])["line 2 in QuickBooks"] == ("", "Rush, 20.00")


def test_a_fresh_look_finds_what_no_webhook_told_and_counts_its_reads(world: World, paired: Body) -> None:
    edit(world, paired, CustomerMemo={"value": "call first"})
    world.collect()
    assert drift(world) == []
    assert fields(drift(world, fresh=True)[0]) == {"memo": ("", "call first")}
    assert reads(world, "drift") == 2


# --- parity ----------------------------------------------------------------------------------------


def test_equal_books_make_a_report_without_rows(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "40.00"}, "CHK 1")
    world.settle()
    world.clock.advance(601)
    world.settle()
    before = reads(world, "parity")
    made = report(world)
    assert (made["source"], made["day"], made["rows"]) == ("copies", "2026-11-20", [])
    assert made["summary"] == {
        "compared": 2,
        "equal": 2,
        "differing": 0,
        "causes": {},
        "currencies": {
            "USD": {
                "ravetree_total": "100.00",
                "quickbooks_total": "100.00",
                "ravetree_receivable": "60.00",
                "quickbooks_receivable": "60.00",
            }
        },
    }
    assert reads(world, "parity") == before
    assert [row["id"] for row in listed(world, "/parity")] == [made["id"]]
    assert get(world, f"/parity/{made['id']}") == made


def test_a_full_read_takes_a_call_for_each_kind(world: World, paired: Body) -> None:
    for number in range(5):
        world.invoice(paired["client_id"], f"{number + 1}0.00")
    world.settle()
    made = report(world, full=True)
    assert (made["source"], made["summary"]["compared"], made["summary"]["differing"]) == ("full", 6, 0)
    assert reads(world, "parity") == 2


def test_a_full_read_goes_page_by_page_and_asks_for_what_is_missing(
    world: World, paired: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        world.invoice(paired["client_id"], f"{number + 1}0.00")
    world.settle()
    found = remote(world, paired)
    world.quickbooks.write("invoice?operation=delete", {"Id": found["Id"], "SyncToken": found["SyncToken"]})
    world.collect()
    monkeypatch.setattr(comparison, "PAGE", 2)
    made = report(world, full=True)
    assert (made["summary"]["compared"], causes(made)) == (5, {"waiting": 1})
    assert made["rows"][0]["quickbooks_status"] == "deleted"
    assert reads(world, "parity") == 3 + 1 + 1
    world.settle()
    assert codes(world) == ["deleted_in_quickbooks"]


def causes(made: Any) -> dict[str, int]:
    found: dict[str, int] = made["summary"]["causes"]
    return found


def test_a_total_that_drifts_is_asked_about_by_its_balance(world: World, paired: Body) -> None:
    raise_total(world, paired)
    world.settle()
    made = report(world)
    assert causes(made) == {"held": 1}
    assert [row["field"] for row in made["rows"][0]["differences"]] == ["total", "balance"]
    assert made["summary"]["currencies"]["USD"]["quickbooks_receivable"] == "150.00"


def test_what_was_asked_about_a_balance_outlives_an_edit_of_a_payment_on_it(world: World, paired: Body) -> None:
    """Whatever the payment's share is now: only an agreement that is seen ends the question."""
    mine = world.receive({paired["id"]: "30.00"}, "CHK 1")
    world.settle()
    raise_total(world, paired)
    world.settle()
    assert codes(world) == ["open_balances_differ"]
    share = [{"invoice_id": paired["id"], "amount": "20.00"}]
    for change in ({"reference": "CHK 2"}, {"allocations": share}):
        world.ravetree.change("payments", mine["id"], change)
        world.settle()
        assert codes(world) == ["open_balances_differ"]
    world.clock.advance(301)
    world.settle()
    assert codes(world) == ["open_balances_differ"]


def test_a_memo_that_differs_is_drift_and_no_parity_difference(world: World, paired: Body) -> None:
    edit(world, paired, CustomerMemo={"value": "call first"})
    world.settle()
    assert causes(report(world)) == {}


def test_a_held_pair_is_explained_with_its_remedy(world: World, paired: Body) -> None:
    raise_total(world, paired)
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    made = report(world)
    assert causes(made) == {"held": 1}
    assert "decide `overwrite`" in made["rows"][0]["remedy"]


def test_what_is_only_marked_as_paid_is_explained(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"status": "paid"})
    world.settle()
    assert remote(world, paired)["Balance"] == 0
    made = report(world, full=True)
    assert causes(made) == {"marked_as_paid": 1}
    assert made["summary"]["currencies"]["USD"]["ravetree_receivable"] == "0.00"


def test_credit_applied_in_ravetree_alone_is_explained_with_what_to_do(world: World, paired: Body) -> None:
    share = {"invoice_id": paired["id"], "amount": "30.00"}
    credit = {"client_id": paired["client_id"], "date": "2026-11-21", "amount": "0.00", "credit_amount": "30.00"}
    world.ravetree.create("payments", credit | {"currency": "USD", "allocations": [share]})
    world.settle()
    assert codes(world) == ["credit_only_in_ravetree"]
    (row,) = report(world)["rows"]
    assert (row["kind"], row["cause"]) == ("invoice", "parked")
    assert "Make a credit memo in QuickBooks" in row["remedy"]


def test_a_deleted_partner_is_parked_and_left_deleted_it_is_decided(world: World, paired: Body) -> None:
    found = remote(world, paired)
    world.quickbooks.write("invoice?operation=delete", {"Id": found["Id"], "SyncToken": found["SyncToken"]})
    world.settle()
    assert causes(report(world)) == {"parked": 1}
    (row,) = world.attention()
    path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
    world.api("POST", path, {"decision": "leave", "by": "Kim"})
    world.settle()
    assert causes(report(world)) == {"decided": 1}


def test_payments_that_have_no_partner_yet_are_rows(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    made = report(world, full=True)
    assert causes(made) == {"held": 1, "waiting": 1}
    assert {(row["kind"], row["number"]) for row in made["rows"]} == {("payment", "mine"), ("payment", "theirs")}


def test_right_after_our_own_payment_the_copy_of_its_invoice_is_old(world: World, paired: Body) -> None:
    """Ten minutes later the confirmation of our write brings the new one, and no read was made for the report."""
    world.receive({paired["id"]: "30.00"}, "CHK 1")
    world.settle()
    assert causes(report(world)) == {"older_copy": 1}
    world.clock.advance(601)
    world.settle()
    assert causes(report(world)) == {}


def test_a_payment_on_one_side_that_is_held_explains_its_invoice_too(world: World, paired: Body) -> None:
    world.receive({paired["id"]: "30.00"}, "mine")
    world.settle()
    world.quickbooks.pay({paired["number"]: "45.00"}, "2026-11-22", "theirs")
    world.collect()
    made = report(world, full=True)
    assert causes(made) == {"waiting": 2}
    assert sorted(row["kind"] for row in made["rows"]) == ["invoice", "payment"]
    world.settle()
    assert causes(report(world, full=True)) == {}


def test_an_edit_that_nobody_told_of_is_unexplained(world: World, paired: Body) -> None:
    line = {"type": "time", "description": "more", "quantity": "1", "unit_price": "120.00", "taxable": False}
    world.ravetree.change("invoices", paired["id"], {"lines": [line]})
    world.collect()
    made = report(world)
    assert causes(made) == {"unexplained": 1}
    assert "no event told of it yet" in made["rows"][0]["text"]


def test_an_invoice_that_is_parked_before_it_came_across_is_a_row(world: World, paired: Body) -> None:
    parked = world.invoice(paired["client_id"], "20.00", number="N" * 30)
    world.settle()
    assert codes(world) == ["number_too_long"]
    (row,) = report(world)["rows"]
    assert (row["number"], row["quickbooks_status"], row["cause"]) == (parked["number"], "missing", "parked")


def test_every_day_has_its_report_from_the_switch_on(world: World, paired: Body) -> None:
    assert listed(world, "/parity") == []
    for _ in range(2):
        world.clock.advance(24 * 3600 + 1)
        world.settle()
    assert [(row["day"], row["source"]) for row in listed(world, "/parity")] == [
        ("2026-11-22", "copies"),
        ("2026-11-21", "copies"),
    ]


def test_the_gauge_shows_the_newest_report_by_cause(world: World, paired: Body) -> None:
    raise_total(world, paired)
    world.settle()
    report(world)
    world.clock.advance(PARITY_EVERY)
    world.parts.consuming.sweeper.sweep()
    assert REGISTRY.get_sample_value("ravebooks_parity_differences", {"cause": "held"}) == 1
    world.ravetree.change("invoices", paired["id"], {"memo": "ours"})
    world.settle()
    (row,) = world.attention()
    path = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
    world.api("POST", path, {"decision": "overwrite", "by": "Kim"})
    world.settle()
    report(world)
    world.clock.advance(PARITY_EVERY)
    world.parts.consuming.sweeper.sweep()
    assert REGISTRY.get_sample_value("ravebooks_parity_differences", {"cause": "held"}) == 0


def test_the_sheet_and_the_page_carry_what_people_typed_harmlessly(world: World) -> None:
    client = world.client('=HYPERLINK("http://evil")<script>alert(1)</script>')
    world.invoice(client, "20.00", number="=" + "N" * 30)
    world.settle()
    made = report(world)
    base = f"/api/connections/{world.connection_id}/parity/{made['id']}"
    sheet = world.api("GET", f"{base}.csv")
    assert sheet.mimetype == "text/csv"
    (row,) = list(csv.DictReader(io.StringIO(sheet.get_data(as_text=True))))
    assert row["client"].startswith("'=HYPERLINK")
    assert row["number"].startswith("'=N")
    assert row["ravetree_total"] == "20.00"
    page = world.api("GET", f"{base}.html")
    text = page.get_data(as_text=True)
    assert page.mimetype == "text/html"
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_another_connections_report_is_not_found(world: World, paired: Body) -> None:
    answer = world.web.get(
        f"/api/connections/{world.connection_id}/parity/99.csv", headers={"Authorization": "Bearer api"}
    )
    assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_report")


# --- one record ------------------------------------------------------------------------------------


@pytest.fixture
def conflict(world: World, paired: Body) -> Body:
    """A payment that was changed on both sides."""
    world.quickbooks.pay({paired["number"]: "60.00"}, "2026-11-21", "CHK 1")
    world.settle()
    mine, theirs = world.ravetree.every("payments")[0], payments(world)[0]
    named = {"Id": theirs["Id"], "SyncToken": theirs["SyncToken"], "sparse": True}
    world.quickbooks.write("payment", named | {"PaymentRefNum": "THEIRS"})
    world.ravetree.change("payments", mine["id"], {"reference": "OURS"})
    world.settle()
    return mine


def test_a_conflict_is_shown_with_base_and_both_versions(world: World, conflict: Body) -> None:
    shown = get(world, f"/records/ravetree/payment/{conflict['id']}")
    (row,) = shown["differences"]
    assert (row["field"], row["base"], row["ravetree"], row["quickbooks"], row["owner"]) == (
        "reference",
        "CHK 1",
        "OURS",
        "THEIRS",
        "both",
    )
    assert shown["state"] == "held"
    (waits,) = shown["waits"]
    assert (waits["code"], decisions(waits)) == ("edited_on_both_sides", ["ravetree", "quickbooks"])
    assert shown["quickbooks"]["id"] == payments(world)[0]["Id"]
    by_its_other_name = get(world, f"/records/quickbooks/payment/{shown['quickbooks']['id']}")
    assert by_its_other_name == shown


def decisions(waits: Any) -> list[str]:
    return [each["decision"] for each in waits["decisions"]]


def test_a_held_invoice_is_shown_with_what_it_can_be_decided_by(world: World, paired: Body) -> None:
    raise_total(world, paired)
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    shown = get(world, f"/records/ravetree/invoice/{paired['id']}")
    by_field = {row["field"]: row for row in shown["differences"]}
    total, memo = by_field["total"], by_field["memo"]
    assert (total["base"], total["ravetree"], total["quickbooks"]) == ("100.00", "100.00", "150.00")
    assert (memo["base"], memo["ravetree"], memo["quickbooks"]) == ("", "please pay", "")
    assert "Nothing is written until a person decides" in memo["next"]
    assert (shown["state"], decisions(shown["waits"][0])) == ("held", ["overwrite"])
    world.api(
        "POST",
        f"/api/connections/{world.connection_id}/records/ravetree/invoice/{paired['id']}/decision",
        {"decision": "overwrite", "by": "Kim"},
    )
    world.settle()
    after = get(world, f"/records/ravetree/invoice/{paired['id']}")
    assert (after["state"], after["differences"], after["waits"]) == ("paired", [], [])


def test_one_receipt_or_two_shows_the_other_one(world: World, paired: Body) -> None:
    mine = world.receive({paired["id"]: "30.00"}, "mine")
    world.quickbooks.pay({paired["number"]: "30.00"}, "2026-11-22", "theirs")
    world.settle()
    shown = get(world, f"/records/ravetree/payment/{mine['id']}")
    assert [twin["quickbooks"]["number"] for twin in shown["twins"]] == ["theirs"]
    assert decisions(shown["waits"][0]) == ["one", "two"]
    there = get(world, f"/records/quickbooks/payment/{shown['twins'][0]['quickbooks']['id']}")
    assert [twin["ravetree"]["id"] for twin in there["twins"]] == [mine["id"]]


def test_a_contact_is_shown_with_its_link(world: World, paired: Body) -> None:
    shown = get(world, f"/records/ravetree/contact/{paired['client_id']}")
    assert (shown["client"], shown["state"]) == ("Northwind Galleries", "linked")
    assert shown["quickbooks"]["id"] == remote(world, paired)["CustomerRef"]["value"]


# --- the timeline ----------------------------------------------------------------------------------


def test_the_timeline_says_what_happened_from_both_sides_and_who_decided(world: World, conflict: Body) -> None:
    path = f"/records/ravetree/payment/{conflict['id']}"
    body = {"decision": "ravetree", "by": "Kim", "note": "asked the client"}
    world.api("POST", f"/api/connections/{world.connection_id}{path}/decision", body)
    world.settle()
    entries = listed(world, f"{path}/timeline")
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert {entry["side"] for entry in entries if entry["what"] == "event"} == {"ravetree", "quickbooks"}
    (pressed,) = [entry for entry in entries if entry["what"] == "pressed"]
    assert (pressed["by"], pressed["text"], pressed["note"]) == ("Kim", "decision: ravetree", "asked the client")
    writes = [(entry["side"], entry["text"]) for entry in entries if entry["what"] == "write"]
    assert writes == [("ravetree", "payment.create"), ("quickbooks", "payment.update")]
    update = [entry for entry in entries if entry["what"] == "write"][1]
    assert [change["after"] for change in update["changes"] if change["field"] == "PaymentRefNum"] == ["OURS"]
    answers = [entry for entry in entries if entry["what"] == "answer"]
    assert [answer["status"] for answer in answers] == [201, 200]
    assert answers[1]["intuit_tid"]
    outcomes = [entry["text"] for entry in entries if entry["what"] == "outcome"]
    assert outcomes[0] == "agreed"
    assert any(text.startswith("held: A payment was changed on both sides") for text in outcomes)


def test_an_update_in_the_timeline_shows_each_field_before_and_after(world: World, paired: Body) -> None:
    world.ravetree.change("invoices", paired["id"], {"memo": "please pay"})
    world.settle()
    entries = listed(world, f"/records/ravetree/invoice/{paired['id']}/timeline")
    update = next(entry for entry in entries if entry["text"] == "invoice.update" and entry["what"] == "write")
    assert update["changes"] == [{"field": "CustomerMemo", "before": None, "after": "please pay"}]


def test_a_refusal_stands_in_the_timeline_without_secrets(world: World, paired: Body) -> None:
    world.quickbooks.steer("faults", {"endpoint": "payment.create", "kind": "fault:6210", "count": 1})
    mine = world.receive({paired["id"]: "40.00"}, "token=abcdef123456")
    world.settle()
    entries = listed(world, f"/records/ravetree/payment/{mine['id']}/timeline")
    (refused,) = [entry for entry in entries if entry["what"] == "answer"]
    assert "refused" in refused["text"]
    assert "6210" in refused["error"]
    assert "abcdef123456" not in str(entries)


def test_the_button_in_ravetree_names_its_user(world: World, paired: Body) -> None:
    world.ravetree.steer(f"app/invoices/{paired['id']}/sync", {})
    world.settle()
    entries = listed(world, f"/records/ravetree/invoice/{paired['id']}/timeline")
    (button,) = [entry for entry in entries if entry["text"].startswith("invoice.sync_requested")]
    assert button["by"] == "usr_1"


@pytest.mark.parametrize("kind", ["invoice", "estimate", "payment", "contact"])
@pytest.mark.parametrize("side", ["ravetree", "quickbooks"])
def test_nothing_is_known_of_a_stranger(world: World, side: str, kind: str) -> None:
    path = f"/api/connections/{world.connection_id}/records/{side}/{kind}/999"
    for asked in (path, f"{path}/timeline"):
        answer = world.web.get(asked, headers={"Authorization": "Bearer api"})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "no_such_record")
