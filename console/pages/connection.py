"""The connection: what is synced, mappings, the look at the settings, policies, pause and resume."""

from collections.abc import Sequence
from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from config.errors import RavebooksError
from console.api.paging import asked, sealed
from console.api.shapes import ConnectionSettings
from console.pages.showing import back, console, loaded, page, said, sentence, show, showing, visitor
from storage import users
from storage.connections import DISCONNECTED
from sync.actions.lists import ReadList
from sync.actions.mappings import DEPOSIT_ACCOUNT, LINE_TYPE, PAYMENT_METHOD, TAX_RATE, MappedKey, SwitchRefused

MONTHS, NUMBER_LENGTH = 3, 18
FIRST, MORE = (LINE_TYPE, TAX_RATE), (PAYMENT_METHOD, DEPOSIT_ACCOUNT)
TITLES = {
    LINE_TYPE: ("Ravetree line item", "QuickBooks service item"),
    TAX_RATE: ("Tax rate", "QuickBooks tax code"),
    PAYMENT_METHOD: ("Payment method", "QuickBooks payment method"),
    DEPOSIT_ACCOUNT: ("Payments by", "are deposited to the QuickBooks account"),
}
"""What the columns of each kind of mapping are called."""


@console.get("/<connection_id>/connection")
@page()
def connection(connection_id: str) -> Response:
    """The article's page, in its own order."""
    actions = showing().actions.connections
    return show(
        "connection.html",
        active="connection",
        connection=g.connection,
        inspection=actions.last_inspection(connection_id),
        settings=actions.settings(connection_id),
        usage=actions.this_month(connection_id),
        would_be=actions.forgotten_would_be(connection_id) if g.connection.state == DISCONNECTED else "",
    )


@console.post("/<connection_id>/connection/switches")
@page(users.BOOKKEEPER)
def switches(connection_id: str) -> Response:
    """Tick or untick what is synced."""
    wanted, shown = set(request.form.getlist("on")), set(request.form.getlist("shown_on"))
    # What is as this page showed it stays as it is by now: somebody else may have ticked it meanwhile.
    changed = {kind: kind in wanted for kind in ("invoices", "estimates") if (kind in wanted) != (kind in shown)}
    if changed:
        invoices, estimates = changed.get("invoices"), changed.get("estimates")
        showing().actions.mappings.switch(connection_id, invoices=invoices, estimates=estimates)
    said("Saved. What lacks mappings waits for them; older documents go by the button or a back-fill.")
    return back("connection", connection_id=connection_id)


@console.route("/<connection_id>/connection/mappings", methods=["GET", "POST"])
@page()
def mappings(connection_id: str) -> Response:
    """Ravetree's keys on the left, QuickBooks' entries on the right; with `more` payment methods and accounts too.

    QuickBooks is asked once a day for each list, and whenever somebody wants it anew. `find` narrows what can be
    chosen, which the script does as one types.
    """
    if request.method == "POST":
        return _map(connection_id)
    actions, refusal, find = showing().actions, "", request.args.get("find", "").strip()
    kinds: list[tuple[str, Sequence[MappedKey], ReadList]] = []
    try:
        for kind in MORE if request.args.get("more") else FIRST:
            if keys := actions.mappings.keys(connection_id, kind):
                kinds.append((kind, keys, actions.lists.of(connection_id, kind)))
    except RavebooksError as error:
        refusal = f"{sentence(error)} {error.remedy}"
    return show(
        "mappings.html",
        active="connection",
        connection=g.connection,
        kinds=kinds,
        titles=TITLES,
        more=request.args.get("more"),
        find=find,
        refusal=refusal,
    )


