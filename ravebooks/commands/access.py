"""`ravebooks users`, `tokens` and `acts`: who may enter the console and call the API, and who did what."""

from getpass import getuser

import click

from ravebooks.bootstrap import Parts
from ravebooks.commands.attention import open_quietly
from storage import api_tokens, users
from storage.paging import Asked

ACCOUNT = click.option("--account", default="", help="The Ravetree account that it is bounded to.")


@click.group("users", invoke_without_command=True)
@click.pass_context
def users_(context: click.Context) -> None:
    """List who may enter the console; add them, let them in by a link, end their access."""
    if context.invoked_subcommand is not None:
        return
    with open_quietly() as parts:
        found = parts.console.users.every()
    for user in found:
        seen = f"signed in {user.signed_in_at:%Y-%m-%d %H:%M} UTC" if user.signed_in_at else "never signed in"
        ended = f", ended {user.ended_at:%Y-%m-%d}" if user.ended_at else ""
        click.echo(f"{user.shown}  {user.role}  {user.account_id or 'all accounts'}  {seen}{ended}")
    if not found:
        click.echo("Nobody may enter the console yet: ravebooks users add NAME --role operator")


@users_.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(users.ROLES), required=True, help="What they may do.")
@ACCOUNT
@click.option("--password", is_flag=True, help="Ask for a password; without one a link lets them in.")
def add(name: str, role: str, account: str, password: bool) -> None:
    """Let somebody into the console: a viewer looks, a bookkeeper acts for one account, an operator for all."""
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else ""
    with open_quietly() as parts:
        user = parts.console.users.add(name, role, account, secret)
        parts.console.note(f"users add {role}", subject=f"user:{user.name}")
        click.echo(f"{user.shown} may enter as {role} of {account or 'all accounts'}")
        if not password:
            click.echo(_link(parts, user.shown))


@users_.command("link")
@click.argument("name")
def link(name: str) -> None:
    """Print a link that lets NAME in once, within the hour."""
    with open_quietly() as parts:
        click.echo(_link(parts, name))
        parts.console.note("users link", subject=f"user:{name}")


@users_.command("sign-out")
@click.argument("name")
def sign_out(name: str) -> None:
    """End every session of NAME's, and forget the links."""
    with open_quietly() as parts:
        click.echo(f"{parts.console.users.sign_out_everywhere(name).shown} is signed out everywhere")
        parts.console.note("users sign-out", subject=f"user:{name}")


@users_.command("end")
@click.argument("name")
def end(name: str) -> None:
    """End NAME's access, at once."""
    with open_quietly() as parts:
        click.echo(f"{parts.console.users.end(name).shown} may not enter any more")
        parts.console.note("users end", subject=f"user:{name}")


@users_.command("again")
@click.argument("name")
def again(name: str) -> None:
    """Let NAME in again after an end, by a link."""
    with open_quietly() as parts:
        parts.console.users.let_in_again(name)
        click.echo(_link(parts, name))
        parts.console.note("users again", subject=f"user:{name}")


def _link(parts: Parts, name: str) -> str:
    return parts.console.enter_url(parts.console.users.link_for(name))


@click.group("tokens", invoke_without_command=True)
@click.pass_context
def tokens_(context: click.Context) -> None:
    """List the tokens that open the API beside RAVEBOOKS_API_TOKEN; make and revoke them."""
    if context.invoked_subcommand is not None:
        return
    with open_quietly() as parts:
        found = parts.console.tokens.every()
    for row in found:
        used = f"used {row.used_at:%Y-%m-%d}" if row.used_at else "never used"
        revoked = f", revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else ""
        click.echo(f"{row.id}  {row.name}  {row.scope}  {row.account_id or 'all accounts'}  {used}{revoked}")
    if not found:
        click.echo("There is none beside RAVEBOOKS_API_TOKEN: ravebooks tokens make NAME --scope read")


@tokens_.command("make")
@click.argument("name")
@click.option("--scope", type=click.Choice(api_tokens.SCOPES), required=True, help="What its bearer may do.")
@ACCOUNT
def make(name: str, scope: str, account: str) -> None:
    """Make a token and print it, this once: read looks, act works on connections, operate on the installation too."""
    with open_quietly() as parts:
        token, row = parts.console.tokens.make(name, scope, account, getuser())
        parts.console.note(f"tokens make {scope}", subject=f"token:{row.id} {row.name} {row.account_id}".strip())
        click.echo(token)


@tokens_.command("revoke")
@click.argument("token_id", type=click.IntRange(1, 2**63 - 1))
def revoke(token_id: int) -> None:
    """A token opens nothing any more, at once."""
    with open_quietly() as parts:
        click.echo(f"{parts.console.tokens.revoke(token_id).name} is revoked")
        parts.console.note("tokens revoke", subject=f"token:{token_id}")


@click.command("acts")
@click.argument("connection", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
def acts(connection: str | None, limit: int) -> None:
    """List who did what, newest first: everywhere, or to one connection."""
    with open_quietly() as parts:
        for act in parts.console.unhurried_actions.installation.acts(Asked(limit), connection).rows:
            about = " ".join(part for part in (act.connection_id, act.subject) if part)
            click.echo(f"{act.at:%Y-%m-%d %H:%M:%S}  {act.who}  {act.through}  {act.what}  {about}".rstrip())
