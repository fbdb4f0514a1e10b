"""The switch-on: what is ticked takes effect by itself, when the last look at the settings found nothing that blocks.

That look is stored with the connection, so that whoever comes next goes on where a process died.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from clients.errors import NeighbourError
from clients.ravetree.account import RESOURCES, Account
from config.logging import logger
from config.ports import Clock
from reconcile.model import Kind, switch_on_of
from reconcile.preflight import NOT_MAPPED, Severity
from schemas.times import spell_instant
from storage import connections, jobs, pending, switches
from storage.models import Connection
from storage.unit import UnitOfWork
from sync import duties
from sync.jobs import is_asked_for, spelled

log = logger("switch-on")


def missing_mappings(connection: Connection) -> list[Mapping[str, str]]:
    """What has to be mapped before what is ticked takes effect: `kind`, `key` and `label` of each."""
    return list((connection.preflight or {}).get("missing", [])) if switches.waiting(connection) else []


def is_mapped_since(session: Session, connection: Connection) -> bool:
    """Whether something that the last look missed is mapped by now: somebody mapped it while another one ticked."""
    found = missing_mappings(connection)
    mapped = {kind: connections.mappings(session, connection.id, kind) for kind in {key["kind"] for key in found}}
    return any(key["key"] in mapped[key["kind"]] for key in found)


def blocks(connection: Connection) -> list[Mapping[str, str]]:
    """The findings, other than missing mappings, that what is ticked waits for."""
    found = _blocking(connection) if switches.waiting(connection) else []
    return [finding for finding in found if finding["code"] not in NOT_MAPPED]


def _blocking(connection: Connection) -> list[Mapping[str, Any]]:
    found = (connection.preflight or {}).get("findings", [])
    return [finding for finding in found if finding["severity"] == Severity.BLOCKS]


def settle(unit: UnitOfWork, clock: Clock, connection_id: str, ravetree: Account) -> None:
    """Let what is ticked take effect, unless something blocks it; then see whether there is anything to offer."""
    with unit.writing() as session:
        connection = connections.lock(session, connection_id)
        turned = take_effect(session, connection, clock.now())
        offered = {kind: window for kind, window in switches.made_while_waiting(connection).items() if kind in turned}
    if turned:
        log.info("switched on", connection=connection_id, kinds=[str(kind) for kind in turned])
    if offered:
        _withdraw_what_is_empty(unit, connection_id, ravetree, offered)


def take_effect(session: Session, connection: Connection, now: datetime) -> tuple[Kind, ...]:
    """What took effect: from now on it is synced, and the first time contacts are imported."""
    turned = switches.waiting(connection)
    if not turned or connection.preflight is None or _blocking(connection):
        return ()
    for kind in turned:
        switches.take_effect(connection, kind, now)
    duties.begin_switched_on(session, connection, now)
    pending.circumstances_change(session, connection.id)
    pending.wake(session, connection.id, map(switch_on_of, turned), now)
    if connection.contacts_imported_at is None:
        _begin_import(session, connection.id, now)
    return turned


def _begin_import(session: Session, connection_id: str, now: datetime) -> None:
    """Contacts come once, when the integration is switched on for the first time."""
    try:
        jobs.begin(session, connection_id, jobs.IMPORT_CONTACTS, {}, "the first switch-on", now)
    except jobs.JobRefused:
        # It is under way already, or a person paused it.
        return


def _withdraw_what_is_empty(
    unit: UnitOfWork, connection_id: str, ravetree: Account, windows: Mapping[Kind, switches.Window]
) -> None:
    """No back-fill is offered where nothing was made; while Ravetree does not say so it is."""
    try:
        empty = [kind for kind, window in windows.items() if not _is_any_made(ravetree, kind, window)]
    except NeighbourError as error:
        log.warning("not looked for what was made meanwhile", connection=connection_id, error=str(error))
        return
    if empty:
        with unit.writing() as session:
            switches.withdraw(connections.get(session, connection_id), empty)


def _is_any_made(ravetree: Account, kind: Kind, window: switches.Window) -> bool:
    rows = ravetree.listing(RESOURCES[kind], {"updated_since": spell_instant(window[0])})
    return any(is_asked_for(kind, row, {"made": spelled({kind: window})}) for row in rows)
