"""Before a process works: its database and its broker are this environment's, or it does not start."""

import requests

from config.logging import logger
from publishers import marks
from publishers.messages import BrokerDown
from ravebooks.bootstrap import Parts
from ravebooks.local.sandbox_process import World
from storage import installation, migrations
from storage.database import DatabaseDown
from storage.installation import Claimant
from storage.vault import UnreadableSecret, lost_versions

log = logger("claim")


def claimant_of(parts: Parts, world: World | None = None) -> Claimant:
    """As whom a process asks; `world` is the sandbox that it starts with."""
    environment = parts.settings.quickbooks_environment
    if world is None:
        return Claimant(environment)
    rows = requests.get(f"{world.quickbooks_root}/sandbox/companies", timeout=10).json()
    return Claimant(environment, installation.SANDBOX, frozenset(str(row["realm_id"]) for row in rows))


def prepare(parts: Parts, world: World | None = None) -> None:
    """Migrate a database that may be worked on, and claim it and the broker.

    Raises `OtherEnvironment`, `NotTheSandboxs` and `OtherBroker`, before anything was changed; `BrokerDown` when the
    database is ready.
    """
    claimant = claimant_of(parts, world)
    with parts.database.transaction() as session:
        installation.check(session, claimant)
        known = installation.is_claimed(session)
    away: BrokerDown | None = None
    if not parts.settings.embedded:
        try:
            marks.claim(parts.settings.broker_url, claimant.environment, new=world is not None and not known)
        except BrokerDown as error:
            away = error
    migrations.upgrade(parts.database)
    with parts.database.transaction() as session:
        installation.claim(session, claimant, new_id=parts.entropy.token(6), now=parts.clock.now())
    if away is not None:
        raise away
    _look_at_keys(parts)


def look(parts: Parts) -> None:
    """The same for a process that also starts while one of the two is away: then each slice looks at its connection.

    Raises `NotMigrated` for tables of another version: on them it could do nothing.
    """
    try:
        migrations.check(parts.database)
        with parts.database.transaction() as session:
            installation.claim(session, claimant_of(parts), new_id=parts.entropy.token(6), now=parts.clock.now())
        _look_at_keys(parts)
    except DatabaseDown as error:
        log.warning("the database was not looked at", error=str(error))
    try:
        marks.claim(parts.settings.broker_url, parts.settings.quickbooks_environment, new=False)
    except BrokerDown as error:
        log.warning("the broker was not looked at", error=str(error))


def _look_at_keys(parts: Parts) -> None:
    """Not refused: who has lost a key has to start, so that the companies can be connected again."""
    ring = parts.settings.token_keys
    if ring is None:
        return
    with parts.database.transaction() as session:
        lost = lost_versions(session, ring)
    for version in lost:
        log.error(
            "stored tokens were sealed with a key that RAVEBOOKS_TOKEN_KEYS does not have",
            key_version=version,
            remedy=UnreadableSecret.remedy,
        )
