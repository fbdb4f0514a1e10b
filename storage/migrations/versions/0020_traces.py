"""The trace that a message, a note and a write belong to, where anything is traced."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

TABLES = ("outbox", "pending_changes", "operations")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "traceparent")
