"""How a process that works begins."""

from datetime import timedelta

from ravebooks.bootstrap import Parts
from ravebooks.process import Process
from storage import connections, duties
from sync.duties import EVENTS
from tests.unit.ravebooks.conftest import CONNECTION


def test_a_process_looks_at_ravetrees_events_and_tries_what_stalled_at_once(parts: Parts) -> None:
    """What happened while nobody ran is in no webhook, and a program that starts may be a newer one."""
    now = parts.clock.now()
    with parts.database.transaction() as session:
        connection = connections.get(session, CONNECTION)
        connection.state = connections.PAUSED
        connection.retry_at = now + timedelta(minutes=4)
        duties.schedule(session, CONNECTION, EVENTS.name, now + timedelta(minutes=4))
    process = Process(parts)
    process.work()
    process._threads[0].join(10)
    with parts.database.transaction() as session:
        assert duties.planned(session, CONNECTION)[EVENTS.name] < now + timedelta(minutes=1)
        assert connections.get(session, CONNECTION).retry_at is None
    process.drain()
