"""`ravebooks up` beside a sandbox that knows nothing of it: nobody has connected, mapped or switched anything yet."""

import json
import os
import subprocess
import sys

import requests

from config import keyring
from ravebooks.commands import demo
from ravebooks.local.sandbox_connection import LocalInstallation
from ravebooks.local.sandbox_process import World, find_or_start
from tests.integration.system import System


class Bare(System):
    """It runs for an app of its own at the sandbox's QuickBooks, which tells it of changes as Ravetree does."""

    world: World

    def start(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.world = find_or_start(self.folder)
        app = self.world.quickbooks
        settings = {
            "STATE_DIR": str(self.folder),
            "QUICKBOOKS_ENVIRONMENT": "local",
            "QUICKBOOKS_CLIENT_ID": app["client_id"],
            "QUICKBOOKS_CLIENT_SECRET": app["client_secret"],
            "QUICKBOOKS_API_URL": app["api_url"],
            "QUICKBOOKS_DISCOVERY_URL": app["discovery_url"],
            "QUICKBOOKS_VERIFIER_TOKENS": app["verifier_token"],
            "RAVETREE_API_URL": self.world.ravetree["api_url"],
        }
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ravebooks", "up"],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=os.environ | {f"RAVEBOOKS_{name}": value for name, value in settings.items()},
            )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline() or "{}")
        assert self.ready, self.log()
        for side, root in (("quickbooks", self.world.quickbooks_root), ("ravetree", self.world.ravetree_root)):
            self.ready[side] = requests.get(f"{root}/sandbox/credentials", timeout=10).json()
        self._subscribe()

    def _subscribe(self) -> None:
        """What those who run Ravetree and the app at Intuit have set once, for all accounts."""
        kept = json.loads((self.folder / "keys.json").read_text())
        local = LocalInstallation(self.ready["url"], self.api_token(), keyring.parse(kept["ravetree_webhook_keys"]))
        local._share_the_app(self.world)
        local._subscribe(self.world)

    def stop(self) -> int:
        demo.stop(self.process)
        self.world.stop()
        return self.process.returncode
