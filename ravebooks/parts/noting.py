"""What is done on the command line is noted in the action log, whichever command does it."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from reconcile.model import Record
from sync.actions import Actions

ACTS = frozenset(
    {
        "ask_for",
        "begin",
        "begin_many",
        "decide",
        "discard",
        "make_report",
        "map_keys",
        "move",
        "pause",
        "redrive",
        "release_brake",
        "resume",
        "resume_all",
        "resume_part",
        "retry",
        "set_settings",
        "stop_all",
        "stop_many",
        "stop_part",
        "switch",
        "verify_all",
    }
)
"""What changes something, by the names of the actions; everything else only looks."""

OF_ALL = frozenset(
    {
        "begin_many",
        "discard",
        "redrive",
        "resume_all",
        "resume_part",
        "stop_all",
        "stop_many",
        "stop_part",
        "verify_all",
    }
)
"""Those that are about no connection."""

Note = Callable[[str, str, str], None]
"""Keeps what was done, to which connection, to which record; both may be empty."""


class Noting:
    """Does what `inner` does, and notes it once it went well."""

    def __init__(self, inner: Any, note: Note) -> None:
        self._inner = inner
        self._note = note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in ACTS:
            return found

        def act(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            of_one = name not in OF_ALL
            record = next((each for each in arguments if isinstance(each, Record)), "")
            self._note(name.replace("_", " "), str(arguments[0]) if of_one and arguments else "", str(record))
            return result

        return act


def noted(actions: Actions, note: Note) -> Actions:
    """The same actions, each noted."""
    rooms: dict[str, Any] = {field.name: Noting(getattr(actions, field.name), note) for field in fields(actions)}
    return replace(actions, **rooms)
