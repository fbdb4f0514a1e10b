"""What a write has made, where its answer was lost: found by what it said."""

from typing import Any

from clients.quickbooks.company import quoted
from reconcile.actions import Action
from reconcile.model import Kind, Record, Side
from schemas import strict_json
from schemas.quickbooks import Body
from storage.models import Operation
from sync.neighbours import Neighbours


def find_made(neighbours: Neighbours, operation: Operation) -> Body | None:
    """The record that a create made, if it did: by number, by name, or by customer, date and our note."""
    if not Action(operation.action).creates:
        return None
    body = strict_json.loads(operation.body)
    company = neighbours.quickbooks
    if operation.path == "customer":
        found = company.query("Customer", f"DisplayName = {quoted(body['DisplayName'])}")
    elif operation.path in ("invoice", "estimate"):
        found = company.query(operation.path.capitalize(), f"DocNumber = {quoted(body['DocNumber'])}")
        found = [raw for raw in found if _says_the_same(raw, body)]
    else:
        where = f"CustomerRef = {quoted(body['CustomerRef']['value'])} and TxnDate = {quoted(body['TxnDate'])}"
        found = company.query("Payment", where)
        found = [raw for raw in found if raw.get("PrivateNote") == body["PrivateNote"]]
    return found[0] if found else None


def _says_the_same(raw: Body, sent: Body) -> bool:
    """Whether a document may be what we sent: another one of its number and customer is somebody else's."""
    return (
        raw["CustomerRef"]["value"] == sent["CustomerRef"]["value"]
        and raw["TxnDate"] == sent["TxnDate"]
        and _amounts(raw) == _amounts(sent)
    )


def _amounts(body: Body) -> list[Any]:
    return [line.get("Amount") for line in body["Line"] if line["DetailType"] == "SalesItemLineDetail"]


def record_of(operation: Operation) -> Record:
    """The record that a write is about."""
    side, kind, record_id = operation.subject.split(":", 2)
    return Record(Side(side), Kind(kind), record_id)
