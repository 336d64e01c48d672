"""The command eventflow-db: exit codes, what it prints where, in a pipe and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import pytest

import eventflow_db
from eventflow_db import EventflowDB, Settings
from eventflow_db.check.server import NO_DATABASE, Inspector
from eventflow_db.query import load_specs, package_sql
from eventflow_db.testing import Server

from .overlays import Edit, edited_copy
from .support import EVENT, Admin

pytestmark = pytest.mark.slow  # each command is a process of its own

COMMANDS = ("check", "diff", "upgrade", "queries", "explain", "contract")
BROKEN = Edit("event.read_by_eid", "    WHERE event_eid.eid = :eid", "    WHERE LOWER(event_eid.eid) = :eid")
FIXED = Edit("event.read", "FROM event", "FROM event -- ours")
READ_LINE = load_specs()["event.read"].line
BROKEN_LINE = load_specs()[BROKEN.query].line


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTFLOW_MYSQL")}
    return subprocess.run(
        [sys.executable, "-m", "eventflow_db.cli", *map(str, arguments)],
        env=environment | variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def check_url(eventflow_server: Server, check_settings: Settings) -> str:
    """The URL of the server, in a database that need not be there."""
    return eventflow_server.database_url(check_settings.database)


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
    assert (done.returncode, done.stderr) == (2, "eventflow-db: needs typer: pip install 'eventflow-db[cli]'\n")


# --- check


def test_check_query_prints_ok(check_url: str) -> None:
    done = run("check", "event.read", "--keep-scratch", "--url", check_url)
    assert (done.returncode, done.stdout) == (0, "ok   event.read  event.PRIMARY (id)\n")
    assert "1 of 1 queries proven" in done.stderr


def test_check_table_prints_each_of_its_queries(check_url: str) -> None:
    done = run("check", "hub", "--keep-scratch", "--url", check_url)
    assert done.returncode == 0
    names = [name for name in load_specs() if name.startswith("hub.")]
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", name] for name in names]


def test_check_prints_every_query(check_url: str) -> None:
    done = run("check", "--keep-scratch", "--url", check_url)
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", name] for name in load_specs()]


def test_check_broken_query_exits_with_1(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, BROKEN)
    done = run("check", "event.read_by_eid", "--keep-scratch", "--url", check_url, "--sql", copy)
    assert done.returncode == 1
    head, problem, example = done.stdout.splitlines()
    assert head.startswith("FAIL event.read_by_eid  ")
    assert head.endswith(f"{copy}/event/queries.sql:{BROKEN_LINE}")
    assert problem.startswith("     scans event_eid")
    assert problem.endswith("promised: event_eid.idx_eid (eid)")
    assert "the package's gives" in example


def test_check_json_holds_the_finding(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, BROKEN)
    done = run("check", "event.read_by_eid", "--json", "--keep-scratch", "--url", check_url, "--sql", copy)
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)
    assert (finding["query"], finding["ok"], finding["line"]) == ("event.read_by_eid", False, BROKEN_LINE)
    assert finding["promised"] == "event_eid.idx_eid (eid)"


def test_check_overlay_that_is_not_loaded_exits_with_1(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, Edit("event.read", "-- Read an event.", ""))
    done = run("check", "--url", check_url, "--sql", copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{copy}/event/queries.sql:{READ_LINE}: query event.read: lacks a line" in done.stderr
    (finding,) = json.loads(run("check", "--json", "--url", check_url, "--sql", copy).stdout)
    assert finding["query"] == "event.read"
    assert (finding["path"], finding["line"]) == (f"{copy}/event/queries.sql", READ_LINE)
    assert finding["problems"][0].startswith("lacks a line")


def test_check_of_an_edit_that_means_something_else_gives_an_example(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(
        tmp_path, Edit("hub.has_quit", "SELECT quit IS NOT NULL AS has_quit", "SELECT quit IS NULL AS has_quit")
    )
    done = run("check", "hub.has_quit", "--url", check_url, "--sql", copy)
    assert done.returncode == 1
    assert "with id = 'hub-2': the package's gives 1 row, this one 1; row 1 is ('0'), of this one ('1')" in done.stdout


def test_check_of_a_declared_difference_tells_it_and_passes(check_url: str, tmp_path: Path) -> None:
    declared = Edit(
        "hub.has_quit", "-- index: hub.PRIMARY (id)", "-- index: hub.PRIMARY (id)\n-- differs: we ask for those online"
    )
    other = Edit("hub.has_quit", "SELECT quit IS NOT NULL AS has_quit", "SELECT quit IS NULL AS has_quit")
    done = run("check", "hub.has_quit", "--url", check_url, "--sql", edited_copy(tmp_path, declared, other))
    assert done.returncode == 0
    assert "differs as declared (we ask for those online): with id = 'hub-2'" in done.stdout


def test_check_against_a_directory_compares_with_that(check_url: str, tmp_path: Path) -> None:
    edit = Edit("hub.has_quit", "SELECT quit IS NOT NULL AS has_quit", "SELECT quit IS NULL AS has_quit")
    copy = edited_copy(tmp_path, edit)
    same = run("check", "hub.has_quit", "--url", check_url, "--sql", copy, "--against", copy)
    assert (same.returncode, same.stdout.splitlines()[0]) == (0, "ok   hub.has_quit  hub.PRIMARY (id)")
    assert run("check", "hub.has_quit", "--url", check_url, "--against", copy).returncode == 1
    assert run("check", "hub.has_quit", "--url", check_url, "--against", "no-such-revision").returncode == 2


def test_check_for_github_annotates_file_and_line(check_url: str, tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, BROKEN)
    done = run("check", "event.read_by_eid", "--format", "github", "--url", check_url, "--sql", copy)
    place = f"file={copy}/event/queries.sql,line={BROKEN_LINE},title=event.read_by_eid"
    assert done.stdout.startswith(f"::error {place}::scans event_eid")
    refused = edited_copy(tmp_path / "other", Edit("event.read", "-- Read an event.", ""))
    done = run("check", "--format", "github", "--url", check_url, "--sql", refused)
    assert done.stdout.startswith(
        f"::error file={refused}/event/queries.sql,line={READ_LINE},title=event.read::lacks a line"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--url", "mysql://root@127.0.0.1:1/x?connect_timeout=1"),
            "could not connect to 127.0.0.1:1 as root, database information_schema: Connection refused (2003)",
        ),
        (("--url", "postgres://x"), "url: must have the scheme mysql or mariadb"),
        (("event.reed",), "no query event.reed; did you mean event.read"),
        (("--sql", "/nowhere"), "does not exist"),
        (("--rows", "0"), "--rows"),
    ],
)
def test_check_wrong_arguments_exit_with_2(arguments: tuple[str, ...], problem: str) -> None:
    done = run("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr


def command(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which `eventflow-db` is the command."""
    line = line.replace("eventflow-db", f"{sys.executable} -m eventflow_db.cli")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)


