"""Change the rules in small ways, one at a time: which changes does no test notice?

Usage: python -m tests.mutation [--sample 500] [--seed 1] [--at-once 1]   a night; build/mutation/ has what survived.
"""

import argparse
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData

from tests.mutants.__main__ import copied, say, tested
from tests.mutants.patches import ROOT
from tests.mutation.drawing import Change, changes_of, drawn

RULES = ("reconcile/*.py", "sync/writes/*.py")
NEAR = ("tests/unit/reconcile", "tests/unit/sync")
FAR = ("tests/simulation", "tests/questions")
NEAR_SECONDS, FAR_SECONDS, ALL_SECONDS = 240, 600, 7200
"""For the tests of one change, of the unit ring and of the whole product, and for all of them without any."""
RINGS = ((NEAR, NEAR_SECONDS), (FAR, FAR_SECONDS))
"""What survives the first is tried with the second."""
LEAN = ("-p", "no:schemathesis", "-m", "not thorough")
FOLDER = ROOT / "build" / "mutation"
CHOSEN = "tests.chosen"
"""A file in the tree with the tests of one change, a line each."""
TIMED_OUT = 124
KILLED, SURVIVED, TIMEOUT = "killed", "survived", "timeout"

Seen = Mapping[str, Mapping[int, frozenset[str]]]
"""Which tests run a line, by file and line; an empty name for what runs when a module is imported."""


@dataclass(frozen=True)
class Verdict:
    """What became of a change, and how many tests were there to notice it."""

    change: Change
    outcome: str
    tried: int


