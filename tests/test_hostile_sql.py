"""SQL files that mean harm: what is loaded as a read is one for the server, and no text takes long to read."""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pymysql
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies

import eventflow_db
from eventflow_db.check.server import Inspector
from eventflow_db.errors import ContractError
from eventflow_db.identifiers import IDENTIFIER
from eventflow_db.query import contract, load_specs
from eventflow_db.query.annotations import _KEYS, read_specs
from eventflow_db.query.parameters import TYPES
from eventflow_db.query.statement import Statement
from eventflow_db.settings import Settings

HEAD = """-- name: read(id)^
-- method: read_event
-- Read an event.
-- param id: identifier
-- returns: Event
-- error: E_EVENTFLOW_DB_EVENT_READ could not read event
-- not_found: E_EVENTFLOW_DB_EVENT_NOT_FOUND event not found
-- index: event.PRIMARY (id)
-- idempotent: yes
"""
READ = "SELECT id, timestamp, domain, rid, pid, name, data FROM event WHERE id = :id;\n"


def write(directory: Path, sql: str) -> Path:
    """An overlay with one query."""
    (directory / "event").mkdir(exist_ok=True)
    (directory / "event" / "ours.sql").write_bytes((HEAD + sql).encode())
    return directory


NO_DROP = "which no DROP does"
NOT_SHOWN = "which does not show"
NO_COMMENT = "which is no comment for servers"
NOT_CLOSED = "a quote or comment may not be closed"


@pytest.mark.parametrize(
    ("opening", "rule"),
    [
        (" --\nDROP TABLE event /*\nSELECT */ ", NO_DROP),
        (" --\nDROP TABLE event\n", NO_DROP),
        (" --\nDROP TABLE event -- \n", NO_DROP),
        ("/**/ --\nDROP TABLE event\n", NO_DROP),
        ("( --\nDROP TABLE event\n", NO_DROP),
        (" -- \\\nDROP TABLE event\n", NO_DROP),
        ("/* -- */ DROP TABLE event /*\n*/", NO_DROP),
        ("/*/ SELECT */ DROP TABLE event /*/*/", NO_DROP),
        ("# SELECT\nDROP TABLE event\n", NO_DROP),
        ("/*' */ DROP TABLE event -- '\n", NO_DROP),
        ("--x\nDROP TABLE event\n", NO_COMMENT),
        (" --x\nDROP TABLE event\n", NO_COMMENT),
        ("--/*\nDROP TABLE event -- */\n", NO_COMMENT),
        ("SELECT 1 --1 FROM event;\n", NO_COMMENT),
        ("--\x01\nDROP TABLE event\n", NOT_SHOWN),
        ("--\x0bDROP TABLE event\n", NOT_SHOWN),
        (" -- a form feed\x0cDROP TABLE event\n", NOT_SHOWN),
        (" -- a carriage return\rDROP TABLE event\n", NOT_SHOWN),
        (" -- a line end of Unicode\u2028DROP TABLE event\n", NOT_SHOWN),
        (" -- another\x85DROP TABLE event\n", NOT_SHOWN),
        (" -- a group separator\x1dDROP TABLE event\n", NOT_SHOWN),
        (" --\u00a0DROP TABLE event\n", NOT_SHOWN),
        (" --\x00DROP TABLE event\n", NOT_SHOWN),
        (" /* \u202e */", NOT_SHOWN),
        (" \ufeff", NOT_SHOWN),
        ("/*!50000 DROP TABLE event */ ", "hides SQL"),
        ("/*M!100000 DROP TABLE event */ ", "hides SQL"),
        ("/*+ 'x */ DROP TABLE event -- ' */", NOT_CLOSED),
        ("/*+ /* */ DROP TABLE event */", NOT_CLOSED),
        ("/*+ x */ DROP TABLE event ", "begins with no word"),
        ("\\N ", NOT_CLOSED),
        ("'SELECT' ", "begins with no word"),
        (":id ", "begins with no word"),
        ("SELECT$ ", "begins with SELECT\\$"),
        ("/* ", NOT_CLOSED),
        ('"', NOT_CLOSED),
        ("BEGIN NOT ATOMIC ", "begins with BEGIN"),
    ],
)
def test_load_of_a_read_with_a_hostile_opening_raises(tmp_path: Path, opening: str, rule: str) -> None:
    with pytest.raises(ContractError, match=rule) as caught:
        load_specs(str(write(tmp_path, opening + READ)))
    assert re.search(r"ours\.sql:\d+: ", caught.value.message)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_load_of_a_read_with_harmless_comments_takes_it(tmp_path: Path, line_end: str) -> None:
    opening = "--\n-- \n--\twhy\n# it's :this\n/* \"so */ /**/ (/*+ MAX_EXECUTION_TIME(9) */"
    text = opening.partition("(")[0] + "SELECT /*+ MAX_EXECUTION_TIME(9) */" + READ.removeprefix("SELECT")
    spec = load_specs(str(write(tmp_path, text.replace("\n", line_end))))["event.read"]
    sent = Statement(spec, tag=False).render({"id": b"'x'"})
    assert sent.split()[:4] == [b"SELECT", b"/*+", b"MAX_EXECUTION_TIME(9)", b"*/"]


def test_contract_write_keeps_brackets_in_a_text() -> None:
    entry = contract.Entry(
        kind="read", returns="int", error="E", idempotent="yes", hash="x", scan="all [ of  them ] are read"
    )
    assert msgspec.json.decode(contract.write({"a.b": entry}), type=dict[str, contract.Entry]) == {"a.b": entry}


