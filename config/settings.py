"""Settings: typed, from the environment, checked at start.

Each field of `Settings` is read from the variable of its name in capitals after `RAVEBOOKS_`.
`docs/configuration.md` is written from the same fields (`ravebooks configuration --markdown`).
"""

import base64
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import OneOf, Range

from config import environment as environments
from config import strength
from config.environment import FILE_SUFFIX, PREFIX, Resolved, Source
from config.errors import SettingError
from config.keyring import KeyRing

ENVIRONMENTS: Final = ("production", "sandbox", "local")
SECRET_KEY_LENGTH: Final = 32
WEBHOOK_SECRET_BYTES: Final = 24

Read = Callable[[Env, str, Any], Any]
"""Reads the variable of a name; what is wrong with it `Env.seal` says."""


def _text(env: Env, name: str, default: Any) -> Any:
    return env.str(name, default)


def _list(env: Env, name: str, default: Any) -> Any:
    parts = env.list(name, default, subcast=str) or ()
    return tuple(part.strip() for part in parts if part.strip())


def _ring(env: Env, name: str, default: Any) -> Any:
    return env.key_ring(name, default)


def _url(*schemes: str) -> Read:
    def check(value: str) -> None:
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            raise ValidationError("it is no URL") from None
        if parts.scheme not in schemes:
            raise ValidationError(f"it has to start with one of {', '.join(s + '://' for s in schemes)}")
        if port == 0 or (parts.scheme.startswith(("http", "amqp")) and not parts.hostname):
            raise ValidationError("it names no host, or port 0")

    def read(env: Env, name: str, default: Any) -> Any:
        value = env.str(name, default, validate=check) or ""
        return value.rstrip("/") if value.startswith("http") else value

    return read


RECORD_PARTS: Final = ("account", "kind", "id")
"""What the address of a record is made of."""


def _record_url(env: Env, name: str, default: Any) -> Any:
    said = "it has to be an http:// or https:// address with {id}, and nothing else in braces but {account} and {kind}"

    def check(value: str) -> None:
        try:
            parts = urlsplit(value.format_map(dict.fromkeys(RECORD_PARTS, "x")))
            whole = "{id}" in value and parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except (ValueError, LookupError, AttributeError):
            whole = False
        if not whole:
            raise ValidationError(said)

    return env.str(name, default, validate=check if env.str(name, "") else None)


def _number(low: float, high: float) -> Read:
    return _within("float", low, high, f"it has to be a number between {low:g} and {high:g}")


def _whole(low: int, high: int) -> Read:
    return _within("int", low, high, f"it has to be a whole number between {low} and {high}")


def _within(kind: Literal["float", "int"], low: float, high: float, said: str) -> Read:
    words = dict.fromkeys(("invalid", "special", "too_large"), said)
    limits = Range(low, high, error=said)
    # marshmallow's fields take `error_messages`; the types that environs publishes do not know it.
    return lambda env, name, default: getattr(env, kind)(name, default, validate=limits, error_messages=words)


def _one_of(*choices: str) -> Read:
    said = f"it has to be one of {', '.join(choices)}"
    return lambda env, name, default: env.str(name, default, validate=OneOf(choices, error=said))


def _setting(read: Read, default: Any, doc: str, *, secret: bool = False, example: str = "", variable: str = "") -> Any:
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={"read": read, "doc": doc, "secret": secret, "example": example, "variable": variable},
    )


