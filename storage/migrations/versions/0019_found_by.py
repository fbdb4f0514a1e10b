"""What QuickBooks' records are found by: a payment by what it is applied to, the rest by their customer or parent.

And what is due of sync states, and pairs and writes, by indexes of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

ROWS = 1000
KEY = ("connection_id", "side", "kind", "record_id")
COPIES = sa.table("copies", *map(sa.column, (*KEY, "body", "client_id")))


def upgrade() -> None:
    links = op.create_table(
        "payment_links",
        sa.Column("connection_id", sa.String(32), sa.ForeignKey("connections.id"), primary_key=True),
        sa.Column("target_id", sa.String(255), primary_key=True),
        sa.Column("payment_id", sa.String(255), primary_key=True),
    )
    connection = op.get_bind()
    _fill(connection, links)
    op.drop_index("ix_copies_client_id", "copies")
    op.create_index("ix_copies_client_id", "copies", ["connection_id", "side", "client_id", "kind"])
    op.create_index("ix_pairs_quickbooks_id", "pairs", ["connection_id", "kind", "quickbooks_id"])
    op.create_index("ix_operations_action", "operations", ["connection_id", "action", "state", "subject"])
    op.create_index("ix_sync_states_due", "sync_states", ["unsent", "due_at"])


def _fill(connection: Any, links: Any) -> None:
    """Read what is there in the order of its key, some rows at a time, and store what each of them says."""
    columns = [COPIES.c[name] for name in KEY]
    here = [column == sa.bindparam(f"key_{name}") for column, name in zip(columns, KEY, strict=True)]
    update = sa.update(COPIES).where(*here).values(client_id=sa.bindparam("client"))
    last: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*columns, COPIES.c.body).where(COPIES.c.side == "quickbooks").order_by(*columns).limit(ROWS)
        if last is not None:
            query = query.where(sa.tuple_(*columns) > sa.tuple_(*map(sa.literal, last)))
        rows = [(tuple(row[: len(KEY)]), json.loads(row.body)) for row in connection.execute(query)]
        clients = [
            {f"key_{name}": value for name, value in zip(KEY, key, strict=True)} | {"client": _client(body)}
            for key, body in rows
        ]
        applied = [
            {"connection_id": owner, "payment_id": name, "target_id": target}
            for (owner, _, kind, name), body in rows
            if kind == "payment"
            for target in sorted(set(_targets(body)))
        ]
        for statement, values in ((update, clients), (sa.insert(links), applied)):
            if values:
                connection.execute(statement, values)
        if len(rows) < ROWS:
            return
        last = rows[-1][0]


def _client(body: dict[str, Any]) -> str:
    """As this version keeps it: a later one may keep it otherwise, and has a migration of its own."""
    named = body.get("CustomerRef") or body.get("ParentRef") or {}
    return str(named.get("value") or "")[:255] if isinstance(named, dict) else ""


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("TxnId"), str):
            yield value["TxnId"][:255]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _targets(item)


def downgrade() -> None:
    op.drop_index("ix_sync_states_due", "sync_states")
    op.drop_index("ix_operations_action", "operations")
    op.drop_index("ix_pairs_quickbooks_id", "pairs")
    op.drop_index("ix_copies_client_id", "copies")
    op.create_index("ix_copies_client_id", "copies", ["connection_id", "side", "client_id"])
    op.drop_table("payment_links")
    op.get_bind().execute(sa.update(COPIES).where(COPIES.c.side == "quickbooks").values(client_id=""))
