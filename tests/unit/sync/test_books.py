"""Our own payments known again by their notes, where a restore may have lost what we knew of them."""

from typing import Any, cast

import pytest
import sqlalchemy as sa

from reconcile.markers import payment_marker, placeholder_marker
from reconcile.model import Kind, Record, Side
from storage import connections, copies, installation, journal, pairs
from storage.database import Database
from storage.installation import Claimant
from storage.models import Copy
from storage.models import PendingChange as Note
from storage.unit import UnitOfWork
from sync.books import Books, NoWrites
from sync.quickbooks_records import TOGETHER
from sync.restored import RestoreFound
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, add_connection, operation

OURS = "ab12cd34"
NOTE = payment_marker("pay_1", OURS)


@pytest.fixture
def books(database: Database, clock: FakeClock) -> Books:
    with database.transaction() as session:
        installation.claim(session, Claimant("local"), new_id=OURS, now=START)
    add_connection(database)
    with database.transaction() as session:
        connection = connections.get(session, CONNECTION)
    # Nothing here is asked of a neighbour.
    return Books(UnitOfWork(database), clock, connection, cast("Any", None), NoWrites())


def payment(note: str, amount: int = 40, **more: Any) -> dict[str, Any]:
    made = "2026-11-20T10:00:00-08:00"
    body = {"Id": "145", "SyncToken": "0", "TotalAmt": amount, "PrivateNote": note, "MetaData": {"CreateTime": made}}
    return body | more


def see(books: Books, body: dict[str, Any]) -> None:
    with books.writing() as session:
        record = Record(Side.QUICKBOOKS, Kind.PAYMENT, body["Id"])
        copies.store(session, books.id, record, 0, body, START, read=True)


@pytest.mark.parametrize(
    ("note", "payment_found", "placeholder_found"),
    [
        (NOTE, "145", None),
        (payment_marker("pay_1"), "145", None),
        (placeholder_marker("pay_1", "1043", OURS), None, "145"),
        ("What about the payment pay_1]?", None, None),
        (payment_marker("old_pay_1", OURS), None, None),
        (f"{payment_marker('pay_2', OURS)} instead of payment pay_1]", None, None),
    ],
)
def test_a_payment_is_found_by_its_whole_marker(
    books: Books, note: str, payment_found: str | None, placeholder_found: str | None
) -> None:
    see(books, payment(note))
    assert books.restored.marked("payment", "pay_1") == payment_found
    assert books.restored.marked("placeholder", "pay_1") == placeholder_found


def test_what_is_void_stands_for_no_money(books: Books) -> None:
    see(books, payment(f"Voided\n{NOTE}", 0))
    see(books, payment(NOTE, Id="146"))
    assert books.restored.marked("payment", "pay_1") == "146"


@pytest.mark.parametrize("kind", [Kind.PAYMENT, pairs.PLACEHOLDER])
def test_what_has_a_partner_is_nobody_elses(books: Books, kind: str) -> None:
    see(books, payment(NOTE))
    with books.writing() as session:
        pairs.store(session, books.id, kind, "another", "145", START)
    assert books.restored.marked("payment", "pay_1") is None


def keep(books: Books) -> None:
    books.quickbooks.keep(Kind.PAYMENT, {"145": payment(NOTE)})


def verifying(books: Books) -> bool:
    with books.writing() as session:
        return connections.get(session, CONNECTION).verify_since is not None


def test_a_marker_of_ours_that_nobody_knows_is_the_sign_of_a_restore(books: Books) -> None:
    with pytest.raises(RestoreFound, match="payment 145 in QuickBooks was written from here"):
        keep(books)
    assert verifying(books)


def test_the_first_sight_of_it_was_the_sign(books: Books) -> None:
    see(books, payment(NOTE))
    keep(books)
    assert not verifying(books)


def test_a_marker_of_another_installation_is_no_sign(books: Books) -> None:
    books.quickbooks.keep(Kind.PAYMENT, {"145": payment(payment_marker("pay_1", "ffffffff"))})
    assert not verifying(books)


@pytest.mark.parametrize(("action", "known"), [("payment.create", True), ("placeholder.create", False)])
def test_a_write_of_the_same_kind_is_what_wrote_it(books: Books, action: str, known: bool) -> None:
    """One that is under way, or whose pair was taken apart, is none that we forgot."""
    with books.writing() as session:
        operation(session, journal.open_operation, subject="ravetree:payment:pay_1", action=action)
    if known:
        keep(books)
    else:
        with pytest.raises(RestoreFound):
            keep(books)
    assert verifying(books) is not known


def test_many_are_kept_in_parts_each_with_its_notes(books: Books, database: Database) -> None:
    """A thousand in one transaction held SQLite's write lock for seconds, and each webhook waited."""
    kept: list[tuple[int, int]] = []

    def committed(_connection: sa.Connection) -> None:
        with sa.create_engine(database.url).connect() as other:
            rows = [other.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in (Copy, Note)]
            kept.append((rows[0], rows[1]))

    many = {str(number): payment("typed", Id=str(number)) for number in range(2 * TOGETHER + 20)}
    sa.event.listen(database.engine, "begin", committed)
    books.quickbooks.keep(Kind.PAYMENT, many, missing=["9000"])
    books.unit.commit()
    committed(cast("Any", None))
    assert kept == [(0, 0), (TOGETHER, TOGETHER), (2 * TOGETHER, 2 * TOGETHER), (len(many), len(many))]
    assert Record(Side.QUICKBOOKS, Kind.PAYMENT, "9000") in books.absent
