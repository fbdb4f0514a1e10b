"""Listening sockets."""

import pytest

from ravebooks.serving.listening import CannotListen, listen, port_of


def test_a_used_port_is_one_sentence_with_its_remedy() -> None:
    with listen("127.0.0.1", 0, "PORT") as first:
        with pytest.raises(CannotListen, match=f"port {port_of(first)}: another process does") as caught:
            listen("127.0.0.1", port_of(first), "RAVEBOOKS_PORT")
        assert caught.value.remedy == "Stop what listens there, or set RAVEBOOKS_PORT to another port."


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid"])
def test_an_address_that_is_not_ours_names_the_setting(host: str) -> None:
    with pytest.raises(CannotListen) as caught:
        listen(host, 0, "RAVEBOOKS_PORT")
    assert "RAVEBOOKS_HOST" in caught.value.remedy
