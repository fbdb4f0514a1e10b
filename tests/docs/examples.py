"""The commands in a document, and what it says that they print.

A document says it in two ways: `# → text` at the end of a command, or a fenced block of the language `text` right
behind the block that ends with the command. `…` stands for what is other each time: ids, times, addresses.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```(\w*)$")
_PRINTS = re.compile(r"\s+# → (.+)$")
_SPAN = re.compile(r"`(?:\.venv/bin/)?(ravebooks [^`]+)`")
_ELLIPSIS = "…"


@dataclass(frozen=True)
class Block:
    """A block of code with its language; an indented one has none."""

    section: str
    language: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A whole command, the section that it stands in, and what it prints, if the document says so."""

    section: str
    command: str
    prints: str | None = None


def blocks(document: Path) -> list[Block]:
    """Every block of code, in order."""
    found: list[Block] = []
    section, language, lines = "", None, list[str]()
    for line in [*document.read_text().splitlines(), ""]:
        fence, indented = _FENCE.match(line), line.startswith("    ")
        if language is not None and (fence if language else not indented):
            found.append(Block(section, language, tuple(lines)))
            if language:
                fence = None
            language, lines = None, []
        elif language is not None:
            lines.append(line if language else line[4:])
            continue
        if fence:
            language = fence.group(1) or "none"
        elif indented:
            language, lines = "", [line[4:]]
        elif line.startswith("#"):
            section = line.lstrip("# ")
    return found


def examples(document: Path, language: str) -> list[Example]:
    """The commands of every block of a language, with what is printed."""
    found: list[Example] = []
    before: Block | None = None
    for block in blocks(document):
        if block.language == "text" and before is not None and before.language == language:
            found[-1] = replace(found[-1], prints="\n".join(block.lines))
        elif block.language == language:
            found += [_example(block.section, command) for command in commands(block.lines)]
        before = block
    return found


def _example(section: str, command: str) -> Example:
    said = _PRINTS.search(command)
    return Example(section, command[: said.start()], said.group(1)) if said else Example(section, command)


def commands(lines: tuple[str, ...]) -> Iterator[str]:
    """Lines joined to whole commands, as bash reads them."""
    taken = ""
    for line in lines:
        taken = f"{taken}\n{line}" if taken else line
        if taken.strip() and not taken.endswith("\\") and _is_whole(taken):
            yield taken
            taken = ""
    assert not taken.strip(), f"no whole command: {taken}"


def _is_whole(text: str) -> bool:
    done = subprocess.run(["/bin/bash", "-n"], input=text, text=True, capture_output=True, check=False)
    return done.returncode == 0 and "here-document" not in done.stderr


def fits(printed: str, said: str) -> bool:
    """Whether something printed is what a document says, whatever stands for `…`; line ends do not count."""
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    pattern = ".*".join(re.escape(part) for part in said.strip().split(_ELLIPSIS))
    return re.fullmatch(pattern, lines, re.DOTALL) is not None


def named(document: Path) -> Iterator[str]:
    """Every command of ours that a document names, in its text and its blocks, without what is left out in it."""
    spans = [span for line in document.read_text().splitlines() for span in _SPAN.findall(line)]
    typed = [line.strip().removeprefix(".venv/bin/") for block in blocks(document) for line in block.lines]
    yield from (*spans, *(line for line in typed if line.startswith("ravebooks ")))


def words(command: str) -> list[str]:
    """The words of a command as the shell would make them, without its comment."""
    return shlex.split(command, comments=True)
