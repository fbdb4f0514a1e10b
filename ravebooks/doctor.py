"""What `ravebooks doctor` looks at: one finding a check, each with what to do when it is red."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from clients.http import open_session
from config.errors import RavebooksError, SettingError
from config.redaction import redact_text
from publishers import marks, topology
from ravebooks.bootstrap import Parts
from ravebooks.commands.processes import SHARED, WEB
from ravebooks.local import sandbox_process
from ravebooks.local.keys import FILE as KEYS_FILE
from ravebooks.local.sandbox_process import World
from ravebooks.local.settings import NEEDED_BY_UP, check_database
from storage import brakes, connections, installation
from storage.installation import Claimant
from storage.models import Connection
from storage.vault import TOKEN_FIELDS, UnreadableSecret, Vault
from sync import duties

CLOCK_SECONDS = 30.0
"""A clock that is off by more makes fresh webhooks look old: their tolerance is five minutes, in both directions."""
CALL_SECONDS = 5.0


@dataclass(frozen=True)
class Symptom:
    """One line of the doctor's: the sentence says what was seen, the remedy what to do if it is red."""

    name: str
    ok: bool
    sentence: str
    remedy: str = ""


class Unwell(RavebooksError):
    """A check is red."""


def examine(parts: Parts, world: World | None) -> Iterator[Symptom]:
    """Every check that can be made; what stands on a red one is left out."""
    yield _look("settings", lambda: _settings(parts, world))
    if world is not None:
        yield _look("sandbox", lambda: _sandbox(world))
    database = _look("database", lambda: _database(parts))
    yield database
    if not parts.settings.embedded:
        yield _look("broker", lambda: _broker(parts.settings.broker_url, parts.settings.quickbooks_environment))
    yield _look("clock", lambda: _clock(parts, with_database=database.ok))
    keys = _look("keys", lambda: _keys(parts, with_database=database.ok))
    yield keys
    if database.ok:
        yield from _connections(parts, neighbours=keys.ok)


def _look(name: str, check: Callable[[], str]) -> Symptom:
    try:
        return Symptom(name, True, check())
    except RavebooksError as error:
        return Symptom(name, False, redact_text(str(error).rstrip(".") + "."), error.remedy)


# --- this installation ---------------------------------------------------------------------------


def _settings(parts: Parts, world: World | None) -> str:
    settings = parts.settings
    alone = settings.embedded or world is not None
    try:
        settings.require(*(NEEDED_BY_UP if alone else (*SHARED, *WEB)))
    except SettingError as error:
        raise Unwell(
            " ".join(error.lines),
            remedy="Set it, or try `ravebooks up --sandbox`, which needs nothing." if alone else "Set it.",
        ) from None
    where = "one process" if settings.embedded else "with a broker"
    return f"complete; {where}, QuickBooks {settings.quickbooks_environment}"


def _sandbox(world: World) -> str:
    if not sandbox_process.answers(world):
        raise Unwell("the sandbox of this state folder does not answer", remedy="Start `ravebooks up --sandbox`.")
    return f"QuickBooks {world.quickbooks_root}, Ravetree {world.ravetree_root}"


def _database(parts: Parts) -> str:
    check_database(parts)
    environment = parts.settings.quickbooks_environment
    with parts.database.reading() as session:
        installation.check(session, Claimant(environment))
        row = installation.find(session)
    whose = f"the installation {row.id} of {row.environment}" if row else "nobody has worked on it yet"
    return f"{parts.database.place} answers and its tables are of this version; {whose}"


def _broker(url: str, environment: str) -> str:
    with marks.short_questions(url) as connection:
        marks.check(connection, environment)
        _topology(connection)
    return f"answers; {len(topology.EXCHANGES)} exchanges and {len(topology.QUEUES)} queues are as declared"


def _topology(connection: BlockingConnection) -> None:
    """Each exchange and queue: there (asked passively), then the same (a declaration changes nothing that exists)."""
    for method, arguments in topology.declarations():
        if method == "queue_bind":
            continue
        kind = method.removesuffix("_declare")
        name = arguments[kind]
        try:
            getattr(connection.channel(), method)(**{kind: name, "passive": True})
        except ChannelClosedByBroker:
            raise Unwell(f"the {kind} {name} does not exist", remedy="Run `ravebooks release`.") from None
        try:
            getattr(connection.channel(), method)(**arguments)
        except ChannelClosedByBroker as error:
            raise Unwell(
                f"the {kind} {name} was declared otherwise: {error.reply_text}",
                remedy=f"Stop the workers, move its messages away, delete the {kind}, run `ravebooks release`.",
            ) from None


