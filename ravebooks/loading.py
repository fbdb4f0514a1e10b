"""Loading the program takes up to two seconds: Ctrl-C meanwhile ends it without a word."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """What is loaded stays: to look for garbage in it, again and again as it grows, takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def ending_quietly() -> Iterator[None]:
    """SIGINT ends the process as it ends any other, where nobody has said what else it shall do."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
