"""Both books held against each other: parity reports, drift, one record side by side, its timeline."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from console import parity_forms
from console.api import parity_shapes as shapes
from console.api.serving import NoSuchRecord, Serving
from schemas.ids import record_of
from storage import connections, parity, timeline
from storage.models import ParityReport

_NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'"


def blueprint(serving: Serving) -> Blueprint:
    """`/api/connections/ID/parity`, `/drift`, `/records/SIDE/KIND/RECORD` and its `/timeline`."""
    routes = Blueprint(
        "parity",
        __name__,
        url_prefix="/api/connections/<connection_id>",
        description="Both books held against each other",
    )
    database = serving.database

    def find(connection_id: str, report_id: int) -> ParityReport:
        with database.transaction() as session:
            return parity.get(session, connection_id, report_id)

    # --- parity ----------------------------------------------------------------------------------

    @routes.post("/parity")
    @routes.arguments(shapes.ParityRequest)
    @routes.response(201, shapes.ReportShape)
    def make(body: dict[str, bool], connection_id: str) -> ParityReport:
        """Make a report at once; `full` reads QuickBooks first, a thousand records a call."""
        report = find(connection_id, serving.parity.make(connection_id, full=body["full"]))
        serving.nudge(connection_id)
        return report

    @routes.get("/parity")
    @routes.response(200, shapes.ReportInHistory(many=True))
    def history(connection_id: str) -> Sequence[ParityReport]:
        with database.transaction() as session:
            connections.get(session, connection_id)
            return parity.history(session, connection_id)

    @routes.get("/parity/<int(max=9223372036854775807):report_id>")
    @routes.response(200, shapes.ReportShape)
    def one(connection_id: str, report_id: int) -> ParityReport:
        return find(connection_id, report_id)

    @routes.get("/parity/<int(max=9223372036854775807):report_id>.csv")
    @routes.response(200, content_type="text/csv")
    def sheet(connection_id: str, report_id: int) -> Response:
        report = find(connection_id, report_id)
        named = {"Content-Disposition": f'attachment; filename="parity-{report.day}-{report.id}.csv"'}
        return Response(parity_forms.as_csv(report.rows), mimetype="text/csv", headers=named | _SNIFF)

    @routes.get("/parity/<int(max=9223372036854775807):report_id>.html")
    @routes.response(200, content_type="text/html")
    def page(connection_id: str, report_id: int) -> Response:
        report = find(connection_id, report_id)
        names = ("id", "connection_id", "day", "made_at", "source", "summary", "rows")
        shown = {name: getattr(report, name) for name in names}
        headers = {"Content-Security-Policy": _NO_SCRIPTS} | _SNIFF
        return Response(parity_forms.as_html(shown), mimetype="text/html", headers=headers)

    # --- drift and one record --------------------------------------------------------------------

    @routes.get("/drift")
    @routes.arguments(shapes.DriftQuery, location="query")
    @routes.response(200, shapes.HeldAgainst(many=True))
    def drift(query: dict[str, bool], connection_id: str) -> list[dict[str, Any]]:
        """Every pair that differs in any field; with `fresh` QuickBooks is read in full first."""
        return serving.parity.drift(connection_id, fresh=query["fresh"])

    @routes.get("/records/<side>/<kind>/<record_id>")
    @routes.response(200, shapes.RecordShape)
    def record(connection_id: str, side: str, kind: str, record_id: str) -> dict[str, Any]:
        """Both sides of a record, what waits for a person, and each difference with base and both versions."""
        asked = record_of(side, kind, record_id)
        shown = serving.parity.record(connection_id, asked)
        if shown is None:
            raise NoSuchRecord(f"neither book has {asked}")
        return shown

    @routes.get("/records/<side>/<kind>/<record_id>/timeline")
    @routes.response(200, shapes.TimelineEntry(many=True))
    def history_of(connection_id: str, side: str, kind: str, record_id: str) -> list[dict[str, Any]]:
        """Events, plans, writes with their field changes, answers, and who pressed what; oldest first."""
        asked = record_of(side, kind, record_id)
        with database.transaction() as session:
            connections.get(session, connection_id)
            entries = timeline.of(session, connection_id, asked)
        if not entries:
            raise NoSuchRecord(f"nothing ever happened to {asked}")
        return entries

    return routes


_SNIFF = {"X-Content-Type-Options": "nosniff"}
