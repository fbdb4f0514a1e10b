"""A Ravetree to run against: the contract's API, a user's side, events, and faults on order."""

from ravetree_sandbox.organisations import Organisations
from ravetree_sandbox.server import RavetreeSandbox, create_app

__all__ = ["Organisations", "RavetreeSandbox", "create_app"]
