"""The sweeper's part in retention: passes over what is no longer kept, a batch of each kind a round.

Each batch is a short transaction of its own; what there is to remove is looked for before it, where nobody waits.
"""

from collections.abc import Mapping
from datetime import timedelta

from config import telemetry
from config.logging import logger
from config.ports import Clock
from storage import retention
from storage.database import Database
from storage.retention import Rule

log = logger("retention")

CHECK_EVERY = 60.0
"""Seconds between two looks whether a pass has to begin."""
STEADY_SECONDS = 3600.0
"""How long a clock has to go evenly before anything is removed by it: one that ran ahead is put right by then."""
JUMP_SECONDS = 60.0


class Retaining:
    """Removes what is older than it is kept, however often it is called."""

    def __init__(self, database: Database, clock: Clock, kept: Mapping[str, timedelta]) -> None:
        self._database = database
        self._clock = clock
        self._rules = retention.rules(kept)
        self._looks_again = float("-inf")
        self._ahead = self._steady_since = float("nan")

    def step_if_due(self) -> int:
        """A batch of each kind that a pass is under way for; returns how many rows went."""
        if not self._is_steady() or self._clock.monotonic() < self._looks_again:
            return 0
        now = self._clock.now()
        with self._database.reading() as session:
            known = retention.passes(session)
        due = [rule for rule in self._rules if retention.is_due(known.get(rule.what), now)]
        if not due:
            self._looks_again = self._clock.monotonic() + CHECK_EVERY
        return sum(map(self._step, due))

    def _step(self, rule: Rule) -> int:
        now = self._clock.now()
        before = now - rule.kept
        with self._database.reading() as session:
            batch = retention.look(session, rule, retention.begins_at(session, rule.what, now), before)
        with self._database.transaction() as session:
            removed = retention.remove(session, rule, batch.ids, before) if batch.ids else 0
            retention.note(session, rule.what, now, reached=batch.reached, removed=removed, is_last=batch.is_last)
        telemetry.no_longer_kept.labels(rule.what).inc(removed)
        if batch.is_last:
            log.info("nothing older is kept", what=rule.what, before=before.isoformat())
        return removed

    def _is_steady(self) -> bool:
        """Whether the wall's clock and the machine's own have gone evenly for an hour."""
        ahead = self._clock.now().timestamp() - self._clock.monotonic()
        if not abs(ahead - self._ahead) < JUMP_SECONDS:
            self._ahead, self._steady_since = ahead, self._clock.monotonic()
        return self._clock.monotonic() - self._steady_since >= STEADY_SECONDS