def main(words: Sequence[str]) -> int:
    """Try a sample; 1 if tests fail without any change."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--sample", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    chosen = parser.parse_args(words)
    changes = every_change()
    sample = drawn(changes, chosen.sample, chosen.seed)
    say(f"{len(sample)} of {len(changes)} changes under seed {chosen.seed}: first the tests without any …")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with copied() as tree:
        rings = [(folders, seconds, seen_by(tree, folders)) for folders, seconds in RINGS]
    if not all(seen for _, _, seen in rings):
        return 1
    report(judged(sample, [(seconds, seen) for _, seconds, seen in rings], chosen.at_once))
    return 0


def every_change() -> list[Change]:
    """All that the rules can be tried with."""
    return list(changes_of(ROOT, sorted(file for rule in RULES for file in ROOT.glob(rule))))


def seen_by(tree: Path, folders: Sequence[str]) -> Seen:
    """Which tests in these folders run which lines of the rules; nothing if one of them fails."""
    data = tree / f"{folders[0].rpartition('/')[2]}.coverage"
    measured = ("--cov=reconcile", "--cov=sync/writes", "--cov-context=test", "--cov-report=")
    done = tested(tree, *LEAN, *measured, *folders, seconds=ALL_SECONDS, COVERAGE_FILE=str(data))
    if done.returncode:
        say(f"{' '.join(folders)} ended with {done.returncode} without any change\n{done.stdout[-2000:]}{done.stderr}")
        return {}
    return read_seen(data, tree)


def read_seen(data: Path, tree: Path) -> Seen:
    """What coverage wrote down while tests ran in `tree`."""
    read = CoverageData(str(data))
    read.read()
    return {
        str(Path(file).relative_to(tree)): {
            line: frozenset(context.rpartition("|")[0] for context in contexts)
            for line, contexts in read.contexts_by_lineno(file).items()
        }
        for file in read.measured_files()
    }


def that_run(change: Change, seen: Seen) -> list[str]:
    """The tests that may notice a change: those that run its statement, or anything of its module if all import it."""
    lines = seen.get(change.path, {})
    running = frozenset[str]().union(*(lines.get(line, frozenset()) for line in change.lines))
    if "" in running:
        running = frozenset[str]().union(*lines.values())
    # A rule's own tests first: they are the quickest, and stand in the first folder.
    return sorted(running - {""}, key=lambda test: (not test.startswith(NEAR[0]), test))


def judged(sample: Sequence[Change], rings: Sequence[tuple[int, Seen]], at_once: int) -> list[Verdict]:
    """Try each, in as many trees as are worked in at once."""
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for _ in range(at_once):
            tree = stack.enter_context(copied())
            # What it compiles here serves every change: none of them leaves a compiled form behind.
            if not found(tree, sorted({test for _, seen in rings for test in every_test(seen)})):
                raise ValueError("a test that ran cannot be named: what it notices would be no verdict")
            trees.put(tree)

        def judge(change: Change) -> Verdict:
            tree = trees.get()
            try:
                return tried(change, tree, rings)
            finally:
                trees.put(tree)

        verdicts = []
        for place, verdict in enumerate(pool.map(judge, sample), 1):
            verdicts.append(verdict)
            say(f"{place:4} {verdict.outcome:9} {verdict.tried:5} tests  {told(verdict.change)}")
        return verdicts


def tried(change: Change, tree: Path, rings: Sequence[tuple[int, Seen]]) -> Verdict:
    """Plant it and run what may notice, ring by ring, until a test does; then put back what was there."""
    file = tree / change.path
    before, stat = file.read_text(), file.stat()
    count, outcome = 0, SURVIVED
    try:
        file.write_text(change.make())
        for seconds, seen in rings:
            tests = that_run(change, seen)
            count += len(tests)
            outcome = noticed(tree, tests, seconds) if tests else SURVIVED
            if outcome != SURVIVED:
                break
    finally:
        file.write_text(before)
        # As old as its compiled form, which is that of the file without the change.
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return Verdict(change, outcome, count)


def every_test(seen: Seen) -> frozenset[str]:
    """All tests that run anything of the rules."""
    return frozenset[str]().union(*(tests for lines in seen.values() for tests in lines.values())) - {""}


def found(tree: Path, tests: Sequence[str]) -> bool:
    """Whether pytest knows them all by these names."""
    (tree / CHOSEN).write_text("\n".join(tests))
    return tested(tree, *LEAN, "--collect-only", f"@{CHOSEN}", seconds=ALL_SECONDS).returncode == 0


def noticed(tree: Path, tests: Sequence[str], seconds: int) -> str:
    """Whether one of them fails: also one that does not even begin, since all did without the change."""
    (tree / CHOSEN).write_text("\n".join(tests))
    done = tested(tree, *LEAN, "-x", f"@{CHOSEN}", seconds=seconds, PYTHONDONTWRITEBYTECODE="1")
    if done.returncode == TIMED_OUT:
        return TIMEOUT
    return KILLED if done.returncode else SURVIVED


def told(change: Change) -> str:
    """A change in one line."""
    old, new = (" ".join(words.split())[:60] for words in (change.old, change.new))
    return f"{change.path}:{change.lines[0]}  {old} → {new}"


def report(verdicts: Iterable[Verdict]) -> None:
    """What became of them by module, and what survived as diffs."""
    ordered = sorted(verdicts, key=lambda verdict: (verdict.change.path, verdict.change.lines[0]))
    say(f"\n{'module':34} {KILLED:>9} {SURVIVED:>9} {TIMEOUT:>9}")
    total: Counter[str] = Counter()
    for path, group in itertools.groupby(ordered, key=lambda verdict: verdict.change.path):
        counts = Counter(verdict.outcome for verdict in group)
        total += counts
        say(row(path, counts))
    say(row("all", total))
    survived = [verdict.change for verdict in ordered if verdict.outcome == SURVIVED]
    listed = FOLDER / "survivors.diff"
    listed.write_text("\n\n".join(change.diff((ROOT / change.path).read_text()) for change in survived) + "\n")
    say(f"\n{len(survived)} survived: {listed.relative_to(ROOT)}")


def row(name: str, counts: Mapping[str, int]) -> str:
    """A line of the table."""
    return f"{name:34} {counts.get(KILLED, 0):9} {counts.get(SURVIVED, 0):9} {counts.get(TIMEOUT, 0):9}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
