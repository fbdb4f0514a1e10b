"""What a unit of work remembers of what it read: never longer than it is true."""

import pytest
from sqlalchemy.orm import Session

from reconcile.model import Kind, Side
from storage import pairs
from storage.database import Database
from storage.unit import UnitOfWork
from tests.unit.ports import START
from tests.unit.storing import CONNECTION, INVOICE, RAVETREE_INVOICE, add_connection


class Asked:
    """How often the pair was asked for, and whether it was there."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit, self.count = unit, 0

    def __call__(self) -> tuple[bool, int]:
        def read(session: Session) -> bool:
            self.count += 1
            return pairs.find(session, CONNECTION, Kind.INVOICE, Side.RAVETREE, RAVETREE_INVOICE.id) is not None

        return self.unit.once("the pair", read), self.count


@pytest.fixture
def unit(database: Database) -> UnitOfWork:
    add_connection(database)
    return UnitOfWork(database)


def store(session: Session) -> None:
    pairs.store(session, CONNECTION, Kind.INVOICE, RAVETREE_INVOICE.id, INVOICE.id, START)


def test_it_asks_once_until_it_ends(unit: UnitOfWork) -> None:
    asked = Asked(unit)
    assert [asked(), asked()] == [(False, 1), (False, 1)]
    unit.commit()
    assert asked() == (False, 2)
    unit.commit()


def test_what_others_stored_is_seen_in_the_next_transaction(unit: UnitOfWork) -> None:
    asked = Asked(unit)
    assert asked() == (False, 1)
    unit.commit()
    with unit.database.transaction() as session:
        store(session)
    assert asked() == (True, 2)
    unit.rollback()
    assert asked() == (True, 3)
    unit.commit()


def test_what_it_stored_itself_is_seen_at_once(unit: UnitOfWork) -> None:
    asked = Asked(unit)
    with unit.writing():
        pass
    assert [asked(), asked()] == [(False, 1), (False, 1)]
    with unit.writing() as session:
        assert asked() == (False, 2)
        store(session)
        assert asked() == (True, 3), "nothing is remembered while something is being stored"
    assert [asked(), asked()] == [(True, 4), (True, 4)]
    with unit.writing() as session:
        pairs.remove(session, CONNECTION, Kind.INVOICE, RAVETREE_INVOICE.id)
    assert asked() == (False, 5)
    unit.commit()


def test_what_failed_is_forgotten(unit: UnitOfWork) -> None:
    asked = Asked(unit)

    def store_and_fail() -> None:
        with unit.writing() as session:
            store(session)
            raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        store_and_fail()
    assert asked() == (False, 1)
    unit.commit()
