"""Which documents of QuickBooks have a number, and whether it takes numbers as they are given: asked once a slice."""

from collections.abc import Iterable

from clients.quickbooks.company import quoted
from reconcile.model import Kind
from schemas.quickbooks import Body
from sync.entities import ENTITIES
from sync.slice import Slice


class DocumentNumbers:
    """QuickBooks' documents by their numbers. `are_kept` is None until it was asked."""

    def __init__(self, work: Slice, known: dict[tuple[Kind, str], list[Body]] | None) -> None:
        self._slice = work
        self.known = dict(known or {})
        self.are_kept: bool | None = None

    def look_whether_kept(self) -> None:
        """Whether custom transaction numbers are on. One metered read."""
        preferences = self._slice.neighbours.quickbooks.get("preferences")
        self.are_kept = bool(preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers"))

    def look_up(self, kind: Kind, numbers: Iterable[str]) -> None:
        """Which documents of QuickBooks have these numbers: one read for all of them, good for this slice."""
        wanted = [number for number in dict.fromkeys(numbers) if (kind, number) not in self.known]
        if not wanted:
            return
        spelled = ", ".join(quoted(number) for number in wanted)
        with self._slice.neighbours.quickbooks.because("number lookup"):
            found = self._slice.neighbours.quickbooks.query(ENTITIES[kind], f"DocNumber in ({spelled})")
        for number in wanted:
            self.known[kind, number] = []
        for raw in found:
            self.known.setdefault((kind, str(raw.get("DocNumber", ""))), []).append(raw)

    def holders(self, kind: Kind, number: str) -> list[Body]:
        """The documents of QuickBooks with this number."""
        self.look_up(kind, [number])
        return self.known[kind, number]

    def forget(self, kind: Kind, *numbers: str) -> None:
        """They have just been given to documents of ours, or taken from them."""
        for number in numbers:
            self.known.pop((kind, number), None)
