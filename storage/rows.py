"""Many rows by one statement, which is made once for a database and carried out with any number of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from schemas import strict_json
from storage.models import Json

Row = Mapping[str, Any]


def insert_rows(
    dialect: str, model: type[Any], names: Sequence[str], constants: Mapping[str, Any] | None = None
) -> Any:
    """An INSERT of rows with these columns, and the same `constants` in each, that knows `on_conflict_…`.

    SQLite takes rows as they are. PostgreSQL takes them as one text of JSON, in their order: a statement with a
    parameter for each value is another one for each number of rows, and is written, read and planned each time.
    """
    table = model.__table__
    fixed = {name: sa.literal(value, table.c[name].type) for name, value in (constants or {}).items()}
    if dialect == "sqlite":
        return sqlite.insert(table).values(fixed)
    rows = sa.func.json_to_recordset(sa.bindparam("rows", type_=sa.Text).cast(sa.JSON)).table_valued(
        *(sa.column(name, table.c[name].type) for name in names)
    )
    given = rows.render_derived("given", with_types=True)
    query = sa.select(*(given.c[name] for name in names), *fixed.values())
    return postgresql.insert(table).from_select([*names, *fixed], query)


def execute(session: Session, statement: Any, model: type[Any], rows: Sequence[Row]) -> Any:
    """Carry out a statement of `insert_rows`. What the session was given before is stored before."""
    session.flush()
    if session.get_bind().dialect.name == "sqlite":
        return session.execute(statement, [dict(row) for row in rows])
    bodies = [column.name for column in model.__table__.c if isinstance(column.type, Json)]
    spelled = [row | {name: strict_json.dumps(row[name]) for name in bodies} for row in map(dict, rows)]
    return session.execute(statement, {"rows": json.dumps(spelled, default=_spell)})


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no column takes a {type(value).__name__}")
