"""An index of the few words that Ravetree has not been told yet: whoever counted them read every record's."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index(
        "ix_sync_states_untold",
        "sync_states",
        ["connection_id", "generation"],
        sqlite_where=sa.text("unsent IS 1"),
        postgresql_where=sa.text("unsent IS true"),
    )


def downgrade() -> None:
    op.drop_index("ix_sync_states_untold", table_name="sync_states")
