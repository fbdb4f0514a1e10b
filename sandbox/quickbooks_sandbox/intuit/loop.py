"""A thread that does its work again and again, sooner when it is woken."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable


class Loop:
    """Between two rounds it waits for as long as ``pause`` says, in seconds."""

    def __init__(self, name: str, work: Callable[[], None], pause: Callable[[], float]) -> None:
        self._name = name
        self._work = work
        self._pause = pause
        self._wake = threading.Condition()
        self._news = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        with self._wake:
            self._news = True
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            try:
                self._work()
                pause = self._pause()
            except Exception as error:  # noqa: BLE001  # the outermost loop: it must go on
                traceback.print_exception(error, file=sys.stderr)
                pause = 1.0
            with self._wake:
                if not self._stopping and not self._news:
                    self._wake.wait(pause)
                self._news = False
                if self._stopping:
                    return
