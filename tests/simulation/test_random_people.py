"""Random people work on both sides, with random faults, delays and repetitions.

When all is quiet both books agree, apart from what waits for a person; each of those has a cause and a remedy; and
no payment exists twice.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ravebooks.demo.sides import Body, SideError
from tests.simulation.world import Letter, World

ACTS = 40
SEEDS = range(1, 9)
ECHO_CONFIRM_SECONDS = 301
"""After this long change data capture has confirmed what was taken for an echo."""

SIGNATURE_SECONDS = 300

FAULTS = ("timeout_before", "timeout_after", "500", "fault:10000", "fault:5010")


class People:
    """They know what they see on their side, and nothing of each other."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.clients = [world.client(f"Client {seed}-{number}") for number in range(3)]
        self.letters: list[Letter] = []
        self._references = 0

    def act(self) -> None:
        """One of them does something; what a side refuses is no business of ours."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (6, self.make_invoice),
            (4, self.edit_lines),
            (2, self.set_status),
            (5, self.receive_in_ravetree),
            (3, self.edit_in_ravetree),
            (2, self.delete_in_ravetree),
            (5, self.receive_in_quickbooks),
            (3, self.edit_in_quickbooks),
            (2, self.delete_in_quickbooks),
            (1, self.send_from_quickbooks),
            (1, self.void_in_quickbooks),
            (3, self.something_breaks),
        ]
        weights = [weight for weight, _ in acts]
        try:
            self.random.choices([act for _, act in acts], weights)[0]()
        except SideError:
            return

    def time_passes(self) -> None:
        """Some letters arrive, some twice; we work a little."""
        self.letters += self.world.collect()
        self.random.shuffle(self.letters)
        for _ in range(self.random.randint(0, len(self.letters))):
            letter = self.letters[-1] if self.random.random() < 0.2 else self.letters.pop()
            self._arrives(letter)
        for _ in range(self.random.randint(0, 3)):
            self.world.work()
            self.world.clock.advance(self.random.choice([0, 1, 5, 30]))

    def _arrives(self, letter: Letter) -> None:
        """One that took longer than its signature lives is refused: the log of events has it still."""
        stamp = float(letter.headers.get("webhook-timestamp", "inf"))
        too_late = stamp < self.world.clock.now().timestamp() - SIGNATURE_SECONDS
        assert self.world.deliver(letter).status_code == (401 if too_late else 200)

    def go_home(self) -> None:
        """Everything arrives, nothing breaks any more, and time passes until all is quiet."""
        self.world.quickbooks.session.delete(f"{self.world.quickbooks.root}/sandbox/faults")
        for letter in self.letters:
            self._arrives(letter)
        self.world.settle()
        self.world.clock.advance(ECHO_CONFIRM_SECONDS)
        self.world.settle()

    # --- Ravetree --------------------------------------------------------------------------------

    def make_invoice(self) -> None:
        prices = [self._amount(20, 300) for _ in range(self.random.randint(1, 3))]
        self.world.invoice(self.random.choice(self.clients), *prices)

    def edit_lines(self) -> None:
        invoice = self._ours("invoices")
        lines = list(invoice["lines"])
        choice = self.random.random()
        if choice < 0.4 or len(lines) == 1:
            price = self._amount(5, 80)
            lines.append({"type": "other", "description": "More", "quantity": "1", "unit_price": price})
        elif choice < 0.7:
            lines.pop(self.random.randrange(len(lines)))
        else:
            price = self._amount(20, 300)
            lines[0] = lines[0] | {"unit_price": price, "amount": price, "quantity": "1"}
        self.world.ravetree.change("invoices", invoice["id"], {"lines": lines})

    def set_status(self) -> None:
        invoice = self._ours("invoices")
        self.world.ravetree.change(
            "invoices", invoice["id"], {"status": self.random.choice(["sent", "sent", "paid", "void"])}
        )

    def receive_in_ravetree(self) -> None:
        invoices = {row["id"]: row for row in (self._ours("invoices") for _ in range(self.random.randint(1, 2)))}
        clients = {row["client_id"] for row in invoices.values()}
        if len(clients) == 1:
            self.world.receive({name: self._part(row["balance"]) for name, row in invoices.items()}, self._reference())

    def edit_in_ravetree(self) -> None:
        payment = self._ours("payments")
        self.world.ravetree.change("payments", payment["id"], {"reference": self._reference()})

    def delete_in_ravetree(self) -> None:
        self.world.ravetree.delete("payments", self._ours("payments")["id"])

    # --- QuickBooks ------------------------------------------------------------------------------

    def receive_in_quickbooks(self) -> None:
        invoice = self._theirs("Invoice")
        self.world.quickbooks.pay(
            {invoice["DocNumber"]: self._part(str(invoice["Balance"]))}, "2026-11-21", self._reference()
        )

    def edit_in_quickbooks(self) -> None:
        payment = self._theirs("Payment")
        self._write("payment", payment, sparse=True, PaymentRefNum=self._reference())

    def delete_in_quickbooks(self) -> None:
        self._write("payment", self._theirs("Payment"), operation="delete")

    def send_from_quickbooks(self) -> None:
        self.world.quickbooks.write(f"invoice/{self._theirs('Invoice')['Id']}/send", {}, sendTo="a@b.example")

    def void_in_quickbooks(self) -> None:
        self._write("invoice", self._theirs("Invoice"), operation="void")

    def something_breaks(self) -> None:
        kind, endpoint = self.random.choice(FAULTS), self.random.choice(["invoice.*", "payment.*", "query", "cdc"])
        if endpoint in ("query", "cdc"):
            kind = "503"
        self.world.quickbooks.steer("faults", {"endpoint": endpoint, "kind": kind, "count": 1})

    # --- hands -----------------------------------------------------------------------------------

    def _write(self, path: str, row: Body, operation: str = "", **fields: object) -> None:
        params = {"operation": operation} if operation else {}
        self.world.quickbooks.write(path, {"Id": row["Id"], "SyncToken": row["SyncToken"]} | fields, **params)

    def _ours(self, resource: str) -> Body:
        rows = self.world.ravetree.every(resource)
        if not rows:
            raise SideError("nothing there yet")
        return self.random.choice(rows)

    def _theirs(self, entity: str) -> Body:
        rows = self.world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - QuickBooks' language
        if not rows:
            raise SideError("nothing there yet")
        return self.random.choice(rows)

    def _amount(self, low: int, high: int) -> str:
        return f"{self.random.randint(low * 100, high * 100) / 100:.2f}"

    def _part(self, balance: str) -> str:
        cents = int(float(balance) * 100)
        return f"{self.random.randint(1, max(1, cents)) / 100:.2f}"

    def _reference(self) -> str:
        self._references += 1
        return f"REF-{self._references}"


@pytest.mark.parametrize("seed", SEEDS)
def test_when_all_is_quiet_the_books_agree(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), seed)
        try:
            people = People(world, seed)
            for _ in range(ACTS):
                people.act()
                people.time_passes()
            people.go_home()
            check(world)
        finally:
            world.close()


def check(world: World) -> None:
    """Whatever differs waits for a person, with a cause and a remedy; and nothing is there twice."""
    waiting = world.attention()
    assert all(row["cause"] and row["remedy"] for row in waiting)
    assert not [row for row in waiting if row["code"] in ("defect", "does_not_settle", "WrongRequest")]
    for rows, name in (
        (world.ravetree.every("payments"), "reference"),
        (world.quickbooks.query("select * from Payment"), "PaymentRefNum"),
    ):
        found = Counter(row.get(name) for row in rows if row.get(name))
        assert [reference for reference, count in found.items() if count > 1] == []
    differing = world.compare().differing
    if not waiting:
        assert differing == []
    work = world.connection()["work"]
    assert work["due"] == work["uncertain"] == 0
