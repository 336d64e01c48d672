"""Tables: made once whoever makes them, equal to the Node library's, additions aside."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pymysql
import pytest
from pymysql.constants import CLIENT

from eventflow_db import EventflowDB, NewCertificate, Settings, errors
from eventflow_db.check.apply import run_steps, upgrading
from eventflow_db.check.upgrade import plan_upgrade
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

from . import node
from .api import API, concurrently
from .operations import OPERATIONS, STORY, TABLES, call, fails, walk
from .support import EVENT, Admin, execute

FORCED = sorted(
    {
        found.groups()
        for spec in load_specs().values()
        for found in re.finditer(r"(\w+)(?: AS \w+)? FORCE INDEX \((idx_\w+)\)", spec.sql)
    }
)


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


# --- compared with Node's

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
    "partition": "SELECT table_name, partition_name, partition_method,"
    " partition_expression, partition_description FROM information_schema.partitions"
    " WHERE table_schema = %s AND partition_name NOT LIKE 'p_cold_%%'",
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
    *(("column", "event_published", column) for column in ("domain", "available", "attempts", "error")),
    *(
        ("index", "event_published", "idx_claim", number, column)
        for number, column in enumerate(("domain", "success", "failed", "orphan", "available"), 1)
    ),
    ("column", "hub", "external_ip"),
    ("column", "hub", "internal_ip"),
    ("column", "event_cpid", "domain"),
    ("table", "lease", "InnoDB", "BASE TABLE"),
    *(("column", "lease", column) for column in ("reference", "holder", "fence", "until")),
    ("index", "lease", "PRIMARY", 1, "reference"),
}
"""What is ours alone, or wider than upstream's."""
ADDITIONS_TO: dict[str, set[tuple[Any, ...]]] = {
    "4.1": {
        ("column", "event_cpid", "cpid"),
        ("index", "event_cpid", "PRIMARY", 2, "domain"),
        ("index", "event_cpid", "PRIMARY", 3, "cpid"),
        ("index", "event_cpid", "idx_domain_cpid", 1, "domain"),
        ("index", "event_cpid", "idx_domain_cpid", 2, "cpid"),
    },
    "4.8": {("index", "event_cpid", "idx_cpid", 1, "cpid")},
}


def structure(admin: Admin, database: str) -> set[tuple[Any, ...]]:
    rows = {(part, *row) for part, query in STRUCTURE.items() for row in admin.execute(query, database)}
    # MariaDB names the check of a JSON column after the column, in whichever table it is
    return {row for row in rows if row[0] != "check" or row[1] != "error"}


@pytest.mark.parametrize("release", node.RELEASES)
def test_setup_table_schemas_gives_nodes_tables_and_the_additions(
    admin: Admin, database: str, empty_database: str, release: str
) -> None:
    node.create(admin, empty_database, release)
    ours, theirs = structure(admin, database), structure(admin, empty_database)
    added = {row[: 3 if row[0] == "column" else 5] for row in ours - theirs}
    assert added == ADDITIONS | ADDITIONS_TO[release]
    replaced = {row[:3] for row in theirs - ours if row[0] == "column"}
    assert replaced <= {row[:3] for row in added}
    assert {row[:5] for row in theirs - ours if row[0] != "column"} <= {("index", "event_cpid", "PRIMARY", 2, "cpid")}


def test_log_seq_is_invisible(admin: Admin, database: str) -> None:
    ((extra, kind),) = admin.execute(
        "SELECT extra, column_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = 'log' AND column_name = 'seq'", database,
    )  # fmt: skip
    assert "invisible" in extra.lower()
    assert "auto_increment" in extra.lower()
    assert kind.startswith("bigint")
    assert "unsigned" in kind


def test_every_text_column_is_ascii_bin_but_messages_and_certificates_whatever_the_servers_default(
    admin: Admin, database: str
) -> None:
    rows = admin.execute(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = %s AND collation_name IS NOT NULL AND data_type NOT IN ('json', 'longtext')", database,
    )  # fmt: skip
    assert len(rows) >= 23
    others = {(table, column): collation for table, column, collation in rows if collation != "ascii_bin"}
    assert others == {("log", "message"): "utf8mb4_bin", ("certificate", "cert"): "utf8mb4_bin"}


def test_every_table_is_ascii_bin_whatever_the_servers_default(admin: Admin, database: str) -> None:
    rows = admin.execute(
        "SELECT table_name, table_collation FROM information_schema.tables WHERE table_schema = %s", database
    )
    assert dict(rows) == dict.fromkeys(TABLES, "ascii_bin")


