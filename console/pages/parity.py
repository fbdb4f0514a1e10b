"""Both books held against each other: the newest report and those before it."""

from flask import g, request
from werkzeug.wrappers import Response

from console.pages.showing import back, console, page, said, show, showing
from storage import users
from storage.paging import Asked

BEFORE = 30
ROWS, PRINTED = 500, 2000
"""How many records that differ are shown beside the history, and on a page to print."""


@console.get("/<connection_id>/parity")
@page()
def parity(connection_id: str) -> Response:
    """The newest report, and a chart of the differences of the days before."""
    books = showing().actions.books
    reports = list(books.reports(connection_id, Asked(BEFORE)).rows)
    newest = books.report(connection_id, reports[0].id) if reports else None
    # The last one of each day stands for it.
    days = list({one.day: one for one in reversed(reports)}.values())
    return show(
        "parity.html",
        active="parity",
        connection=g.connection,
        report=newest,
        reports=reports,
        days=days,
        most=ROWS,
        most_printed=PRINTED,
    )


@console.get("/<connection_id>/parity/<int(max=9223372036854775807):report_id>")
@page()
def parity_report(connection_id: str, report_id: int) -> Response:
    """One report, a page to print."""
    found = showing().actions.books.report(connection_id, report_id)
    return show("parity.html", active="parity", connection=g.connection, report=found, reports=[], most=PRINTED)


@console.post("/<connection_id>/parity/make")
@page(users.BOOKKEEPER)
def make_report(connection_id: str) -> Response:
    """Hold both books against each other now: from what is known of QuickBooks, or after a full read of it."""
    made = showing().actions.books.make_report(connection_id, full="full" in request.form)
    said(f"Compared {made.summary['compared']} records: {made.summary['differing']} differ.")
    return back("parity", connection_id=connection_id)
