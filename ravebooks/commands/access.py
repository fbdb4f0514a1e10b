"""`ravebooks users`, `tokens` and `acts`: who may enter the console and call the API, and who did what."""

from collections.abc import Mapping
from getpass import getuser
from typing import Any

import click

from ravebooks.bootstrap import Parts
from ravebooks.commands.attention import open_quietly
from ravebooks.commands.printing import as_json, columns, table, tell
from storage import api_tokens, users
from storage.models import ApiToken, User
from storage.paging import Asked

ACCOUNT = click.option("--account", default="", help="The Ravetree account that it is bounded to.")


@click.group("users", invoke_without_command=True)
@as_json
@click.pass_context
def users_(context: click.Context) -> None:
    """List who may enter the console; add them, let them in by a link, end their access."""
    if context.invoked_subcommand is not None:
        return
    with open_quietly() as parts:
        found = parts.console.users.every()
    names = ("shown", "role", "account_id", "signed_in_at", "ended_at")
    lines = table((user.shown, user.role, user.account_id or "all accounts", _seen(user)) for user in found)
    if not found:
        lines = ["Nobody may enter the console yet: ravebooks users add NAME --role operator"]
    tell({"data": [_named("shown", columns(user, *names)) for user in found]}, *lines)


def _seen(user: User) -> str:
    seen = f"signed in {user.signed_in_at:%Y-%m-%d %H:%M} UTC" if user.signed_in_at else "never signed in"
    return seen + (f", ended {user.ended_at:%Y-%m-%d}" if user.ended_at else "")


def _named(shown: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose name is what is shown of it."""
    return {"name" if key == shown else key: value for key, value in row.items()}


@users_.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(users.ROLES), required=True, help="What they may do.")
@ACCOUNT
@click.option("--password", is_flag=True, help="Ask for a password; without one a link lets them in.")
@as_json
def add(name: str, role: str, account: str, password: bool) -> None:
    """Let somebody into the console: a viewer looks, a bookkeeper acts for one account, an operator for all."""
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else ""
    with open_quietly() as parts:
        user = parts.console.users.add(name, role, account, secret)
        parts.console.note(f"users add {role}", subject=f"user:{user.name}")
        said = f"{user.shown} may enter as {role} of {account or 'all accounts'}"
        url = "" if password else _link(parts, user.shown)
        body = {"name": user.shown, "role": role, "account_id": account, "url": url or None}
        tell(body, said, *filter(None, [url]))


@users_.command("link")
@click.argument("name")
@as_json
def link(name: str) -> None:
    """Print a link that lets NAME in once, within the hour."""
    with open_quietly() as parts:
        _tell_link(parts, name)
        parts.console.note("users link", subject=f"user:{name}")


@users_.command("sign-out")
@click.argument("name")
@as_json
def sign_out(name: str) -> None:
    """End every session of NAME's, and forget the links."""
    with open_quietly() as parts:
        shown = parts.console.users.sign_out_everywhere(name).shown
        tell({"name": shown}, f"{shown} is signed out everywhere")
        parts.console.note("users sign-out", subject=f"user:{name}")


@users_.command("end")
@click.argument("name")
@as_json
def end(name: str) -> None:
    """End NAME's access, at once."""
    with open_quietly() as parts:
        shown = parts.console.users.end(name).shown
        tell({"name": shown}, f"{shown} may not enter any more")
        parts.console.note("users end", subject=f"user:{name}")


@users_.command("again")
@click.argument("name")
@as_json
def again(name: str) -> None:
    """Let NAME in again after an end, by a link."""
    with open_quietly() as parts:
        parts.console.users.let_in_again(name)
        _tell_link(parts, name)
        parts.console.note("users again", subject=f"user:{name}")


def _tell_link(parts: Parts, name: str) -> None:
    url = _link(parts, name)
    tell({"name": name, "url": url}, url)


def _link(parts: Parts, name: str) -> str:
    return parts.console.enter_url(parts.console.users.link_for(name))


@click.group("tokens", invoke_without_command=True)
@as_json
@click.pass_context
def tokens_(context: click.Context) -> None:
    """List the tokens that open the API beside RAVEBOOKS_API_TOKEN; make and revoke them."""
    if context.invoked_subcommand is not None:
        return
    with open_quietly() as parts:
        found = parts.console.tokens.every()
    lines = table((str(row.id), row.name, row.scope, row.account_id or "all accounts", _used(row)) for row in found)
    if not found:
        lines = ["There is none beside RAVEBOOKS_API_TOKEN: ravebooks tokens make NAME --scope read"]
    names = ("id", "name", "scope", "account_id", "used_at", "revoked_at")
    tell({"data": [columns(row, *names) for row in found]}, *lines)


def _used(row: ApiToken) -> str:
    used = f"used {row.used_at:%Y-%m-%d}" if row.used_at else "never used"
    return used + (f", revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "")


@tokens_.command("make")
@click.argument("name")
@click.option("--scope", type=click.Choice(api_tokens.SCOPES), required=True, help="What its bearer may do.")
@ACCOUNT
@as_json
def make(name: str, scope: str, account: str) -> None:
    """Make a token and print it, this once: read looks, act works on connections, operate on the installation too."""
    with open_quietly() as parts:
        token, row = parts.console.tokens.make(name, scope, account, getuser())
        parts.console.note(f"tokens make {scope}", subject=f"token:{row.id} {row.name} {row.account_id}".strip())
        tell({"id": row.id, "name": row.name, "scope": row.scope, "token": token}, token)


@tokens_.command("revoke")
@click.argument("token_id", type=click.IntRange(1, 2**63 - 1))
@as_json
def revoke(token_id: int) -> None:
    """A token opens nothing any more, at once."""
    with open_quietly() as parts:
        revoked = parts.console.tokens.revoke(token_id).name
        tell({"id": token_id, "name": revoked}, f"{revoked} is revoked")
        parts.console.note("tokens revoke", subject=f"token:{token_id}")


@click.command("acts")
@click.argument("connection", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@as_json
def acts(connection: str | None, limit: int) -> None:
    """List who did what, newest first: everywhere, or to one connection."""
    with open_quietly() as parts:
        found = parts.console.unhurried_actions.installation.acts(Asked(limit), connection).rows
    lines = table(
        (f"{act.at:%Y-%m-%d %H:%M:%S}", act.who, act.through, act.what, f"{act.connection_id} {act.subject}".strip())
        for act in found
    )
    names = ("at", "who", "through", "what", "connection_id", "subject")
    tell({"data": [columns(act, *names) for act in found]}, *lines)
