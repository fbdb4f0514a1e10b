"""Which call of the product's sources is passed at which boundary; where there is none, why."""

import re

BY_HAND = "a person runs this, sees that it failed, and runs it again"
BEFORE_IT_WORKS = "before a process works: whoever dies there has begun nothing"
NO_EFFECT = "nothing is kept or taken away by it: who dies there dies before the next boundary"
LISTENS = "it listens: what comes is passed at the boundary where it is answered"

Covered = tuple[str, ...] | str

_COMMITS = (
    "web: stores in the outbox",
    "web: stores what a person asked for",
    "worker: the recorder commits",
    "worker: a dead letter is kept",
    "worker: a reconciler commits",
    "worker: new tokens are stored",
    "sweeper: commits",
    "sweeper: the relay commits",
    "sweeper: work over many commits",
    "sweeper: gives a sign of life",
    "sweeper: the teller commits",
    "up: a delivery is recorded",
    "up: a reconciler commits",
    "up: new tokens are stored",
    "up: the sweeper commits",
)
_REQUESTS = (
    *(
        f"{process}: {name}"
        for process in ("worker", "up")
        for name in (
            "QuickBooks is read",
            "QuickBooks is written to",
            "Ravetree is read",
            "Ravetree is written to",
            "Ravetree is told a state",
        )
    ),
    "sweeper: tells by webhook",
)
_LOOPS = ("worker: connects to the broker",)
_DEAD = ("worker: a dead letter is acknowledged",)
_GIVEN_BACK = ("worker: the recorder gives back",)

CALLS: dict[str, Covered] = {
    "clients/http.py session.request": _REQUESTS,
    "clients/quickbooks/oauth.py session.refresh_token": ("worker: a token is refreshed", "up: a token is refreshed"),
    "clients/quickbooks/oauth.py session.fetch_token": "a person connects, and begins the connect again",
    "clients/telling.py smtplib.SMTP": ("sweeper: mails",),
    "clients/telling.py smtplib.SMTP_SSL": ("sweeper: mails",),
    "clients/telling.py server.ehlo": ("sweeper: mails",),
    "clients/telling.py server.starttls": ("sweeper: mails",),
    "clients/telling.py server.login": ("sweeper: mails",),
    "clients/telling.py server.send_message": ("sweeper: mails",),
    "consumers/broker_connection.py connection.connect": _LOOPS,
    "consumers/dead_letters.py message.ack": _DEAD,
    "consumers/inbound.py message.ack": ("worker: the recorder acknowledges",),
    "consumers/inbound.py message.reject": ("worker: the recorder rejects",),
    "consumers/inbound.py message.requeue": _GIVEN_BACK,
    "consumers/loop.py broker_connection.connect": _LOOPS,
    "consumers/loop.py channel.basic_qos": _LOOPS,
    "consumers/loop.py consumer.consume": _LOOPS,
    "consumers/loop.py consumer.cancel": _GIVEN_BACK,
    "consumers/loop.py connection.drain_events": ("worker: a delivery comes",),
    "consumers/loop.py connection.heartbeat_check": NO_EFFECT,
    "consumers/loop.py message.requeue": _GIVEN_BACK,
    "consumers/loop.py self._connection.connection.send_heartbeat": NO_EFFECT,
    "consumers/nudges.py broker_connection.connect": _LOOPS,
    "consumers/nudges.py channel.basic_qos": ("worker: the recorder nudges", "sweeper: nudges"),
    "consumers/nudges.py connection.default_channel.queue_declare": NO_EFFECT,
    "consumers/nudges.py message.ack": ("worker: a nudge is acknowledged",),
    "consumers/nudges.py message.reject": ("worker: a nudge is rejected",),
    "consumers/nudges.py producer.publish": ("worker: the recorder nudges", "sweeper: nudges"),
    "publishers/confirms.py BlockingConnection": ("web: looks for the queues",),
    "publishers/connection.py _JoiningConnection": ("web: looks for the queues",),
    "publishers/connection.py channel.confirm_delivery": ("web: publishes",),
    "publishers/connection.py self._channel.basic_publish": (
        "web: publishes",
        "web: is confirmed",
        "sweeper: the relay publishes",
        "sweeper: the relay is confirmed",
    ),
    "publishers/connection.py self._channel.exchange_declare": NO_EFFECT,
    "publishers/marks.py BlockingConnection": BEFORE_IT_WORKS,
    "publishers/marks.py channel.exchange_declare": BEFORE_IT_WORKS,
    "publishers/marks.py connection.channel().exchange_declare": BY_HAND,
    "publishers/marks.py channel.queue_declare": NO_EFFECT,
    "publishers/topology.py getattr(channel, method)": ("web: looks for the queues",),
    "publishers/topology.py open_channel().queue_declare": ("web: looks for the queues",),
    "ravebooks/claiming.py requests.get": BEFORE_IT_WORKS,
    "ravebooks/claiming.py migrations.upgrade": BY_HAND,
    "ravebooks/commands/demo.py subprocess.Popen": BY_HAND,
    "ravebooks/commands/simulate.py subprocess.run": BY_HAND,
    "ravebooks/commands/up.py requests.get": BY_HAND,
    "ravebooks/demo/sides.py self.session.get": BY_HAND,
    "ravebooks/demo/sides.py self.session.post": BY_HAND,
    "ravebooks/demo/sides.py self.session.request": BY_HAND,
    "ravebooks/doctor.py session.get": BY_HAND,
    "ravebooks/local/sandbox_connection.py browser.get": BY_HAND,
    "ravebooks/local/sandbox_connection.py browser.post": BY_HAND,
    "ravebooks/local/sandbox_connection.py session.post": BY_HAND,
    "ravebooks/local/sandbox_connection.py session.request": BY_HAND,
    "ravebooks/local/sandbox_process.py requests.get": BY_HAND,
    "ravebooks/local/sandbox_process.py subprocess.Popen": BY_HAND,
    "ravebooks/commands/sandbox.py os.execv": BY_HAND,
    "ravebooks/serving/listening.py socket.create_server": BEFORE_IT_WORKS,
    "ravebooks/serving/listening.py socket.getaddrinfo": BEFORE_IT_WORKS,
    "ravebooks/serving/listening.py socket.socket": BEFORE_IT_WORKS,
    "ravebooks/serving/server.py self._engine.run": ("web: answers a delivery", "up: answers a delivery"),
    "ravebooks/serving/web_processes.py os.execve": BEFORE_IT_WORKS,
    "ravebooks/tracing.py OTLPSpanExporter": "a trace is for looking at: one that is lost takes nothing with it",
    "storage/database.py sa.create_engine": ("worker: connects to the database",),
    "storage/database.py LimitedConnection.connect": ("worker: connects to the database",),
    "storage/database.py session.begin": _COMMITS,
    "storage/migrations/__init__.py command.upgrade": BY_HAND,
    "storage/migrations/env.py connection.commit": BY_HAND,
    "storage/migrations/env.py engine.connect": BY_HAND,
}

