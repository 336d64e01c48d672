"""`diff`: real differences between live tables and schema.sql, what each means, and the line of ours; nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check.diff import Difference, diff
from eventflow_db.check.prove import prove
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

from . import node
from .operations import walk
from .support import Admin, scratches

pytestmark = pytest.mark.slow  # each compares tables that were altered


@pytest.fixture
def live(eventflow_server: Server, empty_database: str, admin: Admin) -> Settings:
    """Settings of a database with every table, which the test may alter."""
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
    admin.use(empty_database)
    return settings


def found(live: Settings) -> list[tuple[str, str, str | None, str | None]]:
    return [(d.table, d.item, d.ours, d.live) for d in diff(live, load_specs())]


def line_of(difference: Difference) -> str:
    return Path(difference.path).read_text(encoding="utf-8").splitlines()[difference.line - 1].strip()


def test_diff_of_our_own_tables_is_empty(live: Settings) -> None:
    assert found(live) == []


def test_diff_archived_partitions_is_empty(live: Settings) -> None:
    with EventflowDB(live) as db:
        assert db.archive_log()
    assert found(live) == []


@pytest.mark.parametrize(
    ("change", "expected", "line"),
    [
        (
            "ALTER TABLE event MODIFY pid VARCHAR(32) NOT NULL",
            ("event", "column pid", "varchar(64) NOT NULL", "varchar(32) NOT NULL"),
            "pid VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE hub MODIFY quit DATETIME(3) NULL",
            ("hub", "column quit", "datetime NULL", "datetime(3) NULL"),
            "quit DATETIME NULL,",
        ),
        (
            "ALTER TABLE event_published MODIFY publisher VARCHAR(64) NULL",
            ("event_published", "column publisher", "varchar(64) NOT NULL", "varchar(64) NULL"),
            "publisher VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE event_published ALTER publisher SET DEFAULT 'us'",
            ("event_published", "column publisher", "varchar(64) NOT NULL", "varchar(64) NOT NULL DEFAULT us"),
            "publisher VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE certificate MODIFY updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
            (
                "certificate", "column updated",
                "datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
                "datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
            ),
            "updated DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),",
        ),
        (
            "ALTER TABLE event MODIFY name VARCHAR(64) CHARACTER SET latin1 NOT NULL",
            ("event", "collations", "ascii_bin", "ascii_bin; latin1_swedish_ci: name"),
            "ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;",
        ),
        (
            "ALTER TABLE hub DEFAULT CHARACTER SET latin1 COLLATE latin1_bin",
            ("hub", "collations", "ascii_bin", "ascii_bin; latin1_bin: columns to come"),
            "ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin;",
        ),
        ("ALTER TABLE event ADD note TEXT NULL", ("event", "column note", None, "text NULL COLLATE ascii_bin"), "CREATE TABLE IF NOT EXISTS event ("),
        ("ALTER TABLE event DROP INDEX idx_name", ("event", "index idx_name", "(name, timestamp)", None), "INDEX idx_name (name, timestamp),"),
        (
            "ALTER TABLE event DROP INDEX idx_name, ADD INDEX idx_name (timestamp, name)",
            ("event", "index idx_name", "(name, timestamp)", "(timestamp, name)"),
            "INDEX idx_name (name, timestamp),",
        ),
        (
            "ALTER TABLE event DROP INDEX idx_name, ADD UNIQUE INDEX idx_name (name, timestamp)",
            ("event", "index idx_name", "(name, timestamp)", "UNIQUE (name, timestamp)"),
            "INDEX idx_name (name, timestamp),",
        ),
        (
            "ALTER TABLE event DROP INDEX idx_name, ADD INDEX idx_name (name(10), timestamp)",
            ("event", "index idx_name", "(name, timestamp)", "(name(10), timestamp)"),
            "INDEX idx_name (name, timestamp),",
        ),
        (
            "ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1",
            ("event_eid", "foreign key event_id", "REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE", None),
            "FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE,",
        ),
        ("ALTER TABLE log DROP COLUMN seq, DROP PRIMARY KEY", None, ""),
        (
            "ALTER TABLE certificate REORGANIZE PARTITION p_hot, p_cold INTO (PARTITION p_hot VALUES LESS THAN (2), PARTITION p_cold VALUES LESS THAN MAXVALUE)",
            ("certificate", "partition p_hot", "LESS THAN 1", "LESS THAN 2"),
            "PARTITION p_hot VALUES LESS THAN (1),",
        ),
        ("DROP TABLE event_eid", ("event_eid", "table", "ENGINE InnoDB COLLATE ascii_bin", None), "CREATE TABLE IF NOT EXISTS event_eid ("),
    ],
)  # fmt: skip
def test_diff_changed_table_gives_the_difference_and_its_line(
    live: Settings, admin: Admin, change: str, expected: tuple[str, str, str | None, str | None] | None, line: str
) -> None:
    admin.execute(change)
    differences = diff(live, load_specs())
    if expected is None:  # upstream's own table: two things are missing
        assert {d.item: d.live for d in differences} == {"column seq": None, "index PRIMARY": None}
        assert [line_of(d) for d in differences] == [
            "seq BIGINT UNSIGNED AUTO_INCREMENT INVISIBLE,", "PRIMARY KEY (seq, timestamp),",
        ]  # fmt: skip
        return
    (difference,) = differences
    assert (difference.table, difference.item, difference.ours, difference.live) == expected
    assert line_of(difference) == line


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE hub MODIFY external_port SMALLINT(5) UNSIGNED NOT NULL",
        "ALTER TABLE hub MODIFY quit DATETIME NULL DEFAULT NULL",
        "ALTER TABLE hub MODIFY timestamp DATETIME NOT NULL DEFAULT NOW()",
        "ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1, "
        "ADD CONSTRAINT ours FOREIGN KEY (event_id) REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE",
        "ALTER TABLE certificate MODIFY version INTEGER UNSIGNED NOT NULL DEFAULT '0'",
        "ALTER TABLE hub COMMENT = 'ours'",
        "ALTER TABLE hub ENGINE = innodb",
    ],
)
def test_diff_of_another_spelling_is_empty(live: Settings, admin: Admin, change: str) -> None:
    admin.execute(change)
    assert found(live) == []


def test_diff_index_that_plans_ignore_gives_a_difference(live: Settings, admin: Admin) -> None:
    word = "IGNORED" if "MariaDB" in str(admin.execute("SELECT VERSION()")[0][0]) else "INVISIBLE"
    admin.execute(f"ALTER TABLE event ALTER INDEX idx_name {word}")
    assert found(live) == [("event", "index idx_name", "(name, timestamp)", "(name, timestamp) INVISIBLE")]


def test_diff_fulltext_index_is_none_that_looks_up(live: Settings, admin: Admin) -> None:
    admin.execute("ALTER TABLE event_cpid DROP INDEX idx_cpid, ADD FULLTEXT INDEX idx_cpid (cpid)")
    assert found(live) == [("event_cpid", "index idx_cpid", "(cpid)", "FULLTEXT (cpid)")]


def test_diff_history_of_a_table_gives_a_difference(live: Settings, admin: Admin) -> None:
    if "MariaDB" not in str(admin.execute("SELECT VERSION()")[0][0]):
        pytest.skip("MySQL keeps no history of tables")
    admin.execute("ALTER TABLE event_cpid ADD SYSTEM VERSIONING")
    assert found(live) == [("event_cpid", "history", None, "WITH SYSTEM VERSIONING")]


@pytest.mark.parametrize("name", ["a", "z"])
def test_diff_second_foreign_key_of_the_same_columns_gives_a_difference(
    live: Settings, admin: Admin, name: str
) -> None:
    ours = "REFERENCES event (id) ON UPDATE CASCADE ON DELETE CASCADE"
    admin.execute(f"ALTER TABLE event_eid ADD CONSTRAINT {name} FOREIGN KEY (event_id) REFERENCES event (id)")
    assert found(live) == [
        ("event_eid", "foreign key event_id", ours, f"{ours}, REFERENCES event (id) ON UPDATE RESTRICT ON DELETE RESTRICT")
    ]  # fmt: skip


def test_diff_of_restrict_spelled_out_is_empty(live: Settings, admin: Admin) -> None:
    name = admin.execute(
        "SELECT constraint_name FROM information_schema.referential_constraints "
        "WHERE constraint_schema = DATABASE() AND table_name = 'event_published' AND referenced_table_name = 'hub'"
    )[0][0]
    admin.execute(f"ALTER TABLE event_published DROP FOREIGN KEY {name}")
    admin.execute("ALTER TABLE event_published ADD FOREIGN KEY (hub) REFERENCES hub (id) ON DELETE RESTRICT")
    assert found(live) == []


def test_diff_other_tables_is_empty(live: Settings, admin: Admin) -> None:
    admin.execute("CREATE TABLE theirs (id INT PRIMARY KEY)")
    assert found(live) == []


def test_diff_changes_nothing(live: Settings, admin: Admin) -> None:
    admin.execute("ALTER TABLE event DROP INDEX idx_name")
    before = (scratches(admin), admin.execute("SHOW CREATE TABLE event"))
    diff(live, load_specs())
    assert (scratches(admin), admin.execute("SHOW CREATE TABLE event")) == before


# --- what a difference means

WRONG: list[tuple[str, str, str, str]] = [
    ("DROP TABLE event_eid", "event_eid, table", "operations on it fail (1146)", "setup_table_schemas()"),
    ("ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1; ALTER TABLE event_eid ENGINE = MyISAM", "event_eid, table", "not written or deleted together", "eventflow-db upgrade"),
    ("ALTER TABLE event_scheduled DROP COLUMN failed", "event_scheduled, column failed", "(1054)", "eventflow-db upgrade"),
    ("ALTER TABLE hub ADD note INT NOT NULL", "hub, column note", "(1364)", "give it a default, or let it be NULL"),
    ("ALTER TABLE hub ALTER timestamp DROP DEFAULT", "hub, column timestamp", "(1364)", "eventflow-db upgrade"),
    ("ALTER TABLE event ALTER timestamp DROP DEFAULT", "event, column timestamp", "(1364)", "eventflow-db upgrade"),
    ("ALTER TABLE hub MODIFY quit DATETIME NULL DEFAULT '2020-01-01'", "hub, column quit", "another value", "eventflow-db upgrade"),
    ("ALTER TABLE event MODIFY pid VARCHAR(2) NOT NULL", "event, column pid", "refused or changed", "eventflow-db upgrade"),
    ("ALTER TABLE event MODIFY timestamp DATETIME NOT NULL DEFAULT NOW()", "event, column timestamp", "refused or changed", "eventflow-db upgrade"),
    ("ALTER TABLE hub MODIFY external_port SMALLINT NOT NULL", "hub, column external_port", "refused or changed", "eventflow-db upgrade"),
    ("ALTER TABLE certificate MODIFY key_iv BINARY(16) NOT NULL", "certificate, column key_iv", "refused or changed", "eventflow-db upgrade"),
    ("ALTER TABLE event MODIFY data TEXT NOT NULL", "event, column data", "refused or changed", "eventflow-db upgrade"),
    ("ALTER TABLE event_scheduled MODIFY executed DATETIME NOT NULL DEFAULT NOW()", "event_scheduled, column executed", "(1048)", "eventflow-db upgrade"),
    ("ALTER TABLE certificate MODIFY updated DATETIME(3) NOT NULL DEFAULT NOW(3)", "certificate, column updated", "the server sets it", "eventflow-db upgrade"),
    ("ALTER TABLE event DROP INDEX idx_domain_pid", "event, index idx_domain_pid", "(1176)", "eventflow-db upgrade"),
    ("ALTER TABLE event ADD UNIQUE INDEX mine (name)", "event, index mine", "(1062)", "drop it, where nobody else needs it"),
    ("ALTER TABLE certificate DROP PRIMARY KEY", "certificate, index PRIMARY", "(1062)", "eventflow-db upgrade"),
    ("ALTER TABLE event_eid DROP FOREIGN KEY event_eid_ibfk_1", "event_eid, foreign key event_id", "together", "eventflow-db upgrade"),
    ("ALTER TABLE event_eid ADD FOREIGN KEY (eid) REFERENCES event (id)", "event_eid, foreign key eid", "are refused", "drop it, where nobody else needs it"),
    ("ALTER TABLE certificate MODIFY id VARCHAR(64) COLLATE ascii_general_ci NOT NULL", "certificate, collations", "case alone are taken for each other: id", "eventflow-db upgrade"),
    ("ALTER TABLE log CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "log, collations", "names of other tables have another collation", "eventflow-db upgrade"),
    ("ALTER TABLE log MODIFY message TEXT COLLATE ascii_bin NOT NULL", "log, collations", "that ascii lacks are refused (1366): message", "eventflow-db upgrade"),
    ("ALTER TABLE log REORGANIZE PARTITION p_hot INTO (PARTITION p_warm VALUES LESS THAN MAXVALUE)", "log, partition p_hot", "on partitions fail", "eventflow-db upgrade"),
]  # fmt: skip
SLOW = [
    ("ALTER TABLE hub DROP INDEX idx_quit_timestamp", "hub, index idx_quit_timestamp"),
    ("ALTER TABLE certificate DROP INDEX idx_id", "certificate, index idx_id"),
    ("ALTER TABLE event DROP INDEX idx_name, ADD INDEX idx_name (timestamp, name)", "event, index idx_name"),
    (
        "ALTER TABLE certificate REORGANIZE PARTITION p_hot, p_cold INTO (PARTITION p_hot VALUES LESS THAN (2), "
        "PARTITION p_cold VALUES LESS THAN MAXVALUE)",
        "certificate, partition p_hot",
    ),
]
DIFFERENT = [
    ("ALTER TABLE event_cpid ALTER domain DROP DEFAULT", "event_cpid, column domain", "whoever gives it no value fails (1364)"),
    ("ALTER TABLE event DROP INDEX idx_name, ADD INDEX idx_name (name, timestamp, pid)", "event, index idx_name", "does as well"),
    ("ALTER TABLE event RENAME INDEX idx_name TO idx_other", "event, index idx_name", "does as well"),
    ("ALTER TABLE event ADD note TEXT NULL", "event, column note", "no operation uses it"),
    ("ALTER TABLE event ADD note INT NOT NULL DEFAULT 7", "event, column note", "no operation uses it"),
    ("ALTER TABLE event MODIFY pid VARCHAR(99) NOT NULL", "event, column pid", "operations work"),
    ("ALTER TABLE hub MODIFY quit DATETIME(3) NULL", "hub, column quit", "operations work"),
    ("ALTER TABLE hub MODIFY external_port INT NOT NULL", "hub, column external_port", "operations work"),
    ("ALTER TABLE event_published MODIFY publisher VARCHAR(64) NULL", "event_published, column publisher", "operations work"),
    ("ALTER TABLE event_published ALTER publisher SET DEFAULT 'us'", "event_published, column publisher", "operations work"),
    ("ALTER TABLE event_published MODIFY attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0", "event_published, column attempts", "operations work"),
    ("ALTER TABLE log MODIFY message TEXT COLLATE utf8mb4_general_ci NOT NULL", "log, collations", "operations work"),
    ("ALTER TABLE hub DEFAULT CHARACTER SET latin1", "hub, collations", "operations work"),
]  # fmt: skip


def meaning_of(live: Settings, admin: Admin, change: str, name: str) -> Difference:
    """The difference of a name that a change makes."""
    for statement in ("SET foreign_key_checks = 0", *change.split("; "), "SET foreign_key_checks = 1"):
        admin.execute(statement)
    (difference,) = (d for d in diff(live, load_specs()) if f"{d.table}, {d.item}" == name)
    return difference


@pytest.mark.parametrize(("change", "name", "effect", "cure"), WRONG)
def test_diff_what_operations_fail_on_or_answer_wrongly_is_wrong(
    live: Settings, admin: Admin, change: str, name: str, effect: str, cure: str
) -> None:
    difference = meaning_of(live, admin, change, name)
    assert (difference.severity, difference.cure) == ("wrong", cure)
    assert effect in difference.effect


@pytest.mark.parametrize("change", [case[0] for case in WRONG if re.search(r"\((1054|1176|1364)\)", case[2])])
def test_operations_fail_where_diff_says_so(live: Settings, admin: Admin, change: str) -> None:
    admin.execute(change)
    with EventflowDB(live) as db, pytest.raises(errors.SchemaError):
        walk(db)


@pytest.mark.parametrize(("change", "name"), SLOW)
def test_diff_what_operations_read_more_for_is_slow(live: Settings, admin: Admin, change: str, name: str) -> None:
    difference = meaning_of(live, admin, change, name)
    assert (difference.severity, difference.cure) == ("slow", "eventflow-db upgrade")
    with EventflowDB(live) as db:
        walk(db)


@pytest.mark.parametrize(("change", "name", "effect"), DIFFERENT)
def test_diff_what_no_operation_notices_is_different(
    live: Settings, admin: Admin, change: str, name: str, effect: str
) -> None:
    difference = meaning_of(live, admin, change, name)
    assert difference.severity == "different"
    assert effect in difference.effect
    with EventflowDB(live) as db:
        walk(db)


# --- which release made the tables

RELEASES = {"node-4.1": "Node 4.1", "node-4.8": "Node 4.8", "eventflow-0.1.0": "eventflow-db 0.1.0"}


def create(admin: Admin, database: str, release: str) -> None:
    """Create a release's tables in a database."""
    admin.use(database)
    for statement in node.script(release):
        admin.execute(statement)


