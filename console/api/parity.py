"""Both books held against each other: parity reports, drift, one record side by side, its timeline."""

from typing import Any

from flask import Response

from console import parity_forms
from console.api import examples
from console.api import parity_shapes as shapes
from console.api.paging import PageQuery, asked, page_of
from console.api.serving import View, blueprint
from schemas.ids import record_of
from storage.models import ParityReport
from storage.paging import Page

_NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'"
_SNIFF = {"X-Content-Type-Options": "nosniff"}

routes = blueprint("parity", "/api/connections/<connection_id>", "Both books held against each other")


@routes.route("/parity")
class Reports(View):
    """Parity reports."""

    @routes.doc(operationId="listReports")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.ReportInHistory, "reports"), example=examples.page(examples.REPORT))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[ParityReport]:
        """List the parity reports

        Newest first, without their rows.
        """
        return self.actions.books.reports(connection_id, asked(query))

    @routes.doc(operationId="makeReport")
    @routes.arguments(shapes.ParityRequest, example=examples.FULL)
    @routes.response(201, shapes.ReportShape, example=examples.REPORT | {"rows": []})
    def post(self, body: dict[str, bool], connection_id: str) -> ParityReport:
        """Make a parity report now

        `full` reads QuickBooks first, a metered read for each thousand records of a kind.
        """
        return self.actions.books.make_report(connection_id, full=body["full"])


@routes.route("/parity/<int(max=9223372036854775807):report_id>")
class Report(View):
    """One parity report."""

    @routes.doc(operationId="getReport")
    @routes.response(200, shapes.ReportShape, example=examples.REPORT | {"rows": []})
    def get(self, connection_id: str, report_id: int) -> ParityReport:
        """Show one parity report

        With the pairs that differ. Amounts are texts, so that they stay exact.
        """
        return self.actions.books.report(connection_id, report_id)


@routes.route("/parity/<int(max=9223372036854775807):report_id>.csv")
class ReportSheet(View):
    """One parity report as a sheet."""

    @routes.doc(operationId="getReportAsCsv")
    @routes.response(200, {"type": "string"}, content_type="text/csv")
    def get(self, connection_id: str, report_id: int) -> Response:
        """Show a parity report as CSV

        No cell of it is run by a spreadsheet.
        """
        report = self.actions.books.report(connection_id, report_id)
        named = {"Content-Disposition": f'attachment; filename="parity-{report.day}-{report.id}.csv"'}
        return Response(parity_forms.as_csv(report.rows), mimetype="text/csv", headers=named | _SNIFF)


@routes.route("/parity/<int(max=9223372036854775807):report_id>.html")
class ReportPage(View):
    """One parity report as a page."""

    @routes.doc(operationId="getReportAsHtml")
    @routes.response(200, {"type": "string"}, content_type="text/html")
    def get(self, connection_id: str, report_id: int) -> Response:
        """Show a parity report as a page

        To print; it has no scripts and needs nothing else.
        """
        report = self.actions.books.report(connection_id, report_id)
        names = ("id", "connection_id", "day", "made_at", "source", "summary", "rows")
        shown = {name: getattr(report, name) for name in names}
        headers = {"Content-Security-Policy": _NO_SCRIPTS} | _SNIFF
        return Response(parity_forms.as_html(shown), mimetype="text/html", headers=headers)


@routes.route("/drift")
class Drift(View):
    """What differs."""

    @routes.doc(operationId="listDrift")
    @routes.arguments(shapes.DriftQuery, location="query")
    @routes.response(200, page_of(shapes.HeldAgainst, "pairs that differ"), example=examples.page(examples.PAIR))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[dict[str, Any]]:
        """List the pairs that differ

        In any field, with what the next sync would do. `fresh` reads QuickBooks in full before the first page.
        A page may have fewer rows than `limit`, or none: the list ends where `next_cursor` is null.
        """
        return self.actions.books.drift_page(connection_id, asked(query), fresh=query["fresh"])


@routes.route("/records/<side>/<kind>/<record_id>")
class OneRecord(View):
    """One record."""

    @routes.doc(operationId="getRecord")
    @routes.response(200, shapes.RecordShape, example=examples.RECORD)
    def get(self, connection_id: str, side: str, kind: str, record_id: str) -> dict[str, Any]:
        """Show one record on both sides

        What it waits for with the decisions that it takes, and each difference with base and both versions.
        """
        return self.actions.books.record(connection_id, record_of(side, kind, record_id))


@routes.route("/records/<side>/<kind>/<record_id>/timeline")
class Timeline(View):
    """What happened to one record."""

    @routes.doc(operationId="listTimeline")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.TimelineEntry, "entries"), example=examples.page(examples.TIMELINE_ENTRY))
    def get(
        self, query: dict[str, Any], connection_id: str, side: str, kind: str, record_id: str
    ) -> Page[dict[str, Any]]:
        """List what happened to a record

        Events, plans, writes with their field changes, answers, and who pressed what; oldest first. Without secrets.
        """
        return self.actions.books.timeline_page(connection_id, record_of(side, kind, record_id), asked(query))
