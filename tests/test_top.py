"""`top`: what the queries take, by their tags, from a slow query log and from performance_schema."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.slow_log import OTHERS, Usage, from_log
from eventflow_db.query import load_specs

from .support import EVENT, Admin

HASH = load_specs()["event.read"].hash
# as MySQL 9.7 and MariaDB 11.8 write them
MYSQL = f"""\
/usr/sbin/mysqld, Version: 9.7.4. started with:
Tcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock
Time                 Id Command    Argument
# Time: 2026-11-26T22:28:56.936762Z
# User@Host: root[root] @  [172.17.0.1]  Id:  1061
# Query_time: 0.250000  Lock_time: 0.000002 Rows_sent: 1  Rows_examined: 3
use eventflow;
SET timestamp=1795732136;
SELECT /*eventflow:event.read@{HASH}*/ id FROM event WHERE id = 'x';
# Time: 2026-11-26T22:28:56.938914Z
# User@Host: root[root] @  [172.17.0.1]  Id:  1061
# Query_time: 0.000003  Lock_time: 0.000000 Rows_sent: 0  Rows_examined: 0
SET timestamp=1795732136;
# administrator command: Quit;
"""
MARIADB = f"""\
# Time: 261126 22:28:57
# User@Host: root[root] @  [172.17.0.1]
# Thread_id: 1029  Schema: eventflow  QC_hit: No
# Query_time: 0.750000  Lock_time: 0.000044  Rows_sent: 2  Rows_examined: 5
# Rows_affected: 0  Bytes_sent: 873
SET timestamp=1795732137;
SELECT /*eventflow:event.read@{HASH}*/ id FROM event WHERE id = 'x
/*eventflow:log.persist@01234567*/';
# User@Host: root[root] @  [172.17.0.1]
# Thread_id: 1029  Schema: eventflow  QC_hit: No
# Query_time: 0.000205  Lock_time: 0.000044  Rows_sent: 5  Rows_examined: 5
# Rows_affected: 0  Bytes_sent: 873
SET timestamp=1795732137;
SELECT '/*eventflow:log.persist@01234567*/';
"""


def summed(text: str) -> dict[str, Usage]:
    """What a log is summed up to, by query."""
    return {usage.query: usage for usage in from_log(io.BytesIO(text.encode()))}


def test_log_of_mysql_is_summed_up_by_tag() -> None:
    found = summed(MYSQL)
    assert found["event.read"] == Usage("event.read", HASH, 1, 0.25, 0.25, 3, 1, 0)
    assert found[OTHERS].calls == 1


def test_log_of_mariadb_is_summed_up_by_tag() -> None:
    found = summed(MARIADB)
    assert found["event.read"] == Usage("event.read", HASH, 1, 0.75, 0.75, 5, 2, 0)


def test_runs_of_one_query_are_added_and_its_versions_are_not() -> None:
    log = MYSQL + MARIADB + MYSQL.replace(HASH, "01234567")
    found = [usage for usage in from_log(io.BytesIO(log.encode())) if usage.query == "event.read"]
    assert [(usage.hash, usage.calls, usage.seconds, usage.longest) for usage in found] == [
        (HASH, 2, 1.0, 0.75), ("01234567", 1, 0.25, 0.25),
    ]  # fmt: skip


def test_tag_in_a_value_counts_for_nothing() -> None:
    assert set(summed(MARIADB)) == {"event.read", OTHERS}


@pytest.mark.parametrize("text", ["", "no log\n", "# Query_time: x\n", "# Query_time: 1.0  Rows_sent: 1\n"])
def test_log_that_is_none_or_cut_off_gives_no_query(text: str) -> None:
    assert set(summed(text)) <= {OTHERS}


def test_log_of_long_lines_is_read_in_little_memory() -> None:
    statement = f"SELECT /*eventflow:event.read@{HASH}*/ '{'x' * 20_000_000}';\n"
    file = io.BytesIO((MYSQL.replace("use eventflow;\n", "") + f"# Query_time: 1.0\n{statement}" * 3).encode())
    tracemalloc.start()
    found = {usage.query: usage.calls for usage in from_log(file)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["event.read"] == 4
    assert peak < 1_000_000


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command."""
    command = [sys.executable, "-m", "eventflow_db.cli", "top", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_top_of_a_log_names_the_line_of_each_query_and_other_versions(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    log.write_text(MARIADB + MYSQL.replace(HASH, "01234567"))
    done = run("--log", log)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[1].split()[:3] == ["event.read", "1", "0.750"]
    assert lines[1].rstrip().endswith(f"sql/event/queries.sql:{load_specs()['event.read'].line}")
    assert lines[2].rstrip().endswith("another version (01234567)")


@pytest.mark.slow
def test_top_of_the_server_counts_what_ran(settings: Settings, url: str, admin: Admin) -> None:
    is_mariadb = "MariaDB" in str(admin.execute("SELECT VERSION()")[0][0])
    if not is_mariadb:
        # it may be full of other tests' statements
        admin.execute("TRUNCATE TABLE performance_schema.events_statements_summary_by_digest")
    with EventflowDB(settings) as db:
        for _ in range(3):
            db.persist_event(EVENT)
    done = run("--json", "--limit", 1000, "--url", url)
    if is_mariadb:
        assert (done.returncode, done.stdout) == (2, "")
        assert "MariaDB keeps no tags but in its slow log" in done.stderr
        return
    (usage,) = [one for one in json.loads(done.stdout) if one["query"] == "event.persist"]
    assert usage["calls"] >= 3
    assert 0 < usage["longest"] <= usage["seconds"]