def test_reader_that_goes_ends_a_command_as_sigpipe_does() -> None:
    done = command("eventflow-db queries --json | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("line", ["queries", "queries --json", "queries event.read", "--help"])
def test_full_disk_exits_with_2_and_says_so(line: str) -> None:
    done = command(f"eventflow-db {line} > /dev/full")
    assert (done.returncode, done.stderr) == (2, "eventflow-db: could not write: No space left on device\n")


@pytest.mark.parametrize("to", [">&-", "2>&-", "2> /dev/full"])
def test_exit_code_is_the_same_where_nobody_can_be_told(to: str) -> None:
    assert command(f"eventflow-db queries {to}").returncode == 0
    assert command(f"eventflow-db queries event.reed {to}").returncode == 2


def test_check_says_how_many_queries_are_of_which_directory(tmp_path: Path, check_url: str) -> None:
    overlay = tmp_path / "event" / "queries.sql"
    overlay.parent.mkdir()
    spec = load_specs()["event.read"]
    lines = Path(spec.path).read_text(encoding="utf-8").split("\n")
    overlay.write_text("\n".join(lines[spec.line - 1 : spec.body]) + spec.sql, encoding="utf-8")
    done = run("check", "event.read", "--rows", "10", "--url", check_url, "--sql", tmp_path)
    assert f"{len(load_specs()) - 1} queries of the package, 1 of {tmp_path}" in done.stderr


def test_check_wrong_password_is_not_printed(check_settings: Settings) -> None:
    s = check_settings
    done = run("check", "--url", f"mysql://{quote(s.user)}:open-sesame@{s.host}:{s.port}/x")
    assert done.returncode == 2
    assert "open-sesame" not in done.stdout + done.stderr


def test_check_without_scratch_on_empty_tables_exits_with_2(url: str) -> None:
    done = run("check", "event.read", "--no-scratch", "--url", url)
    assert done.returncode == 2
    assert done.stdout.startswith("?    event.read")
    assert "1 could not be judged" in done.stderr


# --- diff


@pytest.fixture
def tables_url(empty_database: str, eventflow_server: Server) -> str:
    """The URL of a database with the package's tables."""
    url = eventflow_server.database_url(empty_database)
    with EventflowDB(url) as db:
        db.setup_table_schemas()
    return url


@pytest.fixture
def changed_url(tables_url: str, empty_database: str, admin: Admin) -> str:
    """The URL of a database with one index fewer."""
    admin.execute(f"ALTER TABLE `{empty_database}`.event DROP INDEX idx_name")
    return tables_url


def test_diff_equal_tables_exits_with_0(tables_url: str) -> None:
    done = run("diff", "--url", tables_url)
    assert (done.returncode, done.stdout) == (0, "")


def test_diff_missing_index_exits_with_1_and_prints_its_line(changed_url: str) -> None:
    schema = Path(load_specs()["event.create_table"].path)
    lines = schema.read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if "INDEX idx_name " in line)
    done = run("diff", "--url", changed_url)
    assert done.returncode == 1
    assert done.stdout == (
        f"slow       event, index idx_name  {os.path.relpath(schema)}:{number}\n     ours: (name, timestamp)\n"
        "     live: none\n     what looks rows up by it reads more of them\n     cure: eventflow-db upgrade\n"
    )
    assert "eventflow-db: the tables are those of this eventflow-db\n" in done.stderr
    assert done.stderr.endswith("eventflow-db: 1 slow\n")


