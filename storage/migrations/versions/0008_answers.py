"""What is kept of a pair, the question that a decision answers, answers that last, and the closing date."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("pairs") as batch:
        batch.add_column(sa.Column("notices", sa.Text(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("kept", sa.Text(), nullable=False, server_default="{}"))
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("books_closed", sa.String(10), nullable=False, server_default=""))
    with op.batch_alter_table("decisions") as batch:
        batch.add_column(sa.Column("code", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("pairs") as batch:
        batch.alter_column("notices", server_default=None)
        batch.alter_column("kept", server_default=None)
    with op.batch_alter_table("connections") as batch:
        batch.alter_column("books_closed", server_default=None)
    with op.batch_alter_table("decisions") as batch:
        batch.alter_column("code", server_default=None)
    op.create_table(
        "answers",
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=320), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("other", sa.String(length=255), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("said_by", sa.String(length=255), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_answers_connection_id")),
        sa.PrimaryKeyConstraint("connection_id", "subject", "code", "other", name=op.f("pk_answers")),
    )


def downgrade() -> None:
    op.drop_table("answers")
    with op.batch_alter_table("decisions") as batch:
        batch.drop_column("code")
    with op.batch_alter_table("pairs") as batch:
        batch.drop_column("notices")
        batch.drop_column("kept")
    with op.batch_alter_table("connections") as batch:
        batch.drop_column("books_closed")
