"""What has to hold at every step, and what has to hold when all is quiet."""

import json
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.simulation.people import check
from tests.simulation.world import Letter

if TYPE_CHECKING:
    from tests.simulation.interleaved.processes import SimulatedProcess
    from tests.simulation.interleaved.world import InterleavedWorld

JOURNALLED = "SELECT id, key, fence FROM operations WHERE id > ? ORDER BY id"
LEASE = (
    "SELECT leases.fence, leases.owner FROM leases JOIN operations USING (connection_id)"
    " WHERE operations.id = ? AND leases.purpose = 'work'"
)
BY_KEY = "SELECT state FROM operations WHERE key = ? OR json_extract(context, '$.batch.key') = ?"
RECORDED = "SELECT 1 FROM events WHERE event_id = ? UNION SELECT 1 FROM dead_letters WHERE instr(body, ?) LIMIT 1"


class Broken(AssertionError):
    """Something does not hold."""


class Accounting:
    """Looks at the database with eyes of its own."""

    def __init__(self, world: "InterleavedWorld") -> None:
        self._world = world
        self._books = sqlite3.connect(world.database_file, isolation_level=None, check_same_thread=False)
        self._journalled = 0
        self._problem = ""
        self.writes: Counter[str] = Counter()
        """How often a request with this key arrived."""
        self._journalled = self._books.execute("SELECT coalesce(max(id), 0) FROM operations").fetchone()[0]

    def close(self) -> None:
        self._books.close()

    def _found(self, problem: str) -> None:
        # In a process, where a border of the product's would catch what is raised.
        self._problem = self._problem or problem

    def check(self) -> None:
        """Raise what was found in a process."""
        if self._problem:
            raise Broken(self._problem)

    # --- at every step ---------------------------------------------------------------------------

    def committed(self, process: "SimulatedProcess") -> None:
        """A write is journalled by nobody but the holder of the lease."""
        for number, key, fence in self._books.execute(JOURNALLED, (self._journalled,)).fetchall():
            self._journalled = number
            lease = self._books.execute(LEASE, (number,)).fetchone()
            if lease != (fence, process.parts.lease_owner):
                self._found(f"{process.name} journalled {key} under fence {fence}, the lease is {lease}")

    def sent(self, process: "SimulatedProcess", request: requests.PreparedRequest) -> None:
        """Nothing is written that was not journalled before it is sent."""
        key = write_key(request)
        if key is None:
            return
        if self._books.execute(BY_KEY, (key, key)).fetchone() is None:
            self._found(f"{process.name} sends what is not in the journal: {request.method} {request.url}")
        self.writes[key] += 1

    def nothing_twice(self) -> None:
        """No payment is there twice, on neither side."""
        for rows, name in (
            (self._world.ravetree.every("payments"), "reference"),
            (self._world.quickbooks.query("select * from Payment"), "PaymentRefNum"),
        ):
            found = Counter(row.get(name) for row in rows if row.get(name))
            if twice := [reference for reference, count in found.items() if count > 1]:
                raise Broken(f"payments are there twice: {twice}")

    def outbox(self) -> int:
        """How many deliveries wait for the relay."""
        return int(self._books.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def looks_due(self) -> int:
        """How many looks by the clock are due, and a verification that has not ended."""
        now = self._world.clock.now().replace(tzinfo=None).isoformat(" ")
        due = self._books.execute("SELECT count(*) FROM duties WHERE due_at <= ?", (now,)).fetchone()[0]
        return int(due + self._books.execute("SELECT count(verify_since) FROM connections").fetchone()[0])

    # --- when all is quiet -----------------------------------------------------------------------

    def at_rest(self) -> None:
        """Nothing that was acknowledged has disappeared, and both books agree, or a person is asked."""
        for letter in self._world.post.acknowledged:
            for event_id in events_of(letter):
                if self._books.execute(RECORDED, (event_id, event_id)).fetchone() is None:
                    raise Broken(f"event {event_id} was acknowledged and is not recorded")
        left = {name: len(queue.waiting) for name, queue in self._world.broker.queues.items() if queue.waiting}
        if left:
            raise Broken(f"something lies in the queues for ever: {left}")
        state = self._world.connection()["state"]
        if state != "active":
            raise Broken(f"the connection is {state}")
        check(self._world)


def write_key(request: requests.PreparedRequest) -> str | None:
    """The key under which a request writes; None for one that does not."""
    parts = urlsplit(request.url or "")
    if "/v3/company/" in parts.path and request.method == "POST":
        return next(iter(parse_qs(parts.query).get("requestid", [])), None)
    if "/v1/" in parts.path and "/sync_states" not in parts.path and request.method != "GET":
        return request.headers.get("Idempotency-Key")
    return None


def events_of(letter: Letter) -> list[str]:
    """The ids of a delivery's events."""
    if "webhook-id" in letter.headers:
        return [letter.headers["webhook-id"]]
    body: Any = json.loads(letter.body)
    return [str(event["id"]) for event in body] if isinstance(body, list) else []
