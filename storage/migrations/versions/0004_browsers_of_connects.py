"""A connect belongs to the browser that began it, and may be undone; a disconnected connection keeps no token."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ADDED = ("browser", "verifier", "connection_id")
TOKENS = (
    "ravetree_token",
    "access_token",
    "access_expires_at",
    "refresh_token",
    "refresh_expires_at",
    "refresh_hard_expires_at",
)


def upgrade() -> None:
    # Whatever was under way has no browser, and could not be finished.
    op.execute("DELETE FROM oauth_states")
    with op.batch_alter_table("oauth_states") as batch:
        batch.alter_column("ravetree_token", existing_type=sa.LargeBinary(), nullable=True)
        batch.add_column(sa.Column("browser", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("verifier", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("connection_id", sa.String(length=32), nullable=True))
        batch.create_foreign_key("fk_oauth_states_connection_id", "connections", ["connection_id"], ["id"])
    connections = sa.table("connections", sa.column("state"), *(sa.column(name) for name in TOKENS))
    op.execute(
        sa.update(connections).where(connections.c.state == "disconnected").values(dict.fromkeys(TOKENS, sa.null()))
    )


def downgrade() -> None:
    op.execute("DELETE FROM oauth_states")
    with op.batch_alter_table("oauth_states") as batch:
        batch.drop_constraint("fk_oauth_states_connection_id", type_="foreignkey")
        for name in ADDED:
            batch.drop_column(name)
        batch.alter_column("ravetree_token", existing_type=sa.LargeBinary(), nullable=False)
