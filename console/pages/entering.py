"""In and out: by name and password, by a link that serves once, and everywhere at once."""

from urllib.parse import urlsplit

from flask import g, redirect, request, session, url_for
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from console.access.passwords import LONGEST, SHORTEST, PasswordRefused
from console.access.users import LinkRefused, SignInRefused
from console.pages.showing import Visitor, back, console, log, note, page, said, sentence, show, showing, visitor
from storage import acts
from storage.models import User


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    """Name and password."""

    name = StringField(
        "Name", [InputRequired(), Length(max=255)], render_kw={"autocomplete": "username", "autofocus": True}
    )
    password = PasswordField("Password", [InputRequired()], render_kw={"autocomplete": "current-password"})


class PasswordForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF publishes no types
    """A new password; the old one too, where there is one."""

    old = PasswordField("Password until now", render_kw={"autocomplete": "current-password"})
    new = PasswordField(
        f"New password, at least {SHORTEST} characters",
        [InputRequired(), Length(SHORTEST, LONGEST)],
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST},
    )


@console.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """The way in by name and password."""
    form = SignInForm()
    if not form.validate_on_submit():
        return show("sign_in.html", form=form)
    try:
        user = showing().users.sign_in(form.name.data, form.password.data, request.remote_addr or "")
    except SignInRefused as error:
        showing().tally.met(log, "sign-in refused", request.remote_addr or "unknown")
        return show("sign_in.html", 403, form=form, refusal=f"{sentence(error)} {error.remedy}")
    _let_in(user)
    return redirect(_inside(request.args.get("next", "")))


@console.route("/enter", methods=["GET", "POST"])
def enter() -> Response:
    """A link that serves once. It is used up by a press of a button, so that what previews links uses none up."""
    token = request.values.get("token", "")
    if request.method != "POST":
        return show("enter.html", link=token)
    try:
        user, where = showing().users.open_link(token)
    except LinkRefused as error:
        showing().tally.met(log, "link refused", request.remote_addr or "unknown")
        return show("enter.html", 403, link="", refusal=f"{sentence(error)} {error.remedy}")
    _let_in(user)
    return redirect(_inside(where), 303)


def _let_in(user: User) -> None:
    """A session of its own; the one that was in the browser before ends."""
    if current_user.is_authenticated:
        showing().sessions.end(visitor().get_id())
    session.clear()
    session["seen"] = showing().clock.now().timestamp()
    session.permanent = True
    login_user(Visitor(user, showing().sessions.begin(user)))
    g.nothing_done = True
    showing().actions.installation.note(user.shown, acts.CONSOLE, "sign in")


def _inside(page_asked_for: str) -> str:
    """Where to go on: a page of ours, and no other host's."""
    parts = urlsplit(page_asked_for)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(url_for("console.home"))
    return page_asked_for if is_ours and "\\" not in page_asked_for else url_for("console.home")


@console.post("/sign-out")
def sign_out() -> Response:
    """This session ends, for every copy of its cookie."""
    if current_user.is_authenticated:
        note("sign out")
        showing().sessions.end(visitor().get_id())
    logout_user()
    session.clear()
    return back("sign_in")


@console.post("/sign-out-everywhere")
@page()
def sign_out_everywhere() -> Response:
    """Every session of the visitor ends, this one too."""
    showing().users.sign_out_everywhere(visitor().user.name)
    showing().actions.installation.note(visitor().user.shown, acts.CONSOLE, "sign out everywhere")
    return sign_out()


@console.route("/you", methods=["GET", "POST"])
@page()
def you() -> Response:
    """Who is signed in, and a new password."""
    form, user = PasswordForm(), visitor().user
    if not form.validate_on_submit():
        return show("you.html", 400 if form.is_submitted() else 200, form=form)
    try:
        if user.password_hash:
            showing().users.sign_in(user.name, form.old.data or "", request.remote_addr or "")
        changed = showing().users.set_password(user.name, form.new.data)
    except (SignInRefused, PasswordRefused) as error:
        g.nothing_done = True
        return show("you.html", 400, form=form, refusal=f"{sentence(error)} {error.remedy}")
    _let_in(changed)
    showing().actions.installation.note(user.shown, acts.CONSOLE, "new password")
    said("Your password is new; all other sessions have ended.")
    return back("you")
