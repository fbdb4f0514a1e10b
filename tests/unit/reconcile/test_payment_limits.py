"""Where a rule about money turns: the last amount that goes by itself, and the first that is asked about."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reconcile.model import (
    NOTHING,
    ZERO,
    Adopt,
    Answer,
    Gone,
    Kind,
    PaymentContent,
    Plan,
    Record,
    Side,
)
from reconcile.payment_facts import APART, KnownInvoice, PaymentCase
from reconcile.payments import plan
from reconcile.receipts import same_receipt
from tests.unit.reconcile.build import (
    CUSTOMER,
    DAY,
    amount,
    attention,
    copied_payment,
    known,
    paired_payment_case,
    payment_case,
    placeholder,
    quickbooks_invoice,
    quickbooks_payment,
    ravetree_payment,
    the_write,
    written,
)

TWO_INVOICES = (known(), known("R2", "Q2"))
INVOICE = Record(Side.RAVETREE, Kind.INVOICE, "R1")


def comes_to(case: PaymentCase) -> str:
    """What a plan does, in a word or two: where it writes what, or what it asks."""
    made = plan(case)
    if made.attention is not None:
        return attention(made)[1]
    if made.writes:
        side, action, *_ = written(made)
        return f"{side} {action}"
    return "waits" if made.waits_for else "nothing"


def decided(case: PaymentCase, code: str, decision: str) -> PaymentCase:
    """The case after a person has answered the question `code` just now."""
    return replace(case, decision=decision, decided_on=code)


def content_of(case: PaymentCase) -> PaymentContent:
    content = the_write(plan(case)).content
    assert isinstance(content, PaymentContent)
    return content


def shares(content: PaymentContent) -> dict[str, Any]:
    return {share.invoice_id: share.amount for share in content.allocations}


def open_there(value: str) -> KnownInvoice:
    """The invoice with so much open in QuickBooks, of a hundred."""
    return known(quickbooks=quickbooks_invoice(100, balance=amount(value)))


# --- more than is open ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("open_here", "accepted", "outcome", "unapplied"),
    [
        ("40", "0", "ravetree payment.create", "0"),
        ("39.99", "0", "more_than_open", None),
        ("39.99", "0.01", "ravetree payment.create", "0.01"),
        ("39.98", "0.01", "more_than_open", None),
        # What QuickBooks has less is no room in Ravetree.
        ("39.99", "-0.01", "more_than_open", None),
        (None, "0", "ravetree payment.create", "0"),
    ],
)
def test_ravetree_takes_what_is_open_there_and_an_accepted_difference_stays_unapplied(
    open_here: str | None, accepted: str, outcome: str, unapplied: str | None
) -> None:
    invoice = known(open_here=None if open_here is None else amount(open_here), accepted=amount(accepted))
    case = payment_case(quickbooks=quickbooks_payment(40), invoices=(invoice,))
    assert comes_to(case) == outcome
    if unapplied is not None:
        assert (content_of(case).amount, content_of(case).unapplied) == (amount(40), amount(unapplied))


@pytest.mark.parametrize(
    ("balance", "accepted", "outcome", "unapplied"),
    [
        ("39.99", "0", "more_than_open", None),
        ("39.99", "-0.01", "quickbooks payment.create", "0.01"),
        ("39.98", "-0.01", "more_than_open", None),
        ("39.99", "0.01", "more_than_open", None),
    ],
)
def test_quickbooks_takes_what_is_open_there_and_an_accepted_difference_stays_unapplied(
    balance: str, accepted: str, outcome: str, unapplied: str | None
) -> None:
    invoice = replace(open_there(balance), accepted=amount(accepted))
    case = payment_case(ravetree=ravetree_payment(40), invoices=(invoice,))
    assert comes_to(case) == outcome
    if unapplied is not None:
        assert (content_of(case).amount, content_of(case).unapplied) == (amount(40), amount(unapplied))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            payment_case(quickbooks=quickbooks_payment(40), invoices=(known(open_here=amount(30)),)),
            "40.00 USD were received on invoice 1043 in QuickBooks; Ravetree has only 30.00 USD open on it.",
        ),
        (
            payment_case(ravetree=ravetree_payment(40), invoices=(open_there("30"),)),
            "40.00 USD were received on invoice 1043 in Ravetree; QuickBooks has only 30.00 USD open on it.",
        ),
    ],
)
def test_where_the_money_came_in_and_where_there_is_no_room_is_said(case: PaymentCase, said: str) -> None:
    asked = plan(case).attention
    assert asked is not None
    assert asked.cause == said


@pytest.mark.parametrize(
    ("value", "balance", "outcome"),
    [
        ("50", "10", "quickbooks payment.update"),
        ("50.01", "10", "more_than_open"),
        # What is lowered needs no room.
        ("30", "-20", "quickbooks payment.update"),
    ],
)
def test_an_edit_has_as_room_what_is_open_and_what_the_payment_pays_itself(
    value: str, balance: str, outcome: str
) -> None:
    case = paired_payment_case(ravetree_payment(value), invoices=(open_there(balance),))
    assert comes_to(case) == outcome


@pytest.mark.parametrize(
    ("room", "outcome"), [("40", "ravetree payment.update"), ("39.99", "more_than_open")], ids=["fits", "does not"]
)
def test_a_share_that_quickbooks_has_of_an_invoice_newly_known_goes_where_there_is_room(
    room: str, outcome: str
) -> None:
    ours, theirs = ravetree_payment(60), copied_payment(100, ("Q1", 60), ("Q2", 40))
    invoices = (known(open_here=ZERO), known("R2", "Q2", open_here=amount(room)))
    case = paired_payment_case(ours, theirs, was=ours, remote_was=theirs, invoices=invoices)
    assert comes_to(case) == outcome
    if outcome != "more_than_open":
        assert (shares(content_of(case)), content_of(case).amount) == (
            {"R1": amount(60), "R2": amount(40)},
            amount(100),
        )
    coming = Record(Side.RAVETREE, Kind.INVOICE, "R2")
    assert plan(replace(case, coming=(coming,))) == Plan(waits_for=coming)


@pytest.mark.parametrize(
    ("balance", "outcome"), [("40", "quickbooks payment.update"), ("39.99", "more_than_open")], ids=["fits", "does not"]
)
def test_a_share_that_ravetree_has_of_an_invoice_newly_known_goes_where_there_is_room(
    balance: str, outcome: str
) -> None:
    ours, theirs = ravetree_payment(40), copied_payment(40, allocations=(), unapplied=amount(40))
    case = paired_payment_case(ours, theirs, was=ours, remote_was=theirs, invoices=(open_there(balance),))
    assert comes_to(case) == outcome
    assert comes_to(replace(case, known_then=frozenset({"Q1"}))) == "possible_double_payment"


@pytest.mark.parametrize(
    ("theirs", "open_here", "outcome"),
    [
        (copied_payment(40), "30", "ravetree payment.update"),
        (copied_payment(40), "29.99", "more_than_open"),
        (copied_payment(40), None, "ravetree payment.update"),
        # Some of it is on something else too: not all that was unapplied here is applied there.
        (copied_payment(40, unapplied=amount(1)), None, "possible_double_payment"),
        (copied_payment(40, ("Q1", 5)), None, "possible_double_payment"),
    ],
)
def test_what_quickbooks_applied_by_itself_is_copied_where_it_fits(
    theirs: Any, open_here: str | None, outcome: str
) -> None:
    ours = ravetree_payment(40, ("R1", 10))
    invoice = known(open_here=None if open_here is None else amount(open_here))
    case = paired_payment_case(
        ours, theirs, was=ours, remote_was=theirs, invoices=(invoice,), known_then=frozenset({"Q1"})
    )
    assert comes_to(case) == outcome
    if outcome == "ravetree payment.update":
        assert (shares(content_of(case)), content_of(case).unapplied) == ({"R1": amount(40)}, ZERO)


# --- a share that fell with the total --------------------------------------------------------------


def fallen(balance: str = "0", total_here: str | None = "100", total: str = "35", **changes: Any) -> PaymentCase:
    """A payment of 40 that has 35 on its invoice, lowered to them in QuickBooks."""
    remote = quickbooks_invoice(total, balance=amount(balance))
    invoice = known(quickbooks=remote, total_here=None if total_here is None else amount(total_here))
    return paired_payment_case(remote=copied_payment(40, ("Q1", 35)), invoices=(invoice,), **changes)


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        (fallen(), "share_fell_with_total"),
        (fallen(total_here="35"), "ravetree payment.update"),
        (fallen(total_here="35.01"), "share_fell_with_total"),
        (fallen(total_here=None), "ravetree payment.update"),
        (fallen("0.01"), "ravetree payment.update"),
        (decided(fallen(), "share_fell_with_total", "quickbooks"), "ravetree payment.update"),
        (decided(fallen(), "share_fell_with_total", "ravetree"), "share_fell_with_total"),
        (replace(fallen(), quickbooks=copied_payment(35, ("Q1", 35))), "ravetree payment.update"),
        (replace(fallen(), quickbooks=copied_payment(40, reference="CHK 9")), "ravetree payment.update"),
    ],
)
def test_a_share_that_fell_with_the_total_and_nothing_else_is_asked_about(case: PaymentCase, outcome: str) -> None:
    assert comes_to(case) == outcome


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        (fallen("5", total="100", was_asked="share_fell_with_total"), "quickbooks payment.update"),
        (fallen("4.99", total="100", was_asked="share_fell_with_total"), "ravetree payment.update"),
        (fallen("5", total="100"), "ravetree payment.update"),
        (
            replace(
                fallen("5", total="100", was_asked="share_fell_with_total"),
                quickbooks=copied_payment(39, ("Q1", 35)),
            ),
            "ravetree payment.update",
        ),
        (
            replace(
                fallen("5", total="100", was_asked="share_fell_with_total"),
                quickbooks=copied_payment(40, ("Q1", 41), unapplied=ZERO, credit=amount(1)),
            ),
            "ravetree payment.update",
        ),
    ],
)
def test_once_the_total_is_set_right_the_share_that_fell_is_restored_where_there_is_room(
    case: PaymentCase, outcome: str
) -> None:
    assert comes_to(case) == outcome


# --- what goes out of QuickBooks ------------------------------------------------------------------


MIXED = copied_payment(100, ("Q1", 60), ("elsewhere", 40))
"""A payment of which a bookkeeper has applied forty to an invoice that Ravetree lacks."""


def removed(theirs: Any, **changes: Any) -> PaymentCase:
    """A payment that was deleted in Ravetree and not touched in QuickBooks since."""
    return paired_payment_case(Gone("RP1"), theirs, was=ravetree_payment(60), remote_was=theirs, **changes)


def test_taking_a_payment_out_leaves_what_a_bookkeeper_applied_elsewhere() -> None:
    content = content_of(removed(MIXED))
    assert (content.amount, content.credit, content.unapplied) == (amount(40), ZERO, ZERO)
    assert (shares(content), content.marker) == ({"elsewhere": amount(40)}, "")
    theirs = replace(MIXED, note="Thanks")
    assert content_of(removed(theirs)).marker == "Thanks"


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        (removed(MIXED), "quickbooks payment.update"),
        (removed(copied_payment(100, ("Q1", 60), ("elsewhere", 0))), "quickbooks payment.delete"),
        (removed(replace(MIXED, credit=amount("0.01"), amount=amount("99.99"))), "removed_here_shared_there"),
        (removed(replace(MIXED, others=("JournalEntry",))), "removed_here_shared_there"),
        (removed(copied_payment(others=("JournalEntry",))), "removed_here_shared_there"),
        (removed(copied_payment(deposited=True)), "removed_here_shared_there"),
        (removed(copied_payment(), books_closed=DAY), "removed_here_shared_there"),
        (removed(copied_payment(), books_closed=DAY - timedelta(days=1)), "quickbooks payment.delete"),
        (removed(copied_payment(40, ("elsewhere", 40))), "nothing"),
        (removed(copied_payment(40, ("elsewhere", "39.99"))), "quickbooks payment.update"),
        (removed(copied_payment(40, ("elsewhere", 40), unapplied=amount(1))), "quickbooks payment.update"),
    ],
)
def test_what_may_be_taken_out_by_itself(case: PaymentCase, outcome: str) -> None:
    assert comes_to(case) == outcome


@pytest.mark.parametrize(
    ("case", "where"),
    [
        (removed(copied_payment(deposited=True), books_closed=DAY), "deposited"),
        (removed(copied_payment(), books_closed=DAY), "in a closed period"),
        (removed(copied_payment(others=("JournalEntry",))), "applied to other records too"),
    ],
)
def test_what_keeps_a_payment_in_quickbooks_is_said(case: PaymentCase, where: str) -> None:
    asked = plan(case).attention
    assert asked is not None
    assert f"in QuickBooks it is {where} (Id QP1)." in asked.cause


def test_what_a_person_leaves_in_quickbooks_is_left_for_good() -> None:
    case = removed(copied_payment(deposited=True))
    left = Answer("removed_here_shared_there", "leave")
    assert plan(decided(case, "removed_here_shared_there", "leave")) == Plan(remember=left)
    assert plan(replace(case, answers=(left,))) == Plan(ignored="left as it is in QuickBooks")


@pytest.mark.parametrize(
    ("case", "code", "outcomes"),
    [
        (
            paired_payment_case(Gone("RP1"), copied_payment(50)),
            "removed_here_edited_there",
            {"ravetree": "quickbooks payment.delete", "quickbooks": "unpaired"},
        ),
        (
            paired_payment_case(ravetree_payment(50), Gone("QP1")),
            "removed_there_edited_here",
            {"ravetree": "unpaired", "quickbooks": "ravetree payment.delete"},
        ),
        (
            paired_payment_case(remote=Gone("QP1"), lost=frozenset({"Q1"})),
            "removed_there_edited_here",
            {"ravetree": "unpaired", "quickbooks": "ravetree payment.delete"},
        ),
    ],
    ids=["removed here", "removed there", "its invoice taken apart"],
)
def test_what_was_removed_on_one_side_and_edited_on_the_other_goes_as_a_person_says(
    case: PaymentCase, code: str, outcomes: dict[str, str]
) -> None:
    assert comes_to(case) == code
    for decision, outcome in outcomes.items():
        said = decided(case, code, decision)
        assert ("unpaired" if plan(said) == Plan(unpair=True) else comes_to(said)) == outcome
        assert comes_to(decided(case, "another_question", decision)) == code


def test_an_edit_of_a_payment_whose_invoice_was_taken_apart_is_not_copied_and_that_is_said() -> None:
    case = paired_payment_case(ravetree_payment(45), lost=frozenset({"Q1"}))
    assert plan(case) == Plan(notices=(APART,))


# --- edits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "outcome", "value"),
    [("ravetree", "quickbooks payment.update", 45), ("quickbooks", "ravetree payment.update", 50)],
)
def test_of_two_edits_that_one_goes_which_a_person_names(decision: str, outcome: str, value: int) -> None:
    case = paired_payment_case(ravetree_payment(45), copied_payment(50))
    said = decided(case, "edited_on_both_sides", decision)
    assert (comes_to(said), content_of(said).amount) == (outcome, amount(value))
    assert comes_to(decided(case, "another_question", decision)) == "edited_on_both_sides"


def with_credit(value: str, **changes: Any) -> Any:
    return ravetree_payment(0, ("R1", value), credit_amount=amount(value), unapplied=ZERO, **changes)


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [
        (with_credit("29.99"), "credit_changed_in_ravetree"),
        (with_credit("30", reference="CHK 9"), "quickbooks payment.update"),
        # QuickBooks says so already.
        (with_credit("20", reference="CHK 9"), "edited_on_both_sides"),
    ],
)
def test_an_edit_in_ravetree_makes_and_takes_no_credit(ours: Any, outcome: str) -> None:
    was = copied_payment(0, ("Q1", 30), credit=amount(30), unapplied=ZERO)
    now = copied_payment(0, ("Q1", 20), credit=amount(20), unapplied=ZERO) if outcome.startswith("edited") else was
    assert comes_to(paired_payment_case(ours, now, was=with_credit("30"), remote_was=was)) == outcome


def moved(theirs: Any = None, **changes: Any) -> PaymentCase:
    """A payment that got another client in Ravetree, whose customer is no payer of it."""
    theirs = theirs or copied_payment(40, allocations=(), unapplied=amount(40))
    was = ravetree_payment(40, allocations=(), unapplied=amount(40))
    ours = replace(was, client_id="client_2")
    facts: dict[str, Any] = {"client_below_payer": False, "client_customer_id": "C2", "invoices": (), "payers": ()}
    return paired_payment_case(ours, theirs, was=was, remote_was=theirs, **(facts | changes))


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        (moved(), "quickbooks payment.update"),
        (moved(client_customer_id=None), "waits"),
        (moved(client_below_payer=True), "nothing"),
        (moved(copied_payment(40, allocations=(), unapplied=amount(40), deposited=True)), "client_of_payment_changed"),
        (moved(copied_payment(40, ("elsewhere", 1))), "client_of_payment_changed"),
    ],
)
def test_money_goes_with_its_client_where_nothing_keeps_it(case: PaymentCase, outcome: str) -> None:
    assert comes_to(case) == outcome


def test_money_that_goes_with_its_client_is_of_the_clients_customer() -> None:
    assert content_of(moved()).party_id == "C2"


@pytest.mark.parametrize(
    ("applied", "outcome"), [("25", "quickbooks payment.update"), ("25.01", "spent_elsewhere")], ids=["rest", "more"]
)
def test_what_quickbooks_spent_elsewhere_cannot_be_applied_once_more(applied: str, outcome: str) -> None:
    free = ravetree_payment(40, allocations=(), unapplied=amount(40))
    before, now = copied_payment(40, allocations=(), unapplied=amount(40)), copied_payment(40, ("elsewhere", 15))
    case = paired_payment_case(ravetree_payment(40, ("R1", applied)), now, was=free, remote_was=before)
    assert comes_to(case) == outcome
    if outcome != "spent_elsewhere":
        content = content_of(case)
        assert shares(content) == {"Q1": amount(25), "elsewhere": amount(15)}
        assert (content.amount, content.unapplied) == (amount(40), ZERO)
    at_rest = replace(case, ravetree=free)
    assert plan(at_rest).notices == ("QuickBooks has applied 15.00 USD of it to a record that Ravetree lacks.",)
    assert plan(replace(at_rest, elsewhere="invoice 7")).notices == (
        "QuickBooks has applied 15.00 USD of it to invoice 7.",
    )


def test_an_edit_from_quickbooks_leaves_the_payment_with_its_client() -> None:
    """Also where its first invoice is another client's."""
    ours = ravetree_payment(client_id="client_2")
    case = paired_payment_case(ours, copied_payment(45), was=ours)
    assert (comes_to(case), content_of(case).party_id) == ("ravetree payment.update", "client_2")


