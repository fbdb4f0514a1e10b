"""A Ravetree to run against: the contract's API, a user's side, events, and faults on order."""

from sandbox.ravetree.server import RavetreeSandbox

__all__ = ["RavetreeSandbox"]
