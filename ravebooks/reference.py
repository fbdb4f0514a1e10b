"""docs/command-line.md: every command, in its own words. `make commands` writes it."""

from collections.abc import Iterator

import click

from ravebooks.command_line import GROUPS, ravebooks

WIDTH = 100
_HEAD = """\
# The command line

`.venv/bin/ravebooks` is all of it. The blocks below are what each command prints with `--help`; `make commands` writes
them here. The commands stand in groups, by what they are for: *see*, *decide*, *connect*, *run*, *operate*, *develop*.

**How it ends.** An error is one line on standard error that names cause and remedy.

| status | |
|---|---|
| 0 | it is done; or what was looked at is well |
| 1 | it could not be done, or was broken off; something is not well, does not hold, or differs (`status`, `doctor`, \
`conformance`, `demo`, `simulate`) |
| 2 | an option or an argument is wrong, or a setting: with a line for each variable |

A process that a signal ends has the status that shells give it, 128 and the signal's number.

**Names** are those of the [JSON API](api.md) and of the console. Older ones go on working, and no list shows them:
`policy` is `settings CONNECTION` by now, with `--draft`, `--delete`, `--removals` and `--reads`; `settings` without a
connection is `configuration`; `jobs CONNECTION JOB --do stop` is `jobs CONNECTION JOB stop`.

**For programs**: `--json` prints what the [JSON API](api.md) answers, an object, and of a list all of it as `data`.
Errors stay a line on standard error. Into a pipe or a file lines go whole and without colours; a terminal has them
wrapped to its width and in colours, unless `NO_COLOR` is set.

**Waiting**: `sync --wait` waits up to a minute for what becomes of the record; `backfill --wait`,
`import-contacts --wait` and `jobs CONNECTION JOB --wait` wait for the job's end, and a terminal shows meanwhile how far
it is. Ctrl-C ends the waiting, and not the job. Status 1 says that it came to no good end.

**Completion** of commands, options and what they take, for good with a line in the shell's own file:

    eval "$(_RAVEBOOKS_COMPLETE=bash_source ravebooks)"        # ~/.bashrc
    eval "$(_RAVEBOOKS_COMPLETE=zsh_source ravebooks)"         # ~/.zshrc
    _RAVEBOOKS_COMPLETE=fish_source ravebooks | source         # ~/.config/fish/config.fish
"""


def as_markdown() -> str:
    """The text of the page."""
    said = [_HEAD]
    context = click.Context(ravebooks, info_name="ravebooks", **ravebooks.context_settings)
    for group, names in GROUPS.items():
        said.append(f"\n## {group}\n")
        for name in names:
            command = ravebooks.get_command(context, name)
            if command is not None:
                said += (f"\n### {path}\n\n```text\n{text}\n```\n" for path, text in _helps(command, name, context))
    return "".join(said)


def _helps(command: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, str]]:
    """What a command and those below it say, with their names."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    yield context.command_path.partition(" ")[2], command.get_help(context)
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from _helps(each, below, context)


if __name__ == "__main__":
    click.echo(as_markdown(), nl=False)
