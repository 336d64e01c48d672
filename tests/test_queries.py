"""The SQL files: annotated, loadable by aiosql alone, and in step with records and inputs; errors that say where."""

from __future__ import annotations

import os
import re
from operator import attrgetter
from pathlib import Path
from typing import Any, NotRequired, get_origin, get_type_hints

import aiosql
import msgspec
import pytest

from eventflow_db import inputs
from eventflow_db.errors import ContractError
from eventflow_db.query import load, load_specs, package_sql
from eventflow_db.query.annotations import read_specs, shape
from eventflow_db.query.parameters import BUILTIN_TYPES
from eventflow_db.query.spec import QuerySpec
from eventflow_db.query.tokens import tokens

ROOT = Path(__file__).parent.parent
SPECS = read_specs(ROOT / "sql")
INPUTS: dict[str, Any] = {
    "event.persist": inputs.NewEvent,
    "event_published.persist": inputs.NewPublishedEvent,
    "event_scheduled.persist": inputs.NewScheduledEvent,
    "hub.persist": inputs.NewHub,
    "log.persist": inputs.NewLog,
    "certificate.persist": inputs.NewCertificate,
}
QUERY = """-- name: read(id)^
-- method: read_event
-- Read an event.
-- param id: identifier
-- returns: Event
-- error: E_EVENTFLOW_DB_EVENT_READ could not read event
-- not_found: E_EVENTFLOW_DB_EVENT_NOT_FOUND event not found
-- index: event.PRIMARY
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event
WHERE id = :id;
"""

every_query = pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))


def code_of(spec: QuerySpec) -> str:
    """The SQL without comments and quoted text."""
    return "".join(" " if kind in ("comment", "quoted", "space") else text for kind, text in tokens(spec.sql))


def selected(spec: QuerySpec) -> list[str]:
    """The columns of a select, by the names that they come back with."""
    code = code_with_names(spec)
    while (plain := re.sub(r"\([^()]*\)", "x", code)) != code:
        code = plain
    columns = re.search(r"SELECT (?:DISTINCT )?(.*?) (?:FROM|;)", code)
    assert columns
    return [re.split(r"[ .]", column.strip())[-1] for column in columns[1].split(",")]


def code_with_names(spec: QuerySpec) -> str:
    pieces = (
        text.strip("`") if text.startswith("`") else " " if kind in ("comment", "quoted", "space") else text
        for kind, text in tokens(spec.sql)
    )
    return re.sub(" +", " ", "".join(pieces)).replace(";", " ;")


# Guards


def test_package_sql_is_the_one_of_the_checkout() -> None:
    assert package_sql() == ROOT / "sql"
    assert {name: spec.sql for name, spec in load_specs().items()} == {name: spec.sql for name, spec in SPECS.items()}


def test_every_file_is_read() -> None:
    assert {Path(spec.path) for spec in SPECS.values()} == set((ROOT / "sql").rglob("*.sql"))
    named = sum(path.read_text().count("-- name:") for path in (ROOT / "sql").rglob("*.sql"))
    assert named == len(SPECS)


def test_every_table_has_a_schema_and_queries() -> None:
    tables = {spec.name.partition(".")[0] for spec in SPECS.values() if spec.sql.startswith("CREATE TABLE")}
    assert tables == {
        "certificate", "hub", "event", "event_cpid", "event_eid", "event_published", "event_scheduled", "lease", "log",
    }  # fmt: skip
    for table in tables:
        assert {path.name for path in (ROOT / "sql" / table).iterdir()} == {"schema.sql", "queries.sql"}


@every_query
def test_query_says_its_purpose_code_and_plan(spec: QuerySpec) -> None:
    assert spec.purpose.endswith(".")
    assert spec.error.code.startswith("E_EVENTFLOW_DB_")
    assert spec.error.message
    assert (spec.index is None) != (spec.scan is None)


@every_query
def test_query_is_loaded_by_aiosql_alone_under_the_same_name(spec: QuerySpec) -> None:
    table, name = spec.name.split(".")
    queries = aiosql.from_path(ROOT / "sql", "pymysql")
    assert callable(getattr(getattr(queries, table), name))


def test_aiosql_alone_finds_no_other_queries() -> None:
    # aiosql adds a cursor method to each query that selects
    stock = set(aiosql.from_path(ROOT / "sql", "pymysql").available_queries)
    assert {name for name in stock if not name.endswith("_cursor")} == set(SPECS)


@every_query
def test_query_is_one_statement(spec: QuerySpec) -> None:
    assert spec.sql.rstrip().endswith(";")
    assert code_of(spec).count(";") == 1


