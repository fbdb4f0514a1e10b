"""Told in time: once each, and once more when it is over."""

from datetime import timedelta
from typing import Any

import pytest

from clients.telling import News, NotTold
from config.telemetry import Progress
from storage import connections, dead_letters, tellings
from storage.database import Database
from sync.operating.signs import Signs
from sync.operating.telling import Teller
from tests.unit.ports import START, FakeClock
from tests.unit.storing import CONNECTION, add_connection

EVERY, OVER = 15.0, timedelta(minutes=1)


class Ear:
    """A way that hears, unless it is deaf."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.deaf = False
        self.breaks = False
        self.heard: list[News] = []

    def tell(self, news: News) -> None:
        if self.breaks:
            raise ValueError("kim@books.example")
        if self.deaf:
            raise NotTold("nobody is there")
        self.heard.append(news)

    @property
    def said(self) -> list[tuple[list[str], list[str]]]:
        """What each message says: what began, what is over."""
        return [
            ([one["finding"] for one in n.data["begun"]], [one["finding"] for one in n.data["over"]])
            for n in self.heard
        ]


class Place:
    """A teller with two ears in a process that is here."""

    def __init__(self, database: Database, clock: FakeClock, role: str = "up", name: str = "me") -> None:
        self.database, self.clock = database, clock
        self.mail, self.webhook = Ear("mail"), Ear("webhook")
        self.signs = Signs(database, clock, Progress(clock), name, role)
        self.teller = Teller(database, clock, [self.mail, self.webhook], name, lambda: "http://console", OVER)

    def round(self, seconds: float = EVERY) -> int:
        self.clock.advance(seconds)
        self.signs.give()
        return self.teller.step()

    def break_something(self) -> None:
        with self.database.transaction() as session:
            connections.pause(session, CONNECTION, "The consent was taken back.", "Connect again.")

    def mend(self) -> None:
        with self.database.transaction() as session:
            connections.activate(session, CONNECTION)


@pytest.fixture
def place(database: Database, clock: FakeClock) -> Place:
    add_connection(database)
    return Place(database, clock)


def test_it_is_told_once_by_each_way_and_once_more_when_it_is_over(place: Place) -> None:
    assert place.round() == 0
    place.break_something()
    assert place.round() == 2
    for _ in range(100):
        assert place.round(60) == 0
    place.mend()
    place.round()
    assert place.round() == 0, "it may come back"
    assert place.round(OVER.total_seconds()) == 2
    for _ in range(10):
        assert place.round(60) == 0
    assert place.mail.said == place.webhook.said == [(["reconnect"], []), ([], ["reconnect"])]
    with place.database.reading() as session:
        assert tellings.every(session) == []
    (begun, over) = place.mail.heard
    assert begun.subject == "Ravebooks: 1 not well"
    assert "org_42: The consent was taken back." in begun.text
    assert "Connect again." in begun.text
    assert "http://console" in begun.text
    assert over.subject == "Ravebooks: 1 well again"
    assert begun.id != over.id


def test_after_a_restart_nothing_is_told_again(place: Place) -> None:
    place.break_something()
    place.round()
    later = Place(place.database, place.clock)
    assert later.round() == 0
    assert later.mail.heard == []


def test_what_comes_and_goes_is_told_once(place: Place) -> None:
    place.break_something()
    place.round()
    for _ in range(20):
        place.mend()
        assert place.round() == 0
        place.break_something()
        assert place.round() == 0


def test_what_was_over_and_comes_back_is_told_anew(place: Place) -> None:
    place.break_something()
    place.round()
    place.mend()
    place.round()
    place.round(60)
    place.break_something()
    assert place.round() == 2
    assert [begun for begun, _ in place.mail.said] == [["reconnect"], [], ["reconnect"]]
    assert len({news.id for news in place.mail.heard}) == 3


def test_a_way_that_fails_is_tried_again_holds_up_no_other_and_is_itself_found(place: Place) -> None:
    place.mail.deaf = True
    place.break_something()
    assert place.round() == 1
    assert place.webhook.said == [(["reconnect"], [])]
    with place.database.reading() as session:
        count, _, why = tellings.failing(session)
    assert (count, why) == (1, "mail: nobody is there")
    place.mail.deaf = False
    assert place.round() == 1
    assert place.mail.said == [(["reconnect"], [])]
    assert place.webhook.said == [(["reconnect"], [])]
    with place.database.reading() as session:
        assert tellings.failing(session)[0] == 0


def test_a_way_that_breaks_is_tried_again_holds_up_no_other_and_is_itself_found(place: Place) -> None:
    place.mail.breaks = True
    place.break_something()
    assert place.round() == 1
    assert place.webhook.said == [(["reconnect"], [])]
    with place.database.reading() as session:
        assert tellings.failing(session)[2] == "mail: it met an unexpected error (ValueError)"
    place.mail.breaks = False
    assert place.round() == 1
    assert place.mail.said == [(["reconnect"], [])]


def test_what_was_over_before_anybody_could_be_told_is_not_told(place: Place) -> None:
    place.mail.deaf = place.webhook.deaf = True
    place.break_something()
    place.round()
    place.mend()
    place.round()
    place.mail.deaf = place.webhook.deaf = False
    for _ in range(5):
        assert place.round(60) == 0
    with place.database.reading() as session:
        assert tellings.every(session) == []


def test_many_are_one_message(place: Place) -> None:
    place.break_something()
    with place.database.transaction() as session:
        dead_letters.keep(session, message_id="m", queue="q", routing_key="", reason="r", body=b"", now=START)
    assert place.round() == 2
    assert place.mail.said == [(["dead_letters", "reconnect"], [])]


def test_what_a_person_stopped_is_not_told(place: Place) -> None:
    with place.database.transaction() as session:
        connections.pause(session, CONNECTION, f"{connections.PAUSED_BY}Kim.", "")
    assert place.round() == 0


@pytest.mark.parametrize(
    ("others", "tells"),
    [
        ([("sweeper", "a")], False),
        ([("sweeper", "z")], True),
        ([("worker", "a"), ("web", "a")], True),
        ([], True),
    ],
)
def test_one_process_tells(database: Database, clock: FakeClock, others: list[Any], tells: bool) -> None:
    add_connection(database)
    place = Place(database, clock, "sweeper", "m")
    place.break_something()
    for role, name in others:
        Signs(database, clock, Progress(clock), name, role).give()
    assert bool(place.round()) is tells


def test_without_a_sweeper_a_worker_says_so(database: Database, clock: FakeClock) -> None:
    worker = Place(database, clock, "worker", "w")
    Signs(database, clock, Progress(clock), "a", "sweeper").give()
    assert worker.round() == 0
    assert worker.round(61) == 2
    assert worker.mail.said == [(["no_web"], [])]
