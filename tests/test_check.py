"""`check`: the real queries are proven, quickly, and the server is left as it was."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pymysql
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check import samples
from eventflow_db.check.fill import fill
from eventflow_db.check.prove import prove
from eventflow_db.check.scratch import clean, leftovers, scratch_database
from eventflow_db.check.server import Inspector
from eventflow_db.query import load_specs
from eventflow_db.query.parameters import TYPES
from eventflow_db.testing import Server

from .support import EVENT, Admin, count, eventually, granted, scratches, statements


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


@pytest.mark.slow
def test_check_tells_what_a_killed_run_has_left_and_clean_drops_it(
    eventflow_server: Server, check_settings: Settings, admin: Admin
) -> None:
    before = scratches(admin)
    with checking(eventflow_server, "--rows", "200000"):
        assert eventually(lambda: statements(admin, "INSERT INTO `event"), 60)
        # what a run is at work in is none
        with Inspector(check_settings) as inspector:
            assert leftovers(inspector) == []
    assert eventually(lambda: not statements(admin, "INSERT INTO `event"), 60)
    (left,) = scratches(admin) - before
    reports: list[str] = []
    prove(check_settings, load_specs(), only=["event.read"], rows=10, report=reports.append)
    assert f"runs that were killed have left {left}: eventflow-db check --clean drops them" in reports
    with Inspector(check_settings) as inspector:
        assert left in clean(inspector)
    assert left not in scratches(admin)


def test_clean_leaves_a_database_of_others_that_has_such_a_name(check_settings: Settings, admin: Admin) -> None:
    name = "eventflow_check_" + "0" * 16
    admin.execute(f"CREATE DATABASE {name}")
    try:
        admin.execute(f"CREATE TABLE {name}.theirs (id INT)")
        with Inspector(check_settings) as inspector:
            assert name not in clean(inspector)
        assert name in scratches(admin)
    finally:
        admin.execute(f"DROP DATABASE {name}")


def test_check_by_an_account_that_may_not_skip_the_binary_log_fills_fewer_rows(
    check_settings: Settings, admin: Admin
) -> None:
    is_logged = admin.execute("SELECT @@GLOBAL.log_bin") == ((1,),)
    reports: list[str] = []
    with granted(admin, check_settings, "ALL ON `eventflow\\_check\\_%`.*") as checker:
        (finding,) = prove(checker, load_specs(), only=["event.read"], report=reports.append)
    assert finding.ok
    assert reports[-1].endswith(f", {'2,000' if is_logged else '20,000'} rows in event")


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
    with (
        granted(admin, check_settings, "SELECT ON *.*") as reader,
        pytest.raises(pymysql.err.OperationalError, match="1044"),
    ):
        prove(reader, load_specs(), only=["event.read"], rows=12, keep=True)
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
    with granted(admin, settings, f"SELECT ON `{settings.database}`.*") as reader:
        findings = {finding.query: finding for finding in prove(reader, load_specs(), scratch=False)}
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


@pytest.mark.slow
@pytest.mark.parametrize("other", [2, 50, 20_000])
def test_check_without_scratch_proves_every_query_on_rows_of_which_most_are_alike(
    eventflow_server: Server, empty_database: str, other: int
) -> None:
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
    with Inspector(settings, empty_database) as inspector:
        fill(inspector, 20_000, dict(alike(inspector, other)))
    findings = prove(settings, load_specs(), scratch=False)
    assert [finding for finding in findings if finding.problems] == []
    assert {finding.query for finding in findings if finding.doubts} <= {
        "event_scheduled.reschedule_event", "event_scheduled.cancel",
    }  # fmt: skip


def alike(inspector: Inspector, other: int) -> Iterator[tuple[str, str]]:
    """The SQL of values that are the same in all rows but one in so many: open, due, of one domain and process."""
    for column in (column for columns in inspector.table_columns().values() for column in columns):
        is_name = column.kind == "varchar" and not column.primary and not column.parent
        if is_name:
            yield f"{column.table}.{column.name}", f"IF(n MOD {other} = 1, CONCAT('other', n), 'most')"
        # of hubs, most have quit
        elif column.nullable and column.kind == "datetime" and column.table != "hub":
            yield f"{column.table}.{column.name}", f"IF(n MOD {other} = 1, CURRENT_TIMESTAMP(), NULL)"


def test_check_without_scratch_says_nothing_of_scans_of_few_rows(settings: Settings, admin: Admin) -> None:
    admin.use(settings.database)
    for number in range(400):
        admin.execute(f"INSERT INTO hub VALUES ('hub-{number}', DEFAULT, '::1', 1, '::1', 1, NULL)")
    admin.execute("ANALYZE TABLE hub")
    (finding,) = prove(settings, load_specs(), only=["hub.read_online"], scratch=False)
    assert finding.ok
    assert finding.plan == ["scans hub"]


def test_samples_of_live_rows_have_the_value_that_most_rows_have_and_one_that_few_have(settings: Settings) -> None:
    spec = load_specs()["event.read_domains"]
    with Inspector(settings, settings.database) as inspector:
        fill(inspector, 5_000, {"event.domain": "IF(n BETWEEN 3 AND 3000, 'most', CONCAT('few', n))"})
        found = samples.sample_rows(inspector, spec, ["event"], {"event": ["domain"]}, counting=False)
    assert [sample["domain"] for sample in found] == ["most", "few0"]


@pytest.mark.slow
def test_check_without_scratch_on_a_read_only_server_judges_the_reads(settings: Settings, admin: Admin) -> None:
    with EventflowDB(settings) as db:
        db.persist_event({**EVENT, "id": "event"})
    with granted(admin, settings, f"SELECT, INSERT, UPDATE, DELETE ON `{settings.database}`.*") as writer:
        admin.execute("SET GLOBAL read_only = 1")
        try:
            findings = {finding.query: finding for finding in prove(writer, load_specs(), scratch=False)}
        finally:
            admin.execute("SET GLOBAL read_only = 0")
    assert [finding for finding in findings.values() if finding.problems] == []
    assert findings["event.read"].plan == ["event.PRIMARY (id)"]
    assert [doubt for doubt in findings["event.delete"].doubts if doubt.endswith("(1290)")]


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
