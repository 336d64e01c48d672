"""`upgrade`: from the tables of every release to ours, with every row, beside writers, ended anywhere and resumed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pymysql
import pytest

from eventflow_db import Settings, errors
from eventflow_db.check import apply
from eventflow_db.check.apply import run_steps, upgrading
from eventflow_db.check.diff import diff
from eventflow_db.check.server import Inspector
from eventflow_db.check.upgrade import NEW, Plan, plan_upgrade
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

from . import node
from .api import API
from .operations import TABLES, walk
from .support import Admin, eventually, execute, login, scratches

pytestmark = pytest.mark.slow  # each alters tables, or starts a process

GENERAL, LATIN1, UCA = "utf8mb4_general_ci", "latin1_swedish_ci", "utf8mb4_0900_ai_ci"
STARTS = {
    "4.1 in latin1": (LATIN1, ["node-4.1"], "those of Node 4.1"),
    "4.1 in utf8mb4": (GENERAL, ["node-4.1"], "those of Node 4.1"),
    "4.1 in MySQL's own": (UCA, ["node-4.1"], "those of Node 4.1"),
    "4.8": (GENERAL, ["node-4.8"], "those of Node 4.8"),
    "0.1.0": (GENERAL, ["eventflow-0.1.0"], "those of eventflow-db 0.1.0"),
    "4.1's hub beside 4.8": (GENERAL, ["hub of node-4.1", "node-4.8"], "a mixture: Node 4.8 ("),
    "0.1.0's log beside 4.1": (LATIN1, ["log of eventflow-0.1.0", "node-4.1"], "a mixture: "),
    "some of 4.1's": (GENERAL, ["hub of node-4.1", "log of node-4.1"], "those of Node 4.1"),
    "ours": (GENERAL, ["ours"], "those of this eventflow-db"),
    "none": (GENERAL, [], "none of the tables"),
}
"""The collation of the database, whose tables were made in which order, and what is said of them."""
FEW = pytest.mark.parametrize("start", ["4.1 in latin1", "4.1 in MySQL's own", "4.8", "0.1.0"])
START = pytest.mark.parametrize("start", STARTS)


def our_tables() -> list[str]:
    return [load_specs()[f"{table}.create_table"].sql.rstrip(";\n") for table in TABLES]


class Live:
    """A database that is to be upgraded."""

    def __init__(self, admin: Admin, settings: Settings) -> None:
        self.admin = admin
        self.settings = settings
        admin.use(settings.database)
        # as the suite's own server, where rows leave out what has no default
        admin.execute("SET SESSION sql_mode = ''")

    def make(self, start: str) -> None:
        """Make the tables of a start, without rows."""
        collation, sources, _ = STARTS[start]
        if collation == UCA and "MariaDB" in str(self.admin.execute("SELECT VERSION()")[0][0]):
            pytest.skip("MySQL's own collation")
        self.admin.execute(f"ALTER DATABASE `{self.settings.database}` COLLATE {collation}")
        for source in sources:
            only, _, name = source.rpartition(" of ")
            for statement in our_tables() if name == "ours" else node.script(name):
                if f"NOT EXISTS {only}" in statement:
                    # a foreign key between two collations is refused: the table is missing, as after Node's try
                    with contextlib.suppress(pymysql.err.OperationalError):
                        self.admin.execute(statement)

    def fill(self) -> None:
        """Add rows to the tables that are there, which no test of operations meets."""
        there = {table for (table,) in self.admin.execute("SHOW TABLES")}
        for table, statement in ROWS.items():
            for number in range(1 if table == "certificate" else 3):
                if table in there:
                    self.admin.execute(statement.replace("#", str(number)))

    def rows(self, columns: dict[str, list[str]] | None = None) -> dict[str, Any]:
        """Every row of every table, in the given columns or all of them."""
        columns = self.columns() if columns is None else columns
        return {
            table: sorted(map(repr, self.admin.execute(f"SELECT {', '.join(names)} FROM `{table}`")))
            for table, names in columns.items()
        }

    def columns(self) -> dict[str, list[str]]:
        """The columns of each table of the library's, seq aside."""
        found: dict[str, list[str]] = {}
        for table, column in self.admin.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            "AND column_name != 'seq' ORDER BY table_name, ordinal_position"
        ):
            found.setdefault(str(table), []).append(f"`{column}`")
        return found

    def plan(self) -> Plan:
        return plan_upgrade(self.settings, load_specs())

    def upgrade(self, report: Callable[[str], None] = lambda message: None) -> Plan:
        """Plan, and run the steps."""
        with upgrading(self.settings) as session:
            plan = self.plan()
            assert plan.refusals == []
            run_steps(session, plan.steps, report)
        return plan

    def differences(self) -> list[tuple[str, str]]:
        return [(found.table, found.item) for found in diff(self.settings, load_specs())]


