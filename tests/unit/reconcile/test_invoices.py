"""The invoice rows of the rules' table: each test is one of its claims."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcile.invoices import InvoiceCase, plan
from reconcile.markers import marked_placeholder
from reconcile.marks import Mark, Placeholder
from reconcile.model import (
    ANY_PAYMENT,
    NOTHING,
    ZERO,
    Allocation,
    Answer,
    Attention,
    Gone,
    InvoiceContent,
    Kind,
    PaymentContent,
    Plan,
    Record,
    Side,
    TaxedTotal,
)
from tests.unit.reconcile.build import (
    CUSTOMER,
    DAY,
    MARKED_AT,
    SWITCHED_ON,
    amount,
    attention,
    invoice_case,
    line,
    paired_case,
    placeholder,
    quickbooks_invoice,
    quickbooks_line,
    ravetree_invoice,
    the_write,
    voided_payment,
    written,
)

VOID = quickbooks_invoice(0, voided=True)


def content_of(case: InvoiceCase) -> InvoiceContent:
    content = the_write(plan(case)).content
    assert isinstance(content, InvoiceContent)
    return content


# --- which documents -----------------------------------------------------------------------------


def test_a_new_invoice_is_created_in_quickbooks() -> None:
    assert written(plan(invoice_case())) == (Side.QUICKBOOKS, "invoice.create", None, None)


def test_an_invoice_of_the_very_moment_of_the_switch_on_is_created() -> None:
    assert plan(invoice_case(ravetree=ravetree_invoice(created_at=SWITCHED_ON))).writes


@pytest.mark.parametrize("since", [SWITCHED_ON, None])
def test_an_invoice_older_than_the_switch_on_is_never_pushed_by_itself(since: Any) -> None:
    old = ravetree_invoice(created_at=SWITCHED_ON - timedelta(seconds=1))
    assert plan(invoice_case(ravetree=old, since=since)) == Plan(ignored="older than the switch-on")


def test_an_older_invoice_is_pushed_by_the_button() -> None:
    old = ravetree_invoice(created_at=SWITCHED_ON - timedelta(days=90))
    assert plan(invoice_case(ravetree=old, requested=True)).writes


def test_an_invoice_made_in_quickbooks_is_ignored() -> None:
    case = invoice_case(ravetree=None, quickbooks=quickbooks_invoice())
    assert plan(case) == Plan(ignored="made in QuickBooks")


@pytest.mark.parametrize("ended", [Gone("R1"), ravetree_invoice(status="void")])
def test_an_invoice_that_ended_before_it_was_pushed_is_not_pushed(ended: Any) -> None:
    made = plan(invoice_case(ravetree=ended))
    assert (made.writes, made.attention, bool(made.ignored)) == ((), None, True)


def test_an_invoice_that_was_taken_apart_is_left_alone_whoever_presses() -> None:
    apart = invoice_case(decision="unlink")
    assert plan(apart) == Plan(ignored="taken apart by a person")
    assert plan(replace(apart, requested=True)) == Plan(ignored="taken apart by a person")


def test_an_invoice_waits_for_its_estimate_that_is_about_to_be_pushed() -> None:
    estimate = Record(Side.RAVETREE, Kind.ESTIMATE, "est_1")
    assert plan(invoice_case(estimate=estimate)) == Plan(waits_for=estimate)
    assert plan(invoice_case()).writes, "one that waits for a person is not named"


# --- what is created -----------------------------------------------------------------------------


def test_the_content_is_ravetrees_in_quickbooks_references() -> None:
    invoice = ravetree_invoice(
        memo="Thanks", due_date=date(2026, 12, 20), tax_amount=amount("8.00"), total=amount("108.00"), sent=True
    )
    content = content_of(invoice_case(ravetree=invoice, customer_email="ap@example.com"))
    assert content.customer_id == CUSTOMER
    assert content.email == "ap@example.com"
    assert (content.number, content.issue_date, content.due_date) == ("1043", DAY, date(2026, 12, 20))
    assert (content.memo, content.currency) == ("Thanks", "USD")
    assert (content.tax_amount, content.total, content.discount) == (amount(8), amount(108), amount(0))
    assert content.email_status == "EmailSent"
    assert [(part.item_id, part.quantity, part.unit_price, part.amount) for part in content.lines] == [
        ("I1", amount(1), amount(100), amount(100))
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (None, None, False),
        (None, date(2026, 12, 20), True),
        (date(2026, 12, 20), date(2026, 12, 20), False),
        (date(2026, 12, 20), None, False),
    ],
)
def test_a_due_date_that_quickbooks_alone_has_is_a_notice(ours: date | None, theirs: date | None, said: bool) -> None:
    invoice, remote = ravetree_invoice(due_date=ours), quickbooks_invoice(due_date=theirs)
    found = plan(paired_case(invoice, remote, was=invoice, remote_was=remote))
    assert found.is_at_rest
    assert [notice[:20] for notice in found.notices] == (["It is due on 2026-12"] if said else [])


@pytest.mark.parametrize(
    ("sent", "remote", "email", "status"),
    [
        (False, {}, "", ""),
        (True, {}, "", "EmailSent"),
        (True, {"emailed": True}, "", ""),
        # QuickBooks takes no invoice that it should send to nobody.
        (True, {"to_be_sent": True}, "", "NotSet"),
        (False, {"to_be_sent": True}, "ap@example.com", ""),
    ],
)
def test_what_an_edit_says_of_the_sending(sent: bool, remote: dict[str, bool], email: str, status: str) -> None:
    was = ravetree_invoice(sent=sent)
    there = quickbooks_invoice(**remote)
    case = paired_case(replace(was, memo="anew"), there, was=was, remote_was=there, customer_email=email)
    content = content_of(replace(case, customer_address={}))
    assert content.email_status == status
    assert bool(content.notices) is (status == "NotSet")


def test_an_invoice_without_lines_waits_without_an_error() -> None:
    empty = ravetree_invoice(0, lines=())
    assert plan(invoice_case(ravetree=empty)) == Plan(ignored="no lines yet")


def test_a_zero_total_is_not_a_void() -> None:
    zero = ravetree_invoice(0)
    assert written(plan(invoice_case(ravetree=zero)))[1] == "invoice.create"
    assert plan(paired_case(zero, quickbooks_invoice(0), was=zero, remote_was=quickbooks_invoice(0))) == NOTHING


def test_a_discount_is_what_lines_and_tax_exceed_the_total_by() -> None:
    invoice = ravetree_invoice(100, tax_amount=amount(8), total=amount(98), discount=(("percent", "10"),))
    assert content_of(invoice_case(ravetree=invoice)).discount == 10


@pytest.mark.parametrize(
    ("quantity", "price", "value", "kept"),
    [
        ("1.5", "33.33", "50.00", True),  # 49.995, rounded half up
        ("1.5", "33.33", "49.99", False),
        ("0.5", "0.25", "0.13", True),  # 0.125: half up, not half to even
        ("0.5", "0.25", "0.12", False),
        (None, "100", "100", False),
        ("3", None, "100", False),
    ],
)
def test_quantity_and_price_go_along_only_if_their_product_is_the_amount_to_the_cent(
    quantity: str | None, price: str | None, value: str, kept: bool
) -> None:
    part = line(
        quantity=Decimal(quantity) if quantity else None,
        unit_price=Decimal(price) if price else None,
        amount=amount(value),
    )
    invoice = ravetree_invoice(lines=(part,), total=amount(value))
    (sent,) = content_of(invoice_case(ravetree=invoice)).lines
    assert (sent.quantity is not None, sent.unit_price is not None) == (kept, kept)
    assert sent.amount == amount(value)


@pytest.mark.parametrize(("taxable", "code"), [(True, "TAX"), (False, "NON")])
def test_an_american_line_is_taxed_or_not(taxable: bool, code: str) -> None:
    invoice = ravetree_invoice(lines=(line(taxable=taxable),))
    assert content_of(invoice_case(ravetree=invoice)).lines[0].tax_code == code


def test_elsewhere_a_tax_rate_gives_the_mapped_code() -> None:
    invoice = ravetree_invoice(lines=(line(tax_rate="vat20"),))
    case = invoice_case(ravetree=invoice, us_company=False, tax_codes={"vat20": "5", "": "2"})
    assert content_of(case).lines[0].tax_code == "5"
    untaxed = replace(case, ravetree=ravetree_invoice(lines=(line(tax_rate=None),)))
    assert content_of(untaxed).lines[0].tax_code == "2"


def test_an_unmapped_tax_rate_parks_and_names_the_rate() -> None:
    invoice = ravetree_invoice(lines=(line(tax_rate="vat20"),))
    made = plan(invoice_case(ravetree=invoice, us_company=False))
    assert attention(made) == ("parked", "tax_rate_not_mapped")
    assert made.attention is not None
    assert "vat20" in made.attention.cause
    assert "1043" in made.attention.cause


def test_an_unmapped_line_type_parks_and_names_the_type() -> None:
    made = plan(invoice_case(ravetree=ravetree_invoice(lines=(line(type="retainer"),))))
    assert attention(made) == ("parked", "line_type_not_mapped")
    assert made.attention is not None
    assert "'retainer'" in made.attention.cause
    assert "'retainer'" in made.attention.remedy


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": "x" * 22}, "number_too_long"),
        ({"total": amount(-1), "lines": (line(-1),)}, "negative_total"),
        ({"tax_inclusive": True, "tax_amount": amount(101)}, "totals_do_not_add_up"),
        ({"total": amount(101)}, "totals_do_not_add_up"),
    ],
)
def test_what_quickbooks_cannot_hold_is_parked(changes: dict[str, Any], code: str) -> None:
    assert attention(plan(invoice_case(ravetree=ravetree_invoice(**changes)))) == ("parked", code)


def test_a_number_of_21_characters_is_kept() -> None:
    assert plan(invoice_case(ravetree=ravetree_invoice(number="x" * 21))).writes


def test_an_invoice_waits_for_its_client() -> None:
    client = Record(Side.RAVETREE, Kind.CONTACT, "client_1")
    assert plan(invoice_case(customer=None)) == Plan(waits_for=client)
    other = Record(Side.RAVETREE, Kind.CONTACT, "client_2")
    assert plan(invoice_case(customer=other)) == Plan(waits_for=other)


def test_a_client_that_needs_a_person_holds_the_invoice_with_the_same_words() -> None:
    why = Attention("held", "contact_ambiguous", "Two of them.", "Choose one.")
    assert plan(invoice_case(customer=why)) == Plan(attention=replace(why, cause="Invoice 1043: Two of them."))


# --- edits ---------------------------------------------------------------------------------------


def test_a_pair_that_agrees_needs_nothing() -> None:
    assert plan(paired_case()) == NOTHING


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "1044"},
        {"client_id": "client_2"},
        {"issue_date": date(2026, 11, 21)},
        {"due_date": date(2026, 12, 1)},
        {"memo": "new"},
        {"lines": (line(), line(0, id="l2"))},
        {"lines": (line(description="other"),)},
        {"lines": (line(150),), "total": amount(150)},
        {"discount": (("amount", "5"),), "total": amount(95)},
        {"tax_amount": amount(8), "total": amount(108)},
        {"currency": "EUR"},
    ],
)
def test_an_edit_of_what_ravetree_decides_is_written(changes: dict[str, Any]) -> None:
    edited = ravetree_invoice(version=4, **changes)
    assert written(plan(paired_case(edited))) == (Side.QUICKBOOKS, "invoice.update", "Q1", 5)


@pytest.mark.parametrize("changes", [{"version": 9}, {"balance": amount(100)}, {"status": "past_due"}])
def test_what_ravetree_does_not_decide_is_no_edit(changes: dict[str, Any]) -> None:
    """Past due is each side's own conclusion from its own dates."""
    assert plan(paired_case(ravetree_invoice(**changes))) == NOTHING


