"""The console's pages, as a browser without a script asks for them."""

import html
import re
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from console.pages.showing import COOKIE, here
from console.pages.wording import LABELS
from reconcile.decisions import Decision
from reconcile.model import Kind, Record, Side
from schemas.ids import record_of
from storage import parity
from storage import users as roles
from storage.database import DatabaseDown
from storage.paging import Asked
from tests.simulation.posting import paired_invoice, pay
from tests.simulation.world import RAVETREE, World

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
PASSWORD = "correct horse battery"
PAGES = ("", "attention", "records", "connection", "connection/mappings", "backfill", "parity", "reads")


class Visit:
    """A browser at the console of a world; whom it is of is signed in."""

    def __init__(self, world: World, role: str = "", account: str = "") -> None:
        self.world, self.browser, self.name = world, world.web.application.test_client(), f"{role} {account}".strip()
        if role:
            world.parts.console.users.add(self.name, role, account, PASSWORD)
            assert self.enter().status_code == 302

    def get(self, path: str = "") -> TestResponse:
        return self.browser.get(self._address(path))

    def _address(self, path: str) -> str:
        """`ID` at its beginning is the connection's: a cursor may have those letters anywhere."""
        return f"/console/{re.sub('^ID(?=/)', self.world.connection_id, path)}"

    def post(self, path: str, page: str = "you", **form: Any) -> TestResponse:
        """Press a button of `page`, whose form has the token."""
        found = TOKEN.search(self.get(page).text)
        values = {"csrf_token": found[1] if found else ""} | form
        return self.browser.post(self._address(path), data=values)

    def enter(self, password: str = PASSWORD, **more: str) -> TestResponse:
        query = f"?next={more['next']}" if more else ""
        return self.post(f"sign-in{query}", "sign-in", name=self.name, password=password)


def text_of(answer: TestResponse) -> str:
    """What a page says, without its marks."""
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.fixture
def bookkeeper(world: World) -> Visit:
    return Visit(world, roles.BOOKKEEPER, world.connection()["account_id"])


# --- who gets in ---------------------------------------------------------------------------------


def test_who_opens_the_bare_address_is_led_to_the_way_in(world: World) -> None:
    visit = Visit(world)
    assert visit.browser.get("/").headers["Location"] == "console/"
    assert visit.browser.get("/", follow_redirects=True).request.path == "/console/sign-in"
    assert visit.get("sign-in").headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")


def test_nobody_sees_a_page_without_having_signed_in(world: World) -> None:
    visit = Visit(world)
    for page in PAGES:
        answer = visit.get(f"ID/{page}")
        assert (answer.status_code, "/console/sign-in" in answer.headers["Location"]) == (302, True), page
    assert visit.post("ID/connection/pause", "sign-in").status_code == 302
    assert world.connection()["state"] == "active"


@pytest.mark.parametrize("next_page", ["//evil.example/console/", "https://evil.example/", "/console/\\evil", "/api"])
def test_signing_in_leads_to_no_other_host(world: World, next_page: str) -> None:
    visit = Visit(world, roles.OPERATOR)
    visit.post("sign-out")
    assert visit.enter(next=next_page).headers["Location"] == "/console/"


def test_what_another_site_posts_is_refused(bookkeeper: Visit) -> None:
    answer = bookkeeper.browser.post(f"/console/{bookkeeper.world.connection_id}/connection/pause", data={})
    assert (answer.status_code, bookkeeper.world.connection()["state"]) == (400, "active")


