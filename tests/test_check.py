"""`check`: the real queries are proven, quickly, and the server is left as it was."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import pymysql
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check import samples
from eventflow_db.check.prove import prove
from eventflow_db.check.scratch import scratch_database
from eventflow_db.check.server import Inspector
from eventflow_db.query import load_specs
from eventflow_db.query.parameters import TYPES
from eventflow_db.testing import Server

from .support import EVENT, Admin, count, eventually, scratches, statements


def test_check_proves_every_query_within_15_seconds(check_settings: Settings) -> None:
    started = time.monotonic()
    findings = prove(check_settings, load_specs())
    took = time.monotonic() - started
    assert [finding for finding in findings if finding.problems or finding.doubts] == []
    assert {finding.query for finding in findings} == set(load_specs())
    assert took < 15


@pytest.mark.parametrize("rows", [200, 5_000])
@pytest.mark.slow
def test_check_proves_every_query_on_other_numbers_of_rows(check_settings: Settings, rows: int) -> None:
    findings = prove(check_settings, load_specs(), rows=rows)
    assert [finding for finding in findings if finding.problems] == []


def test_check_of_one_query_takes_less_than_2_seconds(check_settings: Settings) -> None:
    prove(check_settings, load_specs(), only=["event.read"], keep=True)
    started = time.monotonic()
    (finding,) = prove(check_settings, load_specs(), only=["event.read"], keep=True)
    assert finding.plan == ["event.PRIMARY (id)"]
    assert time.monotonic() - started < 2


def test_check_drops_its_scratch_database(check_settings: Settings, admin: Admin) -> None:
    before = scratches(admin)
    prove(check_settings, load_specs(), only=["event.read"], rows=10)
    assert scratches(admin) == before


def test_check_drops_its_scratch_database_when_it_fails(check_settings: Settings, admin: Admin) -> None:
    before = scratches(admin)
    with (
        Inspector(check_settings) as inspector,
        pytest.raises(RuntimeError),
        scratch_database(inspector, load_specs(), 10) as name,
    ):
        assert name in scratches(admin)
        raise RuntimeError
    assert scratches(admin) == before


@contextlib.contextmanager
def checking(eventflow_server: Server, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run of `check` in a process of its own."""
    command = [sys.executable, "-m", "eventflow_db.cli", "check", "--url", eventflow_server.url, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("option", ["--scratch", "--keep-scratch"])
@pytest.mark.slow
def test_check_drops_its_scratch_database_when_it_is_terminated(
    eventflow_server: Server, admin: Admin, option: str
) -> None:
    before = scratches(admin)
    with checking(eventflow_server, "--rows", "200000", option) as process:
        assert eventually(lambda: statements(admin, "INSERT INTO `event"), 60)
        assert scratches(admin) - before
        process.terminate()
        process.wait(60)
    assert scratches(admin) == before


@pytest.fixture
def kept(check_settings: Settings, admin: Admin) -> Iterator[str]:
    """The name of the scratch database that is kept for 12 rows, which is there."""
    before = scratches(admin)
    prove(check_settings, load_specs(), only=["event.read"], rows=12, keep=True)
    (name,) = scratches(admin) - before
    yield name
    admin.execute(f"DROP DATABASE IF EXISTS `{name}`")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.slow
def test_check_interrupted_while_another_run_makes_the_kept_database_leaves_it(
    eventflow_server: Server, admin: Admin, kept: str, number: signal.Signals
) -> None:
    admin.execute(f"RENAME TABLE `{kept}`.eventflow_check_complete TO `{kept}`.eventflow_check_making")
    admin.execute(f"SELECT GET_LOCK('{kept}', 0)")
    with checking(eventflow_server, "--rows", "12", "--keep-scratch") as process:
        assert eventually(lambda: statements(admin, "GET_LOCK"), 60)
        process.send_signal(number)
        process.wait(60)
    assert count(admin, kept, "event") == 12
    assert eventually(lambda: not statements(admin, "GET_LOCK"), 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_check_interrupted_while_it_makes_the_kept_database_leaves_it_to_the_run_that_waits(
    eventflow_server: Server, admin: Admin, number: signal.Signals
) -> None:
    before = scratches(admin)
    options = ("event.read", "--rows", "100000", "--keep-scratch")
    with checking(eventflow_server, *options) as first:
        assert eventually(lambda: statements(admin, "INSERT INTO `event"), 60)
        with checking(eventflow_server, *options) as second:
            assert eventually(lambda: statements(admin, "GET_LOCK"), 60)
            first.send_signal(number)
            assert second.wait(100) == 0
            first.wait(60)
    (name,) = scratches(admin) - before
    assert count(admin, name, "eventflow_check_complete") == 0
    admin.execute(f"DROP DATABASE `{name}`")


def test_check_leaves_a_database_that_has_the_name_of_a_kept_one(
    check_settings: Settings, admin: Admin, kept: str
) -> None:
    admin.execute(f"DROP TABLE `{kept}`.eventflow_check_complete")
    with pytest.raises(errors.ConflictError, match=f"{kept} was not made by check"):
        prove(check_settings, load_specs(), only=["event.read"], rows=12, keep=True)
    assert count(admin, kept, "event") == 12


def test_check_by_an_account_that_may_make_no_database_raises_and_drops_none(
    check_settings: Settings, admin: Admin, kept: str
) -> None:
    admin.execute("DROP USER IF EXISTS 'reader'@'%'")
    admin.execute("CREATE USER 'reader'@'%' IDENTIFIED BY 'reading'")
    try:
        admin.execute("GRANT SELECT ON *.* TO 'reader'@'%'")
        reader = msgspec.structs.replace(check_settings, user="reader", password="reading")
        with pytest.raises(pymysql.err.OperationalError, match="1044"):
            prove(reader, load_specs(), only=["event.read"], rows=12, keep=True)
    finally:
        admin.execute("DROP USER 'reader'@'%'")
    assert count(admin, kept, "event") == 12


def test_check_takes_a_kept_scratch_database_only_when_it_is_complete(
    check_settings: Settings, admin: Admin, kept: str
) -> None:
    admin.execute(f"RENAME TABLE `{kept}`.eventflow_check_complete TO `{kept}`.eventflow_check_making")
    admin.execute(f"DELETE FROM `{kept}`.event")
    (finding,) = prove(check_settings, load_specs(), only=["event.read"], rows=12, keep=True)
    assert finding.doubts == []


def test_check_without_scratch_proves_on_the_live_rows(settings: Settings, admin: Admin) -> None:
    with EventflowDB(settings) as db:
        for number in range(3):
            db.persist_event({**EVENT, "id": f"event-{number}"})
    before = tables(admin, settings)
    (finding,) = prove(settings, load_specs(), only=["event.read"], scratch=False)
    assert (finding.plan, finding.problems, finding.doubts) == (["event.PRIMARY (id)"], [], [])
    assert tables(admin, settings) == before


def test_check_without_scratch_only_reads(settings: Settings, admin: Admin, eventflow_server: Server) -> None:
    with EventflowDB(settings) as db:
        db.persist_event({**EVENT, "id": "event"})
    databases = admin.execute("SHOW DATABASES")
    before = tables(admin, settings)
    findings = prove(settings, load_specs(), scratch=False)
    assert {finding.query for finding in findings} == set(load_specs())
    assert [finding for finding in findings if "the server says" in str(finding.problems)] == []
    assert tables(admin, settings) == before
    assert admin.execute("SHOW DATABASES") == databases


def test_check_without_scratch_by_an_account_that_only_reads(
    settings: Settings, admin: Admin, eventflow_server: Server
) -> None:
    with EventflowDB(settings) as db:
        db.persist_event({**EVENT, "id": "event"})
    admin.execute("DROP USER IF EXISTS 'reader'@'%'")
    admin.execute("CREATE USER 'reader'@'%' IDENTIFIED BY 'reading'")
    try:
        admin.execute(f"GRANT SELECT ON `{settings.database}`.* TO 'reader'@'%'")
        reader = msgspec.structs.replace(settings, user="reader", password="reading")
        findings = {finding.query: finding for finding in prove(reader, load_specs(), scratch=False)}
    finally:
        admin.execute("DROP USER 'reader'@'%'")
    assert set(findings) == set(load_specs())
    assert (findings["event.read"].plan, findings["event.read"].doubts) == (["event.PRIMARY (id)"], [])
    for name in ("event.persist", "event.delete", "event_published.update_to_success"):
        assert findings[name].problems == []
        assert [doubt for doubt in findings[name].doubts if doubt.endswith("(1142)")]


def tables(admin: Admin, settings: Settings) -> list[object]:
    """What the tables hold and how they are made."""
    admin.use(settings.database)
    names = [str(name) for (name,) in admin.execute("SHOW TABLES")]
    made = [admin.execute(f"SHOW CREATE TABLE `{name}`") for name in names]
    return [*made, admin.execute(f"CHECKSUM TABLE {', '.join(names)}")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("ADD note VARCHAR(64) NOT NULL", "event.note is NOT NULL without a default there, and gets no value (1364)"),
        (
            "ALTER timestamp DROP DEFAULT",
            "event.timestamp is NOT NULL without a default there, and gets no value (1364)",
        ),
        ("ADD note VARCHAR(64) NULL", None),
        ("ADD note VARCHAR(64) NOT NULL DEFAULT ''", None),
        ("ADD note VARCHAR(99) AS (CONCAT(id, name)) STORED", None),
        ("ADD note BIGINT NOT NULL AUTO_INCREMENT UNIQUE", None),
    ],
)
def test_check_without_scratch_finds_a_column_that_an_insert_has_to_give_a_value(
    eventflow_server: Server, empty_database: str, admin: Admin, change: str, problem: str | None
) -> None:
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
    admin.execute(f"ALTER TABLE `{empty_database}`.event {change}")
    (finding,) = prove(settings, load_specs(), only=["event.persist"], scratch=False)
    assert finding.problems == ([problem] if problem else [])


def test_check_without_scratch_on_empty_tables_is_in_doubt(settings: Settings) -> None:
    (finding,) = prove(settings, load_specs(), only=["hub.read"], scratch=False)
    assert finding.doubts == ["a table of it has no rows here, by which a plan could be judged"]


def test_every_parameter_type_has_samples() -> None:
    for name in TYPES:
        samples.sample_value("x", TYPES[name], {})


def test_prepare_gives_parameters_and_columns(check_settings: Settings) -> None:
    specs = load_specs()
    with Inspector(check_settings) as inspector, scratch_database(inspector, specs):
        prepared = inspector.prepare(b"SELECT id, rid, timestamp, 1 AS one FROM event WHERE id = ? AND pid = ?")
        assert prepared is not None
        assert prepared.parameters == 2
        columns = [(column.name, column.type, column.nullable) for column in prepared.columns]
        assert columns[:3] == [
            ("id", "varchar(64)", False), ("rid", "varchar(64)", True), ("timestamp", "datetime(3)", False),
        ]  # fmt: skip
        assert inspector.execute("SELECT 1") == [("1",)], "the session goes on"
        counts = inspector.execute("SHOW SESSION STATUS LIKE 'Com_stmt_%'")
        assert ("Com_stmt_prepare", "1") in counts
        assert ("Com_stmt_close", "1") in counts
