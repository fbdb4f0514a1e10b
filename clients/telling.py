"""The ways by which operators are told: e-mail, and a webhook that is signed by the Standard Webhooks scheme."""

import hashlib
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from standardwebhooks import Webhook

from clients import http
from clients.http import AdapterFactory, network_adapter
from config.errors import RavebooksError
from schemas import strict_json

SECONDS = 10.0
LAST_SUCCESS = 299


class NotTold(RavebooksError):
    """Whoever was to be told was not."""

    remedy = "Correct the settings RAVEBOOKS_MAIL_… or RAVEBOOKS_TELL_…; it is tried again by itself."


@dataclass(frozen=True)
class News:
    """What is told at once: subject and text for people, and the same as data. Repeated it has the same `id`."""

    id: str
    at: datetime
    subject: str
    text: str
    data: Mapping[str, Any]


class Way(Protocol):
    """A way to tell. Its name is stored with what it has told."""

    name: str

    def tell(self, news: News) -> None:
        """Tell it. Raises `NotTold`."""


class Mail:
    """E-mail by way of an SMTP server: `smtp://` takes TLS where the server offers it, `smtps://` begins with it."""

    name = "mail"

    def __init__(self, url: str, sender: str, to: Sequence[str]) -> None:
        self._url = urlsplit(url)
        self._sender = sender
        self._to = tuple(to)
        self._left: dict[str, tuple[str, ...]] = {}

    def tell(self, news: News) -> None:
        """Send one message to all. Raises `NotTold`, also where a recipient was refused: it alone gets it again."""
        left = self._left.get(news.id) or self._to
        message = EmailMessage()
        message["Subject"] = news.subject
        message["From"] = self._sender
        message["To"] = ", ".join(self._to)
        message["Date"] = news.at
        message["Message-ID"] = f"<{news.id}@ravebooks>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(news.text)
        try:
            with self._connected() as server:
                refused = server.send_message(message, to_addrs=left)
        except (OSError, smtplib.SMTPException) as error:
            # What a server answers may repeat addresses and more: only what kind of failure it is, is told.
            code = getattr(error, "smtp_code", "")
            raise NotTold(f"the e-mail was not taken ({type(error).__name__}{f' {code}' if code else ''})") from None
        # Of one message at a time: what it says is marked as told, or told anew.
        self._left = {news.id: tuple(refused)}
        if refused:
            raise NotTold(f"the mail server refused {len(refused)} of {len(self._to)} recipients")

    def _connected(self) -> smtplib.SMTP:
        url, context = self._url, ssl.create_default_context()
        host = url.hostname or "localhost"
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 25, timeout=SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
            elif url.username:
                server.close()
                raise NotTold("the mail server offers no TLS, and a password is not sent without")
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        return server


class SignedWebhook:
    """A POST with `webhook-id`, `webhook-timestamp` and `webhook-signature` (`v1`), as Standard Webhooks has them."""

    name = "webhook"

    def __init__(self, url: str, secret: str, adapter: AdapterFactory = network_adapter) -> None:
        self._url = url
        self._signing = Webhook(secret)
        self._adapter = adapter

    def tell(self, news: News) -> None:
        """Post it. Raises `NotTold`."""
        said = {"type": "ravebooks.wellness", "timestamp": news.at.isoformat(), "data": dict(news.data)}
        body = strict_json.dumps(said)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": news.id,
            "webhook-timestamp": str(int(news.at.timestamp())),
            "webhook-signature": self._signing.sign(news.id, news.at, body),
        }
        try:
            with http.open_session(self._adapter) as session:
                answer = http.call(
                    session, "telling", "POST", self._url, headers=headers, timeout=SECONDS, data=body.encode()
                )
        except RavebooksError as error:
            raise NotTold(f"the webhook was not taken ({type(error).__name__})") from None
        if answer.status > LAST_SUCCESS:
            raise NotTold(f"the webhook was answered with HTTP {answer.status}")


def news_id(*parts: str) -> str:
    """The same for the same."""
    return f"rvb_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"
