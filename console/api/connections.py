"""Accounts and companies: connect, map, switch, pause, resume."""

from dataclasses import asdict
from typing import Any

from console.api import examples, shapes
from console.api.idempotent import PARAMETER, repeatable
from console.api.paging import PageQuery, asked, page_of
from console.api.serving import View, bearer, blueprint, serving
from storage.paging import Page
from storage.reads import Usage
from sync.actions.connections import ConnectionView, Inspection, Policies
from sync.actions.mappings import DEPOSIT_ACCOUNT, LINE_TYPE, PAYMENT_METHOD, TAX_RATE, ListEntry

MAPPINGS = {
    "line_types": LINE_TYPE,
    "tax_rates": TAX_RATE,
    "payment_methods": PAYMENT_METHOD,
    "deposit_accounts": DEPOSIT_ACCOUNT,
}
"""The kinds of mapping, by their names in the API."""
REMAPPING = "A new mapping affects later writes only: what is in QuickBooks keeps its entry until it is written again."

routes = blueprint("connections", "/api/connections", "Accounts and companies")


@routes.route("")
class Connections(View):
    """All connections."""

    @routes.doc(operationId="listConnections")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.ConnectionShape, "connections"), example=examples.page(examples.CONNECTION))
    def get(self, query: dict[str, Any]) -> Page[ConnectionView]:
        """List the connections

        Oldest first, each with how it stands and what is open. A token for one account sees that account's alone.
        """
        return self.actions.connections.page(asked(query), bearer().account_id)

    @routes.doc(operationId="beginConnect", parameters=[PARAMETER])
    @routes.arguments(shapes.ConnectRequest, example=examples.CONNECT)
    @routes.response(201, shapes.ConnectAnswer, example=examples.START_LINK)
    @repeatable(shapes.ConnectAnswer)
    def post(self, body: dict[str, str]) -> dict[str, str]:
        """Begin a connect

        Answers with the address that an administrator of the QuickBooks company opens, good once, for ten minutes.
        Ravetree is asked first whose the token is. Sent again under its `Idempotency-Key` within 24 h it is answered
        alike.
        """
        return {"start_url": serving().connecting.begin(body["account_id"], body["ravetree_token"])}


@routes.route("/<connection_id>")
class Connection(View):
    """One connection."""

    @routes.doc(operationId="getConnection")
    @routes.response(200, shapes.ConnectionShape, example=examples.CONNECTION)
    def get(self, connection_id: str) -> ConnectionView:
        """Show one connection

        How it stands and what is open; `state` and `cause` say why it does not write, if it does not.
        """
        return self.actions.connections.one(connection_id)

    @routes.doc(operationId="deleteConnection")
    @routes.response(200, shapes.Forgotten, example=examples.FORGOTTEN)
    def delete(self, connection_id: str) -> dict[str, str]:
        """Forget a disconnected connection

        The same as `forget`, without a name.
        """
        return {"outcome": serving().connecting.forget(connection_id, "")}


@routes.route("/<connection_id>/items")
class Items(View):
    """What line types can be mapped to."""

    @routes.doc(operationId="listItems")
    @routes.arguments(shapes.EntriesQuery, location="query")
    @routes.response(200, page_of(shapes.ItemShape, "entries"), example=examples.page(examples.ENTRY))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[ListEntry]:
        """List QuickBooks' active service items

        By name; with `search` those with that text in their names.
        """
        return self.actions.mappings.entries_page(connection_id, LINE_TYPE, query["search"], asked(query))


@routes.route("/<connection_id>/choices/<any(line_type, tax_rate, payment_method, deposit_account):kind>")
class Choices(View):
    """What can be mapped to what."""

    @routes.doc(operationId="getChoices")
    @routes.arguments(shapes.SearchQuery, location="query")
    @routes.response(200, shapes.Choices, example=examples.CHOICES)
    def get(self, query: dict[str, str], connection_id: str, kind: str) -> dict[str, Any]:
        """Show what can be mapped

        Ravetree's keys of a kind, and the QuickBooks entries that they can be mapped to.
        """
        mappings = self.actions.mappings
        return {
            "keys": mappings.keys(connection_id, kind),
            "entries": mappings.entries(connection_id, kind, query["search"]),
        }


