"""Random people, chosen by Hypothesis: switches, faults, delays, repetitions, on any answer of QuickBooks."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ravebooks.demo.sides import SideError
from tests.simulation.people import People, check
from tests.simulation.test_unconfirmed_answers import ANSWERS
from tests.simulation.world import World

CHANCE = settings(
    max_examples=5,
    stateful_step_count=30,
    deadline=None,
    # A run that fails is short enough to read; finding a shorter one takes far longer than reading it.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


class Office(RuleBasedStateMachine):
    """A company at work: any act at any moment, letters in any order, and in the end both books agree."""

    @staticmethod
    def new_database() -> str:
        """Where our books are: a file of the world's own."""
        return ""

    @initialize(answer=st.sampled_from([{}, *ANSWERS]), seed=st.integers(0, 2**32))
    def open(self, answer: dict[str, Any], seed: int) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.world = World(Path(self._directory.name), seed, database_url=self.new_database())
        if answer:
            self.world.quickbooks.steer("switches", answer)
        self.answer = answer
        self.people = People(self.world, seed)

    @rule(count=st.integers(2, 6))
    def people_act_at_once(self, count: int) -> None:
        for _ in range(count):
            self.people.act()

    @rule(count=st.integers(2, 6))
    def people_act_one_after_the_other(self, count: int) -> None:
        for _ in range(count):
            self.people.act()
            self.people.time_passes()

    @rule(payments=st.integers(1, 4))
    def money_comes_and_goes(self, payments: int) -> None:
        """What can be lost or doubled is what happens most."""
        self.people.time_passes()
        for _ in range(payments):
            self.people.act_with_money()

    @rule(on=st.booleans())
    def estimates_are_switched(self, on: bool) -> None:
        self._api("switches", {"estimates": on})

    @rule()
    def the_connection_rests(self) -> None:
        for verb in ("pause", "resume"):
            self.world.api("POST", f"/api/connections/{self.world.connection_id}/{verb}", {})
            self.people.time_passes()

    @rule()
    def everything_rests(self) -> None:
        for verb in ("pause", "resume"):
            self.world.api("POST", f"/api/{verb}", {})
            self.people.time_passes()

    @rule()
    def older_ones_are_asked_for(self) -> None:
        if not self.world.connection()["work"]["jobs"]:
            self.world.api(
                "POST",
                f"/api/connections/{self.world.connection_id}/jobs",
                {"kinds": ["invoice", "estimate"], "by": "Kim"},
            )

    def _api(self, path: str, body: dict[str, Any]) -> None:
        self.world.api("PUT", f"/api/connections/{self.world.connection_id}/{path}", body)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._api("switches", {"estimates": True})
            self.people.go_home()
            self.older_ones_are_asked_for()
            self.world.settle()
            check(self.world, self.answer)
        except SideError as error:
            raise AssertionError("a side refused what the end needs") from error
        finally:
            self.world.close()
            self._directory.cleanup()


@pytest.mark.thorough
def test_whatever_people_do_both_books_agree_or_a_person_is_asked() -> None:
    run_state_machine_as_test(Office, settings=CHANCE)
