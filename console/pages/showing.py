"""What the pages have in common: what they show, who may see it, and what is said when something is refused."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import UserMixin, current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from markupsafe import Markup, escape
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response as AnyResponse

from config.errors import RavebooksError
from config.logging import logger
from config.names import REQUEST_ID_KEY
from config.ports import Clock
from config.tally import Tally
from console.access.sessions import Sessions
from console.access.tokens import Tokens
from console.access.users import Users
from console.api.errors import STATUS
from console.connecting import Connecting
from console.pages import wording
from schemas import ids
from storage import acts, users
from storage.connections import UnknownConnection
from storage.database import DatabaseDown
from storage.models import User
from sync.actions import Actions
from sync.actions.connections import ConnectionView
from sync.record_addresses import RecordAddresses

COOKIE = "ravebooks_console"
EXTENSION = "ravebooks-console"
"""Where an application keeps what its pages show."""
ENDS_IDLE_AFTER = timedelta(hours=2)
"""How long a session lasts that nobody uses."""
NOTED_EVERY = timedelta(minutes=5)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LIVE = frozenset({"console.account_now", "console.well_now", "console.queues_now", "console.bulk_job_now"})
"""What pages ask for by themselves."""
MAKES_NO_ACT = frozenset({"console.sign_in"})

HTML = "text/html; charset=utf-8"

log = logger("console")
F = TypeVar("F", bound=Callable[..., Any])

console = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


@dataclass(frozen=True)
class Showing:
    """What the pages of one application show, and whom they let in."""

    actions: Actions
    connecting: Connecting
    users: Users
    sessions: Sessions
    tokens: Tokens
    clock: Clock
    tally: Tally
    public_url: str
    addresses: RecordAddresses
    is_local: bool = False
    csrf: list[CSRFProtect] = field(default_factory=list)


def showing() -> Showing:
    """What the application of this request shows."""
    return cast(Showing, current_app.extensions[EXTENSION])


class Visitor(UserMixin):  # type: ignore[misc]  # Flask-Login publishes no types
    """Somebody who is signed in, by the token of their session."""

    def __init__(self, user: User, token: str) -> None:
        self.user, self._token = user, token

    def get_id(self) -> str:
        """What their browser says of them."""
        return self._token

    def may(self, role: str) -> bool:
        """Whether that is within their role."""
        return users.ROLES.index(self.user.role) >= users.ROLES.index(role)

    def sees(self, account_id: str) -> bool:
        """Whether this account is one of theirs."""
        return self.user.account_id in ("", account_id)


def load(kept: str) -> Visitor | None:
    """Whose a session is; nobody's when it has ended, or was not used for too long."""
    now, seen = showing().clock.now().timestamp(), session.get("seen", 0)
    if now - seen >= ENDS_IDLE_AFTER.total_seconds():
        return None
    user = showing().sessions.find(kept)
    if user is None:
        return None
    # A page that is only left open keeps nobody signed in.
    if now - seen >= NOTED_EVERY.total_seconds() and request.endpoint not in LIVE:
        session["seen"] = now
    return Visitor(user, kept)


def visitor() -> Visitor:
    """Who is signed in."""
    return cast(Visitor, current_user)


# --- who may see what ----------------------------------------------------------------------------


def page(role: str = users.VIEWER) -> Callable[[F], F]:
    """A page for those who are signed in and have at least this role; of their own account where it names one."""

    def guarded(view: F) -> F:
        @wraps(view)
        def shown(*args: Any, **named: Any) -> Any:
            if not current_user.is_authenticated:
                asked_for = request.full_path.rstrip("?") if request.method == "GET" else None
                return redirect(url_for("console.sign_in", next=asked_for))
            if not visitor().may(role):
                return refused("Your role does not reach that far", f"Ask an operator: this needs {role}.", 403)
            if "connection_id" in named:
                g.connection = _connection(named["connection_id"])
            return view(*args, **named)

        return cast(F, shown)

    return guarded


def operators(view: F) -> F:
    """A page for operators, about the whole installation: who is of one account alone does not see it."""

    @wraps(view)
    def shown(*args: Any, **named: Any) -> Any:
        if visitor().user.account_id:
            return refused("This is about every account", "Ask an operator of all of them.", 403)
        return view(*args, **named)

    return page(users.OPERATOR)(cast(F, shown))


