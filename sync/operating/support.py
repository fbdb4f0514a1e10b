"""The support bundle: what whoever helps has to know, without secrets, bodies of records and names of clients."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from config import telemetry
from config.redaction import redact
from reconcile.wellness import judge
from schemas import strict_json
from storage import acts, dead_letters, depths, duties, installation, processes, samples
from storage.paging import Asked
from sync.operating import facts

ACTS = 100
HOUR = timedelta(hours=1)


def bundle(session: Session, now: datetime, settings: Mapping[str, str]) -> dict[str, Any]:
    """Everything as plain JSON, redacted."""
    seen = facts.gather(session, now)
    row = installation.find(session)
    said = {
        "made_at": now,
        "version": telemetry.VERSION,
        "python": platform.python_version(),
        "system": platform.platform(),
        "database": session.get_bind().dialect.name,
        "installation": row.id if row else "",
        "environment": row.environment if row else "",
        "settings": dict(settings),
        "findings": [
            {"finding": one.code, "area": one.area, "subject": one.subject, "cause": one.cause, "since": one.since}
            for one in judge(seen)
        ],
        "facts": seen,
        "pending": depths.by_state(session),
        "parked": [list(one) for one in depths.parked_codes(session)],
        "dead_letters": dead_letters.groups(session),
        "processes": [
            [one.role, one.id, one.version, one.started_at, one.seen_at, one.progress_at, one.stuck, one.broker]
            for one in processes.every(session)
        ],
        "duties": {company.id: duties.planned(session, company.id) for company in seen.companies},
        "last_hour": samples.summed(session, now - HOUR),
        "acts": [[act.at, act.through, act.what, act.connection_id] for act in acts.page(session, Asked(ACTS)).rows],
    }
    found: dict[str, Any] = redact(_plain(said))
    return found


def spelled(said: Mapping[str, Any]) -> str:
    """As a file."""
    return strict_json.dumps(said) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
