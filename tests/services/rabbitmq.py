"""A private RabbitMQ with its management plugin, and a private epmd beside it."""

import os
import shutil
import subprocess
from pathlib import Path

import pika
import pika.exceptions
import requests

from tests.services import place
from tests.services.ports import ServiceError, free_ports, listens, wait_until
from tests.services.server import Server
from tests.services.tls import Authority

BINARY = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PLUGINS = "[rabbitmq_management]."
COOKIE = ".erlang.cookie"
"""Who knows it may join: in the folder of each node."""
SHUTDOWN_SECONDS = 1
"""Has each part of the server that is told to end; the management plugin would take five, and does nothing in them."""


class Epmd:
    """Where nodes find one another. A node would start one that outlives it; this one is ours to end."""

    def __init__(self) -> None:
        binary = shutil.which("epmd")
        if not place.seen(BINARY).exists() or binary is None:
            raise ServiceError("RabbitMQ is missing: ops/install-services installs Debian's rabbitmq-server.")
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_ports(1)[0]

    def start(self) -> None:
        """Start it, if it does not run."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(  # noqa: S603 - found on the path above
            [self._binary, "-port", str(self.port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: listens(self.port), 10, "epmd did not start")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RabbitMQ(Server):
    """`url` for AMQP, `management_url` for its HTTP API (guest, guest); `new_virtual_host()` has queues of its own.

    With an authority, `tls_url` is encrypted, by a certificate of its. A node that starts `beside` another one makes a
    cluster with it, and finds it by the same `epmd`, which is not the node's to end.
    """

    name = "RabbitMQ"

    def __init__(
        self, authority: Authority | None = None, *, epmd: Epmd | None = None, beside: "RabbitMQ | None" = None
    ) -> None:
        self._epmd = epmd or Epmd()
        super().__init__()
        self._own_epmd = epmd is None
        self._beside = beside
        self._virtual_hosts = 0
        self._authority = authority
        self.port, self.tls_port, self.management_port, self._distribution = free_ports(4)
        self.node = f"ravebooks{self.port}@localhost"

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def tls_url(self) -> str:
        return f"amqps://guest:guest@127.0.0.1:{self.tls_port}/%2F"

    @property
    def management_url(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.management_port}"

    def new_virtual_host(self) -> str:
        """The url of a fresh, empty virtual host on this server."""
        self._virtual_hosts += 1
        name = f"host_{self._virtual_hosts}"
        for path, body in (
            (f"vhosts/{name}", {}),
            (f"permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"}),
        ):
            requests.put(f"{self.management_url}/api/{path}", json=body, timeout=30).raise_for_status()
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        super().kill()
        if self._own_epmd:
            self._epmd.stop()

    def stop(self) -> None:
        super().stop()
        if self._own_epmd:
            self._epmd.stop()

    def _prepare(self) -> None:
        self._epmd.start()
        if self._beside is not None:
            (self.directory / COOKIE).unlink(missing_ok=True)
            shutil.copy2(self._beside.directory / COOKIE, self.directory / COOKIE)
        (self.directory / "enabled_plugins").write_text(PLUGINS)
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self.management_port}\n"
            # A test machine may be fuller than a broker likes: it must not block publishers for that.
            "disk_free_limit.absolute = 1MB\n"
            "log.console = false\n" + self._encrypted() + self._clustered()
        )

    def _clustered(self) -> str:
        """A node without data joins the other one when it starts."""
        if self._beside is None:
            return ""
        return (
            "cluster_formation.peer_discovery_backend = classic_config\n"
            f"cluster_formation.classic_config.nodes.1 = {self._beside.node}\n"
            f"cluster_formation.classic_config.nodes.2 = {self.node}\n"
        )

    def _encrypted(self) -> str:
        if self._authority is None:
            return ""
        certificate, key = self._authority.server()
        return (
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self._authority.file}\n"
            f"ssl_options.certfile = {certificate}\n"
            f"ssl_options.keyfile = {key}\n"
        )

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the distribution's own binary
            place.command(BINARY),
            env=self.environment(),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """What the server runs with, and `rabbitmqctl`, to speak to it."""
        directory = str(self.directory)
        return {
            "PATH": f"{BINARY.parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": directory,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_MNESIA_BASE": f"{directory}/data",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            # Whatever the machine's own broker is configured with stays its own.
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/none",
            # Started directly: the process is the Erlang machine itself, which ends in order on SIGTERM.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            f"-kernel shutdown_timeout {1000 * SHUTDOWN_SECONDS}",
        }

    def _is_ready(self) -> bool:
        return listens(self.port) and listens(self.management_port) and self._takes_connections()

    def _takes_connections(self) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(f"{self.url}?socket_timeout=2")).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True
