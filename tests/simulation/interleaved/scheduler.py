"""Who goes on next: one task at a time, chosen under a seed at every boundary of input and output.

A task is a thread of a simulated process. It runs alone until its next boundary, where it says what it is about to
do and hands over. A *step* is one such decision. At some the scheduler orders an *intervention*: the process dies or
stands still, what is asked of the outside fails, a person does something. Every step draws the same numbers whether or
not it intervenes, so that a run can be played again without some of its interventions.
"""

import heapq
import itertools
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

DIES, STANDS_STILL, ENDS = "its process dies", "its process stands still", "its process is told to end"
OF_ANY = (DIES, DIES, STANDS_STILL, ENDS)
"""What can happen to a process at any boundary."""
STILL_SECONDS = (2.0, 45.0)
TICK_SECONDS = 0.01
"""A step takes so long on average."""
STUCK_SECONDS = 20.0
CHANCE = 0.06
"""How many of the steps are interventions."""
OFTEN, MOST_OFTEN = 4, 12
"""So many times as many of those at which something outside is asked, which are few, and of a neighbour's."""


BOUNDARIES = (
    "begins",
    "waits",
    "waits for a wake-up",
    "clock: sleeps",
    "database: begins to read",
    "database: begins to write",
    "database: commits",
    "database: has committed",
    "network: asks quickbooks",
    "network: quickbooks answers",
    "network: asks ravetree",
    "network: ravetree answers",
    "network: no answer",
    "network: a late answer",
    "broker: connects",
    "broker: publishes",
    "broker: is to confirm",
    "broker: nudges",
    "broker: delivers",
    "broker: is told that it is done",
    "broker: is given it back",
    "web: a request comes",
    "web: answers",
)
"""Wherever a task can be interrupted."""


class Killed(BaseException):
    """The process is dead: nothing of it runs any further."""


class Stuck(AssertionError):
    """A task did not come back to the scheduler."""


class SimulatedProcess(Protocol):
    """What the scheduler knows of a process."""

    name: str
    is_dead: bool
    still_until: float

    def die(self) -> None: ...

    def end(self) -> None: ...


class TheClock(Protocol):
    """The world's clock."""

    def monotonic(self) -> float: ...

    def advance(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Intervention:
    """What was ordered at a step: of whom, at which boundary."""

    step: int
    what: str
    who: str
    at: str

    def __str__(self) -> str:
        where = f" ({self.who}, at “{self.at}”)" if self.who else ""
        return f"step {self.step}: {self.what}{where}"


class Task:
    """A thread of a process."""

    def __init__(self, scheduler: "Scheduler", process: SimulatedProcess, name: str, run: Callable[[], object]) -> None:
        self.process, self.name = process, name
        self.at, self.about = "begins", ""
        self.until = 0.0
        self.is_ready: Callable[[], bool] = lambda: True
        self.faults: tuple[str, ...] = ()
        self.order: str | None = None
        self.holds = 0
        """Transactions that write and are open: nobody else goes on meanwhile."""
        self.is_over = False
        self.error: BaseException | None = None
        self._scheduler, self._run = scheduler, run
        self._turn = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._body, name=f"{process.name}: {name}", daemon=True)
        self._is_begun = False

    def _body(self) -> None:
        self._turn.acquire()
        try:
            if not self.process.is_dead:
                self._run()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the scheduler
            self.error = error
        self.is_over = True
        self._scheduler.back.release()

    def resume(self) -> None:
        """Let it run until its next boundary, or its end."""
        if not self._is_begun:
            self._is_begun = True
            self._thread.start()
        self._scheduler.current = self
        self._turn.release()
        if not self._scheduler.back.acquire(timeout=STUCK_SECONDS):
            frame = sys._current_frames().get(self._thread.ident or 0)
            where = "".join(traceback.format_stack(frame)[-40:]) if frame else "nowhere"
            raise Stuck(f"{self} does not come back from “{self.at}”:\n{where}")
        self._scheduler.current = None
        if self.error is not None:
            raise self.error

    def wait(self) -> None:
        """In the task: hand over, and go on when it is chosen."""
        self._scheduler.back.release()
        self._turn.acquire()
        if self.process.is_dead:
            raise Killed

    @property
    def runs_here(self) -> bool:
        """Whether this is its thread."""
        return threading.current_thread() is self._thread

    def __str__(self) -> str:
        return f"{self.process.name}, {self.name}"


