"""Being told to end while something still begins: an interruption, and one that is not lost."""

import signal
from types import FrameType


class Interruption:
    """Ctrl-C and SIGTERM interrupt what the main thread does.

    What they raise vanishes where Python has nobody to tell: in a finaliser, or in the callback of a weak reference.
    So it is noted too, and `check` raises it again.
    """

    def __init__(self) -> None:
        self._is_told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if somebody has told this process to end."""
        if self._is_told:
            raise KeyboardInterrupt
