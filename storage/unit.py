"""A unit of work: the transactions of one piece of work, each as long as nobody outside is called."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from config.errors import RavebooksError
from storage.database import Database, DatabaseDown

T = TypeVar("T")


class _Abandoned(Exception):
    """What was not committed is given up."""


class UnitOfWork:
    """Joins what is read and stored one after the other into as few transactions as there can be.

    A transaction is begun when somebody first reads or writes, and lasts until `commit`, which comes before every
    call of somebody outside, and at the end. One that only reads takes no write lock; the first write ends it and
    begins another. Not shared between threads, and while a transaction is open its thread begins no other.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._stack: ExitStack | None = None
        self._session: Session | None = None
        self._writes = False
        self._storing = 0
        self._read: dict[Hashable, Any] = {}

    @property
    def is_open(self) -> bool:
        """Whether something is read or stored that is not committed yet."""
        return self._session is not None

    def reading(self) -> AbstractContextManager[Session]:
        """The session to read with. Raises `DatabaseDown`."""
        return self._joined(writes=False)

    def writing(self) -> AbstractContextManager[Session]:
        """The session to store with; what is stored is committed later. Raises `DatabaseDown`.

        What the block raises rolls back all that is not committed, other than an error of ours: a check raises that
        before its block has stored anything, and what was stored before it stays.
        """
        return self._joined(writes=True)

    def once(self, key: Hashable, read: Callable[[Session], T]) -> T:
        """What `read` finds; asked once in a transaction, for as long as nothing is stored in it."""
        with self.reading() as session:
            if self._storing:
                return read(session)
            if key not in self._read:
                self._read[key] = read(session)
            found: T = self._read[key]
            return found

    def commit(self) -> None:
        """Commit what is open. Raises `DatabaseDown`."""
        self._read.clear()
        stack, self._stack, self._session = self._stack, None, None
        if stack is not None:
            stack.close()

    def rollback(self) -> None:
        """Forget what is not committed."""
        self._fail(_Abandoned())

    @contextmanager
    def _joined(self, *, writes: bool) -> Iterator[Session]:
        session = self._begin(writes=writes)
        self._storing += writes
        try:
            yield session
        except RavebooksError as error:
            if isinstance(error, DatabaseDown):
                self._fail(error)
            raise
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._storing -= writes
            if writes:
                self._read.clear()

    def _begin(self, *, writes: bool) -> Session:
        if self._session is not None and writes and not self._writes:
            self.commit()
        if self._session is None:
            stack = ExitStack()
            self._session = stack.enter_context(self.database.transaction() if writes else self.database.reading())
            self._stack, self._writes = stack, writes
        return self._session

    def _fail(self, error: BaseException) -> None:
        """Roll back, and let the database say what it makes of the error."""
        self._read.clear()
        stack, self._stack, self._session = self._stack, None, None
        if stack is not None:
            stack.__exit__(type(error), error, error.__traceback__)