def test_a_kept_line_keeps_its_id_and_an_added_one_has_none() -> None:
    edited = ravetree_invoice(lines=(line(120), line(30, id="l2", type="expense")), total=amount(150))
    content = content_of(paired_case(edited, line_ids={"l1": "1", "gone": "2"}))
    assert [(part.key, part.line_id, part.item_id) for part in content.lines] == [("l1", "1", "I1"), ("l2", None, "I2")]


def test_all_lines_removed_parks() -> None:
    assert attention(plan(paired_case(ravetree_invoice(0, lines=())))) == ("parked", "invoice_without_lines")


def test_a_total_below_what_is_paid_is_held_before_writing() -> None:
    case = paired_case(ravetree_invoice(30), quickbooks_invoice(100, paid=40))
    assert attention(plan(case)) == ("held", "total_below_paid")


def test_a_total_that_falls_to_what_is_paid_is_written() -> None:
    case = paired_case(ravetree_invoice(40), quickbooks_invoice(100, paid=40))
    assert written(plan(case))[1] == "invoice.update"


def test_a_total_below_what_is_paid_waits_while_payments_are_under_way() -> None:
    case = paired_case(ravetree_invoice(30), quickbooks_invoice(100, paid=40), payments_pending=True)
    assert plan(case) == Plan(waits_for=ANY_PAYMENT)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "client_2"}, "client_changed_with_payments"),
        ({"currency": "EUR"}, "currency_changed_with_payments"),
    ],
)
def test_another_client_or_currency_with_payments_is_held(changes: dict[str, Any], code: str) -> None:
    edited = ravetree_invoice(**changes)
    assert attention(plan(paired_case(edited, quickbooks_invoice(paid=1), customer="C2"))) == ("held", code)
    assert written(plan(paired_case(edited, customer="C2")))[1] == "invoice.update"


