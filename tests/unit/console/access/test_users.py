"""Who gets in: passwords, failures, links, and sessions that end."""

from datetime import timedelta

import pytest

from console.access import passwords
from console.access.passwords import PasswordRefused
from console.access.sessions import ENDS_AFTER, Sessions
from console.access.users import LinkRefused, RoleRefused, SignInRefused, Users
from storage import users as rows
from storage.database import Database
from storage.models import ConsoleSession, SignInFailure
from tests.unit.ports import FakeClock, SeededEntropy

PASSWORD, ADDRESS = "correct horse battery", "192.0.2.7"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def users(database: Database, clock: FakeClock) -> Users:
    made = Users(database, clock, SeededEntropy(), "k" * 32)
    made.add("Kim", rows.OPERATOR, password=PASSWORD)
    return made


@pytest.fixture
def sessions(users: Users) -> Sessions:
    return Sessions(users.database, users.clock, users.entropy, users.secret_key)


def fail(users: Users, times: int, name: str = "Kim", address: str = ADDRESS) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            users.sign_in(name, "wrong wrong wrong", address)


def test_who_has_the_name_and_the_password_gets_in(users: Users) -> None:
    assert users.sign_in(" kim ", PASSWORD, ADDRESS).shown == "Kim"
    fail(users, 1)
    fail(users, 1, name="nobody")


def test_no_password_is_kept_as_it_is(users: Users) -> None:
    assert users.every()[0].password_hash.startswith("$argon2id$")


def test_who_is_unknown_is_refused_after_as_much_work_as_anybody_else() -> None:
    """What stands for their password is one of today's strength, and nobody's."""
    assert not passwords.is_outdated(passwords._NOBODYS)
    assert not passwords.is_right("", "nobody has this password")


def test_after_five_failures_the_right_password_waits_too(users: Users, clock: FakeClock) -> None:
    fail(users, 5)
    with pytest.raises(SignInRefused, match="too many"):
        users.sign_in("Kim", PASSWORD, ADDRESS)
    assert users.sign_in("Kim", PASSWORD, "198.51.100.1").shown == "Kim"
    clock.advance(15 * 60 + 1)
    assert users.sign_in("Kim", PASSWORD, ADDRESS).shown == "Kim"


def test_one_address_that_tries_many_names_is_stopped(users: Users) -> None:
    for number in range(10):
        fail(users, 3, name=f"name {number}")
    with pytest.raises(SignInRefused, match="too many"):
        users.sign_in("Kim", PASSWORD, ADDRESS)


def test_one_name_that_is_tried_from_many_addresses_is_stopped(users: Users) -> None:
    for number in range(10):
        fail(users, 5, address=f"198.51.100.{number}")
    with pytest.raises(SignInRefused, match="too many"):
        users.sign_in("Kim", PASSWORD, ADDRESS)


def test_who_got_in_begins_to_count_anew(users: Users) -> None:
    fail(users, 4)
    users.sign_in("Kim", PASSWORD, ADDRESS)
    fail(users, 4)
    assert users.sign_in("Kim", PASSWORD, ADDRESS).shown == "Kim"


@pytest.mark.parametrize("password", ["short", "I am Kimberley, or Kim", "aaaaaaaaaaaaaaaa", "x" * 257])
def test_what_keeps_nobody_out_is_no_password(users: Users, password: str) -> None:
    with pytest.raises(PasswordRefused):
        users.set_password("Kim", password)


def test_a_link_lets_its_user_in_once_within_the_hour(users: Users, clock: FakeClock) -> None:
    token = users.link_for("Kim", "attention")
    user, page = users.open_link(token)
    assert (user.shown, page) == ("Kim", "attention")
    with pytest.raises(LinkRefused):
        users.open_link(token)
    late = users.link_for("Kim")
    clock.advance(3601)
    with pytest.raises(LinkRefused):
        users.open_link(late)
    with pytest.raises(LinkRefused):
        users.open_link("f" * 48)


