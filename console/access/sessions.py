"""Who is signed in: each session is kept by the digest of its token, and ends for good when it is signed out."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from config.ports import Clock, Entropy
from storage import console_sessions
from storage.database import Database, again_when_contended
from storage.models import User

TOKEN_BYTES = 24
ENDS_AFTER = timedelta(hours=12)
"""How long a session lasts, whatever its browser says."""


@dataclass(frozen=True)
class Sessions:
    """The sessions of one installation. A request reads one row and writes none."""

    database: Database
    clock: Clock
    entropy: Entropy
    secret_key: str

    @again_when_contended
    def begin(self, user: User) -> str:
        """The token of a new session; those that are over are dropped.

        It is of the user's epoch as they were let in: a new password meanwhile has ended it already.
        """
        token, now = self.entropy.token(TOKEN_BYTES), self.clock.now()
        with self.database.transaction() as session:
            console_sessions.forget_begun_before(session, now - ENDS_AFTER)
            console_sessions.add(session, self._digest(token), user, now)
        return token

    def find(self, token: str) -> User | None:
        """Whose a session is; nobody's once it was signed out, here or everywhere, is over, or its user lost access."""
        now = self.clock.now()
        with self.database.reading() as session:
            return console_sessions.user_of(session, self._digest(token), now - ENDS_AFTER, now)

    @again_when_contended
    def end(self, token: str) -> None:
        """A session ends: whoever has a copy of its cookie has nothing."""
        with self.database.transaction() as session:
            console_sessions.end(session, self._digest(token))

    def _digest(self, token: str) -> str:
        """What is stored of a token: whoever reads the database cannot make one."""
        text = f"session\0{token}".encode("utf-8", "replace")
        return hmac.new(self.secret_key.encode(), text, hashlib.sha256).hexdigest()