def test_another_client_that_is_the_same_customer_moves_nothing() -> None:
    edited = ravetree_invoice(client_id="client_2")
    assert written(plan(paired_case(edited, quickbooks_invoice(paid=1))))[1] == "invoice.update"
    waits = paired_case(edited, quickbooks_invoice(paid=1), customer=Record(Side.RAVETREE, Kind.CONTACT, "client_2"))
    assert attention(plan(waits)) == ("held", "client_changed_with_payments"), "nobody knows yet which it is"


@pytest.mark.parametrize(
    ("paid", "cause", "remedy"),
    [
        (40, "a deposit of 40.00 USD on the form", "Take the deposit off the form"),
        (60, "payments and a deposit of 40.00 USD on the form", "Remove the payments and the deposit on the form"),
    ],
)
@pytest.mark.parametrize("changes", [{"client_id": "client_2"}, {"currency": "EUR"}])
def test_what_pays_it_on_the_form_is_named(changes: dict[str, Any], paid: int, cause: str, remedy: str) -> None:
    there = quickbooks_invoice(100, paid=paid, deposit=amount(40))
    asked = plan(paired_case(ravetree_invoice(**changes), there, customer="C2")).attention
    assert asked is not None
    assert cause in asked.cause
    assert asked.remedy.startswith(remedy)


# --- drift ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "drifted",
    [
        quickbooks_invoice(120),
        quickbooks_invoice(lines=(quickbooks_line(60), quickbooks_line(40, id="2"))),
    ],
)
def test_drift_that_alters_the_total_or_adds_lines_holds_the_next_overwrite(drifted: Any) -> None:
    edited = ravetree_invoice(150)
    assert attention(plan(paired_case(edited, drifted))) == ("held", "drift_before_overwrite")
    assert written(plan(paired_case(edited, drifted, decision="overwrite")))[1] == "invoice.update"


def test_drift_alone_is_left_alone() -> None:
    drifted = quickbooks_invoice(memo="edited", due_date=DAY, lines=(quickbooks_line(description="other"),))
    assert plan(paired_case(remote=drifted)) == NOTHING


def test_other_drift_is_overwritten_by_the_next_edit() -> None:
    drifted = quickbooks_invoice(memo="edited", sync_token=8)
    assert written(plan(paired_case(ravetree_invoice(150), drifted))) == (
        Side.QUICKBOOKS,
        "invoice.update",
        "Q1",
        8,
    )


def test_drift_to_what_is_wanted_anyway_holds_nothing() -> None:
    assert written(plan(paired_case(ravetree_invoice(150), quickbooks_invoice(150))))[1] == "invoice.update"


def test_a_due_date_that_quickbooks_keeps_is_a_notice_and_no_change() -> None:
    kept = quickbooks_invoice(due_date=date(2026, 12, 20))
    found = plan(paired_case(remote=kept, remote_was=kept))
    assert (found.is_at_rest, [notice[:26] for notice in found.notices]) == (True, ["It is due on 2026-12-20 in"])
    dated = ravetree_invoice(due_date=date(2026, 12, 20))
    assert plan(paired_case(dated, kept, was=dated, remote_was=kept)) == NOTHING


# --- what came back was not what we said -----------------------------------------------------------


def test_a_number_that_quickbooks_did_not_keep_needs_attention() -> None:
    case = paired_case(remote=quickbooks_invoice(number="7"), remote_was=quickbooks_invoice(number="7"))
    assert attention(plan(case)) == ("parked", "number_not_kept")


def test_a_number_that_was_put_right_since_needs_none() -> None:
    assert plan(paired_case(remote_was=quickbooks_invoice(number="7"))) == NOTHING


def test_a_total_that_differs_by_a_cent_is_shown_with_the_cent() -> None:
    wrong = quickbooks_invoice("100.01")
    made = plan(paired_case(remote=wrong, remote_was=wrong))
    assert attention(made) == ("parked", "total_differs")
    assert made.attention is not None
    assert "+0.01" in made.attention.cause


# --- sent ----------------------------------------------------------------------------------------


def test_sent_in_ravetree_is_marked_in_quickbooks() -> None:
    sent = ravetree_invoice(status="sent", sent=True)
    assert written(plan(paired_case(sent))) == (Side.QUICKBOOKS, "invoice.mark_sent", "Q1", 5)


def test_mailed_by_quickbooks_is_marked_in_ravetree() -> None:
    mailed = quickbooks_invoice(emailed=True)
    assert written(plan(paired_case(remote=mailed))) == (Side.RAVETREE, "invoice.mark_sent", "R1", 3)


def test_once_sent_stays_sent() -> None:
    sent = ravetree_invoice(status="partially_paid", sent=True)
    assert plan(paired_case(sent, quickbooks_invoice(emailed=True))) == NOTHING


