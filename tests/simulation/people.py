"""Random people work on both sides, with random faults, delays and repetitions.

When all is quiet both books agree, apart from what waits for a person; each of those has a cause and a remedy; and
no payment exists twice.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ravebooks.demo.compare import DemoRow
from ravebooks.demo.sides import Body, SideError
from reconcile.estimates import STATUS
from reconcile.model import Kind, Record, Side
from tests.simulation.test_unconfirmed_answers import only_unsent
from tests.simulation.world import AnyWorld, Letter

ECHO_CONFIRM_SECONDS = 301
"""After this long change data capture has confirmed what was taken for an echo."""

SIGNATURE_SECONDS = 300

FAULTS = ("timeout_before", "timeout_after", "500", "fault:10000", "fault:5010")


class People:
    """They know what they see on their side, and nothing of each other."""

    currency = "USD"

    def __init__(self, world: AnyWorld, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        # Two of them have one name.
        names = [f"Client {seed}-{number}" for number in (0, 1, 2, 2)]
        self.clients = [world.client(name, currency=self.currency) for name in names]
        self.letters: list[Letter] = []
        self._references = 0

    def act(self) -> str:
        """One of them does something, and it is said what; what a side refuses is no business of ours."""
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
            (2, self.make_estimate),
            (2, self.revise_estimate),
            (1, self.delete_estimate),
            (2, self.receive_over_two_in_quickbooks),
            (1, self.apply_credit_in_quickbooks),
            (1, self.deposit),
            (1, self.edit_memo_in_quickbooks),
            (1, self.press_the_button),
            (1, self.rename_a_client),
            (3, self.decide),
            (3, self.something_breaks),
            *self._hard_cases(),
        ]
        weights = [weight for weight, _ in acts]
        act = self.random.choices([act for _, act in acts], weights)[0]
        said = act.__name__.replace("_", " ")
        try:
            act()
        except SideError:
            return f"{said}, refused"
        return said

    def _hard_cases(self) -> list[tuple[int, Callable[[], None]]]:
        """What a bookkeeper does to marks, forms and customers, and what a user changes behind it."""
        return [
            (1, self.edit_a_placeholder),
            (1, self.lay_money_unapplied),
            (1, self.type_a_deposit),
            (1, self.give_a_discount),
            (1, self.lower_in_quickbooks),
            (1, self.add_a_line_of_text),
            (1, self.put_under_a_project),
            (1, self.retype_in_quickbooks),
            (1, self.close_the_books),
            (1, self.receive_in_advance),
            (1, self.move_a_payment),
            (1, self.change_the_client),
            (1, self.take_the_mark_away),
        ]

    def act_with_money(self) -> None:
        """The same, about payments alone."""
        acts = (
            self.receive_in_ravetree,
            self.edit_in_ravetree,
            self.delete_in_ravetree,
            self.receive_in_quickbooks,
            self.edit_in_quickbooks,
            self.delete_in_quickbooks,
        )
        try:
            self.random.choice(acts)()
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
        self._close_until(None)
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
        self.world.ravetree.change("invoices", invoice["id"], {"lines": lines} | self._taxed(lines))

    def _taxed(self, _lines: list[Body]) -> Body:
        """What an invoice says of the tax on its lines."""
        return {}

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

    # --- estimates, credit, deposits, contacts ---------------------------------------------------

    def make_estimate(self) -> None:
        line = {"type": "time", "description": "Work", "quantity": "1", "unit_price": self._amount(20, 300)}
        body = {"client_id": self.random.choice(self.clients), "issue_date": "2026-11-20", "currency": self.currency}
        self.world.ravetree.create("estimates", body | {"lines": [line]})

    def revise_estimate(self) -> None:
        status = self.random.choice(["sent", "accepted", "declined"])
        self.world.ravetree.change("estimates", self._ours("estimates")["id"], {"status": status})

    def delete_estimate(self) -> None:
        self.world.ravetree.delete("estimates", self._ours("estimates")["id"])

    def receive_over_two_in_quickbooks(self) -> None:
        first, second = self._theirs("Invoice"), self._theirs("Invoice")
        if first["CustomerRef"] == second["CustomerRef"] and first["Id"] != second["Id"]:
            parts = {row["DocNumber"]: self._part(str(row["Balance"])) for row in (first, second)}
            self.world.quickbooks.pay(parts, "2026-11-21", self._reference())

    def apply_credit_in_quickbooks(self) -> None:
        bill = self._theirs("Invoice")
        amount = float(self._part(str(bill["Balance"])))
        item = bill["Line"][0]["SalesItemLineDetail"]["ItemRef"]
        line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": item}}
        memo = self.world.quickbooks.write("creditmemo", {"CustomerRef": bill["CustomerRef"], "Line": [line]})
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": row["Id"], "TxnType": kind}]}
            for row, kind in ((bill, "Invoice"), (memo, "CreditMemo"))
        ]
        self.world.quickbooks.write("payment", {"CustomerRef": bill["CustomerRef"], "TotalAmt": 0, "Line": lines})

    def deposit(self) -> None:
        payment = self._theirs("Payment")
        bank = self.world.quickbooks.query("select * from Account where AccountType = 'Bank'")[0]
        link = {"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}
        line = {"Amount": float(payment["TotalAmt"]), "LinkedTxn": [link]}
        self.world.quickbooks.write("deposit", {"DepositToAccountRef": {"value": bank["Id"]}, "Line": [line]})

    def edit_memo_in_quickbooks(self) -> None:
        self._write("invoice", self._theirs("Invoice"), sparse=True, CustomerMemo={"value": self._reference()})

    def press_the_button(self) -> None:
        kind = self.random.choice(["contacts", "invoices", "estimates"])
        answer = self.world.ravetree.session.post(
            f"{self.world.ravetree.root}/sandbox/app/{kind}/{self._ours(kind)['id']}/sync"
        )
        answer.raise_for_status()

    def rename_a_client(self) -> None:
        client = self.random.choice(self.clients)
        self.world.ravetree.change("contacts", client, {"phone": f"555-{self.random.randint(1000, 9999)}"})

    # --- hard cases ------------------------------------------------------------------------------

    def edit_a_placeholder(self) -> None:
        holders = [row for row in self._every("Payment") if row["Line"] and "[Ravebooks" in row.get("PrivateNote", "")]
        holder = self.random.choice([row for row in holders if "placeholder" in row["PrivateNote"]] or holders or [{}])
        if not holder:
            raise SideError("there is none")
        if self.random.random() < 0.5:
            self._write("payment", holder, sparse=True, PrivateNote=f"Cheque {self._reference()}")
            return
        line = holder["Line"][0]
        less = float(self._part(str(line["Amount"])))
        self._write("payment", holder, sparse=True, TotalAmt=less, Line=[{**line, "Amount": less}])

    def lay_money_unapplied(self) -> None:
        bill = self._theirs("Invoice")
        total = float(self._part(str(bill["TotalAmt"])))
        body = {"CustomerRef": bill["CustomerRef"], "TotalAmt": total, "TxnDate": "2026-11-21"}
        self.world.quickbooks.write("payment", body | {"PaymentRefNum": self._reference()})

    def type_a_deposit(self) -> None:
        bill = self._theirs("Invoice")
        self._write("invoice", bill, sparse=True, Deposit=float(self._part(str(bill["Balance"]))))

    def give_a_discount(self) -> None:
        bill = self._theirs("Invoice")
        off = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": False}}
        lines = [line for line in bill["Line"] if "Id" in line]
        amount = float(self._part(str(bill["Balance"]))) / 2
        self._write("invoice", bill, sparse=True, Line=plain([*lines, off | {"Amount": round(amount, 2)}]))

    def lower_in_quickbooks(self) -> None:
        bill = self._theirs("Invoice")
        lines = plain([line for line in bill["Line"] if "Id" in line])
        amount = float(self._part(str(lines[0]["Amount"])))
        lines[0]["Amount"] = amount
        for name in ("Qty", "UnitPrice"):
            lines[0].get("SalesItemLineDetail", {}).pop(name, None)
        self._write("invoice", bill, sparse=True, Line=lines)

    def add_a_line_of_text(self) -> None:
        bill = self._theirs("Invoice")
        text = {"DetailType": "DescriptionOnly", "Description": self._reference(), "DescriptionLineDetail": {}}
        self._write("invoice", bill, sparse=True, Line=plain([*(row for row in bill["Line"] if "Id" in row), text]))

    def put_under_a_project(self) -> None:
        bill = self._theirs("Invoice")
        body = {"DisplayName": f"Project {self._reference()}", "Job": True, "ParentRef": bill["CustomerRef"]}
        project = self.world.quickbooks.write("customer", body)
        self._write("invoice", bill, sparse=True, CustomerRef={"value": project["Id"]})

    def retype_in_quickbooks(self) -> None:
        bill = self._theirs("Invoice")
        self._write("invoice", bill, operation="delete")
        names = ("CustomerRef", "DocNumber", "TxnDate")
        lines = [{key: value for key, value in line.items() if key != "Id"} for line in bill["Line"] if "Id" in line]
        self.world.quickbooks.write("invoice", {name: bill[name] for name in names} | {"Line": plain(lines)})

    def close_the_books(self) -> None:
        self._close_until(self.random.choice([None, "2026-11-19", "2026-11-20"]))

    def _close_until(self, day: str | None) -> None:
        now = self._theirs("Preferences")
        prefs = plain(now["AccountingInfoPrefs"]) | {"BookCloseDate": day or ""}
        self._write("preferences", now, sparse=True, AccountingInfoPrefs=prefs)

    def receive_in_advance(self) -> None:
        body = {"client_id": self.random.choice(self.clients), "date": "2026-11-21", "currency": self.currency}
        more = {"amount": self._amount(5, 90), "reference": self._reference(), "allocations": []}
        self.world.ravetree.create("payments", body | more)

    def move_a_payment(self) -> None:
        payment, invoice = self._ours("payments"), self._ours("invoices")
        share = min(float(payment["amount"]), float(invoice["balance"]))
        allocations = [{"invoice_id": invoice["id"], "amount": f"{share:.2f}"}]
        self.world.ravetree.change("payments", payment["id"], {"allocations": allocations})

    def change_the_client(self) -> None:
        client = self.random.choice(self.clients)
        self.world.ravetree.change("invoices", self._ours("invoices")["id"], {"client_id": client})

    def take_the_mark_away(self) -> None:
        marked = [row for row in self.world.ravetree.every("invoices") if row["marked_paid_at"]]
        if not marked:
            raise SideError("none is marked")
        self.world.ravetree.change("invoices", self.random.choice(marked)["id"], {"status": "sent"})

    def decide(self) -> None:
        """A person answers something that waits, with one of the answers that it takes."""
        waiting = self.world.attention()
        if not waiting:
            raise SideError("nothing waits")
        row = self.random.choice(waiting)
        taken = [choice["decision"] for choice in row["decisions"] if not choice["needs_target"]]
        if not taken:
            raise SideError("it takes a repair")
        decision = self.random.choice(taken)
        path = f"/api/connections/{self.world.connection_id}/records/{row['side']}/{row['kind']}/{row['id']}/decision"
        self.world.api("POST", path, {"decision": decision, "by": "Kim"})

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
        rows = self._every(entity)
        if not rows:
            raise SideError("nothing there yet")
        return self.random.choice(rows)

    def _every(self, entity: str) -> list[Body]:
        return self.world.quickbooks.query(f"select * from {entity}")  # noqa: S608 - QuickBooks' language

    def _amount(self, low: int, high: int) -> str:
        return f"{self.random.randint(low * 100, high * 100) / 100:.2f}"

    def _part(self, balance: str) -> str:
        cents = int(float(balance) * 100)
        return f"{self.random.randint(1, max(1, cents)) / 100:.2f}"

    def _reference(self) -> str:
        self._references += 1
        return f"REF-{self._references}"


def plain(value: Any) -> Any:
    """Decimals as JSON numbers."""
    return json.loads(json.dumps(value, default=float))


def check(world: AnyWorld, answer: Mapping[str, object] | None = None, by_hand: frozenset[str] = frozenset()) -> None:
    """Whatever differs waits for a person, with a cause and a remedy; and nothing is there twice.

    `by_hand` are numbers of documents, and references of payments, that people tied, took apart or pushed unasked.
    """
    waiting = world.attention()
    assert all(row["cause"] and row["remedy"] for row in waiting)
    faults = [row for row in waiting if row["code"] in ("defect", "does_not_settle", "wrong_request")]
    assert not faults, faults
    for rows, name in (
        (world.ravetree.every("payments"), "reference"),
        (world.quickbooks.query("select * from Payment"), "PaymentRefNum"),
    ):
        found = Counter(row.get(name) for row in rows if row.get(name) and row.get(name) not in by_hand)
        assert [reference for reference, count in found.items() if count > 1] == []
    work = world.connection()["work"]
    assert work["due"] == work["uncertain"] == 0, work
    rows = world.parity()["rows"]
    asked = asked_about(world, waiting) | {row["number"] for row in rows if row["cause"] in ("decided", "accepted")}
    asked |= retyped(world) | by_hand
    asked |= paid_beside(world, asked)
    drifted = {row["number"] for row in rows if row["cause"] == "drift"}
    less = marked_over_less(world)
    unexplained = [
        (row.kind, row.name, row.differences)
        for row in world.compare().differing
        if row.kind != "sum"
        and not _is_shown_as_drift(row, drifted)
        and not _lies_unapplied(row)
        and not (row.kind in ("placeholder", "payment") and numbers_in(row.kind, row.name) - {"?"} <= less)
        and not (row.kind == "payment" and row.name in waits_for_clients(world))
        and not (asked & numbers_in(row.kind, row.name))
        and not only_unsent(row.differences, dict(answer or {}))
    ]
    assert unexplained == [], unexplained
    check_estimates(world, asked)
    assert [row for row in rows if row["cause"] == "unexplained"] == []


def paid_beside(world: AnyWorld, asked: set[str]) -> set[str]:
    """The numbers of what shares a payment, on either side, with an invoice that a person is asked about."""
    numbers = {row["id"]: row["number"] for row in world.ravetree.every("invoices")}
    remote = {row["Id"]: row["DocNumber"] for row in world.quickbooks.query("select * from Invoice")}
    theirs = {
        row["Id"]: {remote.get(link["TxnId"], "?") for line in row["Line"] for link in line["LinkedTxn"]}
        for row in world.quickbooks.query("select * from Payment")
    }
    shared = list(theirs.values())
    for row in world.ravetree.every("payments"):
        own = {numbers.get(each["invoice_id"], "?") for each in row["allocations"]}
        names = world.names(Record(Side.RAVETREE, Kind.PAYMENT, row["id"]))
        shared.append(own.union(*(theirs.get(name.id, set()) for name in names if name.side is Side.QUICKBOOKS)))
    return {number for each in shared if each & asked for number in each}


def _is_shown_as_drift(row: DemoRow, drifted: set[str]) -> bool:
    """Content that a bookkeeper edited where nothing is open: parity shows it; and its mark is paid by real money."""
    if row.kind == "placeholder":
        return row.name in drifted
    return row.name in drifted and all(each.startswith(("total: ", "lines: ")) for each in row.differences)


def marked_over_less(world: AnyWorld) -> set[str]:
    """The numbers of what is marked as paid where QuickBooks takes less, all of it paid: a deposit, or a lower total.

    Nothing is open on either side, and no payment of Ravetree's whole balance stands for the mark.
    """
    takes = {
        row["DocNumber"]: row["TotalAmt"] - (row.get("Deposit") or 0)
        for row in world.quickbooks.query("select * from Invoice")
        if not row["Balance"]
    }
    marked = [row for row in world.ravetree.every("invoices") if row["marked_paid_at"] and row["status"] != "void"]
    return {row["number"] for row in marked if takes.get(row["number"], Decimal(row["total"])) < Decimal(row["total"])}


def retyped(world: AnyWorld) -> set[str]:
    """The numbers of what has ended in Ravetree, where a bookkeeper's own document in QuickBooks has the number now."""
    theirs = {row["Id"]: row["DocNumber"] for row in world.quickbooks.query("select * from Invoice")}
    found = set()
    for row in world.ravetree.every("invoices"):
        own = {name.id for name in world.names(Record(Side.RAVETREE, Kind.INVOICE, row["id"])) if name.id in theirs}
        if row["status"] == "void" and any(
            number == row["number"] and id_ not in own for id_, number in theirs.items()
        ):
            found.add(row["number"])
    return found


