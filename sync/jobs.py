"""Jobs: lists what a person asked for, a page at a time, and hands it to the ordinary work a few records at a time.

A job writes nothing itself: each record goes through the same plan, journal and holds as ever, so that a job can
be paused, stopped or killed at any moment and run again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from clients.errors import Away, NeighbourError, NotAuthorised
from clients.ravetree.account import RESOURCES
from config import telemetry
from config.logging import logger
from reconcile.model import Kind, Record, Side
from schemas.quickbooks import Body
from schemas.times import parse_instant, spell_instant
from storage import connections, copies, jobs, pairs, pending, switches
from storage.database import StorageError
from storage.models import Job
from sync import left_over
from sync.books import Books
from sync.entities import ENTITIES
from sync.restored import RestoreFound

UNDER_WAY = 50
"""Records of one job that wait in the ordinary queue at a time: events of people's own acts come between them."""

LOOKS_AGAIN_AFTER = timedelta(seconds=5)
AFTER_A_REFUSAL = timedelta(minutes=10)
PAGE = 1000

log = logger("jobs")


def go_on(books: Books) -> bool:
    """Take every due job a step further; True when there is something to work on now."""
    with books.reading() as session:
        due = list(jobs.due(session, books.id, books.now()))
    # Each takes its step, whatever the one before it found.
    steps = [_try_step(books, job) for job in due]
    return any(steps)


def _try_step(books: Books, job: Job) -> bool:
    """A step that is refused is tried again later: it holds up neither another job nor what people do."""
    try:
        return _step(books, job)
    except (NotAuthorised, Away):
        raise
    except NeighbourError as error:
        log.error("a job's list was refused", job=job.id, error=str(error), remedy=error.remedy, fault=error.code)
        with books.writing() as session:
            jobs.postpone(session, books.id, books.now() + AFTER_A_REFUSAL)
        return False
    except (RestoreFound, StorageError):
        raise
    except Exception as error:  # the job's own border: what is wrong with one stops nothing else
        telemetry.loop_errors.labels("jobs").inc()
        log.error("unexpected error", job=job.id, exc_info=error)
        with books.writing() as session:
            jobs.postpone(session, books.id, books.now() + AFTER_A_REFUSAL)
        return False


def _step(books: Books, job: Job) -> bool:
    queued = _queue(books, job)
    if queued:
        return True
    if not job.listed:
        _list_page(books, job)
        return True
    with books.writing() as session:
        now = books.now()
        row = jobs.get(session, books.id, job.id)
        if jobs.finish_if_over(session, row, now, LOOKS_AGAIN_AFTER):
            log.info("job done", job=job.id, kind=job.kind, counts=jobs.counts(session, job.id))
            if job.kind == jobs.IMPORT_CONTACTS:
                connections.get(session, books.id).contacts_imported_at = now
            elif made := made_within(job.params):
                switches.withdraw(connections.get(session, books.id), made)
    return False


def _queue(books: Books, job: Job) -> bool:
    with books.writing() as session:
        row = jobs.get(session, books.id, job.id)
        if row.state != jobs.RUNNING:
            return False
        taken = jobs.take(session, row, UNDER_WAY, books.now())
        for record in taken:
            pending.note(session, books.id, record, books.now(), requested=True)
    return bool(taken)


def _list_page(books: Books, job: Job) -> None:
    if job.kind != jobs.IMPORT_CONTACTS:
        _list_documents(books, job)
    elif "|" in job.cursor:
        _copy_what_is_left_over(books, job)
    else:
        _list_customers(books, job)


def _store_page(books: Books, job: Job, named: dict[Record, str], cursor: str | None) -> None:
    with books.writing() as session:
        row = jobs.get(session, books.id, job.id)
        jobs.add_records(session, row, named, books.now())
        row.cursor, row.listed, row.updated_at = cursor or "", cursor is None, books.now()


# --- the import of contacts ----------------------------------------------------------------------


def _list_customers(books: Books, job: Job) -> None:
    """One page of QuickBooks' customers: one metered read for a thousand.

    Inactive ones are listed too: one that becomes inactive meanwhile would else move the next page by one.
    """
    start = int(job.cursor or 0)
    company = books.neighbours.quickbooks
    with company.because("contact import"):
        rows = company.page(ENTITIES[Kind.CONTACT], "Active in (true, false)", start, PAGE)
    found = {str(raw["Id"]): raw for raw in rows}
    books.handling |= {Record(Side.QUICKBOOKS, Kind.CONTACT, name) for name in found}
    books.quickbooks.keep(Kind.CONTACT, found)
    named = {
        Record(Side.QUICKBOOKS, Kind.CONTACT, name): str(raw.get("DisplayName", name))
        for name, raw in found.items()
        if raw.get("Active", True)
    }
    behind = f"{next(iter(left_over.LEFT))}|"
    _store_page(books, job, named, str(start + len(rows)) if len(rows) == PAGE else behind)