def test_diff_json_holds_the_difference(changed_url: str) -> None:
    (difference,) = json.loads(run("diff", "--json", "--url", changed_url).stdout)
    assert (difference["item"], difference["severity"]) == ("index idx_name", "slow")
    assert difference["cure"] == "eventflow-db upgrade"


def test_diff_unknown_database_exits_with_2(check_url: str) -> None:
    assert run("diff", "--url", f"{check_url}_none").returncode == 2


# --- queries


def test_queries_lists_every_query_on_a_line() -> None:
    head, *lines = run("queries").stdout.splitlines()
    assert head.split() == ["QUERY", "RETURNS", "INDEX", "IDEMPOTENT", "SOURCE"]
    assert [line.split()[0] for line in lines] == list(load_specs())


def test_queries_table_lists_its_queries() -> None:
    assert {line.split(".")[0] for line in run("queries", "hub").stdout.splitlines()[1:]} == {"hub"}


def test_queries_in_the_root_directory_prints_absolute_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir("/")
    spec = load_specs()["hub.read"]
    assert f"{spec.path}:{spec.line}" in run("queries", "hub.read").stdout.split()


def test_queries_name_prints_everything_about_it() -> None:
    shown = run("queries", "event.read").stdout
    spec = load_specs()["event.read"]
    for text in (spec.purpose, "id: identifier", "Event", spec.error.code, "event.PRIMARY (id)", "yes", f"queries.sql:{READ_LINE}", "WHERE id = :id;"):  # fmt: skip
        assert text in shown


def test_queries_json_lists_every_query() -> None:
    entries = json.loads(run("queries", "--json").stdout)
    assert [entry["name"] for entry in entries] == list(load_specs())
    assert entries[0]["param"]["id"] == "identifier"


def test_queries_overlay_prints_its_path(tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, FIXED)
    (copy / "hub" / "queries.sql").unlink()
    sources = {line.split()[0]: line.split()[-1] for line in run("queries", "--sql", copy).stdout.splitlines()}
    assert sources["event.read"] == f"{copy}/event/queries.sql:{READ_LINE}"
    assert not sources["hub.read"].startswith(str(tmp_path))
    other = run("queries", EVENTFLOW_MYSQL_SQL_PATH=str(copy)).stdout
    assert f"{copy}/event/queries.sql:{READ_LINE}" in other


@pytest.mark.parametrize("form", ["{hash}", "{short}", "event.read@{hash}", "/*eventflow:event.read@{hash}*/"])
def test_queries_tag_prints_the_query_of_the_overlay(tmp_path: Path, form: str) -> None:
    copy = edited_copy(tmp_path, FIXED)
    hash = load_specs(str(copy))["event.read"].hash
    done = run("queries", "--sql", copy, "--tag", form.format(hash=hash, short=hash[:6]))
    assert done.returncode == 0
    assert f"{copy}/event/queries.sql:{READ_LINE}" in done.stdout
    assert "FROM event -- ours" in done.stdout


