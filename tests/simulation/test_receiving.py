"""A delivery is accepted only when it is safe: until then its sender, or the table of the dead, keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from reconcile.model import Side
from schemas import envelopes
from schemas.envelopes import Delivery, Envelope
from storage import dead_letters
from tests.simulation.world import World


@contextmanager
def without_events(world: World) -> Iterator[None]:
    """The table of events is locked by nobody and takes nothing, as on a disk that is broken."""
    with world.parts.database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE events RENAME TO events_away"))
    try:
        yield
    finally:
        with world.parts.database.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE events_away RENAME TO events"))


@pytest.mark.parametrize("side", ["quickbooks", "ravetree"])
def test_a_delivery_that_the_database_does_not_take_is_refused_and_comes_again(world: World, side: str) -> None:
    invoice = world.invoice(world.client("Northwind Galleries"), "100.00")
    world.settle()
    if side == "ravetree":
        world.ravetree.change("invoices", invoice["id"], {"memo": "Thank you"})
    else:
        world.quickbooks.pay({invoice["number"]: "40.00"}, "2026-11-21", "CHK 1")
    letters = world.collect()
    with without_events(world):
        statuses = {
            world.web.post(urlsplit(letter.url).path, data=letter.body, headers=letter.headers).status_code
            for letter in letters
        }
    assert statuses == {503}
    for letter in letters:
        assert world.deliver(letter).status_code == 200
    world.settle()
    assert world.compare().differing == []


def test_a_dead_letter_that_nothing_takes_still_waits_to_be_driven_again(world: World) -> None:
    account = world.ravetree.credentials["account_id"]
    event = Envelope("evt_dead", "invoice.updated", "inv_1", world.clock.now())
    body = envelopes.encode(Delivery("d" * 32, Side.RAVETREE, account, world.clock.now(), (event,)))
    with world.parts.database.transaction() as session:
        dead_letters.keep(
            session,
            message_id="d" * 32,
            queue="ravebooks.inbound",
            routing_key="x",
            reason="rejected",
            body=body,
            now=world.clock.now(),
        )
    (letter,) = world.api("GET", "/api/dead-letters").get_json()["data"]
    path, token = f"/api/dead-letters/{letter['id']}/redrive", {"Authorization": "Bearer api"}
    with without_events(world):
        assert world.web.post(path, headers=token).status_code == 503
    assert [row["id"] for row in world.api("GET", "/api/dead-letters").get_json()["data"]] == [letter["id"]]
    world.api("POST", path)
    assert world.api("GET", "/api/dead-letters").get_json()["data"] == []