@page(users.BOOKKEEPER)
def _map(connection_id: str) -> Response:
    chosen: dict[str, dict[str, str]] = {kind: {} for kind in TITLES}
    rest = {kind: request.form.get(f"rest/{kind}", "") for kind in TITLES}
    for name, entry in request.form.items():
        kind, _, key = name.partition("/")
        if kind in chosen and (entry or rest[kind]):
            chosen[kind][key] = entry or rest[kind]
    actions = showing().actions
    try:
        actions.mappings.map_keys(connection_id, {kind: keys for kind, keys in chosen.items() if keys})
    except SwitchRefused:
        # What was chosen from the list is no more what the list says.
        actions.lists.forget(connection_id)
        raise
    said("Saved. A new mapping affects later writes only.")
    return back("mappings", connection_id=connection_id, more=request.args.get("more"))


@console.post("/<connection_id>/connection/mappings/look-again")
@page(users.BOOKKEEPER)
def read_lists(connection_id: str) -> Response:
    """Ask QuickBooks anew for what keys can be mapped to, when the page is shown next."""
    showing().actions.lists.forget(connection_id)
    return back("mappings", connection_id=connection_id, more=request.args.get("more"))


@console.post("/<connection_id>/connection/settings")
@page(users.BOOKKEEPER)
def settings(connection_id: str) -> Response:
    """How it behaves from now on; what has a date already keeps it."""
    form = request.form
    values: dict[str, Any] = {name: form[name] for name in ("draft_policy", "delete_policy") if form.get(name)}
    values["time_zone"] = form.get("time_zone", "").strip() or None
    for name in ("removals_limit", "reads_budget"):
        text = form.get(name, "").strip()
        values[name] = int(text) if text.isdecimal() and len(text) < NUMBER_LENGTH else text or None
    if values["removals_limit"] is None:
        del values["removals_limit"]
    showing().actions.connections.set_settings(connection_id, loaded(ConnectionSettings(), values))
    said("Saved. It counts from now on.")
    return back("connection", connection_id=connection_id)


@console.post("/<connection_id>/connection/disconnect")
@page(users.BOOKKEEPER)
def disconnect(connection_id: str) -> Response:
    """End the connection: nothing more is written, and the consent at Intuit ends."""
    if request.form.get("sure") != connection_id:
        g.nothing_done = True
        said("Tick the box first: nothing was disconnected.", "asks")
        return back("connection", connection_id=connection_id)
    revoked = showing().connecting.disconnect(connection_id, visitor().user.shown)
    said("Disconnected. Both books stay as they are; Reconnect goes on where this one ended.")
    if not revoked:
        said("Intuit could not be told: remove the app in QuickBooks too.", "asks")
    return back("connection", connection_id=connection_id)


@console.post("/<connection_id>/connection/pause")
@page(users.BOOKKEEPER)
def pause(connection_id: str) -> Response:
    """Stop writing."""
    cause = request.form.get("cause", "").strip()[:500]
    showing().actions.connections.pause(connection_id, visitor().user.shown, cause)
    said("Paused. Nothing is lost: what is pending goes on after resume.")
    return back("connection", connection_id=connection_id)


@console.post("/<connection_id>/connection/resume")
@page(users.BOOKKEEPER)
def resume(connection_id: str) -> Response:
    """Go on."""
    showing().actions.connections.resume(connection_id)
    said("It goes on, and looks at what was missed.")
    return back("connection", connection_id=connection_id)


@console.post("/<connection_id>/connection/look")
@page(users.BOOKKEEPER)
def look(connection_id: str) -> Response:
    """Look at the settings of both sides now."""
    found = showing().actions.connections.inspect_now(connection_id).findings
    said(f"Looked: {len(found)} found." if found else "Looked: nothing was found that would make wrong books.")
    return back("connection", connection_id=connection_id)


@console.get("/<connection_id>/reads")
@page()
def reads(connection_id: str) -> Response:
    """Metered reads by cause and writes by action, month by month, with the budget."""
    page_asked = asked({"limit": MONTHS, "cursor": request.args.get("cursor", "")})
    found = showing().actions.connections.usage_page(connection_id, page_asked)
    return show("reads.html", active="reads", connection=g.connection, months=found.rows, cursor=sealed(found))
