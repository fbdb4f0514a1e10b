"""How people get in: by name and password, or by a link that serves once."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import timedelta

from config.errors import RavebooksError
from config.ports import Clock, Entropy
from console.access.passwords import Passwords
from schemas.ids import is_ravetree_id
from storage import users
from storage.database import Database, again_when_contended
from storage.models import User
from storage.paging import Asked, Page

FAILURES_COUNT_FOR = timedelta(minutes=15)
MOST_FAILURES = {"name and address": 5, "address": 30, "name": 50}
"""How often somebody may fail in that time before nobody of this kind is let in: a whole office shares an address."""
TOKEN_BYTES = 24
ALL_ACCOUNTS = ""


class SignInRefused(RavebooksError):
    """Nobody is let in like that."""

    remedy = "Check both; after five failures wait for a quarter of an hour. Ask an operator for a link."


class LinkRefused(RavebooksError):
    """This link opens nothing."""

    remedy = "A link serves once, for an hour. Ask for a new one where you got it, or sign in."


class RoleRefused(RavebooksError):
    """This user cannot be made like that."""

    remedy = "A bookkeeper has one account: --account ID. An operator has none."


@dataclass(frozen=True)
class Users:
    """The people who may enter the console of one installation."""

    database: Database
    clock: Clock
    entropy: Entropy
    secret_key: str
    passwords: Passwords = field(default_factory=Passwords)

    @again_when_contended
    def add(self, name: str, role: str, account_id: str = ALL_ACCOUNTS, password: str = "") -> User:
        """Somebody new. Raises `NameTaken`, `RoleRefused` and `PasswordRefused`."""
        _check_role(name, role, account_id)
        kept = self.passwords.hashed(password, name) if password else ""
        with self.database.transaction() as session:
            return users.add(session, name, role, account_id, kept, self.clock.now())

    def every(self) -> list[User]:
        """All users, by name."""
        with self.database.reading() as session:
            return users.every(session)

    def page(self, asked: Asked) -> Page[User]:
        """The same, a page at a time."""
        with self.database.reading() as session:
            return users.page(session, asked)

    @again_when_contended
    def sign_in(self, name: str, password: str, address: str) -> User:
        """The user who has this name and password. Raises `SignInRefused`, also after too many failures."""
        now, counted = self.clock.now(), self._counted(name, address)
        since = now - FAILURES_COUNT_FOR
        # Counted before the password is looked at: as many at once as there may be failures are no way round it.
        with self.database.transaction() as session:
            failed = users.failures(session, counted, since)
            user = users.find(session, name)
            kept = user.password_hash if user is not None and user.ended_at is None else ""
            too_many = any(failed.get(whose, 0) >= most for whose, most in counted.items())
            if not too_many:
                users.failed(session, counted, now, since)
                users.forget_expired(session, now, since)
        if too_many:
            raise SignInRefused("there were too many failures")
        # Takes a twentieth of a second, and no connection to the database meanwhile.
        if not self.passwords.is_right(kept, password):
            raise SignInRefused("the name or the password is wrong")
        with self.database.transaction() as session:
            user = users.get(session, name)
            if user.password_hash != kept or user.ended_at is not None:
                raise SignInRefused("the password has just changed")
            users.forgive(session, counted, self._digest("name and address", name, address))
            user.signed_in_at = now
            if self.passwords.is_outdated(kept):
                user.password_hash = self.passwords.hashed(password, name)
        return user

    def _counted(self, name: str, address: str) -> dict[str, int]:
        named = {"name and address": (name, address), "address": (address,), "name": (name,)}
        return {self._digest(kind, *whose): MOST_FAILURES[kind] for kind, whose in named.items()}

    def _digest(self, *parts: str) -> str:
        """What stands for a name or an address among failures: a wrongly typed name may be a password."""
        text = "\0".join((parts[0], *map(users.folded, parts[1:])))
        return hmac.new(self.secret_key.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    @again_when_contended
    def link_for(self, name: str, page: str = "") -> str:
        """A token that lets a user in once, within the hour, on `page`. Raises `UnknownUser`."""
        token = self.entropy.token(TOKEN_BYTES)
        with self.database.transaction() as session:
            user = users.get(session, name)
            if user.ended_at is not None:
                raise users.UnknownUser(f"the access of {user.shown} has ended")
            users.add_link(session, self._digest("link", token), user.id, page, self.clock.now() + users.LINK_LIFETIME)
        return token

    @again_when_contended
    def link_for_account(self, account_id: str, name: str, page: str = "") -> str:
        """The same for a bookkeeper of an account whom Ravetree names, who is made if need be. Raises `RoleRefused`.

        Two accounts may have people of one name: the account is part of theirs here.
        """
        _check_role(name, users.BOOKKEEPER, account_id)
        full = f"{name.strip()} ({account_id})"
        with self.database.transaction() as session:
            user = users.find(session, full)
            if user is None:
                user = users.add(session, full, users.BOOKKEEPER, account_id, "", self.clock.now())
            if (user.role, user.account_id) != (users.BOOKKEEPER, account_id):
                raise RoleRefused(f"{full} is no bookkeeper of this account", remedy="Name another user.")
        return self.link_for(full, page)

    @again_when_contended
    def open_link(self, token: str) -> tuple[User, str]:
        """Whom a link lets in, and the page that it leads to. Raises `LinkRefused`."""
        now = self.clock.now()
        with self.database.transaction() as session:
            link = users.take_link(session, self._digest("link", token), now)
            user = users.by_id(session, link.user_id) if link is not None else None
            if user is None or user.ended_at is not None:
                raise LinkRefused("this link was opened already, is too old, or was never made here")
            user.signed_in_at = now
            return user, link.page if link is not None else ""

    @again_when_contended
    def set_password(self, name: str, password: str) -> User:
        """A new password; every session of that user ends. Raises `UnknownUser` and `PasswordRefused`."""
        with self.database.transaction() as session:
            user = users.get(session, name)
            user.password_hash = self.passwords.hashed(password, user.shown)
            users.forget_links(session, user.id)
            user.epoch += 1
            return user

    @again_when_contended
    def sign_out_everywhere(self, name: str) -> User:
        """Every session of a user ends, and no link lets them in. Raises `UnknownUser`."""
        with self.database.transaction() as session:
            user = users.get(session, name)
            users.forget_links(session, user.id)
            user.epoch += 1
            return user

    @again_when_contended
    def let_in_again(self, name: str) -> User:
        """A user whose access has ended has it again, without a password. Raises `UnknownUser`."""
        with self.database.transaction() as session:
            user = users.get(session, name)
            user.ended_at, user.password_hash = None, ""
            return user

    @again_when_contended
    def end(self, name: str) -> User:
        """A user's access ends, at once. Raises `UnknownUser`."""
        with self.database.transaction() as session:
            user = users.get(session, name)
            user.ended_at = user.ended_at or self.clock.now()
            users.forget_links(session, user.id)
            user.epoch += 1
            return user


def _check_role(name: str, role: str, account_id: str) -> None:
    if not 1 <= len(name.strip()) <= 64 or not name.isprintable():
        raise RoleRefused(f"{name[:80]!r} is no name", remedy="Take 1 to 64 characters.")
    if role not in users.ROLES:
        raise RoleRefused(f"there is no role {role[:40]!r}", remedy=f"Take one of {', '.join(users.ROLES)}.")
    if account_id and (role == users.OPERATOR or not is_ravetree_id(account_id)):
        raise RoleRefused(f"{role} of the account {account_id[:64]!r} is not possible")
    if role == users.BOOKKEEPER and not account_id:
        raise RoleRefused("a bookkeeper without an account is not possible")