# --- who pays, and for what ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        payment_case(ravetree=ravetree_payment(40), payers=()),
        paired_payment_case(ravetree_payment(45), payers=()),
    ],
    ids=["new", "edited"],
)
def test_a_payment_of_several_clients_that_no_one_can_pay_is_asked_about(case: PaymentCase) -> None:
    assert comes_to(case) == "several_payers"
    left = Answer("several_payers", "leave")
    assert plan(decided(case, "several_payers", "leave")) == Plan(remember=left)
    assert plan(replace(case, answers=(left,))) == Plan(ignored="left in Ravetree alone")


@pytest.mark.parametrize(
    ("method", "accounts", "account"),
    [
        ("card", {"card": "A1", "": "A9"}, "A1"),
        ("cheque", {"card": "A1", "": "A9"}, "A9"),
        (None, {"card": "A1", "": "A9"}, "A9"),
        ("wire", {"card": "A1", "": "A9"}, "A9"),
        ("cheque", {"card": "A1"}, None),
        (None, {}, None),
    ],
)
def test_money_goes_into_the_account_of_its_method_or_into_that_of_all_others(
    method: str | None, accounts: dict[str, str], account: str | None
) -> None:
    case = payment_case(
        ravetree=ravetree_payment(method=method), methods={"card": "5", "cheque": "6"}, deposit_accounts=accounts
    )
    assert content_of(case).deposit_account == account


