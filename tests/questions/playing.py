"""Each question's decisions and repairs, played to their end in copies of the world in which it stands.

Afterwards the question is gone, nothing else is asked, and both books agree, or differ by what the person decided.
`make questions` writes docs/questions.md of it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from ravebooks.demo.sides import Body
from storage.models import Operation
from tests.questions import refusals, repairs, situations
from tests.questions.desk import SITUATIONS, Desk, Situation
from tests.simulation.deciding_people import look_at_all_again
from tests.simulation.world import World

REST_SECONDS = 301
ASKED = (situations, repairs, refusals)
"""The modules that say how each question comes to be asked."""


@dataclass(frozen=True)
class Asking:
    """The beginning in which a question stands. It begins with the name of what asks, and what was made."""

    place: int

    def __call__(self, world: World) -> tuple[str, dict[str, Body]]:
        world.settle()
        desk = Desk(world)
        return SITUATIONS[self.place].provoke(desk), desk.made


@contextmanager
def asked(one: Situation, directory: Path | None = None) -> Iterator[tuple[Desk, str]]:
    """A world in which the question stands, and the record that asks."""
    with tempfile.TemporaryDirectory() as made:
        world = World(directory or Path(made), prepare=Asking(SITUATIONS.index(one)), country=one.country)
        name, records = world.begun_with
        try:
            yield Desk(world, records), name
        finally:
            world.close()


def play(one: Situation, way: str, directory: Path | None = None) -> str:
    """Answer the question one way: what both books say in the end. Raises `AssertionError` where it does not end well.

    Whatever further question the answer leads to is answered too.
    """
    with asked(one, directory) as (desk, name):
        if way in one.decisions:
            decide(desk, name, way, _target(one, way, desk))
            assert any(entry["text"].startswith(f"decision: {way}") for entry in timeline(desk, name)), (
                "not in the timeline"
            )
        elif one.repair is not None:
            one.repair[1](desk)
            rest(desk)
        ended = []
        for code, answer in one.then.get(way, ()):
            (row,) = desk.world.attention()
            assert row["code"] == code, row
            ended.append(f"then `{code}`" + (f", `{answer}`" if answer else ""))
            if not answer:
                break
            decide(desk, ":".join((row["side"], row["kind"], row["id"])), answer)
        else:
            assert desk.world.attention() == [], "something is still asked"
            assert desk.world.connection()["work"]["waiting"] == 0, "something still waits"
        before = writes(desk)
        look_at_all_again(desk.world)
        assert writes(desk) == before, "it is written again and again"
        if not ended or ended[-1].count(",") == 1:
            assert desk.world.attention() == [], "it is asked again"
            _check_parity(desk, one, way)
        return "; ".join([*ended, spell_books(desk)])


def _check_parity(desk: Desk, one: Situation, way: str) -> None:
    """Both books agree, but for marks without a payment and for what a person has decided, with who, when and why."""
    rows = [row for row in desk.world.parity()["rows"] if row["cause"] != "marked_as_paid"]
    assert bool(rows) is (way in one.differs), rows
    for row in rows:
        if row["cause"] == "drift" and one.code == "share_fell_with_total":
            # What covers the total that a bookkeeper edited says nothing of that edit.
            continue
        said = f"{row['text']} {row['remedy']}"
        assert row["cause"] in ("decided", "accepted"), row
        assert "Kim on 2026-" in said, row
        assert "as agreed" in said, row


def _target(one: Situation, way: str, desk: Desk) -> str:
    return one.targets[way](desk) if way in one.targets else ""


def timeline(desk: Desk, name: str) -> list[Body]:
    """What happened to a record, as people are shown it."""
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/timeline"
    found: list[Body] = desk.world.api("GET", path).get_json()["data"]
    return found


def decide(desk: Desk, name: str, decision: str, target: str = "") -> None:
    """A person decides, and all that comes of it is done."""
    path = f"/api/connections/{desk.world.connection_id}/records/{name.replace(':', '/')}/decision"
    desk.world.api("POST", path, {"decision": decision, "by": "Kim", "note": "as agreed", "target": target})
    rest(desk)


def rest(desk: Desk) -> None:
    """All that is under way is done, with what looks again after some minutes."""
    desk.world.settle()
    desk.world.clock.advance(REST_SECONDS)
    desk.world.settle()


def asked_now(desk: Desk) -> list[str]:
    """The codes of what waits for a person when all is quiet."""
    rest(desk)
    return [row["code"] for row in desk.world.attention()]


def writes(desk: Desk) -> int:
    """How many writes were made to both books."""
    with desk.world.parts.database.reading() as session:
        return int(session.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one())


def spell_books(desk: Desk) -> str:
    """Every document of both books with what is open of it; one text where both say the same.

    A bookkeeper's own invoices, whose numbers begin with `X-`, are left out. An invoice over nothing with a note that
    begins as that of a void one may be either: it is what Ravetree says.
    """
    ours, theirs = desk.world.ravetree, desk.world.quickbooks
    here = [f"an estimate over {Decimal(row['total']):.2f}" for row in _by_number(ours.every("estimates"), "number")]
    there = [
        f"an estimate over {row['TotalAmt']:.2f}"
        for row in _by_number(theirs.query("select * from Estimate"), "DocNumber")
    ]
    live = set()
    for row in _by_number(ours.every("invoices"), "number"):
        left = Decimal(0) if row["marked_paid_at"] else Decimal(row["balance"])
        if row["status"] != "void":
            live.add(row["number"])
        here.append("void" if row["status"] == "void" else f"{Decimal(row['total']):.2f}, open {left:.2f}")
    for row in _by_number(theirs.query("select * from Invoice"), "DocNumber"):
        void = str(row.get("PrivateNote", "")).startswith("Voided") and row["DocNumber"] not in live
        if not row["DocNumber"].startswith("X-"):
            there.append("void" if void else f"{row['TotalAmt']:.2f}, open {row['Balance']:.2f}")
    said, answered = "; ".join(here) or "nothing", "; ".join(there) or "nothing"
    return said if said == answered else f"Ravetree {said}, QuickBooks {answered}"


def _by_number(rows: list[Body], field: str) -> list[Body]:
    return sorted(rows, key=lambda row: str(row[field]))