def _connection(connection_id: str) -> ConnectionView:
    """Raises `UnknownConnection` for one that there is not, and for another account's."""
    found = showing().actions.connections.one(connection_id)
    if not visitor().sees(found.account_id):
        raise UnknownConnection(f"there is no connection {connection_id}")
    return found


def own_connections() -> list[ConnectionView]:
    """The connections that the visitor sees, those that ended last."""
    every = showing().actions.connections.every(visitor().user.account_id)
    return sorted(every, key=lambda one: one.state == "archived")


@console.context_processor
def _who() -> dict[str, Any]:
    """Templates say `current_user`, and on top of every page what a person has stopped."""
    stopped = showing().actions.watching.stopped() if current_user.is_authenticated else []
    return {"current_user": current_user, "brakes_pulled": stopped}


@console.before_request
def _check() -> None:
    if request.method != "GET" and request.method != "HEAD":
        showing().csrf[0].protect()


@console.after_request
def _finish(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint == "console.static":
        response.headers["Cache-Control"] = "public, max-age=3600"
    if (
        request.method == "POST"
        and response.status_code < 400
        and not g.get("nothing_done")
        and current_user.is_authenticated
    ):
        _note()
    return response


def _note() -> None:
    """What was done goes into the action log, with who did it; a view that noticed nothing to do says so."""
    named = request.view_args or {}
    if request.endpoint in MAKES_NO_ACT:
        return
    subject = ":".join(str(named[part]) for part in ("side", "kind", "record_id") if part in named)
    what = g.get("act") or str(request.endpoint).rpartition(".")[2].replace("_", " ")
    note(what, connection_id=named.get("connection_id", "") or g.get("act_on", ""), subject=g.get("subject") or subject)


def note(what: str, *, connection_id: str = "", subject: str = "") -> None:
    """A line in the action log: what the visitor did, to what."""
    installation = showing().actions.installation
    installation.note(visitor().user.shown, acts.CONSOLE, what, connection_id=connection_id, subject=subject)


# --- what is said --------------------------------------------------------------------------------


def show(template: str, status: int = 200, **values: Any) -> Response:
    """A page."""
    return Response(render_template(f"console/{template}", **values), status, content_type=HTML)


def refused(what: str, remedy: str, status: int) -> Response:
    """A page that says why there is no other."""
    return show("refused.html", status, what=what, remedy=remedy, connection=g.get("connection"))


def sentence(error: RavebooksError) -> str:
    """An error as a person reads it, without its remedy."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def back(endpoint: str, **named: Any) -> AnyResponse:
    """After an act: the page that shows what became of it."""
    return redirect(url_for(f"console.{endpoint}", **named), 303)


class NotUnderstood(RavebooksError):
    """A form says what cannot be done."""

    remedy = "Correct it, and try it again."


def loaded(shape: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says, by the API's own shape of it. Raises `NotUnderstood`."""
    try:
        return dict(shape.load(values))
    except ValidationError as error:
        raise NotUnderstood(" ".join(_sentences(error.messages))) from None


def _sentences(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        for inner in said.values():
            yield from _sentences(inner)
    elif isinstance(said, list):
        yield from map(str, said)


def carried_out(connection: ConnectionView) -> str:
    """When something that a person asked for happens."""
    if connection.state == "active":
        return "is being carried out."
    return f"is carried out once the connection goes on: it is {connection.state}."


def said(text: str, kind: str = "good") -> None:
    """A line on top of the next page."""
    flash(text, kind)


@console.errorhandler(RavebooksError)
def _refuse(error: RavebooksError) -> Response:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
    if request.method == "POST":
        g.nothing_done = True
    return refused(sentence(error), error.remedy, status)


@console.errorhandler(CSRFError)
def _stale(_error: CSRFError) -> Response:
    return refused("This page was open for too long, or is not ours.", "Load it again and repeat what you did.", 400)


@console.errorhandler(DatabaseDown)
def _away(error: DatabaseDown) -> Response:
    """Who is signed in is not known either: this page asks nobody."""
    return _bare(sentence(error), 503)


@console.errorhandler(InternalServerError)
def _crashed(_error: InternalServerError) -> Response:
    """The traceback is in the log, under the request's id."""
    name = request.environ.get(REQUEST_ID_KEY, "none")
    what = f"Something unexpected happened, a fault of Ravebooks. It is in the log with request_id {name}."
    return _bare(what, 500)


def _bare(what: str, status: int) -> Response:
    """A page that nothing has to be looked up for, not even who asks."""
    g.nothing_done = True
    return Response(
        current_app.jinja_env.get_template("console/away.html").render(what=what), status, content_type=HTML
    )


@console.errorhandler(HTTPException)
def _unknown(error: HTTPException) -> Response:
    if isinstance(error, NotFound):
        return refused("There is no such page.", "Begin at the home page.", 404)
    return refused(f"{error.name}.", "Go back and try it again.", error.code or 500)


@console.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing_here(rest: str) -> Response:
    """An address that leads nowhere."""
    raise NotFound(rest)


def words(app: Flask) -> None:
    """What every template can say."""
    app.jinja_env.filters.update(
        when=_when,
        day=_day,
        money=_money,
        kind=wording.kind,
        cause=_cause,
        label=wording.label,
        here=here,
        span=_span,
        does=wording.does,
        field=wording.field,
        happened=wording.happened,
        outcome=wording.outcome,
        begun=wording.begun,
    )
    app.jinja_env.globals.update(with_query=_with_query, in_ravetree=_in_ravetree, record_at=record_at)


def _when(moment: datetime | str | None) -> str:
    if not moment:
        return "never"
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{found.astimezone(UTC):%d %b %Y %H:%M} UTC"


def _span(seconds: float | timedelta | None) -> str:
    """How long, in the largest unit that says something."""
    if seconds is None:
        return "–"
    left = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if left >= 2 * size:
            return f"{left / size:.0f} {unit}"
    return f"{left:.1f} s" if left < SHORT else f"{left:.0f} s"


SHORT = 10


def _day(moment: datetime | str | None) -> str:
    if not moment:
        return "never"
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{found.astimezone(UTC):%d %b %Y}"


def _money(amount: Any, currency: str = "") -> str:
    if amount in (None, ""):
        return "–"
    return f"{Decimal(str(amount)):,.2f} {currency}".strip()


def _cause(code: str) -> str:
    """The code of a question as a heading."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", code).capitalize()


_MARKED = re.compile(r"(?:([Dd])ecide |([Pp])ress )?`([^`]+)`")


@lru_cache(maxsize=1024)
def here(remedy: str) -> Markup:
    """A remedy for this place: where it names a decision, what the button of it says."""

    def said(found: "re.Match[str]") -> str:
        verb = "Press " if found[1] == "D" or found[2] == "P" else "press " if found[1] or found[2] else ""
        if found[3] in wording.LABELS:
            return f'{verb}<span class="press">{escape(wording.LABELS[found[3]])}</span>'
        return f"{found[0].partition('`')[0]}<code>{found[3]}</code>"

    # The marks stand outside of what is escaped: none of them is a sign that HTML knows.
    return Markup(_MARKED.sub(said, str(escape(remedy))))  # noqa: S704 - escaped before


def record_at(connection_id: str, side: str, kind: str, record_id: str) -> str:
    """The address of a record's page; its acts are below it.

    As `url_for` makes it, whose time for a thousand of them is most of a page's.
    """
    accounts: dict[str, str] = g.setdefault("accounts", {})
    if connection_id not in accounts:
        accounts[connection_id] = url_for("console.account", connection_id=connection_id)
    return accounts[connection_id] + ids.path("records", side, kind, record_id)


def _in_ravetree(kind: str, record_id: str) -> str | None:
    """Where a record of the connection that is shown is opened in Ravetree, if that is known."""
    return showing().addresses.in_ravetree(g.connection.account_id, kind, record_id)


def _with_query(**changes: Any) -> str:
    """The address of this page with other parameters."""
    asked = {**request.args.to_dict(), **changes}
    return "?" + urlencode({name: value for name, value in asked.items() if value not in (None, "")})