def test_a_wrong_password_is_told_and_counted(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    visit.post("sign-out")
    for _ in range(5):
        assert visit.enter("wrong wrong wrong").status_code == 403
    assert "too many failures" in visit.enter().text


def test_a_link_lets_in_once_and_only_when_it_is_pressed(world: World) -> None:
    token = world.parts.console.users.link_for_account(world.connection()["account_id"], "Ann")
    visit = Visit(world)
    assert visit.get(f"enter?token={token}").status_code == 200
    assert visit.post("enter", f"enter?token={token}", token=token).status_code == 303
    assert "Ann" in visit.get("ID/").text
    again = Visit(world)
    assert again.post("enter", f"enter?token={token}", token=token).status_code == 403


def test_sessions_end_by_themselves_and_everywhere(world: World) -> None:
    first = Visit(world, roles.OPERATOR)
    second = Visit(world)
    second.name = first.name
    second.enter()
    assert second.post("sign-out-everywhere").status_code == 303
    assert [visit.get("ID/").status_code for visit in (first, second)] == [302, 302]
    first.enter()
    world.clock.advance(2 * 3600 + 1)
    assert first.get("ID/").status_code == 302
    first.enter()
    for _ in range(12):
        world.clock.advance(3601)
        last = first.get("ID/").status_code
    assert last == 302


def test_a_copied_cookie_opens_nothing_after_the_sign_out(world: World) -> None:
    visit, thief = Visit(world, roles.OPERATOR), Visit(world)
    cookie = visit.browser.get_cookie(COOKIE, path="/console")
    assert cookie is not None
    thief.browser.set_cookie(COOKIE, cookie.value, path="/console")
    assert thief.get("ID/").status_code == 200
    visit.post("sign-out")
    assert thief.get("ID/").status_code == 302


def test_a_new_password_ends_the_other_sessions(world: World) -> None:
    first = Visit(world, roles.OPERATOR)
    second = Visit(world)
    second.name = first.name
    second.enter()
    assert second.post("you", old="wrong wrong wrong", new=f"{PASSWORD} 2").status_code == 400
    assert second.post("you", old=PASSWORD, new=f"{PASSWORD} 2").status_code == 303
    assert [visit.get("ID/").status_code for visit in (first, second)] == [302, 200]


def acts(world: World) -> list[tuple[str, str]]:
    """Who did what to the connection in the console, newest first."""
    found = world.parts.console.actions.installation.acts(Asked(50), world.connection_id).rows
    return [(act.who, act.what) for act in found if act.through == "console"]


# --- who sees and does what ----------------------------------------------------------------------


def addresses(world: World) -> list[tuple[str, str]]:
    """Every address of the console that is about a connection, with a method it takes."""
    values = {"connection_id": "ID", "side": "ravetree", "kind": "invoice", "record_id": "1"}
    values |= {"report_id": "1", "job_id": "1", "verb": "pause"}
    found = []
    for rule in world.web.application.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "connection_id" in rule.arguments:
            path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda m: values[m[1]], rule.rule)
            found += [
                (method, path.removeprefix("/console/")) for method in rule.methods or () if method in ("GET", "POST")
            ]
    return found


def test_nobody_sees_or_does_anything_of_another_account(world: World) -> None:
    visit = Visit(world, roles.BOOKKEEPER, "org_of_somebody_else")
    every = addresses(world)
    assert len(every) > 12
    for method, path in every:
        answer = visit.get(path) if method == "GET" else visit.post(path)
        assert answer.status_code == 404, (method, path)
    assert acts(world) == []


def test_a_viewer_looks_and_does_nothing(world: World) -> None:
    visit = Visit(world, roles.VIEWER, world.connection()["account_id"])
    for method, path in addresses(world):
        if method == "POST":
            assert visit.post(path).status_code == 403, path
    assert [visit.get(f"ID/{page}").status_code for page in PAGES] == [200] * len(PAGES)
    assert [visit.get(page).status_code for page in ("people", "acts")] == [403, 403]
    assert visit.post("people/add", name="Eve", role="operator").status_code == 403


