"""Tables. Every key carries its connection; instants are UTC; bodies are JSON text with exact decimals."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from schemas import strict_json

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class StoredInstant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC. SQLite keeps it naive, so it is given its zone back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value as text: the databases' own types turn decimals into floats."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else strict_json.dumps(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        return None if value is None else strict_json.loads(value)


Title = String(255).with_variant(String(255, collation="C"), "postgresql")
"""Looked for by what it begins with, so it is sorted by its bytes, whatever language the database sorts by."""
Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The root of all tables."""

    type_annotation_map = {datetime: StoredInstant, dict[str, Any]: Json, list[Any]: Json}


Base.metadata.naming_convention = NAMING


def _connection() -> Mapped[str]:
    return mapped_column(String(32), ForeignKey("connections.id"), primary_key=True)


class Installation(Base):
    """What this database belongs to: one row. Markers in QuickBooks carry `id`, so that a restore is noticed.

    `environment` is QuickBooks' (`production`, `sandbox`, `local`); `made_by` is `sandbox` for a database that
    `ravebooks up --sandbox` made. `alive_at` is the sweeper's last sign of life.
    """

    __tablename__ = "installation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    environment: Mapped[str] = mapped_column(String(16), default="")
    made_by: Mapped[str] = mapped_column(String(16), default="")
    created_at: Mapped[datetime]
    alive_at: Mapped[datetime | None]


class Connection(Base):
    """One Ravetree account tied to one QuickBooks company.

    After an unexpected error of a slice, `failures` of them in a row, it is worked on again at `retry_at`; it is
    stalled from `stalled_since` on, with the cause. After a restore nothing is written from `verify_since` on until
    both books have been read; what Ravetree made before `verified_at` may then be in QuickBooks without our knowing.
    What was ticked at `…_ticked_at` and has no `…_since` waits until it can take effect. `time_zone` is an IANA name,
    empty while nobody has said it. `circumstances` rises whenever something changes that many records depend on.
    `heard_at` is when QuickBooks told of something last, as far as the events say that are no longer kept.
    """

    __tablename__ = "connections"
    __table_args__ = tuple(
        Index(
            f"uq_connections_{column}",
            column,
            unique=True,
            sqlite_where=text("state <> 'archived'"),
            postgresql_where=text("state <> 'archived'"),
        )
        for column in ("account_id", "realm_id")
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(255))
    realm_id: Mapped[str] = mapped_column(String(64))
    environment: Mapped[str] = mapped_column(String(16), default="")
    state: Mapped[str] = mapped_column(String(16), default="active")
    pause_cause: Mapped[str] = mapped_column(Text, default="")
    pause_remedy: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    invoices_since: Mapped[datetime | None]
    estimates_since: Mapped[datetime | None]
    invoices_ticked_at: Mapped[datetime | None]
    estimates_ticked_at: Mapped[datetime | None]
    country: Mapped[str] = mapped_column(String(8), default="US")
    home_currency: Mapped[str] = mapped_column(String(3), default="USD")
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    ravetree_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_expires_at: Mapped[datetime | None]
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    refresh_expires_at: Mapped[datetime | None]
    refresh_hard_expires_at: Mapped[datetime | None]
    cdc_watermark: Mapped[datetime]
    events_cursor: Mapped[str | None] = mapped_column(String(255))
    read_at: Mapped[datetime | None]
    nudged_at: Mapped[datetime | None]
    draft_policy: Mapped[str] = mapped_column(String(8), default="create")
    delete_policy: Mapped[str] = mapped_column(String(8), default="void")
    books_closed: Mapped[str] = mapped_column(String(10), default="")
    removals_limit: Mapped[int] = mapped_column(default=20)
    removals_since: Mapped[datetime | None]
    reads_budget: Mapped[int | None]
    circumstances: Mapped[int] = mapped_column(default=0)
    contacts_imported_at: Mapped[datetime | None]
    preflight: Mapped[dict[str, Any] | None] = mapped_column(Json)
    tax: Mapped[dict[str, Any] | None] = mapped_column(Json)
    failures: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    stalled_since: Mapped[datetime | None]
    stall_cause: Mapped[str] = mapped_column(Text, default="")
    stall_remedy: Mapped[str] = mapped_column(Text, default="")
    verify_since: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]


