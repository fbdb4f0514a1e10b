"""Every call that reaches the outside is passed at a crash point: a new one without a test of its death fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.covered import ANY_CALL, CALLS, HTTP_CALL, LIBRARIES, OF_OTHERS
from tests.chaos.points import BOUNDARIES, BY_NAME

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("clients", "config", "console", "consumers", "publishers", "ravebooks"),
    *("reconcile", "schemas", "storage", "sync", "webhooks"),
)


def modules() -> Iterator[tuple[str, str]]:
    """The product's own, but for the steps of migrations, which reach what `env.py` has opened."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.parent.name != "versions":
                yield str(path.relative_to(ROOT)), path.read_text()


def imported(module: ast.Module) -> set[str]:
    """What a module imports, and all that those names are below."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(name.split(".")[: end + 1]) for name in names for end in range(name.count(".") + 1)}


def reaching(source: str) -> set[str]:
    """The calls of a module that reach the outside."""
    module = ast.parse(source)
    calls = {ast.unparse(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}
    found = {call for call in calls if ANY_CALL.search(call)}
    if imported(module) & {"requests", "requests_oauthlib", "clients.http.open_session"}:
        found |= {call for call in calls if HTTP_CALL.search(call)}
    return found


def test_every_call_that_reaches_the_outside_has_a_crash_point() -> None:
    found = {f"{path} {call}" for path, source in modules() for call in reaching(source)}
    assert sorted(found - CALLS.keys()) == [], "without a crash point: add a boundary to tests/chaos/points.py"
    assert sorted(CALLS.keys() - found) == [], "there is no such call any more"


def test_every_module_that_knows_a_library_of_input_and_output_is_looked_at() -> None:
    knowing = {path for path, source in modules() if imported(ast.parse(source)) & LIBRARIES}
    looked_at = {call.partition(" ")[0] for call in CALLS} | OF_OTHERS.keys()
    assert sorted(knowing - looked_at) == []
    assert sorted(OF_OTHERS.keys() - knowing) == []


def test_every_boundary_stands_for_a_call() -> None:
    named = {name for covered in CALLS.values() if isinstance(covered, tuple) for name in covered}
    assert sorted(named - BY_NAME.keys()) == []
    assert sorted(BY_NAME.keys() - named) == []
    assert len(BY_NAME) == len(BOUNDARIES)


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("def handle(message):\n    message.ack()", "message.ack"),
        ("import requests\nrequests.post('https://elsewhere.example')", "requests.post"),
        ("from clients.http import open_session\nwith open_session() as session:\n    session.put('')", "session.put"),
        ("import socket\nsocket.create_connection(('elsewhere.example', 1))", "socket.create_connection"),
        ("with engine.begin() as connection:\n    pass", "engine.begin"),
        ("channel.basic_publish('', 'queue', b'')", "channel.basic_publish"),
        ("smtplib.SMTP('elsewhere.example').send_message(None)", "smtplib.SMTP"),
    ],
)
def test_a_call_that_reaches_the_outside_is_found(source: str, call: str) -> None:
    assert call in reaching(source)


def test_a_call_that_reaches_nobody_is_not_found() -> None:
    assert reaching("session.get(Connection, 1)\nsessions.begin(user)\nself.commit()\nself.publish(message)") == set()
