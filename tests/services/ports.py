"""Free loopback ports, and waiting until something listens on one."""

import os
import socket
import time
from collections.abc import Callable
from random import SystemRandom

# Below what Linux gives to outgoing connections, so that none takes the port of a server that is stopped.
_CANDIDATES = range(15000, 32000)
# Of those each of pytest-xdist's processes takes its own: what it found free stays free until its server listens.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


class ServiceError(Exception):
    """A private server cannot be run; the message says why and what to do."""


def free_ports(count: int) -> list[int]:
    """Distinct ports that are free on 127.0.0.1 now."""
    candidates = SystemRandom().sample(_CANDIDATES[_WORKER::_WORKERS], 200)
    free = [port for port in candidates if _is_free(port)][:count]
    if len(free) < count:
        raise ServiceError(f"Fewer than {count} ports of 127.0.0.1 are free.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls until `ready`; raises `ServiceError` when that takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise ServiceError(f"{what} within {seconds:.0f} s.")
        time.sleep(0.05)
