"""Every command that a document names is one: it exists and takes what stands behind it."""

import re
from pathlib import Path

import click
import pytest

from ravebooks.command_line import ravebooks
from tests.docs.examples import DOCS, named, words

STAND_FOR = {"SIDE": "ravetree", "KIND": "invoice", "DECISION": "two", "JOB": "1"}
"""Placeholders that stand for one of a few words, or a number."""
ASKED = {"connect": ["--ravetree-token", "rt_1"]}
"""What a command asks for at the terminal."""


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_what_is_named_can_be_typed(document: Path) -> None:
    wrong = [f"{command}: {why}" for command in sorted(set(named(document))) if (why := _is_wrong(command))]
    assert wrong == []


def _is_wrong(command: str) -> str:
    """Why a command cannot be typed; one that stands by its name alone, or is shortened, need only be there."""
    _, name, *rest = words(re.sub(r" \[([^]]*)\]", r" \1", command.partition(">")[0].rstrip("& ")))
    found = ravebooks.get_command(click.Context(ravebooks), name)
    if found is None:
        return "there is no such command"
    if not rest or "…" in rest or "$(" in command:
        return ""
    try:
        found.make_context(name, [STAND_FOR.get(word, word) for word in rest] + ASKED.get(name, []))
    except click.MissingParameter:
        # Shortened in a sentence: what stands in a block is typed by the other tests.
        return ""
    except click.UsageError as error:
        return error.format_message()
    return ""
