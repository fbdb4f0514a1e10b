"""Rows that an earlier version has journalled are settled by this one, from the row and its answer alone."""

import pytest

from reconcile.actions import Action
from storage.database import Database
from tests.unit.sync.writes.kept_rows import kept, settled

IN_RAVETREE = {
    Action.CONTACT_CREATE,
    Action.INVOICE_MARK_SENT,
    Action.INVOICE_VOID,
    Action.PAYMENT_CREATE,
    Action.PAYMENT_UPDATE,
    Action.PAYMENT_DELETE,
}
KEPT = kept()


def test_there_is_one_of_every_kind_of_write() -> None:
    """Whoever adds a kind keeps a row of it: `journal_rows/README.md`."""
    found = {(one["row"]["side"], one["row"]["action"]) for one in KEPT.values()}
    in_quickbooks = set(Action) - {Action.CONTACT_CREATE}
    assert found == {("quickbooks", action) for action in in_quickbooks} | {("ravetree", a) for a in IN_RAVETREE}


@pytest.mark.parametrize("name", KEPT)
def test_it_is_settled_as_it_was_then(database: Database, name: str) -> None:
    assert settled(database, KEPT[name]) == KEPT[name]["settled"]
