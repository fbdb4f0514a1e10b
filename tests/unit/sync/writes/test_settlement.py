"""What an answered write means for the money that is kept beside a pair."""

import itertools
from typing import Any

import pytest

from reconcile.actions import Action
from reconcile.model import Kind, Side
from storage import connections, journal, pairs
from storage.database import Database
from storage.models import Operation, Pair
from sync.writes import settlement
from sync.writes.context import Context, context_of
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, add_connection

KEYS = itertools.count(1)
QB, RT = Side.QUICKBOOKS, Side.RAVETREE
SAID: dict[str, Any] = {"currency": "USD", "client_id": "con_1", "date": "2026-11-21"}


def paid(*shares: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """A payment of Ravetree's on invoices."""
    allocations = [{"invoice_id": name, "amount": value} for name, value in shares]
    return {"id": "pay_1", "version": 2, "allocations": allocations, **SAID, **changes}


def received(total: str, *shares: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """A payment of QuickBooks' on invoices."""
    lines = [{"Amount": float(v), "LinkedTxn": [{"TxnId": name, "TxnType": "Invoice"}]} for name, v in shares]
    return {"Id": "120", "SyncToken": "1", "TotalAmt": float(total), "Line": lines, **changes}


def settle(
    database: Database, side: Side, action: Action, answer: dict[str, Any], **context: Any
) -> dict[str, dict[str, Any]]:
    """What is kept beside each pair, by Ravetree's id, after the write was answered so."""
    with database.transaction() as session:
        operation = Operation(
            connection_id=CONNECTION,
            subject=f"{RT}:{Kind.PAYMENT}:pay_1",
            side=side,
            action=action,
            key=f"key-{next(KEYS)}",
            attempt=1,
            method="POST",
            path="/",
            body=b"{}",
            digest="",
            fence=1,
            state=journal.JOURNALLED,
            journalled_at=START,
            context=context,
        )
        session.add(operation)
        session.flush()
        settlement.apply(session, operation, answer, START, START)
    with database.reading() as session:
        return {
            pair.ravetree_id: dict(pair.kept)
            for kind in (Kind.INVOICE, Kind.PAYMENT)
            for pair in pairs.every(session, CONNECTION, kind)
        }


@pytest.fixture
def books(database: Database) -> Database:
    """Invoices inv_1 and inv_2 and a payment of 40 on the first, in both books; both invoices are marked as paid."""
    add_connection(database)
    with database.transaction() as session:
        for name, there in (("inv_1", "119"), ("inv_2", "118")):
            pairs.store(session, CONNECTION, Kind.INVOICE, name, there, START)
            mark = {"at": "2026-11-20T10:00:00Z", "day": "2026-11-20", "wanted": "60.00"}
            pairs.keep(session, CONNECTION, Kind.INVOICE, name, mark=mark)
        base = paid(("inv_1", "40.00"))
        pairs.store(session, CONNECTION, Kind.PAYMENT, "pay_1", "120", START, base_ravetree=base, base_quickbooks={})
    return database


def wanted(kept: dict[str, dict[str, Any]]) -> list[str]:
    return [kept[name]["mark"]["wanted"] for name in ("inv_1", "inv_2")]


def test_what_becomes_open_because_a_payment_was_deleted_in_quickbooks_is_no_reason_to_raise_a_mark(
    books: Database,
) -> None:
    assert wanted(settle(books, RT, Action.PAYMENT_DELETE, {}, ravetree_id="pay_1")) == ["100.00", "60.00"]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([("inv_1", "40.00")], ["60.00", "60.00"]),
        ([("inv_1", "25.00")], ["75.00", "60.00"]),
        ([("inv_1", "45.00")], ["55.00", "60.00"]),
        ([("inv_2", "40.00")], ["100.00", "20.00"]),
        ([("inv_1", "10.00"), ("inv_1", "5.00")], ["85.00", "60.00"]),
    ],
)
def test_what_a_mark_wants_follows_what_quickbooks_moves(
    books: Database, shares: list[tuple[str, str]], expected: list[str]
) -> None:
    kept = settle(
        books, RT, Action.PAYMENT_UPDATE, paid(*shares), ravetree_id="pay_1", quickbooks_id="120", base_quickbooks={}
    )
    assert wanted(kept) == expected


@pytest.mark.parametrize(
    ("answer", "spent"),
    [
        (received("100", ("119", "100")), "0"),
        (received("100", ("119", "60"), ("7", "40")), "40"),
        (received("100", ("119", "60"), ("118", "40")), "0"),
        (received("100", ("119", "60"), UnappliedAmt=15), "25"),
        (received("100", ("119", "60"), UnappliedAmt=40), "0"),
        # Credit on invoices is more than the money.
        (received("10", ("119", "60")), "0"),
        (received("100", ("119", "60"), ("119", "40")), "0"),
    ],
)
def test_what_quickbooks_applied_elsewhere_of_a_new_payment_is_kept(
    books: Database, answer: dict[str, Any], spent: str
) -> None:
    kept = settle(books, QB, Action.PAYMENT_CREATE, answer, ravetree_id="pay_1", touches=["119"])["pay_1"]
    assert (float(kept["spent"]), kept["invoices"]) == (float(spent), ["119"])


