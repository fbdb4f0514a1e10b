"""The worlds of the simulation, in which each question is asked and answered."""

from tests.simulation.conftest import pytest_collection_finish, world

__all__ = ["pytest_collection_finish", "world"]
