"""Planted defects as they are kept: a patch each, whose header says what it breaks and which tests must fail."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mutant:
    """One planted defect. `tests` are pytest's node ids, each of which must fail; or `harmless` says why none does."""

    path: Path
    breaks: str
    tests: tuple[str, ...]
    harmless: str

    @property
    def name(self) -> str:
        return self.path.stem


def load(path: Path) -> Mutant:
    """Read a patch's header: the lines `Breaks:`, `Test:` (any number) and `Harmless:` before the first file."""
    header = path.read_text().partition("\ndiff --git ")[0]
    lines = [line.partition(": ") for line in header.splitlines() if line]
    said = [(name, text.strip()) for name, _, text in lines]
    tests = tuple(text for name, text in said if name == "Test")
    found = dict(said)
    mutant = Mutant(path, found.get("Breaks", ""), tests, found.get("Harmless", ""))
    if not mutant.breaks or bool(tests) == bool(mutant.harmless) or found.keys() - {"Breaks", "Test", "Harmless"}:
        raise ValueError(f"{path.name}: its header is `Breaks: …`, then `Test: …` for each test, or `Harmless: …`")
    return mutant


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