def said(live: Settings) -> list[str]:
    messages: list[str] = []
    diff(live, load_specs(), messages.append)
    return messages


def test_diff_of_our_own_tables_says_so(live: Settings) -> None:
    assert "the tables are those of this eventflow-db" in said(live)


@pytest.mark.parametrize("release", RELEASES)
def test_diff_of_an_earlier_releases_tables_says_which(
    eventflow_server: Server, empty_database: str, admin: Admin, release: str
) -> None:
    create(admin, empty_database, release)
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    assert f"the tables are those of {RELEASES[release]}" in said(settings)


@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin", "ascii_bin"])
def test_diff_of_node_4_1s_tables_in_any_collation_says_so(
    eventflow_server: Server, empty_database: str, admin: Admin, collation: str
) -> None:
    admin.execute(f"ALTER DATABASE `{empty_database}` COLLATE {collation}")
    node.create(admin, empty_database, "4.1")
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    assert "the tables are those of Node 4.1" in said(settings)


def test_diff_of_tables_of_two_releases_says_which_are_whose(live: Settings, admin: Admin, empty_database: str) -> None:
    admin.execute("DROP TABLE event_cpid, event_published, hub, log")
    node.create(admin, empty_database, "4.8")
    # event and event_eid are the same in both
    theirs = "event, event_cpid, event_eid, event_published, hub, log"
    ours = "certificate, event_scheduled, lease"
    assert f"the tables are a mixture: Node 4.8 ({theirs}); this eventflow-db ({ours})" in said(live)