ROWS = {
    "hub": "INSERT INTO hub (id, external_ip, external_port, internal_ip, internal_port, quit) "
    "VALUES ('old-hub-#', '1.1.1.1', 1, '1.1.1.1', 1, '2000-01-01')",
    "event": "INSERT INTO event (id, timestamp, domain, rid, pid, name, data) "
    "VALUES ('old-#', '2020-01-01 00:00:00.#23', 'old', IF(# = 0, NULL, 'old-0'), 'old-#', 'name', '{\"é\": \"ü\"}')",
    "event_cpid": "INSERT INTO event_cpid SET event_id = 'old-#', cpid = 'old'",
    "event_eid": "INSERT INTO event_eid SET event_id = 'old-#', eid = 'old'",
    "event_published": "INSERT INTO event_published SET event_id = 'old-#', publisher = 'p', hub = 'old-hub-#'",
    "event_scheduled": "INSERT INTO event_scheduled SET event_id = 'old-#', scheduled = '2000-01-01', "
    "executed = '2000-01-01'",
    "lease": "INSERT INTO lease SET reference = 'old-#', holder = 'old', until = '2000-01-01'",
    "log": "INSERT INTO log (agent, message, error) VALUES ('old', 'möglich', '{\"é\": 1}')",
    "certificate": "INSERT INTO certificate SET id = 'old', version = 3, validity = '2100-01-01', cert = 'é', "
    "`key` = 'k', key_iv = 'k', key_salt = 'k', key_tag = 'k', pass = 'p', pass_iv = 'p', pass_salt = 'p', "
    "pass_tag = 'p'",
}


@pytest.fixture
def live(admin: Admin, eventflow_server: Server, empty_database: str) -> Live:
    """A database without tables."""
    return Live(admin, Settings.from_url(eventflow_server.database_url(empty_database)))


# --- from each start


@START
def test_upgrade_apply_gives_our_tables_with_every_row(live: Live, start: str) -> None:
    live.make(start)
    live.fill()
    columns = live.columns()
    before = live.rows(columns)
    plan = live.upgrade()
    assert STARTS[start][2] in plan.release
    assert (plan.by_hand, plan.left) == ([], [])
    assert live.differences() == []
    assert live.rows(columns) == before
    assert set(live.columns()) == set(TABLES)
    assert bool(plan.steps) == (start != "ours")
    assert live.plan().steps == []


@FEW
def test_upgrade_apply_gives_tables_that_every_operation_works_on(live: Live, api: API, start: str) -> None:
    live.make(start)
    live.fill()
    live.upgrade()
    db = api.database(live.settings)
    db.setup_table_schemas()
    walk(db)


@pytest.mark.parametrize("release", node.RELEASES)
@FEW
def test_upgrade_apply_gives_tables_that_statements_of_node_work_on(live: Live, start: str, release: str) -> None:
    live.make(start)
    live.upgrade()
    live.admin.execute("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci, sql_mode = 'STRICT_TRANS_TABLES'")
    for step in node.story(release):
        live.admin.execute(step.statement, *step.arguments)


