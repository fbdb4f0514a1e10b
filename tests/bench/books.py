"""Accounts by the dozen, each with invoices in both books: one is connected in a simulated world, the others copied."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import keyring
from config.ports import SystemClock, SystemEntropy
from reconcile.model import Kind
from storage.database import Database
from storage.models import Base, Connection, Installation
from storage.vault import Vault
from tests.simulation.interleaved.play import silent
from tests.simulation.world import World, as_paired

COPIED = ("duties", "mappings", "kept_lists", "pairs", "copies", "sync_states")
"""What an account has at rest."""
BY_INVOICE = ("pairs", "copies", "sync_states")
TOKEN_KEYS = keyring.spell(b"t" * 32)
"""As in the simulated world."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Book:
    """One account: its clients, and its invoices as Ravetree and as QuickBooks have them, by id."""

    account: str
    realm: str
    connection_id: str
    clients: dict[str, Row]
    ours: dict[str, Row]
    theirs: dict[str, Row]

    @classmethod
    def loaded(cls, text: str) -> list[Book]:
        """Those that were spelled."""
        return [cls(**one) for one in json.loads(text)]


def spelled(books: Iterable[Book]) -> str:
    """Books as JSON."""
    return json.dumps([asdict(book) for book in books], default=str)


def install(database_url: str, invoices: Sequence[int]) -> list[Book]:
    """An account for each number, connected in this empty database, with so many invoices in both books."""
    silent()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), database_url=database_url, prepare=as_paired)
        template, ours = world.connection_id, str(world.begun_with["id"])
        world.close()
    database = Database(database_url, SystemClock())
    try:
        with database.transaction() as session:
            maker = _Maker(session, template, ours)
            books = [maker.account(number, count) for number, count in enumerate(invoices, 1)]
            session.execute(sa.update(Connection).where(Connection.id == template).values(state="archived"))
            session.execute(sa.update(Installation).values(alive_at=datetime.now(UTC)))
    finally:
        database.close()
    return books


class _Maker:
    """Copies the rows of one connection under other names."""

    def __init__(self, session: Session, template: str, invoice: str) -> None:
        self._session = session
        self._vault = Vault(keyring.parse(TOKEN_KEYS), SystemEntropy())
        tables = Base.metadata.tables
        rows = {name: self._rows(tables[name], "connection_id", template) for name in COPIED}
        (pair,) = [row for row in rows["pairs"] if row["ravetree_id"] == invoice]
        self._names = {"ravetree": invoice, "quickbooks": str(pair["quickbooks_id"])}
        (self._connection,) = self._rows(tables["connections"], "id", template)
        self._at_rest = {name: [row for row in found if row.get("kind") != "invoice"] for name, found in rows.items()}
        self._clients = {
            row["record_id"]: row["body"]
            for row in rows["copies"]
            if (row["side"], row["kind"]) == ("ravetree", Kind.CONTACT)
        }
        self._invoice = {name: [row for row in rows[name] if row["kind"] == Kind.INVOICE] for name in BY_INVOICE}

    def account(self, number: int, invoices: int) -> Book:
        """One more account with so many invoices."""
        book = Book(f"org_{number:04}", str(9_130_000_000 + number), f"{number:016x}", dict(self._clients), {}, {})
        now = datetime.now(UTC)
        hour = timedelta(hours=1)
        named = {"id": book.connection_id, "account_id": book.account, "realm_id": book.realm}
        until = {"access_expires_at": now + hour, "refresh_expires_at": now + 24 * hour, "cdc_watermark": now}
        self._add("connections", [self._connection | named | until | self._tokens(book)])
        rows = {name: copy.deepcopy(found) for name, found in self._at_rest.items()}
        for duty in rows["duties"]:
            duty["due_at"] = now + (timedelta(minutes=5) if duty["duty"] == "events" else 24 * hour)
        for place in range(invoices):
            for name, found in self._invoice_rows(book, number, place).items():
                rows[name] += found
        for name, found in rows.items():
            self._add(name, [row | {"connection_id": book.connection_id} for row in found])
        return book

    def _invoice_rows(self, book: Book, number: int, place: int) -> dict[str, list[Row]]:
        ours, theirs = f"inv_{number:04}{place:05}", str(1000 + place)
        own = {self._names["ravetree"]: ours}
        rows = copy.deepcopy(self._invoice)
        for pair in rows["pairs"]:
            pair |= {"ravetree_id": ours, "quickbooks_id": theirs}
            pair["base_ravetree"] |= {"id": ours, "number": str(5000 + place)}
            pair["base_quickbooks"] |= {"Id": theirs, "DocNumber": str(5000 + place)}
        for kept in rows["copies"]:
            is_ours = kept["record_id"] in own
            kept["record_id"] = ours if is_ours else theirs
            kept["title"] = str(5000 + place) if is_ours else ""
            names = ("id", "number") if is_ours else ("Id", "DocNumber")
            kept["body"] |= dict(zip(names, (kept["record_id"], str(5000 + place)), strict=True))
            (book.ours if is_ours else book.theirs)[kept["record_id"]] = kept["body"]
        for state in rows["sync_states"]:
            state["ravetree_id"] = ours
            state["body"] |= {"remote_id": theirs}
        return rows

    def _tokens(self, book: Book) -> Row:
        names = ("ravetree_token", "access_token", "refresh_token")
        return {name: self._vault.seal(name, book.connection_id, name) for name in names}

    def _rows(self, table: sa.Table, column: str, value: str) -> list[Row]:
        found = self._session.execute(sa.select(table).where(table.c[column] == value)).mappings()
        return [dict(row) for row in found]

    def _add(self, name: str, rows: list[Row]) -> None:
        table = Base.metadata.tables[name]
        numbered = name == "pairs"
        kept = [{key: value for key, value in row.items() if not (numbered and key == "id")} for row in rows]
        if kept:
            self._session.execute(sa.insert(table), kept)