def test_queries_unknown_tag_exits_with_1() -> None:
    done = run("queries", "--tag", "event.read@00000000")
    assert (done.returncode, done.stdout) == (1, "")
    assert "it is of another version" in done.stderr


# --- explain


@pytest.fixture
def event_url(url: str) -> str:
    """The URL of a database with the event `event-1`."""
    with EventflowDB(url) as db:
        db.persist_event({**EVENT, "id": "event-1"})
    return url


def test_explain_prints_the_plan(event_url: str) -> None:
    done = run("explain", "event.read", "id=event-1", "--url", event_url)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "as promised: event.PRIMARY (id)"
    assert "PRIMARY" in done.stdout.splitlines()[1]


def test_explain_json_holds_the_plan(event_url: str) -> None:
    explained = json.loads(run("explain", "event.read", "id=event-1", "--json", "--url", event_url).stdout)
    assert (explained["plan"], explained["problem"]) == (["event.PRIMARY (id)"], None)


def test_explain_takes_a_list(event_url: str) -> None:
    by_pid = ("event.read_by_domain_and_pid_and_names", "domain=domain", "pid=pid", "names=a,b", "limit=5")
    assert run("explain", *by_pid, "--url", event_url).returncode == 0


def test_explain_unknown_row_exits_with_2(event_url: str) -> None:
    done = run("explain", "event.read", "id=none", "--url", event_url)
    assert done.returncode == 2
    assert "name a row that is there" in done.stderr
    explained = json.loads(run("explain", "event.read", "id=none", "--json", "--url", event_url).stdout)
    assert (explained["plan"], explained["problem"]) == ([], None)


def test_explain_another_plan_exits_with_1_and_says_what_it_does(event_url: str, tmp_path: Path) -> None:
    forced = "FROM event FORCE INDEX (idx_domain_pid)"
    copy = edited_copy(tmp_path, Edit("event.read_by_domain_and_pid", forced, forced.replace("FORCE", "IGNORE")))
    done = run("explain", "event.read_by_domain_and_pid", "domain=domain", "pid=pid", "--sql", copy, "--url", event_url)
    assert done.returncode == 1
    assert re.match(r"not as promised: .+; promised: event.idx_domain_pid \(", done.stdout.splitlines()[-1])


def test_explain_leaves_derived_tables_aside(event_url: str, tmp_path: Path) -> None:
    columns = "SELECT event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data\n"
    query = load_specs()["event.read_by_eid"].sql.strip()
    found = "WITH found AS (SELECT DISTINCT event_id FROM event_eid WHERE eid = :eid)\n"
    derived = f"{found}{columns}FROM found\nSTRAIGHT_JOIN event ON event.id = found.event_id\n"
    derived += "ORDER BY event.timestamp, event.id\nLIMIT :limit;"
    copy = edited_copy(tmp_path, Edit("event.read_by_eid", query, derived))
    with EventflowDB(event_url) as db:
        db.persist_event_eid("event-1", "eid")
    explained = run("explain", "event.read_by_eid", "eid=eid", "--json", "--sql", copy, "--url", event_url).stdout
    plan = json.loads(explained)["plan"]
    assert any("event_eid" in access for access in plan)
    assert not any("found" in access for access in plan)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("event.read",), "id: missing"),
        (("event.read", "id=x", "pid=y"), "pid: unknown key"),
        (("event.read", "x"), "x: must be of the form key=value"),
        (("event.read_by_domain_and_pid", "domain=x", "pid=y", "limit=z"), "limit: must be a whole number"),
        (("event_scheduled.persist", "event_id=x", "scheduled=tomorrow"), "scheduled: must be an aware datetime"),
        (("session.begin",), "query session.begin has no plan"),
    ],
)
def test_explain_wrong_arguments_exit_with_2(arguments: tuple[str, ...], problem: str) -> None:
    done = run("explain", *arguments, "--url", "mysql://root@127.0.0.1:1")
    assert done.returncode == 2
    assert problem in done.stderr


# --- terminals


@pytest.mark.parametrize("command", [("queries",), ("queries", "event.read"), ("queries", "hub"), ("check", "--help")])
def test_output_in_a_narrow_terminal_is_complete(command: tuple[str, ...]) -> None:
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


