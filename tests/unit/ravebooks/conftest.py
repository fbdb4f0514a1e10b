"""A state folder as `ravebooks up` leaves it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from config.ports import SystemClock
from config.settings import Settings
from ravebooks.bootstrap import Parts
from ravebooks.local import settings as local_settings
from ravebooks.local.keys import with_generated_keys
from storage import connections
from storage.models import Connection
from tests.unit.ports import SeededEntropy

CONNECTION = "c1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is set but the state folder, and no `.env` of the developer's is near."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RAVEBOOKS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAVEBOOKS_STATE_DIR", str(tmp_path / "var"))


@pytest.fixture
def runner() -> Iterator[CliRunner]:
    """Runs a command; the logs that it configures go to a standard error that ends with it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield CliRunner()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def state(tmp_path: Path, migrated: Path) -> Path:
    """Keys and an empty database."""
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "ravebooks.db").write_bytes(migrated.read_bytes())
    with_generated_keys(Settings(state_dir=str(folder)), SeededEntropy())
    return folder


@pytest.fixture
def parts(state: Path) -> Iterator[Parts]:
    """The parts of this folder, with one connection whose Ravetree token is stored."""
    settings, _ = local_settings.read()
    parts = Parts(settings, entropy=SeededEntropy())
    now = SystemClock().now()
    with parts.database.transaction() as session:
        session.add(
            Connection(
                id=CONNECTION,
                account_id="org_42",
                realm_id="4620816365",
                state=connections.ACTIVE,
                created_at=now,
                cdc_watermark=now,
                invoices_since=now,
                ravetree_token=parts.neighbours.tokens.seal_ravetree_token("secret", CONNECTION),
            )
        )
    yield parts
    parts.close()
