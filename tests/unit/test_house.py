"""What holds for the whole checkout."""

import configparser
from importlib.metadata import packages_distributions
from pathlib import Path

from config.settings import variables
from ravebooks.commands.settings import as_markdown

ROOT = Path(__file__).parents[2]


def listed_packages() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(setup["options"]["packages"].split())


def test_no_other_distribution_installs_our_names() -> None:
    """`config` and `storage` are plain names: another package's folder would shadow ours, or ours its."""
    ours = {name.partition(".")[0] for name in listed_packages()}
    providers = packages_distributions()
    assert {name: providers[name] for name in ours & providers.keys() if set(providers[name]) != {"ravebooks"}} == {}


def test_every_package_is_listed() -> None:
    tops = {name.partition(".")[0] for name in listed_packages()}
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts) for top in tops for path in (ROOT / top).rglob("__init__.py")
    }
    assert listed_packages() == on_disk


def test_every_room_stands_in_the_import_contract() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert set(setup["importlinter"]["root_packages"].split()) == {n.partition(".")[0] for n in listed_packages()}


def test_the_configuration_page_is_the_settings_own() -> None:
    """Written by `make configuration`."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == as_markdown()
    assert all(f"`{name}`" in page for name, _, _ in variables())
