"""Random people who also tie, take apart and push unasked, name a record in their answers, and live in two countries.

At rest nothing that anybody was asked has got lost, and a second look at everything writes nothing.
"""

from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ravebooks.demo.sides import Body, SideError
from reconcile.model import Kind, Record, Side
from storage import pairs, pending, steps
from storage.models import Operation, Step
from tests.simulation.people import ECHO_CONFIRM_SECONDS, People, check
from tests.simulation.world import Refused, World

COUNTRIES = ("US", "US", "GB")
ENTITIES = {Kind.INVOICE: "Invoice", Kind.ESTIMATE: "Estimate", Kind.PAYMENT: "Payment", Kind.CONTACT: "Customer"}
PERCENT = {"vat": 20, "reduced": 5, "zero": 0, None: 0}
"""How a line is taxed in Great Britain."""


def country_of(seed: int) -> str:
    """Where the company of a seed is."""
    return COUNTRIES[seed % len(COUNTRIES)]


class DecidingPeople(People):
    """`by_hand` is what they have tied, taken apart or pushed unasked."""

    world: World

    def __init__(self, world: World, seed: int) -> None:
        self.currency = "USD" if world.country == "US" else "GBP"
        self.by_hand: set[Record] = set()
        super().__init__(world, seed)

    def _hard_cases(self) -> list[tuple[int, Callable[[], None]]]:
        return [*super()._hard_cases(), (1, self.tie_or_take_apart), (2, self.decide_with_a_target)]

    def make_invoice(self) -> None:
        if self.world.country == "US":
            return super().make_invoice()
        lines = [
            {"type": "time", "description": "Work", "quantity": "1", "unit_price": self._amount(20, 300)}
            | self._rate(self.random.choice([*PERCENT]))
            for _ in range(self.random.randint(1, 3))
        ]
        body = {"client_id": self.random.choice(self.clients), "issue_date": "2026-11-20", "due_date": "2026-12-20"}
        self.world.ravetree.create("invoices", body | {"currency": "GBP", "lines": lines} | self._taxed(lines))
        return None

    def _rate(self, rate: str | None) -> Body:
        return {"tax_rate": rate, "taxable": rate is not None}

    def _taxed(self, lines: list[Body]) -> Body:
        """Tax by rate on the sum of its lines; now and then by line, which may be a penny more or less."""
        if self.world.country == "US":
            return {}
        by_rate: defaultdict[int, list[Decimal]] = defaultdict(list)
        for line in lines:
            net = Decimal(line["quantity"]) * Decimal(line["unit_price"])
            by_rate[PERCENT[line.get("tax_rate")]].append(net)
        sums = [
            (rate, nets if self.random.random() < 0.1 else [sum(nets, Decimal(0))]) for rate, nets in by_rate.items()
        ]
        tax = sum((_cents(net * rate / 100) for rate, nets in sums for net in nets), Decimal(0))
        return {"tax_amount": f"{tax:.2f}"}

    # --- decisions -------------------------------------------------------------------------------

    def tie_or_take_apart(self) -> None:
        """Somebody decides what nobody was asked: that two belong together, or not, or that it is sent anew."""
        kind = self.random.choice([Kind.INVOICE, Kind.INVOICE, Kind.PAYMENT, Kind.PAYMENT, Kind.ESTIMATE])
        record = Record(Side.RAVETREE, kind, self._ours(f"{kind}s")["id"])
        decision = self.random.choice(["link", "unlink", "push"])
        target = self._theirs(ENTITIES[kind])["Id"] if decision == "link" else ""
        touched = {*self.world.names(record), record}
        if target:
            other = Record(Side.QUICKBOOKS, kind, target)
            touched |= {*self.world.names(other), other}
        self._say(record, decision, target)
        self.by_hand |= touched

    def decide_with_a_target(self) -> None:
        """A person answers something that waits, and names the other side's record."""
        asked = [row for row in self.world.attention() if any(each["needs_target"] for each in row["decisions"])]
        if not asked:
            raise SideError("nothing asks for a record")
        row = self.random.choice(asked)
        record = Record(Side(row["side"]), Kind(row["kind"]), row["id"])
        decision = self.random.choice([each["decision"] for each in row["decisions"] if each["needs_target"]])
        if record.side is Side.RAVETREE:
            entity = "Invoice" if row["code"] == "estimate_invoiced_in_quickbooks" else ENTITIES[record.kind]
            target = self._theirs(entity)["Id"]
        else:
            target = self._ours(f"{record.kind}s")["id"]
        self._say(record, decision, target)

    def _say(self, record: Record, decision: str, target: str) -> None:
        path = f"/api/connections/{self.world.connection_id}/records/{record.side}/{record.kind}/{record.id}/decision"
        try:
            self.world.api("POST", path, {"decision": decision, "by": "Kim", "target": target})
        except Refused as refused:
            if refused.status >= 500:
                raise
            raise SideError(str(refused)) from None


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


