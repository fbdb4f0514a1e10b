"""What became of everything that was acknowledged, in the manner of Jepsen: counted from outside, when all is quiet."""

import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import requests
import sqlalchemy as sa

from config.ports import SystemClock
from ravebooks.demo.sides import Body, QuickBooksSide, RavetreeSide
from storage import pending
from storage.database import Database
from storage.models import DeadLetter, Event, PendingChange

PROPERTY = "account"
"""Under this name a test's account stands in its report, from which the table at the end is made."""
QUIET_SECONDS = 90.0
LOOK_SECONDS = 0.25
Subject = tuple[str, str, str]
"""A record: its side, its kind and its id."""
HEADINGS = ("fault", "faults", "acknowledged", "effective", "lost", "doubled", "parked", "well again after")


@dataclass(frozen=True)
class Account:
    """Events that the senders were told we have, and what became of them.

    `seconds` are those from the last fault until both books agreed.
    """

    fault: str
    faults: int
    acknowledged: int
    effective: int
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    parked: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def check(self, parked: int = 0) -> None:
        """Everything took effect once; so many are parked, each with its cause."""
        assert self.lost == (), f"acknowledged and nowhere: {self.lost}"
        assert self.doubled == (), f"there twice: {self.doubled}"
        assert all(self.parked), "something is parked without a cause"
        assert sum(self.parked.values()) == parked, self.parked
        assert self.effective + sum(self.parked.values()) == self.acknowledged, self
        assert self.acknowledged > 0, "nothing was acknowledged: nothing was tried"

    def told(self) -> dict[str, Any]:
        """As plain values, which a report carries from one process to another."""
        return asdict(self)


class Accounts:
    """Begins to count at an installation that is at rest."""

    def __init__(self, ravetree: RavetreeSide, quickbooks: QuickBooksSide, database_url: str) -> None:
        self._ravetree, self._quickbooks = ravetree, quickbooks
        self._database = Database(database_url, SystemClock())
        self._before = self._acknowledged()

    def _acknowledged(self) -> set[str]:
        """The ids of the events that a 2xx was given for."""
        ours = _asked(f"{self._ravetree.root}/sandbox/deliveries")["deliveries"]
        theirs = _asked(f"{self._quickbooks.root}/sandbox/deliveries")["acknowledged"]
        found = {str(row["event_id"]) for row in ours if row["state"] == "delivered"}
        return found | {str(event["id"]) for row in theirs for event in row["body"]}

    def _recorded(self) -> dict[str, Event]:
        with self._database.reading() as session:
            return {row.event_id: row for row in session.execute(sa.select(Event)).scalars()}

    def _dead(self) -> Counter[str]:
        """Why messages are dead letters that nobody has discarded."""
        with self._database.reading() as session:
            rows = session.execute(sa.select(DeadLetter.fingerprint).where(DeadLetter.discarded_at.is_(None)))
            return Counter(rows.scalars())

    def _notes(self, *states: str) -> dict[Subject, str]:
        """Records that are noted in one of these states, with the cause if a person is asked."""
        with self._database.reading() as session:
            rows = session.execute(sa.select(PendingChange).where(PendingChange.state.in_(states)))
            return {(row.side, row.kind, row.record_id): row.cause for row in rows.scalars()}

    def close_with(
        self, fault: str, faults: int, last_fault_at: float, dead: int = 0, also: Collection[str] = ()
    ) -> Account:
        """The account since the beginning. What is acknowledged and not recorded is waited for before it is lost.

        `dead` are messages of a test's that the broker took and that have to be dead letters now, `also` the ids of
        events of its own that were acknowledged.
        """
        acknowledged = (self._acknowledged() - self._before) | set(also)
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            # What is counted is what was found quiet: a moment later some of it may be looked at once more.
            recorded, due, letters = self._recorded(), self._notes(pending.DUE), self._dead()
            subjects = [_subject(recorded[event_id]) for event_id in sorted(acknowledged & recorded.keys())]
            is_quiet = len(subjects) == len(acknowledged) and not due.keys() & set(subjects)
            if (is_quiet and letters.total() >= dead) or time.monotonic() > deadline:
                break
            time.sleep(LOOK_SECONDS)
        seconds, parked = time.time() - last_fault_at, self._notes(*pending.ATTENTION)
        self._database.close()
        return Account(
            fault,
            faults,
            len(acknowledged) + dead,
            sum(subject not in parked and subject not in due for subject in subjects),
            tuple(sorted(acknowledged - recorded.keys())),
            twice(self._ravetree, self._quickbooks),
            dict(Counter(parked[subject] for subject in subjects if subject in parked) + letters),
            seconds,
        )


def _subject(event: Event) -> Subject:
    return (event.source, event.kind, event.subject)


def _asked(url: str) -> Any:
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    return answer.json()


def twice(ravetree: RavetreeSide, quickbooks: QuickBooksSide) -> tuple[str, ...]:
    """Payments and invoices that are there more than once on one side, by the names that people gave them."""
    found = [
        *_twice("payment in Ravetree", ravetree.every("payments"), "reference"),
        *_twice("payment in QuickBooks", quickbooks.query("select * from Payment"), "PaymentRefNum"),
        *_twice("invoice in Ravetree", ravetree.every("invoices"), "number"),
        *_twice("invoice in QuickBooks", quickbooks.query("select * from Invoice"), "DocNumber"),
    ]
    return tuple(found)


def _twice(what: str, rows: Iterable[Body], name: str) -> list[str]:
    counted = Counter(str(row[name]) for row in rows if row.get(name))
    return [f"{what} {named}, {count} times" for named, count in sorted(counted.items()) if count > 1]


def table(accounts: Iterable[dict[str, Any]]) -> list[str]:
    """All accounts as lines, and their sums."""
    rows = [_row(account) for account in accounts]
    widths = [max(len(row[place]) for row in [list(HEADINGS), *rows]) for place in range(len(HEADINGS))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in [HEADINGS, *rows]]
    return [line.rstrip() for line in lines]


def _row(account: dict[str, Any]) -> list[str]:
    parked = "; ".join(f"{count} ({cause})" for cause, count in account["parked"].items())
    counts = [account["faults"], account["acknowledged"], account["effective"]]
    lists = [len(account["lost"]), len(account["doubled"])]
    return [account["fault"], *map(str, counts + lists), parked or "0", f"{account['seconds']:.1f} s"]