def test_json_message_and_certificate_hold_all_of_unicode(db: EventflowDB, certificate: NewCertificate) -> None:
    text = "é漢🎉"
    event_id = db.persist_event({**EVENT, "data": {text: text}})
    assert db.read_event(event_id).data == {text: text}
    db.persist_certificate({**certificate, "cert": text})
    assert db.read_certificate("certificate-id").cert == text


def test_persist_log_holds_all_of_unicode(db: EventflowDB, admin: Admin, database: str) -> None:
    db.persist_log({"agent": "agent", "message": "é漢🎉", "error": {"é": "漢🎉"}})
    ((message, error),) = admin.execute(f"SELECT message, error FROM `{database}`.log")
    assert (message, json.loads(error)) == ("é漢🎉", {"é": "漢🎉"})


# --- statements of the Node library


@pytest.fixture
def node_connection(eventflow_server: Server, empty_database: str) -> Iterator[Any]:
    """A connection to a database without tables as the Node library's driver makes one."""
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    connection = pymysql.connect(
        host=settings.host, port=settings.port, user=settings.user, password=settings.password,
        database=settings.database, charset="utf8mb4", client_flag=CLIENT.FOUND_ROWS,
        # in the driver's own collation
        init_command="SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci, autocommit = 1, sql_mode = 'STRICT_TRANS_TABLES'",
    )  # fmt: skip
    yield connection
    connection.close()


@pytest.fixture
def our_tables(eventflow_server: Server, empty_database: str) -> None:
    """The package's tables, in that database."""
    with EventflowDB(eventflow_server.database_url(empty_database)) as db:
        db.setup_table_schemas()


def tell(connection: Any, steps: Iterable[node.Step]) -> None:
    """Send a release's statements, and compare how many rows each writes or gives."""
    for step in steps:
        with connection.cursor() as cursor:
            assert (cursor.execute(step.statement, step.arguments or None), step.statement) == (
                step.rows,
                step.statement,
            )


@pytest.mark.usefixtures("our_tables")
@pytest.mark.parametrize("release", node.RELEASES)
def test_statements_of_node_do_on_our_tables_what_they_do_on_its_own(node_connection: Any, release: str) -> None:
    tell(node_connection, node.story(release))


@pytest.mark.usefixtures("our_tables")
def test_read_by_domain_and_cpid_of_node_4_1_on_our_tables_is_ambiguous(node_connection: Any) -> None:
    statement = "SELECT event.* FROM event_cpid JOIN event ON event_id = event.id WHERE cpid = %s AND domain = %s"
    with pytest.raises(pymysql.err.Error) as caught:
        execute(node_connection, statement, "cpid", "domain")
    assert caught.value.args[0] == 1052


@pytest.mark.usefixtures("our_tables")
def test_select_of_all_columns_hides_the_additions_from_node(node_connection: Any) -> None:
    for table, added in (("event_published", "available"), ("log", "seq")):
        with node_connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            assert added not in [column[0] for column in cursor.description]


@pytest.mark.parametrize("release", node.RELEASES)
def test_every_operation_and_then_nodes_statements_work_on_our_tables(
    api: API, eventflow_server: Server, admin: Admin, empty_database: str, node_connection: Any, release: str
) -> None:
    db = api.database(eventflow_server.database_url(empty_database))
    db.setup_table_schemas()
    before = structure(admin, empty_database)
    walk(db)
    for name in OPERATIONS.keys() - {name for name, _ in STORY}:
        with contextlib.suppress(errors.NotFoundError):
            call(db, name)
    assert {row for row in before if row[0] != "partition"} <= structure(admin, empty_database)
    admin.use(empty_database)
    for table in ("event", "hub", "certificate"):
        admin.execute(f"DELETE FROM {table}")
    # ours have archived later days than its own would
    tell(node_connection, [step for step in node.story(release) if not step.statement.startswith("ALTER TABLE log")])


# --- tables that operations would fail on


