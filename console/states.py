"""The single-use tokens of a connect: known by their digests, good for minutes, and bound to a browser.

`START` leads to Intuit, `CONSENT` is the state that comes back from there, `UNDO` takes the connect back.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import Clock, Entropy
from storage import oauth_states
from storage.models import OAuthState
from storage.vault import Vault

TOKEN_BYTES = 24
_FORM = re.compile(f"[0-9a-f]{{{2 * TOKEN_BYTES}}}")

START, CONSENT, UNDO = "start", "consent", "undo"

_UNKNOWN = {
    START: ("this link was never made here, is older than ten minutes, or was opened already", None),
    CONSENT: ("this connect was never begun here, took too long, or was finished already", None),
    UNDO: (
        "there is nothing to undo here: ten minutes have passed, or it was undone or connected again since",
        "To end the connection use `ravebooks disconnect`, then `ravebooks forget`.",
    ),
}


class ConnectRefused(RavebooksError):
    """The connect cannot go on."""

    remedy = "Begin the connect again from Ravetree."


@dataclass(frozen=True)
class Kept:
    """What a token stood for. What was begun `in_console` leads back to it."""

    account_id: str
    ravetree_token: str = field(default="", repr=False)
    verifier: str = field(default="", repr=False)
    connection_id: str | None = None
    in_console: bool = False


@dataclass(frozen=True)
class States:
    """Keeps and takes the tokens. The database has digests of them and of browsers; secrets are sealed."""

    vault: Vault
    clock: Clock
    entropy: Entropy
    secret_key: str

    def keep(self, session: Session, purpose: str, kept: Kept, browser: str = "") -> str:
        """A new token for `purpose`, which only `browser` can use if one is named. What was abandoned goes."""
        now = self.clock.now()
        oauth_states.forget_expired(session, now)
        token = self.entropy.token(TOKEN_BYTES)
        digest = self._digest(token)
        session.add(
            OAuthState(
                digest=digest,
                account_id=kept.account_id,
                ravetree_token=self._seal(kept.ravetree_token, digest, "ravetree_token"),
                verifier=self._seal(kept.verifier, digest, "verifier"),
                connection_id=kept.connection_id,
                expires_at=now + oauth_states.LIFETIME,
                purpose=purpose,
                browser=self._digest(browser) if browser else None,
                in_console=kept.in_console,
            )
        )
        return token

    @staticmethod
    def check_form(token: str, purpose: str) -> None:
        """Refuse what is no token of ours before a database is asked for it. Raises `ConnectRefused`."""
        if not _FORM.fullmatch(token):
            raise _unknown(purpose)

    def take(self, session: Session, token: str, purpose: str, browser: str = "") -> Kept:
        """What `token` stands for, once. Raises `ConnectRefused`; another browser than its own uses nothing up."""
        row = oauth_states.find(session, self._digest(token), purpose, self.clock.now())
        if row is None:
            raise _unknown(purpose)
        # A link is handed on until somebody opens it; from then on it is that browser's.
        if purpose != START and not hmac.compare_digest(row.browser or "", self._digest(browser)):
            raise ConnectRefused(
                "this was begun in another browser, or this one keeps no cookies",
                remedy="Go on in the browser that opened the start link, or begin the connect again from Ravetree.",
            )
        kept = Kept(
            row.account_id,
            self._open(row.ravetree_token, row.digest, "ravetree_token"),
            self._open(row.verifier, row.digest, "verifier"),
            row.connection_id,
            row.in_console,
        )
        if not oauth_states.take(session, row):
            raise _unknown(purpose)
        return kept

    def _digest(self, token: str) -> str:
        """What is stored of a token: whoever reads the database cannot make one."""
        return hmac.new(self.secret_key.encode(), token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _seal(self, secret: str, owner: str, name: str) -> bytes | None:
        return self.vault.seal(secret, owner, name) if secret else None

    def _open(self, sealed: bytes | None, owner: str, name: str) -> str:
        return self.vault.open(sealed, owner, name) if sealed else ""


def _unknown(purpose: str) -> ConnectRefused:
    message, remedy = _UNKNOWN[purpose]
    return ConnectRefused(message, remedy=remedy)