PIECES = (
    "--", "-- ", "--\n", "--\t", "--x", "--\x01", "-", "#", "/*", "*/", "/*+", "/*!", "/*M!", "/**/",
    "/*\nSELECT */", "\n", "\r", " ", "\t", "\x0b", "\x0c", "\x00", "\x85", "\u2028", "\u00a0", "'", '"', "`", "\\",
    "\\N", "''", "(", ")", ";", "x", "1", ",", "$", "SELECT ", "SELECT 1", "DROP TABLE nothing",
    "INSERT INTO nothing VALUES (1)", "WITH x AS (SELECT 1) ", "UNION ", "DO 1",
)  # fmt: skip


@pytest.fixture(scope="module")
def inspector(check_settings: Settings) -> Iterator[Inspector]:
    """A session that prepares statements."""
    with Inspector(check_settings) as inspector:
        inspector.execute("CREATE DATABASE IF NOT EXISTS eventflow_check_hostile")
        inspector.execute("USE eventflow_check_hostile")
        inspector.execute("CREATE TABLE IF NOT EXISTS nothing (n INT)")
        yield inspector
        inspector.execute("DROP DATABASE eventflow_check_hostile")


@pytest.mark.parametrize("last", ["SELECT 1 AS one", "DROP TABLE nothing"])
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example(prefix=" --\nDROP TABLE nothing /*\nSELECT */ -- ")
@given(prefix=strategies.lists(strategies.sampled_from(PIECES), max_size=7).map("".join))
def test_what_is_loaded_as_a_read_gives_rows_on_the_server(
    tmp_path: Path, inspector: Inspector, last: str, prefix: str
) -> None:
    head = HEAD.replace("(id)^", "()^").replace("-- param id: identifier\n", "")
    (tmp_path / "event").mkdir(exist_ok=True)
    (tmp_path / "event" / "ours.sql").write_bytes((head + prefix + last).encode())
    try:
        spec = read_specs(tmp_path)["event.read"]
    except ContractError:
        return
    assert spec.kind == "read"
    try:
        prepared = inspector.prepare(Statement(spec, tag=True).render({}))
    except pymysql.err.Error:
        # a slip that the server names
        return
    assert prepared is not None
    assert prepared.columns


# --- time


def patterns() -> Iterator[tuple[str, Any]]:
    """Every pattern of the package, by its place, and what is done with it; searching is the most."""
    for info in pkgutil.walk_packages(eventflow_db.__path__, "eventflow_db."):
        if ".sync" in info.name or info.name.endswith((".watchdog", "__main__")):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and not name.startswith("__"):
                yield f"{info.name}.{name}", value.search
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            function = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and function in INLINE and isinstance(node.args[0], ast.Constant):
                pattern = re.compile(str(node.args[0].value))
                yield f"{info.name}:{node.lineno}", pattern.fullmatch if "full" in function else pattern.search
    for name, key in _KEYS.items():
        yield f"annotation {name}", re.compile(key.pattern).fullmatch
    yield "identifier", re.compile(IDENTIFIER % 62).search
    for name, kind in TYPES.items():
        yield f"type {name}", lambda text, kind=kind: kind.is_plain(text)


INLINE = {f"re.{name}" for name in ("match", "search", "sub", "split", "fullmatch", "findall", "finditer")}
PUMPS = (
    *"aZ0 \t\n_.,:;=-#/*+'\"`\\()[]{}%$!<>|&@é", "''", '""', "``", "\\'", '\\"', "/*", "*/", "/**/", "/*+", "/*+*/",
    "/*+'", "--", "-- ", "--\n", "# ", "#\n", ":a", ": ", " =", "= ", ", ", " ,", "a, ", "a: ", "1, ", "VALUES ",
    "VALUES(", "VALUES  x", "(a", "a(", "[ ", " ]", "-- name: a(", "-- name: a()", "-- param a", "now(", "int(1",
    "'\n", "p_cold_", "E_EVENTFLOW_DB_A ", "str", "a.b", "a.b (c", "when identical", "'\ue000a", "x: A",
)  # fmt: skip
AROUND = (("", ""), ("", "\x01"), ("a", ""), ("-- name: a()", "\x01"), ("SELECT", ""), ("[", "x"), ("'", "x"))
SIZE = 40_000
SECONDS = 1.0


@pytest.mark.parametrize(("place", "use"), [pytest.param(place, use, id=place) for place, use in patterns()])
def test_pattern_takes_linear_time_on_hostile_text(place: str, use: Any) -> None:
    """A quadratic one takes over a second for one of these texts, an exponential one for ever; a linear one 1 ms."""
    is_of_bytes = isinstance(getattr(getattr(use, "__self__", None), "pattern", ""), bytes)
    for pump, (before, after) in itertools.product(PUMPS, AROUND):
        text = before + pump * (SIZE // len(pump)) + after
        started = time.perf_counter()
        use(text.encode() if is_of_bytes else text)
        assert time.perf_counter() - started < SECONDS, f"{before!r} + {pump!r} * n + {after!r}"


@pytest.mark.parametrize("pump", ["/**/", "\\'", "/*", "#\n", "((", "-- x\n", "a = ", "[ "])
def test_load_of_hostile_text_raises_in_linear_time(tmp_path: Path, pump: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ContractError):
        load_specs(str(write(tmp_path, " '" + pump * (SIZE // len(pump)))))
    assert time.perf_counter() - started < SECONDS


@pytest.mark.parametrize("nested", ["(" * 3_000 + "1" + ")" * 3_000, "- " * 3_000 + "1"], ids=["brackets", "signs"])
def test_load_of_deeply_nested_text_raises(tmp_path: Path, nested: str) -> None:
    with pytest.raises(ContractError, match="nested too deeply"):
        load_specs(str(write(tmp_path, READ.replace("WHERE", f"WHERE {nested} AND"))))
