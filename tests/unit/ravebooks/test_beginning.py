"""How a process that works begins."""

import dataclasses
import urllib.request
from datetime import timedelta

from flask import Flask, request

from ravebooks.bootstrap import Parts
from ravebooks.process import Process
from ravebooks.serving.listening import listen, port_of
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


def test_the_setting_says_how_many_proxies_are_believed(parts: Parts) -> None:
    app = Flask("tests")
    app.add_url_rule("/who", "who", view_func=lambda: request.remote_addr or "")
    parts.settings = dataclasses.replace(parts.settings, trusted_proxies=1)
    process, listening = Process(parts), listen("127.0.0.1", 0, "PORT")
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port_of(listening)}/who", headers={"X-Forwarded-For": "192.0.2.1, 203.0.113.9"}
    )
    process.serve(app, listening)
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own server
        assert answer.read() == b"203.0.113.9"
    process.drain()