def _copy_what_is_left_over(books: Books, job: Job) -> None:
    """With the customers their money: a mark as paid, or a receipt that Ravetree has too, may stand for it."""
    kinds = list(left_over.LEFT)
    kind, start = _place(job.cursor, kinds)
    following = left_over.copy_page(books, kind, int(start or 0))
    _store_page(books, job, {}, _next_place(kind, str(following) if following else None, kinds))


# --- the back-fill -------------------------------------------------------------------------------


def listed_kinds(params: Mapping[str, Any]) -> list[Kind]:
    """The kinds of records that a back-fill lists: clients bring the payments that they made in advance."""
    asked = [Kind(name) for name in dict.fromkeys(params["kinds"])]
    return [*asked, Kind.PAYMENT] if Kind.CONTACT in asked else asked


def _list_documents(books: Books, job: Job) -> None:
    """One page of Ravetree's records of the kinds that were asked for; reads there are free."""
    kinds = listed_kinds(job.params)
    kind, cursor = _place(job.cursor, kinds)
    rows, following = books.neighbours.ravetree.page(RESOURCES[kind], cursor)
    asked = [row for row in rows if is_asked_for(kind, row, job.params)]
    paired = passed_over(books, kind, [row["id"] for row in asked])
    named = {Record(Side.RAVETREE, kind, row["id"]): name_of(row) for row in asked}
    _store_page(books, job, named, _next_place(kind, following, kinds))
    with books.writing() as session:
        for record in named:
            if record.id in paired:
                jobs.note_outcome(session, job, record, "already", paired[record.id], books.now())


def passed_over(books: Books, kind: Kind, names: Sequence[str]) -> dict[str, str]:
    """Which of these records of Ravetree's a back-fill passes over, and why: each has, or had, its partner."""
    with books.reading() as session:
        found = dict(pairs.names_among(session, books.id, kind, Side.RAVETREE, names))
        known = copies.among(session, books.id, Side.QUICKBOOKS, kind, list(found.values()))
    gone = {name for name, copy in known.items() if copy.deleted}
    return {
        name: "was deleted in QuickBooks" if there in gone else "is in QuickBooks already"
        for name, there in found.items()
    }


def is_asked_for(kind: Kind, row: Body, params: dict[str, Any]) -> bool:
    """Whether a record of Ravetree is one that a back-fill with these parameters is about."""
    if row.get("deleted") or row.get("status") == "void":
        return False
    if kind is Kind.PAYMENT:
        return is_advance(row)
    if kind is Kind.CONTACT:
        return bool(row.get("active", True)) and not row.get("merged_into")
    window = made_within(params).get(kind)
    if window is not None and not _is_made_within(row, window):
        return False
    issued = date.fromisoformat(row["issue_date"])
    if (since := params.get("from")) and issued < date.fromisoformat(since):
        return False
    if (until := params.get("to")) and issued > date.fromisoformat(until):
        return False
    statuses = params.get("statuses") or []
    return not statuses or row["status"] in statuses


def is_advance(row: Body) -> bool:
    """Whether a payment of Ravetree's is money that is on no invoice."""
    return not (row.get("deleted") or row["voided"] or row["allocations"])


def name_of(row: Body) -> str:
    """What people call a record of Ravetree's: a payment without a reference by its amount."""
    amount = f"{row['amount']} {row['currency']}" if "amount" in row else ""
    return str(row.get("number") or row.get("name") or row.get("reference") or amount)


def made_within(params: Mapping[str, Any]) -> dict[Kind, switches.Window]:
    """Between which instants the documents of a back-fill were made, by kind, if it is about those."""
    return {
        Kind(kind): (parse_instant(begun), parse_instant(ended))
        for kind, (begun, ended) in params.get("made", {}).items()
    }


def spelled(windows: Mapping[Kind, switches.Window]) -> dict[str, list[str]]:
    """The same, as a job keeps it."""
    return {str(kind): [spell_instant(moment) for moment in window] for kind, window in windows.items()}


def _is_made_within(row: Mapping[str, Any], window: switches.Window) -> bool:
    """Whether a document of Ravetree's was made between two instants."""
    begun, ended = window
    return begun <= parse_instant(row["created_at"]) < ended


def _place(cursor: str, kinds: list[Kind]) -> tuple[Kind, str | None]:
    name, _, rest = cursor.partition("|")
    return (Kind(name) if name else kinds[0]), rest or None


def _next_place(kind: Kind, following: str | None, kinds: Iterable[Kind]) -> str | None:
    if following:
        return f"{kind}|{following}"
    rest = list(kinds)
    place = rest.index(kind) + 1
    return f"{rest[place]}|" if place < len(rest) else None
