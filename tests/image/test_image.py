"""The image holds what runs and no more, and its processes take an invoice across."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.image.containers import ROOT, Contained, Image, roomy
from tests.integration.system import until

PROCESSES = ("web", "worker", "sweeper")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="ravebooks-image-", dir=roomy()))
    try:
        # The image's user enters its files.
        folder.chmod(0o711)
        yield Image.build(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def contained(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    made = Contained(tmp_path_factory.mktemp("processes"), image)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_only_what_runs_is_in_it(image: Image) -> None:
    said = image.run(
        "python3", "-c", "from importlib.metadata import distributions as d; print(*(x.name for x in d()))"
    )
    installed = {name.lower() for name in said.stdout.split()}
    assert {"ravebooks", "gunicorn", "psycopg"} <= installed
    assert not {"pip", "setuptools", "quickbooks-sandbox", "pytest"} & installed
    materials = json.loads((image.files / "usr/share/ravebooks/bom.json").read_text())["components"]
    assert installed == {part["name"].lower() for part in materials}
    assert image.said["Labels"]["org.opencontainers.image.version"] in (ROOT / "setup.cfg").read_text()


def test_nothing_is_written_but_below_tmp(image: Image) -> None:
    assert image.run("id", "-u").stdout == "10001\n"
    assert image.run("touch", "/tmp/here").returncode == 0  # noqa: S108 - the image's
    for place in ("/here", "/opt/ravebooks/here", "/var/lib/ravebooks/here"):
        assert "Read-only file system" in image.run("touch", place).stderr


def test_one_invoice_goes_across(contained: Contained) -> None:
    invoice = contained.invoice("123.45")
    contained.arrives(invoice)
    found = contained.quickbooks.invoice(invoice["number"])
    assert found is not None
    assert str(found["TotalAmt"]) == "123.45"
    contained.quickbooks.pay({invoice["number"]: "123.45"}, "2026-11-21", "IMAGE 1")
    until(lambda: contained.ravetree.every("payments"), what="the payment did not come")
    assert contained.dead() == []


def test_each_process_is_nobodys_and_says_that_it_is_well(contained: Contained) -> None:
    for name in PROCESSES:
        assert contained.user_of(name) == (10001, 10001)
        assert contained.image.is_healthy(**contained.told[name])
    assert requests.get(f"{contained.url}/healthz", timeout=10).status_code == 404


def test_the_console_has_its_pages_and_their_looks(contained: Contained) -> None:
    page = requests.get(f"{contained.url}/console", timeout=10)
    assert page.ok
    assert "Ravebooks" in page.text
    assert requests.get(f"{contained.url}/console/static/console.css", timeout=10).ok


def test_each_process_ends_when_it_is_told_to_and_is_then_not_well(contained: Contained) -> None:
    for name in PROCESSES:
        assert contained.processes.end(name) == 0, contained.processes.log(name)
        assert not contained.image.is_healthy(**contained.told[name])
