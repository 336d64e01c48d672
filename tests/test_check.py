"""`check`: the real queries are proven, quickly, and the server is left as it was."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.check import samples
from eventflow_db.check.prove import prove
from eventflow_db.check.scratch import scratch_database
from eventflow_db.check.server import Inspector
from eventflow_db.query import load_specs
from eventflow_db.query.parameters import TYPES
from eventflow_db.testing import Server

from .support import EVENT, Admin, eventually, scratches, statements


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


@pytest.mark.slow
def test_check_drops_its_scratch_database_when_it_is_terminated(check_settings: Settings, admin: Admin) -> None:
    before = scratches(admin)
    url = f"mysql://{check_settings.user}:{check_settings.password}@{check_settings.host}:{check_settings.port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "eventflow_db.cli", "check", "--url", url, "--rows", "200000"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert eventually(lambda: statements(admin, "INSERT INTO `event"), 60)
        assert scratches(admin) - before
        process.terminate()
        process.wait(60)
    finally:
        process.kill()
    assert scratches(admin) == before


def test_check_takes_a_kept_scratch_database_only_when_it_is_complete(check_settings: Settings, admin: Admin) -> None:
    before = scratches(admin)
    prove(check_settings, load_specs(), only=["event.read"], rows=11, keep=True)
    (kept,) = scratches(admin) - before
    admin.execute(f"DROP TABLE `{kept}`.eventflow_check_complete")
    admin.execute(f"DELETE FROM `{kept}`.event")
    (finding,) = prove(check_settings, load_specs(), only=["event.read"], rows=11, keep=True)
    assert finding.doubts == []
    admin.execute(f"DROP DATABASE `{kept}`")


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
