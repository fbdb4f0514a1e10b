"""One record after the other: its work is done, and how it ended is stored, whatever it met."""

from datetime import timedelta
from typing import Any

from clients.errors import Away, NeighbourError, NotAuthorised
from config import traces
from config.errors import RavebooksError, Stop
from config.logging import bound, logger
from reconcile.model import Kind
from storage.brakes import Braked
from sync.books import Books
from sync.endings import Endings
from sync.noted import Noted, names_of
from sync.records import batches
from sync.records.contacts import Contacts
from sync.records.document_work import DocumentWork
from sync.records.estimates import Estimates
from sync.records.invoices import Invoices
from sync.records.payments import PaymentWork

NEXT_SLICE = timedelta(seconds=1)

log = logger("reconciler")


def create_together(books: Books, endings: Endings, subjects: list[Noted]) -> None:
    """Requested documents that QuickBooks does not have go there in batches; then each is worked on as ever."""
    requested = [s for s in subjects if any(e.requested for e in s.entries)]
    if len(requested) < 2:
        return
    gathering = batches.Gathering(books)
    asked = [s for s in requested if gathering.may_hold(s.record)]
    while len(asked) > 1:
        gathering = batches.Gathering(books)
        while asked and not gathering.full:
            subject = asked.pop(0)
            with bound(record=str(subject.record)):
                _gather(books, endings, gathering, subject)
        try:
            gathering.send()
        except (Away, NotAuthorised):
            raise
        except Braked as error:
            # Each waits by itself.
            log.info("not sent together", error=str(error))
        except NeighbourError as error:
            log.info("not sent together", error=str(error), fault=error.code)


def _gather(books: Books, endings: Endings, gathering: batches.Gathering, subject: Noted) -> None:
    try:
        work = work_on(books, subject)
        if isinstance(work, DocumentWork):
            with books.neighbours.quickbooks.because("freshness"):
                gathering.take(work)
    except Away as error:
        endings.after_error(books, subject, error)
    except Stop:
        raise
    except Exception as error:  # its ordinary work meets it again, and says what it is
        log.info("goes alone", error=type(error).__name__, exc_info=not isinstance(error, RavebooksError))


def reconcile(books: Books, endings: Endings, subject: Noted) -> None:
    """Bring one record into agreement, as far as it goes now, and store how that ended. Raises `Stop` and `Outage`."""
    events = [event.event_id for entry in subject.entries for event in entry.events]
    trace, *others = subject.traces or [""]
    with (
        bound(record=str(subject.record), event_id=events[-1] if events else None),
        traces.go_on("reconcile", trace, others) as span,
    ):
        span.set_attributes({"connection": books.id, "record": str(subject.record)})
        until = books.journal.blocked_until(books.id).get(str(subject.record))
        if until is not None:
            # What became of that write is looked at when a slice begins: in this one nothing of it is due again.
            later = max(until, books.now() + NEXT_SLICE)
            endings.retry(books, subject, later, "waits for the answer to an earlier write", count=False)
            return
        if any(entry.record in books.absent for entry in subject.entries):
            endings.not_there_yet(books, subject)
            return
        books.wrote = False
        try:
            with books.neighbours.quickbooks.because("freshness"):
                outcome = work_on(books, subject).run()
        except Stop:
            raise
        except RavebooksError as error:
            endings.after_error(books, subject, error)
        except Exception as error:  # noqa: BLE001 - the record's own border: one defect stops no other record
            endings.after_defect(books, subject, error)
        else:
            endings.conclude(books, subject, outcome)


def work_on(books: Books, subject: Noted) -> Contacts | DocumentWork[Any] | PaymentWork:
    """The work on a record of its kind, with the records that are its matter at hand."""
    books.take_up({*names_of(books, subject.record), *(entry.record for entry in subject.entries)})
    requested = any(entry.requested for entry in subject.entries)
    match subject.record.kind:
        case Kind.CONTACT:
            return Contacts(books, subject, requested)
        case Kind.ESTIMATE:
            return DocumentWork(Estimates(), books, subject.record, requested=requested)
        case Kind.INVOICE:
            return DocumentWork(Invoices(), books, subject.record, requested=requested)
        case _:
            return PaymentWork(books, subject.record, requested=requested)
