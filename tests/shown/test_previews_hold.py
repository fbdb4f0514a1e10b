"""What people are shown before is what happens: previews, drift's sentence and the work itself tell one story."""

from typing import Any

import pytest
import sqlalchemy as sa

from reconcile import sentences
from reconcile.actions import Action
from reconcile.model import Attention, Side
from storage.models import Operation
from tests.simulation.concurrency.pairs import Kind, Pair, find_partners
from tests.simulation.concurrency.playing import OPEN_KINDS
from tests.simulation.world import World

Writes = list[tuple[Side, str]]
NOUNS = {"contact": ("contact", "customer"), "invoice": ("invoice", "placeholder", "customer")}
ELSEWHERE = {("contact", "merged"), ("contact", "made inactive")}
"""Changes in QuickBooks that are news of another record, the customer, and are only told after the preview."""
READ_FIRST = {"marked as paid", "client changed", "put under a project"}
"""Changes for which QuickBooks' customers or money are read: drift, which reads nothing more, says just that."""
TOLD_BY_ANSWER = {("tax on no line", "deposit of 20 on the form")}
"""What QuickBooks makes of tax where no line is taxable only its answer says, and the next question names that sum."""
ROWS = [pytest.param(kind, here, id=f"{kind.name}: {here}") for kind in OPEN_KINDS for here in kind.here]


def place_of(world: World, kind: Kind, pair: Pair) -> str:
    record = pair.payment if kind.name == "payment" else pair.ours
    return f"/api/connections/{world.connection_id}/records/ravetree/{kind.name}/{record['id']}"


def last_write(world: World) -> int:
    with world.parts.database.reading() as session:
        return session.execute(sa.select(sa.func.max(Operation.id))).scalar_one() or 0


def written(world: World, kind: Kind, last: int) -> Writes:
    """What was sent for records of this kind since then, in its order, and not refused."""
    query = sa.select(Operation.side, Operation.action).where(Operation.id > last, Operation.state == "done")
    with world.parts.database.reading() as session:
        found = [(Side(side), action) for side, action in session.execute(query.order_by(Operation.id))]
    return [(side, action) for side, action in found if is_own(kind, action)]


def is_own(kind: Kind, action: str) -> bool:
    return action.partition(".")[0] in NOUNS.get(kind.name, (kind.name,))


def shown_steps(kind: Kind, preview: dict[str, Any]) -> Writes:
    found = [(Side(step["side"]), step["action"]) for step in preview["steps"]]
    return [(side, action) for side, action in found if is_own(kind, action)]


def waits(world: World, place: str) -> list[dict[str, Any]]:
    """What of a record waits for a person."""
    response = world.web.get(place, headers={"Authorization": "Bearer api"})
    rows = response.get_json()["waits"] if response.status_code == 200 else []
    return [row for row in rows if row["state"] in ("held", "parked")]


def differs(world: World, kind: Kind, place: str, shown: dict[str, Any], last: int) -> str:
    """Why a preview was not what happened; empty if it was."""
    steps, done, asked = shown_steps(kind, shown), written(world, kind, last), waits(world, place)
    if shown["outcome"] == "wait":
        return "" if done[: len(steps)] == steps else f"{steps} are not the first of {done}"
    if steps != done:
        return f"{steps} were shown, {done} were written"
    states = {"ask": "held", "parked": "parked", "adopt": "parked", "differ": "parked"}
    said = [(states[shown["outcome"]], shown["message"])] if shown["outcome"] in states and not steps else []
    if shown["outcome"] in ("ask", "parked"):
        said = [("held" if shown["outcome"] == "ask" else "parked", shown["message"])]
    found = [(row["state"], row["cause"]) for row in asked]
    return "" if found == said else f"{said} was shown, {found} is asked"


@pytest.mark.parametrize(("kind", "here"), ROWS)
def test_a_preview_and_drift_and_each_decision_are_what_then_happens(kind: Kind, here: str, world: World) -> None:
    """Each pair of concurrent changes: shown, done by the button, then decided in one of the ways that are offered."""
    path = f"/api/connections/{world.connection_id}"
    world.api("PUT", f"{path}/settings", {"removals_limit": 1000})
    wrong = []
    for turn, there in enumerate(kind.there):
        if (kind.name, there) in ELSEWHERE:
            continue
        pair = kind.make(world, f"{here} and {there}")
        world.settle()
        find_partners(kind, {(here, there): pair}, world)
        kind.here[here](pair)
        kind.there[there](pair)
        for letter in world.collect():
            world.deliver(letter)
        place = place_of(world, kind, pair)
        wrong += shown_and_done(world, kind, place, f"{here}, {there}")
        choices = [choice for row in waits(world, place) for choice in row["decisions"]]
        offered = [choice["decision"] for choice in choices if choice["decision"] not in ("link", "one")]
        if offered and (here, there) not in TOLD_BY_ANSWER:
            decision = offered[turn % len(offered)]
            wrong += shown_and_done(world, kind, place, f"{here}, {there}: {decision}", decision)
    assert wrong == []


