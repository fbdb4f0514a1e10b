"""Statements that are made once: to spell one takes SQLAlchemy longer than to carry it out."""

from typing import Any

import sqlalchemy as sa


def given(name: str) -> sa.BindParameter[Any]:
    """A value that a statement is given each time. In an UPDATE it may not have the name of a column."""
    return sa.bindparam(name)


def any_given(name: str) -> sa.BindParameter[Any]:
    """A list of values for `in_`, of any length."""
    return sa.bindparam(name, expanding=True)
