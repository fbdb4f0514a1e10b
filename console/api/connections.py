"""Accounts and companies: connect, map, switch, pause, resume."""

from typing import Any

import sqlalchemy as sa
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from console.api import shapes
from console.api.serving import Serving
from console.connecting import LINE_TYPE, TAX_RATE
from storage import connections, jobs, journal, reads
from storage.database import Database
from storage.models import Connection, Job, Operation, PendingChange


def blueprint(serving: Serving) -> Blueprint:
    """`/api/connections`."""
    routes = Blueprint("connections", __name__, url_prefix="/api/connections", description="Accounts and companies")
    database, connecting = serving.database, serving.connecting

    @routes.post("")
    @routes.arguments(shapes.ConnectRequest)
    @routes.response(201, shapes.ConnectAnswer)
    def begin(body: dict[str, str]) -> dict[str, str]:
        return {"authorize_url": connecting.begin(body["account_id"], body["ravetree_token"])}

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
    @routes.response(200, shapes.ItemShape(many=True))
    def items(connection_id: str) -> list[dict[str, str]]:
        return connecting.items(connection_id)

    @routes.put("/<connection_id>/mappings")
    @routes.arguments(shapes.Mappings)
    @routes.response(200, shapes.Mappings)
    def map_keys(body: dict[str, dict[str, str]], connection_id: str) -> dict[str, dict[str, str]]:
        for name, kind in (("line_types", LINE_TYPE), ("tax_rates", TAX_RATE)):
            if name in body:
                connecting.map_keys(connection_id, kind, body[name])
        return _mappings(database, connection_id)

    @routes.get("/<connection_id>/mappings")
    @routes.response(200, shapes.Mappings)
    def mapped(connection_id: str) -> dict[str, dict[str, str]]:
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
            connection = connections.get(session, connection_id)
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
    names = [field.attribute or name for name, field in shapes.ConnectionShape().fields.items() if name != "work"]
    return {name: getattr(connection, name) for name in names} | {"work": work}


def _mappings(database: Database, connection_id: str) -> dict[str, dict[str, str]]:
    with database.transaction() as session:
        connections.get(session, connection_id)
        return {
            "line_types": connections.mappings(session, connection_id, LINE_TYPE),
            "tax_rates": connections.mappings(session, connection_id, TAX_RATE),
        }
