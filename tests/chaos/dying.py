"""A process that dies at a crash point: `python -m tests.chaos.dying POINT PASSES MARKER MODULE ARGUMENT…`.

MODULE is run as `python -m` would run it. At POINT (`before web: publishes`) the process ends as by a power cut: in
its first life at the first of PASSES (`1,2`: when it passes for the first time, then for the second time), until it has
died as often as they are. MARKER is a file with a line for each death. Nothing of the product knows of it: what stands
at the boundary is wrapped from outside.
"""

import importlib
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any

from tests.chaos import points
from tests.chaos.points import BEFORE, Point

STATUS = 137
"""What a shell says of a process that was killed."""
SHORTER = {"sync.tokens:LEASE_SECONDS": 3.0, "reconcile.wellness:SILENT": timedelta(seconds=12)}
"""How long who died still has others wait: for its refresh of a token 90 seconds, for its turn to tell a minute."""
NET = "ravebooks.process:_look_first"
"""A worker that starts reads Ravetree's log of events: that would find again, and hide, what a death has lost."""


class Death:
    """When this process dies."""

    def __init__(self, point: Point, passes: Sequence[int], marker: Path) -> None:
        self._point, self._passes, self._marker = point, tuple(passes), marker
        self._lock = threading.Lock()
        self._pid, self._passed = os.getpid(), 0

    def wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, at which it may die."""

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            is_meant = self._is_meant(arguments, named)
            if is_meant and self._point.moment == BEFORE:
                self._pass()
            found = function(*arguments, **named)
            if is_meant and self._point.moment != BEFORE:
                self._pass()
            return found

        return call

    def _is_meant(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> bool:
        boundary = self._point.boundary
        return threading.current_thread().name.startswith(boundary.thread) and boundary.meant(*arguments, **named)

    def _pass(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                # A child lives a life of its own.
                self._pid, self._passed = os.getpid(), 0
            self._passed += 1
            deaths = len(self._marker.read_text().splitlines()) if self._marker.exists() else 0
            if deaths < len(self._passes) and self._passed >= self._passes[deaths]:
                with self._marker.open("a") as marker:
                    marker.write(f"{time.time():.3f} {os.getpid()} {self._point}\n")
                os._exit(STATUS)


def replace(place: str, new: Callable[[Any], Any]) -> None:
    """Put `new` of what stands at `module:name.name` in its place."""
    module, _, name = place.partition(":")
    owner: Any = importlib.import_module(module)
    *owners, last = name.split(".")
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, last, new(getattr(owner, last)))


def _instead(new: object, _old: object) -> object:
    return new


def main() -> None:
    """Wrap, then run."""
    point, passes, marker, module, *arguments = sys.argv[1:]
    death = Death(points.named(point), [int(each) for each in passes.split(",")], Path(marker))
    for place, wait in SHORTER.items():
        replace(place, partial(_instead, wait))
    replace(NET, partial(_instead, lambda _parts: None))
    points.listen()
    replace(points.named(point).boundary.function, death.wrapped)
    launched = [sys.executable, "-m", "tests.chaos.dying", point, passes, marker]
    # A process that becomes another one dies at the same point.
    replace("os:execve", lambda execve: lambda path, words, env: execve(path, [*launched, *words[2:]], env))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