@pytest.mark.parametrize(
    ("change", "unfit"),
    [
        ("ALTER TABLE hub MODIFY id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL", "hub"),
        ("ALTER TABLE certificate MODIFY id VARCHAR(64) COLLATE ascii_general_ci NOT NULL", "certificate"),
        ("ALTER TABLE log CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "log"),
        ("ALTER TABLE event_published DROP INDEX idx_claim, DROP COLUMN available", "event_published"),
        ("ALTER TABLE event_cpid DROP PRIMARY KEY, ADD PRIMARY KEY (event_id, cpid), DROP INDEX idx_domain_cpid, "
         "DROP COLUMN domain", "event_cpid"),
    ],
)  # fmt: skip
def test_setup_table_schemas_table_that_operations_would_fail_on_raises_its_name_and_the_cure(
    empty_db: EventflowDB, admin: Admin, empty_database: str, change: str, unfit: str
) -> None:
    empty_db.setup_table_schemas()
    admin.use(empty_database)
    admin.execute("SET foreign_key_checks = 0")
    if unfit == "hub":
        admin.execute("DROP TABLE event_published")
    admin.execute(change)
    admin.execute("SET foreign_key_checks = 1")
    for _ in range(2):
        with fails(errors.SchemaError, "SETUP_TABLE_SCHEMAS") as caught:
            empty_db.setup_table_schemas()
        assert caught.value.message.endswith(f"would fail or compare inexactly on {unfit}: eventflow-db upgrade")


def test_setup_table_schemas_on_a_lease_table_of_somebody_else_raises_its_name(
    empty_db: EventflowDB, admin: Admin, empty_database: str
) -> None:
    admin.execute(f"CREATE TABLE `{empty_database}`.lease (id INT PRIMARY KEY, until DATE)")
    with fails(errors.SchemaError, "SETUP_TABLE_SCHEMAS") as caught:
        empty_db.setup_table_schemas()
    assert caught.value.message.endswith("on lease: eventflow-db upgrade")


@pytest.mark.parametrize(("table", "index"), FORCED)
def test_setup_table_schemas_table_without_an_index_that_statements_force_raises_its_name(
    empty_db: EventflowDB, admin: Admin, empty_database: str, table: str, index: str
) -> None:
    empty_db.setup_table_schemas()
    admin.use(empty_database)
    admin.execute(f"ALTER TABLE {table} RENAME INDEX {index} TO idx_of_others")
    with fails(errors.SchemaError, "SETUP_TABLE_SCHEMAS") as caught:
        empty_db.setup_table_schemas()
    assert caught.value.message.endswith(f"on {table}: eventflow-db upgrade")


def test_setup_table_schemas_on_node_4_1s_tables_raises_all_that_compare_inexactly(
    empty_db: EventflowDB, admin: Admin, empty_database: str
) -> None:
    node.create(admin, empty_database, "4.1")
    with fails(errors.SchemaError, "SETUP_TABLE_SCHEMAS") as caught:
        empty_db.setup_table_schemas()
    assert f"on {', '.join(sorted({*TABLES} - {'lease'}))}: eventflow-db upgrade" in caught.value.message


def test_setup_table_schemas_on_node_4_8s_tables_raises_those_that_lack_what_operations_use(
    empty_db: EventflowDB, admin: Admin, empty_database: str
) -> None:
    node.create(admin, empty_database, "4.8")
    with fails(errors.SchemaError, "SETUP_TABLE_SCHEMAS") as caught:
        empty_db.setup_table_schemas()
    assert "on event_published, event_scheduled, log: eventflow-db upgrade" in caught.value.message


def test_setup_table_schemas_waits_for_who_sets_up(db: EventflowDB, api: API, settings: Settings) -> None:
    other = api.database(settings)
    done = threading.Event()

    def set_up() -> None:
        other.setup_table_schemas()
        done.set()

    with db.lock("eventflow-db setup"):
        thread = threading.Thread(target=set_up, daemon=True)
        thread.start()
        assert not done.wait(0.5)
    assert done.wait(10)
    thread.join()


@pytest.mark.slow
def test_setup_table_schemas_while_node_sets_up_leaves_a_whole_database(
    api: API, eventflow_server: Server, admin: Admin
) -> None:
    for number in range(8):
        name = f"eventflow_test_whole_{number}"
        admin.execute(f"DROP DATABASE IF EXISTS `{name}`")
        admin.execute(f"CREATE DATABASE `{name}`")
        other = Admin(eventflow_server)
        db = api.database(eventflow_server.database_url(name))
        try:
            with contextlib.suppress(errors.SchemaError):
                concurrently(db.setup_table_schemas, partial(node.create, other, name, "4.8"))
            assert tables(admin, name) == set(TABLES)
            try:
                db.setup_table_schemas()
            except errors.SchemaError:
                # some are Node's, and lack what operations use
                settings = Settings.from_url(eventflow_server.database_url(name))
                with upgrading(settings) as session:
                    run_steps(session, plan_upgrade(settings, load_specs()).steps, print)
                db.setup_table_schemas()
            walk(db)
        finally:
            other.close()
            admin.execute(f"DROP DATABASE `{name}`")
