"""The apps registered with the sandbox: the one that it is made with, and those that a tester adds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.storage import Storage
from quickbooks_sandbox.intuit.credentials import secret

_SETTING = "more_apps"


@dataclass(frozen=True)
class App:
    client_id: str
    client_secret: str
    name: str


class Apps:
    """All apps by their client id, the first one made first."""

    def __init__(self, storage: Storage, randomness: random.Random, application: Doc) -> None:
        self._storage = storage
        self._randomness = randomness
        self.first = App(application["client_id"], application["client_secret"], "App 1")
        self._more = [App(**one) for one in storage.setting(_SETTING, [])]

    def __iter__(self) -> Iterator[App]:
        return iter([self.first, *self._more])

    def get(self, client_id: str | None) -> App:
        """The app of that id, the first one when there is no id. Raises ValueError for an unknown one."""
        for app in self:
            if client_id in (None, "", app.client_id):
                return app
        raise ValueError(f"There is no app {client_id}.")

    def add(self, name: str = "") -> App:
        """One more app, with secrets of its own."""
        choice = self._randomness.choice
        app = App("AB" + secret(choice, 48), secret(choice, 40), name or f"App {len(self._more) + 2}")
        self._more.append(app)
        self._storage.keep_setting(_SETTING, [asdict(one) for one in self._more])
        return app


def new_verifier_token(randomness: random.Random) -> str:
    return "-".join("".join(randomness.choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12))
