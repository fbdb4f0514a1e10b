"""Estimates, jobs, the timeline, metered reads, parity reports and brakes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FILLED = {
    "connections": ("draft_policy", "delete_policy", "removals_limit"),
    "decisions": ("target",),
    "oauth_states": ("purpose",),
}


def upgrade() -> None:
    op.create_table(
        "brakes",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_brakes")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_jobs_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    with op.batch_alter_table("jobs") as batch:
        batch.create_index("ix_jobs_connection_id_state", ["connection_id", "state"])

    op.create_table(
        "metered_reads",
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_metered_reads_connection_id")),
        sa.PrimaryKeyConstraint("connection_id", "month", "cause", name=op.f("pk_metered_reads")),
    )
    op.create_table(
        "parity_reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_parity_reports_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parity_reports")),
    )
    with op.batch_alter_table("parity_reports") as batch:
        batch.create_index("ix_parity_reports_connection_id_made_at", ["connection_id", "made_at"])

    op.create_table(
        "steps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=320), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_steps_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
    )
    with op.batch_alter_table("steps") as batch:
        batch.create_index("ix_steps_connection_id_subject", ["connection_id", "subject"])

    op.create_table(
        "job_records",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=320), nullable=False),
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_job_records_connection_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_records_job_id")),
        sa.PrimaryKeyConstraint("job_id", "subject", name=op.f("pk_job_records")),
    )
    with op.batch_alter_table("job_records") as batch:
        batch.create_index("ix_job_records_subject", ["connection_id", "subject"])

    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("draft_policy", sa.String(length=8), nullable=False, server_default="create"))
        batch.add_column(sa.Column("delete_policy", sa.String(length=8), nullable=False, server_default="void"))
        batch.add_column(sa.Column("removals_limit", sa.Integer(), nullable=False, server_default="20"))
        batch.add_column(sa.Column("removals_since", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("reads_budget", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("contacts_imported_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("preflight", sa.Text(), nullable=True))
        batch.add_column(sa.Column("preflight_due_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("parity_due_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("decisions") as batch:
        batch.add_column(sa.Column("target", sa.String(length=255), nullable=False, server_default=""))

    with op.batch_alter_table("oauth_states") as batch:
        batch.add_column(sa.Column("purpose", sa.String(length=8), nullable=False, server_default="consent"))

    # The rows that were there have their values now; from here on the program gives them.
    for table, names in FILLED.items():
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("oauth_states") as batch:
        batch.drop_column("purpose")

    with op.batch_alter_table("decisions") as batch:
        batch.drop_column("target")

    with op.batch_alter_table("connections") as batch:
        batch.drop_column("parity_due_at")
        batch.drop_column("preflight_due_at")
        batch.drop_column("preflight")
        batch.drop_column("contacts_imported_at")
        batch.drop_column("reads_budget")
        batch.drop_column("removals_since")
        batch.drop_column("removals_limit")
        batch.drop_column("delete_policy")
        batch.drop_column("draft_policy")

    with op.batch_alter_table("job_records") as batch:
        batch.drop_index("ix_job_records_subject")

    op.drop_table("job_records")
    with op.batch_alter_table("steps") as batch:
        batch.drop_index("ix_steps_connection_id_subject")

    op.drop_table("steps")
    with op.batch_alter_table("parity_reports") as batch:
        batch.drop_index("ix_parity_reports_connection_id_made_at")

    op.drop_table("parity_reports")
    op.drop_table("metered_reads")
    with op.batch_alter_table("jobs") as batch:
        batch.drop_index("ix_jobs_connection_id_state")

    op.drop_table("jobs")
    op.drop_table("brakes")
