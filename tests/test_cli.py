"""The command eventflow-db: exit codes, what it prints where, in a pipe and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.query import load_specs

from .conftest import Admin
from .damage import Edit, edited_copy

pytestmark = pytest.mark.slow  # each command is a process of its own

COMMANDS = ("check", "diff", "queries", "explain", "contract")
BROKEN = Edit("event/queries.sql", "read_by_eid", "WHERE event_eid.eid = ", "WHERE LOWER(event_eid.eid) = ")
FIXED = Edit("event/queries.sql", "read", "FROM event", "FROM event -- ours")


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTFLOW_MYSQL")}
    return subprocess.run(
        [sys.executable, "-m", "eventflow_db.cli", *map(str, arguments)],
        env=environment | variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def check_url(check_settings: Settings) -> str:
    """The URL of the server, in a database that need not be there."""
    s = check_settings
    return f"mysql://{s.user}:{s.password}@{s.host}:{s.port}/{s.database}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"Example: eventflow-db {command}" in done.stdout
    assert "Exit codes: 0" in done.stdout


def test_help_lists_every_command() -> None:
    assert all(f"  {command} " in run("--help").stdout for command in COMMANDS)


def test_version_is_the_packages() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"eventflow-db {version('eventflow-db')}\n")


def test_without_typer_says_what_to_install() -> None:
    program = "import sys; sys.modules['typer'] = None; from eventflow_db.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "eventflow-db: needs typer: pip install 'eventflow-db[cli]'\n",
    )


# --- check


def test_check_one_query(check_url: str) -> None:
    done = run("check", "event.read", "--keep-scratch", "--url", check_url)
    assert (done.returncode, done.stdout) == (0, "ok   event.read  event.PRIMARY (id)\n")
    assert "1 of 1 queries proven" in done.stderr


def test_check_of_a_table(check_url: str) -> None:
    done = run("check", "hub", "--keep-scratch", "--url", check_url)
    assert done.returncode == 0
    names = [name for name in load_specs() if name.startswith("hub.")]
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", name] for name in names]


def test_check_of_everything(check_url: str) -> None:
    done = run("check", "--keep-scratch", "--url", check_url)
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", name] for name in load_specs()]


def test_check_of_a_broken_query(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, BROKEN)
    done = run("check", "event.read_by_eid", "--keep-scratch", "--url", check_url, "--sql", copy)
    assert done.returncode == 1
    head, problem = done.stdout.splitlines()
    assert head.startswith("FAIL event.read_by_eid  ")
    assert head.endswith(f"{copy}/event/queries.sql:158")
    assert problem.startswith("     scans event_eid")
    assert problem.endswith("promised: event_eid.idx_eid (eid)")


def test_check_json(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, BROKEN)
    done = run("check", "event.read_by_eid", "--json", "--keep-scratch", "--url", check_url, "--sql", copy)
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)
    assert (finding["query"], finding["ok"], finding["line"]) == ("event.read_by_eid", False, 158)
    assert finding["promised"] == "event_eid.idx_eid (eid)"


def test_check_of_what_cannot_be_loaded(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, Edit("event/queries.sql", "read", "-- Read an event.\n", ""))
    done = run("check", "--url", check_url, "--sql", copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{copy}/event/queries.sql:17: query event.read: lacks a line" in done.stderr
    (finding,) = json.loads(run("check", "--json", "--url", check_url, "--sql", copy).stdout)
    assert "query event.read: lacks a line" in finding["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--url", "mysql://root@127.0.0.1:1/x?connect_timeout=1"), "could not connect: Connection refused"),
        (("--url", "postgres://x"), "url: must be of the form mysql://"),
        (("event.reed",), "no query event.reed; did you mean event.read"),
        (("--sql", "/nowhere"), "does not exist"),
        (("--rows", "0"), "--rows"),
    ],
)
def test_check_that_could_not_check(arguments: tuple[str, ...], problem: str) -> None:
    done = run("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr


def test_check_with_a_wrong_password_does_not_repeat_it(check_settings: Settings) -> None:
    s = check_settings
    done = run("check", "--url", f"mysql://{s.user}:open-sesame@{s.host}:{s.port}/x")
    assert done.returncode == 2
    assert "open-sesame" not in done.stdout + done.stderr


def test_check_without_scratch_on_empty_tables_could_not_check(settings: Settings) -> None:
    url = f"mysql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.database}"
    done = run("check", "event.read", "--no-scratch", "--url", url)
    assert done.returncode == 2
    assert done.stdout.startswith("?    event.read")
    assert "1 could not be judged" in done.stderr


# --- diff


def test_diff(empty_database: str, admin: Admin, check_settings: Settings) -> None:
    s = check_settings
    url = f"mysql://{s.user}:{s.password}@{s.host}:{s.port}/{empty_database}"
    with EventflowDB(url) as db:
        db.setup_table_schemas()
    assert run("diff", "--url", url).returncode == 0
    admin.execute(f"ALTER TABLE `{empty_database}`.event DROP INDEX idx_name")
    done = run("diff", "--url", url)
    assert done.returncode == 1
    assert done.stdout == (
        f"event, index idx_name  {os.path.relpath(load_specs()['event.create_table'].path)}:21\n"
        "     ours: (name, timestamp)\n     live: none\n"
    )
    (difference,) = json.loads(run("diff", "--json", "--url", url).stdout)
    assert difference["item"] == "index idx_name"
    assert run("diff", "--url", f"{url}_none").returncode == 2


# --- queries


def test_queries_lists_every_query_on_a_line() -> None:
    head, *lines = run("queries").stdout.splitlines()
    assert head.split() == ["QUERY", "RETURNS", "INDEX", "IDEMPOTENT", "SOURCE"]
    assert [line.split()[0] for line in lines] == list(load_specs())


def test_queries_of_a_table() -> None:
    assert {line.split(".")[0] for line in run("queries", "hub").stdout.splitlines()[1:]} == {"hub"}


def test_queries_of_the_root_directory_shows_whole_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir("/")
    spec = load_specs()["hub.read"]
    assert f"{spec.path}:{spec.line}" in run("queries", "hub.read").stdout.split()


def test_queries_shows_one() -> None:
    shown = run("queries", "event.read").stdout
    spec = load_specs()["event.read"]
    for text in (spec.purpose, "id: identifier", "Event", spec.error.code, "event.PRIMARY (id)", "yes", "queries.sql:17", "WHERE id = :id;"):  # fmt: skip
        assert text in shown


def test_queries_json() -> None:
    entries = json.loads(run("queries", "--json").stdout)
    assert [entry["name"] for entry in entries] == list(load_specs())
    assert entries[0]["param"]["id"] == "identifier"


def test_queries_shows_where_an_overlay_is(tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, FIXED)
    (copy / "hub" / "queries.sql").unlink()
    sources = {line.split()[0]: line.split()[-1] for line in run("queries", "--sql", copy).stdout.splitlines()}
    assert sources["event.read"] == f"{copy}/event/queries.sql:17"
    assert not sources["hub.read"].startswith(str(tmp_path))
    other = run("queries", EVENTFLOW_MYSQL_SQL_PATH=str(copy)).stdout
    assert f"{copy}/event/queries.sql:17" in other


@pytest.mark.parametrize("form", ["{hash}", "{short}", "event.read@{hash}", "/*eventflow:event.read@{hash}*/"])
def test_queries_of_a_tag_points_to_the_overlay(tmp_path: Path, form: str) -> None:
    copy = edited_copy(tmp_path, FIXED)
    hash = load_specs(str(copy))["event.read"].hash
    done = run("queries", "--sql", copy, "--tag", form.format(hash=hash, short=hash[:6]))
    assert done.returncode == 0
    assert f"{copy}/event/queries.sql:17" in done.stdout
    assert "FROM event -- ours" in done.stdout


def test_queries_of_an_unknown_tag() -> None:
    done = run("queries", "--tag", "event.read@00000000")
    assert (done.returncode, done.stdout) == (1, "")
    assert "it is of another version" in done.stderr


# --- explain


def test_explain(settings: Settings) -> None:
    url = f"mysql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.database}"
    with EventflowDB(settings) as db:
        db.persist_event({"id": "event-1", "domain": "domain", "pid": "pid", "name": "name"})
    done = run("explain", "event.read", "id=event-1", "--url", url)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "as promised: event.PRIMARY (id)"
    assert "PRIMARY" in done.stdout.splitlines()[1]
    told = json.loads(run("explain", "event.read", "id=event-1", "--json", "--url", url).stdout)
    assert (told["plan"], told["problem"]) == (["event.PRIMARY (id)"], None)
    by_pid = ("event.read_by_domain_and_pid_and_names", "domain=domain", "pid=pid", "names=a,b", "limit=5")
    assert run("explain", *by_pid, "--url", url).returncode == 0


def test_explain_of_a_row_that_is_not_there(settings: Settings) -> None:
    url = f"mysql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.database}"
    done = run("explain", "event.read", "id=none", "--url", url)
    assert done.returncode == 2
    assert "name a row that is there" in done.stderr
    told = json.loads(run("explain", "event.read", "id=none", "--json", "--url", url).stdout)
    assert (told["plan"], told["problem"]) == ([], None)


def test_explain_of_another_plan_says_what_it_does(settings: Settings, tmp_path: Path) -> None:
    url = f"mysql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.database}"
    copy = edited_copy(tmp_path, Edit("event/queries.sql", "read_by_domain_and_pid", "FORCE INDEX", "IGNORE INDEX"))
    with EventflowDB(settings) as db:
        db.persist_event({"id": "event-1", "domain": "domain", "pid": "pid", "name": "name"})
    done = run("explain", "event.read_by_domain_and_pid", "domain=domain", "pid=pid", "--sql", copy, "--url", url)
    assert done.returncode == 1
    assert re.match(r"not as promised: .+; promised: event.idx_domain_pid \(", done.stdout.splitlines()[-1])


def test_explain_leaves_derived_tables_aside(settings: Settings, tmp_path: Path) -> None:
    url = f"mysql://{settings.user}:{settings.password}@{settings.host}:{settings.port}/{settings.database}"
    columns = "SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data\n"
    query = f"{columns}FROM event_eid\nSTRAIGHT_JOIN event ON event.id = event_eid.event_id\nWHERE event_eid.eid = :eid"
    found = "WITH found AS (SELECT DISTINCT event_id FROM event_eid WHERE eid = :eid)\n"
    derived = f"{found}{columns}FROM found\nSTRAIGHT_JOIN event ON event.id = found.event_id"
    copy = edited_copy(tmp_path, Edit("event/queries.sql", "read_by_eid", query, derived))
    with EventflowDB(settings) as db:
        db.persist_event({"id": "event-1", "domain": "domain", "pid": "pid", "name": "name"})
        db.persist_event_eid("event-1", "eid")
    done = run("explain", "event.read_by_eid", "eid=eid", "--json", "--sql", copy, "--url", url)
    plan = json.loads(done.stdout)["plan"]
    assert any("event_eid" in access for access in plan)
    assert not any("found" in access for access in plan)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("event.read",), "id: missing"),
        (("event.read", "id=x", "pid=y"), "pid: unknown key"),
        (("event.read", "x"), "x: must be of the form key=value"),
        (("event.read_by_domain_and_pid", "domain=x", "pid=y", "limit=z"), "limit: must be a whole number"),
        (
            ("event_scheduled.persist", "event_id=x", "scheduled=tomorrow"),
            "scheduled: must be an aware datetime",
        ),
        (("session.begin",), "query session.begin has no plan"),
    ],
)
def test_explain_that_cannot(arguments: tuple[str, ...], problem: str) -> None:
    done = run("explain", *arguments, "--url", "mysql://root@127.0.0.1:1")
    assert done.returncode == 2
    assert problem in done.stderr


# --- terminals


@pytest.mark.parametrize("command", [("queries",), ("queries", "event.read"), ("queries", "hub"), ("check", "--help")])
def test_nothing_is_cut_off_in_a_narrow_terminal(command: tuple[str, ...]) -> None:
    shown = in_terminal(60, *command)
    assert "…" not in shown.replace("key=value…", "")
    if command == ("queries",):
        assert all(name in shown for name in load_specs())


def in_terminal(columns: int, *arguments: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "eventflow_db.cli", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([ours], [], [], 1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert process.wait(10) == 0
    return shown.decode()