# --- what steers a terminal

EVIL = "\x1b[8m\x1b]52;c;eA\a\x1b]8;;x\x1b\\\x9b2J\b\r\u202e\u2066[red][link=x]"
"""Hidden text, the clipboard, a link, an erased screen, a line written over and turned round; markup of rich."""


def evil_copy(directory: Path, *edits: Edit) -> Path:
    """An edited copy of sql/, in a directory with a name that steers a terminal."""
    directory /= EVIL
    directory.mkdir()
    return edited_copy(directory, *edits)


@pytest.fixture(scope="module")
def evil_url(eventflow_server: Server) -> Iterator[str]:
    """The URL of a database with the package's tables, and names in them that steer a terminal."""
    database, evil = "eventflow_evil", f"`{EVIL}`"
    url = eventflow_server.database_url(database)
    with Inspector(Settings.from_url(url), NO_DATABASE) as inspector:
        inspector.execute(f"CREATE DATABASE {database}")
        with EventflowDB(url) as db:
            db.setup_table_schemas()
            db.persist_event({**EVENT, "id": "event-1"})
        inspector.execute(f"USE {database}")
        inspector.execute(
            f"ALTER TABLE event ADD COLUMN {evil} VARCHAR(99) CHARACTER SET utf8mb4 DEFAULT '{EVIL}' COMMENT '{EVIL}'"
        )
        inspector.execute(f"ALTER TABLE event ADD INDEX {evil} (id), ADD INDEX `{EVIL}2` ({evil}), COMMENT '{EVIL}'")
        inspector.execute(f"ALTER TABLE event_eid ADD CONSTRAINT {evil} FOREIGN KEY (eid) REFERENCES event (id)")
        yield url
        inspector.execute(f"DROP DATABASE {database}")


LIVE: dict[str, tuple[str, ...]] = {
    "diff": ("diff",),
    "check": ("check", "--no-scratch"),
    "check event": ("check", "event.read", "--no-scratch"),
    "explain": ("explain", "event.read", "id=event-1"),
    "explain many": ("explain", "event.read_by_domain_and_pid", "domain=domain", "pid=pid"),
    "explain evil value": ("explain", "event.read", f"id={EVIL}"),
    "explain evil key": ("explain", "event.read", f"{EVIL}=x"),
    "explain evil word": ("explain", "event.read", EVIL),
    "explain unknown": ("explain", EVIL),
    "check unknown": ("check", EVIL),
}
OFFLINE: dict[str, tuple[str, ...]] = {
    "queries": ("queries",),
    "queries of one": ("queries", "event.read"),
    "queries unknown": ("queries", EVIL),
    "queries tag": ("queries", "--tag", EVIL),
    "evil command": (EVIL,),
    "evil option": ("queries", f"--{EVIL}"),
    "evil rows": ("check", "--rows", EVIL),
    "evil directory": ("queries", "--sql", EVIL),
    "evil URL": ("diff", "--url", f"mysql://x@y/z?{EVIL}=1"),
    "evil host": ("diff", "--url", f"mysql://x@{quote(EVIL)}:1/z"),
    "evil socket": ("diff", "--url", f"mysql://x@y:1/z?socket_path={quote(EVIL)}"),
    "evil file": ("diff", "--url", f"mysql://x@y:1/z?ssl_mode=VERIFY_CA&ssl_ca={quote(EVIL)}"),
}


def assert_steers_nothing(done: subprocess.CompletedProcess[str], colour: str) -> None:
    """No control sequence in what a command has written, but for rich's own colours."""
    shown = done.stdout + done.stderr
    assert shown
    assert "Traceback" not in shown
    plain = re.sub(r"\x1b\[(?!8m)[0-9;]*m", "", shown) if colour else shown
    assert [line for line in plain.split("\n") if not line.isprintable()] == []


colours = pytest.mark.parametrize("colour", ["", "1"], ids=["plain", "colour"])


@colours
@pytest.mark.parametrize("command", LIVE)
def test_live_tables_with_control_sequences_do_not_steer_the_terminal(
    evil_url: str, tmp_path: Path, command: str, colour: str
) -> None:
    copy = evil_copy(tmp_path, BROKEN)
    done = run(*LIVE[command], "--url", evil_url, "--sql", copy, FORCE_COLOR=colour)
    assert_steers_nothing(done, colour)
    found = run(*LIVE[command], "--json", "--url", evil_url, "--sql", copy, FORCE_COLOR=colour)
    if found.stdout:
        assert_steers_nothing(found, colour)
        assert json.loads(found.stdout)


