"""How long the console's pages take at the server: `python tests/bench/pages.py`.

Fills a database with 100,000 records of one connection and a million events (a minute), then asks for each page
fifty times through the application itself, without a network, and prints the median and the 95th percentile in
milliseconds: of the processor time of this process, whatever else the machine does, and of the time that passed. What
a PostgreSQL takes is in the latter alone. All writes are of one month, which the page of reads shows.
Pages that call a neighbour (a record, its preview, mappings, a back-fill's preview) take what the neighbour takes, and
are not in the list. `--database` names a PostgreSQL instead of SQLite in a folder of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.ports import SystemEntropy
from config.settings import Settings  # the checkout is no installed package
from ravebooks import apps, claiming
from ravebooks.bootstrap import Parts
from ravebooks.local.keys import with_generated_keys
from storage import samples
from storage.models import (
    Connection,
    Copy,
    DeadLetter,
    Event,
    MeteredReads,
    Operation,
    Pair,
    ParityReport,
    PendingChange,
    Sample,
    Step,
    SyncState,
)

CONNECTION, START = "c" * 16, datetime(2026, 1, 1, tzinfo=UTC)
CLIENTS, CHUNK, TIMES, WAITING, FIGURES = 2000, 10_000, 50, 1000, 40
PAGES = {
    "home": "",
    "its live part": "now",
    "needs attention": "attention",
    "records": "records",
    "records of a kind and state": "records?kind=invoice&state=held",
    "records by number": "records?q=50001",
    "records by client": "records?q=client+1234",
    "records by amount": "records?q=777.77",
    "records, a later page": "",
    "connection": "connection",
    "back-fill": "backfill",
    "parity": "parity",
    "reads, 200,000 writes in a month": "reads",
    "is it well?": "../well",
    "queues, charts of a day": "../queues?span=day",
    "dead letters, 1,000 waiting": "../dead",
    "parked work, of a question": "../parked?code=code_1",
    "events": "../events",
    "events by record": "../events?record=inv_777",
    "events by id": "../events?id=e777777&account=org_1",
    "events of a type that is not there": "../events?type=invoice.void",
    "events until a moment": "../events?until=2026-01-04T12:00",
    "one event and its story": "../events/500000",
    "brakes": "../brakes",
    "what is kept": "../kept",
    "people": "../people",
    "who did what": "../acts",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=100_000)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--database", default="")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = with_generated_keys(
            Settings(
                state_dir=folder,
                database_url=asked.database,
                public_url="http://127.0.0.1:8000",
                quickbooks_environment="local",
            ),
            SystemEntropy(),
        )
        parts = Parts(settings)
        claiming.prepare(parts, None)
        begun = time.monotonic()
        _fill(parts, asked.records, asked.events)
        print(f"filled in {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
        _measure(parts)


def _fill(parts: Parts, records: int, events: int) -> None:
    with parts.database.transaction() as session:
        session.add(Connection(id=CONNECTION, account_id="org_1", realm_id="1", created_at=START, cdc_watermark=START))
    _insert(parts, Copy, (_client(number) for number in range(CLIENTS)))
    _insert(parts, Copy, (_invoice(number) for number in range(records)))
    _insert(parts, Pair, (_pair(number) for number in range(records)))
    _insert(parts, SyncState, (_told(number) for number in range(records)))
    _insert(parts, PendingChange, (_waits(number) for number in range(WAITING)))
    _insert(parts, Event, (_event(number, records) for number in range(events)))
    _insert(parts, Step, (_step(number, records) for number in range(events // 5)))
    _insert(parts, Operation, (_operation(number, records) for number in range(events // 5)))
    _insert(parts, MeteredReads, [{"connection_id": CONNECTION, "month": f"{START:%Y-%m}", "cause": "cdc", "count": 9}])
    _insert(parts, ParityReport, (_report(number) for number in range(30)))
    _insert(parts, DeadLetter, (_letter(number) for number in range(WAITING)))
    _insert(parts, Sample, (_sample(number) for number in range(192 * FIGURES)))
    # As the sweeper does every hour; on PostgreSQL autovacuum may not have come by yet.
    begun = time.monotonic()
    if parts.database.is_sqlite:
        parts.database.analyse()
    else:
        with parts.database.engine.begin() as connection:
            connection.execute(sa.text("ANALYZE"))
    print(f"analysed in {(time.monotonic() - begun) * 1000:.0f} ms", flush=True)  # noqa: T201


def _insert(parts: Parts, table: Any, rows: Any) -> None:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            _store(parts, table, chunk)
            chunk = []
    if chunk:
        _store(parts, table, chunk)


def _store(parts: Parts, table: Any, chunk: list[dict[str, Any]]) -> None:
    with parts.database.transaction() as session:
        session.execute(sa.insert(table), chunk)


def _at(number: int) -> datetime:
    return START + timedelta(seconds=number)


def _copy(kind: str, id_: str, number: int, body: dict[str, Any], **found: str) -> dict[str, Any]:
    row = {"connection_id": CONNECTION, "side": "ravetree", "kind": kind, "record_id": id_, "version": 1}
    return row | {"deleted": False, "stale": False, "body": body, "seen_at": _at(number)} | found


def _client(number: int) -> dict[str, Any]:
    name = f"Client {number}"
    return _copy("contact", f"con_{number}", number, {"name": name}, title=name.lower(), client_id="", amount="")


def _invoice(number: int) -> dict[str, Any]:
    client, total = f"con_{number % CLIENTS}", f"{number % 5000}.77"
    body = {"number": str(number), "client_id": client, "total": total, "currency": "USD", "lines": [{"x": "y" * 400}]}
    return _copy("invoice", f"inv_{number}", number, body, title=str(number), client_id=client, amount=total)


def _pair(number: int) -> dict[str, Any]:
    row = {"connection_id": CONNECTION, "kind": "invoice", "ravetree_id": f"inv_{number}", "quickbooks_id": str(number)}
    empty: dict[str, Any] = {"base_ravetree": {}, "base_quickbooks": {}, "line_ids": {}, "notices": [], "kept": {}}
    return row | empty | {"currency": "", "created_at": START, "updated_at": START}


def _told(number: int) -> dict[str, Any]:
    state = "held" if number % 100 == 0 else "synced"
    row = {"connection_id": CONNECTION, "kind": "invoice", "ravetree_id": f"inv_{number}", "generation": 1}
    return row | {"unsent": False, "due_at": START, "body": {"state": state, "message": None}, "state": state}


def _waits(number: int) -> dict[str, Any]:
    row = {"connection_id": CONNECTION, "side": "ravetree", "kind": "invoice", "record_id": f"inv_{number * 100}"}
    said = {"state": "held", "code": f"code_{number % 7}", "cause": f"Invoice {number} differs.", "remedy": "Look."}
    times = {"created_at": _at(number), "due_at": _at(number), "updated_at": _at(number)}
    return row | said | times | {"decisions": "two leave", "generation": 1, "attempts": 0, "waits_for": ""}


def _event(number: int, records: int) -> dict[str, Any]:
    subject = f"inv_{number % records}"
    row = {"connection_id": CONNECTION, "source": "ravetree", "account": "org_1", "event_id": f"e{number}"}
    row |= {"type": "invoice.updated", "kind": "invoice", "subject": subject, "outcome": "followed", "reason": ""}
    return row | {"occurred_at": _at(number), "received_at": _at(number), "recorded_at": _at(number), "data": {}}


def _step(number: int, records: int) -> dict[str, Any]:
    subject = f"ravetree:invoice:inv_{number % records}"
    return {
        "connection_id": CONNECTION,
        "subject": subject,
        "at": _at(number),
        "what": "agreed",
        "by": "",
        "text": "",
        "data": {},
    }


def _operation(number: int, records: int) -> dict[str, Any]:
    row: dict[str, Any] = {"connection_id": CONNECTION, "side": "quickbooks", "fence": 1, "sends": 1, "status": 200}
    row |= {"subject": f"ravetree:invoice:inv_{number % records}", "error": "", "intuit_tid": ""}
    row |= {"action": "invoice.update", "key": f"k{number}", "attempt": 1, "method": "POST", "path": "invoice"}
    row |= {"body": "{}", "digest": "", "context": {}, "state": "done", "was_uncertain": False}
    return row | {
        "journalled_at": _at(number),
        "answered_at": _at(number),
        "status": 200,
        "error": "",
        "intuit_tid": "",
    }


def _letter(number: int) -> dict[str, Any]:
    row = {
        "digest": f"d{number}",
        "message_id": "m",
        "queue": "ravebooks.inbound",
        "routing_key": "",
        "reason": "rejected",
    }
    return row | {"body": b"{}", "dead_at": _at(number), "fingerprint": f"cause {number % 5}", "headers": {}}


def _sample(number: int) -> dict[str, Any]:
    at = samples.begins(datetime.now(UTC), samples.QUARTER) - timedelta(minutes=15 * (number // FIGURES))
    return {"seconds": samples.QUARTER, "at": at, "name": f"depth.{number % FIGURES}", "value": number}


def _report(number: int) -> dict[str, Any]:
    summary = {"compared": 100_000, "equal": 99_000, "differing": 1000, "causes": {}, "currencies": {}}
    differs = {"kind": "invoice", "number": "1", "client": "Client 1", "ravetree_id": "inv_1", "quickbooks_id": "1"}
    rows = [differs | {"text": "It waits for a person.", "remedy": "Decide.", "cause": "waits"}] * 1000
    made = START + timedelta(days=number)
    row = {"connection_id": CONNECTION, "day": f"{made:%Y-%m-%d}", "made_at": made, "source": "copies"}
    return row | {"summary": summary, "rows": rows}


def _measure(parts: Parts) -> None:
    browser = apps.web(parts).test_client()
    token = parts.console.operators_link().partition("token=")[2]
    page = browser.get(f"/console/enter?token={token}").text
    csrf = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert browser.post("/console/enter", data={"token": token, "csrf_token": csrf}).status_code == 303
    later = browser.get(f"/console/{CONNECTION}/records").text.rpartition("cursor=")[2].partition('"')[0]
    print(f"{'ms':<36} {'processor':>17} {'passed':>17}")  # noqa: T201
    print(f"{'page':<36} {'median':>8} {'p95':>8} {'median':>8} {'p95':>8}")  # noqa: T201
    for name, path in PAGES.items():
        address = f"records?cursor={later}" if name == "records, a later page" else path
        passed, processor = [], []
        for _ in range(TIMES):
            begun, own = time.perf_counter(), time.process_time()
            place = address.removeprefix("../") if address.startswith("../") else f"{CONNECTION}/{address}"
            answer = browser.get(f"/console/{place}")
            processor.append((time.process_time() - own) * 1000)
            passed.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, (name, answer.status_code)
        figures = [f(each) for each in (processor, passed) for f in (statistics.median, _p95)]
        print(f"{name:<36} {' '.join(f'{one:8.1f}' for one in figures)}", flush=True)  # noqa: T201


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    main()
