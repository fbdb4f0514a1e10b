"""The organisations of one sandbox: each has its own books, settings, steering and token, under one folder."""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random

from ravetree_sandbox.clock import Clock
from ravetree_sandbox.courier import Courier, Send, post
from ravetree_sandbox.errors import ApiError, bad_request
from ravetree_sandbox.organisation import FILE, Organisation

ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Organisations:
    """The first one is always there and lies in `directory` itself, the others in folders of their names below."""

    def __init__(self, directory: Path, clock: Clock, randomness: Random, send: Send = post) -> None:
        self._directory = directory
        self._parts = (clock, randomness, send)
        self._lock = threading.Lock()
        self.first = Organisation(directory, *self._parts)
        self._by_id = {self.first.account_id: self.first}
        for folder in sorted(path.parent for path in self._others.glob(f"*/{FILE}")):
            self._open(folder.name)

    @property
    def _others(self) -> Path:
        return self._directory / "organisations"

    def every(self) -> Sequence[Organisation]:
        with self._lock:
            return list(self._by_id.values())

    def named(self, account_id: str | None) -> Organisation:
        """The one of that name, or the first: whether the caller may speak for it is checked elsewhere."""
        with self._lock:
            return self._by_id.get(account_id or "", self.first)

    def add(self, account_id: str) -> Organisation:
        """A new one with clients and lists like the first one's. 400 for an id that is none, 409 for one in use."""
        if not ACCOUNT_ID.fullmatch(account_id):
            raise bad_request("The account_id has 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.", "account_id")
        with self._lock:
            if account_id in self._by_id:
                raise ApiError(409, "taken", f"There is an organisation {account_id} already.", "account_id")
            return self._open(account_id)

    def couriers(self) -> list[Courier]:
        return [organisation.courier for organisation in self.every()]

    def close(self) -> None:
        for organisation in self.every():
            organisation.close()

    def _open(self, account_id: str) -> Organisation:
        made = Organisation(self._others / account_id, *self._parts, account_id=account_id)
        self._by_id[account_id] = made
        return made
