"""Estimates over 100: they go one way."""

from tests.simulation.concurrency.pairs import LINE, MORE, Changes, Kind, Pair, nothing
from tests.simulation.concurrency.spelling import spell_estimate
from tests.simulation.world import World


def make(world: World, name: str) -> Pair:
    client = world.client(name)
    body = {"client_id": client, "issue_date": "2026-11-20", "currency": "USD", "lines": [LINE]}
    return Pair(world, name, client, world.ravetree.create("estimates", body))


def _invoiced(pair: Pair) -> None:
    pair.world.invoice(pair.client, "100.00", estimate_id=pair.ours["id"])


HERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.change("estimates", {"memo": "ours"}),
    "line added": lambda p: p.change("estimates", {"lines": [*p.ours["lines"], MORE]}),
    "accepted": lambda p: p.change("estimates", {"status": "accepted"}),
    "declined": lambda p: p.change("estimates", {"status": "declined"}),
    "invoiced": _invoiced,
    "deleted": lambda p: p.world.ravetree.delete("estimates", p.ours["id"]),
}
THERE: Changes = {
    "nothing": nothing,
    "memo edited": lambda p: p.write("estimate", p.theirs, sparse=True, CustomerMemo={"value": "theirs"}),
    "accepted": lambda p: p.write("estimate", p.theirs, sparse=True, TxnStatus="Accepted"),
    "deleted": lambda p: p.write("estimate?operation=delete", p.theirs),
}
ESTIMATES = Kind("estimate", make, HERE, THERE, spell_estimate, "Estimate", "estimates")
