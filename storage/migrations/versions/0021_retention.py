"""What is no longer kept: how far its removal has got, and by what an event is known that is gone."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "past_events",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_past_events")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "retention_passes",
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("reached", ID, nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("whole_at", INSTANT, nullable=False),
        sa.Column("removed", ID, nullable=False),
        sa.Column("total", ID, nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_retention_passes")),
    )
    op.add_column("connections", sa.Column("heard_at", INSTANT, nullable=True))


def downgrade() -> None:
    op.drop_column("connections", "heard_at")
    op.drop_table("retention_passes")
    op.drop_table("past_events")
