"""Intuit's request limits, counted on the sandbox's clock."""

from __future__ import annotations

import threading
from collections import deque

from sandbox_kit.clock import SandboxClock

MINUTE = 60.0


class RequestLimits:
    """500 requests and 40 batches a minute for a realm, 10 requests a second for a realm and app."""

    def __init__(self, clock: SandboxClock, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], deque[float]] = {}

    def admit(self, client_id: str, realm: str, is_batch: bool) -> bool:
        """Count this request; False when it is one too many. A refused request does not count."""
        if not self.enabled:
            return True
        rules = [(f"second:{client_id}", 1.0, 10), ("minute", MINUTE, 500)]
        if is_batch:
            rules.append(("batch", MINUTE, 40))
        with self._lock:
            now = self._clock.seconds()
            windows = [self._window(realm, name, now - seconds) for name, seconds, _ in rules]
            if any(len(window) >= most for window, (_, _, most) in zip(windows, rules, strict=True)):
                return False
            for window in windows:
                window.append(now)
            return True

    def _window(self, realm: str, name: str, oldest: float) -> deque[float]:
        window = self._seen.setdefault((realm, name), deque())
        while window and window[0] <= oldest:
            window.popleft()
        return window
