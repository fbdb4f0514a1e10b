"""`ravebooks settings`: every variable with its default and its meaning."""

import click

from config.settings import variables

_HEAD = """\
# Configuration

Everything is set by environment variables, read and checked once at start. A wrong or missing one ends the process
with one line that names it and says what to set. Durations are in seconds. An empty variable counts as unset.

This page is written by `make configuration` from `config/settings.py`.

| variable | default | meaning |
|---|---|---|
"""


@click.command("settings")
@click.option("--markdown", is_flag=True, help="As docs/configuration.md.")
def settings(markdown: bool) -> None:
    """List every environment variable with its default and its meaning."""
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    for name, default, meaning in variables():
        click.echo(f"{name}{f' = {default}' if default else ''}\n    {meaning}")


def as_markdown() -> str:
    """The text of docs/configuration.md."""
    rows = (
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |\n" for name, default, meaning in variables()
    )
    return _HEAD + "".join(rows)
