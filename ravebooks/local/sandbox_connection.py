"""Connects an installation to the sandbox the way a person does: over HTTP, through the consent page."""

import html
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

import requests

from config.errors import RavebooksError
from config.keyring import KeyRing
from ravebooks.local.sandbox_process import World
from webhooks.signatures import current_ravetree_secret

ITEMS = {
    "time": "Hours",
    "expense": "Expenses",
    "retainer": "Retainer",
    "overage": "Retainer overage",
    "other": "Other services",
}
"""The sample company's service items for Ravetree's five default line item types."""

TIMEOUT = 30


class NotConnected(RavebooksError):
    """The installation and the sandbox did not find together."""

    remedy = "Read the log of the installation."


def consent(start_url: str) -> None:
    """What a person does in a browser: open the start link, press Connect, be led back."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(start_url, timeout=TIMEOUT)
        page.raise_for_status()
        action = re.search(r"<form[^>]*action=\"([^\"]+)\"", page.text)
        target = urllib.parse.urljoin(page.url, html.unescape(action.group(1)) if action else "")
        browser.post(target, data=_fields(page.text), timeout=TIMEOUT).raise_for_status()


@dataclass(frozen=True)
class LocalInstallation:
    """A running product, by its URL, its API's token and the keys that Ravetree's secret is derived from."""

    url: str
    api_token: str
    webhook_keys: KeyRing

    def prepare(self, world: World) -> str:
        """Connect, subscribe, map and switch on, as far as that was never done; returns the connection's id.

        A start after a crash asks QuickBooks nothing: it may be away just then. Nor does it undo what a person set.
        """
        account = world.ravetree["account_id"]
        connection_id = self._find(account) or self._connect(world)
        self._share_the_app(world)
        self._subscribe(world)
        path = f"connections/{connection_id}"
        if not self._call("GET", f"{path}/mappings")["line_types"]:
            self._call("PUT", f"{path}/mappings", {"line_types": self._items(connection_id)})
        row = self._call("GET", path)
        if not (row["invoices_since"] or row["estimates_since"] or row["contacts_imported_at"]):
            self._call("PUT", f"{path}/switches", {"invoices": True, "estimates": True})
        return connection_id

    def _find(self, account: str) -> str | None:
        found = [
            row["id"]
            for row in self._list("connections")
            if row["account_id"] == account and row["state"] != "archived"
        ]
        return str(found[0]) if found else None

    def _connect(self, world: World) -> str:
        """Open the start link, press Connect on the consent page, follow the redirect to the callback."""
        account = world.ravetree["account_id"]
        begin = {"account_id": account, "ravetree_token": world.ravetree["api_token"]}
        consent(self._call("POST", "connections", begin)["start_url"])
        connection_id = self._find(account)
        if connection_id is None:
            raise NotConnected("the sandbox's consent page did not lead back to the callback")
        return connection_id

    def _items(self, connection_id: str) -> dict[str, str]:
        by_name = {row["name"]: row["id"] for row in self._list(f"connections/{connection_id}/items")}
        return {key: by_name[name] for key, name in ITEMS.items()}

    def _share_the_app(self, world: World) -> None:
        """QuickBooks limits requests by app, and whoever tries the sandbox is the same app as we are: no limits."""
        _post(f"{world.quickbooks_root}/sandbox/limits", {"enabled": False})

    def _subscribe(self, world: World) -> None:
        """Tell both sides where we are, and Ravetree the secret that belongs to its account."""
        account = world.ravetree["account_id"]
        secret = current_ravetree_secret(account, self.webhook_keys)
        _post(f"{world.quickbooks_root}/sandbox/webhooks", {"url": f"{self.url}/webhooks/quickbooks"})
        ours = {"url": f"{self.url}/webhooks/ravetree/{account}", "secret": secret}
        _post(f"{world.ravetree_root}/sandbox/webhooks", ours)

    def _list(self, path: str) -> list[dict[str, Any]]:
        """Every row of a list of the API."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._call("GET", f"{path}?{urllib.parse.urlencode({'limit': 1000, 'cursor': cursor})}")
            rows += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.api_token}"}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.url}/api/{path}", json=body, headers=headers, timeout=TIMEOUT)
        if not answer.ok:
            raise NotConnected(f"{method} /api/{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def _post(url: str, body: Any) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, json=body, timeout=TIMEOUT).raise_for_status()


def _fields(page: str) -> dict[str, str]:
    """The consent form's fields, with its first button pressed."""
    fields: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|button)[^>]*>", page):
        attributes = dict(re.findall(r"(\w+)=\"([^\"]*)\"", tag))
        submits = attributes.get("type") == "submit" or tag.startswith("<button")
        if "name" in attributes and not (submits and attributes["name"] in fields):
            fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
    select = re.search(r"<select name=\"(\w+)\">\s*<option value=\"([^\"]*)\"", page)
    return fields | ({select.group(1): select.group(2)} if select else {})
