"""`ravebooks configuration`: every variable with its default and its meaning."""

from itertools import chain

import click

from config import strength
from config.settings import variables
from ravebooks.commands.printing import as_json, tell

_HEAD = f"""\
# Configuration

Everything is set by environment variables, read and checked once at start. What is wrong or missing ends the process
with status 2, after a line for each variable that names it and says what to set; any other failure ends it with 1.
Durations are in seconds. An empty variable counts as unset. A `RAVEBOOKS_…` variable that is not in the table is a
warning in the log, with the name that was perhaps meant.

**A file.** `.env` in the working directory is read too, a line `NAME=value` for each variable; what is exported wins,
also an empty one. Values stand for themselves: nothing in them is expanded. `ravebooks demo` reads none.

**Secrets from files.** Each variable with `…_FILE` in the table may be left unset, and the same name with `_FILE`
behind it set to the path of a file that holds the value, as Docker and Kubernetes mount secrets. Both set is an error.

**In production**, which is the default, weak secrets are refused. `RAVEBOOKS_SECRET_KEY`, `RAVEBOOKS_API_TOKEN`, each
verifier token and each key of a ring (its bytes) need
{strength.RULE}.
`RAVEBOOKS_PUBLIC_URL`, `RAVEBOOKS_RAVETREE_API_URL` and `RAVEBOOKS_RAVETREE_RECORD_URL` have to start with `https://`
there.

## The Procfile's processes on the sandbox

`ravebooks sandbox` prints one line of JSON with both sides' credentials. With what it says set like this, beside
database, broker and keys of their own, `release`, `web`, `worker` and `sweeper` work on it:

    mkdir -p var
    .venv/bin/ravebooks sandbox --directory var/sandbox >var/said.json &
    said() {{ python3 -c 'import json, sys; print(json.load(open("var/said.json"))[sys.argv[1]][sys.argv[2]])' "$@"; }}
    export RAVEBOOKS_QUICKBOOKS_ENVIRONMENT=local
    export RAVEBOOKS_QUICKBOOKS_CLIENT_ID=$(said quickbooks client_id)
    export RAVEBOOKS_QUICKBOOKS_CLIENT_SECRET=$(said quickbooks client_secret)
    export RAVEBOOKS_QUICKBOOKS_API_URL=$(said quickbooks api_url)
    export RAVEBOOKS_QUICKBOOKS_DISCOVERY_URL=$(said quickbooks discovery_url)
    export RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS=$(said quickbooks verifier_token)
    export RAVEBOOKS_RAVETREE_API_URL=$(said ravetree api_url)
    export RAVEBOOKS_PUBLIC_URL=http://127.0.0.1:8000

Once `web` runs, both sides are told where to post, and the account is connected as
[connecting.md](connecting.md#connect) says:

    post() {{ curl -sS -H 'Content-Type: application/json' "$@"; }}
    ACCOUNT=$(said ravetree account_id)
    SECRET=$(.venv/bin/ravebooks webhook-secret $ACCOUNT)
    OURS=$RAVEBOOKS_PUBLIC_URL/webhooks
    post ${{RAVEBOOKS_QUICKBOOKS_API_URL%/v3}}/sandbox/webhooks -d '{{"url": "'$OURS/quickbooks'"}}'
    post ${{RAVEBOOKS_RAVETREE_API_URL%/v1}}/sandbox/webhooks \\
      -d '{{"url": "'$OURS/ravetree/$ACCOUNT'", "secret": "'$SECRET'"}}'
    .venv/bin/ravebooks connect $ACCOUNT --ravetree-token $(said ravetree api_token)

What else the sandbox can be told stands in [its README](../sandbox/README.md).

## Every variable

This table is written by `make configuration` from `config/settings.py`.

| variable | default | meaning |
|---|---|---|
"""


@click.command("configuration")
@click.option("--markdown", is_flag=True, help="As docs/configuration.md.")
@as_json
def configuration(markdown: bool) -> None:
    """List every environment variable with its default and its meaning."""
    show_variables(markdown=markdown)


def show_variables(*, markdown: bool) -> None:
    """Print them, as text or as the page."""
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    found = [{"name": name, "default": default, "meaning": meaning} for name, default, meaning in variables()]
    lines = (
        (f"{name}{f' = {default}' if default else ''}", f"    {meaning}") for name, default, meaning in variables()
    )
    tell({"data": found}, *chain.from_iterable(lines))


def as_markdown() -> str:
    """The text of docs/configuration.md."""
    rows = (
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |\n" for name, default, meaning in variables()
    )
    return _HEAD + "".join(rows)
