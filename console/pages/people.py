"""For operators: who may enter, tokens for the API, and who did what."""

from flask import g, request
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.api.paging import asked, sealed
from console.pages.showing import back, console, page, said, sentence, show, showing, visitor
from storage import api_tokens, users
from storage.paging import Asked

ROWS = 100


@console.get("/people")
@page(users.OPERATOR)
def people() -> Response:
    """Users and tokens."""
    return _people()


def _people(status: int = 200, *, made: str = "", link: str = "", refusal: str = "") -> Response:
    """The page; what was just made is shown on it, this once."""
    is_list = request.method == "GET"
    found = showing().users.page(_asked() if is_list else Asked(ROWS))
    return show(
        "people.html",
        status,
        users=found.rows,
        cursor=sealed(found) if is_list else None,
        tokens=showing().tokens.page(Asked(ROWS)),
        roles=users.ROLES,
        scopes=api_tokens.SCOPES,
        made=made,
        link=link,
        refusal=refusal,
    )


@console.post("/people/add")
@page(users.OPERATOR)
def add_user() -> Response:
    """Let somebody in, by a link that is shown once."""
    name, role = request.form.get("name", ""), request.form.get("role", "")
    g.act, g.subject = f"add user {role[:16]}", f"user:{name[:64]}"
    try:
        user = showing().users.add(name, role, request.form.get("account", "").strip())
    except RavebooksError as error:
        return _refused(error)
    return _people(link=_address(user.name))


@console.post("/people/<any(link,sign_out,end,again):what>")
@page(users.OPERATOR)
def change_user(what: str) -> Response:
    """A new link, an end of every session, an end of the access, or that access again."""
    name = request.form.get("name", "")
    g.act, g.subject = f"{what.replace('_', ' ')} user", f"user:{name[:255]}"
    match what:
        case "link":
            return _people(link=_address(name))
        case "sign_out":
            said(f"{showing().users.sign_out_everywhere(name).shown} is signed out everywhere.")
        case "again":
            showing().users.let_in_again(name)
            return _people(link=_address(name))
        case _ if users.folded(name) == visitor().user.name:
            g.nothing_done = True
            said("Another operator ends your access; sign out instead.", "bad")
        case _:
            said(f"{showing().users.end(name).shown} may not enter any more.")
    return back("people")


def _address(name: str) -> str:
    return f"{showing().public_url.rstrip('/')}/console/enter?token={showing().users.link_for(name)}"


def _asked() -> Asked:
    return asked({"limit": ROWS, "cursor": request.args.get("cursor", "")})


@console.get("/people/tokens")
@page(users.OPERATOR)
def tokens() -> Response:
    """All tokens for the API, oldest first."""
    found = showing().tokens.page(_asked())
    return show("tokens.html", tokens=found.rows, cursor=sealed(found))


@console.post("/people/tokens/make")
@page(users.OPERATOR)
def make_token() -> Response:
    """A token for the API, shown once."""
    form, scope = request.form, request.form.get("scope", "")
    g.act = f"make token {scope[:16]}"
    try:
        token, row = showing().tokens.make(
            form.get("name", ""), scope, form.get("account", "").strip(), visitor().user.shown
        )
    except RavebooksError as error:
        return _refused(error)
    g.subject = f"token:{row.id} {row.name} {row.account_id}".strip()
    return _people(made=token)


@console.post("/people/tokens/<int(max=9223372036854775807):token_id>/revoke")
@page(users.OPERATOR)
def revoke_token(token_id: int) -> Response:
    """A token opens nothing any more."""
    g.act, g.subject = "revoke token", f"token:{token_id}"
    said(f"{showing().tokens.revoke(token_id).name} is revoked.")
    return back("people")


@console.get("/acts")
@page(users.OPERATOR)
def acts() -> Response:
    """Who did what, newest first."""
    found = showing().actions.installation.acts(_asked())
    return show("acts.html", acts=found.rows, cursor=sealed(found))


def _refused(error: RavebooksError) -> Response:
    g.nothing_done = True
    return _people(400, refusal=f"{sentence(error)} {error.remedy}")
