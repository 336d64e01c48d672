"""`diff`: real differences between live tables and schema.sql, each with the line of ours; nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.diff import Difference, diff
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

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
            ("event", "column pid", "varchar(64) NOT NULL COLLATE ascii_bin", "varchar(32) NOT NULL COLLATE ascii_bin"),
            "pid VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE hub MODIFY quit DATETIME(3) NULL",
            ("hub", "column quit", "datetime NULL", "datetime(3) NULL"),
            "quit DATETIME NULL,",
        ),
        (
            "ALTER TABLE event_published MODIFY publisher VARCHAR(64) NULL",
            ("event_published", "column publisher", "varchar(64) NOT NULL COLLATE ascii_bin", "varchar(64) NULL COLLATE ascii_bin"),
            "publisher VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE event_published ALTER publisher SET DEFAULT 'us'",
            ("event_published", "column publisher", "varchar(64) NOT NULL COLLATE ascii_bin", "varchar(64) NOT NULL DEFAULT us COLLATE ascii_bin"),
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
            ("event", "column name", "varchar(64) NOT NULL COLLATE ascii_bin", "varchar(64) NOT NULL COLLATE latin1_swedish_ci"),
            "name VARCHAR(64) NOT NULL,",
        ),
        (
            "ALTER TABLE hub DEFAULT CHARACTER SET latin1 COLLATE latin1_bin",
            ("hub", "table", "ENGINE InnoDB COLLATE ascii_bin", "ENGINE InnoDB COLLATE latin1_bin"),
            "CREATE TABLE IF NOT EXISTS hub (",
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
