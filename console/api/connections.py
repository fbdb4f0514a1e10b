"""Accounts and companies: connect, map, switch, pause, resume."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from console.api import shapes
from console.api.serving import Serving
from console.connecting import DEPOSIT_ACCOUNT, LINE_TYPE, PAYMENT_METHOD, REMAPPING, TAX_RATE
from storage import connections, jobs, journal, reads
from storage.database import Database
from storage.models import Connection, Job, Operation, PendingChange

MAPPINGS = {
    "line_types": LINE_TYPE,
    "tax_rates": TAX_RATE,
    "payment_methods": PAYMENT_METHOD,
    "deposit_accounts": DEPOSIT_ACCOUNT,
}
"""The kinds of mapping, by their names in the API."""


def blueprint(serving: Serving) -> Blueprint:
    """`/api/connections`."""
    routes = Blueprint("connections", __name__, url_prefix="/api/connections", description="Accounts and companies")
    database, connecting = serving.database, serving.connecting

    @routes.post("")
    @routes.arguments(shapes.ConnectRequest)
    @routes.response(201, shapes.ConnectAnswer)
    def begin(body: dict[str, str]) -> dict[str, str]:
        account, token = body["account_id"], body["ravetree_token"]
        connecting.look_at_account(account, token)
        return {"start_url": connecting.start_link(account, token)}

    @routes.get("")
    @routes.response(200, shapes.ConnectionShape(many=True))
    def listing() -> list[dict[str, Any]]:
        with database.transaction() as session:
            return [_show(session, connection) for connection in connections.every(session)]

    @routes.get("/<connection_id>")
    @routes.response(200, shapes.ConnectionShape)
    def one(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            return _show(session, connections.get(session, connection_id))

    @routes.get("/<connection_id>/items")
    @routes.arguments(shapes.SearchQuery, location="query")
    @routes.response(200, shapes.ItemShape(many=True))
    def items(query: dict[str, str], connection_id: str) -> list[dict[str, str]]:
        return connecting.entries(connection_id, LINE_TYPE, query["search"])

    @routes.get("/<connection_id>/choices/<any(line_type, tax_rate, payment_method, deposit_account):kind>")
    @routes.arguments(shapes.SearchQuery, location="query")
    @routes.response(200, shapes.Choices)
    def choices(query: dict[str, str], connection_id: str, kind: str) -> dict[str, Any]:
        """Ravetree's keys of a kind, and the QuickBooks entries that they can be mapped to."""
        return {
            "keys": connecting.keys(connection_id, kind),
            "entries": connecting.entries(connection_id, kind, query["search"]),
        }

    @routes.put("/<connection_id>/mappings")
    @routes.arguments(shapes.Mappings)
    @routes.response(200, shapes.MappingsAnswer)
    def map_keys(body: dict[str, dict[str, str]], connection_id: str) -> dict[str, Any]:
        for name, kind in MAPPINGS.items():
            if name in body:
                connecting.map_keys(connection_id, kind, body[name])
        serving.nudge(connection_id)
        return _mappings(database, connection_id)

    @routes.get("/<connection_id>/mappings")
    @routes.response(200, shapes.MappingsAnswer)
    def mapped(connection_id: str) -> dict[str, Any]:
        return _mappings(database, connection_id)

    @routes.put("/<connection_id>/switches")
    @routes.arguments(shapes.Switches)
    @routes.response(200, shapes.ConnectionShape)
    def switch(body: dict[str, bool], connection_id: str) -> dict[str, Any]:
        connecting.switch(connection_id, invoices=body.get("invoices"), estimates=body.get("estimates"))
        with database.transaction() as session:
            return _show(session, connections.get(session, connection_id))

    @routes.get("/<connection_id>/settings")
    @routes.response(200, shapes.ConnectionSettings)
    def settings(connection_id: str) -> Connection:
        with database.transaction() as session:
            return connections.get(session, connection_id)

    @routes.put("/<connection_id>/settings")
    @routes.arguments(shapes.ConnectionSettings)
    @routes.response(200, shapes.ConnectionSettings)
    def set_settings(body: dict[str, Any], connection_id: str) -> Connection:
        with database.transaction() as session:
            connection = connections.get_current(session, connection_id)
            for name, value in body.items():
                setattr(connection, name, value)
            return connection

    @routes.get("/<connection_id>/usage")
    @routes.response(200, shapes.UsageShape(many=True))
    def usage(connection_id: str) -> list[reads.Usage]:
        """Metered reads by cause and free writes by action, newest month first."""
        with database.transaction() as session:
            connections.get(session, connection_id)
            known = reads.months(session, connection_id)
            this = reads.month_of(serving.clock.now())
            return [reads.usage(session, connection_id, month) for month in dict.fromkeys([this, *known])]

    @routes.post("/<connection_id>/pause")
    @routes.arguments(shapes.PauseRequest)
    @routes.response(200, shapes.ConnectionShape)
    def pause(body: dict[str, str], connection_id: str) -> dict[str, Any]:
        cause = f"Paused by {body['by'] or 'a person'}{': ' if body['cause'] else '.'}{body['cause']}"
        with database.transaction() as session:
            connections.pause(session, connection_id, cause, "Press resume.")
            return _show(session, connections.get(session, connection_id))

    @routes.post("/<connection_id>/disconnect")
    @routes.arguments(shapes.PauseRequest)
    @routes.response(200, shapes.Disconnected)
    def disconnect(body: dict[str, str], connection_id: str) -> dict[str, Any]:
        revoked = connecting.disconnect(connection_id, body["by"])
        with database.transaction() as session:
            return _show(session, connections.get(session, connection_id)) | {"revoked": revoked}

    @routes.post("/<connection_id>/forget")
    @routes.arguments(shapes.ForgetRequest)
    @routes.response(200, shapes.Forgotten)
    def forget(body: dict[str, str], connection_id: str) -> dict[str, str]:
        """End a disconnected connection for good; one that anything was ever written for is archived."""
        return {"outcome": connecting.forget(connection_id, body["by"])}

    @routes.delete("/<connection_id>")
    @routes.response(200, shapes.Forgotten)
    def delete(connection_id: str) -> dict[str, str]:
        """The same as `forget`, without a name."""
        return {"outcome": connecting.forget(connection_id, "")}

    @routes.get("/<connection_id>/preflight")
    @routes.response(200, shapes.PreflightShape)
    def preflight(connection_id: str) -> dict[str, Any]:
        """What the last look found; empty before the first one."""
        return preflight_of(connection_id)

    @routes.post("/<connection_id>/preflight")
    @routes.response(200, shapes.PreflightShape)
    def inspect(connection_id: str) -> dict[str, Any]:
        connecting.inspect(connection_id)
        serving.nudge(connection_id)
        return preflight_of(connection_id)

    def preflight_of(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            return connections.get(session, connection_id).preflight or {"at": None, "findings": []}

    @routes.post("/<connection_id>/release-brake")
    @routes.response(200, shapes.ConnectionShape)
    def release_brake(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            connections.release_brake(session, connection_id, serving.clock.now())
            shown = _show(session, connections.get(session, connection_id))
        serving.nudge(connection_id)
        return shown

    @routes.post("/<connection_id>/resume")
    @routes.response(200, shapes.ConnectionShape)
    def resume(connection_id: str) -> dict[str, Any]:
        with database.transaction() as session:
            connections.resume(session, connection_id, serving.clock.now())
            shown = _show(session, connections.get(session, connection_id))
        serving.nudge(connection_id)
        return shown

    return routes


def _show(session: Session, connection: Connection) -> dict[str, Any]:
    counts = session.execute(
        sa.select(PendingChange.state, sa.func.count())
        .where(PendingChange.connection_id == connection.id)
        .group_by(PendingChange.state)
    )
    work = {"due": 0, "waiting": 0, "held": 0, "parked": 0} | {row[0]: row[1] for row in counts}
    work["uncertain"] = session.execute(
        sa.select(sa.func.count())
        .select_from(Operation)
        .where(Operation.connection_id == connection.id, Operation.state == journal.JOURNALLED)
    ).scalar_one()
    work["jobs"] = session.execute(
        sa.select(sa.func.count()).select_from(Job).where(Job.connection_id == connection.id, Job.state == jobs.RUNNING)
    ).scalar_one()
    said = asdict(connections.condition(session, connection))
    names = shapes.ConnectionShape().fields.keys() - said.keys() - {"work"}
    return {name: getattr(connection, name) for name in names} | said | {"work": work}


def _mappings(database: Database, connection_id: str) -> dict[str, Any]:
    with database.transaction() as session:
        connections.get(session, connection_id)
        found = {name: connections.mappings(session, connection_id, kind) for name, kind in MAPPINGS.items()}
    return found | {"note": REMAPPING}