def test_a_mark_as_sent_that_quickbooks_took_is_not_written_again() -> None:
    sent = ravetree_invoice(status="sent", sent=True)
    assert plan(paired_case(sent, sent_written=True)) == NOTHING


def test_what_quickbooks_is_to_send_stays_so() -> None:
    to_be_sent = quickbooks_invoice(to_be_sent=True)
    sent = ravetree_invoice(status="sent", sent=True)
    assert plan(paired_case(sent, to_be_sent)) == NOTHING
    edited = replace(sent, memo="anew")
    assert content_of(paired_case(edited, to_be_sent)).email_status == ""


def test_what_quickbooks_is_to_send_to_a_new_client_without_an_address_is_not_sent_with_a_notice() -> None:
    moved = ravetree_invoice(client_id="client_2")
    case = paired_case(moved, quickbooks_invoice(to_be_sent=True), customer="C2", customer_address={})
    content = content_of(case)
    assert (content.email_status, [notice.partition(",")[0] for notice in content.notices]) == (
        "NotSet",
        ["QuickBooks was to send it"],
    )
    with_mail = content_of(replace(case, customer_email="ap@example.com"))
    assert (with_mail.email_status, with_mail.notices) == ("", ())


# --- void ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [ravetree_invoice(status="void"), Gone("R1")])
def test_void_and_deleted_in_ravetree_become_void_in_quickbooks(ended: Any) -> None:
    assert written(plan(paired_case(ended))) == (Side.QUICKBOOKS, "invoice.void", "Q1", 5)
    assert plan(paired_case(ended, VOID)) == NOTHING


def test_a_void_with_a_deposit_on_the_form_names_that() -> None:
    there = quickbooks_invoice(100, paid=40, deposit=amount(40))
    asked = plan(paired_case(ravetree_invoice(status="void"), there)).attention
    assert asked is not None
    assert "40.00 USD as a deposit on its form" in asked.cause
    assert asked.remedy == "Take the deposit off the form in QuickBooks, then press retry."


def test_a_void_with_payments_applied_is_held_before_anything_is_written() -> None:
    case = paired_case(ravetree_invoice(status="void"), quickbooks_invoice(paid=40))
    assert attention(plan(case)) == ("held", "void_with_payments")


def test_a_void_waits_while_its_payments_are_under_way() -> None:
    case = paired_case(ravetree_invoice(status="void"), quickbooks_invoice(paid=40), payments_pending=True)
    assert plan(case) == Plan(waits_for=ANY_PAYMENT)


def test_a_void_takes_its_own_placeholder_away_first() -> None:
    case = paired_case(
        ravetree_invoice(status="void"), quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder())
    )
    assert written(plan(case)) == (Side.QUICKBOOKS, "placeholder.delete", "PH1", 7)


def test_a_void_with_a_deposited_placeholder_is_held() -> None:
    case = paired_case(
        ravetree_invoice(status="void"),
        quickbooks_invoice(paid=100),
        placeholder=Placeholder(placeholder(deposited=True)),
    )
    assert attention(plan(case)) == ("held", "void_with_payments")


def test_void_in_quickbooks_is_void_in_ravetree() -> None:
    assert written(plan(paired_case(remote=VOID))) == (Side.RAVETREE, "invoice.void", "R1", 3)


def test_void_in_quickbooks_unapplies_ravetrees_payments_first() -> None:
    """A void invoice takes no payment in Ravetree."""
    payment = Record(Side.RAVETREE, Kind.PAYMENT, "RP1")
    case = paired_case(ravetree_invoice(paid=40), VOID, paired_payments=(payment,))
    assert plan(case) == Plan(look_at=(payment,), waits_for=ANY_PAYMENT)


def test_void_in_quickbooks_with_a_payment_that_it_does_not_know_is_held() -> None:
    case = paired_case(ravetree_invoice(paid=40), VOID)
    assert attention(plan(case)) == ("held", "voided_in_quickbooks_with_payments")


def test_an_edit_never_revives_a_void_invoice() -> None:
    assert written(plan(paired_case(ravetree_invoice(150), VOID)))[1] == "invoice.void"


# --- deleted -------------------------------------------------------------------------------------


def test_deleted_in_quickbooks_is_parked_with_both_choices() -> None:
    made = plan(paired_case(remote=Gone("Q1")))
    assert attention(made) == ("parked", "deleted_in_quickbooks")
    assert made.attention is not None
    assert "`push`" in made.attention.remedy
    assert "`leave`" in made.attention.remedy
    left = plan(paired_case(remote=Gone("Q1"), decision="leave")).remember
    assert left == Answer("deleted_in_quickbooks", "leave", "Q1", ("100.00",))
    assert plan(paired_case(remote=Gone("Q1"), answers=(left,))).ignored == "left deleted in QuickBooks"
    later = plan(paired_case(ravetree_invoice(150), Gone("Q1"), answers=(left,)))
    assert attention(later) == ("parked", "deleted_in_quickbooks")


@pytest.mark.parametrize("ended", [Gone("R1"), ravetree_invoice(status="void")])
def test_deleted_in_quickbooks_and_ended_in_ravetree_agree(ended: Any) -> None:
    assert plan(paired_case(ended, Gone("Q1"))) == NOTHING


def test_a_pair_is_not_planned_without_quickbooks_copy() -> None:
    case = replace(paired_case(), quickbooks=None)
    with pytest.raises(ValueError, match="with QuickBooks' copy"):
        plan(case)


# --- marked as paid ------------------------------------------------------------------------------

MARKED = ravetree_invoice(status="paid", marked_paid_at=MARKED_AT)


def test_marked_as_paid_makes_a_placeholder_for_the_open_balance() -> None:
    marked = ravetree_invoice(paid=40, status="paid", marked_paid_at=MARKED_AT)
    write = the_write(plan(paired_case(marked, quickbooks_invoice(paid=40))))
    assert (write.side, write.action) == (Side.QUICKBOOKS, "placeholder.create")
    assert isinstance(write.content, PaymentContent)
    assert write.content.amount == 60
    assert [(a.invoice_id, a.amount) for a in write.content.allocations] == [("Q1", amount(60))]
    assert (write.content.party_id, write.content.date) == (CUSTOMER, MARKED_AT.date())
    assert marked_placeholder(write.content.marker) == "R1"


