"""What `status --server` finds out: sizes, partitions, open transactions, waits for locks, unused indexes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pymysql
import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.activity import Activity, OpenTransaction, read_activity, tag_of
from eventflow_db.check.server import Inspector
from eventflow_db.query import load_specs

from .support import EVENT, Admin, eventually, granted, login


def look(settings: Settings, seconds: int = 0) -> Activity:
    """What the server does now."""
    # InnoDB shows anew what is locked after a tenth of a second in which nobody has asked
    time.sleep(0.2)
    with Inspector(settings, settings.database) as inspector:
        return read_activity(inspector, load_specs(), seconds)


@pytest.fixture
def hub(settings: Settings) -> str:
    """A hub that is there."""
    with EventflowDB(settings) as db:
        db.persist_hub({
            "id": "hub", "external_ip": "::1", "external_port": 1, "internal_ip": "::1", "internal_port": 1,
        })  # fmt: skip
    return "hub"


@pytest.fixture
def held(settings: Settings, hub: str) -> Iterator[pymysql.Connection]:
    """A connection whose transaction has changed the hub, and is open."""
    with pymysql.connect(**login(settings), database=settings.database) as connection:
        connection.cursor().execute("UPDATE hub SET internal_port = 2 WHERE id = %s", (hub,))
        yield connection
        connection.rollback()


def test_sizes_and_partitions_are_those_of_the_tables(settings: Settings, admin: Admin) -> None:
    with EventflowDB(settings) as db:
        db.persist_event({**EVENT, "data": {"text": "x" * 100_000}})
    admin.execute(f"ANALYZE TABLE `{settings.database}`.event")
    found = {table.table: table for table in look(settings).tables}
    assert {spec.name.partition(".")[0] for spec in load_specs().values() if spec.verb == "CREATE"} <= set(found)
    assert found["event"].data >= 100_000
    assert list(found["certificate"].partitions) == ["p_hot", "p_cold"]


def test_open_transaction_is_found_with_what_it_holds(held: pymysql.Connection, settings: Settings) -> None:

    def found() -> list[OpenTransaction]:
        return [one for one in look(settings).transactions if one.thread == held.thread_id()]

    assert eventually(found, 10)
    (one,) = found()
    assert (one.database, one.rows_modified, one.query) == (settings.database, 1, None)
    assert 0 <= one.seconds < 60
    assert look(settings, seconds=1000).transactions == []


def test_wait_for_a_lock_names_both_sides_the_table_and_the_query(
    held: pymysql.Connection, settings: Settings, hub: str
) -> None:
    with EventflowDB(settings) as db:
        thread = threading.Thread(target=db.update_hub_to_quit, args=(hub,))
        thread.start()
        try:
            assert eventually(lambda: look(settings).waits, 30)
            (wait,) = look(settings).waits
        finally:
            held.rollback()
            thread.join()
    assert (wait.blocked_by, wait.table, wait.index) == (held.thread_id(), f"{settings.database}.hub", "PRIMARY")
    assert wait.query == "hub.update_to_quit"
    assert 0 <= wait.seconds < 60


def test_unused_index_names_the_queries_that_promise_it(settings: Settings, admin: Admin) -> None:
    is_mariadb = "MariaDB" in str(admin.execute("SELECT VERSION()")[0][0])
    if is_mariadb:
        assert "unused indexes: performance_schema is off, and so is userstat" in look(settings).unknown
        admin.execute("SET GLOBAL userstat = 1")
    try:
        before = {(one.table, one.index): one.queries for one in look(settings).unused}
        with EventflowDB(settings) as db:
            first = db.persist_event(EVENT)
            db.persist_event({**EVENT, "rid": first})
            assert db.read_events_by_rid(first)
        after = {(one.table, one.index) for one in look(settings).unused}
    finally:
        if is_mariadb:
            admin.execute("SET GLOBAL userstat = 0")
    assert before.get(("event", "idx_rid"), ["event.read_by_rid"]) == ["event.read_by_rid"]
    assert ("event", "idx_rid") not in after
    assert before["log", "idx_agent"] == ["log.read_by_agent"]


def test_what_the_account_may_not_see_is_told(settings: Settings, admin: Admin) -> None:
    with granted(admin, settings, f"SELECT ON `{settings.database}`.*") as reader:
        found = look(reader)
    assert any(line.startswith("transactions: the server says: ") for line in found.unknown)
    assert any(line.startswith("waits for locks: the server says: ") for line in found.unknown)
    assert "event" in [table.table for table in found.tables]


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        ("SELECT /*eventflow:event.read@0123abcd*/ 1", "event.read"),
        ("SELECT '/*eventflow:event.read@0123abcd*/'", None),
        ("SELECT 1", None),
        ("", None),
    ],
)
def test_tag_behind_the_verb_names_the_query(statement: str, query: str | None) -> None:
    assert tag_of(statement) == query
