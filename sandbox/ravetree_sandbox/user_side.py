"""`/sandbox/app`: what a user of Ravetree does, in the contract's fields and with its answers."""

from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue

from ravetree_sandbox.errors import invalid, not_found
from ravetree_sandbox.http import (
    answer,
    check_credentials,
    read_if_match,
    read_json,
    read_query,
    take_notify,
)
from ravetree_sandbox.journal import USER
from ravetree_sandbox.organisation import Organisation
from ravetree_sandbox.values import Json

KINDS = "<any(contacts, invoices, estimates, payments):kind>"
SYNCED_KINDS = "<any(contacts, invoices, estimates):kind>"


class UserSide:
    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("app", __name__, url_prefix="/sandbox/app")
        blueprint.before_request(self._admit)
        blueprint.get(f"/{KINDS}")(self._list)
        blueprint.get(f"/{KINDS}/<record_id>")(self._get)
        blueprint.post(f"/{KINDS}")(self._create)
        blueprint.patch(f"/{KINDS}/<record_id>")(self._update)
        blueprint.delete(f"/{KINDS}/<record_id>")(self._delete)
        blueprint.post(f"/{SYNCED_KINDS}/<record_id>/sync")(self._sync)
        return blueprint

    def _admit(self) -> None:
        check_credentials(self._organisation)

    def _list(self, kind: str) -> ResponseReturnValue:
        return answer(200, self._organisation.books[kind].page(read_query(kind)))

    def _get(self, kind: str, record_id: str) -> ResponseReturnValue:
        return answer(200, {"data": self._organisation.books[kind].get(record_id)})

    def _create(self, kind: str) -> ResponseReturnValue:
        body = read_json()
        return self._act(kind, 201, take_notify(body), lambda: self._created(kind, body))

    def _update(self, kind: str, record_id: str) -> ResponseReturnValue:
        body = read_json()
        version = read_if_match()
        return self._act(kind, 200, take_notify(body), lambda: self._updated(kind, record_id, body, version))

    def _delete(self, kind: str, record_id: str) -> ResponseReturnValue:
        version, book = read_if_match(), self._organisation.books[kind]
        return self._act(kind, 200, False, lambda: book.delete(USER, record_id, version))

    def _sync(self, kind: str, record_id: str) -> ResponseReturnValue:
        book = self._organisation.books[kind]
        return self._act(kind, 200, False, lambda: book.request_sync(USER, record_id))

    def _act(self, kind: str, status: int, notify: bool, act: Callable[[], Json]) -> ResponseReturnValue:
        with self._organisation.store.transaction():
            record = act()
            if notify:
                self._organisation.mails.record(kind, record["id"])
        return answer(status, {"data": record})

    def _created(self, kind: str, body: Json) -> Json:
        organisation = self._organisation
        if kind == "contacts":
            return organisation.contacts.create(USER, {"currency": "USD", **body})
        if kind == "invoices":
            return organisation.create_invoice(USER, body)
        if kind == "estimates":
            return organisation.estimates.create(USER, body)
        return organisation.payments.enter(USER, body)

    def _updated(self, kind: str, record_id: str, body: Json, version: int | None) -> Json:
        organisation = self._organisation
        if kind == "contacts":
            return self._contact_updated(record_id, body, version)
        if kind == "invoices":
            return organisation.invoices.update(USER, record_id, body, version)
        if kind == "estimates":
            return organisation.estimates.update(USER, record_id, body, version)
        if kind == "payments":
            return organisation.payments.update(USER, record_id, body, version)
        raise not_found(kind)

    def _contact_updated(self, record_id: str, body: Json, version: int | None) -> Json:
        contacts = self._organisation.contacts
        if "merged_into" not in body:
            return contacts.update(USER, record_id, body, version)
        if len(body) > 1 or not isinstance(body["merged_into"], str):
            raise invalid("A merge names the other contact, and nothing else.", "merged_into")
        return contacts.merge(USER, record_id, body["merged_into"], version)
