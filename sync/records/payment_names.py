"""What our copies of payments bear, so that each is made once."""

from reconcile.markers import external_id
from reconcile.model import Kind
from sync.books import Books


def reference(books: Books, quickbooks_id: str) -> str:
    """What Ravetree's copy of a QuickBooks payment bears, so that it is made once."""
    return external_id(books.connection.realm_id, Kind.PAYMENT, quickbooks_id)