def test_diff_of_a_table_of_no_release_says_so(live: Settings, admin: Admin) -> None:
    admin.execute("ALTER TABLE log CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin")
    assert any(message.endswith("; no known release (log)") for message in said(live))


def test_diff_without_tables_says_so(eventflow_server: Server, empty_database: str) -> None:
    assert "none of the tables is there" in said(Settings.from_url(eventflow_server.database_url(empty_database)))


@pytest.mark.parametrize(
    ("release", "counts"), [("node-4.1", [22, 2, 0]), ("node-4.8", [12, 3, 2]), ("eventflow-0.1.0", [11, 0, 8])]
)
def test_diff_of_an_earlier_releases_tables_gives_the_worst_first_and_collations_in_a_line_for_each_table(
    eventflow_server: Server, empty_database: str, admin: Admin, release: str, counts: list[int]
) -> None:
    create(admin, empty_database, release)
    differences = diff(Settings.from_url(eventflow_server.database_url(empty_database)), load_specs())
    severities = [d.severity for d in differences]
    assert severities == ["wrong"] * counts[0] + ["slow"] * counts[1] + ["different"] * counts[2]
    tables = [d.table for d in differences if d.item == "collations"]
    assert len(tables) == len(set(tables)) == (2 if release == "node-4.8" else 8)
    assert not [d for d in differences if "COLLATE" in (d.ours or "") and d.live]


