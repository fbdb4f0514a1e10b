"""The two neighbours of one connection, ready to be called by one worker thread."""

from dataclasses import dataclass
from typing import Protocol

from clients.quickbooks.company import Company
from clients.ravetree.account import Account


@dataclass(frozen=True)
class Neighbours:
    """QuickBooks' company and Ravetree's account of a connection."""

    quickbooks: Company
    ravetree: Account


class NeighboursOf(Protocol):
    """Opens the neighbours of a connection for the calling thread."""

    def __call__(self, connection_id: str) -> Neighbours: ...
