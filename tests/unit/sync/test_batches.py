"""What may share a request: each number once, thirty at most, two at least."""

from types import SimpleNamespace
from typing import Any

import pytest

from reconcile.model import Kind, Plan, Record, Side, Write
from sync.records.batches import MOST, Gathering
from sync.writes.journal import Request


class Work:
    """A document whose next step is given."""

    def __init__(self, number: str, kind: Kind = Kind.INVOICE, action: str = "invoice.create", **plan: Any) -> None:
        self._subject = Record(Side.RAVETREE, kind, f"id {number}")
        self._plan = Plan(writes=(Write(Side.QUICKBOOKS, action, content=SimpleNamespace(number=number)),), **plan)  # type: ignore[arg-type]

    def gather(self) -> Any:
        return SimpleNamespace(subject=self._subject)

    def plan(self, _seen: Any) -> Plan:
        return self._plan

    def request(self, seen: Any, write: Write) -> Request:
        return Request(seen.subject, write.side, write.action, seen.subject.kind, {})


class Bench:
    """Numbers that are taken, and what was sent."""

    def __init__(self, *taken: str) -> None:
        self.id = "con_1"
        self.taken = taken
        self.sent: list[list[str]] = []
        self.looked_up: list[tuple[Kind, list[str]]] = []
        self.forgotten: list[str] = []
        self.journal = SimpleNamespace(
            blocked_until=lambda _id: {},
            write_batch=lambda requests: self.sent.append([request.subject.id for request in requests]),
        )

    @property
    def numbers(self) -> "Bench":
        """They are its own."""
        return self

    def look_up(self, kind: Kind, numbers: list[str]) -> None:
        self.looked_up.append((kind, list(numbers)))

    def holders(self, _kind: Kind, number: str) -> list[str]:
        return [number] if number in self.taken else []

    def forget(self, _kind: Kind, number: str) -> None:
        self.forgotten.append(number)


def send(books: Bench, *works: Work) -> Gathering:
    gathering = Gathering(books)  # type: ignore[arg-type]
    for work in works:
        gathering.take(work)  # type: ignore[arg-type]
    gathering.send()
    return gathering


def test_two_go_together_after_one_look_and_their_numbers_are_forgotten() -> None:
    books = Bench()
    send(books, Work("1"), Work("2"))
    assert books.sent == [["id 1", "id 2"]]
    assert books.looked_up == [(Kind.INVOICE, ["1", "2"])]
    assert books.forgotten == ["1", "2"]


def test_of_two_with_one_number_the_second_goes_alone() -> None:
    """Whether QuickBooks checks numbers is a setting: unchecked, a batch would make both."""
    books = Bench()
    send(books, Work("1"), Work("1"), Work("2"), Work("1", Kind.ESTIMATE, "estimate.create"))
    assert books.sent == [["id 1", "id 2", "id 1"]]


@pytest.mark.parametrize(
    "other",
    [
        Work(""),
        Work("2", action="invoice.update"),
        Work("2", waits_for=Record(Side.RAVETREE, Kind.ESTIMATE, "est_1")),
    ],
)
def test_what_is_no_plain_creation_with_a_number_is_left_out(other: Work) -> None:
    books = Bench()
    send(books, Work("1"), other)
    assert (books.sent, books.looked_up) == ([], [])


def test_a_number_that_is_taken_is_left_to_its_own_work() -> None:
    books = Bench("2")
    send(books, Work("1"), Work("2"), Work("3"))
    assert books.sent == [["id 1", "id 3"]]
    books = Bench("2")
    send(books, Work("1"), Work("2"))
    assert books.sent == []


def test_it_is_full_with_thirty() -> None:
    works = [Work(str(place)) for place in range(MOST)]
    assert not send(Bench(), *works[:-1]).full
    assert send(Bench(), *works).full
    assert MOST == 30
