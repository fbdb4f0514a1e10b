"""What ops/ ships to run Ravebooks by says what the Procfile, the settings and its own parts say."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings, unknown
from ravebooks.commands.processes import SHARED, WEB

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
CONTAINERFILE = (OPS / "Containerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((OPS / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "ravebooks"}
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
ONCE = "release"
THEIRS = {"postgresql": {5432}, "rabbitmq": {5672, 15672}, "prometheus": {9090}, "grafana": {3000}}
"""What the images of others listen on."""
PERSON = {
    "RAVEBOOKS_PUBLIC_URL": "https://ravebooks.example",
    "RAVEBOOKS_QUICKBOOKS_CLIENT_ID": "AB12",
    "RAVEBOOKS_QUICKBOOKS_CLIENT_SECRET": "n0b0dy-kn0ws-this-one",
    "RAVEBOOKS_QUICKBOOKS_VERIFIER_TOKENS": "4fd8-a9e2-77c1-b03d",
    "RAVEBOOKS_RAVETREE_API_URL": "https://api.ravetree.example/v1",
}
"""What only a person knows."""


def spelt(lines: str) -> dict[str, str]:
    """An environment file."""
    return dict(line.split("=", 1) for line in lines.splitlines() if line and not line.startswith("#"))


def new_environment() -> dict[str, str]:
    return spelt(subprocess.run([OPS / "new-environment"], capture_output=True, text=True, check=True).stdout)  # noqa: S603


@pytest.fixture(scope="module")
def filled() -> dict[str, str]:
    """A new environment file in which somebody has filled in the blanks."""
    return new_environment() | PERSON


def of_the_image() -> dict[str, str]:
    (said,) = re.findall(r"(?m)^ENV (.*)$", CONTAINERFILE)
    return dict(word.split("=", 1) for word in shlex.split(said))


def in_compose(name: str, filled: Mapping[str, str]) -> dict[str, str]:
    """The environment of a service of ours, as compose makes it; it fails where a variable is not in the file."""
    own = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
    told = {key: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: filled[found[1]], value) for key, value in own.items()}
    return of_the_image() | dict(filled) | told


def listened(name: str, filled: Mapping[str, str]) -> set[int]:
    """The ports that a service of compose listens on."""
    if name in THEIRS:
        return THEIRS[name]
    settings = Settings.from_environment(in_compose(name, filled))
    web = {settings.port or settings.platform_port, settings.operations_port}
    return {"web": web, "worker": {settings.health_port}, "sweeper": {settings.health_port}}.get(name, set())


# --- the image and compose ---------------------------------------------------------------------------


def test_the_image_runs_as_nobody_and_any_command() -> None:
    assert re.findall(r"(?m)^(?:USER|ENTRYPOINT) (.*)$", CONTAINERFILE) == ["10001:10001", '["ravebooks"]']
    assert unknown(of_the_image()) == []


def test_the_image_is_labelled_with_the_products_version() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert re.findall(r"(?m)^ARG VERSION=(.*)$", CONTAINERFILE) == [setup["metadata"]["version"]]


def test_the_image_is_asked_after_its_health_where_each_process_tells_it(filled: dict[str, str]) -> None:
    (asked,) = re.findall(r"os\.environ\['(\w+)'\] \+ '/healthz'", CONTAINERFILE)
    for name in OURS.keys() - {ONCE}:
        assert int(in_compose(name, filled)[asked]) in listened(name, filled)
    assert set(map(int, re.findall(r"(?m)^EXPOSE (\d+) (\d+)$", CONTAINERFILE)[0])) == listened("web", filled)


def test_compose_runs_the_procfiles_processes_and_no_other() -> None:
    assert {name: " ".join(["ravebooks", *service["command"]]) for name, service in OURS.items()} == PROCFILE
    assert OURS["worker"]["deploy"]["replicas"] == 2
    assert set(SERVICES) == OURS.keys() | THEIRS.keys()


def test_compose_builds_the_image_once_of_what_the_wheels_are() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == [ONCE]
    built = OURS[ONCE]["build"]
    context = OPS / built["context"]
    assert context.resolve() == ROOT / "dist"
    assert Path(os.path.normpath(context / built["dockerfile"])) == OPS / "Containerfile"


def test_compose_sets_what_the_processes_need_and_nothing_that_means_nothing(filled: dict[str, str]) -> None:
    for name in OURS:
        environment = in_compose(name, filled)
        assert unknown(environment) == []
        needed = {"web": (*SHARED, *WEB), ONCE: ("database_url", "broker_url")}.get(name, SHARED)
        assert Settings.from_environment(environment, needed=needed).quickbooks_environment == "production"


def test_compose_gives_our_processes_nothing_that_they_do_not_need() -> None:
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - where they may write
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_process_waits_for_release_and_release_for_its_servers() -> None:
    for name in OURS.keys() - {ONCE}:
        assert OURS[name]["depends_on"] == {ONCE: {"condition": "service_completed_successfully"}}
    awaited = OURS[ONCE]["depends_on"]
    assert awaited == {name: {"condition": "service_healthy"} for name in ("postgresql", "rabbitmq")}
    assert all("healthcheck" in SERVICES[name] for name in awaited)


def test_every_port_that_is_published_or_spoken_to_is_listened_on(filled: dict[str, str]) -> None:
    published = {(name, port) for name, service in SERVICES.items() for port in service.get("ports", ())}
    assert {name for name, _ in published} == {"web", "prometheus", "grafana"}
    for name, port in published:
        address, _, inside = port.split(":")
        assert address == "127.0.0.1", "only a proxy on the machine reaches it"
        assert int(inside) in listened(name, filled)
    data_source = (OPS / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    spoken_to = [*(value for name in OURS for value in in_compose(name, filled).values()), data_source]
    addresses = [found for text in spoken_to for found in re.findall(r"(?:@|//)([a-z]+):(\d{2,5})(?=/|\s|$)", text)]
    assert {name for name, _ in addresses} == {"postgresql", "rabbitmq", "prometheus"}
    assert [(name, port) for name, port in addresses if int(port) not in listened(name, filled)] == []


def test_prometheus_asks_every_process_where_it_tells(filled: dict[str, str]) -> None:
    said = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
    (job,) = said["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == OURS.keys() - {ONCE}
    assert all(found["port"] in listened(name, filled) for name in found["names"])
    rules = (OPS / "prometheus" / "rules.yml").read_text()
    assert f'job="{job["job_name"]}"' in rules
    assert [(OPS / "prometheus" / name).is_file() for name in said["rule_files"]] == [True]


def test_what_compose_mounts_is_there_and_where_grafana_looks() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", ())]
    folders = {parts[0]: parts[1] for parts in mounts if parts[0].startswith(".")}
    assert [name for name in folders if not (OPS / name).is_dir()] == []
    assert {parts[0] for parts in mounts} - folders.keys() == COMPOSE["volumes"].keys()
    (provider,) = yaml.safe_load((OPS / "grafana/provisioning/dashboards/ravebooks.yaml").read_text())["providers"]
    assert provider["options"]["path"] == folders["./grafana"]


def test_a_new_environment_is_new_each_time_and_strong_enough(filled: dict[str, str]) -> None:
    first, second = new_environment(), new_environment()
    made = {name for name, value in first.items() if value and value != "production"}
    assert {name for name in made if first[name] == second[name]} == set()
    assert {name for name, value in first.items() if not value} == PERSON.keys()
    # Whoever reads it finds the passwords in the addresses too.
    settings = Settings.from_environment(filled, needed=(*SHARED, *WEB))
    assert filled["POSTGRES_PASSWORD"] in settings.database_url
    assert filled["RABBITMQ_PASSWORD"] in settings.broker_url


# --- systemd -----------------------------------------------------------------------------------------


def unit(path: Path) -> dict[str, dict[str, str]]:
    parser = RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd tells big from small
    parser.read(path)
    return {section: dict(parser[section]) for section in parser.sections()}


def units() -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    for path in sorted((OPS / "systemd").glob("*.service")):
        yield path.stem.removeprefix("ravebooks-").rstrip("@"), unit(path)


def test_systemd_runs_the_procfiles_processes_and_no_other() -> None:
    commands = {name: said["Service"]["ExecStart"] for name, said in units()}
    assert commands == {name: f"/opt/ravebooks/bin/{command}" for name, command in PROCFILE.items()}
    wanted = unit(OPS / "systemd" / "ravebooks.target")["Unit"]["Wants"].split()
    assert {
        name.partition(".")[0].partition("@")[0].removeprefix("ravebooks-") for name in wanted
    } == PROCFILE.keys() - {ONCE}


def test_each_unit_waits_for_release_sets_what_there_is_and_has_ports_of_its_own() -> None:
    common = unit(OPS / "systemd" / "ravebooks-.service.d" / "common.conf")
    ports: list[str] = []
    for name, said in units():
        environment = spelt("\n".join(said["Service"].get("Environment", "").split()))
        assert unknown(environment | spelt(common["Service"]["Environment"])) == []
        if name == ONCE:
            continue
        assert said["Unit"]["Wants"] == said["Unit"]["After"] == "ravebooks-release.service"
        own = [value for key, value in environment.items() if key.endswith("_PORT")]
        ports += [port.replace("%i", str(number)) for port in own for number in ((1, 2) if "%i" in port else (0,))]
    assert len(ports) == len(set(ports)) == 5