@FEW
def test_upgrade_without_apply_changes_nothing(live: Live, start: str) -> None:
    def seen() -> Any:
        tables = [live.admin.execute(f"SHOW CREATE TABLE `{table}`") for table in live.columns()]
        return tables, live.rows(), scratches(live.admin)

    live.make(start)
    live.fill()
    before = seen()
    live.plan()
    assert seen() == before


def test_upgrade_leaves_columns_and_indexes_of_others(live: Live) -> None:
    live.make("4.8")
    live.admin.execute("ALTER TABLE event ADD COLUMN theirs INT, ADD INDEX theirs (theirs)")
    plan = live.upgrade()
    assert [line.partition(":")[0] for line in plan.left] == ["event column theirs", "event index theirs"]
    assert live.differences() == [("event", "column theirs"), ("event", "index theirs")]


def test_upgrade_of_other_bounds_of_partitions_says_that_they_are_to_be_changed_by_hand(live: Live) -> None:
    live.make("ours")
    live.admin.execute(
        "ALTER TABLE certificate REORGANIZE PARTITION p_hot, p_cold INTO "
        "(PARTITION p_hot VALUES LESS THAN (2), PARTITION p_cold VALUES LESS THAN MAXVALUE)"
    )
    plan = live.plan()
    assert (plan.steps, plan.by_hand) == ([], ["certificate partition p_hot: LESS THAN 2, not LESS THAN 1"])
    assert run("--apply", live).returncode == 1


def test_upgrade_of_an_engine_and_a_log_without_partitions_gives_ours(live: Live) -> None:
    live.make("ours")
    live.admin.execute("ALTER TABLE log REMOVE PARTITIONING")
    live.admin.execute("ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1")
    live.admin.execute("ALTER TABLE event_eid ENGINE = MyISAM")
    live.fill()
    columns = live.columns()
    before = live.rows(columns)
    live.upgrade()
    assert live.differences() == []
    assert live.rows(columns) == before


def test_upgrade_keeps_archived_partitions_of_the_log(live: Live) -> None:
    live.make("4.1 in latin1")
    cold = "PARTITION p_cold_20000101 VALUES LESS THAN (TO_DAYS('2000-01-02'))"
    live.admin.execute(
        f"ALTER TABLE log REORGANIZE PARTITION p_hot INTO ({cold}, PARTITION p_hot VALUES LESS THAN MAXVALUE)"
    )
    live.admin.execute("INSERT INTO log VALUES ('2000-01-01', 'agent', 'old', '{}'), (NOW(3), 'agent', 'new', '{}')")
    live.upgrade()
    assert live.admin.execute("SELECT message FROM log PARTITION (p_cold_20000101)") == (("old",),)
    assert live.differences() == []


def test_upgrade_moves_more_rows_of_the_log_than_a_piece_in_their_order(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "_PIECE", 10)
    live.make("4.8")
    # twelve of one time, which are more than a piece
    for number in range(35):
        time = f"2020-01-01 00:00:{max(number - 12, 0):02}"
        live.admin.execute(f"INSERT INTO log VALUES ('{time}', 'agent', '{number}', '{{}}')")
    live.upgrade()
    rows = live.admin.execute("SELECT message FROM log ORDER BY timestamp, seq")
    assert sorted(int(message) for (message,) in rows) == list(range(35))
    assert [int(message) for (message,) in rows[13:]] == list(range(13, 35))


# --- ended, and started again


class EndedError(Exception):
    """Stands for the end of the process."""


def end_at(text: str) -> Callable[[str], None]:
    def report(message: str) -> None:
        if re.search(text, message):
            raise EndedError

    return report


@pytest.mark.parametrize("start", ["4.1 in latin1", "0.1.0", "4.1's hub beside 4.8"])
def test_upgrade_ended_after_every_other_step_goes_on_with_every_row(live: Live, start: str) -> None:
    live.make(start)
    live.fill()
    columns = live.columns()
    before = live.rows(columns)
    for _ in range(60):
        try:
            live.upgrade(end_at("^3 of"))
        except EndedError:
            # whoever writes meanwhile finds every table
            assert set(columns) <= set(live.columns())
            continue
        break
    assert live.differences() == []
    assert {table for table in live.columns() if table not in TABLES} == set()
    assert live.rows(columns) == before
    assert live.plan().steps == []


