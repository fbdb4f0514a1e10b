"""E-mail as a server takes it, and a webhook as a receiver verifies it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from standardwebhooks import Webhook

from clients.telling import Mail, News, NotTold, SignedWebhook
from tests.services.mail import MailServer
from tests.unit.ports import START

SECRET = "whsec_" + "c2VjcmV0" * 5
NEWS = News(
    "rvb_1", START, "Ravebooks: 1 not well", "NOT WELL  It broke: ünïcode.\n", {"begun": [{"finding": "stalled"}]}
)


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


def mail(server: MailServer, user: str = "") -> Mail:
    return Mail(
        f"smtp://{user}127.0.0.1:{server.server_address[1]}", "ravebooks@example", ["kim@books.example", "ann@x"]
    )


def test_an_e_mail_arrives_as_it_was_meant(server: MailServer) -> None:
    mail(server).tell(NEWS)
    (message,) = server.messages
    assert (message["Subject"], message["To"]) == (NEWS.subject, "kim@books.example, ann@x")
    assert (message["Message-ID"], message["Auto-Submitted"]) == ("<rvb_1@ravebooks>", "auto-generated")
    assert "ünïcode" in message.get_content()


def test_one_that_is_refused_is_not_told_and_names_no_address(server: MailServer) -> None:
    server.refuses = ("@",)
    with pytest.raises(NotTold) as caught:
        mail(server).tell(NEWS)
    assert "kim" not in str(caught.value)


def test_what_one_of_them_did_not_get_is_not_told(server: MailServer) -> None:
    server.refuses = ("kim",)
    with pytest.raises(NotTold, match="refused 1 of 2") as caught:
        mail(server).tell(NEWS)
    assert "kim" not in str(caught.value)
    assert len(server.messages) == 1


def test_who_has_it_does_not_get_it_again(server: MailServer) -> None:
    server.refuses = ("kim",)
    way = mail(server)
    for _ in range(3):
        with pytest.raises(NotTold):
            way.tell(NEWS)
    assert len(server.messages) == 1
    server.refuses = ()
    way.tell(NEWS)
    assert server.recipients[-1:] == ["kim@books.example"]
    way.tell(replace(NEWS, id="rvb_2"))
    assert server.recipients[-2:] == ["kim@books.example", "ann@x"]


def test_a_password_is_not_sent_in_the_clear(server: MailServer) -> None:
    with pytest.raises(NotTold, match="no TLS"):
        mail(server, "kim:secret@").tell(NEWS)
    assert server.kept == []


def test_a_server_that_is_away_is_not_told(server: MailServer) -> None:
    way = mail(server)
    server.close()
    with pytest.raises(NotTold):
        way.tell(NEWS)


class Receiver(BaseAdapter):
    """Verifies, and answers with a status."""

    def __init__(self, status: int = 204) -> None:
        super().__init__()
        self.status = status
        self.got: list[Any] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.got.append(request)
        answer = requests.Response()
        answer.status_code, answer.request = self.status, request
        answer._content = b""
        return answer

    def close(self) -> None:
        """Nothing is open."""


def test_a_webhook_is_verified_by_whoever_has_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    SignedWebhook("https://ravetree.example/told", SECRET, lambda: receiver).tell(NEWS)
    (request,) = receiver.got
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["webhook-id"] == "rvb_1"
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Still)
    said = Webhook(SECRET).verify(request.body.decode(), headers)
    assert said == {"type": "ravebooks.wellness", "timestamp": START.isoformat(), "data": NEWS.data}


class Still:
    """A clock for the verifier."""

    @staticmethod
    def now(*, tz: Any) -> Any:
        return START.astimezone(tz)

    @staticmethod
    def fromtimestamp(seconds: float, tz: Any) -> Any:
        return type(START).fromtimestamp(seconds, tz)


@pytest.mark.parametrize("status", [301, 400, 500])
def test_any_other_answer_is_not_told(status: int) -> None:
    with pytest.raises(NotTold):
        SignedWebhook("https://ravetree.example/told", SECRET, lambda: Receiver(status)).tell(NEWS)
