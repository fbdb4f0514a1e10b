"""Which entry of a list is stale that QuickBooks refuses a write for: a customer or a mapped item, in plain words."""

from clients.errors import Missing, NeighbourError
from clients.quickbooks.faults import StaleReference
from reconcile.contacts import plain_name
from reconcile.model import Kind, Side
from schemas.quickbooks import Body
from sync.books import Books
from sync.records.customers import contact_of
from sync.writes.journal import Request


class ItemInactive(StaleReference):
    """A mapped item was made inactive or deleted in QuickBooks."""


class BilledCustomerInactive(StaleReference):
    """The customer of a document or a payment was made inactive in QuickBooks."""


def explain(books: Books, request: Request, error: Missing | StaleReference) -> NeighbourError:
    """`error` again, naming the customer or the mapped item that QuickBooks no longer takes, if it is one."""
    return _customer(books, request, error) or _item(books, request, error) or error


def _customer(books: Books, request: Request, error: Missing | StaleReference) -> BilledCustomerInactive | None:
    customer_id = str((request.body.get("CustomerRef") or {}).get("value", ""))
    if not customer_id:
        return None
    found = _read(books, "Customer", {customer_id}).get(customer_id)
    if found is None or found.get("Active", True):
        return None
    client = _client(books, request, customer_id)
    name = plain_name(str(found.get("DisplayName", customer_id)))
    return BilledCustomerInactive(
        f"the customer {name:.60}{f' of client {client:.60}' if client else ''} is inactive in QuickBooks",
        remedy="Make the customer active again; it goes on by itself.",
        code=error.code,
        detail=error.detail,
        trace=error.trace,
    )


def _client(books: Books, request: Request, customer_id: str) -> str:
    """The name of the client that the write is for."""
    named = str((request.context.base_ravetree or {}).get("client_id") or "")
    if not named:
        linked = books.pairs_among(Kind.CONTACT, Side.QUICKBOOKS, [customer_id])
        named = linked[0].ravetree_id if linked else ""
    contact = contact_of(books, named) if named else None
    return contact.name if contact is not None else ""


def _item(books: Books, request: Request, error: Missing | StaleReference) -> ItemInactive | None:
    used = {
        str(line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value", ""))
        for line in request.body.get("Line", [])
    } - {""}
    types = {key: item for key, item in books.mappings("line_type").items() if item in used}
    if not types:
        return None
    found = _read(books, "Item", set(types.values()))
    for key, item in sorted(types.items()):
        raw = found.get(item)
        if raw is None or not raw.get("Active", True):
            name = plain_name(str(raw.get("Name", item))) if raw else item
            return ItemInactive(
                f"the item {name}, to which the line type {key!r} is mapped, is inactive in QuickBooks",
                remedy="Make the item active again, or map the type to another one.",
                code=error.code,
                detail=error.detail,
                trace=error.trace,
            )
    return None


def _read(books: Books, entity: str, names: set[str]) -> dict[str, Body]:
    return {str(raw["Id"]): raw for raw in books.neighbours.quickbooks.by_ids(entity, names)}
