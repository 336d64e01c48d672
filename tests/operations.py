"""The table of operations: each method's codes and arguments that it takes, for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

import pytest

from eventflow_db import NewEvent, Session, errors
from eventflow_db.query import load_specs
from eventflow_db.query.parameters import TYPES, ParameterType
from eventflow_db.query.spec import QuerySpec

from .support import NOON

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
    "certificate", "lease", "hub", "event", "event_cpid", "event_eid", "event_published", "event_scheduled", "log",
)  # fmt: skip

SPECS: Mapping[str, QuerySpec] = load_specs()


def _codes(query: str) -> tuple[str, ...]:
    spec = SPECS[query]
    return tuple(error.code.removeprefix(PREFIX) for error in (spec.error, spec.not_found) if error)


def _derived(spec: QuerySpec) -> Operation:
    """The operation that is one query: its arguments are samples of its parameters, made of their names."""
    table = spec.name.partition(".")[0]
    values = {
        name: SAMPLES.get(f"{table}.{name}", SAMPLES.get(name, _sample(name, kind)))
        for name, kind in spec.types.items()
        if kind.sample is not None
        and spec.param.get(name) not in ("position", "page")
        and (kind.absent is None or name in SAMPLES)
    }
    return Operation(_codes(spec.name), values, takes_mapping=spec.takes is not None)


def _sample(name: str, kind: ParameterType) -> Any:
    return f"{name.removesuffix('_id')}-id" if kind.type == TYPES["identifier"].type else kind.sample


def _batch(spec: QuerySpec, method: str, argument: str) -> Operation:
    """The same of many rows, of which here is one."""
    one = _derived(spec)
    return Operation(one.codes, {argument: [one.values if spec.takes else tuple(one.values.values())]})


def _by_hand(query: str, /, **values: Any) -> Operation:
    return Operation(_codes(query), values)


SAMPLES: Mapping[str, Any] = {
    **{name: name for name in ("domain", "pid", "cpid", "eid", "name", "spoke", "publisher")},
    "names": ["name"], "before": datetime(2000, 1, 1, tzinfo=UTC), "start": NOON,
    "end": NOON, "scheduled": NOON, **{f"hub.{key}": HUB[key] for key in HUB},
    "event.id": "event-id", "certificate.id": "certificate-id",
}  # fmt: skip
"""Values of parameters by their names; the others are identifiers, such as `hub-id` for `hub`."""

OPERATIONS: Mapping[str, Operation] = {
    **{spec.method: _derived(spec) for spec in SPECS.values() if spec.method},
    **{spec.batch[0]: _batch(spec, *spec.batch) for spec in SPECS.values() if spec.batch},
    # those that are more than one query
    "ping": _by_hand("session.ping"),
    "setup_table_schemas": _by_hand("certificate.create_table"),
    "persist_event": _by_hand("event.persist", id="event-id", **EVENT)._replace(takes_mapping=True),
    "persist_log": _by_hand("log.persist", agent="agent", message="message")._replace(takes_mapping=True),
    "archive_log": _by_hand("log.archive", date=date(2020, 1, 2)),
    "persist_certificate": _by_hand("certificate.persist", **CERTIFICATE)._replace(takes_mapping=True),
    "persist_events_cpid": _by_hand("event_cpid.persist", associations=[("event-id", "cpid")]),
    "lock": _by_hand("lock.acquire", reference="reference", timeout=1),
    "prepare_log_partitions": _by_hand("log.prepare", days=1),
    "prune_log": _by_hand("log.drop_partition", before=date(2030, 1, 2)),
    "persist_events": _by_hand("event.persist", events=[EVENT]),
    "claim_events_published": _by_hand("event_published.claim", domain="domain", consumer="consumer"),
    "update_event_published_to_failed": _by_hand("event_published.update_to_failed", event_id="event-id"),
    "read_events_published": _by_hand("event_published.read_list", state="published"),
    "requeue_events_published": _by_hand("event_published.requeue", state="failed"),
    "delete_event_by_domain_and_pid": _by_hand("event.delete_by_domain_and_pid", **PROCESS),
    "purge_events": _by_hand("event.purge", domain="domain", before=datetime(2000, 1, 1, tzinfo=UTC)),
    "read_status": _by_hand("session.read_server"),
    "read_logs": _by_hand("log.read_list"),
    "publish_events_due": _by_hand("event_scheduled.execute", publisher="publisher"),
    "iter_events_by_domain_and_pid": _by_hand("event.read_page_by_domain_and_pid", **PROCESS),
}
"""Every operation, by its method."""

IDENTIFIERS = {
    key for spec in SPECS.values() for key, kind in spec.types.items() if kind.type == TYPES["identifier"].type
}


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


ABSENT = object()
STORY: list[tuple[str, Any]] = [
    ("setup_table_schemas", None),
    *((f"create_table_{table}", None) for table in TABLES),
    ("ping", None),
    ("lock", None),
    ("persist_hub", True),
    ("has_hub_quit", False),
    ("read_online_hubs", 1),
    ("persist_event", "event-id"),
    ("read_event", ABSENT),
    ("read_events_by_domain_and_pid", 1),
    ("read_events_by_domain_and_pid_between_timestamps", 0),
    ("read_events_by_domain_and_pid_and_names", 1),
    ("read_distinct_pid_by_domain", 1),
    ("iter_events_by_domain_and_pid", 1),
    ("persist_event_cpid", True),
    ("read_event_cpid_by_event_id", 1),
    ("read_events_by_domain_and_cpid", 1),
    ("iter_events_by_domain_and_cpid", 1),
    ("read_event_cpid_by_event_id_with_domain", 1),
    ("delete_event_cpid", True),
    ("persist_events_cpid", 1),
    ("persist_event_eid", True),
    ("read_event_eid_by_event_id", 1),
    ("read_events_by_eid", 1),
    ("read_events_by_domain_and_eid", 1),
    ("iter_events_by_eid", 1),
    ("iter_events_by_domain_and_eid", 1),
    ("delete_event_eid", True),
    ("persist_events_eid", 1),
    ("persist_event_published", True),
    ("read_event_published", ABSENT),
    ("update_event_published_to_consumed_by_hub", True),
    ("update_event_published_to_consumed_by_spoke", True),
    ("update_event_published_to_success", True),
    ("update_event_published_to_failed", True),
    ("update_event_published_to_orphan", True),
    ("persist_event_scheduled", True),
    ("read_events_scheduled", 1),
    ("read_event_scheduled", ABSENT),
    ("update_event_scheduled_executed", True),
    ("update_event_scheduled_success", True),
    ("update_event_scheduled_failed", True),
    ("delete_event", True),
    ("persist_events", 1),
    ("delete_event_by_domain_and_pid", True),
    ("persist_event", "event-id"),
    ("persist_events_published", 1),
    ("persist_events_scheduled", 1),
    ("update_hub_to_quit", True),
    ("persist_log", None),
    ("archive_log", True),
    ("prepare_log_partitions", 1),
    ("prune_log", 2),
    ("persist_certificate", True),
    ("read_certificate", ABSENT),
    ("revoke_certificate", True),
    ("revoke_certificates_past_validity_period", 0),
]
"""Operations with their own arguments in a fitting order, and what they give, a list by its length; then the others."""


def walk(db: Session, after: Callable[[str], None] = lambda name: None) -> None:
    """Call the operations of the story, and something else after each."""
    for name, expected in STORY:
        given = call(db, name)
        after(name)
        if expected is not ABSENT:
            assert (len(given) if isinstance(given, list) else given) == expected, name