def test_credit_on_no_known_invoice_moves_nothing() -> None:
    credit = ravetree_payment(0, allocations=(), credit_amount=amount(30), unapplied=amount(30))
    case = payment_case(ravetree=credit, invoices=(), client_customer_id=CUSTOMER)
    assert plan(case) == Plan(ignored="applies credit to no known invoice")


def test_a_payment_waits_for_the_question_what_became_of_its_invoices_placeholder() -> None:
    invoice = known(placeholder=placeholder(40), placeholder_changed=True)
    case = payment_case(ravetree=ravetree_payment(40), invoices=(invoice,))
    assert (comes_to(case), plan(case).waits_for) == ("waits", INVOICE)
    full = quickbooks_invoice(paid=100)
    fell = replace(case, invoices=(known(quickbooks=full, placeholder=placeholder(60), placeholder_fell=True),))
    assert (plan(fell).waits_for, plan(fell).waits_because) == (INVOICE, "Waits for the question about its invoice.")


# --- the same receipt on both sides ----------------------------------------------------------------


FREE = quickbooks_payment(40, allocations=(), unapplied=amount(40), id="QP9")
"""Money that somebody typed in QuickBooks and applied to nothing yet."""


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (ravetree_payment(40), FREE, True),
        (ravetree_payment(40), replace(FREE, amount=amount(41)), True),
        (ravetree_payment(40), replace(FREE, unapplied=amount(39)), True),
        (ravetree_payment(40), replace(FREE, amount=amount(41), unapplied=amount(41)), False),
        (ravetree_payment(40), replace(FREE, unapplied=ZERO), False),
        (ravetree_payment(60, ("R1", 40)), FREE, True),
        (ravetree_payment(0, ("R1", 40), credit_amount=amount(40), unapplied=ZERO), FREE, False),
        (
            ravetree_payment(60, ("R1", 40), reference="CHK7"),
            replace(FREE, amount=amount(99), unapplied=amount(60), reference="CHK7"),
            True,
        ),
        *(
            (
                ravetree_payment(40, reference=mine),
                replace(FREE, amount=amount(99), unapplied=amount(free), reference=other),
                same,
            )
            for mine, other, free, same in [
                ("CHK7", "CHK7", "41", True),
                ("CHK7", "CHK7", "39.99", False),
                ("CHK7", "CHK8", "41", False),
                ("CK7", "CK7", "41", False),
                ("WIRE", "WIRE", "41", False),
            ]
        ),
    ],
)
def test_unapplied_money_of_the_same_payer_may_be_the_same_receipt(ours: Any, theirs: Any, same: bool) -> None:
    assert same_receipt(ours, theirs, (known(),), same_payer=True) is same
    assert not same_receipt(ours, theirs, (known(),))


