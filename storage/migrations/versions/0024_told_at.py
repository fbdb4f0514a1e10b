"""When QuickBooks told a state of a record that it found by looking at what changed."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("copies", sa.Column("told_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("copies", "told_at")
