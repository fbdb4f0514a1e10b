"""What the API's rooms share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from config.errors import RavebooksError
from config.ports import Clock
from config.tally import Tally
from console.connecting import Connecting
from publishers.port import Publisher
from reconcile.model import Record
from storage.database import Database


class NoSuchRecord(RavebooksError):
    """Nothing is known of this record, or it waits for nobody."""

    remedy = "List what needs attention and take the record from there."


class Previews(Protocol):
    """Plans without writing."""

    def is_there(self, connection_id: str, record: Record) -> bool: ...

    def record(self, connection_id: str, record: Record, decision: str = "", target: str = "") -> dict[str, Any]: ...

    def job(self, connection_id: str, kind: str, params: Mapping[str, Any]) -> dict[str, Any]: ...


class Parity(Protocol):
    """Holds both books against each other. It writes to neither."""

    def make(self, connection_id: str, *, full: bool) -> int: ...

    def drift(self, connection_id: str, *, fresh: bool) -> list[dict[str, Any]]: ...

    def record(self, connection_id: str, record: Record) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Serving:
    """What the API needs."""

    database: Database
    clock: Clock
    connecting: Connecting
    previews: Previews
    parity: Parity
    publisher: Publisher
    nudge: Callable[[str], None]
    api_token: str
    tally: Tally