@pytest.mark.parametrize(
    ("balance", "free", "share"),
    [("100", "40", "40"), ("30", "40", "30"), ("100", "25", "25"), ("0", "40", None)],
)
def test_what_is_one_receipt_is_applied_as_far_as_invoice_and_money_go(
    balance: str, free: str, share: str | None
) -> None:
    one = replace(FREE, unapplied=amount(free), amount=amount(free))
    case = payment_case(ravetree=ravetree_payment(40), invoices=(open_there(balance),), one=one, one_id="QP9")
    if share is None:
        assert plan(case) == Plan(adopt=Adopt("RP1", "QP9", takes_theirs=True))
        return
    content = content_of(case)
    assert written(plan(case)) == (Side.QUICKBOOKS, "payment.apply", "QP9", 7)
    assert (shares(content), content.unapplied) == ({"Q1": amount(share)}, amount(free) - amount(share))
    assert content_of(replace(case, below=frozenset({"QP9"}), payers=("C7",))).party_id == "C7"
    assert content.party_id == CUSTOMER


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (50, {"Q1": amount(40), "Q2": amount(10)}),
        # Nothing is left for the second: it gets no line.
        (40, {"Q1": amount(40)}),
    ],
)
def test_one_receipt_over_two_invoices_is_applied_to_the_second_what_the_first_leaves(
    free: int, expected: dict[str, Any]
) -> None:
    ours, one = ravetree_payment(80, ("R1", 40), ("R2", 40)), replace(FREE, unapplied=amount(free), amount=amount(free))
    content = content_of(payment_case(ravetree=ours, invoices=TWO_INVOICES, one=one, one_id="QP9"))
    assert (shares(content), content.unapplied) == (expected, ZERO)


