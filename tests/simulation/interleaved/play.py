"""One seed played, and a failing one told in few words.

A failing run is shortened by leaving interventions out for as long as it fails with the same kind of finding. That is a
shrinker of our own: Hypothesis shrinks by drawing other numbers, which here changes who goes on at every later step and
makes another run; without an intervention, every step draws what it drew before.
"""

import argparse
import logging
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Container, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import structlog

from tests.simulation.interleaved import ports
from tests.simulation.interleaved.accounting import Broken
from tests.simulation.interleaved.post import Post
from tests.simulation.interleaved.scheduler import BOUNDARIES, OF_ANY, Intervention, Stuck
from tests.simulation.interleaved.world import FROM_OUTSIDE, InterleavedWorld

STEPS = 2000
TRIES = 60
"""How often a failing run is played again at most to shorten it."""
LAST = 30
"""Steps of a failing run that are told."""
ENOUGH = 10
"""How often each boundary and each fault has to be met in as many seeds as `SEEDS_FOR_ALL`."""
SEEDS_FOR_ALL = 50
FAULTS = (*dict.fromkeys(OF_ANY), *ports.FAULTS, *Post.FAULTS, "a person acts", *FROM_OUTSIDE)


@dataclass
class Played:
    """What one run was like; `failure` is empty if all held."""

    seed: int
    failure: str = ""
    steps: int = 0
    interventions: list[Intervention] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    boundaries: "Counter[str]" = field(default_factory=Counter)
    faults: "Counter[str]" = field(default_factory=Counter)
    writes: int = 0


def play(seed: int, steps: int = STEPS, allowed: Container[int] | None = None) -> Played:
    """Play a seed; with `allowed`, interventions at those steps alone."""
    directory = Path(tempfile.mkdtemp())
    try:
        world = InterleavedWorld(directory, seed, allowed)
        failure = ""
        try:
            world.play(steps)
        except (AssertionError, Broken, Stuck) as error:
            failure = f"{type(error).__name__}: {str(error) or traceback.extract_tb(error.__traceback__)[-1].line}"
        finally:
            world.close()
        scheduler = world.scheduler
        return Played(
            seed,
            failure,
            scheduler.steps,
            scheduler.interventions,
            scheduler.trace,
            scheduler.boundaries,
            scheduler.faults,
            len(world.accounting.writes),
        )
    finally:
        shutil.rmtree(directory)


def kind_of(failure: str) -> str:
    """What sort of finding it is: without numbers and names of records."""
    return re.sub(r"\d+|'[^']*'", "#", failure)[:60]


def shortened(failed: Played, steps: int = STEPS) -> Played:
    """The same finding with as few interventions as a bounded number of tries finds."""
    kept, best, tries, size = [each.step for each in failed.interventions], failed, 0, len(failed.interventions) // 2
    while size and tries < TRIES:
        for begin in range(0, len(kept), size):
            without = kept[:begin] + kept[begin + size :]
            tries += 1
            tried = play(failed.seed, steps, frozenset(without))
            if tried.failure and kind_of(tried.failure) == kind_of(failed.failure):
                kept, best = [each.step for each in tried.interventions], tried
                break
            if tries >= TRIES:
                break
        else:
            size //= 2
    return best


def story(failed: Played) -> str:
    """What happened, and the command that plays it again."""
    steps = ",".join(str(each.step) for each in failed.interventions)
    lines = [
        f"Seed {failed.seed} fails: {failed.failure}",
        f"{len(failed.interventions)} interventions:",
        *(f"  {each}" for each in failed.interventions),
        f"The last of {failed.steps} steps:",
        *(f"  {line}" for line in failed.trace[-LAST:]),
        f"Again: .venv/bin/python -m tests.simulation.interleaved --seed {failed.seed} --only {steps or 'none'}",
    ]
    return "\n".join(lines)


@dataclass
class Sum:
    """Many runs together."""

    seeds: int = 0
    steps: int = 0
    writes: int = 0
    stories: list[str] = field(default_factory=list)
    boundaries: "Counter[str]" = field(default_factory=Counter)
    faults: "Counter[str]" = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        """One more."""
        self.seeds += 1
        self.steps += played.steps
        self.writes += played.writes
        self.boundaries += played.boundaries
        self.faults += played.faults

    def seldom(self) -> list[str]:
        """The boundaries and faults that were met less than ten times."""
        met = self.boundaries + self.faults
        return [f"{name}: {met[name]}" for name in (*BOUNDARIES, *FAULTS) if met[name] < ENOUGH]

    def __str__(self) -> str:
        rows = [*self.boundaries.most_common(), ("", ""), *self.faults.most_common()]
        table = "\n".join(f"{count:>9}  {name}" for name, count in rows)
        return f"{table}\n\n{self.seeds} seeds, {self.steps} steps, {self.writes} writes, {len(self.stories)} failed"


def many(seeds: Iterable[int], steps: int = STEPS, tell: Callable[[str], object] = lambda _story: None) -> Sum:
    """Play many seeds on every core; a failing one is shortened and told at once."""
    together = Sum()
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=silent) as pool:
        for played in pool.map(partial(play, steps=steps), seeds):
            together.add(played)
            if played.failure:
                together.stories.append(story(shortened(played, steps)))
                tell(together.stories[-1])
    return together


def silent() -> None:
    """The product's log says nothing: a run tells its own story."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> None:
    parser = argparse.ArgumentParser(description="Several processes, interleaved under a seed.")
    parser.add_argument("--seed", type=int, help="this one alone, with its whole trace")
    parser.add_argument("--seeds", type=int, default=50, help="so many, from the first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--only", help="steps at which something may happen, with commas between them, or “none”")
    asked = parser.parse_args()
    allowed = None if asked.only is None else frozenset(int(step) for step in asked.only.split(",") if step.isdigit())
    if asked.seed is not None:
        played = play(asked.seed, asked.steps, allowed)
        _say("\n".join(played.trace))
        _say(story(played) if played.failure else "All held.")
        sys.exit(bool(played.failure))
    together = many(range(asked.first, asked.first + asked.seeds), asked.steps, lambda told: _say(f"{told}\n"))
    _say(str(together))
    seldom = together.seldom() if asked.seeds >= SEEDS_FOR_ALL else []
    if seldom:
        _say(f"met less than {ENOUGH} times: {', '.join(seldom)}")
    sys.exit(bool(together.stories or seldom))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
