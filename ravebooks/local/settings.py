"""The settings of a command that looks at an installation from beside it, as `ravebooks up` has completed them."""

import dataclasses
from pathlib import Path

from config import environment
from config.ports import SystemEntropy
from config.settings import Settings
from ravebooks import private
from ravebooks.bootstrap import Parts
from ravebooks.local import sandbox_process
from ravebooks.local.keys import FILE as KEYS_FILE
from ravebooks.local.keys import with_generated_keys
from ravebooks.local.sandbox_process import World
from storage import migrations
from storage.migrations import NotMigrated

NEEDED_BY_UP = ("quickbooks_client_id", "quickbooks_client_secret", "quickbooks_verifier_tokens", "ravetree_api_url")
"""What `ravebooks up` cannot make by itself."""


def with_sandbox(settings: Settings, world: World) -> Settings:
    """`settings` that speak with the sandbox."""
    return dataclasses.replace(
        settings,
        quickbooks_environment="local",
        quickbooks_client_id=world.quickbooks["client_id"],
        quickbooks_client_secret=world.quickbooks["client_secret"],
        quickbooks_api_url=world.quickbooks["api_url"],
        quickbooks_discovery_url=world.quickbooks["discovery_url"],
        quickbooks_verifier_tokens=(world.quickbooks["verifier_token"],),
        ravetree_api_url=world.ravetree["api_url"],
        ravetree_record_url=f"{world.ravetree['api_url'].removesuffix('v1')}#{{id}}",
    )


def read() -> tuple[Settings, World | None]:
    """The environment's settings with the keys and the sandbox that `ravebooks up` left in the state folder.

    The sandbox counts only while the environment names no Intuit app. Nothing is made or started here.
    """
    read = environment.read()
    settings = Settings.from_environment(read, quickbooks_environment="local")
    state_dir = Path(settings.state_dir)
    private.check(state_dir)
    world = None if settings.quickbooks_client_id else sandbox_process.kept(state_dir)
    # Without a sandbox it may be production, which asks for more.
    settings = Settings.from_environment(read) if world is None else with_sandbox(settings, world)
    if (state_dir / KEYS_FILE).exists():
        settings = with_generated_keys(settings, SystemEntropy())
    return settings, world


def open_books() -> Parts:
    """The parts on a database that is there and of this version. Raises `NotMigrated` and `DatabaseDown`."""
    settings, _ = read()
    parts = Parts(settings)
    check_database(parts)
    return parts


def check_database(parts: Parts) -> None:
    """Raise unless the database is there and of this version; an SQLite file that is missing is not made."""
    url = parts.settings.effective_database_url
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.exists():
        raise NotMigrated(f"there is no database at {file}", remedy="Run `ravebooks up`, which makes it.")
    migrations.check(parts.database)
