"""Who waits for a record goes on when its work ends, and two that wait for each other come to rest."""

from types import SimpleNamespace
from typing import Any

import pytest

from reconcile.model import ANY_PAYMENT, Record
from storage import inbox, pending
from storage.database import Database
from sync import echoes, endings
from sync.noted import Noted
from sync.outcomes import Waits
from tests.unit.ports import START
from tests.unit.storing import ACCOUNT, CONNECTION, PAYMENT, RAVETREE_INVOICE, add_connection, delivery, envelope


@pytest.fixture(autouse=True)
def invoice_and_payment(database: Database) -> None:
    add_connection(database)
    with database.transaction() as session:
        event = envelope("e1", subject=RAVETREE_INVOICE.id)
        inbox.record(session, [delivery(event, source=RAVETREE_INVOICE.side, account=ACCOUNT)], START)
        pending.note(session, CONNECTION, PAYMENT, START)


def waits(database: Database, record: Record, target: Record) -> None:
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [record])
        pending.wait(session, CONNECTION, record, change.generation, target, START)


def state(database: Database, record: Record) -> str:
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [record])
        return change.state


def invoice_ends(database: Database, slice_: Any) -> None:
    """It waits for a payment, in a slice."""
    with database.transaction() as session:
        (change,) = pending.rows(session, CONNECTION, [RAVETREE_INVOICE])
        subject = Noted(RAVETREE_INVOICE, [echoes.note_entry(session, change)])
        endings._wake_waiting(session, slice_, subject, Waits(ANY_PAYMENT), START)


@pytest.mark.parametrize("wrote", [False, True])
def test_a_payment_that_waits_for_an_invoice_that_waits_goes_on_once_in_a_slice(
    database: Database, wrote: bool
) -> None:
    """Else each would wake the other without an end, while any other payment is under way."""
    slice_ = SimpleNamespace(id=CONNECTION, wrote=wrote, let_go=set())
    waits(database, PAYMENT, RAVETREE_INVOICE)
    invoice_ends(database, slice_)
    assert state(database, PAYMENT) == pending.DUE
    waits(database, PAYMENT, RAVETREE_INVOICE)
    invoice_ends(database, slice_)
    assert state(database, PAYMENT) == (pending.DUE if wrote else pending.WAITING)