class PlannedDuty(Base):
    """When something that the clock asks for is due for a connection; while it fails, since when and why.

    `duty` is a name of the registry in `sync/duties.py`.
    """

    __tablename__ = "duties"
    __table_args__ = (Index("ix_duties_due_at", "due_at"),)

    connection_id: Mapped[str] = _connection()
    duty: Mapped[str] = mapped_column(String(32), primary_key=True)
    due_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    failing_cause: Mapped[str] = mapped_column(Text, default="")


class OAuthState(Base):
    """A step of a connect that is taken once: by whom its digest and, where there is one, its browser's digest say.

    `verifier` is the sealed half of a code challenge; `connection_id` is what an undo ends. What was begun
    `in_console` leads back to it.
    """

    __tablename__ = "oauth_states"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(255))
    ravetree_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    purpose: Mapped[str] = mapped_column(String(8), default="consent")
    browser: Mapped[str | None] = mapped_column(String(64))
    verifier: Mapped[bytes | None] = mapped_column(LargeBinary)
    connection_id: Mapped[str | None] = mapped_column(String(32), ForeignKey("connections.id"))
    in_console: Mapped[bool] = mapped_column(default=False)


class KeptList(Base):
    """What keys of a kind could be mapped to when QuickBooks was last asked: `entries` are pairs of id and name."""

    __tablename__ = "kept_lists"

    connection_id: Mapped[str] = _connection()
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    read_at: Mapped[datetime]
    entries: Mapped[list[Any]]


class Mapping(Base):
    """What a Ravetree key (a line item type, a tax rate) is in QuickBooks."""

    __tablename__ = "mappings"

    connection_id: Mapped[str] = _connection()
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    quickbooks_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255), default="")