@every_query
def test_query_names_its_columns(spec: QuerySpec) -> None:
    assert not re.search(r"(SELECT|\.|,) *\*", code_of(spec), re.IGNORECASE)
    if spec.sql.startswith("INSERT"):
        assert re.match(r"INSERT INTO \w+ ?\(", code_with_names(spec))


@every_query
def test_query_of_one_row_that_sorts_asks_for_no_more(spec: QuerySpec) -> None:
    if shape(spec.returns) in ("row", "value") and (end := re.search(r"\bORDER BY [^()]*$", code_of(spec))):
        assert end[0].endswith("LIMIT 1;")


@every_query
def test_query_compares_text_exactly(spec: QuerySpec) -> None:
    # = and IN do, by the tables' collations; the names of partitions are not what callers give
    if spec.kind in ("read", "write") and "information_schema" not in spec.sql.lower():
        assert not re.search(r"\b(LIKE|RLIKE|REGEXP|SOUNDS|LOWER|UPPER|LCASE|UCASE|TRIM|COLLATE)\b", code_of(spec))


@every_query
def test_query_never_swallows_errors_and_no_percent_breaks_it(spec: QuerySpec) -> None:
    assert not re.search(r"\bIGNORE\b(?! INDEX)|\bREPLACE INTO\b|ON DUPLICATE KEY", spec.sql, re.IGNORECASE)
    assert "%" not in spec.sql


@pytest.mark.parametrize("spec", [spec for spec in SPECS.values() if spec.record], ids=lambda spec: str(spec.name))
def test_record_has_the_selected_columns(spec: QuerySpec) -> None:
    assert spec.record is not None
    assert selected(spec) == list(spec.record.__struct_encode_fields__)


@pytest.mark.parametrize("name", INPUTS)
def test_input_has_the_keys_of_its_query(name: str) -> None:
    spec, hints = SPECS[name], get_type_hints(INPUTS[name], include_extras=True)
    assert set(hints) == set(spec.types)
    optional = {key for key, hint in hints.items() if get_origin(hint) is NotRequired}
    # what a method fills in by itself may be left out as well
    filled = {"event.persist": {"id", "data"}, "log.persist": {"error"}}.get(name, set())
    assert optional == {key for key, kind in spec.types.items() if kind.absent is not None} | filled


def test_every_mapping_of_the_package_is_checked_here() -> None:
    assert {kind.__name__ for kind in INPUTS.values()} == {name for name in vars(inputs) if name.startswith("New")}


@every_query
def test_query_binds_its_parameters_to_literals(spec: QuerySpec) -> None:
    """Every parameter type has a sample that it takes, and the statement then holds no parameter."""
    values = {key: {"key": ":id"} if spec.param.get(key) == "json" else kind.sample for key, kind in spec.types.items()}
    statement = attrgetter(spec.name)(load()).statement.call(values).text.decode()
    assert not [text for kind, text in tokens(statement) if kind == "parameter"]
    assert f"/*eventflow:{spec.name}@{spec.hash}*/" in statement


def test_every_builtin_type_is_met_as_it_is() -> None:
    for kind in BUILTIN_TYPES:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert("2020-01-01T00:00:00Z", kind, builtin_types=BUILTIN_TYPES)


# What breaks the rules


def broken(tmp_path: Path, text: str) -> str:
    """The message of the error that a file gives; it names the file."""
    path = tmp_path / "event" / "queries.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        read_specs(tmp_path)
    assert caught.value.code == "E_EVENTFLOW_DB_CONTRACT"
    assert str(path) in caught.value.message
    return caught.value.message


def test_query_without_mistakes_is_read(tmp_path: Path) -> None:
    (tmp_path / "event").mkdir()
    (tmp_path / "event" / "queries.sql").write_text(QUERY)
    assert list(read_specs(tmp_path)) == ["event.read"]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("-- idempotent: yes\n", "", "lacks the annotation -- idempotent:"),
        ("-- returns: Event\n", "", "lacks the annotation -- returns:"),
        ("-- index: event.PRIMARY\n", "", "lacks the annotation -- index:"),
        ("-- param id: identifier\n", "", "lacks the annotation -- param id:"),
        ("-- error: E_EVENTFLOW_DB_EVENT_READ could not read event\n", "", "lacks the annotation -- error:"),
        ("-- Read an event.\n", "", "lacks a line that says its purpose"),
        ("idempotent: yes", "idempotent: perhaps", "idempotent must be"),
        ("returns: Event", "returns: Events", "returns must be"),
        ("returns: Event", "returns: Event*", "needs the suffix"),
        ("returns: Event", "returns: Event?", "returns Record needs -- not_found"),
        ("-- method: read_event", "-- method: read event", "method must be"),
        ("-- index:", "-- scan: why not\n-- index:", "has index and scan"),
        ("param id: identifier", "param id: name", "unknown type name"),
        ("-- index:", "-- indx: x\n-- index:", "unknown annotation indx"),
        ("-- index:", "-- idempotent: no\n-- index:", "is there twice"),
        ("E_EVENTFLOW_DB_EVENT_READ could not", "could not", "error must be"),
        ("WHERE id = :id", "WHERE id = :other", "uses :other, which is not in the list"),
        ("WHERE id = :id", "WHERE id = 1", "declares id and does not use it"),
        ("WHERE id = :id", "WHERE id = ':id'", "declares id and does not use it"),
        ("WHERE id = :id", "-- it is :id", "declares id and does not use it"),
        (QUERY[QUERY.index("SELECT") :], "", "has no SQL"),
        ("read(id)^", "read(id", "must be of the form"),
    ],
)  # fmt: skip
def test_broken_query_is_named_with_file_line_and_rule(tmp_path: Path, old: str, new: str, rule: str) -> None:
    assert old in QUERY
    message = broken(tmp_path, "\n\n" + QUERY.replace(old, new, 1))
    assert re.search(r"queries\.sql:(3|12): ", message)  # of the query, or of the line itself
    assert "event.read" in message or "read(id" in message
    assert rule in message