@pytest.mark.parametrize("action", [Action.PAYMENT_UPDATE, Action.PAYMENT_TAKE_PLACEHOLDER])
def test_what_was_spent_before_is_kept_with_an_update(books: Database, action: Action) -> None:
    answer = received("100", ("119", "60"), ("7", "40"))
    kept = settle(
        books, QB, action, answer, ravetree_id="pay_1", touches=["119"], spent="15.00", placeholder_of="inv_1"
    )
    assert kept["pay_1"]["spent"] == "15.00"


def test_a_placeholder_keeps_for_which_mark_it_is_on_which_day_and_how_much_was_wanted(books: Database) -> None:
    at = "2026-11-21T10:00:00Z"
    answer = received("60", ("119", "60"), TxnDate="2026-11-21")
    kept = settle(books, QB, Action.PLACEHOLDER_CREATE, answer, ravetree_id="inv_1", mark=at, wanted="60.00")
    assert kept["inv_1"]["mark"] == {"at": at, "day": "2026-11-21", "wanted": "60.00"}
    moved = settle(
        books,
        QB,
        Action.PLACEHOLDER_DELETE,
        {"Id": "120", "status": "Deleted"},
        ravetree_id="inv_1",
        mark=at,
        day="2026-11-21",
        moving="yes",
    )
    assert moved["inv_1"]["mark"] == {"at": at, "day": "2026-11-21", "moving": "yes"}
    of_an_earlier_version = settle(books, QB, Action.PLACEHOLDER_DELETE, {"Id": "120"} | {"status": "Deleted"})
    assert of_an_earlier_version == moved


FULL, REDUCED = ["107.20", "8.00"], ["106.40", "7.20"]
"""Total and tax of an invoice, as a company may charge tax beside a discount."""


@pytest.mark.parametrize(
    ("made", "outcomes", "learned"),
    [
        (FULL, {"full": FULL, "reduced": REDUCED}, "full"),
        (REDUCED, {"full": FULL, "reduced": REDUCED}, "reduced"),
        (["107.00", "8.00"], {"full": FULL, "reduced": REDUCED}, None),
        # Both would have come to it: that says nothing.
        (FULL, {"full": FULL, "reduced": FULL}, None),
        (FULL, {"": FULL}, None),
    ],
)
def test_how_a_company_charges_tax_is_learned_from_an_answer_that_only_one_way_explains(
    books: Database, made: list[str], outcomes: dict[str, list[str]], learned: str | None
) -> None:
    _answered(books, made, foreseen={"outcomes": outcomes, "likely": list(outcomes.values())})
    with books.reading() as session:
        assert (connections.get(session, CONNECTION).tax or {}).get(connections.LEARNED) == learned


@pytest.mark.parametrize(
    ("made", "foreseen", "accepted"),
    [
        (["100.01", "0"], {"likely": [["100.01", "0"]], "accepted": {"by": "Kim"}}, ("0.01", "0.00")),
        (["99.99", "-0.01"], {"likely": [["99.99", "-0.01"]], "accepted": {"by": "Kim"}}, ("-0.01", "-0.01")),
        (["100.01", "0"], {"likely": [["100.02", "0"]], "accepted": {"by": "Kim"}}, None),
        (["100.01", "0"], {"likely": [["100.01", "0"]]}, None),
        (["100", "0"], {"likely": [["100", "0"]], "accepted": {"by": "Kim"}}, None),
    ],
)
def test_a_difference_is_kept_as_accepted_only_if_it_came_as_a_person_saw_it(
    books: Database, made: list[str], foreseen: dict[str, Any], accepted: tuple[str, str] | None
) -> None:
    pair = _answered(books, made, foreseen=foreseen)
    assert pair.accepted == (None if accepted is None else {"by": "Kim", "total": accepted[0], "tax": accepted[1]})


def test_what_was_accepted_stays_while_the_difference_is_the_same(books: Database) -> None:
    kim = {"likely": [["100.01", "0"]], "accepted": {"by": "Kim"}}
    assert _answered(books, ["100.01", "0"], foreseen=kim).accepted is not None
    assert _answered(books, ["100.01", "0"]).accepted is not None
    assert _answered(books, ["100.02", "0"]).accepted is None


def _answered(database: Database, made: list[str], **context: Any) -> Pair:
    """The pair of inv_1, over 100.00 in Ravetree, after QuickBooks came to so much in total and tax."""
    answer = {"Id": "119", "SyncToken": "2", "TotalAmt": made[0], "TxnTaxDetail": {"TotalTax": made[1]}}
    ours = {"total": "100.00", "tax_amount": "0.00"}
    settle(database, QB, Action.INVOICE_UPDATE, answer, ravetree_id="inv_1", base_ravetree=ours, **context)
    with database.reading() as session:
        (pair,) = [one for one in pairs.every(session, CONNECTION, Kind.INVOICE) if one.ravetree_id == "inv_1"]
        session.expunge(pair)
        return pair


def test_what_a_row_holds_as_null_is_nothing() -> None:
    nothing = {name: None for name, value in vars(Context()).items() if not isinstance(value, tuple)}
    assert context_of(Operation(context=nothing)) == Context() == context_of(Operation(context={}))
