"""What comes in while something fails."""

import threading
import uuid

import requests

from tests.integration.installed import Installation

LOAD_SECONDS = 0.1
"""Between two deliveries."""


class Load(threading.Thread):
    """Deliveries of QuickBooks about an invoice; each is repeated until it is taken."""

    def __init__(self, installed: Installation, invoice: str) -> None:
        super().__init__(daemon=True)
        self._installed, self._invoice = installed, invoice
        self._ended = threading.Event()
        self.taken: set[str] = set()
        self.refused = 0

    def run(self) -> None:
        """Until it is told to end."""
        event_id = uuid.uuid4().hex
        while not self._ended.wait(LOAD_SECONDS):
            if self._is_taken(event_id):
                self.taken.add(event_id)
                event_id = uuid.uuid4().hex
            else:
                self.refused += 1

    def _is_taken(self, event_id: str) -> bool:
        try:
            return self._installed.post_event(event_id, self._invoice).status_code == 200
        except requests.RequestException:
            return False

    def end(self) -> None:
        self._ended.set()
        self.join()
