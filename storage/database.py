"""The database port: transactions, the database's clock, and upserts, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
import tenacity
from psycopg.abc import PQGen
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from config.errors import RavebooksError, Stop
from config.foreign import described
from config.ports import Clock

SQLITE_BUSY_SECONDS = 30
SQLITE_STATEMENTS = 1024
"""How many are kept prepared: there are some hundreds, and Python's own limit prepares the most anew each time."""
CONNECT_SECONDS = 2
STATEMENT_MILLISECONDS = 15_000
"""The server ends a statement then."""
IDLE_MILLISECONDS = 10_000
"""The server ends a transaction in which nothing was asked for so long. One whose connection leads nowhere keeps its
locks until the server's network notices, which may be hours, and whoever goes on with that work waits for them."""
ANSWER_SECONDS = 20.0
"""A server that hangs, or a connection from which nothing comes back, ends nothing: then we do."""
PING_SECONDS = 5.0
"""The pool's question whether a connection that it kept still lives; nothing else runs outside a transaction."""
DEAD_CONNECTION = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
"""When the network is told to give up: libpq's options, in seconds, the last one in milliseconds."""


class StorageError(RavebooksError):
    """The root of what the database refuses."""


class DatabaseDown(StorageError, Stop):
    """The database cannot be reached: nothing was stored."""

    remedy = "Start the database, or correct RAVEBOOKS_DATABASE_URL. What was received waits in the broker."


class DiskFull(DatabaseDown):
    """The database answers, and stores nothing: its disk is full."""

    remedy = "Make room on that disk: it goes on by itself. What comes meanwhile waits in the broker, or is sent again."


class Contended(DatabaseDown):
    """The database ended a transaction because it and another waited for each other: nothing was stored."""

    remedy = "Try it again: nothing of it was done."


CONTENDED_TRIES = 4
again_when_contended = tenacity.retry(
    retry=tenacity.retry_if_exception_type(Contended), stop=tenacity.stop_after_attempt(CONTENDED_TRIES), reraise=True
)
"""For a function with one transaction that changes rows of several records: as a whole it is done again, at once.

Whoever else changed them is done by then. The database ends one of the two, so that one always gets on.
"""

_READ_ONLY = frozenset({"25006"})
"""After a failover the old primary still answers, and stores nothing."""

_CONTENTION = frozenset({"40P01", "40001"})
_DISK_FULL = "53100"


class LimitedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends: psycopg's own goes on for ever when nothing comes back.

    But for a migration, for which `answers_within` is None.
    """

    answers_within: float | None = ANSWER_SECONDS

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Raises `psycopg.OperationalError`, and closes the connection, when there is no answer in time."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        limit = PING_SECONDS if self.autocommit else self.answers_within
        if limit is None:
            return super().wait(gen, interval)
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError(f"no answer within {limit:g} s") from error


ANALYSED_ROWS = 100_000
"""How many rows of each index are looked at to know how many share a value."""
READS = "ravebooks_reads"
"""The execution option of a transaction that only reads."""


class FreshSession(Session):
    """A session that answers with what the database says, also of rows that it has seen before.

    Rows are changed by statements, and a transaction may be long enough to look at one of them again.
    """

    def get(self, *arguments: Any, **options: Any) -> Any:
        """As `Session.get`, without its memory."""
        return super().get(*arguments, **({"populate_existing": True} | options))

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As `Session.execute`, without its memory."""
        fresh = {"populate_existing": True} | dict(options.pop("execution_options", {}))
        return super().execute(statement, params, execution_options=fresh, **options)