def test_what_was_done_is_noted_with_who_did_it(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    bookkeeper.get("ID/connection")
    bookkeeper.post("ID/connection/pause", cause="audit")
    assert world.connection()["state"] == "paused"
    bookkeeper.post("ID/connection/resume")
    assert acts(world) == [(bookkeeper.name, "resume"), (bookkeeper.name, "pause")]


# --- what they show ------------------------------------------------------------------------------


def test_home_says_whether_the_books_agree(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    paired_invoice(world)
    assert "Both books agree" in text_of(bookkeeper.get("ID/"))
    world.parts.console.actions.books.make_report(world.connection_id, full=False)
    assert "0 differ" in text_of(bookkeeper.get("ID/now"))


@pytest.mark.parametrize(
    ("limit", "path", "said"),
    [
        ("AGREE_COUNTED", "ID/", r"agree ((?:more than )?\d+) wait"),
        ("COUNTED", "ID/records", r"((?:More than )?\d+) records? that have been seen"),
    ],
)
def test_records_are_counted_as_far_as_a_number_says_something(
    bookkeeper: Visit, monkeypatch: pytest.MonkeyPatch, limit: str, path: str, said: str
) -> None:
    """All that agree were counted at each look at home, which took the longer the more there were."""

    def told(most: int) -> str:
        monkeypatch.setattr(f"sync.actions.records.{limit}", most)
        (found,) = re.findall(said, text_of(bookkeeper.get(path)))
        return str(found).lower()

    paired_invoice(bookkeeper.world)
    every = int(told(1000))
    assert (told(every), told(every - 1)) == (str(every), f"more than {every - 1}")


def test_a_question_is_answered_in_place(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    _, theirs = paired_invoice(world)
    pay(world, theirs, 40)
    world.settle()
    (ours,) = world.ravetree.every("payments")
    (copy,) = world.quickbooks.query("select * from Payment")
    world.ravetree.change("payments", ours["id"], {"reference": "OURS"})
    named = {name: copy[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": "THEIRS"})
    world.settle()
    assert "1 waits for you" in text_of(bookkeeper.get("ID/"))
    (row,) = world.attention()
    page = text_of(bookkeeper.get("ID/attention"))
    assert row["cause"] in page
    assert "Payment OURS · Client of 100.00 since" in page
    assert "Press Take Ravetree's or Take QuickBooks' , or set one side to what is right." in page
    record = f"ID/records/{row['side']}/{row['kind']}/{row['id']}"
    assert "THEIRS" in text_of(bookkeeper.get(record))
    assert "Do it" in text_of(bookkeeper.get(f"{record}/preview?decision=ravetree"))
    assert bookkeeper.post(f"{record}/decide", decision="ravetree").status_code == 303
    world.settle()
    assert world.attention() == []
    assert "Nothing waits for you." in text_of(bookkeeper.get("ID/attention"))
    assert bookkeeper.name in text_of(bookkeeper.get(record))


def test_an_answer_that_the_question_does_not_take_is_refused_in_words(bookkeeper: Visit) -> None:
    ours, _ = paired_invoice(bookkeeper.world)
    answer = bookkeeper.post(f"ID/records/ravetree/invoice/{ours['id']}/decide", decision="two")
    assert (answer.status_code, "nothing waits" in answer.text.lower()) == (404, True)
    assert bookkeeper.post("ID/attention/many", decision="retry").status_code == 303


def test_the_button_brings_a_record_over(bookkeeper: Visit) -> None:
    ours, _ = paired_invoice(bookkeeper.world)
    answer = bookkeeper.post(f"ID/records/ravetree/invoice/{ours['id']}/sync")
    assert answer.status_code == 303
    assert "It is being worked on" in bookkeeper.get(f"ID/records/ravetree/invoice/{ours['id']}").text


def test_the_article_is_gone_through_in_its_order(bookkeeper: Visit) -> None:
    """Tick first, then map."""
    world = bookkeeper.world
    bookkeeper.post("ID/connection/switches", shown_on=["invoices", "estimates"], on="estimates")
    assert world.connection()["invoices_since"] is None
    # A page that was opened before Estimates were ticked leaves them alone.
    assert bookkeeper.post("ID/connection/switches", on="invoices").status_code == 303
    assert None not in (world.connection()["invoices_since"], world.connection()["estimates_since"])
    page = bookkeeper.get("ID/connection/mappings").text
    chosen = dict(re.findall(r'name="(line_type/[^"]+)".*?<option value="(\d+)" selected', page, re.DOTALL))
    assert len(chosen) == 5
    assert bookkeeper.post("ID/connection/mappings", **chosen).status_code == 303
    assert "Saved" in bookkeeper.get("ID/connection/mappings").text


def test_both_books_are_compared_when_somebody_asks(bookkeeper: Visit) -> None:
    paired_invoice(bookkeeper.world)
    assert bookkeeper.post("ID/parity/make").status_code == 303
    bookkeeper.post("ID/parity/make", full="yes")
    with bookkeeper.world.parts.database.reading() as session:
        made = parity.history(session, bookkeeper.world.connection_id, Asked(9)).rows
    assert [report.source for report in made] == ["full", "copies"]
    page = text_of(bookkeeper.get("ID/parity"))
    assert "No record differs" in page
    assert "Differences by day" in page


def test_a_report_of_many_is_cut_and_leads_to_the_page_to_print(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    differs = {"kind": "invoice", "client": "Ann", "ravetree_id": "inv_1", "quickbooks_id": "1", "cause": "drift"}
    rows = [differs | {"number": f"<{number}>", "text": "It differs.", "remedy": ""} for number in range(501)]
    summary = {"compared": 501, "equal": 0, "differing": 501, "causes": {}, "currencies": {}}
    with world.parts.database.transaction() as session:
        made = parity.add(session, world.connection_id, world.clock.now(), "copies", summary, rows)
    page = bookkeeper.get("ID/parity").text
    assert ("&lt;499&gt;" in page, "&lt;500&gt;" in page, "first 500 of 501" in page) == (True, False, True)
    assert f"/parity/{made.id}" in page
    assert "&lt;500&gt;" in bookkeeper.get(f"ID/parity/{made.id}").text


def test_what_people_wrote_is_shown_and_not_run(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    ours = world.invoice(world.client("<script>alert(1)</script>"), "5.00")
    world.settle()
    page = bookkeeper.get(f"ID/records/ravetree/invoice/{ours['id']}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_records_are_found_and_brought_over(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    ours, _ = paired_invoice(world)
    page = text_of(bookkeeper.get(f"ID/records?q={ours['number']}&kind=invoice&state=synced"))
    assert (f"Invoice {ours['number']}" in page, "100.00 USD" in page, "Client of 100.00" in page) == (True, True, True)
    assert "Nothing is found" in text_of(bookkeeper.get("ID/records?q=no+such+client"))
    assert bookkeeper.get("ID/records?cursor=made-up").status_code == 422
    answer = bookkeeper.post("ID/records/sync", record=[f"invoice:{ours['id']}", f"contact:{ours['client_id']}"])
    assert answer.status_code == 303
    assert "2 asked for: each is being carried out." in text_of(bookkeeper.get("ID/records"))
    world.settle()
    assert "Both books agree" in text_of(bookkeeper.get("ID/"))


def test_a_list_goes_on_page_by_page(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    client = world.client("Aster")
    for number in range(52):
        world.invoice(client, f"{number + 1}.00")
    world.settle()
    first = bookkeeper.get("ID/records?kind=invoice")
    more = html.unescape(re.search(r'href="(\?[^"]*cursor=[^"]+)"', first.text)[1])  # type: ignore[index]  # there is one
    second = bookkeeper.get(f"ID/records{more}")
    shown = [set(re.findall(r"ravetree/invoice/([^/\"]+)\"", answer.text)) for answer in (first, second)]
    assert (len(shown[0]), len(shown[1]), shown[0] & shown[1]) == (50, 2, set())


def test_a_back_fill_is_looked_at_begun_and_reported(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    bookkeeper.post("ID/connection/switches", shown_on="invoices")
    world.invoice(world.client("Aster"), "5.00")
    world.settle()
    bookkeeper.post("ID/connection/switches", on="invoices")
    world.settle()
    look = "ID/backfill?preview=1&kinds=invoice"
    assert "What it would do" in text_of(bookkeeper.get(look))
    assert "It lies before the first day." in text_of(bookkeeper.get(f"{look}&from=2026-11-20&to=2026-11-01"))
    begun = bookkeeper.post("ID/backfill/begin", look, kinds="invoice")
    assert begun.status_code == 303
    job = begun.headers["Location"].partition("/console/")[2]
    assert "running" in text_of(bookkeeper.get(job))
    assert bookkeeper.post(f"{job}/pause").status_code == 303
    assert "paused" in text_of(bookkeeper.get(job))
    bookkeeper.post(f"{job}/resume")
    world.settle()
    assert "1 of 1" in text_of(bookkeeper.get(job))
    assert "done" in text_of(bookkeeper.get("ID/backfill"))


def test_reads_are_shown_by_cause(bookkeeper: Visit) -> None:
    assert "pre-flight" in text_of(bookkeeper.get("ID/reads"))


def test_an_operator_lets_people_in_and_out_and_makes_tokens(world: World) -> None:
    visit = Visit(world, roles.OPERATOR)
    made = visit.post("people/add", name="Nora", role="viewer", account="")
    link = re.search(r"/console/(enter\?token=[0-9a-f]+)", text_of(made))
    assert link is not None
    entered = Visit(world)
    token = link[1].partition("=")[2]
    assert entered.post("enter", link[1], token=token).status_code == 303
    assert entered.get("ID/").status_code == 200
    assert visit.post("people/end", name="nora").status_code == 303
    assert entered.get("ID/").status_code == 302
    assert visit.post("people/add", name="Nora", role="bookkeeper").status_code == 400
    given = re.search(r"rvb_[0-9a-f]+", text_of(visit.post("people/tokens/make", name="reports", scope="read")))
    assert given is not None
    bearer = {"Authorization": f"Bearer {given[0]}"}
    assert world.web.get("/api/connections", headers=bearer).status_code == 200
    (row,) = world.parts.console.tokens.every()
    assert given[0] not in visit.get("people").text
    visit.post(f"people/tokens/{row.id}/revoke")
    assert world.web.get("/api/connections", headers=bearer).status_code == 401
    told = text_of(visit.get("acts"))
    for what in (
        "add user viewer",
        "end user",
        "make token read",
        "revoke token",
        f"token:{row.id}",
        "user:nora",
        "sign in",
    ):
        assert what in told


def test_a_remedy_is_marked_and_never_run() -> None:
    said = str(here("Press `retry`, or set `<b>x</b>` & decide `two`."))
    assert said == (
        'Press <span class="press">Look again</span>, or set <code>&lt;b&gt;x&lt;/b&gt;</code> &amp; '
        'press <span class="press">They are two</span>.'
    )


def test_every_decision_has_a_button_with_words() -> None:
    assert {str(decision) for decision in Decision} <= LABELS.keys()


def asked_on_both_sides(world: World) -> dict[str, Any]:
    """A payment that both sides edited, as it waits for a person."""
    _, theirs = paired_invoice(world)
    pay(world, theirs, 40)
    world.settle()
    _edit_on_both_sides(world, "first")
    (row,) = world.attention()
    found: dict[str, Any] = row
    return found


def _edit_on_both_sides(world: World, reference: str) -> None:
    (ours,) = world.ravetree.every("payments")
    (copy,) = world.quickbooks.query("select * from Payment")
    world.ravetree.change("payments", ours["id"], {"reference": f"{reference} here"})
    named = {name: copy[name] for name in ("Id", "SyncToken")}
    world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": f"{reference} there"})
    world.settle()


def test_one_that_is_refused_holds_up_no_other_and_all_that_was_done_is_noted(bookkeeper: Visit) -> None:
    """A list that was opened before one of its questions was answered."""
    world = bookkeeper.world
    row = asked_on_both_sides(world)
    name = f"{row['side']}:{row['kind']}:{row['id']}"
    ticked = ["ravetree:invoice:inv_gone", name]
    looked = bookkeeper.post("ID/attention/many", decision="ravetree", record=ticked)
    shown = text_of(looked)
    assert "What “Take Ravetree's” would do with 1 record" in shown
    assert ("in QuickBooks" in shown, row["cause"] in shown) == (True, True)
    assert [waiting["id"] for waiting in world.attention()] == [row["id"]]
    asked = dict(re.findall(r'name="(asked/[^"]+)" value="([^"]*)"', looked.text))
    answer = {name: html.unescape(cause) for name, cause in asked.items()} | {"sure": "1", "note": "As agreed"}
    refused = {f"asked/{name}": "Another question."}
    bookkeeper.post("ID/attention/many", decision="ravetree", record=[name], sure="1", **refused)
    assert "1 refused: The question has changed" in text_of(bookkeeper.get("ID/attention"))
    bookkeeper.post("ID/attention/many", decision="ravetree", record=[name], sure="1", **{f"asked/{name}": ""})
    assert "1 refused: It asked nothing yet" in text_of(bookkeeper.get("ID/attention"))
    assert [waiting["id"] for waiting in world.attention()] == [row["id"]]
    assert bookkeeper.post("ID/attention/many", decision="ravetree", record=ticked, **answer).status_code == 303
    page = text_of(bookkeeper.get("ID/attention"))
    assert "1 answered: each is being carried out." in page
    assert "1 refused: Nothing waits for ravetree:invoice:inv_gone." in page
    found = world.parts.console.actions.installation.acts(Asked(50), world.connection_id).rows
    assert [(act.what, act.subject) for act in found if act.through == "console"] == [("decide ravetree", name)]
    world.settle()
    assert "As agreed" in bookkeeper.get(f"ID/records/{row['side']}/{row['kind']}/{row['id']}").text


def test_what_is_said_of_many_is_what_happens_to_each(bookkeeper: Visit) -> None:
    """Three payments that both sides edited, one of which Ravetree has deleted since; and one that asks no more."""
    world, names = bookkeeper.world, []
    for number in range(4):
        _, theirs = paired_invoice(world)
        pay(world, theirs, 40 + number)
        world.settle()
    for ours in world.ravetree.every("payments"):
        (copy,) = (
            row for row in world.quickbooks.query("select * from Payment") if row["TotalAmt"] == Decimal(ours["amount"])
        )
        world.ravetree.change("payments", ours["id"], {"reference": "here"})
        named = {name: copy[name] for name in ("Id", "SyncToken")}
        world.quickbooks.write("payment", named | {"sparse": True, "PaymentRefNum": f"there {copy['TotalAmt']}"})
    world.settle()
    names = [f"{row['side']}:{row['kind']}:{row['id']}" for row in world.attention()]
    assert len(names) == 4
    tick = text_of(bookkeeper.get("ID/attention?code=edited_on_both_sides&ticked=1"))
    assert "For those that are ticked:" in tick
    answered = names[0].replace(":", "/")
    assert bookkeeper.post(f"ID/records/{answered}/decide", decision="quickbooks").status_code == 303
    world.settle()
    last = record_of(*names[-1].split(":"))
    shown_last = world.parts.console.actions.books.record(world.connection_id, last)
    world.ravetree.delete("payments", shown_last["ravetree"]["id"])
    looked = bookkeeper.post("ID/attention/many", decision="quickbooks", record=names)
    shown = text_of(looked)
    assert "What “Take QuickBooks'” would do with 3 records" in shown
    assert "1 asks nothing any more, and is left alone." in shown
    said = re.findall(r'<td class="number">(\d+)</td><td>(It [^<]+)\.', html.unescape(looked.text))
    assert said == [
        ("2", "It copies QuickBooks' payment to Ravetree"),
        ("1", "It asks something else"),
    ]
    form = re.findall(r'name="(record|asked/[^"]+)" value="([^"]*)"', looked.text)
    ticked = [html.unescape(value) for name, value in form if name == "record"]
    asked = {name: html.unescape(value) for name, value in form if name != "record"}
    assert (
        bookkeeper.post("ID/attention/many", decision="quickbooks", record=ticked, sure="1", **asked).status_code == 303
    )
    world.settle()
    (still,) = world.attention()
    assert f"{still['side']}:{still['kind']}:{still['id']}" == names[-1]
    kept = [row["reference"] for row in world.ravetree.every("payments") if not row.get("deleted")]
    assert (len(kept), all(reference.startswith("there") for reference in kept)) == (3, True)


def test_an_answer_counts_for_the_question_that_was_read(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    row = asked_on_both_sides(world)
    record = f"ID/records/{row['side']}/{row['kind']}/{row['id']}"
    answer = bookkeeper.post(f"{record}/decide", decision="ravetree", asked="Another question.")
    assert (answer.status_code, "has changed since" in answer.text) == (400, True)
    assert [waiting["id"] for waiting in world.attention()] == [row["id"]]
    assert bookkeeper.post(f"{record}/decide", decision="ravetree", asked=row["cause"]).status_code == 303


def test_a_page_that_is_only_left_open_keeps_nobody_signed_in(bookkeeper: Visit) -> None:
    for _ in range(13):
        bookkeeper.world.clock.advance(600)
        last = bookkeeper.get("ID/now").status_code
    assert last == 302


def test_what_is_no_page_has_nobodys_session_with_it(bookkeeper: Visit) -> None:
    answer = bookkeeper.get("static/console.css")
    answer.close()
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)


def test_home_is_not_glad_of_what_stands_still_or_differs(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    paired_invoice(world)
    bookkeeper.post("ID/connection/pause", cause="audit")
    page = text_of(bookkeeper.get("ID/"))
    assert ("It stands still" in page, "Paused by" in page, "Both books agree" in page) == (True, True, False)


def test_a_fault_of_ours_and_an_unknown_address_are_pages_too(
    bookkeeper: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in (bookkeeper.get("no/such/page"), bookkeeper.post("no/such/page")):
        assert (answer.status_code, answer.content_type.partition(";")[0]) == (404, "text/html")

    def crash(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(type(bookkeeper.world.parts.console.actions.records), "standing", crash)
    bookkeeper.world.web.application.config["PROPAGATE_EXCEPTIONS"] = False
    answer = bookkeeper.get("ID/")
    assert (answer.status_code, "a fault of Ravebooks" in answer.text) == (500, True)


def test_with_the_database_away_a_page_says_so(bookkeeper: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseDown("the database is out of reach")

    monkeypatch.setattr(type(bookkeeper.world.parts.database), "reading", away)
    answer = bookkeeper.get("ID/")
    assert (answer.status_code, "The database is out of reach." in answer.text) == (503, True)


def test_how_it_behaves_is_set_by_the_api_s_own_shape(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    page = "ID/connection"
    chosen = {"draft_policy": "sent", "delete_policy": "delete", "removals_limit": "5", "time_zone": "Europe/London"}
    assert bookkeeper.post(f"{page}/settings", **chosen, reads_budget="1000").status_code == 303
    found = world.parts.console.actions.connections.settings(world.connection_id)
    assert (found.draft_policy, found.delete_policy, found.removals_limit) == ("sent", "delete", 5)
    assert (found.reads_budget, found.time_zone) == (1000, "Europe/London")
    for name, value in (("time_zone", "Mars/Base"), ("removals_limit", "many"), ("draft_policy", "never")):
        assert bookkeeper.post(f"{page}/settings", **chosen | {name: value}).status_code == 400, name
    assert world.parts.console.actions.connections.settings(world.connection_id) == found


def test_a_connection_is_ended_by_who_is_sure(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    assert bookkeeper.post("ID/connection/disconnect").status_code == 303
    assert world.connection()["state"] == "active"
    assert bookkeeper.post("ID/connection/disconnect", sure=world.connection_id).status_code == 303
    assert world.connection()["state"] == "disconnected"
    assert "Disconnected." in text_of(bookkeeper.get("ID/connection"))
    assert [act for act in acts(world) if act[1] == "disconnect"] == [(bookkeeper.name, "disconnect")]


def test_everything_that_a_filter_finds_is_brought_over_the_count_first(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    client = world.client("Aster")
    for price in ("5.00", "6.00", "7.00"):
        world.invoice(client, price)
    world.settle()
    assert "Sync all 3 that are found" in text_of(bookkeeper.get("ID/records?q=aster&kind=invoice"))
    answer = bookkeeper.post("ID/records/sync-found", q="aster", kind="invoice", state="")
    assert "kind=invoice" in answer.headers["Location"]
    assert "3 asked for: each is being carried out." in text_of(bookkeeper.get("ID/records"))
    assert [what for _, what in acts(world)] == ["sync record"] * 3


def test_what_has_not_changed_is_not_sent_again(bookkeeper: Visit) -> None:
    first = bookkeeper.get("ID/now")
    again = bookkeeper.browser.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
    paired_invoice(bookkeeper.world)
    later = bookkeeper.browser.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200


def test_the_rest_is_mapped_at_once_and_methods_of_payment_too(bookkeeper: Visit) -> None:
    world = bookkeeper.world
    page = bookkeeper.get("ID/connection/mappings").text
    keys = re.findall(r'name="(line_type/[^"]+)"', page)
    item = re.search(r'<option value="(\d+)">to Expenses', page)
    assert item is not None
    bookkeeper.post("ID/connection/mappings", **dict.fromkeys(keys, ""), **{"rest/line_type": item[1]})
    mapped = world.parts.console.actions.mappings.mapped(world.connection_id)["line_type"]
    assert set(mapped.values()) == {item[1]}
    assert "are deposited to" in text_of(bookkeeper.get("ID/connection/mappings?more=1"))


def test_webhooks_and_health_know_of_no_session(world: World) -> None:
    """It made each delivery a tenth dearer."""
    answers = [world.web.get("/healthz"), world.web.post("/webhooks/quickbooks", data=b"[]"), world.web.get("/api/x")]
    assert ["Vary" in answer.headers or "Set-Cookie" in answer.headers for answer in answers] == [False] * 3


def metered(world: World) -> int:
    return world.parts.console.actions.connections.usage(world.connection_id)[0].total_reads


def test_looking_at_what_can_be_mapped_costs_a_read_of_each_list_a_day(bookkeeper: Visit) -> None:
    world, page = bookkeeper.world, "ID/connection/mappings"
    bookkeeper.get(page)
    before = metered(world)
    assert "Hours" in text_of(bookkeeper.get(page))
    assert metered(world) == before
    # What is new there is seen by who wants it anew, or a day later.
    (income,) = {
        row["IncomeAccountRef"]["value"] for row in world.quickbooks.query("select * from Item where Id = '1'")
    }
    made = {"Name": "Drafting", "Type": "Service", "IncomeAccountRef": {"value": income}}
    world.quickbooks.write("item", made)
    shown = text_of(bookkeeper.get(page))
    assert ("Drafting" in shown, "2 metered reads" in shown) == (False, True)
    assert bookkeeper.post(f"{page}/look-again").status_code == 303
    assert "Drafting" in text_of(bookkeeper.get(page))
    assert metered(world) == before + 2
    world.clock.advance(86_400)
    bookkeeper.enter()
    reads = metered(world)
    bookkeeper.get(page)
    assert metered(world) == reads + 2


def test_lists_are_narrowed_without_a_script_too(bookkeeper: Visit) -> None:
    page = bookkeeper.get("ID/connection/mappings?find=RETAINER+over").text
    offered = set(re.findall(r"<option value=\"\d+\">to ([^<]+)", page))
    assert offered == {"Retainer overage"}
    # What is chosen stays to be seen.
    assert re.search(r"<option value=\"\d+\" selected>Hours</option>", page)


def test_an_entry_that_went_is_offered_no_more_once_it_was_refused(bookkeeper: Visit) -> None:
    world, page = bookkeeper.world, "ID/connection/mappings"
    bookkeeper.get(page)
    (item,) = world.quickbooks.query("select * from Item where Name = 'Hours'")
    named = {key: item[key] for key in ("Id", "SyncToken")}
    world.quickbooks.write("item", named | {"sparse": True, "Active": False})
    assert bookkeeper.post(page, **{"line_type/time": item["Id"]}).status_code == 409
    assert "to Hours" not in bookkeeper.get(page).text


def test_a_record_is_shown_without_listing_every_client(bookkeeper: Visit) -> None:
    ours, _ = paired_invoice(bookkeeper.world)
    for kind, record in (("invoice", ours["id"]), ("contact", ours["client_id"])):
        with capture_logs() as lines:
            page = text_of(bookkeeper.get(f"ID/records/ravetree/{kind}/{record}"))
        assert "Client of 100.00" in page
        assert [line for line in lines if line.get("path") == "contacts"] == []


def test_a_record_is_opened_in_ravetree_too(bookkeeper: Visit) -> None:
    ours, _ = paired_invoice(bookkeeper.world)
    account = bookkeeper.world.connection()["account_id"]
    for kind, record in (("invoice", ours["id"]), ("contact", ours["client_id"])):
        there = f'href="http://{RAVETREE}/{account}/{kind}/{record}" rel="noreferrer noopener" target="_blank"'
        assert there in bookkeeper.get(f"ID/records/ravetree/{kind}/{record}").text
        assert there in bookkeeper.get("ID/records").text


def test_what_happened_is_shown_newest_first_and_page_by_page(
    bookkeeper: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.record.ENTRIES", 3)
    ours, _ = paired_invoice(bookkeeper.world)
    record, shown = f"ID/records/ravetree/invoice/{ours['id']}", []
    query: str | None = ""
    while query is not None:
        page = bookkeeper.get(f"{record}{query}").text
        shown += re.findall(r'<li class="entry-(\w+)">', page)
        more = re.search(r'href="(\?cursor=[^"]+)"', page)
        query = html.unescape(more[1]) if more else None
    books = bookkeeper.world.parts.console.actions.books
    name = Record(Side.RAVETREE, Kind.INVOICE, ours["id"])
    everything = list(books.timeline(bookkeeper.world.connection_id, name))
    assert len(everything) > 3
    assert shown == [entry["what"] for entry in reversed(everything)]


@pytest.mark.parametrize("end", ["disconnected", "archived"])
def test_a_record_of_an_ended_connection_is_read_and_not_acted_upon(bookkeeper: Visit, end: str) -> None:
    world = bookkeeper.world
    ours, theirs = paired_invoice(world)
    pay(world, theirs, 40)
    world.settle()
    bookkeeper.post("ID/connection/disconnect", sure=world.connection_id)
    if end == "archived":
        bookkeeper.post("ID/connection/forget", sure=world.connection_id)
    before = len(world.ravetree.every("payments"))
    for kind, record in (("invoice", ours["id"]), ("contact", ours["client_id"])):
        page = text_of(bookkeeper.get(f"ID/records/ravetree/{kind}/{record}"))
        assert f"The connection is {end}: this is what was seen last." in page
        assert "Client of 100.00" in page
        assert "Sync to QuickBooks" not in page
    shown = text_of(bookkeeper.get(f"ID/records/ravetree/invoice/{ours['id']}"))
    assert "60.00 USD" in shown
    assert bookkeeper.get("ID/records/ravetree/invoice/inv_never").status_code == 404
    assert len(world.ravetree.every("payments")) == before


def test_long_lists_of_people_tokens_and_jobs_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.pages.people.ROWS", 2)
    monkeypatch.setattr("console.pages.jobs.JOBS", 1)
    visit = Visit(world, roles.OPERATOR)
    for number in range(3):
        world.parts.console.users.add(f"Nora {number}", roles.VIEWER)
        world.parts.console.tokens.make(f"report {number}", "read")
        visit.post("ID/backfill/begin", kinds="contact")
    for page, names in (
        ("people", ["Nora 0", "Nora 1", "Nora 2", "operator"]),
        ("people/tokens", ["report 0", "report 1", "report 2"]),
    ):
        found, query = [], ""
        while True:
            text = visit.get(f"{page}{query}").text
            # Of tokens the first page of people shows the first ones.
            rows = text.partition("Tokens for the API</h2>")[0]
            found += re.findall(r'<th scope="row">((?:Nora|report|operator)[^<]*)</th>', rows)
            more = re.search(r'href="(\?cursor=[^"]+)"', text)
            if more is None:
                break
            query = html.unescape(more[1])
        assert found == names
    assert "people/tokens" in visit.get("people").text
    first = visit.get("ID/backfill").text
    more = re.search(r'href="(\?cursor=[^"]+)"', first)
    assert more is not None
    shown = [
        re.findall(r"backfill/(\d+)\"", page)
        for page in (first, visit.get(f"ID/backfill{html.unescape(more[1])}").text)
    ]
    assert len(shown[0]) == len(shown[1]) == 1
    assert shown[0] != shown[1]