def test_an_invoice_that_is_paid_by_payments_gets_no_placeholder() -> None:
    assert plan(paired_case(ravetree_invoice(paid=100, status="paid"), quickbooks_invoice(paid=100))) == NOTHING


def test_marked_as_paid_is_nothing_to_do_if_quickbooks_has_it_paid() -> None:
    assert plan(paired_case(MARKED, quickbooks_invoice(paid=100))) == NOTHING


def test_marked_as_paid_with_other_open_balances_is_held() -> None:
    assert attention(plan(paired_case(MARKED, quickbooks_invoice(paid=40)))) == ("held", "open_balances_differ")


@pytest.mark.parametrize("paid", [40, 100])
def test_marked_as_paid_waits_while_payments_are_under_way(paid: int) -> None:
    case = paired_case(MARKED, quickbooks_invoice(paid=paid), payments_pending=True)
    assert plan(case) == Plan(waits_for=ANY_PAYMENT)


def test_unapplied_money_of_the_customer_is_asked_about_first() -> None:
    case = paired_case(MARKED, unapplied=(replace(placeholder(), id="P9", unapplied=amount(100), allocations=()),))
    assert attention(plan(case)) == ("held", "unapplied_money_beside_mark")


def test_a_placeholder_that_covers_the_mark_needs_nothing() -> None:
    case = paired_case(MARKED, quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder()))
    assert plan(case) == NOTHING


def test_unmarking_deletes_the_placeholder() -> None:
    case = paired_case(remote=quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder()))
    assert written(plan(case)) == (Side.QUICKBOOKS, "placeholder.delete", "PH1", 7)


def test_a_deposited_placeholder_is_money_that_a_person_enters_when_the_mark_goes() -> None:
    case = paired_case(remote=quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder(deposited=True)))
    assert attention(plan(case)) == ("held", "placeholder_deposited")
    assert plan(replace(case, payments_pending=True)).waits_for == Record(Side.RAVETREE, Kind.PAYMENT, "*")


def test_a_deposited_placeholder_of_the_right_amount_needs_nothing() -> None:
    marked = ravetree_invoice(status="paid", marked_paid_at=MARKED_AT)
    case = paired_case(marked, quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder(deposited=True)))
    assert plan(case) == NOTHING


def test_a_partial_real_payment_reduces_the_placeholder() -> None:
    marked = ravetree_invoice(paid=30, status="paid", marked_paid_at=MARKED_AT)
    case = paired_case(marked, quickbooks_invoice(paid=100), placeholder=Placeholder(placeholder()))
    write = the_write(plan(case))
    assert (write.action, write.record_id, write.version) == ("placeholder.update", "PH1", 7)
    assert isinstance(write.content, PaymentContent)
    assert write.content.amount == 70


@pytest.mark.parametrize("lost", [Gone("PH1"), voided_payment(id="PH1")])
def test_a_placeholder_removed_in_quickbooks_is_asked_about_and_not_made_again(lost: Any) -> None:
    case = paired_case(MARKED, placeholder=Placeholder(lost))
    assert attention(plan(case)) == ("held", "placeholder_removed")
    assert plan(paired_case(placeholder=Placeholder(lost))) == NOTHING


def covered(value: str | int = 100, **changes: Any) -> Placeholder:
    """Our placeholder as we wrote it over Q1, and what a bookkeeper made of it since."""
    return Placeholder(replace(placeholder(value), **changes), placeholder(value))


OFF_ITS_INVOICE = covered(allocations=(), unapplied=amount(100))
LOWERED = quickbooks_invoice(80, paid=80)
FELL = covered(allocations=(Allocation("Q1", amount(80)),), unapplied=amount(20))


@pytest.mark.parametrize("remote", [VOID, Gone("Q1")])
@pytest.mark.parametrize("ours", [MARKED, ravetree_invoice(status="void"), Gone("R1")])
def test_what_stood_for_the_mark_goes_with_an_invoice_that_ended_in_quickbooks(ours: Any, remote: Any) -> None:
    case = paired_case(ours, remote, placeholder=OFF_ITS_INVOICE)
    assert written(plan(case)) == (Side.QUICKBOOKS, "placeholder.delete", "PH1", 7)
    closed = plan(replace(case, books_closed=DAY))
    assert attention(closed)[1] == "placeholder_in_closed_period"
    assert closed.attention is not None
    assert closed.attention.cause.startswith("Invoice 1043: ")
    deposited = covered(allocations=(), unapplied=amount(100), deposited=True)
    assert plan(replace(case, placeholder=deposited)) == plan(replace(case, placeholder=None))


@pytest.mark.parametrize("edit", [{"reference": "CHK 7"}, {"allocations": (Allocation("Q2", amount(100)),)}])
def test_what_a_bookkeeper_made_of_it_is_asked_about_when_the_invoice_ends(edit: dict[str, Any]) -> None:
    case = paired_case(MARKED, VOID, placeholder=covered(**edit))
    found = plan(case)
    assert attention(found) == ("held", "placeholder_changed")
    assert found.attention is not None
    assert found.attention.decisions == ("payment",)
    said = plan(replace(case, decision="payment")).remember
    assert said == Answer("placeholder_changed", "payment", "PH1")
    assert plan(replace(case, answers=(said,))).releases_placeholder


def test_a_total_that_was_lowered_takes_a_share_off_a_mark_that_is_nobodys_edit() -> None:
    case = paired_case(MARKED, LOWERED, placeholder=FELL)
    assert attention(plan(case)) == ("held", "share_fell_with_total")
    write = the_write(plan(replace(case, decision="quickbooks")))
    assert isinstance(write.content, PaymentContent)
    assert write.action == "placeholder.update"
    assert (write.content.amount, write.content.unapplied) == (amount(80), ZERO)
    same = replace(MARKED, balance=amount(80))
    assert the_write(plan(replace(case, ravetree=same))) == write
    by_hand = paired_case(MARKED, quickbooks_invoice(paid=80), placeholder=FELL)
    assert attention(plan(by_hand)) == ("held", "placeholder_changed")