_DATABASE = _url("sqlite", "postgresql+psycopg", "postgresql")
_HTTP = _url("http", "https")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set. Durations are seconds."""

    state_dir: str = _setting(_text, "var", "Folder of the embedded database, generated keys and the sandbox's books")
    database_url: str = _setting(
        _DATABASE,
        "",
        "Database; unset: SQLite in the state folder",
        example="postgresql+psycopg://user@host/ravebooks",
        secret=True,
    )
    broker_url: str = _setting(
        _url("amqp", "amqps"),
        "",
        "RabbitMQ; unset: no broker, everything in one process",
        example="amqp://user:password@host:5672/",
        secret=True,
    )
    broker_management_url: str = _setting(
        _HTTP,
        "",
        "RabbitMQ's management API, by which the console shows its queues; unset: depth and consumers alone",
        example="http://user:password@host:15672",
        secret=True,
    )
    secret_key: str = _setting(_text, "", f"Signs OAuth states; at least {SECRET_KEY_LENGTH} characters", secret=True)
    token_keys: KeyRing | None = _setting(
        _ring,
        None,
        "Key ring that encrypts OAuth tokens, `version:base64 of 32 bytes`, comma-separated, highest version writes",
        secret=True,
    )
    ravetree_webhook_keys: KeyRing | None = _setting(
        _ring,
        None,
        "Key ring from which each Ravetree account's webhook secret is derived",
        secret=True,
    )
    api_token: str = _setting(_text, "", "Bearer token of the JSON API under `/api`", secret=True)
    public_url: str = _setting(
        _HTTP, "", "Where browsers and webhooks reach this installation", example="https://ravebooks.example"
    )
    host: str = _setting(_text, "127.0.0.1", "Address that the web server and the health server listen on")
    port: int = _setting(
        _whole(0, 65535), 0, "Port of `ravebooks up` (0: 8425 if free, else any) and of `ravebooks web` (0: `PORT`)"
    )
    platform_port: int = _setting(
        _whole(1, 65535),
        8000,
        "Port of `ravebooks web` while `RAVEBOOKS_PORT` is 0; platforms that run a Procfile set it",
        variable="PORT",
    )
    operations_port: int = _setting(
        _whole(0, 65535),
        0,
        "Port on which `web` and `up` serve health, metrics and the API's document, which the public port then "
        "lacks (0: all on the public port)",
    )
    trusted_proxies: int = _setting(
        _whole(0, 10),
        0,
        "Proxies in front whose `X-Forwarded-For` says who asked: as many as each request passes, no more "
        "(0: whoever connects is who asked)",
    )
    web_processes: int = _setting(
        _whole(1, 64), 2, "Processes of one `ravebooks web`; about as many as it may use cores"
    )
    health_port: int = _setting(
        _whole(0, 65535), 0, "Port of a worker's and a sweeper's health and metrics (0: any, logged at start)"
    )
    quickbooks_environment: str = _setting(
        _one_of(*ENVIRONMENTS), "production", "`production`, `sandbox` (Intuit's) or `local` (ours)"
    )
    quickbooks_client_id: str = _setting(_text, "", "Client id of the Intuit app")
    quickbooks_client_secret: str = _setting(_text, "", "Client secret of the Intuit app", secret=True)
    quickbooks_api_url: str = _setting(_HTTP, "", "QuickBooks' API up to `/v3`; unset: by environment")
    quickbooks_discovery_url: str = _setting(_HTTP, "", "OpenID discovery document; unset: by environment")
    quickbooks_verifier_tokens: tuple[str, ...] = _setting(
        _list, (), "Webhook verifier tokens, comma-separated, two during a rotation", secret=True
    )
    ravetree_api_url: str = _setting(_HTTP, "", "Ravetree's API up to `/v1`", example="https://api.ravetree.example/v1")
    ravetree_record_url: str = _setting(
        _record_url,
        "",
        "Where people open a record in Ravetree, with `{account}`, `{kind}` (`invoice`, `estimate`, `payment`, "
        "`contact`) and `{id}`; unset: the console has no link there",
        example="https://app.ravetree.example/{account}/{kind}s/{id}",
    )
    body_limit_bytes: int = _setting(_whole(1024, 64 * 1024 * 1024), 1024 * 1024, "Largest webhook body, in bytes")
    events_limit: int = _setting(_whole(1, 100_000), 2000, "Most events in one delivery")
    worker_threads: int = _setting(_whole(1, 64), 4, "Connections that one worker process serves at a time")
    confirm_seconds: float = _setting(
        _number(0.05, 2.0),
        1.0,
        "How long a delivery waits for the broker's confirm before it goes to the outbox",
    )
    lease_seconds: float = _setting(_number(1, 600), 60.0, "How long a connection stays with a worker that has died")
    http_seconds: float = _setting(
        _number(0.1, 120), 30.0, "Time limit of one call to QuickBooks or Ravetree; shorter than the lease"
    )
    uncertain_seconds: float | None = _setting(
        _number(0, 3600),
        None,
        "Wait before a write without an answer is sent again; unset: 150, or 5 when the environment is `local`",
    )
    slice_seconds: float = _setting(
        _number(0.1, 60), 10.0, "How long one connection is worked on before the next one has its turn"
    )
    read_window_seconds: float = _setting(
        _number(0, 60), 2.0, "Shortest time between two reads of one company; a burst of events shares a read"
    )
    echo_confirm_seconds: float = _setting(
        _number(1, 600),
        300.0,
        "Within this time change data capture confirms what was taken for an echo of an own write",
    )
    cdc_seconds: float | None = _setting(
        _number(5, 30 * 86400),
        None,
        "Time between two routine looks at change data capture; unset: a day, or 300 when `local`",
    )
    ravetree_events_seconds: float = _setting(
        _number(1, 86400), 300.0, "Time between two looks at Ravetree's `/events`"
    )
    sweep_seconds: float = _setting(_number(0.05, 60), 1.0, "Time between two rounds of the sweeper")
    keep_payloads_days: int = _setting(
        _whole(1, 36500),
        30,
        "Days that an event keeps what it said beside the record that it is about; longer while that is worked on",
    )
    keep_events_days: int = _setting(
        _whole(35, 36500), 90, "Days that the events of records stay; that each is recorded once stays so for good"
    )
    keep_aside_days: int = _setting(
        _whole(1, 36500), 90, "Days that events stay which are kept aside: unusable, of nobody known, or not followed"
    )
    keep_operations_days: int = _setting(
        _whole(35, 36500),
        400,
        "Days that an answered write keeps its body and its answer; that it was made is kept for good",
    )
    keep_steps_days: int = _setting(
        _whole(1, 36500), 400, "Days that the steps of a record's timeline stay; the last one of each stays for good"
    )
    keep_dead_days: int = _setting(
        _whole(1, 36500), 90, "Days that a dead letter stays after it was driven again or discarded"
    )
    keep_reports_days: int = _setting(
        _whole(1, 36500), 400, "Days that a daily parity report stays; the newest of each connection stays for good"
    )
    mail_url: str = _setting(
        _url("smtp", "smtps"),
        "",
        "Mail server by which operators are told what is not well; a password is sent by TLS only",
        example="smtp://user:password@host:587",
        secret=True,
    )
    mail_from: str = _setting(_text, "ravebooks@localhost", "Sender of these e-mails")
    mail_to: tuple[str, ...] = _setting(_list, (), "Who gets them, comma-separated; unset: nobody")
    tell_webhook_url: str = _setting(
        _HTTP, "", "Where a webhook tells the same; unset: nowhere. Its path may be a password", secret=True
    )
    tell_webhook_secret: str = _setting(
        _text, "", "Signs that webhook by the Standard Webhooks scheme, `whsec_` and base64", secret=True
    )
    tell_seconds: float = _setting(
        _number(1, 3600), 15.0, "Time between two looks whether there is something to tell operators"
    )
    tell_over_seconds: float = _setting(
        _number(0, 86400),
        60.0,
        "How long something has to be over before that is told; what comes back meanwhile is not told again",
    )
    traces_url: str = _setting(
        _HTTP,
        "",
        "Where traces are sent, as OTLP over HTTP; needs the extra `otel`, which `make otel` installs; unset: nowhere",
        example="http://collector:4318/v1/traces",
        secret=True,
    )
    log_level: str = _setting(_one_of("debug", "info", "warning", "error"), "info", "Least level that is logged")
    log_format: str = _setting(_one_of("json", "console"), "json", "`json` or `console`")

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, needed: Collection[str] = (), **override: Any
    ) -> "Settings":
        """The settings of `environment`; `override` wins.

        Raises one `SettingError` with a line for everything that is wrong, and for each field of `needed` that is
        not set.
        """
        fields = {variable(field): field for field in dataclasses.fields(cls)}
        resolved = Resolved(environment, [name for name, field in fields.items() if field.metadata["secret"]])
        source = Source(resolved.values)
        values = {field.name: field.metadata["read"](source, name, field.default) for name, field in fields.items()}
        lines = {fields[name].name: f"{text} {fields[name].metadata['doc']}." for name, text in resolved.errors.items()}
        try:
            source.seal()
        except EnvValidationError as error:
            for name, texts in cast("Mapping[str, list[str]]", error.error_messages).items():
                said = f"{resolved.source(name)} is wrong: {texts[0]}. {fields[name].metadata['doc']}."
                lines.setdefault(fields[name].name, said)
        settings = cls(**({name: value for name, value in values.items() if name not in lines} | override))
        together = [line for names, line in settings._objections() if not lines.keys() & names]
        missing = [line for name, line in settings._missing(needed) if name not in lines]
        in_order = [lines[name] for name in values if name in lines]
        if in_order or together or missing:
            raise SettingError(*in_order, *together, *missing)
        return settings

    def _objections(self) -> Iterator[tuple[set[str], str]]:
        """What does not go together: the fields that it depends on, and a line."""
        if self.http_seconds >= self.lease_seconds:
            yield (
                {"http_seconds", "lease_seconds"},
                f"{PREFIX}HTTP_SECONDS is {self.http_seconds:g} and {PREFIX}LEASE_SECONDS {self.lease_seconds:g}: "
                "set the lease longer than one call may take.",
            )
        if bool(self.mail_url) is not bool(self.mail_to):
            yield {"mail_url", "mail_to"}, f"{PREFIX}MAIL_URL and {PREFIX}MAIL_TO need each other: set both or none."
        if self.tell_webhook_url and not _is_webhook_secret(self.tell_webhook_secret):
            yield (
                {"tell_webhook_url", "tell_webhook_secret"},
                f"{PREFIX}TELL_WEBHOOK_SECRET has to be whsec_ and base64 of at least 24 bytes: set it.",
            )
        if self.traces_url and not _has_sdk():
            yield (
                {"traces_url"},
                f"{PREFIX}TRACES_URL is set, and what sends traces is not installed: run `make otel`, or unset it.",
            )
        if self.secret_key and len(self.secret_key) < SECRET_KEY_LENGTH:
            yield (
                {"secret_key"},
                f"{PREFIX}SECRET_KEY is too short: set at least {SECRET_KEY_LENGTH} random characters.",
            )
        if self.quickbooks_environment != "local" and (self.quickbooks_api_url or self.quickbooks_discovery_url):
            yield (
                {"quickbooks_environment", "quickbooks_api_url", "quickbooks_discovery_url"},
                f"{PREFIX}QUICKBOOKS_API_URL and {PREFIX}QUICKBOOKS_DISCOVERY_URL are for "
                f"{PREFIX}QUICKBOOKS_ENVIRONMENT=local only: unset them or set that.",
            )
        if self.quickbooks_environment != "local" and self.ravetree_record_url.startswith("http://"):
            yield (
                {"quickbooks_environment", "ravetree_record_url"},
                f"{PREFIX}RAVETREE_RECORD_URL starts with http://, which everybody on the way can read: "
                "set an https:// one.",
            )
        if self.quickbooks_environment == "production":
            yield from ((names | {"quickbooks_environment"}, line) for names, line in self._objections_in_production())

    def _objections_in_production(self) -> Iterator[tuple[set[str], str]]:
        """Whoever guesses one of these secrets, or reads along, has the books of others."""
        for name in ("secret_key", "api_token", "quickbooks_verifier_tokens"):
            value = getattr(self, name)
            if any(strength.is_weak(secret) for secret in ((value,) if isinstance(value, str) and value else value)):
                yield {name}, f"{PREFIX}{name.upper()} is too weak for production: set {strength.RULE}."
        for name in ("token_keys", "ravetree_webhook_keys"):
            ring: KeyRing | None = getattr(self, name)
            for version in strength.weak_versions(ring) if ring is not None else ():
                yield (
                    {name},
                    f"{PREFIX}{name.upper()} has a key, of version {version}, that is too weak for production: "
                    "set 32 random bytes, as `head -c 32 /dev/urandom | base64` makes them.",
                )
        for name in ("public_url", "ravetree_api_url"):
            if urlsplit(getattr(self, name)).scheme == "http":
                yield (
                    {name},
                    f"{PREFIX}{name.upper()} starts with http://, which everybody on the way can read: "
                    f"set an https:// one. Without TLS is for {PREFIX}QUICKBOOKS_ENVIRONMENT sandbox or local.",
                )

    def require(self, *names: str) -> None:
        """Raise `SettingError` with a line for each of the fields `names` that is not set."""
        if missing := [line for _, line in self._missing(names)]:
            raise SettingError(*missing)

    def _missing(self, names: Collection[str]) -> Iterator[tuple[str, str]]:
        fields = {field.name: field for field in dataclasses.fields(self)}
        for name in names:
            if not getattr(self, name):
                field = fields[name]
                file = f" (or {variable(field)}{FILE_SUFFIX})" if field.metadata["secret"] else ""
                yield name, f"{variable(field)} is not set: set it{file}. {field.metadata['doc']}."

    @property
    def embedded(self) -> bool:
        """Whether there is no broker, so that one process does everything."""
        return not self.broker_url

    @property
    def effective_database_url(self) -> str:
        """The database's URL with the driver that is installed."""
        if not self.database_url:
            return f"sqlite:///{self.state_dir}/ravebooks.db"
        if self.database_url.startswith("postgresql://"):
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return self.database_url

    @property
    def kept(self) -> dict[str, timedelta]:
        """How long each kind of rows is kept, by the names that `storage/retention.py` has for them."""
        days = {
            "payloads": self.keep_payloads_days,
            "events": self.keep_events_days,
            "aside": self.keep_aside_days,
            "operations": self.keep_operations_days,
            "steps": self.keep_steps_days,
            "dead": self.keep_dead_days,
            "reports": self.keep_reports_days,
        }
        # The last one is what the API promises.
        return {what: timedelta(days=number) for what, number in days.items()} | {"answers": timedelta(days=1)}

    @property
    def effective_uncertain_seconds(self) -> float:
        # QuickBooks gives a request up after 120 s: before that an answer may still be on its way.
        if self.uncertain_seconds is not None:
            return self.uncertain_seconds
        return 5.0 if self.quickbooks_environment == "local" else 150.0

    @property
    def effective_cdc_seconds(self) -> float:
        if self.cdc_seconds is not None:
            return self.cdc_seconds
        return 300.0 if self.quickbooks_environment == "local" else 86400.0

    @property
    def effective_quickbooks_api_url(self) -> str:
        if self.quickbooks_api_url:
            return self.quickbooks_api_url
        host = "quickbooks" if self.quickbooks_environment == "production" else "sandbox-quickbooks"
        return f"https://{host}.api.intuit.com/v3"

    @property
    def quickbooks_pages_url(self) -> str:
        """Where a person opens a QuickBooks record; the sandbox of this project has no such pages."""
        return {"production": "https://qbo.intuit.com/app", "sandbox": "https://sandbox.qbo.intuit.com/app"}.get(
            self.quickbooks_environment, ""
        )

    @property
    def effective_quickbooks_discovery_url(self) -> str:
        if self.quickbooks_discovery_url:
            return self.quickbooks_discovery_url
        document = (
            "openid_configuration" if self.quickbooks_environment == "production" else "openid_sandbox_configuration"
        )
        return f"https://developer.intuit.com/.well-known/{document}/"


