"""The lock file and overlays: what may change in a query, what may not, and what judges it when it is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.tables import entries
from eventflow_db.errors import ContractError, InvalidValueError
from eventflow_db.query import load, load_specs, package_sql
from eventflow_db.query.annotations import read_specs
from eventflow_db.query.contract import FILE, Contract, write
from eventflow_db.query.parameters import TYPES
from eventflow_db.query.statement import Statement

from .api import API
from .overlays import Edit, edited_copy, load_refusal
from .support import EVENT, Admin

READ = """-- name: read(id)^
-- method: read_event
-- Read an event, whichever it is.
-- param id: identifier
-- returns: Event
-- error: E_EVENTFLOW_DB_EVENT_READ could not read event
-- not_found: E_EVENTFLOW_DB_EVENT_NOT_FOUND event not found
-- index: event.PRIMARY (id)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, 'overlaid' AS name, data
FROM event
WHERE id = :id;
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A directory that replaces event.read."""
    (tmp_path / "event").mkdir()
    (tmp_path / "event" / "ours.sql").write_text(READ, encoding="utf-8")
    return tmp_path


def rewrite(overlay: Path, old: str, new: str) -> None:
    path = overlay / "event" / "ours.sql"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **variables}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


# --- the lock file


def test_contract_is_current() -> None:
    path = package_sql() / FILE
    assert path.read_text(encoding="utf-8") == write(entries(read_specs(package_sql())))


def test_contract_names_what_a_reviewer_asks_for() -> None:
    entry = Contract.read(package_sql() / FILE).queries["event.read"]
    assert entry.param == {"id": "identifier"}
    assert (entry.kind, entry.returns, entry.tables) == ("read", "Event", ["event"])
    assert entry.columns["timestamp"] == "datetime(3)"
    assert entry.columns["rid"] == "varchar(64) null"
    assert entry.index == "event.PRIMARY (id)"
    assert entry.error == "E_EVENTFLOW_DB_EVENT_READ"
    assert entry.hash == load_specs()["event.read"].hash


def test_contract_changes_one_line_when_one_thing_changes(tmp_path: Path) -> None:
    copy = edited_copy(tmp_path, Edit("event.read", "-- param id: identifier", "-- param id: position"))
    before = (package_sql() / FILE).read_text(encoding="utf-8").splitlines()
    after = write(entries(read_specs(copy))).splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        ('      "id": "identifier"', '      "id": "position"')
    ]


def test_contract_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"event.read": {"kind": "read"}}))
    with pytest.raises(ContractError, match=r"contract\.json: .*eventflow-db contract --write"):
        Contract.read(tmp_path / FILE)


def test_load_of_the_packages_text_needs_no_sqlglot() -> None:
    program = "import sys, eventflow_db; eventflow_db.EventflowDB('mysql://x@y'); print('sqlglot' in sys.modules)"
    assert run("-c", program).stdout == "False\n"


def test_load_of_other_text_without_sqlglot_says_what_to_install(overlay: Path) -> None:
    program = "import sys; sys.modules['sqlglot'] = None; import eventflow_db; eventflow_db.EventflowDB('mysql://x@y')"
    done = run("-c", program, EVENTFLOW_MYSQL_SQL_PATH="", PYTHONPATH=str(package_sql().parent))
    assert done.returncode == 0, done.stderr
    program = program.replace("mysql://x@y", f"mysql://x@y?sql_path={overlay}")
    done = run("-c", program)
    assert "query event.read: its text is not the one in contract.json" in done.stderr
    assert "pip install 'eventflow-db[cli]'" in done.stderr


def test_every_parameter_type_has_a_type_for_checkers() -> None:
    assert {kind.python.partition("[")[0].partition(" |")[0] for kind in TYPES.values()} == {
        "str", "Sequence", "bytes", "Any", "datetime", "date", "int",
    }  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_every_parameter_type_takes_its_own_sample(name: str) -> None:
    assert TYPES[name].encode(TYPES[name].sample)


# --- overlays


def test_overlay_is_in_force(api: API, settings: Settings, overlay: Path) -> None:
    db = api.database(msgspec.structs.replace(settings, sql_path=str(overlay)))
    event_id = db.persist_event(EVENT)
    assert db.read_event(event_id).name == "overlaid"
    assert [event.name for event in db.read_events_by_domain_and_pid("domain", "pid")] == ["name"]


def test_overlay_of_the_environment_is_in_force(
    api: API, settings: Settings, overlay: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("host", "port", "user"):
        monkeypatch.setenv(f"EVENTFLOW_MYSQL_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("EVENTFLOW_MYSQL_PASS", settings.password)
    monkeypatch.setenv("EVENTFLOW_MYSQL_DB", settings.database)
    monkeypatch.setenv("EVENTFLOW_MYSQL_SQL_PATH", str(overlay))
    db = api.database()
    event_id = db.persist_event(EVENT)
    assert db.read_event(event_id).name == "overlaid"


def test_overlay_later_directory_wins(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    later = edited_copy(
        tmp_path_factory.mktemp("later"), Edit("event.read", "WHERE id = :id;", "WHERE event.id = :id;")
    )
    path = os.pathsep.join((str(overlay), str(later)))
    assert load_specs(path)["event.read"].path == str(later / "event" / "queries.sql")


def test_overlay_with_another_hash_alone_is_loaded(overlay: Path) -> None:
    specs = load_specs(str(overlay))
    assert specs["event.read"].hash != load_specs()["event.read"].hash
    assert specs["event.read"].path == str(overlay / "event" / "ours.sql")
    assert specs["event.delete"] == load_specs()["event.delete"]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("param id: identifier", "param id: text", "param"),
        ("EVENT_READ could", "EVENT_READ_IT could", "error"),
        ("DB_EVENT_NOT_FOUND event", "DB_NO_EVENT event", "not_found"),
        ("idempotent: yes", "idempotent: no", "idempotent"),
        ("idempotent: yes", "idempotent: yes\n-- timeout: ddl", "timeout"),
        ("idempotent: yes", "idempotent: yes\n-- conflict: 1062", "conflict"),
        ("returns: Event", "returns: Hub", "returns"),
        ("method: read_event", "method: find_event", "method"),
    ],
)
def test_overlay_that_breaks_the_contract_raises(overlay: Path, old: str, new: str, part: str) -> None:
    rewrite(overlay, old, new)
    refusal = load_refusal(overlay)
    assert refusal is not None
    assert f"ours.sql:1: query event.read: its {part} breaks the contract" in refusal
    with pytest.raises(ContractError):
        EventflowDB(Settings(sql_path=str(overlay)))


def test_overlay_that_hides_a_condition_behind_two_minus_signs_is_refused(overlay: Path) -> None:
    rewrite(overlay, "WHERE id = :id", "WHERE id = :id AND 1 = 1 --1 OR TRUE")
    assert "holds --, which is no comment for servers" in str(load_refusal(overlay))


def test_overlay_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert load_refusal(tmp_path / "none") == f"{tmp_path / 'none'}: sql_path names no directory"


def test_overlay_without_queries_raises(tmp_path: Path) -> None:
    assert "holds no queries" in str(load_refusal(tmp_path))


@pytest.mark.parametrize("name", ["ours.sql", "event/more/ours.sql", "event/OURS.SQL", "a/b/c/ours.Sql"])
def test_overlay_file_in_the_wrong_place_raises(overlay: Path, name: str) -> None:
    path = overlay / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(READ, encoding="utf-8")
    assert load_refusal(overlay) == f"{path}: is not of the form {overlay}/<table>/<file>.sql: move it there"


@pytest.mark.parametrize("name", [".git/event/x.sql", "..data/x.sql", "event/.x.sql", "notes.txt", "event/x.sql~"])
def test_overlay_file_that_is_hidden_or_no_sql_is_ignored(overlay: Path, name: str) -> None:
    path = overlay / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("nonsense", encoding="utf-8")
    assert load_refusal(overlay) is None


def test_overlay_directory_named_like_a_file_is_ignored(overlay: Path) -> None:
    (overlay / "event" / "more.sql").mkdir()
    assert load_refusal(overlay) is None


def test_overlay_of_linked_directories_is_loaded(overlay: Path) -> None:
    (overlay / "event").rename(overlay / "..data")
    (overlay / "event").symlink_to(overlay / "..data")
    assert load_specs(str(overlay))["event.read"].path == str(overlay / "event" / "ours.sql")


def test_overlay_file_that_cannot_be_read_is_named(overlay: Path) -> None:
    path = overlay / "event" / "more.sql"
    path.symlink_to(overlay / "nowhere.txt")
    assert load_refusal(overlay) == f"{path}: cannot be read: No such file or directory"


def test_file_that_is_not_utf8_is_named(overlay: Path) -> None:
    (overlay / "event" / "ours.sql").write_bytes(READ.replace("whichever", "whichev\xe9r").encode("latin-1"))
    assert f"{overlay}/event/ours.sql:3: is not UTF-8" in str(load_refusal(overlay))


@pytest.mark.parametrize("change", ["\r\n", "\ufeff"])
def test_file_of_another_editor_is_loaded(overlay: Path, change: str) -> None:
    text = READ.replace("\n", "\r\n") if change == "\r\n" else change + READ
    (overlay / "event" / "ours.sql").write_bytes(text.encode())
    assert load_specs(str(overlay))["event.read"].hash == read_hash(READ, overlay)


def read_hash(text: str, overlay: Path) -> str:
    (overlay / "event" / "ours.sql").write_text(text, encoding="utf-8")
    return read_specs(overlay)["event.read"].hash


def test_overlay_name_in_two_files_raises(overlay: Path) -> None:
    (overlay / "event" / "more.sql").write_text(READ, encoding="utf-8")
    assert f"ours.sql:1: query event.read: is defined at {overlay}/event/more.sql:1 already" in str(
        load_refusal(overlay)
    )


def test_overlay_query_without_a_name_raises(overlay: Path) -> None:
    rewrite(overlay, "-- name: read(id)^\n", "")
    assert "ours.sql:9: text before the first query" in str(load_refusal(overlay))


# --- calls


@pytest.mark.parametrize(
    ("values", "problem"),
    [({}, "id: missing"), ({"id": "x", "pid": "y"}, "pid: unknown key"), ({"pid": "y"}, "id: missing")],
)
def test_call_with_other_parameters_raises(nowhere: EventflowDB, values: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        load().event.read(nowhere, **values)
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_READ"


# --- tags


def test_tag_stands_behind_the_verb_and_its_hints(overlay: Path) -> None:
    rewrite(overlay, "SELECT id", "SELECT /*+ NO_ICP(event) */ /*+ MAX_EXECUTION_TIME(9) */ id")
    spec = load_specs(str(overlay))["event.read"]
    statement = Statement(spec, tag=True).render({"id": b"'x'"})
    assert statement.startswith(
        b"SELECT /*+ NO_ICP(event) */ /*+ MAX_EXECUTION_TIME(9) */"
        + f" /*eventflow:event.read@{spec.hash}*/ id,".encode()
    )


def test_every_statement_carries_its_tag() -> None:
    for spec in load_specs().values():
        statement = Statement(spec, tag=True).render(dict.fromkeys(spec.param, b"1"))
        assert f"/*eventflow:{spec.name}@{spec.hash}*/".encode() in statement


def test_tag_reaches_the_server(api: API, settings: Settings, admin: Admin) -> None:
    if not admin.execute("SELECT @@performance_schema")[0][0]:
        admin.execute("SET GLOBAL general_log = 0")
        admin.execute("SET GLOBAL log_output = 'TABLE'")
        admin.execute("SET GLOBAL general_log = 1")
        seen = "SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE %s AND command_type = 'Query'"
    else:
        seen = "SELECT COUNT(*) FROM performance_schema.events_statements_history WHERE sql_text LIKE %s"
    db = api.database(settings)
    db.persist_events([EVENT] * 3)
    tag = f"INSERT /*eventflow:event.persist@{load_specs()['event.persist'].hash}*/ INTO event%"
    try:
        assert admin.execute(seen, tag)[0][0] == 1, "a batch is one statement"
    finally:
        if not admin.execute("SELECT @@performance_schema")[0][0]:
            admin.execute("SET GLOBAL general_log = 0")
            admin.execute("TRUNCATE TABLE mysql.general_log")
            admin.execute("SET GLOBAL log_output = 'FILE'")


def test_tag_can_be_turned_off() -> None:
    statement: Any = load(None, False).event.read.statement
    assert statement.call({"id": "x"}).text.startswith(b"SELECT id")


def test_tag_takes_less_than_2_microseconds() -> None:
    spec = load_specs()["event.read"]
    literals = {"id": b"'x'"}

    def cost(statement: Statement) -> float:
        started = time.perf_counter()
        for _ in range(2_000):
            statement.render(literals)
        return (time.perf_counter() - started) / 2_000

    tagged, plain = Statement(spec, tag=True), Statement(spec, tag=False)
    costs = [(cost(tagged), cost(plain)) for _ in range(20)]
    assert min(c for c, _ in costs) - min(c for _, c in costs) < 2e-6
