"""Structured logs: every line, ours and the libraries', is one JSON object, redacted at the sink."""

import logging
import re
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.processors import ExceptionRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from config.foreign import described, traceback_of
from config.redaction import redact

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(level: str = "info", style: str = "json") -> None:
    """Send every log line, ours and the libraries', to standard error. `style`: `json`, or `console` for people."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    after: list[Processor] = [ExceptionRenderer(_exception), _redact_event, *_renderers(style)]
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # A line and its end in one write: the handler below writes to the same file.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*before, _name_library],
            processors=[ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # pika reports every lost connection as an error with a traceback; our publisher says it once, in its words.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _renderers(style: str) -> list[Processor]:
    if style == "json":
        return [structlog.processors.JSONRenderer()]
    return [_in_one_line, structlog.dev.ConsoleRenderer()]


def _exception(exc_info: ExcInfo) -> str:
    return traceback_of(exc_info[1])


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value, key) for key, value in event.items()}


def _name_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger_name"] = event["_record"].name
    return event


def _in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """On a terminal nothing but a traceback breaks a line, and none of its lines begins as one of the log does."""
    lines = {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}
    if "exception" in event:
        lines["exception"] = "\n".join(f"  | {_escaped(line)}" for line in str(event["exception"]).split("\n"))
    return lines


def _escaped(text: str) -> str:
    return _CONTROLS.sub(lambda sign: sign.group().encode("unicode_escape").decode(), text)


class _Handler(logging.StreamHandler[TextIO]):
    """Says in a line of its own that a library's line could not be written, where `logging` prints a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        said = described(error) if error is not None else ""
        logger("logging").error("a line of a library could not be written", library=record.name, error=said)


def catch_uncaught() -> None:
    """Log what ends a process or a thread, what is raised where nobody can catch it, and warnings, as one line each."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def _uncaught(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, tb)
        return
    logger("process").critical("ended by an unexpected error", exc_info=error)


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    name = given.thread.name if given.thread is not None else ""
    if given.exc_value is not None:
        logger("process").critical("a thread was ended by an unexpected error", thread=name, exc_info=given.exc_value)


def _unraisable(given: Any) -> None:
    if isinstance(given.exc_value, KeyboardInterrupt):
        # Who is told to end looks again, `ravebooks.interruption`.
        return
    logger("process").error("an error that nobody could catch", where=given.object, exc_info=given.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the signature of warnings.showwarning
    line: str | None = None,  # noqa: ARG001
) -> None:
    logger("warnings").warning(str(message), category=category.__name__, where=f"{filename}:{lineno}")


def logger(name: str) -> Any:
    """A logger whose lines carry `name`."""
    return structlog.get_logger(logger_name=name)


bound = structlog.contextvars.bound_contextvars
"""Context manager: every line inside carries these fields (connection, record, event_id, operation_id)."""
