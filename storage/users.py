"""Users of the console: who they are, the links that let them in once, and how often somebody failed to sign in."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config.errors import RavebooksError
from config.ports import CLOCKS_DIFFER
from storage import paging
from storage.database import insert
from storage.models import SignInFailure, SignInLink, User
from storage.paging import Asked, Page

ROLES = VIEWER, BOOKKEEPER, OPERATOR = "viewer", "bookkeeper", "operator"
"""What users may do, the least first: look; act for one account; act for all, and on the installation."""
LINK_LIFETIME = timedelta(hours=1)


class UnknownUser(RavebooksError):
    """Nobody of this name may enter."""

    remedy = "List them: ravebooks users."


class NameTaken(RavebooksError):
    """There is a user of this name."""

    remedy = "Choose another name."


def folded(name: str) -> str:
    """A name as it is compared."""
    return name.strip().casefold()


def add(session: Session, shown: str, role: str, account_id: str, password_hash: str, now: datetime) -> User:
    """A new user. Raises `NameTaken`."""
    if find(session, shown) is not None:
        raise NameTaken(f"there is a user {shown.strip()}")
    user = User(
        name=folded(shown),
        shown=shown.strip(),
        role=role,
        account_id=account_id,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def every(session: Session) -> list[User]:
    """All of them, by name, those whose access has ended too."""
    return list(session.execute(sa.select(User).order_by(User.name)).scalars())


def page(session: Session, asked: Asked) -> Page[User]:
    """The same, a page at a time."""
    return paging.select(session, sa.select(User), [User.name], asked)


def find(session: Session, name: str) -> User | None:
    """The user of a name."""
    return session.execute(sa.select(User).where(User.name == folded(name))).scalar_one_or_none()


def get(session: Session, name: str) -> User:
    """The same. Raises `UnknownUser`."""
    user = find(session, name)
    if user is None:
        raise UnknownUser(f"there is no user {name}")
    return user


def by_id(session: Session, user_id: int) -> User | None:
    """The user that a link is of."""
    return session.get(User, user_id)


# --- links ---------------------------------------------------------------------------------------


def add_link(session: Session, digest: str, user_id: int, page: str, expires_at: datetime) -> None:
    """A link that lets a user in once."""
    session.add(SignInLink(digest=digest, user_id=user_id, page=page, expires_at=expires_at))


def take_link(session: Session, digest: str, now: datetime) -> SignInLink | None:
    """Use a link up; None if it has served, has expired, or never was."""
    row = session.get(SignInLink, digest)
    if row is None or not now <= row.expires_at <= now + LINK_LIFETIME + CLOCKS_DIFFER:
        return None
    taken = sa.delete(SignInLink).where(SignInLink.digest == digest).returning(SignInLink.digest)
    session.expunge(row)
    return row if session.execute(taken).one_or_none() is not None else None


def forget_links(session: Session, user_id: int) -> None:
    """No link lets this user in any more."""
    session.execute(sa.delete(SignInLink).where(SignInLink.user_id == user_id))


def forget_expired(session: Session, now: datetime, failures_from: datetime) -> None:
    """Drop links that nobody opened, and failures that count no longer."""
    session.execute(sa.delete(SignInLink).where(SignInLink.expires_at < now))
    session.execute(sa.delete(SignInFailure).where(SignInFailure.since < failures_from))


# --- failures ------------------------------------------------------------------------------------


def failures(session: Session, whose: Iterable[str], since: datetime) -> dict[str, int]:
    """How often each failed since then."""
    query = sa.select(SignInFailure).where(SignInFailure.whose.in_(list(whose)), SignInFailure.since >= since)
    return {row.whose: row.count for row in session.execute(query).scalars()}


def failed(session: Session, whose: Iterable[str], now: datetime, since: datetime) -> None:
    """One more failure of each; what was before `since` counts no longer."""
    for each in sorted(whose):
        new = insert(session, SignInFailure).values(whose=each, count=1, since=now)
        old = SignInFailure.since < since
        session.execute(
            new.on_conflict_do_update(
                index_elements=["whose"],
                set_={
                    "count": sa.case((old, 1), else_=SignInFailure.count + 1),
                    "since": sa.case((old, new.excluded.since), else_=SignInFailure.since),
                },
            )
        )


def forgive(session: Session, whose: Iterable[str], wholly: str) -> None:
    """They got in: this try was no failure, and for `wholly` those before it count no longer either."""
    session.execute(sa.delete(SignInFailure).where(SignInFailure.whose == wholly))
    one_less = sa.update(SignInFailure).where(SignInFailure.whose.in_(list(whose)))
    session.execute(one_less.values(count=SignInFailure.count - 1).execution_options(synchronize_session=False))
