"""The simulated world, in which Ravetree is the sandbox."""

from tests.simulation.conftest import pytest_collection_finish, world

__all__ = ["pytest_collection_finish", "world"]
