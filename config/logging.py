"""Structured logs, redacted at the sink by key and by pattern."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

REDACTED = "[redacted]"

_SECRET_KEYS = re.compile(r"(?i)(authorization|token|secret|password|api_?key|cipher|signature|verifier|^code$|cookie)")
_PLAIN_KEYS = frozenset({"sync_token", "token_expires_at", "token_source", "synctoken"})
_PATTERNS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
    re.compile(r"whsec_[A-Za-z0-9+/=]+"),
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]*"),
    # The gateway's 401 repeats the whole access token after these words.
    re.compile(r"(?i)(?<=token expired: )\S+"),
    re.compile(r"(?i)(?<=token invalid: )\S+"),
    re.compile(r"(?i)((?:access_|refresh_)?token|code|client_secret)=[^&\s\"']+"),
    re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"),
)


def redact_text(text: str) -> str:
    """`text` without anything that looks like a credential."""
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    return text


def redact(value: Any, key: str = "") -> Any:
    """`value` without secrets: whole values under telling keys, and credentials inside any text."""
    if key and key.lower() not in _PLAIN_KEYS and _SECRET_KEYS.search(key) and not isinstance(value, bool | int):
        return REDACTED if value else value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {k: redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v) for v in value]
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, BaseException):
        return redact_text(f"{type(value).__name__}: {value}")
    return value


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value, key) for key, value in event.items()}


class _RedactingFormatter(logging.Formatter):
    """Other libraries' records, through the same redaction."""

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))


def configure(level: str = "info", style: str = "json") -> None:
    """Send every log line, ours and the libraries', to standard error."""
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # pika reports every lost connection as an error with a traceback; our publisher says it once, in its words.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def logger(name: str) -> Any:
    """A logger whose lines carry `name`."""
    return structlog.get_logger(logger_name=name)


bound = structlog.contextvars.bound_contextvars
"""Context manager: every line inside carries these fields (connection, record, event_id, operation_id)."""