@colours
@pytest.mark.parametrize("command", OFFLINE)
def test_arguments_with_control_sequences_do_not_steer_the_terminal(tmp_path: Path, command: str, colour: str) -> None:
    directory = () if command.startswith("evil") else ("--sql", evil_copy(tmp_path, FIXED))
    assert_steers_nothing(run(*OFFLINE[command], *directory, FORCE_COLOR=colour), colour)


@colours
@pytest.mark.parametrize(
    ("query", "old", "new"),
    [
        ("event.read", "-- Read an event.", f"-- Read an event. {EVIL}"),
        ("event.read", "FROM event", f"FROM event -- {EVIL}"),
        ("event.read", "FROM event", f"FROM event /* {EVIL} */"),
        ("event.read", "WHERE id = :id;", f"WHERE id = :id AND name <> '{EVIL}';"),
        ("event.read", "-- param id: identifier", f"-- param id: {EVIL}"),
        ("event.read", "-- idempotent: yes", f"-- idempotent: {EVIL}"),
        ("event.read", "-- idempotent: yes", "-- idempotent: yes ([red]x[/red][link=x])"),
        ("event.read", "FROM event", "FROM event AS [red]"),
    ],
)
def test_overlay_with_control_sequences_does_not_steer_the_terminal(
    check_url: str, tmp_path: Path, query: str, old: str, new: str, colour: str
) -> None:
    copy = evil_copy(tmp_path, Edit(query, old, new.replace("\r", "")))
    for command in (("queries", query), ("check", query, "--keep-scratch", "--url", check_url)):
        assert_steers_nothing(run(*command, "--sql", copy, FORCE_COLOR=colour), colour)


@colours
def test_servers_message_with_control_sequences_does_not_steer_the_terminal(check_url: str, colour: str) -> None:
    # what settings let through
    done = run("diff", "--url", check_url + quote("\u202e\u2066[red][link=x]"), FORCE_COLOR=colour)
    assert "(1049)" in done.stderr
    assert_steers_nothing(done, colour)


@colours
def test_environment_with_control_sequences_does_not_steer_the_terminal(colour: str) -> None:
    done = run(
        "queries",
        FORCE_COLOR=colour,
        **{f"EVENTFLOW_MYSQL_{EVIL.replace('=', '')}": EVIL, "EVENTFLOW_MYSQL_SQL_PATH": EVIL},
    )
    assert_steers_nothing(done, colour)


@colours
def test_contract_with_control_sequences_does_not_steer_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    package = tmp_path / EVIL / "eventflow_db"
    shutil.copytree(Path(eventflow_db.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package_sql(), package / "_sql")
    lock = package / "_sql" / "contract.json"
    lock.write_text(lock.read_text(encoding="utf-8").replace('"event.read"', f'"{EVIL}"'), encoding="utf-8")
    monkeypatch.chdir(package.parent)
    done = run("contract", FORCE_COLOR=colour)
    assert "stale" in done.stderr
    assert_steers_nothing(done, colour)


def test_queries_copied_begin_an_overlay_whose_origin_check_knows(tmp_path: Path, check_url: str) -> None:
    copied = run("queries", "event.read", "--copy-to", tmp_path)
    path = tmp_path / "event" / "queries.sql"
    assert (copied.returncode, copied.stdout) == (0, f"{path}:1: event.read\n")
    hash = load_specs()["event.read"].hash
    assert f"-- replaces: {hash}\nSELECT" in path.read_text()
    assert load_specs(str(tmp_path))["event.read"].sql == load_specs()["event.read"].sql
    again = run("queries", "event", "--copy-to", tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    assert f"event.read: is there already ({path}:1)" in again.stderr
    path.write_text(path.read_text().replace(hash, "0123abcd").replace("FROM event", "FROM event -- ours"))
    done = run("check", "event.read", "--rows", "20", "--url", check_url, "--sql", tmp_path)
    assert f"     the package's has changed since: it was 0123abcd, and is {hash}\n" in done.stdout
    assert done.returncode == 0


def test_queries_copied_without_a_name_exits_with_2(tmp_path: Path) -> None:
    done = run("queries", "--copy-to", tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "--copy-to: must have a NAME" in done.stderr