def _clock(parts: Parts, *, with_database: bool) -> str:
    seen: dict[str, float] = {}
    if with_database and not parts.database.is_sqlite:
        with parts.database.reading() as session:
            seen["the database's"] = _ahead(parts, parts.database.now(session))
    if (theirs := _date_of(parts)) is not None:
        seen["QuickBooks'"] = _ahead(parts, theirs)
    if not seen:
        raise Unwell("there is no clock to compare with", remedy="Mend what is red elsewhere, then look again.")
    for whose, seconds in seen.items():
        if abs(seconds) > CLOCK_SECONDS:
            raise Unwell(
                f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {whose}",
                remedy="Set the clock by NTP: signatures and leases depend on it.",
            )
    return f"within {CLOCK_SECONDS:.0f} s of {' and '.join(seen)}"


def _ahead(parts: Parts, other: datetime) -> float:
    return (parts.clock.now() - other).total_seconds()


def _date_of(parts: Parts) -> datetime | None:
    """The Date header of QuickBooks' discovery document, if anybody answers there."""
    try:
        with open_session(parts.adapter) as session:
            answer = session.get(parts.settings.effective_quickbooks_discovery_url, timeout=CALL_SECONDS)
            header = answer.headers.get("Date", "")
        return parsedate_to_datetime(header).astimezone(UTC)
    except (OSError, ValueError):
        return None


# --- keys and connections ------------------------------------------------------------------------


def _keys(parts: Parts, *, with_database: bool) -> str:
    settings = parts.settings
    if settings.token_keys is None or settings.ravetree_webhook_keys is None:
        missing = "TOKEN_KEYS" if settings.token_keys is None else "RAVETREE_WEBHOOK_KEYS"
        raise Unwell(
            f"RAVEBOOKS_{missing} is not set, and {settings.state_dir}/{KEYS_FILE} is not there",
            remedy="Set it; for the embedded default `ravebooks up` makes the file.",
        )
    if not with_database:
        return "both rings are there; no stored token was tried"
    vault, opened = Vault(settings.token_keys, parts.entropy), 0
    with parts.database.reading() as session:
        gone = (connections.DISCONNECTED, connections.ARCHIVED)
        every = [row for row in connections.every(session) if row.state not in gone]
    for connection in every:
        for field in TOKEN_FIELDS:
            sealed = getattr(connection, field)
            if sealed is None and field != "ravetree_token":
                continue
            try:
                vault.open(sealed, connection.id, field)
            except UnreadableSecret as error:
                raise Unwell(f"connection {connection.id}: {error}", remedy=error.remedy) from None
            opened += 1
    return f"both rings are there; all {opened} stored tokens open"


def _connections(parts: Parts, *, neighbours: bool) -> Iterator[Symptom]:
    with parts.database.reading() as session:
        every = connections.every(session)
    if not every:
        yield Symptom("connections", True, "none yet")
    for connection in every:
        state = _look(f"connection {connection.id}", partial(_state, parts, connection))
        yield state
        ours = connection.environment in ("", parts.settings.quickbooks_environment)
        if neighbours and ours and connection.state not in (connections.DISCONNECTED, connections.ARCHIVED):
            yield _look(f"quickbooks {connection.realm_id}", partial(_quickbooks, parts, connection))
            yield _look(f"ravetree {connection.account_id}", partial(_ravetree, parts, connection))


def _state(parts: Parts, connection: Connection) -> str:
    if connection.state != connections.ARCHIVED:
        installation.check_connection(connection, parts.settings.quickbooks_environment)
    if connection.state == connections.PAUSED:
        raise Unwell(f"paused: {connection.pause_cause.rstrip('.')}", remedy=connection.pause_remedy)
    with parts.database.reading() as session:
        said = connections.condition(session, connection)
        stopped = brakes.why(session)
        failing = duties.failing(session, connection.id, parts.clock.now())
    if said.state == connections.PAUSED:
        raise Unwell(stopped, remedy=said.remedy)
    if said.state == connections.STALLED:
        raise Unwell(f"stalled: {said.cause.rstrip('.')}", remedy=said.remedy)
    if failing:
        raise Unwell(failing[0].cause.rstrip("."), remedy=failing[0].remedy)
    on = [name for name in ("invoices", "estimates") if getattr(connection, f"{name}_since")]
    return f"{said.state}; switched on: {', '.join(on) or 'nothing'}"


def _quickbooks(parts: Parts, connection: Connection) -> str:
    company = parts.neighbours.of(connection).quickbooks.get("companyinfo/1")
    return f"a token can be had; the company is {company.get('CompanyName', 'without a name')}"


def _ravetree(parts: Parts, connection: Connection) -> str:
    types = list(parts.neighbours.of(connection).ravetree.listing("line_item_types"))
    return f"answers with {len(types)} line item types"