@dataclass
class Scheduler:
    """Steps of all tasks under one seed. `allowed` are the steps at which it may intervene; None: at all."""

    seed: int
    clock: TheClock
    allowed: Container[int] | None = None
    tasks: list[Task] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    boundaries: "Counter[str]" = field(default_factory=Counter)
    faults: "Counter[str]" = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.back = threading.Semaphore(0)
        self.current: Task | None = None
        self.steps = 0
        self.is_calm = False
        self.people: Callable[[Random], object] = lambda _chance: None
        self._random = Random(self.seed)
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    # --- for processes ---------------------------------------------------------------------------

    def begin(self, process: SimulatedProcess, name: str, run: Callable[[], object]) -> None:
        """A thread of a process."""
        self.tasks.append(Task(self, process, name, run))

    def pause(
        self,
        at: str,
        seconds: float = 0.0,
        is_ready: Callable[[], bool] | None = None,
        faults: tuple[str, ...] = (),
        about: str = "",
    ) -> str | None:
        """A boundary: the task that is here goes on when it is chosen, with the fault that was ordered, if any.

        It can be chosen once `is_ready`, or after `seconds`. What is no task, as a person, passes.
        """
        task = self.current
        if task is None or not task.runs_here:
            return None
        if task.process.is_dead:
            raise Killed
        task.at, task.about, task.faults, task.order = at, about, faults, None
        assert at in BOUNDARIES, f"{at} is not among the boundaries"
        task.until = self.clock.monotonic() + seconds
        task.is_ready = is_ready or (lambda: False)
        task.wait()
        return task.order

    def hold(self, holds: int) -> None:
        """The task that is here has begun, or ended, a transaction that nobody else gets past."""
        if self.current is not None and self.current.runs_here:
            self.current.holds += holds

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it then, between two steps."""
        heapq.heappush(self._later, (self.clock.monotonic() + seconds, next(self._order), call))

    # --- steps -----------------------------------------------------------------------------------

    def step(self) -> bool:
        """One decision; False when nobody can go on before time passes, which it then does."""
        chance = [self._random.random() for _ in range(5)]
        self._call_what_is_due()
        ready = self._ready()
        if not ready:
            self._let_time_pass()
            return False
        self.steps += 1
        task = ready[int(chance[0] * len(ready))]
        if self._is_time_to_intervene(task, chance[1]):
            self._intervene(task, Random(f"{self.seed} {self.steps}"))
        self.boundaries[task.at] += 1
        said = f" → {task.order}" if task.order else ""
        self.trace.append(f"{self.steps} {self.clock.monotonic():.3f} {task}: {task.at} {task.about}{said}".rstrip())
        if not task.process.is_dead and self.clock.monotonic() >= task.process.still_until:
            self._resume(task)
        self.clock.advance(TICK_SECONDS * 2 * chance[2])
        return True

    def _is_time_to_intervene(self, task: Task, chance: float) -> bool:
        if self.is_calm or (self.allowed is not None and self.steps not in self.allowed):
            return False
        if task.at.startswith("network: asks"):
            return chance < CHANCE * MOST_OFTEN
        return chance < CHANCE * (OFTEN if task.faults and not task.at.startswith("database") else 1)

    def _ready(self) -> list[Task]:
        holding = [task for task in self.tasks if task.holds]
        now = self.clock.monotonic()
        return [
            task
            for task in holding or self.tasks
            if task.holds or (task.process.still_until <= now and (task.until <= now or task.is_ready()))
        ]

    def _resume(self, task: Task) -> None:
        task.resume()
        if task.is_over:
            self.tasks.remove(task)

    def _call_what_is_due(self) -> None:
        while self._later and self._later[0][0] <= self.clock.monotonic() and not any(t.holds for t in self.tasks):
            heapq.heappop(self._later)[2]()

    def _let_time_pass(self) -> None:
        now = self.clock.monotonic()
        times = [max(task.until, task.process.still_until) for task in self.tasks]
        times += [moment for moment, _, _ in self._later[:1]]
        self.clock.advance(max(1e-6, min(times, default=now + 1) - now))

    def _intervene(self, task: Task, chance: Random) -> None:
        acts = chance.random() < 0.5 and not any(each.holds for each in self.tasks)
        if acts:
            what = str(self.people(chance))
            self._note(what, None)
            return
        what = chance.choice(task.faults if task.faults and chance.random() < 0.7 else OF_ANY)
        if what == STANDS_STILL and task.holds:
            what = DIES
        self._note(what, task)
        if what == DIES:
            self.kill(task.process)
        elif what == STANDS_STILL:
            task.process.still_until = self.clock.monotonic() + chance.uniform(*STILL_SECONDS)
        elif what == ENDS:
            task.process.end()
        else:
            task.order = what

    def _note(self, what: str, task: Task | None) -> None:
        self.interventions.append(Intervention(self.steps, what, str(task) if task else "", task.at if task else ""))
        self.faults[what.partition(":")[0]] += 1

    def kill(self, process: SimulatedProcess) -> None:
        """Nothing of a process runs any further: what it holds open is rolled back, what it has told nobody is lost."""
        process.is_dead = True
        mine = [task for task in self.tasks if task.process is process]
        # Who has a transaction open first: nobody else gets past it.
        for task in sorted(mine, key=lambda each: -each.holds):
            task.holds = 0
            task.resume()
            self.tasks.remove(task)
        process.die()

    def end_all(self) -> None:
        """The play is over."""
        for process in {id(task.process): task.process for task in self.tasks}.values():
            self.kill(process)