# --- at rest -------------------------------------------------------------------------------------


def check_all(people: DecidingPeople) -> None:
    """Both books agree or a person is asked; nothing that was asked is lost; what agrees is not written again."""
    world = people.world
    check(world, by_hand=frozenset(_names_of_what(people)))
    gone = lost(world)
    assert gone == [], gone
    again = written_again(world)
    assert again == [], again


def _names_of_what(people: DecidingPeople) -> set[str]:
    """Numbers of documents, and references of payments with the numbers that they are on, that were tied by hand."""
    world, found = people.world, set()
    numbers = {row["id"]: row["number"] for row in world.ravetree.every("invoices")}
    theirs = {row["Id"]: row["DocNumber"] for row in world.quickbooks.query("select * from Invoice")}
    for kind, entity, field in ((Kind.INVOICE, "Invoice", "number"), (Kind.ESTIMATE, "Estimate", "number")):
        ids = {record.id for record in people.by_hand if record.kind is kind}
        found |= {row[field] for row in world.ravetree.every(f"{kind}s") if row["id"] in ids}
        found |= {row["DocNumber"] for row in people._every(entity) if row["Id"] in ids}
    ids = {record.id for record in people.by_hand if record.kind is Kind.PAYMENT}
    for row in world.ravetree.every("payments"):
        if row["id"] in ids:
            found |= {row["reference"], "?", *(numbers[each["invoice_id"]] for each in row["allocations"])}
    for row in people._every("Payment"):
        if row["Id"] in ids:
            links = [link["TxnId"] for line in row["Line"] for link in line["LinkedTxn"]]
            found |= {row.get("PaymentRefNum", "?"), "?", *(theirs.get(each, "?") for each in links)}
    return found


def lost(world: World) -> list[tuple[str, str]]:
    """What a person was asked, and is asked no more though nothing says why: the record and the question."""
    found = []
    with world.parts.database.reading() as session:
        rows = session.scalars(sa.select(Step).order_by(Step.id)).all()
        for subject in sorted({row.subject for row in rows if row.what in pending.ATTENTION}):
            names = _family(session, world, subject)
            spelled = {str(name) for name in names}
            ended = [row for row in rows if row.subject in spelled and row.what in (*pending.ATTENTION, *steps.ENDED)]
            # What waits for another record is asked about again once that is answered.
            if ended[-1].what in pending.ATTENTION and not pending.rows(session, world.connection_id, names):
                found.append((subject, ended[-1].text))
    return found


def _family(session: Session, world: World, subject: str) -> list[Record]:
    side, kind, name = subject.split(":", 2)
    record = Record(Side(side), Kind(kind), name)
    return pairs.names(session, world.connection_id, record) or [record]


def written_again(world: World) -> list[tuple[str, str]]:
    """What is written although both books agreed, when everything is looked at once more: the action and the record."""
    written = _writes(world)
    with world.parts.database.reading() as session:
        agree = {
            subject
            for _, subject in written
            if not pending.rows(session, world.connection_id, _family(session, world, subject))
        }
    look_at_all_again(world)
    again = _writes(world)[len(written) :]
    # What waited, say for books that are open again, takes the payments on it along.
    waited = any(subject not in agree for _, subject in again)
    return [(a, subject) for a, subject in again if subject in agree and not (waited and ":payment:" in subject)]


def _writes(world: World) -> list[tuple[str, str]]:
    """Each write so far, in order: its action and its record."""
    with world.parts.database.reading() as session:
        rows = session.scalars(sa.select(Operation).order_by(Operation.id))
        return [(row.action, row.subject) for row in rows]


def look_at_all_again(world: World) -> None:
    """Every document and payment of both books is looked at once more, with a fresh read."""
    names = []
    for kind in (Kind.INVOICE, Kind.ESTIMATE, Kind.PAYMENT):
        rows = world.quickbooks.query(f"select * from {kind.capitalize()}")  # noqa: S608 - QuickBooks' language
        names += [Record(Side.RAVETREE, kind, row["id"]) for row in world.ravetree.every(f"{kind}s")]
        names += [Record(Side.QUICKBOOKS, kind, row["Id"]) for row in rows]
    now = world.clock.now()
    with world.parts.database.transaction() as session:
        for name in names:
            pending.note(session, world.connection_id, name, now, must_read=name.side is Side.QUICKBOOKS)
    world.settle()
    world.clock.advance(ECHO_CONFIRM_SECONDS)
    world.settle()
