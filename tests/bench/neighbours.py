"""`python -m tests.bench.neighbours BOOKS URL`: Ravetree and QuickBooks as they answer at once, and users who edit.

It takes orders as lines of JSON and answers each with one. Its users edit invoices and post the event of each edit to
us as Ravetree does; what is written to QuickBooks is kept with its time, so that every edit can be looked for.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from standardwebhooks import Webhook

from config import keyring
from schemas.times import spell_instant
from tests.bench.books import Book
from webhooks.signatures import current_ravetree_secret

WEBHOOK_KEYS = keyring.spell(b"w" * 32)
POSTING = 4
"""Users who post at a time."""


@dataclass
class Edit:
    """One edit of a user's: when its event was posted, and each time that it was written."""

    account: str
    posted: float
    written: list[float] = field(default_factory=list)


class Neighbours:
    """Both sides of several accounts."""

    def __init__(self, books: Sequence[Book]) -> None:
        self._lock = threading.Lock()
        self._books = {book.account: book for book in books}
        self._by_realm = {book.realm: book for book in books}
        self._turns = {book.account: itertools.cycle(book.ours) for book in books}
        self._numbers = itertools.count(1)
        self.edits: dict[str, Edit] = {}
        self.unexpected: Counter[str] = Counter()

    def edit(self, account: str) -> tuple[str, str]:
        """A user edits the account's next invoice: what its event is called, and what it says."""
        with self._lock:
            book, name = self._books[account], next(self._turns[account])
            invoice, memo = book.ours[name], f"Edit {next(self._numbers)}"
            now = spell_instant(datetime.now(UTC))
            invoice |= {"memo": memo, "version": invoice["version"] + 1, "updated_at": now}
            self.edits[memo] = Edit(account, time.monotonic())
            data = {"id": name, "version": invoice["version"], "number": invoice["number"], "changed": ["memo"]}
        data["origin"] = {"kind": "user", "id": "usr_1", "operation_id": None}
        said = {"type": "invoice.updated", "timestamp": now, "account_id": account, "data": data}
        return f"evt_{memo.replace(' ', '_')}", json.dumps(said)

    def read(self, account: str, name: str) -> dict[str, Any]:
        """Ravetree's invoice, or client."""
        with self._lock:
            book = self._books[account]
            return dict(book.ours[name] if name in book.ours else book.clients[name])

    def write(self, realm: str, body: dict[str, Any]) -> dict[str, Any]:
        """QuickBooks takes a write of an invoice."""
        memo = (body.get("CustomerMemo") or {}).get("value", "")
        now = spell_instant(datetime.now(UTC))
        with self._lock:
            theirs = self._by_realm[realm].theirs[str(body["Id"])]
            if theirs["SyncToken"] != body["SyncToken"] or memo not in self.edits:
                self.unexpected["a write of no edit, or of what has moved"] += 1
            else:
                self.edits[memo].written.append(time.monotonic())
            theirs |= {name: value for name, value in body.items() if name != "sparse"}
            theirs["SyncToken"] = str(int(theirs["SyncToken"]) + 1)
            theirs["MetaData"] = theirs["MetaData"] | {"LastUpdatedTime": now}
            return {"Invoice": dict(theirs), "time": now}


def answered(neighbours: Neighbours, method: str, target: str, account: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """What a neighbour answers."""
    path = urlsplit(target).path.strip("/").split("/")
    match [method, *path]:
        case ["GET", "v1", "invoices" | "contacts", name]:
            return 200, {"data": neighbours.read(account, name)}
        case ["PUT", "v1", "sync_states", *_]:
            return 200, {"data": json.loads(body)}
        case ["GET", "v1", "events"]:
            return 200, {"data": [], "next_cursor": None}
        case ["POST", "v3", "company", realm, "invoice"]:
            return 200, neighbours.write(realm, json.loads(body))
        case ["GET", "v3", "company", _, "cdc"]:
            return 200, {"CDCResponse": [{"QueryResponse": []}], "time": spell_instant(datetime.now(UTC))}
    neighbours.unexpected[f"{method} {urlsplit(target).path}"] += 1
    return 404, {"error": {"code": "not_found", "message": "There is none."}}


def serve(neighbours: Neighbours) -> int:
    """Answer on a port of its own, which is returned."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            account = self.headers.get("Ravetree-Account", "")
            status, said = answered(neighbours, self.command, self.path, account, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of the library

        def log_message(self, *_arguments: Any) -> None:
            """Each request would be a line."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256
        address_family = socket.AF_INET

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


# --- users ---------------------------------------------------------------------------------------


class Users:
    """Those who edit: each edit's event is posted to us and taken before it counts as posted."""

    def __init__(self, neighbours: Neighbours, url: str) -> None:
        self._neighbours = neighbours
        self._url = url
        self._ring = keyring.parse(WEBHOOK_KEYS)
        self._threads = threading.local()

    def edit(self, account: str) -> None:
        """One edit. Raises `requests.RequestException` if its event is not taken."""
        name, said = self._neighbours.edit(account)
        now = datetime.now(UTC)
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(current_ravetree_secret(account, self._ring)).sign(name, now, said),
            "Content-Type": "application/json",
        }
        url = f"{self._url}/webhooks/ravetree/{account}"
        self._session().post(url, data=said, headers=headers, timeout=30).raise_for_status()

    def edit_at(self, plan: Sequence[tuple[float, str]]) -> None:
        """Edit at each time, in seconds from now; those at the same time one right after the other."""
        begun = time.monotonic()
        with ThreadPoolExecutor(POSTING) as posting:
            posted = []
            for at, account in plan:
                time.sleep(max(0.0, begun + at - time.monotonic()))
                posted.append(posting.submit(self.edit, account))
            for each in posted:
                each.result()

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = requests.Session()
            self._threads.session.trust_env = False
        session: requests.Session = self._threads.session
        return session


def main() -> None:
    books, url = sys.argv[1:]
    neighbours = Neighbours(Book.loaded(Path(books).read_text()))
    users = Users(neighbours, url)
    _say({"port": serve(neighbours)})
    for line in sys.stdin:
        order = json.loads(line)
        if order["order"] == "edit":
            users.edit_at([(at, account) for at, account in order["plan"]])
            _say({"posted": len(order["plan"])})
        elif order["order"] == "report":
            _say({"edits": [asdict(edit) for edit in neighbours.edits.values()], "unexpected": neighbours.unexpected})
        else:
            neighbours.edits.clear()
            _say({})


def _say(said: Any) -> None:
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