def waits_for_clients(world: AnyWorld) -> set[str]:
    """Advances of clients that QuickBooks does not have, as the comparison names them: their sync state says so."""
    return {
        f"{row['date']} {row['amount']} {row['currency']} (unapplied)"
        for row in world.ravetree.every("payments")
        if world.ravetree.sync_state("payment", row["id"]).get("message") == "Waits until its client is in QuickBooks."
    }


def _lies_unapplied(row: DemoRow) -> bool:
    """Money of QuickBooks' that is on nothing: it is copied once it is put on an invoice."""
    return row.kind == "payment" and row.name.endswith("(unapplied)") and row.differences == ("missing in Ravetree",)


def numbers_in(kind: str, name: str) -> set[str]:
    """The invoices that a row of the comparison is about; a payment's name says them."""
    if kind == "payment":
        return {part.rpartition(" on ")[2].rstrip(")") for part in name.split(", ")} | {"?"}
    return {name}


def asked_about(world: AnyWorld, waiting: list[Body]) -> set[str]:
    """The numbers of all invoices and estimates that something waiting for a person touches."""
    numbers = {row["id"]: row["number"] for row in world.ravetree.every("invoices")}
    remote = {row["Id"]: row["DocNumber"] for row in world.quickbooks.query("select * from Invoice")}
    payments = {row["id"]: row for row in world.ravetree.every("payments")}
    theirs = {row["Id"]: row for row in world.quickbooks.query("select * from Payment")}
    found: set[str] = set()
    for row in waiting:
        found |= set(re.findall(r"(?:Invoice|invoice|Estimate) ([^\s:]+)", row["cause"]))
        if not row["side"]:
            # A look by the clock that fails is about no record.
            continue
        for name in world.names(Record(Side(row["side"]), Kind(row["kind"]), row["id"])):
            found.add((numbers if name.side is Side.RAVETREE else remote).get(name.id, ""))
            mine, other = payments.get(name.id), theirs.get(name.id)
            if name.kind is Kind.PAYMENT and name.side is Side.RAVETREE:
                found |= {numbers.get(a["invoice_id"], "?") for a in (mine or {}).get("allocations", [])} or {"?"}
            elif name.kind is Kind.PAYMENT:
                links = [link["TxnId"] for line in (other or {}).get("Line", []) for link in line["LinkedTxn"]]
                found |= {remote.get(link, "?") for link in links} or {"?"}
    return found - {""}


def check_estimates(world: AnyWorld, asked: set[str]) -> None:
    """Every estimate of Ravetree stands in QuickBooks with its total and status, once."""
    theirs = Counter(
        (row["DocNumber"], f"{row['TotalAmt']:.2f}", row["TxnStatus"])
        for row in world.quickbooks.query("select * from Estimate")
    )
    ours = Counter(
        (row["number"], row["total"], STATUS[row["status"]])
        for row in world.ravetree.every("estimates")
        if row["number"] not in asked
    )
    assert ours - theirs == Counter()
    assert {number for number, _, _ in (theirs - ours).elements()} <= asked
