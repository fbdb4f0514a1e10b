"""Tax and totals: what QuickBooks would make otherwise is asked about before it is posted, and answered once."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from quickbooks_sandbox.rules import sales, tax

from storage import connections
from storage.models import Mapping
from sync.duties import CHANGES, PREFLIGHT
from tests.simulation.world import World, as_settled

Body = dict[str, Any]


def line(price: str, rate: str | None = "vat", **fields: Any) -> Body:
    taxed = {"taxable": rate is not None, "tax_rate": rate}
    return {"type": "time", "description": "Work", "quantity": "1", "unit_price": price} | taxed | fields


def bill(world: World, *lines: Body, **fields: Any) -> Body:
    currency = "USD" if world.country == "US" else "GBP"
    client = world.client("Northwind Galleries", currency=currency)
    body = {"client_id": client, "issue_date": "2026-11-20", "due_date": "2026-12-20", "currency": currency}
    made = world.ravetree.create("invoices", body | {"lines": list(lines)} | fields)
    world.settle()
    return made


def there(world: World, invoice: Body) -> Body | None:
    return world.quickbooks.invoice(invoice["number"])


def sums(found: Body | None) -> tuple[str, str]:
    """Total and tax in QuickBooks."""
    assert found is not None
    return f"{found['TotalAmt']:.2f}", f"{found['TxnTaxDetail']['TotalTax']:.2f}"


def question(world: World) -> Body:
    (row,) = world.attention()
    return row


def decide(world: World, decision: str, note: str = "") -> None:
    row = question(world)
    place = f"/api/connections/{world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}"
    world.api("POST", f"{place}/decision", {"decision": decision, "by": "Kim", "note": note})
    world.settle()


def rounded_by_line(world: World) -> Body:
    """Three lines whose tax of 0.07 each makes 0.21, while QuickBooks charges 0.20 on all."""
    return bill(world, *[line("0.33")] * 3, tax_amount="0.21")


def pay(world: World, invoice: Body, amount: str, **fields: Any) -> Body:
    share = {"invoice_id": invoice["id"], "amount": fields.pop("share", amount)}
    body = {"client_id": invoice["client_id"], "date": "2026-11-21", "currency": invoice["currency"]}
    made = world.ravetree.create("payments", body | {"amount": amount, "allocations": [share]} | fields)
    world.settle()
    return made


# --- outside the US ------------------------------------------------------------------------------


def test_tax_that_was_rounded_by_line_is_asked_about_before_anything_is_posted(british: World) -> None:
    made = rounded_by_line(british)
    row = question(british)
    assert (row["code"], "`accept`" in row["remedy"], there(british, made)) == ("total_differs", True, None)
    assert "1.20 GBP" in row["cause"]
    assert "1.19 GBP (-0.01)" in row["cause"]


def test_an_accepted_difference_is_written_kept_with_who_decided_and_not_asked_again(british: World) -> None:
    made = rounded_by_line(british)
    decide(british, "accept", "one penny")
    assert sums(there(british, made)) == ("1.19", "0.20")
    assert british.attention() == []
    (row,) = british.parity()["rows"]
    assert (row["cause"], "Kim" in row["remedy"], "one penny" in row["remedy"]) == ("accepted", True, True)
    british.ravetree.change("invoices", made["id"], {"memo": "Thanks"})
    british.settle()
    found = there(british, made)
    assert found is not None
    assert (found["CustomerMemo"]["value"], british.attention()) == ("Thanks", [])
    british.ravetree.change("invoices", made["id"], {"lines": [line("0.33")] * 4, "tax_amount": "0.28"})
    british.settle()
    assert "(-0.02)" in question(british)["cause"]


def test_a_corrected_invoice_goes_on_without_an_answer(british: World) -> None:
    made = rounded_by_line(british)
    british.ravetree.change("invoices", made["id"], {"tax_amount": "0.20"})
    british.settle()
    assert (sums(there(british, made)), british.attention()) == (("1.19", "0.20"), [])


def test_a_receipt_of_ravetrees_total_leaves_the_difference_unapplied(british: World) -> None:
    made = rounded_by_line(british)
    decide(british, "accept")
    pay(british, made, "1.20")
    (payment,) = british.quickbooks.query("select * from Payment")
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (Decimal("1.20"), Decimal("0.01"))
    assert there(british, made)["Balance"] == 0  # type: ignore[index]  # it is there
    assert british.ravetree.get("invoices", made["id"])["balance"] == "0.00"
    british.ravetree.change("payments", british.ravetree.every("payments")[0]["id"], {"reference": "R-1"})
    british.settle()
    (payment,) = british.quickbooks.query("select * from Payment")
    assert (payment["PaymentRefNum"], payment["UnappliedAmt"], british.attention()) == ("R-1", Decimal("0.01"), [])


def test_a_receipt_of_quickbooks_total_leaves_ravetrees_cent_open_with_a_notice(british: World) -> None:
    made = rounded_by_line(british)
    decide(british, "accept")
    british.quickbooks.pay({made["number"]: "1.19"}, "2026-11-21")
    british.settle()
    assert british.ravetree.get("invoices", made["id"])["balance"] == "0.01"
    assert british.attention() == []
    state = british.ravetree.sync_state("invoice", made["id"])
    assert (state["state"], "stay open in Ravetree" in " ".join(state["notices"])) == ("synced", True)


def test_marked_as_paid_over_an_accepted_difference_is_paid_in_both_books(british: World) -> None:
    made = rounded_by_line(british)
    decide(british, "accept")
    british.ravetree.change("invoices", made["id"], {"marked_paid": True})
    british.settle()
    found = there(british, made)
    assert found is not None
    assert (found["Balance"], british.attention()) == (0, [])


AFTER_TAX = {"discount": {"percent": "10", "before_tax": False}}


@pytest.mark.parametrize(("switch", "made_of_it"), [("everywhere", "110.00"), ("in_the_us", "108.00")])
def test_what_is_made_of_a_discount_after_tax_is_asked_once_and_remembered(
    british: World, switch: str, made_of_it: str
) -> None:
    british.quickbooks.steer("switches", {"apply_tax_after_discount": switch})
    first = bill(british, line("100.00"), **AFTER_TAX)
    assert "110.00 GBP (+0.00) or 108.00 GBP (-2.00)" in question(british)["cause"]
    decide(british, "accept")
    assert (sums(there(british, first))[0], british.attention()) == (made_of_it, [])
    second = bill(british, line("200.00"), **AFTER_TAX)
    if switch == "everywhere":
        assert (sums(there(british, second)), british.attention()) == (("220.00", "40.00"), [])
    else:
        assert "but would be 216.00 GBP (-4.00) in" in question(british)["cause"]


@pytest.fixture(params=["gross", "net"])
def whatever_amounts_are(british: World, request: pytest.FixtureRequest) -> World:
    british.quickbooks.steer("switches", {"tax_inclusive_amount": request.param})
    return british


def test_prices_that_include_tax_come_to_the_same_and_stay_so(whatever_amounts_are: World) -> None:
    world = whatever_amounts_are
    lines = [line("120.00"), line("0.33", quantity="3"), line("52.50", "reduced"), line("7.00", "zero")]
    less = bill(world, lines[0], tax_inclusive=True, discount={"percent": "10", "before_tax": True})
    made = bill(world, *lines, tax_inclusive=True)
    for one in (less, made):
        assert sums(there(world, one)) == (one["total"], one["tax_amount"])
    kept = world.ravetree.get("invoices", made["id"])["lines"]
    changed = {"lines": [kept[0], kept[1] | {"unit_price": "0.50", "amount": "1.50"}]}
    world.ravetree.change("invoices", made["id"], changed)
    world.settle()
    assert world.attention() == []
    now = world.ravetree.get("invoices", made["id"])
    assert sums(there(world, now)) == (now["total"], now["tax_amount"])
    world.ravetree.change("invoices", made["id"], {"tax_inclusive": False})
    world.settle()
    assert world.attention() == []
    now = world.ravetree.get("invoices", made["id"])
    assert sums(there(world, now)) == (now["total"], now["tax_amount"])
    assert world.attention() == []
    assert world.parity()["summary"]["differing"] == 0


def test_a_line_without_a_tax_rate_goes_on_once_the_settings_say_what_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, prepare=as_settled, country="GB")
    with world.parts.database.transaction() as session:
        session.execute(sa.delete(Mapping).where(Mapping.key == ""))
    made = bill(world, line("10.00", None))
    row = question(world)
    assert (row["code"], "without a tax rate" in row["remedy"]) == ("tax_rate_not_mapped", True)
    place = f"/api/connections/{world.connection_id}"
    shown = world.api("GET", f"{place}/choices/tax_rate").get_json()
    assert "" in [key["key"] for key in shown["keys"]]
    assert {"0.0% Z", "Exempt", "No VAT"} <= {entry["name"] for entry in shown["entries"]}
    code = next(entry["id"] for entry in shown["entries"] if entry["name"] == "No VAT")
    world.api("PUT", f"{place}/mappings", {"tax_rates": {"": code}})
    world.settle()
    assert (sums(there(world, made)), world.attention()) == (("10.00", "0.00"), [])
    world.close()


def test_how_a_company_charges_tax_is_read_before_a_write_where_it_is_not_known(british: World) -> None:
    with british.parts.database.transaction() as session:
        connections.get(session, british.connection_id).tax = None
    made = rounded_by_line(british)
    assert ("1.19 GBP (-0.01)" in question(british)["cause"], there(british, made)) == (True, None)


def charge_sales_tax(world: World, *, on: bool) -> None:
    preferences = world.quickbooks._call("GET", "preferences", {}, None)["Preferences"]
    prefs = {"UsingSalesTax": on}
    world.quickbooks.write(
        "preferences",
        {"Id": preferences["Id"], "SyncToken": preferences["SyncToken"], "sparse": True, "TaxPrefs": prefs},
    )
    world.plan(PREFLIGHT)
    world.settle()


def test_a_company_without_tax_gets_no_codes_and_tax_is_asked_about(british: World) -> None:
    charge_sales_tax(british, on=False)
    plain = bill(british, line("10.00", None))
    found = there(british, plain)
    assert found is not None
    assert found["GlobalTaxCalculation"] == "NotApplicable"
    taxed = bill(british, line("10.00"))
    assert ("(-2.00)" in question(british)["cause"], there(british, taxed)) == (True, None)
    decide(british, "accept")
    assert (sums(there(british, taxed)), british.attention()) == (("10.00", "0.00"), [])


# --- in the US -----------------------------------------------------------------------------------


def test_what_waits_for_a_setting_goes_on_once_the_company_charges_tax(world: World) -> None:
    charge_sales_tax(world, on=False)
    made = bill(world, line("100.00", "standard"))
    assert ("charges no sales tax" in question(world)["cause"], there(world, made)) == (True, None)
    charge_sales_tax(world, on=True)
    assert (sums(there(world, made)), world.attention()) == (("108.00", "8.00"), [])


def test_tax_for_a_customer_that_pays_none_is_asked_about_and_accepted(world: World) -> None:
    client = world.client("Northwind Galleries")
    world.invoice(client, "10.00")
    world.settle()
    (customer,) = world.quickbooks.query("select * from Customer where DisplayName = 'Northwind Galleries'")
    world.quickbooks.write(
        "customer", {"Id": customer["Id"], "SyncToken": customer["SyncToken"], "sparse": True, "Taxable": False}
    )
    world.plan(CHANGES)
    world.settle()
    lines = [line("100.00", "standard")]
    made = world.invoice(client, lines=lines)
    world.settle()
    assert ("its customer is not taxable" in question(world)["cause"], there(world, made)) == (True, None)
    decide(world, "accept")
    assert there(world, made) is not None
    assert world.attention() == []


def test_prices_with_tax_are_net_in_a_us_company(world: World) -> None:
    made = bill(
        world,
        line("54.00", "standard", quantity="2"),
        line("50.00", None),
        tax_inclusive=True,
        discount={"percent": "10", "before_tax": True},
    )
    found = there(world, made)
    assert sums(found) == (made["total"], made["tax_amount"])
    assert found is not None
    assert "2 × 54.00 USD with tax" in found["Line"][0]["Description"]
    state = world.ravetree.sync_state("invoice", made["id"])
    assert (state["state"], len(state["notices"]), world.attention()) == ("synced", 1, [])
    assert world.parity()["summary"]["differing"] == 0


def test_a_difference_that_shows_in_the_answer_alone_is_the_same_question(world: World, monkeypatch: Any) -> None:
    made = world.invoice(world.client("Northwind Galleries"), "100.00")
    _add_a_cent(monkeypatch)
    world.settle()
    assert (question(world)["code"], "(+0.01)" in question(world)["cause"]) == ("total_differs", True)
    monkeypatch.undo()
    decide(world, "accept")
    assert (world.attention(), world.parity()["summary"]["causes"]) == ([], {"accepted": 1})
    world.ravetree.change("invoices", made["id"], {"memo": "Thanks"})
    world.settle()
    assert world.attention() == []


def _add_a_cent(monkeypatch: Any) -> None:
    """QuickBooks charges a cent that nobody knows of."""
    really = tax.settle_tax

    def more(transaction: Any, doc: Any, *rest: Any) -> Decimal:
        charged = really(transaction, doc, *rest) + Decimal("0.01")
        doc["TxnTaxDetail"] = {"TotalTax": charged}
        return charged

    monkeypatch.setattr(sales, "settle_tax", more)
