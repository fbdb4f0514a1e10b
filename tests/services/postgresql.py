"""A private PostgreSQL on loopback TCP, durable as a real one, open to whoever is on the machine."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg

from tests.services import place
from tests.services.ports import ServiceError, free_ports
from tests.services.server import Server
from tests.services.tls import Authority

BINARIES = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root: these accounts come with its package, or with every machine.
_ACCOUNTS = ("postgres", "nobody")
_USER = "tests"


class PostgreSQL(Server):
    """`url` is an empty database's, for SQLAlchemy with psycopg; `new_database()` makes another."""

    name = "PostgreSQL"
    # A fast shutdown: clients are cut off, everything is written.
    stop_signal = signal.SIGINT

    def __init__(self) -> None:
        self._bin = _newest_binaries()
        super().__init__()
        self.port = free_ports(1)[0]
        self._account = _account()
        self._data = self.directory / "data"
        self._databases = 0

    @property
    def url(self) -> str:
        return self._url("postgres")

    def new_database(self) -> str:
        """The url of a fresh, empty database on this server."""
        self._databases += 1
        name = f"books_{self._databases}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return self._url(name)

    def encrypt(self, authority: Authority) -> None:
        """From now on it takes encrypted connections too, by a certificate of the authority's."""
        for made, name in zip(authority.server(), ("server.crt", "server.key"), strict=True):
            kept = self._data / name
            kept.write_bytes(made.read_bytes())
            kept.chmod(0o600)
            if self._account is not None:
                os.chown(kept, *self._account)
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET ssl = on")
            connection.execute("SELECT pg_reload_conf()")

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/{database}"

    def _conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={_USER} dbname={database} connect_timeout=5"

    def _prepare(self) -> None:
        if self._data.exists():
            return
        if self._account is not None:
            os.chown(self.directory, *self._account)
        self._initialise()
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
                "max_connections = 200\n"
                # Beside its data, to go with them: a killed server leaves in /dev/shm what it had there.
                "dynamic_shared_memory_type = mmap\n"
            )

    def _initialise(self) -> None:
        done = subprocess.run(  # noqa: S603 - the distribution's own binary
            place.command(
                self._bin / "initdb",
                f"--pgdata={self._data}",
                f"--username={_USER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # Only the first files, which a crash of the machine would lose with the directory anyway.
                "--no-sync",
                account=self._account,
            ),
            capture_output=True,
            check=False,
            cwd=self.directory,
        )
        if done.returncode != 0:
            raise ServiceError(f"initdb failed: {done.stderr.decode(errors='replace')}")

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the distribution's own binary
            place.command(self._bin / "postgres", "-D", self._data, account=self._account),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=self.directory,
            start_new_session=True,
        )

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


def _newest_binaries() -> Path:
    found = [BINARIES / path.parts[-3] / "bin" for path in place.seen(BINARIES).glob("*/bin/initdb")]
    if not found:
        raise ServiceError("PostgreSQL is missing: ops/install-services installs Debian's postgresql.")
    return max(found, key=lambda path: int(path.parent.name))


def _account() -> tuple[int, int] | None:
    """Whom the server runs as: oneself, or as root an account that PostgreSQL accepts."""
    return place.account_of(*_ACCOUNTS) if os.geteuid() == 0 else None