def mark(wanted: str | int) -> Mark:
    return Mark(MARKED_AT, DAY, wanted=amount(wanted))


def test_a_placeholder_is_raised_by_what_rose_in_ravetree_alone() -> None:
    """60.00 were wanted when it was written; of the 100.00 that are wanted now nothing else rose in Ravetree."""
    case = paired_case(MARKED, quickbooks_invoice(paid=60), placeholder=covered(60), mark=mark(100))
    assert attention(plan(case)) == ("held", "mark_not_covered")
    for one, raised in ((replace(case, mark=mark(60)), 100), (replace(case, mark=mark(80)), 80)):
        content = the_write(plan(one)).content
        assert isinstance(content, PaymentContent)
        assert content.amount == raised
    assert the_write(plan(replace(case, decision="placeholder"))).action == "placeholder.update"
    set_again = replace(case, mark=Mark(MARKED_AT - timedelta(days=1), DAY, wanted=amount(100)))
    assert the_write(plan(set_again)).action == "placeholder.update"


def test_what_a_mark_is_left_not_to_cover_is_asked_about_at_another_amount() -> None:
    case = paired_case(MARKED, quickbooks_invoice(paid=60), placeholder=covered(60), mark=mark(100))
    left = plan(replace(case, decision="leave")).remember
    assert left == Answer("mark_not_covered", "leave", amounts=("40.00",))
    assert plan(replace(case, answers=(left,))) == NOTHING
    more = replace(case, quickbooks=quickbooks_invoice(paid=50), answers=(left,))
    assert attention(plan(more)) == ("held", "mark_not_covered")


def test_a_raise_is_asked_about_before_the_invoice_is_written_in_a_closed_period() -> None:
    edited = replace(MARKED, lines=(line(150),), total=amount(150), balance=amount(150))
    case = paired_case(edited, quickbooks_invoice(paid=100), placeholder=covered(), mark=mark(100))
    assert written(plan(case))[1] == "invoice.update"
    closed = replace(case, books_closed=DAY)
    assert attention(plan(closed)) == ("held", "placeholder_in_closed_period")
    renamed = replace(closed, ravetree=replace(MARKED, memo="anew"))
    assert written(plan(renamed))[1] == "invoice.update", "nothing is raised behind it"


def test_a_mark_over_another_total_is_left_until_its_amount_changes() -> None:
    case = paired_case(MARKED, quickbooks_invoice(150))
    found = plan(case)
    assert attention(found) == ("held", "open_balances_differ")
    assert found.attention is not None
    assert "100.00 USD of 100.00 USD" in found.attention.cause
    assert "total right" in found.attention.remedy
    left = plan(replace(case, decision="leave")).remember
    assert left is not None
    assert plan(replace(case, answers=(left,))) == NOTHING
    assert attention(plan(replace(case, quickbooks=quickbooks_invoice(160), answers=(left,))))[0] == "held"
    unmarked = replace(case, ravetree=ravetree_invoice(), answers=(left,))
    assert attention(plan(unmarked))[1] == "open_balances_differ", "it was said of the mark"


def test_what_is_open_stays_left_for_as_long_as_it_is_apart_by_as_much() -> None:
    case = paired_case(remote=quickbooks_invoice(150))
    left = plan(replace(case, decision="leave")).remember
    assert left == Answer("open_balances_differ", "leave", amounts=("100.00", "150.00"))
    paid = replace(case, ravetree=ravetree_invoice(paid=100), quickbooks=quickbooks_invoice(150, paid=100))
    assert plan(replace(paid, answers=(left,))) == NOTHING
    assert attention(plan(replace(case, quickbooks=quickbooks_invoice(140), answers=(left,))))[0] == "held"


def test_balances_are_compared_once_every_payment_was_looked_at() -> None:
    payment = Record(Side.QUICKBOOKS, Kind.PAYMENT, "QP1")
    apart = paired_case(remote=quickbooks_invoice(paid=40))
    assert attention(plan(apart)) == ("held", "open_balances_differ")
    unseen = plan(replace(apart, unseen_payments=(payment,)))
    assert (unseen.look_at, unseen.waits_for, unseen.attention) == ((payment,), ANY_PAYMENT, None)
    under_way = plan(replace(apart, payments_under_way=True))
    assert (under_way.waits_for, under_way.attention) == (ANY_PAYMENT, None)
    assert plan(replace(apart, is_current=False)) == NOTHING
    assert plan(replace(apart, left_alone=amount(-40))) == NOTHING


def test_a_deposit_that_makes_the_balances_differ_is_asked_about_as_that() -> None:
    there = quickbooks_invoice(paid=40, deposit=amount(40))
    found = plan(paired_case(remote=there))
    assert attention(found) == ("held", "deposit_on_form")
    left = plan(paired_case(remote=there, decision="leave", decided_on="deposit_on_form")).remember
    assert left == Answer("deposit_on_form", "leave", amounts=("100.00", "60.00"))


def test_why_balances_wait_is_said() -> None:
    apart = paired_case(remote=quickbooks_invoice(paid=40))
    reasons = {
        plan(replace(apart, unseen_payments=(Record(Side.QUICKBOOKS, Kind.PAYMENT, "QP1"),))).waits_because,
        plan(replace(apart, payments_under_way=True)).waits_because,
    }
    assert len(reasons) == 1
    assert reasons.pop().endswith(".")


@pytest.mark.parametrize(
    ("paid", "deposit", "remedy"),
    [
        (40, 0, "Remove the payments"),
        (60, 40, "Remove the payments and the deposit on the form"),
        (40, 40, "Take the deposit off the form"),
    ],
)
def test_how_an_invoice_becomes_unpaid_is_said_by_what_pays_it(paid: int, deposit: int, remedy: str) -> None:
    there = quickbooks_invoice(paid=paid, deposit=amount(deposit))
    asked = plan(paired_case(ravetree_invoice(status="void"), there)).attention
    assert asked is not None
    assert asked.remedy.startswith(f"{remedy} ")


