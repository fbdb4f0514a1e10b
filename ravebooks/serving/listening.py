"""Listening sockets."""

import errno
import socket

from config.errors import RavebooksError

BACKLOG = 1024

_REMEDIES = {
    errno.EADDRINUSE: "Stop what listens there, or set {variable} to another port.",
    errno.EADDRNOTAVAIL: "Set RAVEBOOKS_HOST to an address of this machine.",
    errno.EACCES: "Set {variable} to a port above 1023, or allow this account to use it.",
}


class CannotListen(RavebooksError):
    """A port cannot be listened on: the process does not start."""

    remedy = "Correct RAVEBOOKS_HOST."


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens there, on any port if 0. `variable` sets the port. Raises `CannotListen`."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, CannotListen.remedy).format(variable=variable)
        raise CannotListen(f"cannot listen on {host} port {port}: {_cause(error)}", remedy=remedy) from error


def _cause(error: OSError) -> str:
    return "another process does" if error.errno == errno.EADDRINUSE else str(error.strerror or error)


def port_of(listening: socket.socket) -> int:
    """The port that it got."""
    return int(listening.getsockname()[1])


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nobody listens there, else 0 (any)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            return 0
    return wanted
