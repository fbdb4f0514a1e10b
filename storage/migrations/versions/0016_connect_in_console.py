"""Whether a connect was begun in the console, which it then leads back to."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    with op.batch_alter_table("oauth_states") as batch:
        batch.add_column(sa.Column("in_console", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("oauth_states") as batch:
        batch.alter_column("in_console", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("oauth_states") as batch:
        batch.drop_column("in_console")