@pytest.mark.parametrize(
    ("changes", "pushed"),
    [
        ({}, False),
        ({"ravetree": ravetree_invoice(sent=True)}, True),
        ({"ravetree": ravetree_invoice(marked_paid_at=MARKED_AT)}, True),
        ({"ravetree": ravetree_invoice(paid=1)}, True),
        ({"requested": True}, True),
    ],
)
def test_a_draft_waits_until_it_is_sent_begun_or_asked_for(changes: dict[str, Any], pushed: bool) -> None:
    made = plan(invoice_case(draft_policy="sent", **changes))
    assert [write.action for write in made.writes] == (["invoice.create"] if pushed else [])
    assert (made.ignored == "a draft: it is pushed when it is sent") is not pushed
    assert plan(invoice_case(**changes)).writes


def test_a_due_date_is_dropped_only_where_ravetree_had_one() -> None:
    def drops(was: date | None, now: date | None) -> bool:
        before, after = ravetree_invoice(due_date=was), ravetree_invoice(due_date=now, memo="anew")
        content = the_write(plan(paired_case(after, was=before))).content
        assert isinstance(content, InvoiceContent)
        return content.drops_due_date

    assert (drops(DAY, None), drops(None, None), drops(DAY, DAY)) == (True, False, False)


def test_a_deposit_on_the_form_is_named_wherever_it_stops_something() -> None:
    there = quickbooks_invoice(paid=40, deposit=amount(40))
    lowered = plan(paired_case(ravetree_invoice(30), there)).attention
    assert lowered is not None
    assert (lowered.code, "40.00 USD as a deposit on its form" in lowered.cause) == ("total_below_paid", True)
    marked = plan(paired_case(MARKED, there)).attention
    assert marked is not None
    assert "(a deposit of 40.00 USD stands on its form)" in marked.cause
    assert (marked.code, marked.remedy[:28]) == ("open_balances_differ", "Take the deposit off its for")


@pytest.mark.parametrize("changed", [{"ravetree": replace(MARKED, balance=amount(150))}, {"open_there": 150}])
def test_a_removed_placeholder_that_was_left_is_asked_about_at_another_amount(changed: dict[str, Any]) -> None:
    case = paired_case(MARKED, placeholder=Placeholder(Gone("PH1")))
    left = plan(replace(case, decision="leave")).remember
    assert left is not None
    assert plan(replace(case, answers=(left,))) == NOTHING
    there = quickbooks_invoice(changed.get("open_there", 100))
    now = replace(case, ravetree=changed.get("ravetree", MARKED), quickbooks=there, answers=(left,))
    assert attention(plan(now)) == ("held", "placeholder_removed")


def test_a_mark_in_a_closed_period_that_was_left_is_asked_about_at_another_amount() -> None:
    case = paired_case(MARKED, books_closed=MARKED_AT.date(), today=MARKED_AT.date() + timedelta(days=1))
    left = plan(replace(case, decision="leave")).remember
    assert left is not None
    assert plan(replace(case, answers=(left,))) == NOTHING
    more = ravetree_invoice(150, status="paid", marked_paid_at=MARKED_AT)
    raised = paired_case(more, quickbooks_invoice(150), was=ravetree_invoice(150), remote_was=quickbooks_invoice(150))
    raised = replace(raised, books_closed=case.books_closed, today=case.today, answers=(left,))
    assert attention(plan(raised)) == ("held", "mark_in_closed_period")


@pytest.mark.parametrize(("days", "decisions"), [(1, ("today", "leave")), (0, ("leave",))])
def test_a_mark_is_dated_today_only_where_today_is_open(days: int, decisions: tuple[str, ...]) -> None:
    case = paired_case(MARKED, books_closed=MARKED_AT.date(), today=MARKED_AT.date() + timedelta(days=days))
    found = plan(case)
    assert found.attention is not None
    assert found.attention.decisions == decisions
    said = plan(replace(case, decision="today"))
    assert bool(said.writes) == ("today" in decisions)


def test_an_accepted_difference_that_quickbooks_put_right_is_no_part_of_the_mark() -> None:
    cent = TaxedTotal(Decimal("-0.01"), Decimal("-0.01"))
    then = quickbooks_invoice("99.99")
    case = paired_case(MARKED, quickbooks_invoice(), remote_was=then)
    assert case.base is not None
    case = replace(case, base=replace(case.base, accepted=cent))
    content = the_write(plan(case)).content
    assert isinstance(content, PaymentContent)
    assert content.amount == 100


def test_a_changed_placeholder_whose_mark_is_gone_is_not_called_marked() -> None:
    case = paired_case(remote=quickbooks_invoice(paid=100), placeholder=covered(reference="CHK 7"))
    found = plan(case)
    assert attention(found) == ("held", "placeholder_changed")
    assert found.attention is not None
    assert "is not marked as paid any more" in found.attention.cause


def test_an_edit_goes_before_the_mark() -> None:
    """A placeholder over the old total would have to be changed at once."""
    edited = replace(MARKED, lines=(line(150),), total=amount(150), balance=amount(150))
    assert written(plan(paired_case(edited)))[1] == "invoice.update"


def test_the_placeholder_is_the_same_at_each_try() -> None:
    first, second = (the_write(plan(paired_case(replace(MARKED, version=n)))).content for n in (3, 4))
    assert first == second


def test_the_placeholder_of_an_ended_invoice_stays_in_a_closed_period() -> None:
    case = paired_case(
        ravetree_invoice(status="void"),
        quickbooks_invoice(paid=100, issue_date=date(2026, 12, 5)),
        placeholder=Placeholder(placeholder()),
        books_closed=date(2026, 11, 30),
    )
    assert attention(plan(case)) == ("held", "placeholder_in_closed_period")
    assert the_write(plan(replace(case, books_closed=None))).action == "placeholder.delete"


def test_a_placeholder_bears_the_day_of_the_mark_where_the_company_is() -> None:
    marked = replace(MARKED, marked_paid_at=MARKED_AT.replace(hour=3))
    days = []
    for zone in ("America/New_York", "Europe/London"):
        content = the_write(plan(paired_case(marked, time_zone=zone))).content
        assert isinstance(content, PaymentContent)
        days.append(content.date)
    assert days == [date(2026, 11, 20), date(2026, 11, 21)]


