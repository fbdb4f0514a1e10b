"""Test the tests: plant each kept defect in a copy of the checkout, where the tests that it names must fail.

Usage: python -m tests.mutants [WORD…]   with words, only the defects whose name has one of them in it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants import patches
from tests.mutants.patches import ROOT, Mutant

AT_ONCE = 2
TEST_SECONDS = 240
ALL_SECONDS = 1800
TEST_BYTES = 8 * 1024**3
"""Of address space, for each process: RabbitMQ's reserves some gigabytes."""
PASSED, FAILED, UNCLEAR = "passed", "failed", "unclear"
"""What a run says of its tests: unclear when there was none, it took too long, or an error kept one from beginning."""
KILLED = "killed"
OUTSIDE = ("CI", "BUILD_NUMBER", "RAVEBOOKS_")
"""Variables of the caller, by their beginnings, that are not the tests'."""


def main(words: Sequence[str]) -> int:
    """Say of each defect what became of it; 1 if one was not noticed."""
    chosen = [m for m in patches.every() if not words or any(word in m.name for word in words)]
    named = sorted({test for mutant in chosen for test in mutant.tests})
    say(f"{len(chosen)} defects, {len(named)} tests: first without any …")
    with copied() as tree:
        fit = run(tree, "-n", str(AT_ONCE), *named, seconds=ALL_SECONDS) == PASSED
    if not fit:
        say("These tests do not pass without any defect: a verdict below may be theirs.")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = []
        for mutant, verdict in zip(chosen, pool.map(judge, chosen), strict=True):
            say(f"{mutant.name:31} {verdict:14} {mutant.breaks}")
            for line in mutant.tests:
                say(f"{'':46} {line}")
            verdicts.append(verdict)
    killed = verdicts.count(KILLED)
    say(f"{killed} of {len(verdicts)} killed")
    return int(not fit or not verdicts or killed < len(verdicts))


def judge(mutant: Mutant) -> str:
    """What becomes of a defect: killed when every test that it names fails."""
    with copied() as tree:
        if patches.apply(mutant, tree):
            return "DOES NOT APPLY"
        said = {run(tree, "-x", test) for test in mutant.tests}
    if said == {FAILED}:
        return KILLED
    return "SURVIVED" if PASSED in said else "NO VERDICT"


def run(tree: Path, *words: str, seconds: int = TEST_SECONDS) -> str:
    """What pytest says of tests in `tree`, in bounds of time and memory. Ours is imported from `tree` alone."""
    done = tested(tree, *words, seconds=seconds)
    summary = "".join(re.findall(r"^\d+ (?:failed|passed|error).* in [\d.]+s", done.stdout, re.MULTILINE)[-1:])
    if done.returncode == 0:
        return PASSED
    if done.returncode == 1 and " failed" in summary and " error" not in summary:
        return FAILED
    say(f"--- {' '.join(words)[:200]} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return UNCLEAR


def tested(tree: Path, *words: str, seconds: int, **more: str) -> subprocess.CompletedProcess[str]:
    """Run pytest so, with `more` variables in its environment; `timeout` ends it with 124."""
    bounds = ["timeout", "--kill-after=10", str(seconds), "prlimit", f"--as={TEST_BYTES}"]
    command = [*bounds, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", *words]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    variables |= {"PYTHONPATH": str(tree), **more}
    return subprocess.run(  # noqa: S603 - pytest on tests that stand in this checkout
        command, cwd=tree, env=variables, capture_output=True, text=True, check=False
    )


def say(line: str) -> None:
    """For whoever waits: a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def copied() -> Iterator[Path]:
    """The checkout as it is, what is not committed yet too, in a folder of its own with this environment."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - git
    names = listed.stdout.split("\0")
    with TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        for name in names:
            if name and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        (tree / ".venv").symlink_to(Path(sys.prefix))
        yield tree


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
