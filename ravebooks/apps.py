"""The web applications of a process, put together from its parts."""

from collections.abc import Callable, Mapping
from functools import partial

from flask import Flask

from console import api, consent, contract, pages
from publishers.messages import BrokerDown
from ravebooks.bootstrap import Parts
from ravebooks.parts.console import record_addresses
from ravebooks.parts.shared import ring_of
from storage import brakes, connections, migrations, outbox
from sync import duties
from webhooks import headers, health, problems, receivers, request_ids


def web(parts: Parts) -> Flask:
    """Receivers, API, consent, health."""
    app = _app(parts)
    _add_public(app, parts, with_document=True)
    _add_health(app, parts)
    return app


def web_apart(parts: Parts) -> tuple[Flask, Flask]:
    """The same in two: what the world is to reach, and what is for operators (health, metrics, API document)."""
    public, operations = _app(parts), health_alone(parts)
    _add_public(public, parts, with_document=False)
    operations.register_blueprint(api.document(parts.console.connecting.public_url))
    return public, operations


def health_alone(parts: Parts) -> Flask:
    """Health and metrics alone, for a process that serves nothing else."""
    app = _app(parts)
    _add_health(app, parts)
    return app


def _app(parts: Parts) -> Flask:
    app = Flask("ravebooks", static_folder=None)
    headers.install(app)
    problems.install(app)
    request_ids.install(app, parts.entropy)
    return app


def _add_public(app: Flask, parts: Parts, *, with_document: bool) -> None:
    s = parts.settings
    app.register_blueprint(
        receivers.blueprint(
            receivers.Receiving(
                parts.publishing.publisher,
                parts.clock,
                parts.entropy,
                s.quickbooks_verifier_tokens,
                ring_of(s.ravetree_webhook_keys),
                s.body_limit_bytes,
                s.events_limit,
                parts.tally,
            )
        )
    )
    app.register_blueprint(consent.blueprint(parts.console.connecting, parts.tally))
    app.register_blueprint(contract.blueprint())
    console = parts.console
    pages.install(
        app,
        pages.Showing(
            console.actions,
            console.connecting,
            console.users,
            console.sessions,
            console.tokens,
            parts.clock,
            parts.tally,
            s.public_url,
            record_addresses(s),
            is_local=s.quickbooks_environment == "local",
        ),
    )
    api.install(
        app,
        api.Serving(
            parts.console.actions,
            parts.console.connecting,
            parts.console.tokens,
            parts.console.users,
            parts.tally,
        ),
        with_document=with_document,
    )


def _add_health(app: Flask, parts: Parts) -> None:
    app.register_blueprint(health.blueprint(parts.progress, _checks(parts), partial(_notices, parts)))


def _checks(parts: Parts) -> Mapping[str, Callable[[], None]]:
    """What `/readyz` looks at."""
    checks: dict[str, Callable[[], None]] = {"database": partial(_check_database, parts)}
    if not parts.settings.embedded:
        checks["broker"] = partial(_check_broker, parts)
    return checks


def _notices(parts: Parts) -> dict[str, list[str]]:
    """What `/readyz` says beside that: who stopped every write, and the connections that get no further."""
    with parts.database.reading() as session:
        stopped = brakes.why(session)
        return {
            "paused": [f"{stopped}. {brakes.AllPaused.remedy}"] if stopped else [],
            "stalled": [f"{row.id}: {row.stall_cause}" for row in connections.stalled(session)],
            "failing": [f"{name}: {look.cause}" for name, look in duties.every_failing(session, parts.clock.now())],
        }


def _check_database(parts: Parts) -> None:
    migrations.check(parts.database)
    outbox.check_writable(parts.database)


def _check_broker(parts: Parts) -> None:
    parts.publishing.confirmed.start()
    if not parts.publishing.confirmed.connected:
        raise BrokerDown("the broker is out of reach", remedy="Start RabbitMQ or correct RAVEBOOKS_BROKER_URL.")
