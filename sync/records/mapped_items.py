"""Which mapping is stale: a refusal that QuickBooks gives for an entry of a list, in a bookkeeper's words."""

from typing import Any

from clients.errors import Missing, NeighbourError
from clients.quickbooks.faults import StaleReference
from storage import connections
from sync.books import Books
from sync.writes.journal import Request


class ItemInactive(StaleReference):
    """A mapped item was made inactive or deleted in QuickBooks."""


def explain(books: Books, request: Request, error: Missing | StaleReference) -> NeighbourError:
    """`error` again, naming the mapped item that QuickBooks no longer takes, if it is one."""
    used = {
        str(line.get("SalesItemLineDetail", {}).get("ItemRef", {}).get("value", ""))
        for line in request.body.get("Line", [])
    } - {""}
    with books.reading() as session:
        mapped = connections.mappings(session, books.id, "line_type")
    types = {key: item for key, item in mapped.items() if item in used}
    if not types:
        return error
    found: dict[str, Any] = {
        str(raw["Id"]): raw for raw in books.neighbours.quickbooks.by_ids("Item", set(types.values()))
    }
    for key, item in sorted(types.items()):
        raw = found.get(item)
        if raw is None or not raw.get("Active", True):
            name = raw.get("Name", item) if raw else item
            return ItemInactive(
                f"the item {name}, to which the line type {key!r} is mapped, is inactive in QuickBooks",
                remedy="Make the item active again, or map the type to another one.",
                code=error.code,
                detail=error.detail,
                trace=error.trace,
            )
    return error
