"""Our own processor time for one change in the worker, beside bare Python that makes the same calls.

The worker, its clients and its database are the product's; the neighbours answer in another process. Bare Python sends
the same requests to the same process, reads the answers, and makes as many transactions, each of which reads three rows
and stores three.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg

from clients.http import open_session
from config import logging
from ravebooks.demo.sides import Body
from tests.bench import rounds
from tests.bench.sandboxes import ApartWorld, Exchange, OverTheNetwork
from tests.integration.test_units_of_work import counted
from tests.services.postgresql import PostgreSQL
from tests.simulation.world import World, as_settled

CHANGES = 30
"""So many of each kind a round."""
APART = 10
"""Seconds between two changes: what a company was asked last shares no read with what comes next."""
GOAL = 4.0
"""Times bare Python."""
STATEMENTS = {"an invoice edited": 20.0, "a new invoice": 20.0, "a payment copied": 28.0}
"""At most."""
ROWS = [(place, "x" * 1000) for place in range(3)]


def run(times: int) -> None:
    """Each kind on both databases, in alternating rounds, with bare Python after each."""
    measured: rounds.Measured = defaultdict(list)
    with PostgreSQL() as postgresql:
        for _ in range(times):
            for database in ("PostgreSQL", "SQLite"):
                with world_on(postgresql if database == "PostgreSQL" else None) as (world, bare):
                    for kind, row in _measure(world, bare):
                        measured[f"{kind}, {database}"].append(row)
    columns = {
        "cpu": "ms of processor time",
        "bare": "bare Python, ms",
        "of bare": "times bare",
        "goal": "goal",
        "calls": "calls",
        "statements": "statements",
        "most": "goal",
        "transactions": "transactions",
    }
    rounds.show("changes", "a change in the worker", measured, columns)


@contextlib.contextmanager
def world_on(postgresql: PostgreSQL | None) -> Iterator[tuple[ApartWorld, Transaction]]:
    """A company with invoices on one database, the neighbours in another process, and bare Python's transaction."""
    url = postgresql.new_database() if postgresql is not None else ""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stderr(nowhere),
        contextlib.ExitStack() as stack,
    ):
        # Its lines are made as in production, and read by nobody.
        logging.configure()
        world = ApartWorld(Path(folder), database_url=url, prepare=_with_invoices)
        stack.callback(world.close)
        world.put_apart()
        if postgresql is not None:
            bare = stack.enter_context(_bare_postgresql(postgresql.new_database()))
        else:
            bare = stack.enter_context(_bare_sqlite(Path(folder) / "bare.db"))
        yield world, bare


def _with_invoices(world: World) -> list[Body]:
    """One to edit, and one for each payment."""
    as_settled(world)
    client = world.client("Northwind Galleries")
    invoices = [world.invoice(client, "10.00") for _ in range(CHANGES + 5)]
    world.settle()
    return invoices


# --- what is measured ----------------------------------------------------------------------------


def acts_of(world: ApartWorld) -> dict[str, Callable[[int], object]]:
    """What people do, a number each time."""
    invoice, *others = world.begun_with
    unpaid = [other["number"] for other in others]
    return {
        "an invoice edited": lambda n: world.ravetree.change("invoices", invoice["id"], {"memo": f"Edit {n}"}),
        "a payment copied": lambda n: world.quickbooks.pay({unpaid.pop(): "10.00"}, "2026-11-21", f"CHK {n}"),
        "a new invoice": lambda n: world.invoice(invoice["client_id"], "10.00", memo=f"New {n}"),
    }


def _measure(world: ApartWorld, bare: Transaction) -> Iterator[tuple[str, dict[str, float]]]:
    for kind, act in acts_of(world).items():
        spent = 0.0
        # The first ones open connections and make statements.
        for number in range(-3, CHANGES):
            took, _ = change(world, act, number)
            spent += took if number >= 0 else 0.0
        with counted(world) as count:
            _, tape = change(world, act, CHANGES, count)
        calls = len(tape)
        own, alone = spent * 1000 / CHANGES, _bare(world, bare, tape, count["transactions"]) * 1000
        row = {"cpu": own, "bare": alone, "of bare": own / alone, "goal": GOAL, "calls": calls}
        yield kind, row | {"most": STATEMENTS[kind]} | {name: float(value) for name, value in count.items()}
    _check(world)


def change(
    world: ApartWorld,
    act: Callable[[int], object],
    number: int,
    count: dict[str, int] | None = None,
    around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> tuple[float, list[Exchange]]:
    """One change: seconds of our own processor time for it in the worker, and what was asked for it."""
    world.settle()
    world.clock.advance(APART)
    act(number)
    for letter in world.collect():
        world.deliver(letter)
    world.tape()
    if count is not None:
        count.update(dict.fromkeys(count, 0))
    begun = time.process_time()
    with around():
        world.reconciler.work(world.connection_id)
    spent = time.process_time() - begun
    counted_so_far = dict(count or {})
    tape = world.tape()
    world.settle()
    if count is not None:
        count.update(counted_so_far)
    return spent, tape


def _check(world: ApartWorld) -> None:
    """Every change is in both books, once."""
    world.settle()
    theirs = world.quickbooks.query("select * from Invoice")
    memos = sorted(row["CustomerMemo"]["value"] for row in theirs if "CustomerMemo" in row)
    numbers = range(-3, CHANGES + 1)
    payments = sorted(row["reference"] for row in world.ravetree.every("payments"))
    expected = sorted([f"Edit {CHANGES}", *(f"New {number}" for number in numbers)])
    if memos != expected or payments != sorted(f"CHK {number}" for number in numbers) or world.attention():
        sys.exit(f"not every change is in both books once: {memos}, {payments}, {world.attention()}")


# --- bare Python ---------------------------------------------------------------------------------

Transaction = Callable[[], None]


def _bare(world: ApartWorld, transaction: Transaction, tape: Sequence[Exchange], transactions: int) -> float:
    """Seconds of the processor for the same calls and as many transactions."""
    session = open_session(lambda: OverTheNetwork(world.port))

    def change() -> None:
        for exchange in tape:
            answer = session.request(
                exchange.method, exchange.url, headers=exchange.headers, data=exchange.body or None
            )
            if answer.content:
                answer.json()
        for _ in range(transactions):
            transaction()

    world.play([*tape, *(exchange for _ in range(CHANGES) for exchange in tape)])
    change()
    begun = time.process_time()
    for _ in range(CHANGES):
        change()
    return (time.process_time() - begun) / CHANGES


@contextlib.contextmanager
def _bare_postgresql(url: str) -> Iterator[Transaction]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE rows (id INT PRIMARY KEY, body TEXT)")
        connection.commit()

        def transaction() -> None:
            connection.execute("SELECT id, body FROM rows WHERE id = ANY(%s)", ([0, 1, 2],)).fetchall()
            connection.cursor().executemany(
                "INSERT INTO rows VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET body = excluded.body", ROWS
            )
            connection.commit()

        yield transaction


@contextlib.contextmanager
def _bare_sqlite(path: Path) -> Iterator[Transaction]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE rows (id INT PRIMARY KEY, body TEXT)")

        def transaction() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT id, body FROM rows WHERE id IN (?, ?, ?)", (0, 1, 2)).fetchall()
            connection.executemany(
                "INSERT INTO rows VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", ROWS
            )
            connection.execute("COMMIT")

        yield transaction
