"""What operators see: samples, processes, what was told, jobs over many, and dead letters with how they died."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seconds", "at", "name", name=op.f("pk_samples")),
    )
    op.create_table(
        "processes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("progress_at", INSTANT, nullable=False),
        sa.Column("stuck", sa.Text(), nullable=False),
        sa.Column("broker", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "tellings",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.Column("over_at", INSTANT, nullable=True),
        sa.Column("told", sa.String(64), nullable=False),
        sa.Column("told_over", sa.String(64), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", "subject", name=op.f("pk_tellings")),
    )
    op.create_table(
        "bulk_jobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
    )
    op.create_index("ix_bulk_jobs_state", "bulk_jobs", ["state"])
    with op.batch_alter_table("dead_letters") as batch:
        batch.add_column(sa.Column("fingerprint", sa.String(200), nullable=False, server_default=""))
        batch.add_column(sa.Column("headers", sa.Text(), nullable=True))
        batch.add_column(sa.Column("discarded_at", INSTANT, nullable=True))
    letters = sa.table("dead_letters", sa.column("fingerprint"), sa.column("queue"), sa.column("reason"))
    op.execute(sa.update(letters).values(fingerprint=sa.func.substr(letters.c.queue + ": " + letters.c.reason, 1, 200)))
    with op.batch_alter_table("dead_letters") as batch:
        batch.alter_column("fingerprint", server_default=None)
    op.create_index("ix_dead_letters_waiting", "dead_letters", ["redriven_at", "discarded_at", "fingerprint", "id"])


def downgrade() -> None:
    op.drop_index("ix_dead_letters_waiting", "dead_letters")
    with op.batch_alter_table("dead_letters") as batch:
        for name in ("discarded_at", "headers", "fingerprint"):
            batch.drop_column(name)
    for table in ("bulk_jobs", "tellings", "processes", "samples"):
        op.drop_table(table)
