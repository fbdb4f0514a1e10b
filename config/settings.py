"""Settings: typed, from the environment, checked at start.

Each field of `Settings` is read from the variable of its name in capitals after `RAVEBOOKS_`.
`docs/configuration.md` is written from the same fields (`ravebooks settings --markdown`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from config import keyring
from config.errors import SettingError
from config.keyring import KeyRing

PREFIX: Final = "RAVEBOOKS_"
ENVIRONMENTS: Final = ("production", "sandbox", "local")


def _text(value: str) -> str:
    return value


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        scheme = urlsplit(value).scheme
        if scheme not in schemes:
            raise SettingError(f"it has to start with one of {', '.join(s + '://' for s in schemes)}")
        return value.rstrip("/") if scheme.startswith("http") else value

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise SettingError(f"{value!r} is not a number") from None
        if not low <= number <= high:
            raise SettingError(f"it has to lie between {low:g} and {high:g}")
        return number

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isdecimal() or not low <= int(value) <= high:
            raise SettingError(f"it has to be a whole number between {low} and {high}")
        return int(value)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise SettingError(f"it has to be one of {', '.join(choices)}")
        return value

    return parse


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _setting(parse: Callable[[str], Any], default: Any, doc: str, *, secret: bool = False, example: str = "") -> Any:
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={"parse": parse, "doc": doc, "secret": secret, "example": example},
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
    )
    broker_url: str = _setting(
        _url("amqp", "amqps"),
        "",
        "RabbitMQ; unset: no broker, everything in one process",
        example="amqp://user:password@host:5672/",
        secret=True,
    )
    secret_key: str = _setting(_text, "", "Signs OAuth states; at least 32 characters", secret=True)
    token_keys: KeyRing | None = _setting(
        keyring.parse,
        None,
        "Key ring that encrypts OAuth tokens: `version:base64 of 32 bytes`, comma-separated, highest version writes",
        secret=True,
    )
    ravetree_webhook_keys: KeyRing | None = _setting(
        keyring.parse,
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
        _whole(0, 65535),
        0,
        "Port of `ravebooks web` (0: 8000) and `ravebooks up` (0: 8425 if free, else any)",
    )
    operations_port: int = _setting(
        _whole(0, 65535),
        0,
        "Port on which `web` and `up` serve health, metrics and the API's document, which the public port then "
        "lacks (0: all on the public port)",
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
    log_level: str = _setting(_one_of("debug", "info", "warning", "error"), "info", "Least level that is logged")
    log_format: str = _setting(_one_of("json", "console"), "json", "`json` or `console`")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **override: Any) -> "Settings":
        """The settings of `environment`; `override` wins. Raises `SettingError` for the first wrong one."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            name = PREFIX + field.name.upper()
            text = environment.get(name, "").strip()
            if not text:
                continue
            try:
                values[field.name] = field.metadata["parse"](text)
            except SettingError as error:
                raise SettingError(f"{name} is wrong: {error}. {field.metadata['doc']}.") from error
        settings = cls(**(values | override))
        settings._check_together()
        return settings

    def _check_together(self) -> None:
        if self.http_seconds >= self.lease_seconds:
            raise SettingError(
                f"{PREFIX}HTTP_SECONDS is {self.http_seconds:g} and {PREFIX}LEASE_SECONDS {self.lease_seconds:g}: "
                "set the lease longer than one call may take."
            )
        if self.secret_key and len(self.secret_key) < 32:
            raise SettingError(f"{PREFIX}SECRET_KEY is too short: set at least 32 random characters.")
        if self.quickbooks_environment != "local" and (self.quickbooks_api_url or self.quickbooks_discovery_url):
            raise SettingError(
                f"{PREFIX}QUICKBOOKS_API_URL and {PREFIX}QUICKBOOKS_DISCOVERY_URL are for "
                f"{PREFIX}QUICKBOOKS_ENVIRONMENT=local only: unset them or set that."
            )

    def require(self, *names: str) -> None:
        """Raise `SettingError` for the first of the fields `names` that is not set."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        for name in names:
            if not getattr(self, name):
                doc = fields[name].metadata["doc"]
                raise SettingError(f"{PREFIX}{name.upper()} is not set: set it. {doc}.")

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


def variables() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every variable, in the order of `Settings`."""
    rows = []
    for field in dataclasses.fields(Settings):
        default = field.default
        shown = "" if default in ("", None, ()) else f"{default:g}" if isinstance(default, float) else str(default)
        rows.append((PREFIX + field.name.upper(), shown, field.metadata["doc"]))
    return rows
