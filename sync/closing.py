"""Up to which day a company's books are closed: QuickBooks posts nothing up to that day, and says so late."""

from datetime import date

from schemas.quickbooks import Body
from storage import connections
from sync.books import Books


def closed_until(books: Books) -> date | None:
    """The closing date, as far as we know."""
    return date.fromisoformat(books.connection.books_closed) if books.connection.books_closed else None


def covers(books: Books, raw: Body) -> bool:
    """Whether a transaction of QuickBooks lies in the closed period, as far as we know."""
    closed = closed_until(books)
    return closed is not None and str(raw.get("TxnDate") or "") <= closed.isoformat()


def look_again(books: Books) -> bool:
    """Read it; whether it is another one than we knew. One metered read."""
    said = books.neighbours.quickbooks.get("preferences").get("AccountingInfoPrefs", {}).get("BookCloseDate") or ""
    if said == books.connection.books_closed:
        return False
    books.connection.books_closed = said
    with books.writing() as session:
        connections.keep_closing_date(session, books.id, said)
    return True
