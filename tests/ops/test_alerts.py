"""Prometheus on web, worker and sweeper: every board's and rule's query answers, every alert fires and is over."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.ports import SystemClock
from storage import brakes, dead_letters, models, parity
from storage.database import Database
from storage.models import Connection, MeteredReads, Operation, PendingChange, PlannedDuty, RunningProcess, SyncState
from tests.integration.installed import Installed
from tests.integration.system import until
from tests.ops.prometheus import BOARDS, ROOT, RULES, Prometheus

MINUTES = timedelta(minutes=1)
SECONDS = 120.0


def names() -> list[str]:
    """Every alert that there is."""
    return re.findall(r"- alert: (\w+)", RULES.read_text())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    made = Installed(Path(tmp_path_factory.mktemp("processes")))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def prometheus(installed: Installed) -> Iterator[Prometheus]:
    made = Prometheus(installed.ports)
    yield made
    made.close()


@pytest.fixture(scope="module")
def database(installed: Installed) -> Iterator[Database]:
    url = installed.environment["RAVEBOOKS_DATABASE_URL"]
    made = Database(url.replace("postgresql://", "postgresql+psycopg://"), SystemClock())
    yield made
    made.close()


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """The alerts that were seen to fire, and to be over."""
    return set()


def answered(prometheus: Prometheus, queries: list[str]) -> None:
    """Each of them has data by now."""
    deadline = time.monotonic() + SECONDS / 4
    until(lambda: all(map(prometheus.ask, queries)) or time.monotonic() > deadline, 2 * SECONDS)
    assert [query for query in queries if not prometheus.ask(query)] == []


def check(prometheus: Prometheus, seen: set[str], wanted: set[str], mend: Any) -> None:
    """These fire by now; once mended they do not any more."""
    until(lambda: wanted <= prometheus.firing(), SECONDS, f"{wanted} do not all fire")
    mend()
    until(lambda: not wanted & prometheus.firing(), SECONDS, f"{wanted} are not all over")
    seen |= wanted


def test_promtool_finds_the_rules_as_their_tests_say() -> None:
    checks = ["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"], ["check", "config", "prometheus.yml"]
    for command in checks:
        subprocess.run(["/usr/bin/promtool", *command], cwd=ROOT / "ops" / "prometheus", check=True)  # noqa: S603
    tried = set(re.findall(r"name: (\w+)", (ROOT / "ops" / "prometheus" / "rules.test.yml").read_text()))
    assert set(names()) <= tried


def test_all_is_quiet_and_every_panel_and_rule_has_data(installed: Installed, prometheus: Prometheus) -> None:
    invoice = installed.invoice()
    installed.arrives(invoice)
    installed.quickbooks.pay({invoice["number"]: "100.00"}, "2026-11-21", "OPS 1")
    until(lambda: installed.ravetree.every("payments"), what="the payment did not come")
    until(lambda: prometheus.ask("ravebooks_swept_timestamp_seconds > 0"), what="no look of the sweeper")
    until(lambda: prometheus.ask("rate(ravebooks_webhook_to_write_seconds_count[1m])"), what="no rate")
    boards = {path.stem: json.loads(path.read_text()) for path in sorted(BOARDS.glob("*.json"))}
    assert len(boards) == 3
    queries = [target["expr"] for board in boards.values() for panel in board["panels"] for target in panel["targets"]]
    answered(prometheus, queries)
    asked = prometheus.rules()
    assert list(asked) == names()
    # What is compared with: the rule itself answers only while it fires.
    bare = {name: re.sub(r" (?:>=|<=|==|>|<) \d+$", "", query) for name, query in asked.items()}
    answered(prometheus, list(bare.values()))
    until(lambda: not prometheus.firing(), SECONDS, f"{prometheus.firing()} fire although all is well")


def _connection(name: str, **more: Any) -> Connection:
    now = datetime.now(UTC)
    row: dict[str, Any] = {"account_id": name, "realm_id": name, "environment": "local", "created_at": now}
    return Connection(id=name, **row | {"cdc_watermark": now, "time_zone": "UTC"} | more)


def test_what_waits_and_stands_still_is_told_and_is_over(
    installed: Installed, prometheus: Prometheus, database: Database, seen: set[str]
) -> None:
    now = datetime.now(UTC)
    made: list[Any] = []
    with database.transaction() as session:
        brakes.pull(session, "the test", "Kim", now)
    late = installed.invoice()
    begun = datetime.now(UTC)
    with database.transaction() as session:
        far = now + timedelta(days=1)
        rows: list[Any] = [
            _connection("gone", state="paused", pause_cause="The consent was taken back.", pause_remedy="Connect."),
            _connection("still", stalled_since=now, retry_at=far, stall_cause="It broke.", reads_budget=10),
            _connection("behind", invoices_since=now, cdc_watermark=now - timedelta(days=5)),
        ]
        session.add_all(rows)
        session.flush()
        pending = {"generation": 1, "attempts": 0, "waits_for": "", "code": "", "cause": "", "remedy": ""}
        pending |= {"created_at": now, "decisions": ""}
        key = {"side": "ravetree", "kind": "invoice"}
        made += [
            PendingChange(
                **{"connection_id": "behind", "record_id": "late", "state": "due"} | key | pending,
                due_at=now - 10 * MINUTES,
                updated_at=now,
            ),
            PendingChange(
                **{"connection_id": "behind", "record_id": "parked", "state": "parked"} | key | pending,
                due_at=now,
                updated_at=now - 90 * MINUTES,
            ),
            MeteredReads(connection_id="still", month=f"{now:%Y-%m}", cause="parity", count=9),
            PlannedDuty(
                connection_id="behind",
                duty="cdc",
                due_at=far,
                failing_since=now - 90 * MINUTES,
                failing_cause="it fails",
            ),
            Operation(
                **{"connection_id": "behind", "subject": "ravetree:invoice:x", "side": "quickbooks", "key": "k"},
                **{"action": "invoice.create", "attempt": 0, "method": "POST", "path": "invoice", "body": "{}"},
                **{"digest": "", "context": {}, "fence": 1, "state": "journalled", "error": "", "intuit_tid": ""},
                journalled_at=now - 90 * MINUTES,
                retry_at=far,
            ),
            SyncState(
                connection_id="behind", kind="invoice", ravetree_id="x", body={}, due_at=now - 20 * MINUTES, state=""
            ),
            models.Telling(
                **{
                    "code": "dead_letters",
                    "subject": "",
                    "cause": "c",
                    "remedy": "r",
                    "error": "mail: nobody is there",
                },
                since=now,
                noted_at=now,
                told="",
                told_over="",
            ),
            RunningProcess(
                **{"id": "x", "role": "web", "version": "1", "stuck": "relay", "broker": ""},
                started_at=now,
                seen_at=far,
                progress_at=now,
            ),
        ]
        session.add_all(made)
        report = parity.add(session, "still", now, "copies", {"causes": {"unexplained": 2}}, [])
        dead_letters.keep(session, message_id="m", queue="q", routing_key="", reason="rejected", body=b"", now=now)

    def mend() -> None:
        with database.transaction() as session:
            for row in [*made, session.merge(report)]:
                session.delete(session.merge(row))
            dead_letters.discard(session, dead_letters.newest(session), now)
            session.flush()
            for name in ("gone", "still", "behind"):
                session.execute(sa.delete(PlannedDuty).where(PlannedDuty.connection_id == name))
                session.execute(sa.update(Connection).where(Connection.id == name).values(state="archived"))
            # What waited longer than a minute is slow.
            brakes.release(session)

    everything = {"AllPaused", "Reconnect", "Stalled", "ChangeDataCaptureBehind", "PastDue", "Parked", "ReadsNear"}
    everything |= {"LookFailing", "WritesUnanswered", "Untold", "TellingFails", "Stuck", "ParityBreaks", "DeadLetters"}
    wanted = {f"Ravebooks{name}" for name in everything}
    until(lambda: wanted <= prometheus.firing(), SECONDS, f"{wanted} do not all fire")
    until(lambda: datetime.now(UTC) - begun > 75 * timedelta(seconds=1), SECONDS)
    check(prometheus, seen, wanted, mend)
    installed.arrives(late)
    check(prometheus, seen, {"RavebooksSlow"}, lambda: None)


def test_a_defect_and_a_token_that_cannot_be_renewed_are_told(
    installed: Installed, prometheus: Prometheus, database: Database, seen: set[str]
) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        real = session.execute(sa.select(Connection).where(Connection.state == "active")).scalar_one()
        name, kept = real.id, (real.refresh_token, real.access_expires_at)
        session.add(
            PendingChange(
                **{"connection_id": name, "side": "ravetree", "kind": "nonsense", "record_id": "1", "generation": 1},
                **{"state": "due", "attempts": 0, "waits_for": "", "code": "", "cause": "", "remedy": ""},
                **{"decisions": "", "created_at": now, "due_at": now, "updated_at": now},
            )
        )

    def mend_the_defect() -> None:
        with database.transaction() as session:
            session.execute(sa.delete(PendingChange).where(PendingChange.kind == "nonsense"))
            session.execute(sa.update(Connection).values(retry_at=None))

    check(prometheus, seen, {"RavebooksUnexpectedErrors"}, mend_the_defect)

    def keep(token: bytes | None, expires: datetime | None, state: str) -> None:
        with database.transaction() as session:
            row = session.get_one(Connection, name)
            row.refresh_token, row.access_expires_at, row.state = token, expires, state

    keep(b"nobody sealed this", datetime.now(UTC) - MINUTES, "active")
    installed.invoice()
    with database.transaction() as session:
        session.execute(
            sa.update(PlannedDuty).where(PlannedDuty.connection_id == name).values(due_at=datetime.now(UTC) - MINUTES)
        )
    check(prometheus, seen, {"RavebooksTokenRefreshFails"}, lambda: keep(*kept, "active"))


def test_a_broker_that_is_away_is_told_and_with_the_database_away_too_that_deliveries_are_refused(
    installed: Installed, prometheus: Prometheus, seen: set[str]
) -> None:
    installed.broker.stop()
    assert installed.post_event().status_code == 200
    wanted = {"RavebooksBrokerAway", "RavebooksOutboxWaits"}
    until(lambda: wanted <= prometheus.firing(), SECONDS, f"{wanted} do not all fire")
    installed.database.stop()
    until(lambda: installed.post_event().status_code == 503, what="a delivery was taken by nobody")
    until(lambda: "RavebooksDeliveriesRefused" in prometheus.firing(), SECONDS, "the refusal is not told")
    installed.database.start()
    check(prometheus, seen, wanted | {"RavebooksDeliveriesRefused"}, installed.broker.start)


def test_processes_that_are_missing_are_told(installed: Installed, prometheus: Prometheus, seen: set[str]) -> None:
    installed.processes.end("worker")
    check(prometheus, seen, {"RavebooksDown", "RavebooksNoWorker"}, lambda: installed.run("worker"))
    installed.processes.end("sweeper")
    check(prometheus, seen, {"RavebooksDown", "RavebooksSweeperSilent"}, lambda: installed.run("sweeper"))


def test_every_alert_was_seen_to_fire_and_to_be_over(seen: set[str]) -> None:
    assert set(names()) - seen == set()
