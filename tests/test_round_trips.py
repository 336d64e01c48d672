"""What is sent: one statement for one operation, and for a transaction nothing beside BEGIN and COMMIT."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest

from eventflow_db import EventflowDB, errors

from .operations import HALF, OPERATIONS, TABLES, call
from .proxy import Proxy
from .support import EVENT

OF_SEVERAL = {
    "setup_table_schemas": [
        "certificate.create_table", "lease.create_table", "lock.acquire",
        *(f"{table}.create_table" for table in TABLES[2:]),
        "session.read_unfit_tables", "lock.release",
    ],
    "persist_events_cpid": ["event.read_domains_of", "event_cpid.persist_in_domain"],
    "claim_events_published": [
        "session.begin", "event_published.read_available", "event_published.read_without_domain", "session.commit",
    ],
    "read_events_published": ["event_published.read_domains", "event_published.read_list"],
    "requeue_events_published": [
        "session.begin", "event_published.read_domains", "event_published.read_list", "event_published.requeue",
        "session.commit",
    ],
    "delete_event_by_domain_and_pid": ["event.read_ids_by_domain_and_pid", "event.delete_list"],
    "purge_events": ["session.begin", "event.read_purgeable", "session.commit"],
    "read_status": [
        "session.read_server", "event_scheduled.count", "session.read_unfit_tables", "event_published.read_domains",
        "event_published.count", "log.read_last_partition", "hub.read_heard", "event_published.count_lately",
        "certificate.read_days_left",
    ],
    "publish_events_due": ["session.begin", "event_scheduled.lock_due", "session.commit"],
    "archive_log": ["log.read_partitions", "log.archive"],
    "prepare_log_partitions": ["log.read_last_partition", "log.prepare"],
    "prune_log": ["log.read_partitions_before", "log.drop_partition", "log.drop_partition"],
    "lock": ["lock.acquire", "lock.release"],
}  # fmt: skip
"""Operations that are more than one statement, and which."""


@pytest.fixture
def sent(proxy: Proxy) -> Callable[[Callable[[], object]], list[str]]:
    """The queries that a piece of work sends, in order."""

    def sent(work: Callable[[], object]) -> list[str]:
        proxy.requests.clear()
        with contextlib.suppress(errors.NotFoundError, errors.MissingReferenceError):  # which the server tells
            work()
        return [name.decode() for name in re.findall(rb"/\*eventflow:([\w.]+)@", proxy.requests)]

    return sent


Sent = Callable[[Callable[[], object]], list[str]]


@pytest.mark.one_server("a lock is other statements in a cluster")
def test_operation_is_one_statement(far: EventflowDB, sent: Sent) -> None:
    queries = {name: sent(lambda name=name: call(far, name)) for name in OPERATIONS}  # type: ignore[misc]
    several = {name: found for name, found in queries.items() if len(found) != 1}
    assert several == OF_SEVERAL


def test_transaction_is_begin_its_statements_and_commit(far: EventflowDB, sent: Sent) -> None:
    def work() -> None:
        with far.transaction() as tx:
            tx.persist_event(EVENT)
            tx.persist_events([EVENT, EVENT])

    assert sent(work) == ["session.begin", "event.persist", "event.persist", "session.commit"]


def test_transaction_batch_of_several_statements_has_a_savepoint(far: EventflowDB, sent: Sent) -> None:
    def work() -> None:
        with far.transaction() as tx:
            tx.persist_events([HALF, HALF])

    assert sent(work) == [
        "session.begin", "session.savepoint", "event.persist", "event.persist", "session.release_savepoint",
        "session.commit",
    ]  # fmt: skip


def test_batch_of_one_statement_is_that_statement(far: EventflowDB, sent: Sent) -> None:
    assert sent(lambda: far.persist_events([EVENT] * 500)) == ["event.persist"]


def test_batch_of_several_statements_is_a_transaction(far: EventflowDB, sent: Sent) -> None:
    queries = sent(lambda: far.persist_events([HALF, HALF]))
    assert queries == ["session.begin", "event.persist", "event.persist", "session.commit"]


def test_batch_of_none_is_nothing(far: EventflowDB, sent: Sent) -> None:
    assert sent(lambda: far.persist_events([])) == []
