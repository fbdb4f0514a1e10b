"""Errors of the libraries behind database and broker, without the statements and addresses that their texts carry.

SQLAlchemy's text has the statement and its parameters; a driver's has host, port, user and database; a broker's has
user and virtual host. What an operator needs of them is the class and the code.
"""

import traceback
from collections.abc import Iterator

_LIBRARIES = frozenset({"sqlalchemy", "psycopg", "psycopg_pool", "sqlite3", "pika", "amqp", "kombu"})
_CODES = ("sqlstate", "sqlite_errorname", "reply_code")


def described(error: BaseException) -> str:
    """The class with the error's own words; for those libraries with its code, and with its cause's class and code."""
    name = type(error).__name__
    if not _is_foreign(error):
        return _in_its_own_words(name, error)
    codes = [str(code) for code in (getattr(error, attribute, None) for attribute in _CODES) if code]
    cause = getattr(error, "orig", None)
    if isinstance(cause, BaseException):
        codes.append(described(cause))
    return f"{name} ({', '.join(codes)})" if codes else name


def _in_its_own_words(name: str, error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an error is told also when its own text is broken
        return f"{name}, whose text cannot be shown"
    return f"{name}: {said}" if said else name


def _is_foreign(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__)


def traceback_of(error: BaseException) -> str:
    """What `traceback` prints of `error` and of what led to it, each error as `described` says it."""
    return "\n".join(_lines(error, set())).rstrip()


def _lines(error: BaseException, told: set[int]) -> Iterator[str]:
    told.add(id(error))
    earlier, link = error.__cause__, "This was raised because of it:"
    if earlier is None and not error.__suppress_context__:
        earlier, link = error.__context__, "While that was handled:"
    if earlier is not None and id(earlier) not in told:
        yield from _lines(earlier, told)
        yield f"\n{link}\n"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield described(error)
    yield from () if _is_foreign(error) else getattr(error, "__notes__", ())
    if isinstance(error, BaseExceptionGroup):
        for number, inner in enumerate(error.exceptions, 1):
            yield f"\n{number} of {len(error.exceptions)}:\n"
            yield from _lines(inner, told)
