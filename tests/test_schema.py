"""Tables: made once whoever makes them, equal to the Node library's, additions aside."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventflow_db import EventflowDB, errors
from eventflow_db.testing import Server

from .api import API, concurrently
from .operations import OPERATIONS, TABLES, call
from .support import Admin

UPSTREAM = Path(__file__).parent / "data" / "upstream.sql"


def tables(admin: Admin, database: str) -> set[str]:
    rows = admin.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", database)
    return {name for (name,) in rows}


def test_setup_table_schemas(empty_db: EventflowDB, admin: Admin, empty_database: str) -> None:
    empty_db.setup_table_schemas()
    assert tables(admin, empty_database) == set(TABLES)


def test_setup_table_schemas_again_leaves_tables_and_rows(db: EventflowDB, event_id: str) -> None:
    db.setup_table_schemas()
    db.setup_table_schemas()
    assert db.read_event(event_id).id == event_id


@pytest.mark.parametrize("table", TABLES)
def test_create_table_again_leaves_it(empty_db: EventflowDB, table: str, admin: Admin, empty_database: str) -> None:
    if table.startswith("event_"):
        empty_db.create_table_event()
        empty_db.create_table_hub()
    for _ in range(2):
        getattr(empty_db, f"create_table_{table}")()
    assert table in tables(admin, empty_database)


def test_setup_table_schemas_from_8_threads_at_once(
    api: API, eventflow_server: Server, admin: Admin, empty_database: str
) -> None:
    url = eventflow_server.database_url(empty_database)
    concurrently(*[api.database(url).setup_table_schemas for _ in range(8)])
    assert tables(admin, empty_database) == set(TABLES)


def test_setup_table_schemas_from_8_processes_at_once(
    eventflow_server: Server, admin: Admin, empty_database: str
) -> None:
    url = eventflow_server.database_url(empty_database)
    code = "import sys; from eventflow_db import EventflowDB; EventflowDB(sys.argv[1]).setup_table_schemas()"
    children = [
        subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(8)
    ]
    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 8
    assert [child.returncode for child in children] == [0] * 8
    assert tables(admin, empty_database) == set(TABLES)


# --- compared with upstream

STRUCTURE = {
    "column": "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, column_type, extra"
    " FROM information_schema.columns WHERE table_schema = %s",
    "index": "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type"
    " FROM information_schema.statistics WHERE table_schema = %s",
    "foreign key": "SELECT table_name, constraint_name, column_name, ordinal_position, referenced_table_name,"
    " referenced_column_name FROM information_schema.key_column_usage"
    " WHERE table_schema = %s AND referenced_table_name IS NOT NULL",
    "rule": "SELECT table_name, constraint_name, referenced_table_name, update_rule, delete_rule"
    " FROM information_schema.referential_constraints WHERE constraint_schema = %s",
    "check": "SELECT constraint_name, check_clause FROM information_schema.check_constraints"
    " WHERE constraint_schema = %s",
    "partition": "SELECT table_name, partition_name, partition_ordinal_position, partition_method,"
    " partition_expression, partition_description FROM information_schema.partitions"
    " WHERE table_schema = %s AND partition_name IS NOT NULL",
    "table": "SELECT table_name, engine, table_type FROM information_schema.tables WHERE table_schema = %s",
}
ADDITIONS = {
    ("column", "log", "seq"),
    ("index", "log", "PRIMARY", 1, "seq"),
    ("index", "log", "PRIMARY", 2, "timestamp"),
    ("index", "certificate", "idx_id", 1, "id"),
    ("index", "event_scheduled", "idx_executed_scheduled", 1, "executed"),
    ("index", "event_scheduled", "idx_executed_scheduled", 2, "scheduled"),
    ("index", "hub", "idx_quit_timestamp", 1, "quit"),
    ("index", "hub", "idx_quit_timestamp", 2, "timestamp"),
}


def structure(admin: Admin, database: str) -> set[tuple[Any, ...]]:
    return {(part, *row) for part, query in STRUCTURE.items() for row in admin.execute(query, database)}


@pytest.fixture
def upstream_database(admin: Admin, empty_database: str) -> str:
    """A database with upstream's own tables, as the server's defaults make them."""
    admin.use(empty_database)
    for statement in UPSTREAM.read_text().removesuffix(";\n").split(";\n"):
        admin.execute(statement)
    return empty_database


def test_setup_table_schemas_gives_upstreams_tables_and_the_additions(
    admin: Admin, database: str, upstream_database: str
) -> None:
    ours, upstreams = structure(admin, database), structure(admin, upstream_database)
    assert upstreams - ours == set()
    added = {row[: 3 if row[0] == "column" else 5] for row in ours - upstreams}
    assert added == ADDITIONS


def test_log_seq_is_invisible(admin: Admin, database: str) -> None:
    ((extra, kind),) = admin.execute(
        "SELECT extra, column_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = 'log' AND column_name = 'seq'", database,
    )  # fmt: skip
    assert "invisible" in extra.lower()
    assert "auto_increment" in extra.lower()
    assert kind.startswith("bigint")
    assert "unsigned" in kind


def test_every_text_column_is_utf8mb4_bin_whatever_the_servers_default(admin: Admin, database: str) -> None:
    rows = admin.execute(
        "SELECT table_name, column_name, character_set_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = %s AND collation_name IS NOT NULL AND data_type <> 'json'", database,
    )  # fmt: skip
    assert len(rows) >= 21
    assert [row for row in rows if row[2:] != ("utf8mb4", "utf8mb4_bin")] == []


def test_every_table_is_utf8mb4_bin_whatever_the_servers_default(admin: Admin, database: str) -> None:
    rows = admin.execute(
        "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = %s", database
    )
    assert dict(rows) == dict.fromkeys(TABLES, "utf8mb4_bin")


# --- every operation on upstream's own tables

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


def test_every_operation_works_on_upstreams_own_tables(
    api: API, eventflow_server: Server, admin: Admin, upstream_database: str
) -> None:
    db = api.database(eventflow_server.database_url(upstream_database))
    before = structure(admin, upstream_database)
    for name, expected in STORY:
        given = call(db, name)
        if expected is not ABSENT:
            assert (len(given) if isinstance(given, list) else given) == expected, name
    for name in OPERATIONS.keys() - {name for name, _ in STORY}:
        with contextlib.suppress(errors.NotFoundError):
            call(db, name)
    assert {row for row in before if row[0] != "partition"} <= structure(admin, upstream_database)
