"""A question is looked at again when what it was asked with changes, and by nothing else."""

from typing import Any

import pytest
import sqlalchemy as sa

from reconcile.model import Attention, Kind, Record, Side
from storage import asked_with, copies, pending
from storage.database import Database
from storage.models import AskedWith
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, INVOICE, PAYMENT, add_connection

MEMO = Record(Side.QUICKBOOKS, Kind.CREDIT, "7")
HELD = Attention("held", "credit_beside_mark", "There is credit.", "Apply it.")


@pytest.fixture(autouse=True)
def question(database: Database) -> None:
    """Of an invoice, asked with a payment and a memo that we have copies of."""
    add_connection(database)
    for record in (PAYMENT, MEMO):
        store(database, record, UnappliedAmt=100)
    ask(database, PAYMENT, MEMO)


def store(database: Database, record: Record, version: int = 1, **body: Any) -> None:
    with database.transaction() as session:
        copies.store(session, CONNECTION, record, version, body, START, read=True)


def ask(database: Database, *others: Record) -> None:
    with database.transaction() as session:
        pending.note(session, CONNECTION, INVOICE, START)
        (row,) = pending.rows(session, CONNECTION, [INVOICE])
        assert pending.need_attention(session, CONNECTION, INVOICE, row.generation, HELD, START)
        asked_with.keep(session, CONNECTION, INVOICE, others)


def due(database: Database) -> list[Record]:
    with database.transaction() as session:
        return [pending.record_of(change) for change in pending.due(session, CONNECTION, START, 10)]


def kept(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(session.execute(sa.select(AskedWith.other)).scalars())


def test_a_new_version_of_one_of_them_has_it_looked_at(database: Database) -> None:
    store(database, MEMO, 2, UnappliedAmt=100)
    assert due(database) == [INVOICE]


def test_what_is_left_of_one_changes_without_a_new_version(database: Database) -> None:
    store(database, PAYMENT, UnappliedAmt=40)
    assert due(database) == [INVOICE]


def test_a_deletion_has_it_looked_at(database: Database) -> None:
    with database.transaction() as session:
        copies.mark_deleted(session, CONNECTION, PAYMENT, START)
    assert due(database) == [INVOICE]


def test_what_is_read_again_and_is_as_it_was_has_nothing_looked_at(database: Database) -> None:
    """Two questions that read what the other one was asked with would wake each other without an end."""
    store(database, PAYMENT, UnappliedAmt=100, domain="QBO")
    assert due(database) == []


def test_it_is_asked_anew_with_what_there_is_now(database: Database) -> None:
    ask(database, MEMO)
    store(database, PAYMENT, 2)
    assert due(database) == []
    store(database, MEMO, 2)
    assert due(database) == [INVOICE]


def test_the_questions_of_another_connection_stay(database: Database) -> None:
    add_connection(database, "con_2", account="org_2", realm="2")
    with database.transaction() as session:
        asked_with.look_again(session, "con_2", [PAYMENT, MEMO], START)
    assert due(database) == []


def test_nothing_of_it_is_left_once_the_question_is_gone(database: Database) -> None:
    assert kept(database) == [str(MEMO), str(PAYMENT)]
    with database.transaction() as session:
        (row,) = pending.rows(session, CONNECTION, [INVOICE])
        assert pending.clear(session, CONNECTION, INVOICE, row.generation)
    assert kept(database) == []
