"""A database that hangs says nothing, not even that it is down."""

import threading
import time
from datetime import UTC, datetime

import pytest

from config.ports import SystemClock
from publishers.confirms import ConfirmedPublisher
from publishers.deliveries import BrokerPublisher
from publishers.publisher import NothingTakesIt
from reconcile.model import Side
from schemas.envelopes import Delivery, Envelope
from storage import migrations
from storage.database import Database
from tests.services.ports import free_ports
from tests.services.postgresql import PostgreSQL

NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


def test_with_the_broker_down_and_the_database_hanging_the_sender_is_told_in_time(postgresql: PostgreSQL) -> None:
    """QuickBooks waits three seconds, and a hung thread of the web answers nobody else."""
    database = Database(postgresql.new_database(), SystemClock())
    migrations.upgrade(database)
    confirmed = ConfirmedPublisher(f"amqp://guest:guest@127.0.0.1:{free_ports(1)[0]}/")
    publisher = BrokerPublisher(confirmed, database, SystemClock(), 1.0)
    event = Envelope("e1", "invoice.updated", "1", NOW)
    postgresql.pause()
    late = threading.Timer(10, postgresql.resume)
    late.start()
    try:
        begun = time.monotonic()
        with pytest.raises(NothingTakesIt):
            publisher.publish([Delivery("d", Side.QUICKBOOKS, "r1", NOW, (event,))])
        assert time.monotonic() - begun < 3
    finally:
        late.cancel()
        postgresql.resume()
        confirmed.stop()
        # The write that hung ends now, and gives its connection back before the pool is closed.
        for thread in threading.enumerate():
            if thread.name == "outbox":
                thread.join(20)
        database.close()
