"""A process and all its descendants, whatever sessions and groups they have put themselves into."""

import os
import signal
from pathlib import Path

_PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(entry), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Signals those that still live."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    fields = _stat(_PROC / str(pid))
    return fields is not None and fields[0] != "Z"


def processor_seconds(pid: int) -> float:
    """How much of the processor it has used, in and for the kernel too."""
    fields = _stat(_PROC / str(pid))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def stands_still(pid: int) -> bool:
    """Whether no thread of it runs any more; a signal to stop reaches them one by one."""
    threads = (_stat(thread) for thread in (_PROC / str(pid) / "task").glob("*"))
    return all(fields is None or fields[0] in "TtZ" for fields in threads)


def _parent(entry: Path) -> int:
    fields = _stat(entry)
    return int(fields[1]) if fields else 0


def _stat(entry: Path) -> list[str] | None:
    """State, parent and so on: what follows the program's name, which may hold anything."""
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
