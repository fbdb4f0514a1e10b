"""What worlds make over and over, and makes the same each time, is made once for a process."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from config.ports import SystemClock
from storage import migrations
from storage.database import Database

Builder = Callable[..., tuple[str, str]]
_compile = Rule._compile_builder
_builders: dict[tuple[Any, ...], Builder] = {}


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Builder:
    """What it makes depends on nothing else of the rule: the converters are the rule's that it is called with."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile(rule, append_unknown)
    return _builders[key]


def routes() -> None:
    """What builds the address of a route, from now on. A fifth of a second for each world."""
    Rule._compile_builder = _compiled_once  # type: ignore[assignment, method-assign]


class _Templates(BytecodeCache):
    """The compiled pages, which each application would compile for itself."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


def templates() -> None:
    """What the pages are made of, from now on."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Templates()}


@cache
def database() -> bytes:
    """An empty database of ours, with its tables."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.db"
        made = Database(f"sqlite:///{path}", SystemClock())
        migrations.upgrade(made)
        made.close()
        return path.read_bytes()


_first: list[sa.Engine] = []


def statements(database: Database) -> None:
    """The text of each statement: SQLAlchemy keeps it by the engine, and each world's database has one of its own."""
    if not database.is_sqlite:
        return
    first = _first[0] if _first else database.engine
    _first[:] = [first]
    for engine in (database.engine, database._reader):
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    database.engine.pool._dialect = first.dialect