class Event(Base):
    """One event as it came, and what became of it. Only added to; what is old is removed (`storage/retention.py`)."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("source", "account", "event_id"),
        Index("ix_events_connection_id_subject", "connection_id", "kind", "subject"),
        Index("ix_events_outcome", "outcome"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str | None] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(255))
    event_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(32), default="")
    subject: Mapped[str] = mapped_column(String(255))
    occurred_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]]


class PastEvent(Base):
    """By what an event is known that is no longer kept, so that it is still recorded once: a digest, for good."""

    __tablename__ = "past_events"
    __table_args__ = ({"sqlite_with_rowid": False},)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class PendingChange(Base):
    """The note that a record must be looked at: one row a record; each new hint raises its generation.

    Its hints are the events of the record from `first_event_id` on. `must_read` asks for a fresh read whatever
    they say, `requested` says that a person asked for it. `decisions` are the answers that a question takes, with
    spaces between them. `traceparent` is the trace of the newest hint that came in one.
    """

    __tablename__ = "pending_changes"
    __table_args__ = (
        Index("ix_pending_changes_state_due_at", "state", "due_at"),
        Index("ix_pending_changes_waits_for", "connection_id", "waits_for"),
    )

    connection_id: Mapped[str] = _connection()
    side: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    generation: Mapped[int] = mapped_column(Id, default=1)
    state: Mapped[str] = mapped_column(String(16), default="due")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    first_event_id: Mapped[int | None] = mapped_column(Id)
    must_read: Mapped[bool] = mapped_column(Boolean, default=False)
    requested: Mapped[bool] = mapped_column(Boolean, default=False)
    waits_for: Mapped[str] = mapped_column(String(320), default="")
    code: Mapped[str] = mapped_column(String(64), default="")
    cause: Mapped[str] = mapped_column(Text, default="")
    remedy: Mapped[str] = mapped_column(Text, default="")
    decisions: Mapped[str] = mapped_column(String(120), default="")
    updated_at: Mapped[datetime]
    traceparent: Mapped[str | None] = mapped_column(String(55))


class Copy(Base):
    """The newest state of a record that we have seen. `stale` says that a write of ours touched it since.

    `told_at` is QuickBooks' time of a look at what changed that told it: what had happened by then is in it.

    Ravetree's are found by `title` (a number, a reference or a name, folded), by their client and by their amount,
    QuickBooks' by their customer, a customer by its parent.
    """

    __tablename__ = "copies"
    __table_args__ = (
        Index("ix_copies_seen_at", "connection_id", "side", "seen_at", "kind", "record_id"),
        *(Index(f"ix_copies_{name}", "connection_id", "side", name) for name in ("title", "amount")),
        # With the kind, since SQLite would take the primary key, which has it too.
        Index("ix_copies_client_id", "connection_id", "side", "client_id", "kind"),
    )

    connection_id: Mapped[str] = _connection()
    side: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    version: Mapped[int] = mapped_column(Id)
    deleted: Mapped[bool] = mapped_column(Boolean, default=False)
    stale: Mapped[bool] = mapped_column(Boolean, default=False)
    body: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    title: Mapped[str] = mapped_column(Title, default="")
    client_id: Mapped[str] = mapped_column(String(255), default="")
    amount: Mapped[str] = mapped_column(String(32), default="")


class PaymentLink(Base):
    """What one of QuickBooks' payments is applied to, as our copy of it says."""

    __tablename__ = "payment_links"

    connection_id: Mapped[str] = _connection()
    target_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class Pair(Base):
    """A Ravetree record and its QuickBooks record, with what both looked like when they last agreed.

    `notices` say what QuickBooks does not keep of it. `kept` is what the rules have to know beside both bases: of an
    invoice for which mark as paid a placeholder was written last, of a payment what was spent elsewhere.
    `placeholder` pairs tie an invoice to the payment that stands for "marked as paid". Contacts are many to
    one and one for each currency. `accepted` is what QuickBooks' total and tax have more, with who decided so, when
    and why.
    """

    __tablename__ = "pairs"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "ravetree_id", "currency"),
        Index("ix_pairs_quickbooks_id", "connection_id", "kind", "quickbooks_id"),
        Index(
            "uq_pairs_quickbooks_id",
            "connection_id",
            "kind",
            "quickbooks_id",
            unique=True,
            sqlite_where=text("kind <> 'contact'"),
            postgresql_where=text("kind <> 'contact'"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    kind: Mapped[str] = mapped_column(String(32))
    ravetree_id: Mapped[str] = mapped_column(String(255))
    quickbooks_id: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3), default="")
    base_ravetree: Mapped[dict[str, Any]]
    base_quickbooks: Mapped[dict[str, Any]]
    notices: Mapped[list[str]] = mapped_column(Json, default=list)
    kept: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    line_ids: Mapped[dict[str, Any]]
    accepted: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Operation(Base):
    """One write, journalled before it is sent: `journalled`, then `done`, `refused` or `abandoned`.

    A row that stays `journalled` after its call ended is uncertain: sent again, the same bytes under the
    same key, until it is settled. `sends` counts how often it was sent without an answer. Of one that was answered
    long ago `body`, `context` and `answer` are empty: the row stays, since it says what was written once.
    """

    __tablename__ = "operations"
    __table_args__ = (
        UniqueConstraint("connection_id", "key"),
        Index("ix_operations_state_retry_at", "state", "retry_at"),
        Index("ix_operations_connection_id_subject", "connection_id", "subject"),
        Index("ix_operations_action", "connection_id", "action", "state", "subject"),
        Index("ix_operations_answered", "connection_id", "state", "side", "answered_at", "action"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    subject: Mapped[str] = mapped_column(String(320))
    side: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int]
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    context: Mapped[dict[str, Any]]
    fence: Mapped[int] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    was_uncertain: Mapped[bool] = mapped_column(Boolean, default=False)
    sends: Mapped[int] = mapped_column(default=0)
    journalled_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str] = mapped_column(Text, default="")
    intuit_tid: Mapped[str] = mapped_column(String(128), default="")
    traceparent: Mapped[str | None] = mapped_column(String(55))


class Echo(Base):
    """An event that a write of ours is going to cause. Each explains one event at most."""

    __tablename__ = "echoes"
    __table_args__ = (Index("ix_echoes_record", "connection_id", "kind", "record_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    operation_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(32))
    record_id: Mapped[str] = mapped_column(String(64))
    change: Mapped[str] = mapped_column(String(16))
    until: Mapped[datetime]


class SyncState(Base):
    """What Ravetree is told about one of its records: icon, error, remedy, link. `unsent` until it has taken it."""

    __tablename__ = "sync_states"
    __table_args__ = (
        Index("ix_sync_states_unsent", "connection_id", "unsent"),
        Index("ix_sync_states_due", "unsent", "due_at"),
        # The few that are left to tell, for whoever counts them: SQLite expects as many of either kind, and reads all.
        Index(
            "ix_sync_states_untold",
            "connection_id",
            "generation",
            sqlite_where=text("unsent IS 1"),
            postgresql_where=text("unsent IS true"),
        ),
        Index("ix_sync_states_state", "connection_id", "state", "kind", "ravetree_id"),
    )

    connection_id: Mapped[str] = _connection()
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    ravetree_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    generation: Mapped[int] = mapped_column(Id, default=1)
    unsent: Mapped[bool] = mapped_column(Boolean, default=True)
    due_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), default="")


