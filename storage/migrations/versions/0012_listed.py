"""What records are listed and found by: number or name, client and amount of Ravetree's, and how their sync stands."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ROWS = 1000
TITLE = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
"""By their bytes: how a language sorts is no way to look for what a text begins with."""
COPY_KEY, STATE_KEY = ("connection_id", "side", "kind", "record_id"), ("connection_id", "kind", "ravetree_id")
COPIES = sa.table("copies", *map(sa.column, (*COPY_KEY, "body", "title", "client_id", "amount")))
STATES = sa.table("sync_states", *map(sa.column, (*STATE_KEY, "body", "state")))


def upgrade() -> None:
    with op.batch_alter_table("copies") as batch:
        batch.add_column(sa.Column("title", TITLE, nullable=False, server_default=""))
        batch.add_column(sa.Column("client_id", sa.String(255), nullable=False, server_default=""))
        batch.add_column(sa.Column("amount", sa.String(32), nullable=False, server_default=""))
    with op.batch_alter_table("sync_states") as batch:
        batch.add_column(sa.Column("state", sa.String(16), nullable=False, server_default=""))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # The engine's own limits are for one record's work, not for all of them.
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
    _fill(connection, COPIES, COPY_KEY, _of_a_copy, COPIES.c.side == "ravetree")
    _fill(connection, STATES, STATE_KEY, _of_a_state)
    with op.batch_alter_table("copies") as batch:
        for name in ("title", "client_id", "amount"):
            batch.alter_column(name, server_default=None)
    with op.batch_alter_table("sync_states") as batch:
        batch.alter_column("state", server_default=None)
    op.create_index("ix_copies_seen_at", "copies", ["connection_id", "side", "seen_at", "kind", "record_id"])
    op.create_index("ix_copies_title", "copies", ["connection_id", "side", "title"])
    op.create_index("ix_copies_client_id", "copies", ["connection_id", "side", "client_id"])
    op.create_index("ix_sync_states_state", "sync_states", ["connection_id", "state", "kind", "ravetree_id"])
    op.create_index("ix_copies_amount", "copies", ["connection_id", "side", "amount"])


def _fill(connection: Any, table: Any, key: tuple[str, ...], values: Any, *criteria: Any) -> None:
    """Read what is there in the order of its key, some rows at a time, and store what each of them says."""
    columns = [table.c[name] for name in key]
    here = [column == sa.bindparam(f"key_{name}") for column, name in zip(columns, key, strict=True)]
    last: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*columns, table.c.body).where(*criteria).order_by(*columns).limit(ROWS)
        if last is not None:
            query = query.where(sa.tuple_(*columns) > sa.tuple_(*map(sa.literal, last)))
        rows = connection.execute(query).all()
        found = [
            {f"key_{name}": value for name, value in zip(key, row, strict=False)} | values(json.loads(row.body))
            for row in rows
        ]
        if found:
            new: dict[str, Any] = {name: sa.bindparam(name) for name in found[0] if not name.startswith("key_")}
            connection.execute(sa.update(table).where(*here).values(new), found)
        if len(rows) < ROWS:
            return
        last = tuple(rows[-1][: len(key)])


def _of_a_copy(body: dict[str, Any]) -> dict[str, str]:
    """As this version keeps it: a later one may keep it otherwise, and has a migration of its own."""
    title = body.get("number") or body.get("name") or body.get("reference") or ""
    try:
        amount = Decimal(str(body.get("total") or body.get("amount") or "").replace(",", "").strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    return {
        "title": _storable(str(title)).strip().casefold()[:255],
        "client_id": _storable(str(body.get("client_id") or ""))[:255],
        "amount": f"{amount:.2f}" if amount.is_finite() and abs(amount) < 10**15 else "",
    }


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _of_a_state(body: dict[str, Any]) -> dict[str, str]:
    return {"state": str(body.get("state") or "")[:16]}


def downgrade() -> None:
    op.drop_index("ix_sync_states_state", "sync_states")
    for name in ("amount", "client_id", "title", "seen_at"):
        op.drop_index(f"ix_copies_{name}", "copies")
    with op.batch_alter_table("sync_states") as batch:
        batch.drop_column("state")
    with op.batch_alter_table("copies") as batch:
        for name in ("amount", "client_id", "title"):
            batch.drop_column(name)
