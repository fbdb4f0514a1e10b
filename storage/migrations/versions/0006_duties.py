"""What the clock asks for is a row a connection and duty: when it is due, since when it fails and why."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NAMES = ("cdc", "events", "preflight", "parity")
"""Each was a column `<name>_due_at`."""

connections = sa.table(
    "connections",
    sa.column("id", sa.String()),
    sa.column("failing_looks", sa.Text()),
    *(sa.column(f"{name}_due_at", sa.DateTime(timezone=True)) for name in NAMES),
)
duties = sa.table(
    "duties",
    sa.column("connection_id", sa.String()),
    sa.column("duty", sa.String()),
    sa.column("due_at", sa.DateTime(timezone=True)),
    sa.column("failing_since", sa.DateTime(timezone=True)),
    sa.column("failing_cause", sa.Text()),
)


def upgrade() -> None:
    op.create_table(
        "duties",
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("duty", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_cause", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_duties_connection_id")),
        sa.PrimaryKeyConstraint("connection_id", "duty", name=op.f("pk_duties")),
    )
    with op.batch_alter_table("duties") as batch:
        batch.create_index("ix_duties_due_at", ["due_at"])
    for name in NAMES:
        due_at = connections.c[f"{name}_due_at"]
        planned = sa.select(connections.c.id, sa.literal(name), due_at, sa.literal("")).where(due_at.is_not(None))
        op.execute(sa.insert(duties).from_select(["connection_id", "duty", "due_at", "failing_cause"], planned))
    for row in _failing():
        for column, said in json.loads(row.failing_looks).items():
            since = datetime.fromisoformat(said["since"]).astimezone(UTC)
            op.execute(
                sa.update(duties)
                .where(duties.c.connection_id == row.id, duties.c.duty == column.removesuffix("_due_at"))
                .values(failing_since=since, failing_cause=said["cause"])
            )
    with op.batch_alter_table("connections") as batch:
        for name in NAMES:
            batch.drop_column(f"{name}_due_at")
        batch.drop_column("failing_looks")


def _failing() -> list[sa.Row[tuple[str, str]]]:
    query = sa.select(connections.c.id, connections.c.failing_looks).where(connections.c.failing_looks.is_not(None))
    return list(op.get_bind().execute(query))


def downgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        for name in NAMES:
            batch.add_column(sa.Column(f"{name}_due_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("failing_looks", sa.Text(), nullable=True))
    for name in NAMES:
        mine = sa.and_(duties.c.connection_id == connections.c.id, duties.c.duty == name)
        due_at = sa.select(duties.c.due_at).where(mine).scalar_subquery()
        op.execute(sa.update(connections).values({f"{name}_due_at": due_at}))
    failing: dict[str, dict[str, dict[str, str]]] = {}
    for row in op.get_bind().execute(sa.select(duties).where(duties.c.failing_since.is_not(None))):
        # SQLite keeps an instant without its zone.
        since = row.failing_since.astimezone(UTC) if row.failing_since.tzinfo else row.failing_since.replace(tzinfo=UTC)
        said = {"since": since.isoformat(), "cause": row.failing_cause}
        failing.setdefault(row.connection_id, {})[f"{row.duty}_due_at"] = said
    for name, looks in failing.items():
        op.execute(sa.update(connections).where(connections.c.id == name).values(failing_looks=json.dumps(looks)))
    with op.batch_alter_table("duties") as batch:
        batch.drop_index("ix_duties_due_at")
    op.drop_table("duties")