def test_every_rule_that_is_broken_is_told_at_once(tmp_path: Path) -> None:
    overlay, empty = tmp_path / "overlay", tmp_path / "empty"
    (overlay / "event").mkdir(parents=True)
    (overlay / "event" / "a.sql").write_bytes(b"\n\xff")
    (overlay / "event" / "b.sql").write_text(
        QUERY.replace("idempotent: yes", "idempotent: perhaps")
        + QUERY.replace("read(id)^", "delete(id)").replace("-- method: read_event\n", "")
        + QUERY.replace("WHERE id = :id", "WHERE id LIKE :id")
    )
    with pytest.raises(ContractError) as caught:
        load_specs(os.pathsep.join([str(overlay), str(empty)]))
    error = caught.value
    found = [(Path(one.path).name, one.line, one.query, one.rule) for one in error.refusals]
    assert [one[:3] for one in found] == [
        ("a.sql", 2, ""), ("b.sql", 1, "event.read"), ("b.sql", 13, "event.delete"), ("b.sql", 33, "event.read"),
        ("empty", 0, ""),
    ]  # fmt: skip
    assert error.message.splitlines() == [str(one) for one in error.refusals]
    assert "idempotent must be" in found[1][3]
    assert "must keep id = :id" in found[3][3]


def test_query_defined_twice_names_both_places(tmp_path: Path) -> None:
    message = broken(tmp_path, QUERY + "\n" + QUERY)
    assert "queries.sql:14: query event.read" in message
    assert "queries.sql:1 already" in message


def test_text_before_the_first_query_raises(tmp_path: Path) -> None:
    assert "queries.sql:1: text before the first" in broken(tmp_path, "SELECT 1;\n" + QUERY)


@pytest.mark.parametrize("text", ["", "\n", "-- only a comment\n", "\ufeff"])
def test_file_without_queries_among_others_adds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "event").mkdir()
    (tmp_path / "event" / "empty.sql").write_text(text)
    with pytest.raises(ContractError, match="holds no queries"):
        read_specs(tmp_path)
    (tmp_path / "event" / "queries.sql").write_text(QUERY)
    assert list(read_specs(tmp_path)) == ["event.read"]


def test_directory_without_queries_raises(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=re.escape(str(tmp_path))):
        read_specs(tmp_path)


# Overlays


def overlay(tmp_path: Path, text: str) -> str:
    (tmp_path / "event").mkdir(exist_ok=True)
    (tmp_path / "event" / "queries.sql").write_text(text)
    return str(tmp_path)


def test_overlay_replaces_a_query(tmp_path: Path) -> None:
    specs = load_specs(overlay(tmp_path, QUERY.replace("WHERE", "USE INDEX (PRIMARY)\nWHERE")))
    assert "USE INDEX" in specs["event.read"].sql
    assert specs["event.delete"] == SPECS["event.delete"]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("name: read(", "name: raed(", "replaces no query"),
        ("idempotent: yes", "idempotent: no", "its idempotent breaks the contract"),
        ("EVENT_READ could", "EVENT_RAED could", "its error breaks the contract"),
    ],
)
def test_overlay_that_breaks_the_contract_of_the_query_raises(tmp_path: Path, old: str, new: str, rule: str) -> None:
    with pytest.raises(ContractError, match=rule) as caught:
        load_specs(overlay(tmp_path, QUERY.replace(old, new)))
    assert "queries.sql:1: query event." in caught.value.message


def test_overlay_directory_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="sql_path names no directory"):
        load_specs(str(tmp_path / "missing"))
