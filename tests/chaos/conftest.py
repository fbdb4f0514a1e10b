"""What holds for the integration tests holds here; at the end stands what became of all that was acknowledged."""

from typing import Any

import pytest

from tests.chaos.accounting import PROPERTY, table
from tests.integration.conftest import no_settings_from_outside  # noqa: F401 - a fixture that everybody has


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The account of every fault, those of tests that failed too."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    accounts: list[Any] = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == PROPERTY and report.when == "call"
    ]
    if accounts:
        terminalreporter.section("what became of what was acknowledged")
        for line in table(accounts):
            terminalreporter.write_line(line)