# --- the server's time zone


@pytest.fixture
def zone(admin: Admin) -> Iterator[Callable[[str], None]]:
    """Sets the time zone of sessions that set none."""
    ((before,),) = admin.execute("SELECT @@GLOBAL.time_zone")

    def set_zone(name: str) -> None:
        admin.execute(f"SET GLOBAL time_zone = '{name}'")

    yield set_zone
    admin.execute(f"SET GLOBAL time_zone = '{before}'")


@pytest.mark.parametrize("command", ["diff", "check", "check without scratch"])
@pytest.mark.parametrize("name", ["+05:30", "-00:30", "+00:00"])
def test_diff_and_check_on_a_server_whose_time_zone_is_not_utc_warn(
    live: Settings, zone: Callable[[str], None], command: str, name: str
) -> None:
    zone(name)
    messages: list[str] = []
    if command == "diff":
        diff(live, load_specs(), messages.append)
    else:
        only, scratch = ["session.ping"], command == "check"
        prove(live, load_specs(), only=only, rows=10, scratch=scratch, report=messages.append)
    warnings = [message for message in messages if f"the server's time zone is {name}, not UTC: " in message]
    assert len(warnings) == (name != "+00:00")


@pytest.fixture
def summer_time(admin: Admin) -> Iterator[str]:
    """A time zone that is an hour from UTC in the summer alone."""
    admin.execute("INSERT INTO mysql.time_zone VALUES (7777, 'N')")
    admin.execute("INSERT INTO mysql.time_zone_name VALUES ('Test/Summer', 7777)")
    admin.execute("INSERT INTO mysql.time_zone_transition_type VALUES (7777, 0, 0, 0, 'WT'), (7777, 1, 3600, 1, 'ST')")
    day = "UNIX_TIMESTAMP(MAKEDATE(YEAR(UTC_DATE()), {}))"
    admin.execute(
        f"INSERT INTO mysql.time_zone_transition VALUES (7777, {day.format(90)}, 1), (7777, {day.format(300)}, 0)"
    )
    yield "Test/Summer"
    for table in ("time_zone", "time_zone_name", "time_zone_transition", "time_zone_transition_type"):
        admin.execute(f"DELETE FROM mysql.{table} WHERE time_zone_id = 7777")


def test_diff_on_a_server_whose_time_zone_is_utc_in_winter_alone_warns(
    live: Settings, summer_time: str, zone: Callable[[str], None]
) -> None:
    zone(summer_time)
    assert any("the server's time zone is Test/Summer, not UTC: " in message for message in said(live))
