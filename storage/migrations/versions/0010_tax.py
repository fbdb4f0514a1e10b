"""How a company charges tax, and the difference of totals that a person accepted for a pair."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("tax", sa.Text(), nullable=True))
    with op.batch_alter_table("pairs") as batch:
        batch.add_column(sa.Column("accepted", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("pairs") as batch:
        batch.drop_column("accepted")
    with op.batch_alter_table("connections") as batch:
        batch.drop_column("tax")
