"""Contacts: the import from QuickBooks, the button in Ravetree, merges on both sides."""

from dataclasses import dataclass

from reconcile.model import Side
from sync.books import Books
from sync.noted import Noted
from sync.outcomes import Agreed, Outcome
from sync.records.customers import look_again
from sync.records.quickbooks_customer import CustomerWork
from sync.records.ravetree_contact import ContactWork


@dataclass(frozen=True)
class Contacts:
    """The work on a contact of Ravetree's, or on a customer of QuickBooks'."""

    books: Books
    subject: Noted
    requested: bool

    def run(self) -> Outcome:
        """Bring it into agreement, then look again at what waits for a person because of it."""
        books, record, entries = self.books, self.subject.record, self.subject.entries
        decided = books.decided([record])
        if record.side is Side.RAVETREE:
            outcome = ContactWork(books, record, requested=self.requested).run(decided)
        else:
            outcome = CustomerWork(books, record, entries, requested=self.requested).run(decided)
        is_news = record.side is Side.QUICKBOOKS and not self.requested
        if isinstance(outcome, Agreed) and (decided is not None or is_news or any(entry.events for entry in entries)):
            # Not after each customer of an import: what waits would be planned again a thousand times.
            look_again(books, record)
        return outcome