def test_a_placeholder_is_lowered_before_its_invoice() -> None:
    edited = replace(MARKED, lines=(line(80),), total=amount(80), balance=amount(80))
    case = paired_case(edited, quickbooks_invoice(paid=100), placeholder=covered(), mark=mark(100))
    write = the_write(plan(case))
    assert isinstance(write.content, PaymentContent)
    assert (write.action, write.content.amount) == ("placeholder.update", amount(80))
    lowered = replace(case, quickbooks=quickbooks_invoice(paid=80), placeholder=covered(80), mark=mark(80))
    assert the_write(plan(lowered)).action == "invoice.update"


@pytest.mark.parametrize("changes", [{"client_id": "client_2"}, {"currency": "EUR"}])
def test_a_placeholder_goes_before_its_invoice_gets_another_client_or_currency(changes: dict[str, Any]) -> None:
    case = paired_case(
        replace(MARKED, **changes), quickbooks_invoice(paid=100), placeholder=covered(), mark=mark(100), customer="C2"
    )
    assert written(plan(case))[1] == "placeholder.delete"
    assert written(plan(replace(case, quickbooks=quickbooks_invoice(), placeholder=None)))[1] == "invoice.update"


def test_a_placeholder_that_moved_with_its_invoice_keeps_its_day() -> None:
    day = date(2026, 11, 3)
    case = paired_case(MARKED, mark=replace(mark(100), day=day, moving=True))
    write = the_write(plan(case))
    assert isinstance(write.content, PaymentContent)
    assert (write.action, write.content.date) == ("placeholder.create", day)
    once = plan(replace(case, mark=replace(mark(100), day=day)))
    assert attention(once) == ("held", "mark_not_covered"), "for one mark it is made once"


def test_a_customer_that_was_merged_is_no_edit_of_a_placeholder() -> None:
    case = paired_case(MARKED, quickbooks_invoice(paid=100), placeholder=covered(customer_id="C9"))
    assert plan(case) == NOTHING


@pytest.mark.parametrize(
    ("edit", "closed", "decisions"),
    [
        ({"reference": "CHK 7"}, None, ("payment", "restore")),
        ({"reference": "CHK 7"}, DAY, ("payment",)),
        ({"allocations": (Allocation("Q1", amount(60)), Allocation("Q2", amount(40)))}, None, ("payment",)),
        ({"reference": "CHK 7", "credit": amount(5)}, None, ("payment",)),
    ],
)
def test_an_edit_of_a_placeholder_is_undone_only_where_nothing_in_it_is_foreign_or_closed(
    edit: dict[str, Any], closed: date | None, decisions: tuple[str, ...]
) -> None:
    case = paired_case(MARKED, quickbooks_invoice(paid=100), placeholder=covered(**edit), books_closed=closed)
    found = plan(case)
    assert found.attention is not None
    assert (found.attention.code, found.attention.decisions) == ("placeholder_changed", decisions)
    assert bool(plan(replace(case, decision="restore")).writes) == ("restore" in decisions)


@pytest.mark.parametrize(
    "now",
    [
        replace(MARKED, lines=(line(80),), total=amount(80), balance=amount(80)),
        replace(MARKED, client_id="client_2"),
        replace(MARKED, status="void"),
        Gone("R1"),
        ravetree_invoice(),
    ],
    ids=["lowered", "another client", "void", "deleted", "not marked any more"],
)
def test_whatever_becomes_of_an_invoice_waits_for_what_a_changed_placeholder_is(now: Any) -> None:
    case = paired_case(now, quickbooks_invoice(paid=100), placeholder=covered(reference="CHK 7"), mark=mark(100))
    assert attention(plan(case)) == ("held", "placeholder_changed")


def test_a_projects_money_beside_a_mark_that_is_on_more_than_invoices_is_applied_by_a_person() -> None:
    lies = replace(placeholder(), id="P9", unapplied=amount(100), allocations=(), note="")
    case = paired_case(MARKED, unapplied=(lies,), below=frozenset({"P9"}))
    found = plan(case).attention
    assert found is not None
    assert (found.decisions, "it moves to the invoice's customer" in found.remedy) == (("one", "two"), True)
    found = plan(replace(case, unapplied=(replace(lies, others=("Expense",)),))).attention
    assert found is not None
    assert (found.decisions, "by hand" in found.remedy) == (("two",), True)


def test_money_beside_a_mark_is_asked_about_once_for_each_payment() -> None:
    lie = tuple(replace(placeholder(), id=name, unapplied=amount(40), allocations=()) for name in ("P8", "P9"))
    case = paired_case(MARKED, unapplied=lie)
    said = plan(replace(case, decision="two", decision_target="P8")).remember
    assert said == Answer("unapplied_money_beside_mark", "two", "P8")
    rest = plan(replace(case, answers=(said,)))
    assert rest.attention is not None
    assert "payment Id P9." in rest.attention.cause
    both = (said, replace(said, other="P9"))
    assert the_write(plan(replace(case, answers=both))).action == "placeholder.create"


def test_a_mark_that_is_set_again_is_another_one() -> None:
    lost = paired_case(MARKED, placeholder=Placeholder(Gone("PH1")), mark=mark(100))
    assert attention(plan(lost)) == ("held", "placeholder_removed")
    again = replace(lost, mark=Mark(MARKED_AT - timedelta(days=1), DAY, wanted=amount(100)))
    assert plan(again) == Plan(releases_placeholder=True)
    assert the_write(plan(replace(again, placeholder=None))).action == "placeholder.create"


def test_in_a_closed_period_money_is_asked_about_before_it_is_marked_as_sent() -> None:
    """QuickBooks refuses the mark as sent, which would hide that what is paid there is open in Ravetree."""
    unmarked = ravetree_invoice(sent=True)
    closed = paired_case(unmarked, books_closed=DAY, placeholder=Placeholder(placeholder(), placeholder()))
    assert attention(plan(closed)) == ("held", "placeholder_in_closed_period")
    assert written(plan(replace(closed, books_closed=None)))[1] == "invoice.mark_sent"
    assert written(plan(paired_case(unmarked, books_closed=DAY)))[1] == "invoice.mark_sent"