LIBRARIES = frozenset(
    (
        *("alembic", "amqp", "gunicorn", "kombu", "opentelemetry.exporter", "pika", "psycopg", "sqlite3", "waitress"),
        *("aiohttp", "ftplib", "http.client", "httpx", "imaplib", "requests", "requests_oauthlib", "smtplib"),
        *("asyncio", "select", "socket", "socketserver", "subprocess", "urllib.request", "urllib3"),
    )
)
"""What a module reaches the outside with."""

ANY_CALL = re.compile(
    r"\.(ack|reject|requeue|drain_events|heartbeat_check|send_heartbeat|basic_\w+|consume|confirm_delivery|\w+_declare"
    r"|send_message|ehlo|starttls|login|fetch_token)$"
    r"|(^|\.)(BlockingConnection|SelectConnection|\w+Connection\.connect|_JoiningConnection|Popen|SMTP|SMTP_SSL|urlopen)$"
    r"|(^|\.)(create_engine|create_connection|create_server|getaddrinfo|execv\w*|OTLPSpanExporter)$"
    r"|^socket\.socket$|^subprocess\.run$|^getattr\(channel, method\)$"
    r"|(producer|_producer)\.publish$|session\.refresh_token$|(session|engine)\.begin$|consumer\.cancel$"
    r"|(connection|engine)\.(connect|commit)$|(command|migrations)\.upgrade$|_engine\.run$"
)
"""A call that does it, in any module."""
HTTP_CALL = re.compile(r"(session|requests|browser)\.(request|get|post|put|patch|delete|head|options|send)$")
"""One that does it where `requests` is imported, or a session of it opened."""

OF_OTHERS = {
    "clients/quickbooks/company.py": "it asks through clients/http.py",
    "clients/ravetree/account.py": "it asks through clients/http.py",
    "config/gunicorn_logs.py": "what gunicorn logs, as we log",
    "publishers/in_flight.py": "it reads what the broker said",
    "publishers/messages.py": "it names errors",
    "ravebooks/conformance/asking.py": "it asks through clients/http.py",
    "ravebooks/parts/neighbours.py": "it asks through clients/http.py",
    "ravebooks/process.py": "it hands sockets on",
    "ravebooks/serving/strict.py": "it reads what came",
}
"""Modules that know such a library, and reach nothing by themselves."""