@routes.route("/<connection_id>/mappings")
class Mappings(View):
    """What Ravetree's keys are in QuickBooks."""

    @routes.doc(operationId="getMappings")
    @routes.response(200, shapes.MappingsAnswer, example=examples.MAPPINGS | {"note": REMAPPING})
    def get(self, connection_id: str) -> dict[str, Any]:
        """Show the mappings

        QuickBooks' ids by Ravetree's keys, by kind.
        """
        return self._shown(connection_id)

    @routes.doc(operationId="setMappings")
    @routes.arguments(shapes.Mappings, example=examples.MAPPINGS)
    @routes.response(200, shapes.MappingsAnswer, example=examples.MAPPINGS | {"note": REMAPPING})
    def put(self, body: dict[str, dict[str, str]], connection_id: str) -> dict[str, Any]:
        """Map keys

        Keys that are not named stay as they are. A line type takes an active service item. What is ticked and waits is
        looked at again, and takes effect with the last mapping.
        """
        self.actions.mappings.map_keys(connection_id, {MAPPINGS[name]: keys for name, keys in body.items()})
        return self._shown(connection_id)

    def _shown(self, connection_id: str) -> dict[str, Any]:
        found = self.actions.mappings.mapped(connection_id)
        return {name: found[kind] for name, kind in MAPPINGS.items()} | {"note": REMAPPING}


@routes.route("/<connection_id>/switches")
class Switches(View):
    """What is synced."""

    @routes.doc(operationId="setSwitches")
    @routes.arguments(shapes.Switches, example=examples.SWITCHES)
    @routes.response(200, shapes.ConnectionShape, example=examples.CONNECTION)
    def put(self, body: dict[str, bool], connection_id: str) -> ConnectionView:
        """Tick what is synced, or untick it

        On means from now on: what is older waits for the button or the back-fill. What lacks mappings is kept, waits
        for them, and is on from the moment of the last one; what was made meanwhile is offered as a back-fill. Refused
        while all is mapped and a finding of the pre-flight blocks.
        """
        self.actions.mappings.switch(connection_id, invoices=body.get("invoices"), estimates=body.get("estimates"))
        return self.actions.connections.one(connection_id)


@routes.route("/<connection_id>/settings")
class ConnectionSettings(View):
    """How a connection behaves."""

    @routes.doc(operationId="getSettings")
    @routes.response(200, shapes.ConnectionSettings, example=examples.SETTINGS)
    def get(self, connection_id: str) -> Policies:
        """Show how a connection behaves

        When drafts go to QuickBooks, what a deleted invoice becomes there, both limits, and the company's time zone.
        """
        return self.actions.connections.settings(connection_id)

    @routes.doc(operationId="setSettings")
    @routes.arguments(shapes.ConnectionSettings, example=examples.SETTINGS)
    @routes.response(200, shapes.ConnectionSettings, example=examples.SETTINGS)
    def put(self, body: dict[str, Any], connection_id: str) -> Policies:
        """Set how a connection behaves

        What is not named stays as it is.
        """
        return self.actions.connections.set_settings(connection_id, body)


@routes.route("/<connection_id>/usage")
class ConnectionUsage(View):
    """What is read and written, month by month."""

    @routes.doc(operationId="listUsage")
    @routes.arguments(PageQuery, location="query")
    @routes.response(200, page_of(shapes.UsageShape, "months"), example=examples.page(examples.USAGE))
    def get(self, query: dict[str, Any], connection_id: str) -> Page[Usage]:
        """List the usage by month

        Metered reads by cause and free writes by action, newest month first.
        """
        return self.actions.connections.usage_page(connection_id, asked(query))


@routes.route("/<connection_id>/pause")
class Pause(View):
    """Stop a connection."""

    @routes.doc(operationId="pauseConnection")
    @routes.arguments(shapes.PauseRequest, example=examples.PAUSE)
    @routes.response(200, shapes.ConnectionShape, example=examples.CONNECTION)
    def post(self, body: dict[str, str], connection_id: str) -> ConnectionView:
        """Stop writing for a connection

        Nothing is lost: what is pending goes on after `resume`.
        """
        return self.actions.connections.pause(connection_id, body["by"], body["cause"])


