"""Contacts with their customer."""

from tests.simulation.concurrency.pairs import Changes, Kind, Pair, nothing
from tests.simulation.concurrency.spelling import spell_contact
from tests.simulation.world import World


def make(world: World, name: str) -> Pair:
    client = world.client(name, email=f"first@{name.replace(' ', '-').replace(',', '')}.example")
    press(world, client)
    return Pair(world, name, client, world.ravetree.get("contacts", client))


def press(world: World, client: str) -> None:
    """A user presses the button of a client in Ravetree."""
    button = f"{world.ravetree.root}/sandbox/app/contacts/{client}/sync"
    world.ravetree.session.post(button).raise_for_status()


def _mail(pair: Pair, who: str) -> str:
    return f"{who}@{pair.ours['email'].partition('@')[2]}"


def _button(pair: Pair) -> None:
    pair.change("contacts", {"email": _mail(pair, "ours")})
    press(pair.world, pair.ours["id"])


def _merge_there(pair: Pair) -> None:
    survivor = pair.world.quickbooks.write("customer", {"DisplayName": f"{pair.ours['name']} group"})
    pair.world.quickbooks.steer("merge", {"survivor": survivor["Id"], "merged": pair.theirs["Id"]})


HERE: Changes = {
    "nothing": nothing,
    "mail edited": lambda p: p.change("contacts", {"email": _mail(p, "ours")}),
    "mail edited, button": _button,
    "made inactive": lambda p: p.change("contacts", {"active": False}),
    "merged": lambda p: p.change("contacts", {"merged_into": p.world.client(f"Survivor of {p.ours['name']}")}),
}
THERE: Changes = {
    "nothing": nothing,
    "mail edited": lambda p: p.write(
        "customer", p.theirs, sparse=True, PrimaryEmailAddr={"Address": _mail(p, "theirs")}
    ),
    "renamed": lambda p: p.write("customer", p.theirs, sparse=True, DisplayName=f"{p.ours['name']} renamed"),
    "made inactive": lambda p: p.write("customer", p.theirs, sparse=True, Active=False),
    "merged": _merge_there,
}
CONTACTS = Kind("contact", make, HERE, THERE, spell_contact, "Customer", "contacts")