def test_a_bookkeeper_whom_ravetree_names_is_one_of_that_account_alone(users: Users) -> None:
    first, _ = users.open_link(users.link_for_account("org_1", "Ann"))
    again, _ = users.open_link(users.link_for_account("org_1", "Ann"))
    other, _ = users.open_link(users.link_for_account("org_2", "Ann"))
    assert (first.id, first.role, first.account_id) == (again.id, rows.BOOKKEEPER, "org_1")
    assert (other.id != first.id, other.account_id) == (True, "org_2")
    assert users.open_link(users.link_for_account("org_1", "Kim"))[0].role == rows.BOOKKEEPER
    with pytest.raises(SignInRefused):
        users.sign_in(first.shown, "", ADDRESS)


@pytest.mark.parametrize("way", ["set_password", "sign_out_everywhere", "end"])
def test_sessions_and_links_end(users: Users, sessions: Sessions, way: str) -> None:
    user, token = users.sign_in("Kim", PASSWORD, ADDRESS), users.link_for("Kim")
    kept = sessions.begin(user)
    assert sessions.find(kept) is not None
    getattr(users, way)(*(["Kim", f"{PASSWORD} 2"] if way == "set_password" else ["Kim"]))
    assert sessions.find(kept) is None
    # One that was let in just before is let in to nothing.
    assert sessions.find(sessions.begin(user)) is None
    with pytest.raises(LinkRefused):
        users.open_link(token)


def test_a_session_ends_by_itself_and_alone(users: Users, sessions: Sessions, clock: FakeClock) -> None:
    user = users.sign_in("Kim", PASSWORD, ADDRESS)
    first, second = sessions.begin(user), sessions.begin(user)
    sessions.end(first)
    assert [sessions.find(token) is not None for token in (first, second, "made up", "")] == [False, True, False, False]
    clock.advance(ENDS_AFTER.total_seconds())
    assert sessions.find(second) is None
    sessions.begin(user)
    with users.database.reading() as session:
        assert [row.begun_at for row in session.query(ConsoleSession)] == [clock.now()]


def test_a_session_of_a_clock_that_ran_ahead_is_not_believed(
    users: Users, sessions: Sessions, clock: FakeClock
) -> None:
    clock.advance(86_400)
    token = sessions.begin(users.sign_in("Kim", PASSWORD, ADDRESS))
    clock.advance(-86_400)
    assert sessions.find(token) is None


def test_who_has_no_access_any_more_gets_in_by_no_way(users: Users) -> None:
    users.end("Kim")
    fail(users, 1)
    with pytest.raises(SignInRefused):
        users.sign_in("Kim", PASSWORD, "198.51.100.9")
    with pytest.raises(rows.UnknownUser):
        users.link_for("Kim")
    with pytest.raises(rows.NameTaken):
        users.add("KIM", rows.VIEWER)


@pytest.mark.parametrize(
    ("role", "account"), [("bookkeeper", ""), ("operator", "org_1"), ("owner", ""), ("bookkeeper", "no id!")]
)
def test_a_role_that_makes_no_sense_is_refused(users: Users, role: str, account: str) -> None:
    with pytest.raises(RoleRefused):
        users.add("Nora", role, account)


def test_what_counts_no_longer_is_dropped(users: Users, database: Database, clock: FakeClock) -> None:
    fail(users, 1, name="nobody")
    clock.advance(timedelta(hours=1).total_seconds())
    fail(users, 1)
    with database.reading() as session:
        assert session.query(SignInFailure).count() == 3


def test_a_password_that_changes_meanwhile_lets_nobody_in(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at a password takes a while."""
    right = passwords.is_right

    def slowly(kept: str, password: str) -> bool:
        found = right(kept, password)
        users.set_password("Kim", f"{PASSWORD} 2")
        return found

    monkeypatch.setattr(passwords, "is_right", slowly)
    with pytest.raises(SignInRefused, match="just changed"):
        users.sign_in("Kim", PASSWORD, ADDRESS)


def test_an_account_s_link_lets_in_its_own_bookkeepers_alone(users: Users) -> None:
    users.add("Nora (org_1)", rows.OPERATOR)
    with pytest.raises(RoleRefused):
        users.link_for_account("org_1", "Nora")


def test_whose_access_ended_may_be_let_in_again(users: Users) -> None:
    users.end("Kim")
    users.let_in_again("Kim")
    fail(users, 1)
    assert users.open_link(users.link_for("Kim"))[0].shown == "Kim"
