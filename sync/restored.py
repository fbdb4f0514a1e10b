"""After a restore our database is older than the books: how that is noticed, and what was lost is known again."""

from datetime import datetime

from sqlalchemy.orm import Session

from config.errors import Stop
from reconcile import markers
from reconcile.markers import marker_of
from reconcile.model import Kind, Record, Side
from schemas import quickbooks
from schemas.quickbooks import Body
from schemas.times import parse_instant
from storage import copies, installation, journal, pairs
from sync.slice import Slice


class RestoreFound(Stop):
    """QuickBooks has a payment of ours that our database never heard of: it was restored from a backup."""

    remedy = "Nothing to do: both books are read before anything is written, then it goes on by itself."


class Restored:
    """What a restored database may have forgotten of one connection."""

    def __init__(self, work: Slice) -> None:
        self._slice = work

    def is_forgotten(self, session: Session, record: Record, raw: Body) -> bool:
        """Whether a payment bears our marker though neither a pair nor a write of ours is known."""
        marker = marker_of(str(raw.get("PrivateNote") or ""))
        if marker is None or not marker.installation or marker.installation != installation.id_of(session):
            return False
        if copies.get(session, self._slice.id, record) is not None:
            # Seen before: the first sight of it was the sign.
            return False
        verified = self._slice.connection.verified_at
        if self._slice.connection.verify_since is not None or (
            verified is not None and not _is_made_after(raw, verified)
        ):
            # It was, or is going to be, seen by reading both books.
            return False
        kind = pairs.PLACEHOLDER if marker.placeholder else Kind.PAYMENT
        paired = any(
            pairs.among(session, self._slice.id, kind, side, [name])
            for side, name in ((Side.QUICKBOOKS, record.id), (Side.RAVETREE, marker.record.id))
        )
        return not paired and not journal.was_written(
            session, str(marker.record), "placeholder" if marker.placeholder else "payment"
        )

    def marked(self, what: str, ravetree_id: str) -> str | None:
        """The unpaired QuickBooks payment whose note names this `payment`, or `placeholder`, of Ravetree's.

        Looked for only where a restore may have lost the pair: for what was made before both books were read.
        """
        with self._slice.reading() as session:
            found = copies.noted(session, self._slice.id, markers.ending(what, ravetree_id))
            for copy in found:
                marker = marker_of(str(copy.body.get("PrivateNote") or ""))
                named = (marker.placeholder, marker.record.id) if marker is not None else None
                if named != (what == "placeholder", ravetree_id) or quickbooks.is_void_payment(copy.body):
                    # The words alone may stand in anybody's memo, and what is void stands for no money.
                    continue
                kinds = (Kind.PAYMENT, pairs.PLACEHOLDER)
                if not any(
                    pairs.among(session, self._slice.id, kind, Side.QUICKBOOKS, [copy.record_id]) for kind in kinds
                ):
                    return copy.record_id
        return None

    def may_be_forgotten(self, raw: Body) -> bool:
        """Whether a record of Ravetree's is older than the last restore, so that QuickBooks may have its partner."""
        verified = self._slice.connection.verified_at
        try:
            return verified is not None and parse_instant(raw["created_at"]) <= verified
        except (KeyError, TypeError, ValueError):
            return verified is not None


def _is_made_after(raw: Body, moment: datetime) -> bool:
    try:
        return parse_instant(raw["MetaData"]["CreateTime"]) > moment
    except (KeyError, TypeError, ValueError):
        return True
