"""Puts the parts together. Nothing connects here: each part does so when it is first used."""

from functools import cached_property

from ravebooks.parts.console import ConsoleParts
from ravebooks.parts.consuming import ConsumingParts
from ravebooks.parts.neighbours import NeighbourParts
from ravebooks.parts.operating import OperatingParts
from ravebooks.parts.publishing import PublishingParts
from ravebooks.parts.shared import SharedParts


class Parts(SharedParts):
    """Every part of one process: those that all stand on, and the others by what they are for."""

    @cached_property
    def neighbours(self) -> NeighbourParts:
        return NeighbourParts(self)

    @cached_property
    def consuming(self) -> ConsumingParts:
        return ConsumingParts(self, self.neighbours)

    @cached_property
    def publishing(self) -> PublishingParts:
        return PublishingParts(self, self.consuming)

    @cached_property
    def console(self) -> ConsoleParts:
        return ConsoleParts(self, self.neighbours, self.publishing)

    @cached_property
    def operating(self) -> OperatingParts:
        return OperatingParts(self, self.publishing, self.console)

    def close(self) -> None:
        """Give back what was opened."""
        if "operating" in self.__dict__:
            self.operating.close()
        if "publishing" in self.__dict__:
            self.publishing.close()
        if "database" in self.__dict__:
            self.database.close()
