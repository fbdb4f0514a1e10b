"""Requests under an `Idempotency-Key`: done once, and answered alike however often they come within a day."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config.ports import Clock
from storage import idempotency
from storage.database import Database, again_when_contended
from storage.vault import Vault

FIELD = "answer"


@dataclass(frozen=True)
class KeyedRequests:
    """Knows them by digests of who asks for what under which key; answers are sealed: a link in one lets people in."""

    database: Database
    clock: Clock
    vault: Vault

    def answer(self, caller: str, address: str, key: str, body: str, make: Callable[[], str]) -> tuple[str, bool]:
        """What `make` answers, or what it answered before, and whether it did. Raises `KeyRefused`."""
        digest = _digest(caller, address, key)
        # With the key, which nobody else knows: of a body alone a guess could be tried.
        begun = self.clock.now()
        known = self._begin(digest, _digest(key, body), begun)
        if known is not None:
            return self.vault.open(known, digest, FIELD), True
        try:
            made = make()
        except BaseException:
            self._release(digest, begun)
            raise
        self._keep(digest, begun, self.vault.seal(made, digest, FIELD))
        return made, False

    @again_when_contended
    def _begin(self, digest: str, body: str, now: datetime) -> bytes | None:
        with self.database.transaction() as session:
            return idempotency.begin(session, digest, body, now)

    @again_when_contended
    def _keep(self, digest: str, begun: datetime, answer: bytes) -> None:
        with self.database.transaction() as session:
            idempotency.keep(session, digest, begun, answer)

    @again_when_contended
    def _release(self, digest: str, begun: datetime) -> None:
        with self.database.transaction() as session:
            idempotency.release(session, digest, begun)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