def test_what_the_receipt_pays_already_is_not_applied_again() -> None:
    one = quickbooks_payment(60, ("Q1", 10), id="QP9", customer_id="the parent")
    content = content_of(payment_case(ravetree=ravetree_payment(40), one=one, one_id="QP9"))
    assert (shares(content), content.unapplied, content.party_id) == ({"Q1": amount(40)}, amount(20), "the parent")
    whole = payment_case(ravetree=ravetree_payment(40), one=quickbooks_payment(40, id="QP9"), one_id="QP9")
    assert plan(whole) == Plan(adopt=Adopt("RP1", "QP9", takes_theirs=True))


def test_our_copy_of_what_is_one_receipt_goes_before_anything_is_applied() -> None:
    case = paired_payment_case(one=FREE, one_id="QP9")
    assert written(plan(case)) == (Side.QUICKBOOKS, "payment.delete", "QP1", 7)
    gone = replace(case, quickbooks=copied_payment(voided=True))
    assert written(plan(gone))[1] == "payment.apply"
    assert plan(replace(case, one=copied_payment(), one_id="QP1")) == NOTHING


@pytest.mark.parametrize(
    ("copy", "books_closed", "decisions"),
    [
        (copied_payment(), None, ("one", "two")),
        (copied_payment(deposited=True), None, ("two",)),
        (copied_payment(), DAY, ("two",)),
        (copied_payment(), DAY - timedelta(days=1), ("one", "two")),
        (copied_payment(voided=True, deposited=True), None, None),
    ],
)
def test_one_receipt_is_no_answer_where_our_copy_cannot_go(
    copy: Any, books_closed: date | None, decisions: tuple[str, ...] | None
) -> None:
    case = paired_payment_case(remote=copy, remote_was=copy, twins=(FREE,), books_closed=books_closed)
    asked = plan(case).attention
    assert (None if asked is None else asked.decisions) == decisions
    remembered = plan(decided(case, "one_or_two_payments", "one")).remember
    assert (remembered is not None) is (decisions == ("one", "two"))


