"""What QuickBooks or Ravetree refuses is asked under a name like every other question's: `duplicate_number`."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

REFUSALS = (
    *("BooksClosed", "BusinessRule", "DepositedPayment", "DuplicateName", "DuplicateNumber", "Invalid", "ItemInactive"),
    *("Missing", "NotFoundOrInactive", "RecordGone", "Refused", "StaleReference", "Taken", "UnreadableRecord"),
    *("WrongAnswer", "WrongRequest"),
)
OTHERS = {"CustomerInactive": "billed_customer_inactive"}
"""`customer_inactive` is what a contact is asked about."""
NAMES = {name: re.sub("(?<!^)(?=[A-Z])", "_", name).lower() for name in REFUSALS} | OTHERS
ASKED = [sa.table(name, sa.column("code")) for name in ("pending_changes", "decisions")]


def upgrade() -> None:
    _rename(NAMES)


def downgrade() -> None:
    _rename({new: old for old, new in NAMES.items()})


def _rename(names: dict[str, str]) -> None:
    for table in ASKED:
        for old, new in names.items():
            op.execute(sa.update(table).where(table.c.code == old).values(code=new))
