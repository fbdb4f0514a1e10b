"""Lists of QuickBooks that can be mapped to, as they were read last: looking at them costs no read."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "kept_lists",
        sa.Column("connection_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_kept_lists_connection_id")),
        sa.PrimaryKeyConstraint("connection_id", "kind", name=op.f("pk_kept_lists")),
    )


def downgrade() -> None:
    op.drop_table("kept_lists")
