"""Events that are no longer kept: each leaves a digest, by which one that comes again is still known."""

import hashlib
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from reconcile.model import Side
from storage.database import insert
from storage.models import PastEvent

Key = tuple[Side, str, str]
"""What an event is known by: its source, its account and its own id."""
DIGEST_BYTES = 16
AT_ONCE = 1000


def digest(key: Key) -> bytes:
    """What stays of an event's key."""
    return hashlib.sha256("\0".join(key).encode()).digest()[:DIGEST_BYTES]


def remember(session: Session, keys: Collection[Key]) -> None:
    """Keep these for good."""
    digests = sorted(map(digest, keys))
    if not digests:
        return
    new = insert(session, PastEvent)
    if session.get_bind().dialect.name == "postgresql":
        new = new.from_select(["digest"], sa.select(sa.func.unnest(_together(digests))))
    else:
        new = new.values([{"digest": one} for one in digests])
    session.execute(new.on_conflict_do_nothing())


def among(session: Session, keys: Collection[Key]) -> set[Key]:
    """Those of `keys` that were recorded once and are no longer kept."""
    by_digest = {digest(key): key for key in keys}
    found: set[Key] = set()
    left = iter(by_digest)
    while some := list(islice(left, AT_ONCE)):
        found.update(by_digest[row] for row in _known(session, some))
    return found


def _known(session: Session, digests: list[bytes]) -> Iterator[bytes]:
    if session.get_bind().dialect.name == "postgresql":
        query = sa.select(PastEvent.digest).where(PastEvent.digest == sa.any_(_together(digests)))
    else:
        query = sa.select(PastEvent.digest).where(PastEvent.digest.in_(digests))
    yield from session.execute(query).scalars()


def _together(digests: list[bytes]) -> Any:
    """One parameter: a statement with one for each value is planned anew for each number of them."""
    return sa.literal(digests, postgresql.ARRAY(sa.LargeBinary))
