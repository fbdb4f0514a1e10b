"""`ravebooks conformance`: whether an implementation of the contract with Ravetree keeps it."""

import secrets
import sys
from dataclasses import asdict
from ipaddress import ip_address
from urllib.parse import urlsplit

import click

from clients.http import open_session
from config import logging as logs
from ravebooks.conformance import reading, writing
from ravebooks.conformance.asking import Implementation, Verdict, tried
from schemas import strict_json

MARKS = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}


@click.command("conformance")
@click.argument("url")
@click.option("--account", required=True, help="The account that is tried: one of a test system's.")
@click.option("--token", envvar="RAVETREE_TOKEN", required=True, help="Its API token; better as RAVETREE_TOKEN.")
@click.option("--read-only", is_flag=True, help="Try nothing that writes.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each claim.")
def conformance(url: str, account: str, token: str, read_only: bool, as_json: bool) -> None:
    """Try an implementation of the contract with Ravetree at URL (up to /v1): what holds, what fails, what to do.

    It makes one unapplied payment of the smallest amount for the first client, dated 2 January 2020, and deletes it.
    Status 1 when a claim fails.
    """
    logs.configure("error")
    _check(url)
    there = Implementation(open_session(), url, account, token, f"conformance-{secrets.token_hex(6)}")
    counts = dict.fromkeys(MARKS, 0)
    claims = reading.CLAIMS.every + ([] if read_only else writing.CLAIMS.every)
    try:
        for verdict in tried(claims, there):
            counts[verdict.result] += 1
            _print(verdict, as_json)
    finally:
        if left := writing.remove(there):
            click.echo(left, err=True)
    if not as_json:
        click.echo(", ".join(f"{count} {result}" for result, count in counts.items()))
    sys.exit(1 if counts["failed"] or left else 0)


def _check(url: str) -> None:
    """A token goes to an address that is meant, and is not read on its way."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter("it is an address such as https://ravetree.example/v1", param_hint="URL")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise click.BadParameter("a token is sent by https only, but to this machine", param_hint="URL")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _print(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        click.echo(strict_json.dumps(asdict(verdict)))
        return
    click.echo(f"{MARKS[verdict.result]}  {verdict.claim}" + (f": {verdict.found}" if verdict.found else ""))
    if verdict.remedy:
        click.echo(f"      → {verdict.remedy}")