class Database:
    """One database. Every transaction is short and spans no foreign call."""

    def __init__(self, url: str, clock: Clock, pool_size: int = 20) -> None:
        self.url = sa.make_url(url)
        self._clock = clock
        self._threads = threading.local()
        self._writers = threading.Lock()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite_engine(pool_size) if self.is_sqlite else self._postgresql_engine(pool_size)
        self._reader = self.engine.execution_options(**{READS: True, "postgresql_readonly": True})

    def _sqlite_engine(self, pool_size: int) -> sa.Engine:
        if self.url.database:
            _make_folder(Path(self.url.database).parent)
        engine = sa.create_engine(
            self.url,
            connect_args={
                "timeout": SQLITE_BUSY_SECONDS,
                "check_same_thread": False,
                "cached_statements": SQLITE_STATEMENTS,
            },
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=pool_size,
        )

        @sa.event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            # sqlite3 would begin by itself, and later than we say: BEGIN IMMEDIATE takes the write lock first,
            # since a transaction that reads and then writes can fail at once, whatever the time-out.
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            reads = bool(connection.get_execution_options().get(READS))
            if connection.info.get(READS) is not reads:
                connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
                connection.info[READS] = reads
            connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

        return engine

    def _postgresql_engine(self, pool_size: int) -> sa.Engine:
        engine = sa.create_engine(
            self.url,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "options": f"-c statement_timeout={STATEMENT_MILLISECONDS} "
                f"-c idle_in_transaction_session_timeout={IDLE_MILLISECONDS} -c timezone=UTC",
                **DEAD_CONNECTION,
            },
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_SECONDS,
        )

        @sa.event.listens_for(engine, "do_connect")
        def _connect(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> Any:
            return LimitedConnection.connect(*arguments, **parameters)

        return engine

    @property
    def place(self) -> str:
        """Where it is, for the operator's own terminal: neither user nor password nor options."""
        url = self.url
        return sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    def transaction(self) -> AbstractContextManager[Session]:
        """One transaction: committed at the end, rolled back on any error. Raises `DatabaseDown`."""
        return self._transaction(self.engine)

    def reading(self) -> AbstractContextManager[Session]:
        """One transaction that only reads: it takes no lock that a writer would wait for. Raises `DatabaseDown`."""
        return self._transaction(self._reader)

    @contextmanager
    def _transaction(self, engine: sa.Engine) -> Iterator[Session]:
        if getattr(self._threads, "busy", False):
            # On SQLite it would wait for itself, on PostgreSQL it would not see what the other one has stored.
            raise RuntimeError("a transaction is open on this thread already")
        self._threads.busy = True
        try:
            with self._turn(engine), FreshSession(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            cause = getattr(error, "orig", None)
            if getattr(cause, "sqlstate", None) in _CONTENTION:
                raise Contended("two transactions waited for each other") from error
            if is_full(cause):
                raise DiskFull(f"the disk of the database is full or fails ({described(cause or error)})") from error
            raise DatabaseDown(f"the database does not answer ({_why(cause or error)})") from error
        except DBAPIError as error:
            if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _READ_ONLY:
                raise DatabaseDown(f"the connection to the database was lost ({described(error)})") from error
            raise
        finally:
            self._threads.busy = False

    @contextmanager
    def _turn(self, engine: sa.Engine) -> Iterator[None]:
        """On SQLite the writers of this process take turns here, where the next one is woken at once.

        SQLite's own lock is asked again after a sleep, up to a tenth of a second, and whoever asks at the right moment
        has it: of many threads some would wait for seconds.
        """
        if not self.is_sqlite or engine is self._reader:
            yield
            return
        if not self._writers.acquire(timeout=SQLITE_BUSY_SECONDS):
            raise DatabaseDown("the database does not answer (another thread keeps it locked)")
        try:
            yield
        finally:
            self._writers.release()

    def now(self, session: Session) -> datetime:
        """The database's clock, which all workers share. SQLite has none of its own: there it is the process's."""
        if self.is_sqlite:
            return self._clock.now()
        moment: datetime = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def analyse(self) -> None:
        """Have SQLite look how full its tables are, so that it chooses the right indexes; PostgreSQL does by itself.

        It looks at some rows of each index alone. Another connection that is open notices the first time at once,
        and later ones when it is opened anew.
        """
        if not self.is_sqlite:
            return
        with self.transaction() as session:
            session.execute(sa.text(f"PRAGMA analysis_limit={ANALYSED_ROWS}"))
            session.execute(sa.text("ANALYZE"))

    def check(self) -> None:
        """Raise `DatabaseDown` unless the database answers."""
        with self.transaction() as session:
            session.execute(sa.select(1))

    def close(self) -> None:
        """Give every connection back to the operating system."""
        self.engine.dispose()


_REASONS = {
    "password authentication failed": "user or password is refused",
    "no password supplied": "it asks for a password",
    "no pg_hba.conf entry": "it does not admit this user from here",
    "connection refused": "nobody listens there",
    "could not translate host name": "the host's name is not known",
    "failed to resolve host": "the host's name is not known",
    "timeout expired": "no answer in time",
    "no answer within": "no answer in time",
    "is starting up": "it is starting",
    "is shutting down": "it is shutting down",
    "too many clients": "it has no connection left",
    "remaining connection slots": "it has no connection left",
    "does not exist": "it has no such database or user",
    "unable to open database file": "its file cannot be opened",
    "readonly database": "its file cannot be written to",
    "database is locked": "another process keeps it locked",
}
"""What libpq and SQLite say in a sentence full of addresses, and nowhere as a code."""


def _why(cause: BaseException) -> str:
    said = str(cause).lower()
    return next((words for phrase, words in _REASONS.items() if phrase in said), described(cause))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseDown(
            f"the folder of the database cannot be made ({error.strerror})",
            remedy="Mend that, or correct RAVEBOOKS_STATE_DIR or RAVEBOOKS_DATABASE_URL.",
        ) from error


def is_full(cause: BaseException | None) -> bool:
    """Whether a driver's error says that the disk has no room."""
    name = str(getattr(cause, "sqlite_errorname", ""))
    # SQLite says of some of its files only that they could not be written.
    return getattr(cause, "sqlstate", None) == _DISK_FULL or name == "SQLITE_FULL" or name in _UNWRITABLE


_UNWRITABLE = frozenset({"SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC"})


def insert(session: Session, model: type[Any]) -> Any:
    """An INSERT that knows `on_conflict_…` on either database."""
    return insert_into(session.get_bind().dialect.name, model)


def insert_into(dialect: str, model: type[Any] | sa.Table) -> Any:
    """The same for a statement that is made once for each database."""
    return sqlite.insert(model) if dialect == "sqlite" else postgresql.insert(model)
