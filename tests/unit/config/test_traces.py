"""What is believed of a trace that comes from outside."""

import pytest

from config import traces
from config.errors import SettingError
from config.settings import Settings

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_traceparent_of_w3c_is_followed() -> None:
    assert traces.checked(GOOD) == GOOD


@pytest.mark.parametrize(
    "said",
    [
        None,
        7,
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        "",
        GOOD.upper(),
        GOOD + "\n",
        GOOD[:-1] + "\n",
        GOOD[:-1] + "g",
        GOOD + "-" + "x" * 10_000,
        GOOD.replace("00-", "ff-", 1),
        GOOD.replace("00-", "01-", 1),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        GOOD.replace("-", "_"),
        "00-0af7651916cd43dd8448eb211c80319٣-b7ad6b7169203331-01",
    ],
)
def test_anything_else_is_none(said: object) -> None:
    assert traces.checked(said) == ""


def test_nothing_is_traced_without_an_sdk() -> None:
    with traces.go_on("reconcile", GOOD) as span:
        assert not span.is_recording()
        traces.answered("done")
        traces.link_to(GOOD)


def test_an_address_without_what_sends_there_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"RAVEBOOKS_TRACES_URL": "http://collector:4318/v1/traces"}
    assert Settings.from_environment(given).traces_url == given["RAVEBOOKS_TRACES_URL"]
    monkeypatch.setattr("config.settings.find_spec", lambda _name: None)
    with pytest.raises(SettingError, match="make otel"):
        Settings.from_environment(given)
