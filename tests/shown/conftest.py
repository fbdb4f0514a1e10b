"""The simulated world, for what is shown in it."""

from tests.simulation.conftest import world

__all__ = ["world"]
