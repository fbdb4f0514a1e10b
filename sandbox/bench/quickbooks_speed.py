"""How fast the QuickBooks sandbox is with many invoices, over real HTTP: `python bench/quickbooks_speed.py`.

Makes the company if the directory has none, starts the sandbox on it, asks each question many times and prints
what it took: the median and the 95th percentile in milliseconds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from quickbooks_sandbox import Plan, QuickBooksSandbox


def main() -> None:
    arguments = _arguments()
    plan = Plan(arguments.customers, arguments.invoices, arguments.seed)
    made = time.perf_counter()
    QuickBooksSandbox(arguments.directory, plan=plan).stop()
    begun = time.perf_counter()
    sandbox = QuickBooksSandbox(arguments.directory)
    sandbox.start()
    print(f"made or found in {begun - made:.1f} s, started in {time.perf_counter() - begun:.1f} s")
    sandbox.set_limits(enabled=False)
    try:
        _ask(sandbox, arguments.times)
    finally:
        sandbox.stop()
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, client included")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--directory", type=Path, default=Path("var/bench"))
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--invoices", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=100)
    return parser.parse_args()


def _ask(sandbox: QuickBooksSandbox, times: int) -> None:
    known = sandbox.credentials()
    root = known["api_url"].removesuffix("/v3")
    with requests.Session() as session:
        form = {"grant_type": "refresh_token", "refresh_token": known["refresh_token"]}
        basic = (known["client_id"], known["client_secret"])
        token = session.post(f"{root}/oauth2/v1/tokens/bearer", data=form, auth=basic, timeout=60).json()
        session.headers["Authorization"] = f"Bearer {token['access_token']}"
        company = f"{known['api_url']}/company/{known['realm_id']}"

        def get(path: str, **query: str) -> Any:
            answer = session.get(f"{company}/{path}", params=query, timeout=60)
            answer.raise_for_status()
            return answer.json()

        for name, question in _questions(get).items():
            print(f"{name:<58} {_measure(question, times)}")


def _questions(get: Callable[..., Any]) -> dict[str, Callable[[int], Any]]:
    now = datetime.now(UTC)

    def query(text: str) -> Callable[[int], Any]:
        return lambda turn: get("query", query=text.format(turn=turn, since=(now - timedelta(days=turn)).isoformat()))

    def changes(turn: int) -> Any:
        return get("cdc", entities="Invoice", changedSince=(now - timedelta(days=29, minutes=turn)).isoformat())

    return {
        "page of 100 by LastUpdatedTime": query(
            "select * from Invoice where MetaData.LastUpdatedTime >= '{since}'"
            " orderby MetaData.LastUpdatedTime startposition 1 maxresults 100"
        ),
        "page of 100 by TxnDate": query(
            "select * from Invoice where TxnDate >= '2026-01-01' orderby TxnDate startposition {turn}01 maxresults 100"
        ),
        "page of 100 by Id, deep": query("select * from Invoice orderby Id startposition {turn}001 maxresults 100"),
        "one customer's invoices": query("select * from Invoice where CustomerRef = '{turn}1' maxresults 100"),
        "one invoice by DocNumber": query("select * from Invoice where DocNumber = '{turn}001'"),
        "count without an index": query("select count(*) from Invoice where Balance > '0'"),
        "change data capture of 1000": changes,
    }


def _measure(question: Callable[[int], Any], times: int) -> str:
    took = []
    for turn in range(1, times + 1):
        begun = time.perf_counter()
        question(turn % 40 + 1)
        took.append((time.perf_counter() - begun) * 1000)
    ninety_fifth = statistics.quantiles(took, n=20)[18]
    return f"median {statistics.median(took):6.1f} ms   p95 {ninety_fifth:6.1f} ms"


if __name__ == "__main__":
    main()
