"""What is ticked and waits until it can take effect; the time zone of the company."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("invoices_ticked_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("estimates_ticked_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("time_zone", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("connections") as batch:
        batch.alter_column("time_zone", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.drop_column("time_zone")
        batch.drop_column("estimates_ticked_at")
        batch.drop_column("invoices_ticked_at")
