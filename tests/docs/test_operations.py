"""Each example of the operator's pages, typed beside a running system with placeholders filled in."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.ports import SystemClock
from ravebooks.local.sandbox_connection import ITEMS
from reconcile.model import Side
from schemas import envelopes
from schemas.envelopes import Delivery
from storage import dead_letters, switches
from storage.database import Database
from storage.models import Connection, DeadLetter, Mapping
from tests.docs.examples import ROOT, Example, examples, fits
from tests.docs.shell import Ran, Shell
from tests.integration.system import System, until

PAGES = [ROOT / "docs" / name for name in ("operations.md", "connecting.md")]
BY_HAND = ("python tests/bench/", "ravebooks connect ", "ravebooks webhook-secret ")
"""What needs a program that is installed nowhere, or an account that nobody has connected."""
ELSEWHERE = ("Backup and restore", "By the API")
"""Typed on PostgreSQL by `tests/integration/test_backup_page.py`; of the second its first line, by whoever needs it."""
EXAMPLES = [example for page in PAGES for example in examples(page, "") if not example.command.startswith(BY_HAND)]
DEAD = "Dead letters and events kept aside"


class Operator:
    """Somebody at the terminal of a running system, who knows what the placeholders of the page stand for."""

    def __init__(self, system: System, shell: Shell) -> None:
        self.system = system
        self.shell = shell
        self.stands_for = {"CONNECTION": str(system.ready["connection"]), "NAME": "Kim"}

    def type(self, example: Example) -> str:
        """Type an example, without and with each part that is optional; what the plain one prints."""
        plain = re.sub(r" \[[^]]*\]", "", example.command)
        for more in re.findall(r" \[([^]]*)\]", example.command):
            self._run(f"{plain} {more}")
        printed = self._run(plain).printed
        if example.prints is not None:
            assert fits(printed, self._filled(example.prints)), f"{plain}\nprints\n{printed}\nand not\n{example.prints}"
        return printed

    def run(self, command: str) -> str:
        """Type a command."""
        return self._run(command).printed

    def _run(self, command: str) -> Ran:
        ran = self.shell.run(self._filled(command))
        assert ran.status == 0, f"{command}\n{ran.printed}{ran.errors}"
        return ran

    def _filled(self, text: str) -> str:
        for name, value in self.stands_for.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text


@pytest.fixture
def operator(terminal: tuple[System, Shell]) -> Operator:
    return Operator(*terminal)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, Shell]]:
    system = System(Path(tmp_path_factory.mktemp("up")))
    system.start()
    bin_ = Path(shutil.which("ravebooks", path=str(ROOT / ".venv" / "bin")) or "").parent
    shell = Shell(system.folder, {"RAVEBOOKS_STATE_DIR": str(system.folder)})
    shell.run(f'PATH="{bin_}:$PATH"')
    yield system, shell
    shell.close()
    assert system.stop() == 0


def of(section: str) -> list[Example]:
    found = [example for example in EXAMPLES if example.section == section]
    assert found, section
    return found


def invoice(operator: Operator) -> dict[str, str]:
    """One of a new client."""
    ravetree = operator.system.ravetree
    client = ravetree.create("contacts", {"kind": "account", "name": "Bright Harbor", "currency": "USD"})
    line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": "100.00", "taxable": False}
    dates = {"issue_date": "2026-07-01", "due_date": "2026-07-31"}
    return ravetree.create("invoices", {"client_id": client["id"], "currency": "USD", "lines": [line]} | dates)


def test_no_example_is_left_out() -> None:
    typed = {"First look", "Held and parked", "Do the books agree?", "Before and after the switch-on", DEAD}
    assert {example.section for example in EXAMPLES} == typed | set(ELSEWHERE)


def test_the_first_look(operator: Operator) -> None:
    for example in of("First look"):
        operator.type(example)


def test_what_waits_is_tried_again_and_decided(operator: Operator) -> None:
    """It was deleted in QuickBooks, and stays so."""
    made, quickbooks = invoice(operator), operator.system.quickbooks
    until(lambda: quickbooks.invoice(made["number"]), what="it did not come across")
    theirs = quickbooks.invoice(made["number"]) or {}
    quickbooks.write("invoice", {name: theirs[name] for name in ("Id", "SyncToken")}, operation="delete")
    until(lambda: _asked(operator), what="nobody was asked")
    operator.stands_for |= _asked(operator) | {"DECISION": "leave"}
    retry, decide = of("Held and parked")
    operator.type(retry)
    until(lambda: _asked(operator), what="nobody was asked again")
    operator.type(decide)
    until(lambda: not _asked(operator), what="it was not decided")


def _asked(operator: Operator) -> dict[str, str]:
    """The words that name the record that waits for a person."""
    found = re.search(r"^\w+ (\w+) (\w+) (\w+)  parked ", operator.run("ravebooks attention"), re.MULTILINE)
    return dict(zip(("SIDE", "KIND", "ID"), found.groups(), strict=True)) if found else {}


def test_both_books_are_compared(operator: Operator) -> None:
    made = invoice(operator)
    until(lambda: operator.system.quickbooks.invoice(made["number"]), what="it did not come across")
    operator.stands_for |= {"SIDE": "ravetree", "KIND": "invoice", "ID": made["id"]}
    for example in of("Do the books agree?"):
        assert operator.type(example)


def test_dead_letters_are_driven_again_and_discarded(operator: Operator) -> None:
    database = Database(operator.system.database_url(), SystemClock())
    now = SystemClock().now()
    ours = envelopes.encode(Delivery("d" * 32, Side.QUICKBOOKS, "310687", now, ()))
    with database.transaction() as session:
        for name, body in (("ours", ours), ("nobody's", b"garbage")):
            queue = "ravebooks.inbound"
            dead_letters.keep(
                session, message_id=name, queue=queue, routing_key="", reason="rejected", body=body, now=now
            )
        again, discarded = [letter.id for letter in dead_letters.waiting(session)]
    url = operator.system.ready["url"]
    operator.run(f"RAVEBOOKS_PUBLIC_URL={url} RAVEBOOKS_API_TOKEN={operator.system.api_token()}")
    operator.run(of("By the API")[0].command)
    groups, rows, redrive, discard = of(DEAD)
    assert json.loads(operator.type(groups))["groups"][0]["count"] == 2
    assert [row["id"] for row in json.loads(operator.type(rows))["data"]] == [again, discarded]
    for example, letter in ((redrive, again), (discard, discarded)):
        operator.stands_for["ID"] = str(letter)
        operator.type(example)
    with database.reading() as session:
        kept = [session.get_one(DeadLetter, letter) for letter in (again, discarded)]
        assert [(row.redriven_at is None, row.discarded_at is None) for row in kept] == [(False, True), (True, False)]
    database.close()


def test_before_and_after_the_switch_on(operator: Operator) -> None:
    _forget_what_is_mapped(operator.system)
    before = invoice(operator)
    items = {row["Name"]: row["Id"] for row in operator.system.quickbooks.query("select * from Item")}
    made: list[dict[str, str]] = []
    for example in of("Before and after the switch-on"):
        command = example.command
        if " line_type time=" in command:
            made.append(invoice(operator))
            command = re.sub(r"(\w+)=ID", lambda found: f"{found[1]}={items[ITEMS[found[1]]]}", command)
        if " JOB " in command:
            operator.stands_for["JOB"] = operator.run("ravebooks jobs CONNECTION").split()[0]
        operator.type(Example(example.section, command, example.prints))
        if "--made-while-waiting --by" in command:
            until(lambda: operator.system.quickbooks.invoice(made[0]["number"]), what="it did not come across")
            until(lambda: "Some documents" not in operator.run("ravebooks connections"), what="it is still offered")
            assert operator.system.quickbooks.invoice(before["number"]) is None


def _forget_what_is_mapped(system: System) -> None:
    """As it is after a connect: nothing is mapped or ticked, no contact was imported."""
    database = Database(system.database_url(), SystemClock())
    with database.transaction() as session:
        for connection in session.execute(sa.select(Connection)).scalars():
            connection.contacts_imported_at = None
            for kind in switches.SWITCHED:
                switches.untick(connection, kind)
        session.execute(sa.delete(Mapping))
    database.close()
