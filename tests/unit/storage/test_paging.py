"""Pages of a list that changes while it is read."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from storage import paging
from storage.database import Database
from storage.models import Connection
from storage.paging import Asked, Page
from tests.unit.ports import START

# Few moments, so that many connections share one: the key alone tells them apart.
changes = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2), st.booleans()), max_size=6)


def page_of(session: Session, asked: Asked, *, descending: bool) -> Page[Connection]:
    query = sa.select(Connection)
    return paging.select(session, query, [Connection.created_at, Connection.id], asked, descending=descending)


def change(session: Session, name: str, moment: int, is_there: bool) -> None:
    """Add a connection at a moment, or remove it."""
    found = session.get(Connection, name)
    if found is not None:
        session.delete(found)
        session.flush()
    if is_there:
        at = START + timedelta(seconds=moment)
        named = {"id": name, "account_id": name, "realm_id": name}
        session.add(Connection(**named, state="active", created_at=at, cdc_watermark=at))
        session.flush()


def names(session: Session) -> set[tuple[str, str]]:
    """Connections as they are: one that was added again is another one."""
    return {(row.id, row.created_at.isoformat()) for row in session.execute(sa.select(Connection)).scalars()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(changes, min_size=1, max_size=12), st.integers(1, 3), st.booleans())
def test_whatever_changes_meanwhile_what_stays_is_read_once_and_in_order(
    database: Database, between: list[list[tuple[str, int, bool]]], limit: int, descending: bool
) -> None:
    with database.transaction() as session:
        session.execute(sa.delete(Connection))
        for number, name in enumerate("abcdefgh"):
            change(session, name, number % 3, True)
        stayed, seen = names(session), []
        page = page_of(session, Asked(limit), descending=descending)
        steps = iter(between)
        while True:
            assert len(page.rows) <= limit
            seen += [(row.created_at.isoformat(), row.id) for row in page.rows]
            if page.next is None:
                break
            for each in next(steps, []):
                change(session, *each)
            stayed &= names(session)
            page = page_of(session, Asked(limit, page.next), descending=descending)
    assert seen == sorted(set(seen), reverse=descending)
    assert {(name, moment) for moment, name in seen} >= stayed


@pytest.mark.parametrize("descending", [False, True])
def test_rows_that_are_all_at_hand_are_cut_the_same_way(descending: bool) -> None:
    rows = [(letter, number) for letter in "ab" for number in (1, 2, 3)]
    first = paging.cut(reversed(rows), tuple, Asked(4), descending=descending)
    rest = paging.cut(rows, tuple, Asked(4, first.next), descending=descending)
    assert [*first.rows, *rest.rows] == sorted(rows, reverse=descending)
    assert (len(first.rows), rest.next) == (4, None)


def test_a_page_that_is_just_full_is_the_last_one() -> None:
    assert paging.cut("abc", tuple, Asked(3)) == Page(["a", "b", "c"])


def test_a_list_is_read_to_its_end_a_page_at_a_time() -> None:
    asked: list[Asked] = []

    def pages(each: Asked) -> Page[str]:
        asked.append(each)
        return paging.cut("abcde", tuple, each)

    assert "".join(paging.through(pages, 2)) == "abcde"
    assert [each.after for each in asked] == [None, ("b",), ("d",)]
