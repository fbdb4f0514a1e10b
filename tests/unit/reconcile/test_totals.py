"""What is foreseen of tax and total, held against what the sandbox then comes to, and the rows of the rules' table."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from quickbooks_sandbox import SandboxClock, Services
from quickbooks_sandbox.books.amounts import decode, encode
from quickbooks_sandbox.rules.operations import write as save
from quickbooks_sandbox.rules.tax import create_tax_code

from reconcile.decisions import Decision
from reconcile.documents import EXCLUDED, INCLUSIVE, NOT_APPLICABLE, TAXED, UNTAXED
from reconcile.invoices import InvoiceBase, plan
from reconcile.model import (
    NOTHING,
    SENTENCE_LIMIT,
    ZERO,
    Attention,
    CompanyTax,
    InvoiceContent,
    Percent,
    Plan,
    RavetreeInvoice,
    RavetreeLine,
    TaxedTotal,
)
from reconcile.totals import AfterDiscount, cents
from schemas.quickbooks import invoice_body, load_invoice
from tests.unit.reconcile.build import (
    DAY,
    MARKED_AT,
    amount,
    attention,
    invoice_case,
    line,
    paired_case,
    quickbooks_invoice,
    quickbooks_line,
    ravetree_invoice,
    the_write,
)

RATES = {"vat": "20", "reduced": "5", "zero": "0", "both": ""}
CODES = {"vat": "C20", "reduced": "C5", "zero": "C0", "both": "C12", "": "C-"}
BRITISH = CompanyTax(
    codes={"C20": ("R20",), "C5": ("R5",), "C0": ("R0",), "C12": ("R5", "R7"), "C-": ()},
    rates={
        "R20": (Percent(amount(20)),),
        "R5": (Percent(amount(5)),),
        "R7": (Percent(amount("7.5")),),
        "R0": (Percent(ZERO),),
    },
)


def british(invoice: RavetreeInvoice, tax: CompanyTax = BRITISH, **changes: Any) -> Plan:
    return plan(invoice_case(ravetree=invoice, us_company=False, tax=tax, tax_codes=CODES, **changes))


def american(invoice: RavetreeInvoice, **changes: Any) -> Plan:
    return plan(invoice_case(ravetree=invoice, **changes))


def billed(*lines: RavetreeLine, tax: Any = 0, **changes: Any) -> RavetreeInvoice:
    """An invoice over these lines, whose total is what lines and tax make unless it is said."""
    named = tuple(replace(one, id=f"l{place}") for place, one in enumerate(lines))
    total = sum((one.amount for one in named), ZERO)
    if not changes.get("tax_inclusive"):
        total += amount(tax)
    fields: dict[str, Any] = {"lines": named, "tax_amount": amount(tax), "total": total, "balance": total}
    return ravetree_invoice(**fields | changes)


def off(value: Any, *, before_tax: bool) -> Any:
    return (("amount", str(value)), ("before_tax", str(before_tax)))


def at(rate: str | None, value: Any, **changes: Any) -> RavetreeLine:
    return line(value, **{"tax_rate": rate, "taxable": rate is not None} | changes)


def content(made: Plan) -> InvoiceContent:
    found = the_write(made).content
    assert isinstance(found, InvoiceContent)
    return found


def asked(made: Plan) -> Attention:
    """The question before anything is written, with the answer that it takes."""
    assert attention(made) == ("parked", "total_differs")
    assert made.attention is not None
    assert made.attention.decisions == (Decision.ACCEPT,)
    assert len(made.attention.cause) + len(made.attention.remedy) < SENTENCE_LIMIT
    return made.attention


# --- thousandths ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_american", [True, False])
def test_thousandths_that_quickbooks_does_not_keep_are_asked_about_before_it_is_written(is_american: bool) -> None:
    """As 8.61 and 8.61 they would be the same."""
    invoice = billed(line("10.125"), total=amount("8.606"), currency="KWD")
    planned = american(invoice) if is_american else british(invoice, tax=CompanyTax(is_charged=False))
    assert asked(planned).code == "total_differs"
    assert "is 8.606 KWD in Ravetree but would be 8.610 KWD (+0.004) in QuickBooks" in asked(planned).cause


def test_thousandths_are_written_as_the_cents_that_quickbooks_keeps() -> None:
    invoice = billed(line("10.125"), total=amount("8.606"), currency="KWD")
    made = content(american(invoice, decision=Decision.ACCEPT))
    assert ([one.amount for one in made.lines], made.discount) == ([amount("10.13")], amount("1.52"))
    assert made.foreseen.is_accepted


# --- outside the US ------------------------------------------------------------------------------


def test_a_line_without_tax_has_the_code_of_its_own_rate_if_that_is_zero_else_that_of_lines_without_a_rate() -> None:
    lines = [
        at("zero", 10, taxable=False),
        at("vat", 10, taxable=False),
        at(None, 10),
        line(10, tax_rate=None, taxable=True),
    ]
    assert [one.tax_code for one in content(british(billed(*lines))).lines] == ["C0", "C-", "C-", "C-"]


def test_a_line_without_tax_that_is_mapped_to_nothing_names_the_mapping() -> None:
    made = plan(invoice_case(ravetree=billed(at(None, 10)), us_company=False, tax=BRITISH, tax_codes={"vat": "C20"}))
    assert attention(made) == ("parked", "tax_rate_not_mapped")
    assert made.attention is not None
    assert "lines without a tax rate" in made.attention.remedy


def test_a_company_that_charges_no_tax_needs_no_code_and_sends_none() -> None:
    made = content(british(billed(at(None, 10), at("vat", 5)), CompanyTax(is_charged=False)))
    assert ([one.tax_code for one in made.lines], made.tax_method) == ([None, None], NOT_APPLICABLE)


def test_tax_for_a_company_that_charges_none_is_asked_about() -> None:
    assert "-1.00" in asked(british(billed(at("vat", 5), tax=1), CompanyTax(is_charged=False))).cause


def test_tax_that_was_rounded_on_each_line_is_asked_about_with_the_cent() -> None:
    invoice = billed(at("vat", "0.33"), at("vat", "0.33"), at("vat", "0.33"), tax="0.21")
    cause = asked(british(invoice)).cause
    assert cause == "Invoice 1043 is 1.20 USD in Ravetree but would be 1.19 USD (-0.01) in QuickBooks."


def test_a_code_of_several_rates_rounds_each_of_them() -> None:
    assert content(british(billed(at("both", "10.10"), tax="1.27"))).foreseen.likely == (
        TaxedTotal(amount("11.37"), amount("1.27")),
    )


def test_a_rate_charges_what_it_did_on_the_day_of_the_invoice() -> None:
    changed = (Percent(amount(16), None, date(2026, 11, 19)), Percent(amount(19), DAY))
    tax = replace(BRITISH, rates={**BRITISH.rates, "R20": changed})
    assert content(british(billed(at("vat", 100), tax=19), tax))
    yesterday = billed(at("vat", 100), tax=19, issue_date=date(2026, 11, 19))
    assert "116.00" in asked(british(yesterday, tax)).cause


def test_a_discount_before_tax_lowers_what_is_taxed() -> None:
    invoice = billed(at("vat", 100), at("zero", 50), tax=18, total=amount(153), discount=off(15, before_tax=True))
    made = content(british(invoice))
    assert (made.discount, made.discount_before_tax, made.tax_method) == (amount(15), True, EXCLUDED)


AFTER_TAX = billed(at("vat", 100), tax=20, total=amount(110), discount=off(10, before_tax=False))


def test_a_discount_after_tax_names_both_totals_that_quickbooks_may_come_to() -> None:
    cause = asked(british(AFTER_TAX)).cause
    assert "110.00 USD (+0.00) or 108.00 USD (-2.00)" in cause


@pytest.mark.parametrize(
    ("learned", "named"), [(AfterDiscount.FULL, None), (AfterDiscount.REDUCED, "would be 108.00 USD (-2.00) in")]
)
def test_what_was_learned_of_the_company_tells_the_next_one(learned: str, named: str | None) -> None:
    made = british(AFTER_TAX, replace(BRITISH, after_discount=learned))
    if named is None:
        assert not content(made).discount_before_tax
    else:
        assert named in asked(made).cause


def test_where_both_come_to_the_same_nobody_is_asked() -> None:
    assert content(british(billed(at("zero", 100), total=amount(90), discount=off(10, before_tax=False))))


def test_what_is_accepted_is_written_and_goes_along_with_what_was_foreseen() -> None:
    foreseen = content(british(AFTER_TAX, decision=Decision.ACCEPT)).foreseen
    assert foreseen.is_accepted
    assert foreseen.outcomes == {
        "full": TaxedTotal(amount(110), amount(20)),
        "reduced": TaxedTotal(amount(108), amount(18)),
    }


# --- prices that include tax ---------------------------------------------------------------------


def test_outside_the_us_the_gross_amount_goes_beside_the_net_one() -> None:
    three = at("vat", "120.00", quantity=amount(3), unit_price=amount(40))
    made = content(british(billed(three, tax=20, tax_inclusive=True)))
    (one,) = made.lines
    assert (one.amount, one.gross, one.quantity, one.unit_price) == (
        amount(100),
        amount(120),
        amount(3),
        amount("33.3333333"),
    )
    assert (made.tax_method, made.total) == (INCLUSIVE, amount(120))


def test_cents_that_are_left_over_go_on_the_largest_line() -> None:
    lines = [at("vat", "0.33"), at("vat", "0.33"), at("vat", "1.00")]
    made = content(british(billed(*lines, tax="0.28", tax_inclusive=True)))
    assert [one.amount for one in made.lines] == [amount("0.28"), amount("0.28"), amount("0.82")]


def test_an_unchanged_line_is_sent_again_as_quickbooks_answered_it_and_a_changed_one_anew() -> None:
    was = billed(at("vat", 120), at("vat", 60), tax=30, tax_inclusive=True)
    answered = (
        quickbooks_line("100.01", id="1", tax_code="C20", gross=amount(120)),
        quickbooks_line("49.99", id="2", tax_code="C20", gross=amount(60)),
    )
    remote = quickbooks_invoice("180", lines=answered, tax_amount=amount(30))
    now = billed(at("vat", 120), at("vat", 72), tax=32, tax_inclusive=True)
    case = paired_case(now, remote, was=was, remote_was=remote, line_ids={"l0": "1", "l1": "2"})
    made = content(plan(replace(case, us_company=False, tax=BRITISH, tax_codes=CODES)))
    assert [one.amount for one in made.lines] == [amount("100.01"), amount("59.99")]
    assert [one.gross for one in made.lines] == [amount(120), amount(72)]


def test_a_discount_on_prices_with_tax_is_sent_net() -> None:
    invoice = billed(at("vat", 120), tax=18, tax_inclusive=True, total=amount(108), discount=off(12, before_tax=True))
    assert content(british(invoice)).discount == 10


def test_a_discount_after_tax_on_prices_with_tax_is_asked_about_with_the_tax() -> None:
    invoice = billed(at("vat", 120), tax=20, tax_inclusive=True, total=amount(108), discount=off(12, before_tax=False))
    cause = asked(british(invoice)).cause
    assert cause == ("Invoice 1043 has 20.00 USD tax in Ravetree but would have 18.00 USD tax (-2.00) in QuickBooks.")


# --- in the US -----------------------------------------------------------------------------------


def test_in_the_us_the_tax_is_sent_as_it_is() -> None:
    made = content(american(billed(line(100), tax="8.25")))
    assert invoice_body(made)["TxnTaxDetail"] == {"TotalTax": amount("8.25")}
    assert "GlobalTaxCalculation" not in invoice_body(made)


@pytest.mark.parametrize(
    ("changes", "taxable", "why"),
    [
        ({"tax": CompanyTax(is_charged=False)}, True, "charges no sales tax"),
        ({"customer_taxable": False}, True, "its customer is not taxable"),
        ({}, False, "no line of it is taxable"),
    ],
)
def test_tax_that_a_us_company_would_not_charge_is_asked_about(changes: Any, taxable: bool, why: str) -> None:
    invoice = billed(line(100, taxable=taxable), tax=8)
    cause = asked(american(invoice, **changes)).cause
    assert why in cause
    assert "-8.00" in cause
    accepted = content(american(invoice, decision=Decision.ACCEPT, **changes))
    assert accepted.foreseen.is_accepted
    assert not asked(american(invoice, **changes)).cause.startswith("Estimate")


def test_nobody_is_asked_where_there_is_no_tax() -> None:
    assert content(american(billed(line(100)), customer_taxable=False, tax=CompanyTax(is_charged=False)))


def test_in_the_us_tax_comes_off_the_taxable_lines_by_their_rate() -> None:
    lines = [
        line(108, tax_rate="standard", quantity=amount(2), unit_price=amount(54)),
        line(50, taxable=False),
        line(0, tax_rate="standard"),
    ]
    made = content(american(billed(*lines, tax=8, tax_inclusive=True), percents={"standard": amount(8)}))
    assert [(one.amount, one.quantity, one.tax_code) for one in made.lines] == [
        (amount(100), None, TAXED),
        (amount(50), amount(1), UNTAXED),
        (amount(0), amount(1), TAXED),
    ]
    assert made.lines[0].description == "Work (2 × 54.00 USD with tax)"


def test_in_the_us_cents_that_are_left_over_go_on_the_largest_line() -> None:
    lines = [line(value, tax_rate="standard") for value in ("1.00", "3.00", "1.00")]
    made = content(american(billed(*lines, tax="0.37", tax_inclusive=True), percents={"standard": amount(8)}))
    assert [one.amount for one in made.lines] == [amount("0.93"), amount("2.77"), amount("0.93")]
    assert sum(one.amount for one in made.lines) + made.tax_amount == made.total


@pytest.mark.parametrize(("before_tax", "tax", "net"), [(True, "7.20", "10.00"), (False, "8.00", "10.80")])
def test_in_the_us_a_discount_on_prices_with_tax_is_net_before_tax(before_tax: bool, tax: str, net: str) -> None:
    discount = off("10.80", before_tax=before_tax)
    invoice = billed(
        line(108, tax_rate="standard"), tax=tax, tax_inclusive=True, total=amount("97.20"), discount=discount
    )
    made = content(american(invoice, percents={"standard": amount(8)}))
    assert (made.discount, made.lines[0].amount) == (amount(net), amount(100))
    assert made.lines[0].amount - made.discount + made.tax_amount == made.total


def test_tax_above_the_taxable_lines_is_asked_about() -> None:
    invoice = billed(line(5, tax_rate="standard"), line(100, taxable=False), tax=6, tax_inclusive=True)
    assert attention(american(invoice)) == ("parked", "totals_do_not_add_up")


def test_prices_that_went_into_descriptions_are_a_notice() -> None:
    invoice = billed(line(108, tax_rate="standard"), tax=8, tax_inclusive=True)
    remote = quickbooks_invoice(
        108, tax_amount=amount(8), lines=(quickbooks_line(100, quantity=None, unit_price=None),)
    )
    made = plan(paired_case(invoice, remote, was=invoice, remote_was=remote))
    assert made.is_at_rest
    assert "descriptions" in made.notices[0]


@pytest.mark.parametrize(
    ("quantity", "price", "value", "kept"),
    [
        ("3", "10", "30.00", True),
        # A net price of seven decimals times so many does not come to 25.00.
        ("3000000", "0.00001", "30.00", False),
    ],
)
def test_a_net_price_goes_along_only_if_it_comes_to_the_net_amount(
    quantity: str, price: str, value: str, kept: bool
) -> None:
    part = at("vat", value, quantity=amount(quantity), unit_price=amount(price))
    whole = content(british(billed(part, tax="5.00", tax_inclusive=True)))
    assert whole.foreseen.outcomes == {"": TaxedTotal(amount("30.00"), amount("5.00"))}, "nothing is learned of it"
    (made,) = whole.lines
    assert (made.amount, made.gross) == (amount("25.00"), amount("30.00"))
    assert (made.quantity is not None, made.unit_price is not None) == (kept, kept)


# --- what is accepted ----------------------------------------------------------------------------

WRONG = quickbooks_invoice("100.01")
CENT = TaxedTotal(amount("0.01"), ZERO)


def test_a_difference_after_a_write_is_the_same_question() -> None:
    assert "100.01 USD (+0.01)" in asked(plan(paired_case(remote=WRONG, remote_was=WRONG))).cause


def test_accepting_it_keeps_it_on_the_pair() -> None:
    made = plan(paired_case(remote=WRONG, remote_was=WRONG, decision=Decision.ACCEPT))
    assert (made.accepts, made.writes, made.attention) == (CENT, (), None)


def test_what_was_accepted_is_not_asked_about_until_its_amount_changes() -> None:
    base = InvoiceBase(ravetree_invoice(), WRONG, {"l1": "1"}, CENT)
    assert plan(invoice_case(quickbooks=WRONG, base=base)) == NOTHING
    more = quickbooks_invoice("100.02")
    assert asked(plan(invoice_case(quickbooks=more, base=replace(base, quickbooks=more))))


def test_an_edit_that_leaves_lines_tax_and_discount_alone_does_not_ask_again() -> None:
    was = billed(at("vat", "0.33"), at("vat", "0.33"), at("vat", "0.33"), tax="0.21")
    remote = quickbooks_invoice("1.19", tax_amount=amount("0.20"))
    gap = TaxedTotal(amount("-0.01"), amount("-0.01"))
    base = InvoiceBase(was, remote, {"l0": "1", "l1": "2", "l2": "3"}, gap)
    for edit in ({"memo": "Thanks"}, {"issue_date": date(2026, 11, 21)}):
        assert content(british(replace(was, **edit), quickbooks=remote, base=base))
    another = replace(was, tax_amount=amount("0.22"), total=amount("1.21"))
    assert asked(british(another, quickbooks=remote, base=base))


def test_what_was_written_without_a_question_is_asked_about_once_the_client_or_the_day_is_another() -> None:
    """Both may have other rates; the same lines for the same client on the same day were written so before."""
    was = billed(at("vat", "0.33"), at("vat", "0.33"), at("vat", "0.33"), tax="0.21")
    remote = quickbooks_invoice("1.19", tax_amount=amount("0.20"))
    base = InvoiceBase(was, remote, {"l0": "1", "l1": "2", "l2": "3"})
    assert content(british(replace(was, memo="Thanks"), quickbooks=remote, base=base))
    for edit in ({"client_id": "client_2"}, {"issue_date": date(2026, 11, 21)}, {"discount": (("percent", "1"),)}):
        assert asked(british(replace(was, **edit), quickbooks=remote, base=base)), edit


def test_what_is_paid_in_quickbooks_of_a_larger_accepted_total_is_not_more_than_the_total() -> None:
    was, paid = ravetree_invoice(), quickbooks_invoice("100.01", paid="100.01")
    base = InvoiceBase(was, paid, {"l1": "1"}, CENT)
    assert content(plan(invoice_case(ravetree=replace(was, memo="Thanks"), quickbooks=paid, base=base)))


@pytest.mark.parametrize(("open_here", "open_there", "where"), [("0.01", "0", "Ravetree"), ("0", "0.01", "QuickBooks")])
def test_cents_that_stay_open_because_of_it_are_a_notice(open_here: str, open_there: str, where: str) -> None:
    part = amount("-0.01") if where == "Ravetree" else amount("0.01")
    invoice = ravetree_invoice(balance=amount(open_here))
    remote = quickbooks_invoice(str(amount(100) + part), balance=amount(open_there))
    base = InvoiceBase(invoice, remote, {"l1": "1"}, TaxedTotal(part, ZERO))
    made = plan(invoice_case(ravetree=invoice, quickbooks=remote, base=base))
    assert made.is_at_rest
    assert made.notices == (f"Invoice 1043: 0.01 USD stay open in {where}, the accepted difference.",)


def test_a_mark_as_paid_covers_what_is_open_in_quickbooks() -> None:
    invoice = ravetree_invoice(marked_paid_at=MARKED_AT)
    remote = quickbooks_invoice("99.99")
    base = InvoiceBase(invoice, remote, {"l1": "1"}, TaxedTotal(amount("-0.01"), ZERO))
    made = the_write(plan(invoice_case(ravetree=invoice, quickbooks=remote, base=base)))
    assert getattr(made.content, "amount", None) == amount("99.99")


# --- held against the sandbox --------------------------------------------------------------------


class Company:
    """A company of Great Britain in the sandbox, with the codes of `CODES`."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.books = services.companies[services.add_company("GB")]
        with self.books.transaction() as transaction:
            made = {
                code: create_tax_code(transaction, _code(code, rates))["TaxCodeId"]
                for code, rates in (("C12", ("5", "7.5")), ("C20", ("20",)), ("C5", ("5",)), ("C0", ("0",)))
            }
            made["C-"] = made["C0"]
            self.codes = {key: made[code] for key, code in CODES.items()}
            found = {code: transaction.need("TaxCode", code) for code in made.values()}
            rates = {
                code: tuple(one["TaxRateRef"]["value"] for one in raw["SalesTaxRateList"]["TaxRateDetail"])
                for code, raw in found.items()
            }
            charges = {
                rate: (Percent(transaction.need("TaxRate", rate)["RateValue"]),)
                for named in rates.values()
                for rate in named
            }
        self.tax = CompanyTax(codes=rates, rates=charges)

    def makes(self, content: InvoiceContent, **switches: Any) -> Any:
        """The invoice that QuickBooks answers."""
        body = decode(encode(invoice_body(content) | {"CustomerRef": {"value": "3"}, "DocNumber": None}))
        body.pop("CurrencyRef")
        for one in body["Line"]:
            one.get("SalesItemLineDetail", {}).pop("ItemRef", None)
        with self.books.transaction() as transaction:
            return save(transaction, "Invoice", "create", body, {**self.services.switches, **switches})


