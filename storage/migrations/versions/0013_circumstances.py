"""How often something has changed that many records of a connection depend on."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("circumstances", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("connections") as batch:
        batch.alter_column("circumstances", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.drop_column("circumstances")