def _has_sdk() -> bool:
    try:
        return all(find_spec(f"opentelemetry.{part}") for part in ("sdk.trace", "exporter.otlp.proto.http"))
    except ModuleNotFoundError:
        # What it would be part of is not there.
        return False


def _is_webhook_secret(text: str) -> bool:
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= WEBHOOK_SECRET_BYTES
    except ValueError:
        return False


def variable(field: "dataclasses.Field[Any]") -> str:
    """The name of the variable that a field of `Settings` is read from."""
    return field.metadata["variable"] or PREFIX + field.name.upper()


def variables() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every variable, in the order of `Settings`; of a secret's file, too."""
    rows = []
    for field in dataclasses.fields(Settings):
        default = field.default
        shown = "" if default in ("", None, ()) else f"{default:g}" if isinstance(default, float) else str(default)
        file = f"; or `…{FILE_SUFFIX}`" if field.metadata["secret"] else ""
        rows.append((variable(field), shown, field.metadata["doc"] + file))
    return rows


def told(settings: Settings) -> dict[str, str]:
    """Each variable that is set to anything but its default, for whoever helps: of a secret only that it is set."""
    found = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            found[variable(field)] = "[set]" if field.metadata["secret"] else str(value)
    return found


def unknown(environment: Mapping[str, str]) -> list[str]:
    """A sentence about each variable of `environment` that has our prefix and means nothing."""
    fields = dataclasses.fields(Settings)
    files = [variable(field) + FILE_SUFFIX for field in fields if field.metadata["secret"]]
    return list(environments.unknown(environment, [*map(variable, fields), *files]))
