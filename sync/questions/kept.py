"""Both books of a connection that has ended: what was seen last, since nobody is asked any more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from clients.quickbooks.company import Company
from clients.ravetree.account import Account
from reconcile.model import Kind, Record, Side
from schemas.quickbooks import Body
from storage import copies
from storage.database import Database
from sync.neighbours import Neighbours


@dataclass(frozen=True)
class KeptAccount:
    """What a question about one record asks of Ravetree, answered from our copies."""

    database: Database
    connection_id: str
    before: Callable[[], None]

    def get(self, kind: Kind, record_id: str) -> Body | None:
        """One record as it was seen last; None if it never was, or had gone."""
        self.before()
        with self.database.reading() as session:
            copy = copies.get(session, self.connection_id, Record(Side.RAVETREE, kind, record_id))
        return copy.body if copy is not None and not copy.deleted else None

    def payments_of(self, _invoice_id: str) -> list[Body]:
        """Nobody decides about an ended connection's payments."""
        return []

    def payments_by(self, _client_id: str) -> list[Body]:
        """Nor brings any over."""
        return []


def neighbours(database: Database, connection_id: str, before: Callable[[], None]) -> Neighbours:
    """Neighbours that call nobody: of QuickBooks a question about one record reads our copies anyway.

    `before` ends what is open on this thread, as before any call.
    """
    return Neighbours(cast(Company, None), cast(Account, KeptAccount(database, connection_id, before)))
