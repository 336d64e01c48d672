"""The table of operations: each method's codes and arguments that it takes, for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

import pytest

from eventflow_db import NewEvent, Session, errors

PREFIX = "E_EVENTFLOW_DB_"
E = TypeVar("E", bound=errors.EventflowDBError)


class Operation(NamedTuple):
    """One row of the table."""

    codes: tuple[str, ...]
    """The code when the database fails, then the code when there is no such row, if any."""
    values: Mapping[str, Any]
    """Arguments that are right."""
    takes_mapping: bool = False
    """Whether they are given as one mapping."""


def _row(codes: str, /, **values: Any) -> Operation:
    return Operation(tuple(codes.split()), values)


def _mapping(codes: str, /, **values: Any) -> Operation:
    return Operation(tuple(codes.split()), values, takes_mapping=True)


NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
EVENT = {"domain": "domain", "pid": "pid", "name": "name"}
HALF: NewEvent = {"domain": "domain", "pid": "pid", "name": "name", "data": "x" * 600_000}
"""Two of these need two statements, and so a transaction."""
PROCESS = {"domain": "domain", "pid": "pid"}
HUB = {
    "id": "hub-id", "external_ip": "127.0.0.1", "external_port": 50001,
    "internal_ip": "127.0.0.1", "internal_port": 50001,
}  # fmt: skip
CERTIFICATE = {
    "id": "certificate-id", "validity": NOON, "cert": "certificate", "key": b"key", "key_iv": b"1", "key_salt": b"2",
    "key_tag": b"3", "pass": b"4", "pass_iv": b"5", "pass_salt": b"6", "pass_tag": b"7",
}  # fmt: skip
TABLES = (
    "certificate", "hub", "event", "event_cpid", "event_eid", "event_published", "event_scheduled", "log",
)  # fmt: skip

OPERATIONS: Mapping[str, Operation] = {
    "setup_table_schemas": _row("CREATE_TABLE_CERTIFICATE"),
    **{f"create_table_{table}": _row(f"CREATE_TABLE_{table.upper()}") for table in TABLES},
    "persist_event": _mapping("EVENT_PERSIST", id="event-id", **EVENT),
    "read_event": _row("EVENT_READ EVENT_NOT_FOUND", id="event-id"),
    "delete_event": _row("EVENT_DELETE", id="event-id"),
    "read_events_by_domain_and_pid": _row("EVENT_READ_BY_PID", **PROCESS),
    "read_events_by_domain_and_pid_between_timestamps": _row("EVENT_READ_BY_PID", **PROCESS, start=NOON, end=NOON),
    "read_events_by_domain_and_pid_and_names": _row("EVENT_READ_BY_PID", **PROCESS, names=["name"]),
    "read_distinct_pid_by_domain": _row("EVENT_READ_DISTINCT_PID_BY_DOMAIN", domain="domain"),
    "delete_event_by_domain_and_pid": _row("EVENT_DELETE_BY_PID", **PROCESS),
    "persist_event_cpid": _row("EVENT_CPID_PERSIST", event_id="event-id", cpid="cpid"),
    "delete_event_cpid": _row("EVENT_CPID_DELETE", event_id="event-id", cpid="cpid"),
    "read_event_cpid_by_event_id": _row("EVENT_CPID_READ_BY_EVENT_ID", event_id="event-id"),
    "read_events_by_domain_and_cpid": _row("EVENT_BY_DOMAIN_AND_CPID_READ", domain="domain", cpid="cpid"),
    "persist_event_eid": _row("EVENT_EID_PERSIST", event_id="event-id", eid="eid"),
    "delete_event_eid": _row("EVENT_EID_DELETE", event_id="event-id", eid="eid"),
    "read_event_eid_by_event_id": _row("EVENT_EID_READ_BY_EVENT_ID", event_id="event-id"),
    "read_events_by_eid": _row("EVENTS_READ_BY_EID", eid="eid"),
    "read_events_by_domain_and_eid": _row("EVENTS_READ_BY_DOMAIN_AND_EID", domain="domain", eid="eid"),
    "persist_event_published": _mapping("EVENT_PUBLISHED_PERSIST", event_id="event-id", publisher="publisher"),
    "read_event_published": _row("EVENT_PUBLISHED_READ EVENT_PUBLISHED_NOT_FOUND", event_id="event-id"),
    "update_event_published_to_consumed_by_hub": _row("EVENT_PUBLISHED_CREATE", event_id="event-id", hub="hub-id"),
    "update_event_published_to_consumed_by_spoke": _row("EVENT_PUBLISHED_CREATE", event_id="event-id", spoke="spoke"),
    "update_event_published_to_success": _row("EVENT_PUBLISHED_UPDATE_SUCCESS", event_id="event-id"),
    "update_event_published_to_failed": _row("EVENT_PUBLISHED_UPDATE_FAILED", event_id="event-id"),
    "update_event_published_to_orphan": _row("EVENT_PUBLISHED_UPDATE_ORPHAN", event_id="event-id"),
    "persist_event_scheduled": _mapping("SCHEDULED_EVENT_PERSIST", event_id="event-id", scheduled=NOON),
    "read_events_scheduled": _row("SCHEDULED_EVENT_READ"),
    "read_event_scheduled": _row("SCHEDULED_EVENT_READ SCHEDULED_EVENT_NOT_FOUND", event_id="event-id"),
    "update_event_scheduled_executed": _row("SCHEDULED_EVENT_UPDATE_EXECUTED", event_id="event-id"),
    "update_event_scheduled_success": _row("SCHEDULED_EVENT_UPDATE_SUCCESS", event_id="event-id"),
    "update_event_scheduled_failed": _row("SCHEDULED_EVENT_UPDATE_FAILED", event_id="event-id"),
    "persist_hub": _mapping("HUB_PERSIST", **HUB),
    "read_online_hubs": _row("HUBS_READ"),
    "update_hub_to_quit": _row("HUB_UPDATE_TO_QUIT", id="hub-id"),
    "has_hub_quit": _row("HUB_HAS_QUIT", id="hub-id"),
    "persist_log": _mapping("LOG_PERSIST", agent="agent", message="message"),
    "archive_log": _row("LOG_ARCHIVE", date=date(2030, 1, 2)),
    "persist_certificate": _mapping("CERTIFICATE_PERSIST", **CERTIFICATE),
    "read_certificate": _row("CERTIFICATE_READ CERTIFICATE_NOT_FOUND", id="certificate-id"),
    "revoke_certificate": _row("CERTIFICATE_REVOKE", id="certificate-id"),
    "revoke_certificates_past_validity_period": _row("CERTIFICATE_REVOKE_PAST_VALIDITY"),
    "lock": _row("LOCK", reference="reference", timeout=1),
    # beyond upstream
    "prepare_log_partitions": _row("LOG_PREPARE_PARTITIONS", days=1),
    "prune_log": _row("LOG_PRUNE", before=date(2030, 1, 2)),
    "persist_events": _row("EVENT_PERSIST", events=[EVENT]),
    "iter_events_by_domain_and_pid": _row("EVENT_READ_BY_PID", **PROCESS),
    "iter_events_by_domain_and_cpid": _row("EVENT_BY_DOMAIN_AND_CPID_READ", domain="domain", cpid="cpid"),
    "iter_events_by_eid": _row("EVENTS_READ_BY_EID", eid="eid"),
    "iter_events_by_domain_and_eid": _row("EVENTS_READ_BY_DOMAIN_AND_EID", domain="domain", eid="eid"),
    "persist_events_cpid": _row("EVENT_CPID_PERSIST", associations=[("event-id", "cpid")]),
    "persist_events_eid": _row("EVENT_EID_PERSIST", associations=[("event-id", "eid")]),
    "persist_events_published": _row(
        "EVENT_PUBLISHED_PERSIST", published=[{"event_id": "event-id", "publisher": "publisher"}]
    ),
    "persist_events_scheduled": _row(
        "SCHEDULED_EVENT_PERSIST", scheduled=[{"event_id": "event-id", "scheduled": NOON}]
    ),
    "ping": _row("PING"),
}
"""Every operation, by its method, in an order in which each finds the rows that it refers to."""

IDENTIFIERS = {
    "id", "domain", "pid", "name", "rid", "cpid", "eid", "agent", "hub", "publisher", "spoke", "event_id",
}  # fmt: skip


OWN = object()
"""Stands for an operation's own arguments."""


def call(db: Session, name: str, values: Any = OWN) -> Any:
    """Call an operation with its own or other arguments; iterators are read to their end, locks taken."""
    operation = OPERATIONS[name]
    values = operation.values if values is OWN else values
    method = getattr(db, name)
    result = method(values) if operation.takes_mapping else method(**values)
    if name.startswith("iter_"):
        return list(result)
    if name == "lock":
        with result:
            return None
    return result


@contextmanager
def fails(kind: type[E], code: str) -> Iterator[pytest.ExceptionInfo[E]]:
    """The block raises exactly this class of error with this code, given without its prefix."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.type is kind
    assert caught.value.code == PREFIX + code
