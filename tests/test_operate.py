"""The commands that operate a database: what they do, print and exit with."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub

from .support import EVENT, Admin
from .test_cli import run

# each command is a process of its own
pytestmark = pytest.mark.slow

COMMANDS = (
    "setup", "status", "lock", "log prepare", "log archive", "log prune", "purge events", "purge certificates",
    "purge hubs", "published list", "published show", "published requeue", "published release", "scheduled list",
    "scheduled publish",
)  # fmt: skip


@pytest.fixture
def db(url: str) -> Iterator[EventflowDB]:
    """The sync API; the commands use it."""
    with EventflowDB(url) as db:
        yield db


@pytest.fixture
def dead(db: EventflowDB) -> list[str]:
    """The ids of three publications that are dead, with errors."""
    ids = db.persist_events([{**EVENT, "domain": domain} for domain in ("shop", "shop", "stock")])
    db.persist_events_published({"event_id": event_id, "publisher": "publisher"} for event_id in ids)
    for event_id, text in zip(ids, ("timeout of payment", "no such order", "timeout"), strict=True):
        db.update_event_published_to_failed(event_id, error={"text": text})
    return ids


def states(db: EventflowDB) -> dict[str, list[str]]:
    return {state: sorted(row.event_id for row in db.read_events_published(state)) for state in ("published", "failed")}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert f"Example: eventflow-db {command}" in done.stdout
    assert "Exit codes: 0" in done.stdout


def test_commands_are_those_of_the_help() -> None:
    found = re.findall(r"^  ([a-z]+) ", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert {command.split()[0] for command in COMMANDS} <= set(found)


def test_setup_makes_the_tables(empty_database: str, admin: Admin) -> None:
    url = admin.server.database_url(empty_database)
    for _ in range(2):
        assert run("setup", "--url", url).returncode == 0
    assert len(admin.execute(f"SHOW TABLES FROM `{empty_database}`")) == 9


# --- publications


def test_setup_print_gives_sql_that_makes_the_tables_with_foreign_keys_checked(
    empty_database: str, admin: Admin
) -> None:
    done = run("setup", "--print")
    assert done.returncode == 0
    admin.use(empty_database)
    for statement in done.stdout.split(";")[:-1]:
        admin.execute(statement)
    made = {row[0] for row in admin.execute("SHOW TABLES")}
    assert made == {
        "event",
        *(f"event_{name}" for name in ("cpid", "eid", "published", "scheduled")),
        "hub",
        "log",
        "certificate",
        "lease",
    }


def test_published_list_prints_a_table_or_json(url: str, dead: list[str]) -> None:
    done = run("published", "list", "--state", "failed", "--domain", "shop", "--url", url)
    assert (done.returncode, [line.split()[0] for line in done.stdout.splitlines()]) == (0, ["EVENT_ID", *dead[:2]])
    assert done.stderr == "eventflow-db: 2 failed\n"
    found = json.loads(run("published", "list", "--state", "failed", "--limit", 1, "--json", "--url", url).stdout)
    assert [(one["event_id"], one["error"]["text"]) for one in found] == [(dead[0], "timeout of payment")]


def test_published_list_by_error_and_time(url: str, dead: list[str]) -> None:
    for options, expected in (
        (["--error", "timeout"], [dead[0], dead[2]]),
        (["--error", "timeout", "--domain", "stock"], [dead[2]]),
        (["--before", "1h"], []),
        (["--before", (datetime.now(UTC) + timedelta(hours=1)).isoformat()], dead),
    ):
        done = run("published", "list", "--state", "failed", "--json", *options, "--url", url)
        assert sorted(one["event_id"] for one in json.loads(done.stdout)) == sorted(expected)


def test_published_list_of_an_unknown_state_exits_with_2(url: str) -> None:
    done = run("published", "list", "--state", "dead", "--url", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "state: must be one of" in done.stderr


def test_published_show_prints_the_error_and_the_data(url: str, dead: list[str]) -> None:
    done = run("published", "show", dead[0], "--url", url)
    assert (done.returncode, "timeout of payment" in done.stdout, '"key": "value"' in done.stdout) == (0, True, True)
    found = json.loads(run("published", "show", dead[0], "--json", "--url", url).stdout)
    assert (found["error"], found["event"]["data"]) == ({"text": "timeout of payment"}, {"key": "value"})
    assert run("published", "show", "unknown", "--url", url).returncode == 2


def test_published_requeue_by_error_does_just_those(url: str, db: EventflowDB, dead: list[str]) -> None:
    options = ("--state", "failed", "--error", "timeout", "--url", url)
    assert "2 would be requeued" in run("published", "requeue", "--dry-run", *options).stderr
    assert states(db)["failed"] == sorted(dead)
    assert json.loads(run("published", "requeue", "--json", *options).stdout) == {"requeued": 2}
    assert states(db) == {"published": sorted([dead[0], dead[2]]), "failed": [dead[1]]}


def test_published_release_of_a_consumer(url: str, db: EventflowDB) -> None:
    event_id = db.persist_event(EVENT)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    db.claim_events_published("domain", "worker")
    assert "0 released" in run("published", "release", event_id, "--consumer", "another", "--url", url).stderr
    assert "1 released" in run("published", "release", event_id, "--consumer", "worker", "--url", url).stderr
    assert states(db)["published"] == [event_id]


# --- schedules, retention, log


def test_scheduled_publish_publishes_all_that_is_due(url: str, db: EventflowDB) -> None:
    ids = db.persist_events([EVENT] * 5)
    past = datetime.now(UTC) - timedelta(minutes=1)
    db.persist_events_scheduled({"event_id": event_id, "scheduled": past} for event_id in ids)
    assert "5 scheduled" in run("scheduled", "list", "--due", "--url", url).stderr
    done = run("scheduled", "publish", "--publisher", "cron", "--limit", 2, "--json", "--url", url)
    assert json.loads(done.stdout) == ids
    assert states(db)["published"] == sorted(ids)
    assert "0 published" in run("scheduled", "publish", "--url", url).stderr


def test_purge_events_of_every_domain_in_steps(url: str, db: EventflowDB, admin: Admin, database: str) -> None:
    db.persist_events([{**EVENT, "domain": domain} for domain in ("a", "b") for _ in range(5)])
    admin.execute(f"UPDATE `{database}`.event SET timestamp = UTC_TIMESTAMP() - INTERVAL 10 DAY")
    kept = db.persist_event(EVENT)
    assert "10 would be purged" in run("purge", "events", "--before", "5d", "--dry-run", "--url", url).stderr
    assert json.loads(run("purge", "events", "--before", "5d", "--domain", "a", "--json", "--url", url).stdout) == {
        "purged": 5
    }
    assert "5 purged" in run("purge", "events", "--before", "5d", "--batch", 2, "--pause", 0.01, "--url", url).stderr
    assert admin.execute(f"SELECT id FROM `{database}`.event") == ((kept,),)


def test_purge_hubs_and_certificates(
    url: str, db: EventflowDB, hub: NewHub, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    db.persist_hub(hub)
    db.update_hub_to_quit(hub["id"])
    db.persist_certificate(certificate)
    db.revoke_certificate(certificate["id"])
    assert "0 purged" in run("purge", "hubs", "--before", "1h", "--url", url).stderr
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert "1 purged" in run("purge", "hubs", "--before", later, "--url", url).stderr
    assert "1 purged" in run("purge", "certificates", "--before", later, "--url", url).stderr


@pytest.mark.parametrize("before", [None, "90", "d", "yesterday"])
def test_purge_without_a_time_exits_with_2(url: str, before: str | None) -> None:
    done = run("purge", "events", *(["--before", before] if before else []), "--url", url)
    assert (done.returncode, "--before" in done.stderr) == (2, True)


def test_log_prepare_archive_and_prune(empty_database: str, admin: Admin) -> None:
    url = admin.server.database_url(empty_database)
    run("setup", "--url", url)
    assert "3 partitions made" in run("log", "prepare", 3, "--url", url).stderr
    assert json.loads(run("log", "archive", "2020-01-02", "--json", "--url", url).stdout) == {"partitions made": 0}
    later = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert "2 partitions would be dropped" in run("log", "prune", "--before", later, "--dry-run", "--url", url).stderr
    assert "2 partitions dropped" in run("log", "prune", "--before", later, "--url", url).stderr


# --- lock


def test_lock_runs_the_command_and_passes_its_exit_code_on(url: str, tmp_path: Path) -> None:
    done = run("lock", "nightly", "--url", url, "--", sys.executable, "-c", "print('ran'); raise SystemExit(7)")
    assert (done.returncode, done.stdout) == (7, "ran\n")
    assert run("lock", "nightly", "--url", url, "--", "no-such-command").returncode == 2


def test_lock_that_somebody_holds_exits_with_1_and_runs_nothing(url: str, db: EventflowDB) -> None:
    with db.lock("nightly"):
        done = run("lock", "nightly", "--url", url, "--", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (1, "")


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command, once what it runs says that it runs."""
    command = [sys.executable, "-m", "eventflow_db.cli", *arguments, "--", sys.executable, "-c", SLEEPS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    return process


SLEEPS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit('terminated'))
print('runs', flush=True)
time.sleep(30)
"""


@pytest.mark.one_server("no connection has a lock in a cluster")
def test_lock_that_is_lost_terminates_the_command(url: str, admin: Admin) -> None:
    with start("lock", "nightly", "--url", url) as process:
        holder = admin.execute("SELECT IS_USED_LOCK('nightly')")[0][0]
        admin.execute(f"KILL CONNECTION {holder}")
        _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert said.startswith("terminated\n")
    assert "could not lock" in said


def test_lock_that_is_terminated_terminates_the_command(url: str) -> None:
    with start("lock", "nightly", "--url", url) as process:
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (143, "terminated\n")


# --- status


def test_status_prints_findings_and_exits_with_1_on_request(url: str, dead: list[str]) -> None:
    done = run("status", "--url", url)
    assert done.returncode == 0
    assert "! 2 of shop are dead" in done.stdout
    assert "    eventflow-db published requeue --state failed --domain shop\n" in done.stdout
    assert run("status", "--exit-code", "--url", url).returncode == 1
    found = json.loads(run("status", "--json", "--url", url).stdout)
    assert {"what", "cure"} == set(found["findings"][0])
    assert {one["state"]: one["count"] for one in found["publications"] if one["domain"] == "shop"} == {"failed": 2}
    assert "# TYPE eventflow_publications gauge" in run("status", "--prometheus", "--url", url).stdout


def test_status_of_no_server_exits_with_2(url: str) -> None:
    assert run("status", "--url", re.sub(r":\d+/", ":1/", url)).returncode == 2


def test_status_watch_fits_a_terminal_goes_on_without_a_server_and_ends_with_ctrl_c(
    url: str, db: EventflowDB, dead: list[str]
) -> None:
    many = db.persist_events([{**EVENT, "domain": f"domain-{number:02}"} for number in range(30)])
    db.persist_events_published({"event_id": event_id, "publisher": "publisher"} for event_id in many)
    for event_id in many:
        db.update_event_published_to_orphan(event_id)
    shown = watched(url)
    assert "domain-0" in shown
    lines = shown.split("\x1b[H")[-1].replace("\r", "").split("\n")
    assert len(lines) <= 24
    assert max(len(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line)) for line in lines) <= 80


def watched(url: str) -> str:
    """What a look of four seconds shows on a terminal of 80 by 24; it ends by Ctrl-C, with 0."""
    process, terminal = pty.fork()
    if process == 0:
        environment: dict[str, Any] = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        os.execve(
            sys.executable, [sys.executable, "-m", "eventflow_db.cli", "status", "--watch", "--url", url], environment
        )
    shown = b""
    until = time.monotonic() + 20
    interrupted = False
    while time.monotonic() < until:
        try:
            if select.select([terminal], [], [], 0.5)[0]:
                shown += os.read(terminal, 65536)
        except OSError:
            break
        if not interrupted and b"dead" in shown and shown.count(b"\x1b[H") > 1:
            os.kill(process, signal.SIGINT)
            interrupted = True
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    os.close(terminal)
    return shown.decode()
