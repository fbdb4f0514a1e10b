"""What each question was asked with. Those that stand are looked at again by what they are about, as before."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

KEY = ["connection_id", "side", "kind", "record_id"]


def upgrade() -> None:
    op.create_table(
        "asked_with",
        sa.Column("connection_id", sa.String(32), sa.ForeignKey("connections.id"), primary_key=True),
        sa.Column("side", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("record_id", sa.String(255), primary_key=True),
        sa.Column("other", sa.String(320), primary_key=True),
        sa.ForeignKeyConstraint(
            KEY, [f"pending_changes.{name}" for name in KEY], name="fk_asked_with_note", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_asked_with_other", "asked_with", ["connection_id", "other"])


def downgrade() -> None:
    op.drop_table("asked_with")
