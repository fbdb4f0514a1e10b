"""RabbitMQ's management API, read only: what it says of our queues, within a second or not at all."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from clients import http
from clients.errors import Away
from clients.http import AdapterFactory, network_adapter

SECONDS = 1.0
"""For connecting and for each part of the answer: a page waits for it."""
OK = 200


@dataclass(frozen=True)
class QueueState:
    """One queue; rates are messages a second. None is what whoever was asked does not know."""

    name: str
    depth: int
    consumers: int
    unacknowledged: int | None = None
    rate_in: float | None = None
    rate_out: float | None = None
    redelivered: int | None = None


class Management:
    """The management API at `url`, which may carry a user and a password; of the broker at `broker_url`."""

    def __init__(self, url: str, broker_url: str, adapter: AdapterFactory = network_adapter) -> None:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        self._root = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        self._auth = (unquote(parts.username or "guest"), unquote(parts.password or "guest"))
        self._vhost = unquote(urlsplit(broker_url).path.removeprefix("/")) or "/"
        self._adapter = adapter

    def queues(self, names: Collection[str]) -> list[QueueState]:
        """Those of these queues that there are. Raises `NeighbourError`."""
        with http.open_session(self._adapter) as session:
            session.auth = self._auth
            url = f"{self._root}/api/queues/{quote(self._vhost, safe='')}"
            answer = http.call(session, "RabbitMQ", "GET", url, headers={}, timeout=SECONDS)
        if answer.status != OK or not isinstance(answer.body, list):
            raise Away(
                f"RabbitMQ's management answered with HTTP {answer.status}",
                remedy="Correct RAVEBOOKS_BROKER_MANAGEMENT_URL: address, user and password.",
            )
        rows = [row for row in answer.body if isinstance(row, dict) and row.get("name") in names]
        return [_state(row) for row in sorted(rows, key=lambda row: str(row["name"]))]


def _state(row: dict[str, Any]) -> QueueState:
    stats = row.get("message_stats") or {}
    return QueueState(
        row["name"],
        int(row.get("messages", 0)),
        int(row.get("consumers", 0)),
        int(row.get("messages_unacknowledged", 0)),
        _rate(stats, "publish"),
        _rate(stats, "ack"),
        int(stats.get("redeliver", 0)),
    )


def _rate(stats: dict[str, Any], name: str) -> float:
    return float((stats.get(f"{name}_details") or {}).get("rate", 0.0))