def test_upgrade_ended_at_any_step_is_completed_by_the_next(live: Live) -> None:
    start = "4.1 in latin1"
    live.make(start)
    steps = len(live.plan().steps)
    for number in range(2, steps + 1):
        for (table,) in live.admin.execute("SHOW TABLES"):
            live.admin.execute("SET foreign_key_checks = 0")
            live.admin.execute(f"DROP TABLE `{table}`")
        live.make(start)
        live.fill()
        columns = live.columns()
        before = live.rows(columns)
        with pytest.raises(EndedError):
            live.upgrade(end_at(f"^{number} of"))
        live.upgrade()
        assert (number, live.differences()) == (number, [])
        assert live.rows(columns) == before


def test_upgrade_ended_amid_a_piece_of_the_log_moves_each_row_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.make("4.8")
    live.fill()
    execute = Inspector.execute

    def end(inspector: Inspector, statement: str | bytes) -> Any:
        if str(statement).startswith("DELETE FROM `eventflow_upgrade_old_log`"):
            raise EndedError
        return execute(inspector, statement)

    with monkeypatch.context() as patch, pytest.raises(EndedError):
        patch.setattr(Inspector, "execute", end)
        live.upgrade()
    assert live.rows()["log"] == []
    live.upgrade()
    assert len(live.rows()["log"]) == 3
    assert live.differences() == []


def test_upgrade_ended_deletes_what_lost_its_event_before_it_goes_on(live: Live) -> None:
    live.make("0.1.0")
    live.fill()
    with pytest.raises(EndedError):
        # the foreign keys are aside now, where they were in the way
        live.upgrade(end_at(" event: copies"))
    live.admin.execute("DELETE FROM event WHERE id = 'old-1'")
    live.admin.execute("DELETE FROM event WHERE id = 'old-0'")
    live.upgrade()
    assert live.differences() == []
    for table in ("event_cpid", "event_eid", "event_published", "event_scheduled"):
        assert live.admin.execute(f"SELECT event_id FROM {table}") == (("old-2",),)
    assert live.admin.execute("SELECT id, rid FROM event") == (("old-2", None),)


def test_upgrade_keeps_comments_of_tables(live: Live) -> None:
    live.make("4.1 in latin1")
    live.admin.execute("ALTER TABLE event_eid COMMENT = 'it''s ours'")
    with pytest.raises(EndedError):
        live.upgrade(end_at(" event: copies"))
    live.upgrade()
    query = "SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE()"
    assert {comment for (comment,) in live.admin.execute(query)} == {"", "it's ours"}


def test_upgrade_of_a_foreign_key_between_two_collations_gives_our_tables(live: Live) -> None:
    live.make("4.1 in utf8mb4")
    live.admin.execute("SET foreign_key_checks = 0")
    convert = "ALTER TABLE event_eid MODIFY event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
    with contextlib.suppress(pymysql.err.MySQLError):
        # MariaDB lets nobody do so
        live.admin.execute(convert)
    live.admin.execute("SET foreign_key_checks = 1")
    live.fill()
    for number in range(1100):
        live.admin.execute(f"INSERT INTO event_eid VALUES ('old-1', '{number}')")
    columns = live.columns()
    before = live.rows(columns)
    # that many rows are timed
    live.upgrade()
    assert live.differences() == []
    assert live.rows(columns) == before


def test_upgrade_that_copies_while_writers_wait_estimates_for_how_long(live: Live) -> None:
    live.make("4.1 in latin1")
    live.fill()
    for table in ("event_eid", "certificate"):
        (names,) = [", ".join(names) for name, names in live.columns().items() if name == table]
        key = {"event_eid": "eid", "certificate": "id"}[table]
        selected = names.replace(f"`{key}`", f"CONCAT({key}, '-', (@n := @n + 1))")
        live.admin.execute("SET @n = 0")
        for _ in range(10):
            live.admin.execute(f"INSERT INTO {table} ({names}) SELECT {selected} FROM {table}")
    for step in live.plan().steps:
        assert (step.seconds > 0) == (step.waits and step.rows > 1000)
        assert step.waits == ("LOCK=SHARED" in step.statement)


