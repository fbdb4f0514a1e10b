"""How a connection is shown to people."""

from storage import connections
from storage.models import Connection
from tests.unit.ports import START


def test_a_connection_that_gets_no_further_is_shown_so_also_while_it_verifies() -> None:
    """It would verify for ever, and "nothing to do" would be a lie."""
    stuck = Connection(state=connections.ACTIVE, verify_since=START, pause_cause="", pause_remedy="")
    assert connections.condition(stuck).state == connections.VERIFYING
    stuck.stalled_since, stuck.stall_cause, stuck.stall_remedy = START, "It fails.", "Report it."
    assert connections.condition(stuck) == connections.Condition(connections.STALLED, "It fails.", "Report it.")
