"""Tokens for the API, each with a scope: made and revoked by people, shown once, kept as digests."""

import hashlib
import hmac
from dataclasses import dataclass

from config.errors import RavebooksError
from config.ports import Clock, Entropy
from schemas.ids import is_ravetree_id
from storage import api_tokens
from storage.database import Database, again_when_contended
from storage.models import ApiToken
from storage.paging import Asked, Page

PREFIX = "rvb_"
"""What a token begins with, so that whoever finds one in a repository or a log knows what it is."""
TOKEN_BYTES = 24
FIRST = "RAVEBOOKS_API_TOKEN"
"""How the token of the settings is named in the action log."""


class TokenRefused(RavebooksError):
    """This token cannot be made."""

    remedy = f"Give it a name and one of the scopes {', '.join(api_tokens.SCOPES)}."


@dataclass(frozen=True)
class Bearer:
    """Who calls the API, and what they may do; an `account_id` bounds them to its connection."""

    name: str
    scope: str
    account_id: str = ""

    def may(self, scope: str) -> bool:
        """Whether that is within what they may do."""
        return api_tokens.SCOPES.index(self.scope) >= api_tokens.SCOPES.index(scope)


@dataclass(frozen=True)
class Tokens:
    """The tokens that open the API of one installation. `first` is the one of the settings; it may do everything."""

    database: Database
    clock: Clock
    entropy: Entropy
    first: str

    @again_when_contended
    def make(self, name: str, scope: str, account_id: str = "", by: str = "") -> tuple[str, ApiToken]:
        """A new token, as its bearer needs it, and what is kept of it. Raises `TokenRefused`."""
        if not 1 <= len(name.strip()) <= 64 or not name.isprintable() or scope not in api_tokens.SCOPES:
            raise TokenRefused(f"no token is made for {name[:64]!r} with the scope {scope[:16]!r}")
        if name.strip().casefold() == FIRST.casefold():
            raise TokenRefused(f"the name {FIRST} is that of the token of the settings")
        if account_id and (scope == api_tokens.OPERATE or not is_ravetree_id(account_id)):
            raise TokenRefused(f"a token for {account_id[:64]!r} with the scope {scope} is not possible")
        token = PREFIX + self.entropy.token(TOKEN_BYTES)
        row = ApiToken(
            name=name.strip(),
            digest=_digest(token),
            scope=scope,
            account_id=account_id,
            made_by=by[:255],
            made_at=self.clock.now(),
        )
        with self.database.transaction() as session:
            return token, api_tokens.add(session, row)

    def every(self) -> list[ApiToken]:
        """All tokens, oldest first."""
        with self.database.reading() as session:
            return api_tokens.every(session)

    def page(self, asked: Asked) -> Page[ApiToken]:
        """The same, a page at a time."""
        with self.database.reading() as session:
            return api_tokens.page(session, asked)

    @again_when_contended
    def revoke(self, token_id: int) -> ApiToken:
        """It opens nothing any more, at once. Raises `UnknownToken`."""
        with self.database.transaction() as session:
            return api_tokens.revoke(session, token_id, self.clock.now())

    def bearer(self, token: str) -> Bearer | None:
        """Whose a token is; None for one that opens nothing."""
        if self.first and hmac.compare_digest(token.encode("utf-8", "replace"), self.first.encode()):
            return Bearer(FIRST, api_tokens.OPERATE)
        if not token.startswith(PREFIX):
            return None
        now = self.clock.now()
        with self.database.reading() as session:
            row = api_tokens.find(session, _digest(token))
        if row is None:
            return None
        if api_tokens.is_use_to_note(row, now):
            with self.database.transaction() as session:
                api_tokens.note_use(session, row.id, now)
        return Bearer(row.name, row.scope, row.account_id)


def _digest(token: str) -> str:
    """192 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
