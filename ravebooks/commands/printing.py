"""How commands say what they found: lines for people; with `--json` what the API answers, for programs."""

import os
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from shutil import get_terminal_size
from typing import Any

import click
from marshmallow import Schema

from schemas import strict_json

_AS_JSON = "ravebooks.json"
_NARROWEST = 40
_COLOURS = {"ok  ": "green", "FAIL": "red", "skip": "yellow", "note": "yellow", "→": "cyan"}
"""Colours by what a line begins with."""


def _keep(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    context.meta[_AS_JSON] = given or context.meta.get(_AS_JSON, False)


as_json = click.option(
    "--json", is_flag=True, expose_value=False, callback=_keep, help='Print JSON, a list as {"data": […]}.'
)
"""The option of every command that prints; `tell` heeds it."""


def wants_json() -> bool:
    """Whether the command that runs was asked for JSON."""
    return bool(click.get_current_context().meta.get(_AS_JSON))


def tell(body: Any, *lines: str) -> None:
    """Print `body` as JSON where that was asked for, else `lines`."""
    if wants_json():
        click.echo(strict_json.dumps(body))
        return
    for line in lines:
        say(line)


def say(line: str) -> None:
    """Print a line; on a terminal in colour, and wrapped where it is wider."""
    if not sys.stdout.isatty():
        click.echo(line)
        return
    for each in fitted(line, get_terminal_size().columns):
        click.echo(each if "NO_COLOR" in os.environ else coloured(each))


def fitted(line: str, width: int) -> list[str]:
    """A line as lines of at most `width` columns, what follows below its beginning; a longer word stays whole."""
    below = " " * (len(line) - len(line.lstrip(" ")) + 2)
    wrapped = textwrap.TextWrapper(
        max(width, _NARROWEST), subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    )
    return wrapped.wrap(line) or [""]


def coloured(line: str) -> str:
    """A line with its mark in the mark's colour."""
    rest = line.lstrip(" ")
    for mark, colour in _COLOURS.items():
        if rest.startswith(mark):
            return line[: len(line) - len(rest)] + click.style(mark, fg=colour) + rest[len(mark) :]
    return line


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as its widest cell; what is empty at the end is left out."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def dumped(schema: type[Schema], found: Any) -> dict[str, Any]:
    """One thing as the API answers it."""
    body: dict[str, Any] = schema().dump(found)
    return body


def listed(schema: type[Schema], found: Iterable[Any]) -> dict[str, Any]:
    """A whole list, as the API answers a page of it."""
    return {"data": schema(many=True).dump(list(found))}


def columns(row: Any, *names: str) -> Mapping[str, Any]:
    """Some attributes of a row, with instants as the API spells them."""
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
