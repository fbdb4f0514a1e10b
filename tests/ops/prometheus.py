"""A private Prometheus that scrapes the processes of an installation and judges them by our rules, hurried."""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tests.services.ports import free_ports, wait_until

ROOT = Path(__file__).parents[2]
RULES, BOARDS = ROOT / "ops" / "prometheus" / "rules.yml", ROOT / "ops" / "grafana"
HURRY = (
    (r"(?m)^(\s+for:) \w+$", r"\1 1s"),
    (r"offset 15m", "offset 40s"),
    (r"\[15m\]", "[40s]"),
    (r"oldest_seconds\) > 60\b", "oldest_seconds) > 5"),
    (r"\) > 120\b", ") > 30"),
    (r"> 2'", "> 0'"),
)
"""What takes minutes in the rules takes seconds here; what is asked stays the same."""


class Prometheus:
    """Scrapes `ports`, by the names of their processes."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="prometheus-")
        folder = Path(self._folder.name)
        hurried = RULES.read_text()
        for pattern, instead in HURRY:
            hurried, times = re.subn(pattern, instead, hurried)
            assert times, pattern
        (folder / "rules.yml").write_text(hurried)
        targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}} for name, port in ports.items()]
        scrape = {"job_name": "ravebooks", "static_configs": targets}
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [scrape],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        command = [
            "/usr/bin/prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - Debian's
        wait_until(self._is_ready, 30, "Prometheus did not answer")

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self._url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What a query answers now."""
        answer = requests.get(f"{self._url}/api/v1/query", params={"query": query}, timeout=10).json()
        assert answer["status"] == "success", (query, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> dict[str, str]:
        """The alerts by name, with what they ask."""
        answer = requests.get(f"{self._url}/api/v1/rules", timeout=10).json()
        return {rule["name"]: rule["query"] for group in answer["data"]["groups"] for rule in group["rules"]}

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        answer = requests.get(f"{self._url}/api/v1/alerts", timeout=10).json()
        return {one["labels"]["alertname"] for one in answer["data"]["alerts"] if one["state"] == "firing"}

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()