def _code(name: str, rates: tuple[str, ...]) -> Any:
    details = [
        {"TaxRateName": f"{name} {rate}", "RateValue": rate, "TaxAgencyId": "1", "TaxApplicableOn": "Sales"}
        for rate in rates
    ]
    return {"TaxCode": name, "TaxRateDetails": details}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    services = Services(tmp_path_factory.mktemp("sandbox"), SandboxClock(lambda: 1_795_000_000.0), random.Random(1))
    yield Company(services)
    services.close()


CENTS = st.integers(-2000, 40000).map(lambda value: Decimal(value) / 100)
LINES = st.lists(st.tuples(st.sampled_from([*RATES, None]), CENTS), min_size=1, max_size=6)


def _drawn(company: Company, lines: Any, share: int, *, before_tax: bool, inclusive: bool) -> Plan:
    made = [at(rate, value) for rate, value in lines]
    net = sum((one.amount for one in made), ZERO)
    assume(net >= ZERO)
    discount = cents(net * share / 100)
    invoice = billed(
        *made,
        tax=0 if inclusive else 1,
        total=net - discount + (0 if inclusive else 1),
        tax_inclusive=inclusive,
        discount=off(discount, before_tax=before_tax),
    )
    case = invoice_case(
        ravetree=invoice, us_company=False, tax=company.tax, tax_codes=company.codes, decision=Decision.ACCEPT
    )
    return plan(case)