@routes.route("/<connection_id>/resume")
class Resume(View):
    """Let a connection go on."""

    @routes.doc(operationId="resumeConnection")
    @routes.response(200, shapes.ConnectionShape, example=examples.CONNECTION)
    def post(self, connection_id: str) -> ConnectionView:
        """Go on after a pause

        What was missed meanwhile is looked at.
        """
        return self.actions.connections.resume(connection_id)


@routes.route("/<connection_id>/release-brake")
class ReleaseBrake(View):
    """Let held removals go on."""

    @routes.doc(operationId="releaseBrake")
    @routes.response(200, shapes.ConnectionShape, example=examples.CONNECTION)
    def post(self, connection_id: str) -> ConnectionView:
        """Let held voids and deletions go on

        Those of the last hour are meant, and are counted anew.
        """
        return self.actions.connections.release_brake(connection_id)


@routes.route("/<connection_id>/disconnect")
class Disconnect(View):
    """End the consent."""

    @routes.doc(operationId="disconnect")
    @routes.arguments(shapes.PauseRequest, example=examples.PAUSE)
    @routes.response(200, shapes.Disconnected, example=examples.CONNECTION | {"revoked": True})
    def post(self, body: dict[str, str], connection_id: str) -> dict[str, Any]:
        """Disconnect

        QuickBooks' tokens are given back, Ravetree's is dropped, and nothing is written any more; pairs and mappings
        stay. `revoked` says whether Intuit took them back.
        """
        revoked = serving().connecting.disconnect(connection_id, body["by"])
        return asdict(self.actions.connections.one(connection_id)) | {"revoked": revoked}


@routes.route("/<connection_id>/forget")
class Forget(View):
    """End a connection for good."""

    @routes.doc(operationId="forgetConnection")
    @routes.arguments(shapes.ForgetRequest, example=examples.BY)
    @routes.response(200, shapes.Forgotten, example=examples.FORGOTTEN)
    def post(self, body: dict[str, str], connection_id: str) -> dict[str, str]:
        """Forget a disconnected connection

        One that anything was ever written for is archived instead: it stays readable. Its account and its company are
        free for others.
        """
        return {"outcome": serving().connecting.forget(connection_id, body["by"])}


@routes.route("/<connection_id>/console-links")
class ConsoleLinks(View):
    """The way of Ravetree's users into the console."""

    @routes.doc(operationId="makeConsoleLink")
    @routes.arguments(shapes.ConsoleLinkRequest, example=examples.CONSOLE_LINK_REQUEST)
    @routes.response(201, shapes.ConsoleLinkAnswer, example=examples.CONSOLE_LINK)
    def post(self, body: dict[str, str], connection_id: str) -> dict[str, str]:
        """Make a link into the console

        It lets the bookkeeper who is named in once, within the hour, without a password, and shows them this connection
        alone. Make it when they press the button, and send their browser there.
        """
        account_id = self.actions.connections.one(connection_id).account_id
        token = serving().users.link_for_account(account_id, body["name"])
        return {"url": f"{serving().connecting.public_url.rstrip('/')}/console/enter?token={token}"}


@routes.route("/<connection_id>/preflight")
class Preflight(View):
    """The settings of both sides."""

    @routes.doc(operationId="getPreflight")
    @routes.response(200, shapes.PreflightShape, example=examples.PREFLIGHT)
    def get(self, connection_id: str) -> Inspection:
        """Show the last pre-flight

        What the last look at the settings of both sides found; empty before the first one.
        """
        return self.actions.connections.last_inspection(connection_id)

    @routes.doc(operationId="runPreflight")
    @routes.response(200, shapes.PreflightShape, example=examples.PREFLIGHT)
    def post(self, connection_id: str) -> Inspection:
        """Look at the settings of both sides now

        Some four metered reads. What would make wrong books blocks the switch-on.
        """
        return self.actions.connections.inspect_now(connection_id)
