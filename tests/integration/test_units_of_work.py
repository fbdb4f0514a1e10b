"""How many transactions the work on a record takes: one for all that lies between two calls of a neighbour."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.services.postgresql import PostgreSQL
from tests.simulation.posting import paired_invoice
from tests.simulation.world import World, as_settled

MOST = {"an invoice edited": 6, "a payment copied": 8, "an echo": 2}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = ""
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.new_database()
    made = World(tmp_path, database_url=url, prepare=as_settled)
    yield made
    made.close()


@contextmanager
def counted(world: World) -> Iterator[dict[str, int]]:
    """How many transactions and statements the block takes."""
    count = {"transactions": 0, "statements": 0}
    engine = world.parts.database.engine

    def begun(_connection: Any) -> None:
        count["transactions"] += 1

    def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        count["statements"] += not statement.startswith(("BEGIN", "PRAGMA"))

    listeners: list[tuple[str, Callable[..., None]]] = [("begin", begun), ("before_cursor_execute", executed)]
    for name, listener in listeners:
        sa.event.listen(engine, name, listener)
    try:
        yield count
    finally:
        for name, listener in listeners:
            sa.event.remove(engine, name, listener)


def test_the_work_on_a_record_takes_few_transactions(world: World) -> None:
    invoice, _ = paired_invoice(world)
    world.settle()

    def work(what: str) -> None:
        for letter in world.collect():
            world.deliver(letter)
        with counted(world) as count:
            world.reconciler.work(world.connection_id)
        print(f"{what}: {count['transactions']} transactions, {count['statements']} statements")  # noqa: T201 - what it measures is to be read
        assert 0 < count["transactions"] <= MOST[what]

    world.ravetree.change("invoices", invoice["id"], {"memo": "Thank you"})
    work("an invoice edited")
    theirs = world.quickbooks.invoice(invoice["number"])
    assert theirs is not None
    assert theirs["CustomerMemo"] == {"value": "Thank you"}
    world.settle()
    world.receive({invoice["id"]: "10.00"}, "CHK 1")
    work("a payment copied")
    assert len(world.quickbooks.query("select * from Payment")) == 1
    work("an echo")
    world.settle()
    assert world.attention() == []
