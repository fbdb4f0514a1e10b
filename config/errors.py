"""The root of the error tree. Each room adds a branch a cause."""

USAGE = 2
"""The status of a command that was called wrongly, or with wrong or missing settings; what else fails ends with 1."""


class RavebooksError(Exception):
    """Something went wrong. The message says what happened and to which record."""

    remedy = "Look at the log for the operation id and try again."

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy


class Stop(RavebooksError):
    """No record has caused it: whoever works on a connection ends, and says so once."""


class SettingError(RavebooksError):
    """Settings are missing or wrong: the process does not start. Each of `lines` names one, and says what to set."""

    remedy = ""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
