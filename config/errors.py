"""The root of the error tree. Each room adds a branch a cause."""

import re

USAGE = 2
"""The status of a command that was called wrongly, or with wrong or missing settings; what else fails ends with 1."""


class RavebooksError(Exception):
    """Something went wrong. The message says what happened and to which record."""

    remedy = "Look at the log for the operation id and try again."
    field: str | None = None
    """The field of the request that is at fault, where one is."""

    def __init__(self, message: str, *, remedy: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy
        if field is not None:
            self.field = field


_WORD = re.compile("(?<!^)(?=[A-Z])")


def code_of(kind: type[RavebooksError]) -> str:
    """What programs know an error by: `UnknownConnection` is `unknown_connection`."""
    return _WORD.sub("_", kind.__name__.lstrip("_")).lower()


class Stop(RavebooksError):
    """No record has caused it: whoever works on a connection ends, and says so once."""


class SettingError(RavebooksError):
    """Settings are missing or wrong: the process does not start. Each of `lines` names one, and says what to set."""

    remedy = ""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