def test_upgrade_drops_what_one_that_ended_early_has_left(live: Live) -> None:
    live.make("4.8")
    live.admin.execute(f"CREATE TABLE {NEW}log LIKE log")
    live.upgrade()
    assert set(live.columns()) == set(TABLES)


# --- rows that would not survive

REFUSED: dict[str, tuple[str, str, list[str], str, list[str]]] = {
    "characters other than ASCII": (
        "4.1 in utf8mb4", "event.id", ["UPDATE event SET id = 'ordér-1' WHERE id = 'old-2'"],
        "hold characters other than ascii", ["ordér-1"],
    ),
    "control characters beside others": (
        "0.1.0", "hub.id",
        ["UPDATE event_published SET hub = NULL", "UPDATE hub SET id = 'h\x1bü' WHERE id = 'old-hub-1'"],
        "hold characters other than ascii", ["h\x1bü"],
    ),
    "a child that spells its parent otherwise": (
        "4.1 in utf8mb4", "event_eid.event_id", ["UPDATE event_eid SET event_id = 'OLD-1' WHERE event_id = 'old-1'"],
        "spell their event otherwise, and would have none", ["OLD-1"],
    ),
    "a child that spells its parent otherwise, of the same table": (
        "4.1 in latin1", "event.rid", ["UPDATE event SET rid = 'OLD-0' WHERE id = 'old-1'"],
        "spell their event otherwise, and would have none", ["OLD-0"],
    ),
    "a child without a parent": (
        "4.8", "event_eid.event_id",
        ["SET foreign_key_checks = 0", "ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1",
         "INSERT INTO event_eid VALUES ('nobody', 'eid')", "SET foreign_key_checks = 1"],
        "have no event", ["nobody"],
    ),
    "keys that differ in a space at the end": (
        "4.1 in MySQL's own", "event_eid.event_id, eid",
        ["INSERT INTO event_eid VALUES ('old-1', 'sp'), ('old-1', 'sp ')"],
        "would each be one key of PRIMARY", ["'old-1, sp' and 'old-1, sp '"],
    ),
    "values that are longer": (
        "4.8", "event.pid",
        ["ALTER TABLE event MODIFY pid VARCHAR(100) NOT NULL", f"UPDATE event SET pid = '{'x' * 65}'"],
        "are longer than 64 characters", ["x" * 65] * 3,
    ),
    "values that are NULL": (
        "4.8", "event.pid", ["ALTER TABLE event MODIFY pid VARCHAR(64) NULL", "UPDATE event SET pid = NULL"],
        "are NULL", ["NULL"] * 3,
    ),
    "text that grows": (
        "4.1 in latin1", "log.message", ["UPDATE log SET message = REPEAT('é', 40000)"],
        "would take more than 65535 bytes", ["é" * 100] * 3,
    ),
    "a foreign key of another table": (
        "4.1 in utf8mb4", "theirs.mine",
        ["CREATE TABLE theirs (id VARCHAR(64), CONSTRAINT mine FOREIGN KEY (id) REFERENCES event (id))"],
        "refers to event.id, which changes", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_upgrade_of_rows_that_would_not_survive_is_refused_by_name(live: Live, case: str) -> None:
    start, place, changes, problem, examples = REFUSED[case]
    live.make(start)
    live.fill()
    for change in changes:
        live.admin.execute(change.replace("%", "%%"))
    found = {f"{r.table.rpartition('.')[2]}.{r.columns}": r for r in live.plan().refusals}
    assert found.keys() >= {place}
    assert (found[place].problem, found[place].examples) == (problem, examples)
    assert found[place].count >= len(examples)
    before = [live.admin.execute(f"SHOW CREATE TABLE `{table}`") for table in live.columns()], live.rows()
    done = run("--apply", live)
    assert done.returncode == 1
    assert f"{place}: " in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    after = [live.admin.execute(f"SHOW CREATE TABLE `{table}`") for table in live.columns()], live.rows()
    assert after == before


def test_upgrade_after_the_cure_of_other_spellings_is_done(live: Live) -> None:
    live.make("4.1 in utf8mb4")
    live.fill()
    live.admin.execute("UPDATE event_eid SET event_id = 'OLD-1' WHERE event_id = 'old-1'")
    (refusal,) = live.plan().refusals
    live.admin.execute(refusal.cure)
    live.upgrade()
    assert live.differences() == []
    assert ("old-1",) in live.admin.execute("SELECT event_id FROM event_eid")


# --- locks, rights, writers


@pytest.fixture
def holder(live: Live) -> Iterator[Any]:
    """A session in a transaction that has read an event."""
    with contextlib.closing(
        pymysql.connect(**login(live.settings), database=live.settings.database, autocommit=False)
    ) as other:
        live.make("4.8")
        live.fill()
        execute(other, "SELECT * FROM event_published")
        yield other


def test_upgrade_waits_for_a_transaction_and_goes_on(live: Live, holder: Any) -> None:
    said: list[str] = []
    thread = threading.Thread(target=live.upgrade, args=[said.append], daemon=True)
    thread.start()
    assert eventually(lambda: any("event_published is locked" in line for line in said), 30)
    # between its tries others have their turn
    execute_within = Admin(live.admin.server)
    execute_within.execute(f"UPDATE `{live.settings.database}`.event_published SET publisher = 'q'")
    execute_within.close()
    holder.rollback()
    thread.join(60)
    assert live.differences() == []


def test_upgrade_of_a_table_that_stays_locked_raises_conflict_naming_it_and_goes_on_later(
    live: Live, holder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "_TRIES", 2)
    execute(holder, "UPDATE event_published SET publisher = 'q'")
    with pytest.raises(errors.ConflictError) as caught:
        live.upgrade()
    assert "event_published was locked by another transaction" in caught.value.message
    assert f"{holder.thread_id()} (" in caught.value.message
    holder.rollback()
    live.upgrade()
    assert live.differences() == []


def test_upgrade_while_another_is_at_work_raises_conflict(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_LOCK_TIMEOUT", 0)
    with upgrading(live.settings), pytest.raises(errors.ConflictError), upgrading(live.settings):
        pass


@pytest.mark.parametrize("start", ["4.8", "4.1 in utf8mb4"])
def test_upgrade_beside_writers_fails_no_write_and_loses_no_row(live: Live, start: str) -> None:
    live.make(start)
    live.fill()
    stop = threading.Event()
    written: list[list[str]] = [[] for _ in range(4)]
    failures: list[BaseException] = []

    def write(number: int) -> None:
        connection = pymysql.connect(**login(live.settings), database=live.settings.database, autocommit=True)
        execute(connection, "SET autocommit = 1")
        try:
            while not stop.is_set():
                key = f"{number}-{len(written[number])}"
                execute(
                    connection,
                    f"INSERT INTO event SET id = '{key}', domain = 'd', pid = 'p', name = 'n', data = '{{}}'",
                )
                execute(connection, f"INSERT INTO event_eid SET event_id = '{key}', eid = 'e'")
                execute(connection, f"INSERT INTO log SET agent = 'a', message = '{key}', error = '{{}}'")
                if len(written[number]) % 5 == 0:
                    execute(connection, f"DELETE FROM event WHERE id = '{key}'")
                written[number].append(key)
        except pymysql.MySQLError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert eventually(lambda: all(len(keys) > 50 for keys in written))
        live.upgrade()
        more = [len(keys) + 20 for keys in written]
        assert eventually(lambda: all(len(keys) > least for keys, least in zip(written, more, strict=True)))
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert failures == []
    every = [key for each in written for key in each]
    kept = [key for key in every if int(key.partition("-")[2]) % 5]
    for query, keys in (
        ("SELECT id FROM event WHERE domain = 'd'", kept),
        ("SELECT event_id FROM event_eid WHERE eid = 'e'", kept),
        ("SELECT message FROM log WHERE agent = 'a'", every),
    ):
        assert sorted(key for (key,) in live.admin.execute(query)) == sorted(keys)
    assert live.differences() == []


def rights(live: Live, request: pytest.FixtureRequest, *grants: str) -> Settings:
    name = f"eve{os.getpid()}"
    live.admin.execute(f"CREATE USER '{name}'@'%%' IDENTIFIED BY 'secret'")
    request.addfinalizer(lambda: live.admin.execute(f"DROP USER '{name}'@'%%'"))
    for grant in grants:
        live.admin.execute(f"GRANT {grant} TO '{name}'@'%%'")
    return msgspec.structs.replace(live.settings, user=name, password="secret")


SCRATCH = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP ON `eventflow\\_check\\_%%`.*"


def test_upgrade_by_who_may_not_alter_prints_the_statements_for_who_may(
    live: Live, request: pytest.FixtureRequest
) -> None:
    live.make("4.8")
    live.fill()
    columns = live.columns()
    before = live.rows(columns)
    settings = rights(live, request, f"SELECT, REFERENCES ON `{live.settings.database}`.*", SCRATCH)
    done = run("--apply", Live(live.admin, settings))
    assert done.returncode == 2
    assert "(1142)" in done.stderr
    for statement in done.stdout.split(";\n"):
        if lines := [line for line in statement.splitlines() if not line.startswith("--")]:
            live.admin.execute("\n".join(lines).replace("%", "%%"))
    assert live.differences() == []
    assert live.rows(columns) == before


def test_upgrade_by_who_may_make_no_scratch_database_prints_the_grants(
    live: Live, request: pytest.FixtureRequest
) -> None:
    live.make("4.8")
    done = run(None, Live(live.admin, rights(live, request, f"SELECT ON `{live.settings.database}`.*")))
    assert done.returncode == 2
    assert "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, TRIGGER ON `" in done.stdout
    assert "`eventflow\\_check\\_%`.*" in done.stdout


# --- the command


def run(option: str | None, live: Live) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(option, live), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def command(option: str | None, live: Live) -> list[str]:
    where = live.settings
    url = f"mysql://{where.user}:{where.password}@{where.host}:{where.port}/{where.database}"
    return [sys.executable, "-m", "eventflow_db.cli", "upgrade", *filter(None, [option]), "--url", url]


def test_upgrade_command_exits_with_1_until_it_is_applied(live: Live) -> None:
    live.make("4.8")
    first = run(None, live)
    assert first.returncode == 1
    assert ": the tables are those of Node 4.8\n" in first.stdout
    assert "-- wrong: operations that use it fail (1054): event_published column attempts" in first.stdout
    applied = run("--apply", live)
    assert (applied.returncode, applied.stdout) == (0, first.stdout)
    assert ": log: moves the rows in pieces" in applied.stderr
    last = run("--apply", live)
    assert (last.returncode, last.stdout.count("\n")) == (0, 1)
    assert last.stdout.endswith(": the tables are those of this eventflow-db\n")


def test_upgrade_json_is_the_plan(live: Live) -> None:
    live.make("4.1 in latin1")
    done = run("--json", live)
    assert done.returncode == 1
    assert json.loads(done.stdout) == msgspec.to_builtins(live.plan())


def test_upgrade_killed_amid_a_step_is_completed_by_the_next(live: Live) -> None:
    live.make("4.1 in latin1")
    live.fill()
    for _ in range(14):
        live.admin.execute("INSERT INTO log SELECT * FROM log")
    columns = live.columns()
    before = live.rows(columns)
    with subprocess.Popen(
        command("--apply", live), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "moves the rows" in line:
                assert eventually(lambda: live.admin.execute("SELECT 1 FROM log LIMIT 1"))
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    done = run("--apply", live)
    assert done.returncode == 0
    assert live.rows(columns) == before
    assert live.differences() == []
