"""Whole seconds: two changes may have the same time."""

import json

from ravebooks.demo.sides import Body
from tests.simulation.test_scenarios import remote
from tests.simulation.world import World
from webhooks.signatures import quickbooks_signature


def post_legacy(world: World, payment: Body, operation: str) -> None:
    query = f"select * from Payment where Id = '{payment['Id']}'"  # noqa: S608 - QuickBooks' language
    moment = world.quickbooks.query(query)[0]["MetaData"]["LastUpdatedTime"]
    entity = {"name": "Payment", "id": payment["Id"], "operation": operation, "lastUpdated": moment}
    realm = world.quickbooks.credentials["realm_id"]
    body = json.dumps({"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": [entity]}}]}).encode()
    signature = quickbooks_signature(body, world.quickbooks.credentials["verifier_token"])
    assert world.web.post("/webhooks/quickbooks", data=body, headers={"intuit-signature": signature}).status_code == 200


def test_an_edit_in_the_second_of_what_was_read_is_read_too(world: World, paired: Body) -> None:
    """The legacy format has whole seconds, as LastUpdatedTime has."""
    payment = world.quickbooks.pay({paired["number"]: "60.00"}, "2026-11-21", "CHK 1")
    world.collect()
    post_legacy(world, payment, "Create")
    world.work()
    line = {"Amount": 55, "LinkedTxn": [{"TxnId": remote(world, paired)["Id"], "TxnType": "Invoice"}]}
    named = {name: payment[name] for name in ("Id", "SyncToken", "CustomerRef")}
    world.quickbooks.write("payment", named | {"sparse": True, "TotalAmt": 55, "Line": [line]})
    world.collect()
    post_legacy(world, payment, "Update")
    for _ in range(30):
        world.work()
        world.clock.advance(1)
    assert [row["amount"] for row in world.ravetree.every("payments")] == ["55.00"]