def shown_and_done(world: World, kind: Kind, place: str, what: str, decision: str = "") -> list[str]:
    last = last_write(world)
    response = world.web.get(f"{place}/preview?decision={decision}", headers={"Authorization": "Bearer api"})
    if response.status_code == 404:
        return []
    shown = response.get_json()
    assert written(world, kind, last) == [], "a preview writes nothing"
    if decision:
        assert world.api("POST", f"{place}/decision", {"decision": decision}).status_code == 202
    else:
        world.api("POST", f"{place}/sync", {"wait_seconds": 0})
    world.settle()
    found = differs(world, kind, place, shown, last)
    return [f"{what} ({shown['outcome']}): {found}"] if found else []


@pytest.mark.parametrize(("kind", "here"), ROWS)
def test_what_drift_says_comes_next_is_what_comes_next(kind: Kind, here: str, world: World) -> None:
    """Each pair of concurrent changes, with both books read: the sentence is that of what is then written and asked."""
    path = f"/api/connections/{world.connection_id}"
    world.api("PUT", f"{path}/settings", {"removals_limit": 1000})
    wrong = []
    for there in kind.there:
        if (kind.name, there) in ELSEWHERE or kind.name == "contact":
            continue
        pair = kind.make(world, f"{here} and {there}")
        world.settle()
        find_partners(kind, {(here, there): pair}, world)
        kind.here[here](pair)
        kind.there[there](pair)
        wrong += said_and_came(world, kind, pair, here, there)
    assert wrong == []


SETTINGS: dict[str, dict[str, Any]] = {
    "invoices off": {"invoices": False},
    "estimates off": {"estimates": False},
    "drafts stay": {"draft_policy": "sent"},
    "deletions delete": {"delete_policy": "delete"},
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", [kind for kind in OPEN_KINDS if kind.name != "contact"], ids=lambda kind: kind.name)
def test_under_each_switch_and_policy_the_same_holds(kind: Kind, setting: str, world: World) -> None:
    """Each change in Ravetree alone: drift's sentence and what comes by itself, then the button and its preview."""
    path = f"/api/connections/{world.connection_id}"
    world.api("PUT", f"{path}/settings", {"removals_limit": 1000})
    made = {}
    for here in kind.here:
        made[here, "nothing"] = kind.make(world, f"{here} under {setting}")
        world.settle()
        find_partners(kind, {(here, "nothing"): made[here, "nothing"]}, world)
    world.api("PUT", f"{path}/{'switches' if setting.endswith('off') else 'settings'}", SETTINGS[setting])
    wrong = []
    for (here, there), pair in made.items():
        kind.here[here](pair)
        wrong += said_and_came(world, kind, pair, here, there)
        wrong += shown_and_done(world, kind, place_of(world, kind, pair), f"{here}, asked for")
    assert wrong == []


def said_and_came(world: World, kind: Kind, pair: Pair, here: str, there: str) -> list[str]:
    """What drift said, held against what the next sync then did; empty where both were one."""
    for letter in world.collect():
        world.deliver(letter)
    said, last = sentence_of(world, kind, pair), last_write(world)
    world.settle()
    if not said or "The next sync waits" in said or (said == sentences.READS_FIRST and {here, there} & READ_FIRST):
        return []
    done, asked = written(world, kind, last), waits(world, place_of(world, kind, pair))
    attention = Attention(asked[0]["state"], "", asked[0]["cause"], asked[0]["remedy"]) if asked else None
    told = sentences.next_sync([(side, Action(action)) for side, action in done], attention, "", "")
    if said.startswith(("Nothing now", "Nothing by itself", "Nothing:")):
        said = ""
    return [f"{here}, {there}: {said!r} was said, {told!r} came"] if said != told else []


def sentence_of(world: World, kind: Kind, pair: Pair) -> str:
    """What drift says of a record once both books are read; empty where nothing differs."""
    record = pair.payment if kind.name == "payment" else pair.ours
    found = world.api("GET", f"/api/connections/{world.connection_id}/drift?fresh=true").get_json()
    rows = found["data"] if isinstance(found, dict) else found
    mine = [row for row in rows if (row["kind"], (row["ravetree"] or {}).get("id")) == (kind.name, record["id"])]
    return str(mine[0]["differences"][0]["next"]) if mine else ""
