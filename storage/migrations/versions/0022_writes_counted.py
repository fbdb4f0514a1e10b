"""What a connection wrote in a month, and what of it has no answer yet, are counted by an index of their own."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("ix_operations_answered", "operations", ["connection_id", "state", "side", "answered_at", "action"])


def downgrade() -> None:
    op.drop_index("ix_operations_answered", "operations")
