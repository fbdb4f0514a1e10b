"""Planted defects as they are kept: a patch each, whose header says what it breaks and which tests must fail."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mutant:
    """One planted defect. `tests` are pytest's node ids, each of which must fail with it."""

    path: Path
    breaks: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem


def load(path: Path) -> Mutant:
    """Read a patch's header: `Breaks: …` and a line `Test: …` for each test, before the first file."""
    header = path.read_text().partition("\ndiff --git ")[0].strip()
    breaks, *tests = [line.partition(": ") for line in header.splitlines() or [""]]
    if breaks[0] != "Breaks" or not tests or any(name != "Test" for name, _, _ in tests):
        raise ValueError(f"{path.name}: its header is `Breaks: …`, then `Test: …` for each test that must fail")
    return Mutant(path, breaks[2], tuple(test for _, _, test in tests))


def every() -> list[Mutant]:
    """All planted defects by name."""
    return [load(path) for path in sorted(FOLDER.glob("*.patch"))]


def apply(mutant: Mutant, tree: Path, *, check: bool = False) -> str:
    """Plant it in `tree`, or only `check` that it could be; returns what git has against it."""
    command = ["git", "apply", "--whitespace=nowarn", *(["--check"] if check else []), str(mutant.path)]
    # A folder that happens to lie in somebody else's repository is none of that one's.
    variables = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(command, cwd=tree, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - git
    return done.stderr.strip()