@pytest.mark.parametrize(
    ("twin", "below", "decisions"),
    [
        (FREE, frozenset[str](), ("one", "two")),
        (replace(FREE, deposited=True), frozenset[str](), ("two",)),
        (replace(FREE, others=("JournalEntry",)), frozenset({"QP9"}), ("two",)),
        (replace(FREE, others=("JournalEntry",)), frozenset[str](), ("one", "two")),
        # Deposited, but nothing has to be applied.
        (quickbooks_payment(40, id="QP9", deposited=True), frozenset[str](), ("one", "two")),
    ],
)
def test_one_receipt_is_no_answer_where_only_a_person_can_apply_it(
    twin: Any, below: frozenset[str], decisions: tuple[str, ...]
) -> None:
    case = payment_case(ravetree=ravetree_payment(40), twins=(twin,), below=below)
    asked = plan(case).attention
    assert asked is not None
    assert asked.decisions == decisions
    assert (plan(decided(case, "one_or_two_payments", "one")).remember is not None) is ("one" in decisions)


def test_of_several_twins_another_may_be_the_one_where_the_first_cannot() -> None:
    tied = replace(FREE, deposited=True)
    case = payment_case(ravetree=ravetree_payment(40), twins=(tied, replace(FREE, id="QP8")))
    asked = plan(case).attention
    assert asked is not None
    assert (asked.decisions, asked.several) == (("one", "two"), True)
    said = decided(case, "one_or_two_payments", "one")
    assert plan(replace(said, decision_target="QP9")).remember is None
    assert plan(replace(said, decision_target="QP8")).remember == Answer("one_or_two_payments", "one", "QP8")


def test_of_several_twins_one_has_to_be_named() -> None:
    case = payment_case(ravetree=ravetree_payment(40), twins=(FREE, replace(FREE, id="QP8")))
    asked = plan(case).attention
    assert asked is not None
    assert asked.several
    said = decided(case, "one_or_two_payments", "one")
    assert plan(said).remember is None
    assert plan(replace(said, decision_target="QP8")).remember == Answer("one_or_two_payments", "one", "QP8")
    two = plan(decided(case, "one_or_two_payments", "two"))
    every = {each.other for each in (two.remember, *two.and_remember) if each is not None}
    assert every == {"QP8", "QP9"}


def test_a_twin_that_was_taken_apart_asks_from_quickbooks_side() -> None:
    case = payment_case(quickbooks=quickbooks_payment(40), twins=(ravetree_payment(40),), twin_mute=True)
    assert comes_to(case) == "one_or_two_payments"
    said = plan(decided(case, "one_or_two_payments", "two"))
    assert said == Plan(remember=Answer("one_or_two_payments", "two", "RP1"))
