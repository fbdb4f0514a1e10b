"""Keys that nobody set: made once and kept in the state folder, for the embedded default."""

import dataclasses
import json
import os
from pathlib import Path

from config import keyring
from config.errors import RavebooksError, SettingError
from config.ports import Entropy
from config.settings import Settings

FILE = "keys.json"
OWNER_FILE = "owner"


class KeysUnreadable(RavebooksError):
    """The file with the generated keys is there, and is not whole."""

    remedy = "Put its copy back. Without one move it away: new keys are made, and every company is connected again."


def with_generated_keys(settings: Settings, entropy: Entropy) -> Settings:
    """`settings` with every missing key taken from, or put into, the state folder."""
    path = Path(settings.state_dir) / FILE
    if not path.exists():
        made = {
            "secret_key": entropy.token(32),
            "api_token": entropy.token(24),
            "token_keys": keyring.spell(entropy.nonce(keyring.KEY_BYTES)),
            "ravetree_webhook_keys": keyring.spell(entropy.nonce(keyring.KEY_BYTES)),
        }
        _write(path, json.dumps(made))
    found = _read(path)
    missing = {name: value for name, value in found.items() if not getattr(settings, name)}
    return dataclasses.replace(settings, **missing)  # type: ignore[arg-type]  # names and types are the fields' own


def _read(path: Path) -> dict[str, object]:
    try:
        kept = json.loads(path.read_text())
        return {
            "secret_key": str(kept["secret_key"]),
            "api_token": str(kept["api_token"]),
            "token_keys": keyring.parse(kept["token_keys"]),
            "ravetree_webhook_keys": keyring.parse(kept["ravetree_webhook_keys"]),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingError) as error:
        # Nothing of the file's content: it is all secret. New keys in its place would open no stored token.
        raise KeysUnreadable(f"the keys in {path} cannot be read ({type(error).__name__})") from None


def lasting_owner(settings: Settings, entropy: Entropy) -> str:
    """The name under which this state folder's process holds leases, the same after a restart.

    Only for a process that has locked the folder: it goes on at once with what a killed one left leased.
    """
    path = Path(settings.state_dir) / OWNER_FILE
    if not path.exists():
        _write(path, entropy.token(8))
    return path.read_text()


def _write(path: Path, text: str) -> None:
    """Readable by the owner alone, and there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