class Decided(Base):
    """What a person said about a record: `target` is the other side's record that a `link` names.

    `code` is the question that it answers, empty for what needs none.
    """

    __tablename__ = "decisions"

    connection_id: Mapped[str] = _connection()
    subject: Mapped[str] = mapped_column(String(320), primary_key=True)
    decision: Mapped[str] = mapped_column(String(32))
    code: Mapped[str] = mapped_column(String(64), default="")
    target: Mapped[str] = mapped_column(String(255), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    decided_at: Mapped[datetime]


class LastingAnswer(Base):
    """What a person said of a record for good: `other` tells several answers to one question apart."""

    __tablename__ = "answers"

    connection_id: Mapped[str] = _connection()
    subject: Mapped[str] = mapped_column(String(320), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    other: Mapped[str] = mapped_column(String(255), primary_key=True, default="")
    decision: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]
    said_by: Mapped[str] = mapped_column(String(255), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    said_at: Mapped[datetime]


class Step(Base):
    """What became of a record and who pressed what, one line each. Only added to, until they are old: the timeline."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_connection_id_subject", "connection_id", "subject"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    subject: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(255), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]]


class Job(Base):
    """Work over many records that a person began: a contact import or a back-fill.

    `state` is `running`, `paused`, `stopped` or `done`. `params` is what was asked, `cursor` how far the listing got.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_connection_id_state", "connection_id", "state"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    params: Mapped[dict[str, Any]]
    cursor: Mapped[str] = mapped_column(Text, default="")
    listed: Mapped[bool] = mapped_column(Boolean, default=False)
    due_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class JobRecord(Base):
    """One record of a job and what became of it: an empty outcome is still to come."""

    __tablename__ = "job_records"
    __table_args__ = (Index("ix_job_records_subject", "connection_id", "subject"),)

    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(320), primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    name: Mapped[str] = mapped_column(String(255), default="")
    outcome: Mapped[str] = mapped_column(String(16), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime]


class MeteredReads(Base):
    """How many metered reads a connection made in a month (`2026-11`), by cause."""

    __tablename__ = "metered_reads"

    connection_id: Mapped[str] = _connection()
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    cause: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(Id, default=0)


class ParityReport(Base):
    """Both books held against each other at one moment: `rows` are the pairs that differ."""

    __tablename__ = "parity_reports"
    __table_args__ = (Index("ix_parity_reports_connection_id_made_at", "connection_id", "made_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(32), ForeignKey("connections.id"))
    day: Mapped[str] = mapped_column(String(10))
    made_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(16))
    summary: Mapped[dict[str, Any]]
    rows: Mapped[list[Any]]


class Brake(Base):
    """A brake of the whole installation, pulled by a person: while it is here nothing is written anywhere."""

    __tablename__ = "brakes"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    cause: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(255), default="")
    at: Mapped[datetime]


class Lease(Base):
    """Who may write for a connection. The fence rises at each acquisition."""

    __tablename__ = "leases"

    connection_id: Mapped[str] = _connection()
    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default="")
    fence: Mapped[int] = mapped_column(Id, default=0)
    expires_at: Mapped[datetime]


class OutboxMessage(Base):
    """A message that the broker did not take; the relay publishes it later."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64))
    routing_key: Mapped[str] = mapped_column(String(320))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    traceparent: Mapped[str | None] = mapped_column(String(55))


class DeadLetter(Base):
    """A message that could not be handled, as it came, until somebody drives it again or discards it.

    Those of one `fingerprint` died of the same; `headers` are what the broker said of it.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (Index("ix_dead_letters_waiting", "redriven_at", "discarded_at", "fingerprint", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    message_id: Mapped[str] = mapped_column(String(255), default="")
    queue: Mapped[str] = mapped_column(String(255))
    routing_key: Mapped[str] = mapped_column(String(320), default="")
    reason: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    dead_at: Mapped[datetime]
    redriven_at: Mapped[datetime | None]
    fingerprint: Mapped[str] = mapped_column(String(200), default="")
    headers: Mapped[dict[str, Any] | None] = mapped_column(Json)
    discarded_at: Mapped[datetime | None]


class RetentionPass(Base):
    """How far the removal of what is no longer kept has got with one kind of it.

    A pass goes from `reached` on, from the beginning if `whole_at` was long ago, and is under way while `ended_at` is
    empty. `removed` is what it has removed so far, `total` all that ever was.
    """

    __tablename__ = "retention_passes"

    what: Mapped[str] = mapped_column(String(16), primary_key=True)
    reached: Mapped[int] = mapped_column(Id, default=0)
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    whole_at: Mapped[datetime]
    removed: Mapped[int] = mapped_column(Id, default=0)
    total: Mapped[int] = mapped_column(Id, default=0)


class Sample(Base):
    """One figure over `seconds` from `at` on: a count of what happened, or the highest of a depth."""

    __tablename__ = "samples"

    seconds: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[float] = mapped_column(Float)


class RunningProcess(Base):
    """A process: here at `seen_at`, got anywhere at `progress_at` last. `broker` is `yes`, `no` or empty."""

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    progress_at: Mapped[datetime]
    stuck: Mapped[str] = mapped_column(Text, default="")
    broker: Mapped[str] = mapped_column(String(8), default="")


class Telling(Base):
    """What somebody is told of, once, and once more when it is over: `told` names the ways that have told it."""

    __tablename__ = "tellings"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    cause: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    noted_at: Mapped[datetime]
    over_at: Mapped[datetime | None]
    told: Mapped[str] = mapped_column(String(64), default="")
    told_over: Mapped[str] = mapped_column(String(64), default="")
    error: Mapped[str] = mapped_column(Text, default="")


class BulkJob(Base):
    """What an operator does to many at once; `after` is how far it got, `filter` what it is done to."""

    __tablename__ = "bulk_jobs"
    __table_args__ = (Index("ix_bulk_jobs_state", "state"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    what: Mapped[str] = mapped_column(String(16))
    filter: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class User(Base):
    """Somebody who may enter the console. `name` is unique as it is folded for comparing; `shown` is how they wrote it.

    `role` is `viewer`, `bookkeeper` or `operator`; who has an `account_id` sees that Ravetree account's connection
    alone. Without a password a link is the only way in. Raising `epoch` ends every session.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    shown: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[str] = mapped_column(String(255), default="")
    password_hash: Mapped[str] = mapped_column(Text, default="")
    epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ConsoleSession(Base):
    """Somebody who is signed in, by the digest of what their browser brings; over when `epoch` is not their user's."""

    __tablename__ = "console_sessions"
    __table_args__ = (Index("ix_console_sessions_begun_at", "begun_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id"))
    epoch: Mapped[int]
    begun_at: Mapped[datetime]


class SignInLink(Base):
    """A link that signs a user in once, by the digest of its token."""

    __tablename__ = "sign_in_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, ForeignKey("users.id"))
    page: Mapped[str] = mapped_column(String(255), default="")
    expires_at: Mapped[datetime]


class SignInFailure(Base):
    """How often somebody failed to sign in since a moment: by name, by address, and by both together."""

    __tablename__ = "sign_in_failures"

    whose: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    since: Mapped[datetime]


class ApiToken(Base):
    """A token for the API, by its digest. `scope` is `read`, `act` or `operate`; an `account_id` bounds it to one."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[str] = mapped_column(String(255), default="")
    made_by: Mapped[str] = mapped_column(String(255), default="")
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Act(Base):
    """Who did what. Append-only. `through` is `console`, `api` or `command line`."""

    __tablename__ = "acts"
    __table_args__ = (Index("ix_acts_connection_id", "connection_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(255))
    through: Mapped[str] = mapped_column(String(16))
    what: Mapped[str] = mapped_column(String(64))
    connection_id: Mapped[str] = mapped_column(String(32), default="")
    subject: Mapped[str] = mapped_column(String(320), default="")
    data: Mapped[dict[str, Any]]


class IdempotencyKey(Base):
    """A request that may be sent again under its key. `digest` is of caller, address and key, `body` of what was asked.

    `answer` is what was answered, sealed; None while nobody has answered yet.
    """

    __tablename__ = "idempotency_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    body: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    answer: Mapped[bytes | None]
