"""A mail server that keeps what it gets."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Takes e-mail on a port of its own; refuses those whose addresses hold one of `refuses`."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.kept: list[bytes] = []
        self.recipients: list[str] = []
        self.refuses: tuple[str, ...] = ()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    @property
    def messages(self) -> list[EmailMessage]:
        """What it got, in order."""
        found: list[Any] = [message_from_bytes(kept, policy=policy.default) for kept in self.kept]
        return found

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Talk(socketserver.StreamRequestHandler):
    """As much SMTP as it takes."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            match line[:4].upper():
                case b"EHLO" | b"MAIL" | b"RSET":
                    self._say("250 fine")
                case b"RCPT":
                    refused = any(name.encode() in line for name in self.server.refuses)
                    if not refused:
                        self.server.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                    self._say("550 no kim@books.example here" if refused else "250 fine")
                case b"DATA":
                    self._say("354 go on")
                    self.server.kept.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self._say("250 kept")
                case b"QUIT":
                    self._say("221 bye")
                    return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
