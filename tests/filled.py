"""Tables full of old rows that no operation asks for, and the rows among them that one does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eventflow_db import Session, Settings
from eventflow_db.check.fill import fill
from eventflow_db.check.server import Inspector

from .operations import OPERATIONS, call

MEASURED: Final = [
    name
    for name in OPERATIONS
    # those on no rows of the tables, or on whole partitions
    if not name.startswith(("setup_table", "create_table", "lock", "ping", "archive", "prepare", "prune"))
    # those that read rows up to a limit of their own, or the few certificates that are revoked
    and name not in ("read_status", "read_logs", "purge_certificates")
]
"""The operations that rows which they do not ask for could make slower."""

# Other processes and entities, what is done, gone, executed or archived; a ninth of it in each process and entity.
OLD: Final = {
    "hub.quit": "'2024-01-02'",
    "event.timestamp": "'2024-01-01' + INTERVAL n SECOND",
    "event.domain": "IF(n MOD 2 = 0, 'other', 'domain')",
    "event.rid": "NULL",
    "event.pid": "CONCAT('old-', n MOD 9)",
    "event.name": "'name'",
    "event_cpid.cpid": "CONCAT('old-', n MOD 9)",
    "event_eid.eid": "CONCAT('old-', n MOD 9)",
    "event_published.consumed_hub": "'2024-01-02'",
    "event_published.consumed_spoke": "'2024-01-02'",
    "event_published.success": "'2024-01-02'",
    "event_scheduled.scheduled": "'2024-01-01'",
    "event_scheduled.executed": "'2024-01-01'",
    "certificate.version": "1 + n MOD 9",
    "certificate.id": "CONCAT(LPAD(n DIV 9, 9, '0'), '-certificate')",
    "certificate.validity": "'2024-01-02'",
    "certificate.revoked": "'2024-01-02'",
}

_PREPARED: Final = (
    "persist_event", "persist_event_cpid", "persist_event_eid", "persist_event_published", "persist_event_scheduled",
    "persist_hub", "persist_certificate",
)  # fmt: skip
"""The operations that make the rows which others ask for."""
_VARIED: Final = ("id", "event_id", "pid", "cpid", "eid", "hub")
"""Parameters whose value differs from row to row."""


def fill_with_old_rows(settings: Settings, rows: int, values: Mapping[str, str] | None = None) -> None:
    """Add so many old rows to each table of the settings' database, with other values for some columns."""
    with Inspector(settings, settings.database) as inspector:
        fill(inspector, rows, OLD | dict(values or {}))


def prepare(session: Session, name: str, mark: str = "") -> None:
    """Persist the rows that an operation asks for, with its `marked` arguments; what it persists itself is absent."""
    own = name.replace("events", "event")
    expired = name == "revoke_certificates_past_validity_period"
    times = {
        "scheduled": datetime(2024, 1, 1, tzinfo=UTC),
        "validity": datetime.now(UTC) + timedelta(days=-1 if expired else 1),
    }
    for persist in _PREPARED:
        if persist == own or (own == "persist_event" and persist.startswith(own)):
            continue
        values = OPERATIONS[persist].values
        call(session, persist, marked(values, mark) | {key: time for key, time in times.items() if key in values})


def marked(values: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """An operation's arguments with the mark before each key, so that they are those of rows of their own."""

    def with_mark(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return marked(value, mark)
        if isinstance(value, list):
            return [with_mark(item, name) for item in value]
        if isinstance(value, tuple):
            return tuple(mark + item for item in value)
        return mark + value if name in _VARIED else value

    return {name: with_mark(value, name) for name, value in values.items()}