@settings(max_examples=150, deadline=None)
@given(lines=LINES, share=st.integers(0, 100), before_tax=st.booleans(), honoured=st.booleans())
def test_the_sandbox_comes_to_what_is_foreseen(
    company: Company, lines: Any, share: int, before_tax: bool, honoured: bool
) -> None:
    made = content(_drawn(company, lines, share, before_tax=before_tax, inclusive=False))
    position = AfterDiscount.FULL if honoured else AfterDiscount.REDUCED
    foreseen = made.foreseen.outcomes.get("") or made.foreseen.outcomes[position]
    assume(foreseen.total >= ZERO)
    answer = load_invoice(
        company.makes(made, apply_tax_after_discount="everywhere" if honoured else "in_the_us"), "GBP"
    )
    assert TaxedTotal(answer.total, answer.tax_amount) == foreseen


@settings(max_examples=150, deadline=None)
@given(lines=LINES, share=st.integers(0, 100), amounts=st.sampled_from(["gross", "net"]))
def test_the_sandbox_comes_to_what_is_foreseen_of_prices_with_tax_whatever_it_takes_their_amounts_for(
    company: Company, lines: Any, share: int, amounts: str
) -> None:
    made = content(_drawn(company, lines, share, before_tax=True, inclusive=True))
    (foreseen,) = made.foreseen.likely
    assume(foreseen.total >= ZERO and made.discount <= sum((one.amount for one in made.lines), ZERO))
    answer = load_invoice(company.makes(made, tax_inclusive_amount=amounts), "GBP")
    assert TaxedTotal(answer.total, answer.tax_amount) == foreseen
    if all(value >= ZERO for _, value in lines):
        assert abs(foreseen.total - made.total) <= Decimal("0.01")
