"""The two neighbours of one connection, ready to be called by one worker thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from clients.quickbooks.company import Company
from clients.ravetree.account import Account
from storage.models import Connection


@dataclass(frozen=True)
class Neighbours:
    """QuickBooks' company and Ravetree's account of a connection."""

    quickbooks: Company
    ravetree: Account


class NeighboursOf(Protocol):
    """Opens the neighbours of a connection for the calling thread; `before_a_call` is called before each request."""

    def __call__(self, connection: Connection, before_a_call: Callable[[], object] = lambda: None) -> Neighbours: ...
