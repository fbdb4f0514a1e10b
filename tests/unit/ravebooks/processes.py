"""Commands as processes that end by themselves."""

import subprocess
import sys


def ended(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command in this working directory, with these settings alone."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ravebooks", *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"} | {f"RAVEBOOKS_{name}": value for name, value in settings.items()},
        check=False,
        timeout=60,
    )
