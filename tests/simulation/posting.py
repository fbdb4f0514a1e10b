"""What tests of the simulation post in Intuit's name, and what they look up in our own books."""

import json
from typing import Any

import sqlalchemy as sa

from storage.models import Base
from tests.simulation.world import World
from webhooks.signatures import quickbooks_signature

BothSides = tuple[dict[str, Any], dict[str, Any]]
"""A record as Ravetree and as QuickBooks have it."""
COUNTED_ONLY = frozenset({"metered_reads"})
"""Counting a read that was made is no trace of what it was made for."""


def post(world: World, payload: Any) -> None:
    """Post a delivery with QuickBooks' signature."""
    body = json.dumps(payload).encode()
    headers = {"intuit-signature": quickbooks_signature(body, world.quickbooks.credentials["verifier_token"])}
    assert world.web.post("/webhooks/quickbooks", data=body, headers=headers).status_code == 200


def event(world: World, entity: str, record_id: str, change: str = "created", **more: Any) -> dict[str, Any]:
    """A CloudEvent of now; `more` takes the place of its properties."""
    moment = world.clock.now().isoformat()
    return {
        "specversion": "1.0",
        "id": f"test-{entity}-{record_id}-{change}-{moment}",
        "source": "intuit",
        "type": f"qbo.{entity}.{change}.v1",
        "time": moment,
        "intuitentityid": record_id,
        "intuitaccountid": world.quickbooks.credentials["realm_id"],
    } | more


def legacy(world: World, entity: str, record_id: str, operation: str, moment: str) -> dict[str, Any]:
    """A notification of the format before CloudEvents."""
    change = {"name": entity, "id": record_id, "operation": operation, "lastUpdated": moment}
    realm = world.quickbooks.credentials["realm_id"]
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": [change]}}]}


def paired_invoice(world: World, amount: str = "100.00") -> BothSides:
    """A new invoice as Ravetree and as QuickBooks have it."""
    ours = world.invoice(world.client(f"Client of {amount}"), amount)
    world.settle()
    theirs = world.quickbooks.invoice(ours["number"])
    assert theirs is not None
    return ours, theirs


def pay(world: World, invoice: dict[str, Any], amount: int) -> dict[str, Any]:
    """The bookkeeper receives a payment over QuickBooks' `invoice`."""
    line = {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
    customer = {"value": invoice["CustomerRef"]["value"]}
    return world.quickbooks.write("payment", {"CustomerRef": customer, "TotalAmt": amount, "Line": [line]})


def next_id(world: World) -> str:
    """The id that QuickBooks' next payment gets: the sandbox counts payments and invoices together."""
    statements = ("select * from Invoice", "select * from Payment", "select * from Estimate")
    found = [row for statement in statements for row in world.quickbooks.query(statement)]
    return str(max(int(row["Id"]) for row in found) + 1)


def reads(world: World, cause: str = "") -> int:
    """Metered reads of the connection so far, those of one cause if it is named."""
    usage = world.api("GET", f"/api/connections/{world.connection_id}/usage").get_json()["data"]
    return sum(count for month in usage for name, count in month["reads"].items() if cause in ("", name))


def rows_of_all_tables(world: World) -> dict[str, list[Any]]:
    """Every row that we keep."""
    with world.parts.database.transaction() as session:
        return {
            name: sorted(map(repr, session.execute(sa.select(table)).all()))
            for name, table in Base.metadata.tables.items()
            if name not in COUNTED_ONLY
        }


def work_for(world: World, seconds: int, step: int = 1) -> None:
    """Sweep and work every `step` seconds, delivering nothing."""
    for _ in range(0, seconds, step):
        world.work()
        world.clock.advance(step)
