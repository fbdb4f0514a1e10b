"""Where the worlds of one process lie, one after the other."""

from dataclasses import dataclass
from pathlib import Path

from storage.database import Database
from tests.unit.ports import FakeClock


@dataclass
class Place:
    """A database's file and its clock, used by one world after the other."""

    path: Path
    database: Database
    clock: FakeClock
    empty: bytes

    def keep(self) -> None:
        """As it is now, it is at the beginning of time."""
        self.database.close()
        self.empty = self.path.read_bytes()

    def clear(self) -> None:
        """As it was at the beginning of time."""
        self.database.close()
        for end in ("-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.path.write_bytes(self.empty)
        self.clock.begin_again()
