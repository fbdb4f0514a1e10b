"""The worlds of the simulation, in which each question is asked and answered."""

from tests.simulation.conftest import paired, pytest_collection_finish, world

__all__ = ["paired", "pytest_collection_finish", "world"]
