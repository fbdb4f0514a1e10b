"""The npm packages node-quickbooks and intuit-oauth; what they expect stands in the scripts of the folder node."""

from __future__ import annotations

from tests.clients.conftest import Node


def test_every_entity_is_created_read_updated_found_sent_voided_and_deleted(node: Node) -> None:
    assert len(node("entities.js")) == 18


def test_batches_and_changes(node: Node) -> None:
    assert node("changes.js") == 2


def test_consent_refresh_and_revoke(node: Node) -> None:
    assert node("oauth.js") is True
