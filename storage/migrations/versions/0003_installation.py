"""The installation, connections that stall, are verified or archived, and what is sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LIVE = sa.text("state <> 'archived'")
FILLED = {
    "connections": ("environment", "failures", "stall_cause", "stall_remedy"),
    "operations": ("sends",),
}


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("environment", sa.String(length=16), nullable=False, server_default=""))
        batch.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("stalled_since", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("stall_cause", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("stall_remedy", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("verify_since", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
        # An archived connection lets its account and its company join others.
        batch.drop_constraint("uq_connections_account_id", type_="unique")
        batch.drop_constraint("uq_connections_realm_id", type_="unique")
    for column in ("account_id", "realm_id"):
        op.create_index(
            f"uq_connections_{column}",
            "connections",
            [column],
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        )
    with op.batch_alter_table("operations") as batch:
        batch.add_column(sa.Column("sends", sa.Integer(), nullable=False, server_default="0"))

    # The rows that were there have their values now; from here on the program gives them.
    for table, names in FILLED.items():
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("sends")
    for column in ("account_id", "realm_id"):
        op.drop_index(f"uq_connections_{column}", "connections")
    with op.batch_alter_table("connections") as batch:
        batch.create_unique_constraint("uq_connections_account_id", ["account_id"])
        batch.create_unique_constraint("uq_connections_realm_id", ["realm_id"])
        for name in (
            "verified_at",
            "verify_since",
            "stall_remedy",
            "stall_cause",
            "stalled_since",
            "retry_at",
            "failures",
            "environment",
        ):
            batch.drop_column(name)
    op.drop_table("installation")
