"""Each neighbour twice: in memory, and the real client in front of its sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.quickbooks.company import Company
from clients.ravetree.account import Account
from schemas.quickbooks import Body
from tests.unit.clients.neighbours import QuickBooks, Ravetree
from tests.unit.contracts.sides import AccountSide, CompanySide
from tests.unit.fakes.account import InMemoryAccount
from tests.unit.fakes.company import InMemoryCompany
from tests.unit.ports import FakeClock

CUSTOMER, HOURS = "3", "2"
"""As in the sandbox's lists."""


@pytest.fixture(params=["in memory", "sandbox"])
def company(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[CompanySide]:
    if request.param == "in memory":
        made = InMemoryCompany(clock)
        made.add("Customer", CUSTOMER, DisplayName="Aster")
        made.add("Item", HOURS, Name="Hours")
        yield CompanySide(made)
        return
    quickbooks = QuickBooks(tmp_path, clock)
    company: Company = quickbooks.company
    yield CompanySide(company)
    quickbooks.close()


@pytest.fixture(params=["in memory", "sandbox"])
def account(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[AccountSide]:
    if request.param == "in memory":
        made = InMemoryAccount(clock, "org_42")
        yield AccountSide(made, made.create)
        return
    ravetree = Ravetree(tmp_path, clock)
    account: Account = ravetree.account

    def create(resource: str, body: Body) -> Body:
        found: Body = ravetree.world.ok("POST", f"/sandbox/app/{resource}", body)
        return found

    yield AccountSide(account, create)
    ravetree.close()
