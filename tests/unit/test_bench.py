"""What the bench computes: a wrong figure would be believed."""

import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.models import Connection, Copy, Event, Operation, Pair, PlannedDuty, Step, SyncState
from tests.bench import answering, rounds
from tests.bench.counting import counted
from tests.bench.deliveries import events
from tests.bench.filling import history, idle_connections
from tests.bench.growth import _row
from tests.bench.open_loop import Sent, send
from tests.bench.percentiles import percentile

SECONDS = 10.0
NOW = datetime(2026, 11, 20, 14, 13, 20, tzinfo=UTC)


# --- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "percent", "found"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (100, 50, 50), (100, 99, 99), (1000, 99, 990), (101, 99, 100), (10, 100, 10)],
)
def test_a_percentile_is_the_nearest_rank(count: int, percent: float, found: float) -> None:
    assert percentile(list(range(count, 0, -1)), percent) == found


def test_of_nothing_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)


def test_a_row_is_in_milliseconds_and_counts_what_failed() -> None:
    sent = Sent([0.001] * 98 + [0.2, 0.5], failed=["503"])
    assert sent.row() == {"p50": 1.0, "p99": 200.0, "max": 500.0, "sent": 100, "failed": 1}


def test_growth_is_what_many_take_of_few() -> None:
    row = _row((0.010, 0.020), (0.012, 0.010))
    assert row == pytest.approx({"few": 10.0, "many": 12.0, "ratio": 1.2, "goal": 1.2, "passed": 0.5})


def test_a_row_without_a_goal_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rounds, "FOLDER", tmp_path)
    rounds.show("part", "what", {"one": [{"cpu": 1.5, "goal": rounds.NO_GOAL}]}, {"cpu": "ms", "goal": "goal"})
    assert "| one | 1.50 | – |" in capsys.readouterr().out
    assert json.loads((tmp_path / "part.json").read_text())["medians"]["one"]["cpu"] == 1.5


def test_what_was_taken_and_is_nowhere_ends_the_bench() -> None:
    answering._check({"a", "b"}, {"a", "b", "c"})
    with pytest.raises(SystemExit, match="1 of 2 events"):
        answering._check({"a", "b"}, {"a", "c"})


# --- the open loop -------------------------------------------------------------------------------


class Hanging(BaseHTTPRequestHandler):
    """Answers none of the first ten before twenty have come, and every fifth one with 503."""

    protocol_version = "HTTP/1.1"
    came: "itertools.count[int]"
    enough: threading.Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        number = next(Hanging.came)
        if number == 20:
            Hanging.enough.set()
        if number <= 10:
            Hanging.enough.wait(SECONDS)
        self.send_response(503 if number % 5 == 0 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_said: object) -> None:
        """Nothing."""


@pytest.fixture
def hanging() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    Hanging.came, Hanging.enough = itertools.count(1), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_hangs_is_sent_as_much_and_each_wait_counts_from_its_schedule(hanging: str) -> None:
    sent = send(hanging, "token", lambda: events(1), 40.0, 1.0)
    assert Hanging.enough.is_set()
    assert len(sent.seconds) == 40
    # The twentieth is due 0.475 s after the first, which waits for it.
    assert 0.4 < max(sent.seconds) < SECONDS
    assert sum(each > 0.2 for each in sent.seconds) >= 10
    assert sent.failed == ["503"] * 8
    assert len(sent.taken) == 32


def test_where_nobody_listens_every_delivery_has_failed() -> None:
    sent = send("http://127.0.0.1:1", "token", lambda: events(1), 100.0, 0.1)
    assert (sent.failed, sent.taken) == (["ConnectionRefusedError"] * 10, set())


# --- filled tables -------------------------------------------------------------------------------


def test_a_history_has_as_many_rows_as_were_asked_for_up_to_its_end(database: Database) -> None:
    with database.transaction() as session:
        connection = Connection(id="c", account_id="a", realm_id="r", created_at=NOW, cdc_watermark=NOW)
        session.add(connection)
    history(database, connection, events=20_000, pairs=2_500, ends=NOW)
    with database.reading() as session:
        counts = {
            model: session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()
            for model in (Copy, Pair, SyncState, Event, Step, Operation)
        }
        first, last, subjects = session.execute(
            sa.select(
                sa.func.min(Event.occurred_at),
                sa.func.max(Event.occurred_at),
                sa.func.count(sa.distinct(Event.subject)),
            )
        ).one()
        loose = sa.select(Event).where(~sa.exists().where(Pair.ravetree_id == Event.subject))
        assert session.execute(loose).first() is None
    assert counts == {Copy: 5_000, Pair: 2_500, SyncState: 2_500, Event: 20_000, Step: 4_000, Operation: 4_000}
    assert subjects == 2_500
    assert first is not None
    assert last is not None
    assert NOW - timedelta(days=60) < first <= NOW - timedelta(days=57)
    assert NOW - timedelta(days=3) <= last < NOW


def test_idle_connections_have_every_duty_planned(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    idle_connections(database, 2_100, {"created_at": NOW, "cdc_watermark": NOW}, {"events": later, "cdc": later})
    with database.reading() as session:
        assert session.execute(sa.select(sa.func.count(sa.distinct(Connection.realm_id)))).scalar_one() == 2_100
        planned = (
            sa.select(PlannedDuty.duty, sa.func.count()).where(PlannedDuty.due_at == later).group_by(PlannedDuty.duty)
        )
        assert sorted(map(tuple, session.execute(planned))) == [("cdc", 2_100), ("events", 2_100)]


def test_transactions_and_statements_are_counted_while_the_block_lasts(database: Database) -> None:
    with counted(database.engine) as taken:
        for _ in range(2):
            with database.transaction() as session:
                session.execute(sa.text("SELECT 1"))
                session.execute(sa.text("SELECT 2"))
    database.check()
    assert (taken.transactions, taken.statements) == (2, 4)
    assert taken.passed > 0
