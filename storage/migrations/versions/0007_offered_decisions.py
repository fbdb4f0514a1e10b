"""Which decisions a question takes, beside the words of its remedy."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NAMED = re.compile("`(two|overwrite|push|leave|adopt|ravetree|quickbooks|link|unlink)`")


def upgrade() -> None:
    with op.batch_alter_table("pending_changes") as batch:
        batch.add_column(sa.Column("decisions", sa.String(120), nullable=False, server_default=""))
    changes = sa.table("pending_changes", sa.column("remedy", sa.Text()), sa.column("decisions", sa.String()))
    connection = op.get_bind()
    for (remedy,) in connection.execute(sa.select(changes.c.remedy).where(changes.c.remedy != "").distinct()).all():
        named = " ".join(dict.fromkeys(_NAMED.findall(remedy)))
        connection.execute(sa.update(changes).where(changes.c.remedy == remedy).values(decisions=named))
    with op.batch_alter_table("pending_changes") as batch:
        batch.alter_column("decisions", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("pending_changes") as batch:
        batch.drop_column("decisions")
