"""Makes scratch databases of the queries' own CREATE TABLEs, filled with rows, and drops them whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Final

import pymysql.err

from ..query.spec import QuerySpec
from ..query.statement import Statement
from .server import Inspector, TableColumn
from .tables import creations

PREFIX: Final = "eventflow_check_"
_COMPLETE: Final = "eventflow_check_complete"
"""The table that is made last: a scratch database without it was interrupted."""


@contextlib.contextmanager
def scratch_database(
    inspector: Inspector, specs: Mapping[str, QuerySpec], rows: int = 0, keep: bool = False
) -> Iterator[str]:
    """A database with the tables of the queries, and `rows` rows in each; it becomes the default one.

    keep: leave it there, and take the one that was left. The session checks no keys from then on.

    Raises: the driver's error where a table cannot be made.
    """
    text = "".join(spec.sql for spec in creations(specs))
    kept = hashlib.sha256(f"{text}{rows}".encode()).hexdigest()[:12]
    name = PREFIX + (kept if keep else secrets.token_hex(8))
    # replicas need none of this; it takes a privilege
    with contextlib.suppress(pymysql.err.Error):
        inspector.execute("SET SESSION sql_log_bin = 0")
    inspector.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    finished = interrupted = False
    try:
        # one at a time makes it
        if keep:
            inspector.execute(f"SELECT GET_LOCK('{name}', 600)")
        if not (keep and _is_complete(inspector, name)):
            _make(inspector, name, specs, rows)
        inspector.execute(f"USE `{name}`")
        if keep:
            inspector.execute(f"SELECT RELEASE_LOCK('{name}')")
        finished = True
        yield name
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        raise
    finally:
        if not (keep and finished):
            _drop(inspector, name, interrupted)


def _drop(inspector: Inspector, name: str, interrupted: bool) -> None:
    """Drop a scratch database; over another connection where this one is lost, or still at a statement."""
    statement = f"DROP DATABASE IF EXISTS `{name}`"
    if inspector.channel.is_open and not interrupted:
        inspector.execute(statement)
        return
    with Inspector(inspector.settings) as other:
        # it may be gone
        with contextlib.suppress(pymysql.err.Error):
            other.execute(f"KILL {inspector.thread}")
        other.execute(statement)


def _is_complete(inspector: Inspector, name: str) -> bool:
    tables = f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{name}' AND table_name = '{_COMPLETE}'"
    return bool(inspector.execute(tables))


def _make(inspector: Inspector, name: str, specs: Mapping[str, QuerySpec], rows: int) -> None:
    inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
    inspector.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    inspector.execute(f"USE `{name}`")
    for spec in creations(specs):
        inspector.execute(Statement(spec, tag=False).render({}))
    if rows:
        _fill(inspector, rows)
    inspector.execute(f"CREATE TABLE {_COMPLETE} (n INT PRIMARY KEY)")


def _fill(inspector: Inspector, rows: int) -> None:
    """The same number of rows in each table: keys that fit together, some values everywhere and others rare."""
    tables = inspector.table_columns()
    inspector.execute("CREATE TABLE eventflow_numbers (n INT PRIMARY KEY)")
    inspector.execute("INSERT INTO eventflow_numbers VALUES (0)")
    there = 1
    while there < rows:
        doubled = f"SELECT n + {there} FROM eventflow_numbers WHERE n + {there} < {rows}"
        inspector.execute(f"INSERT INTO eventflow_numbers {doubled}")
        there *= 2
    for table, columns in tables.items():
        given = [column for column in columns if "auto_increment" not in column.extra]
        names = ", ".join(f"`{column.name}`" for column in given)
        values = ", ".join(_value(column, columns, rows) for column in given)
        inspector.execute(f"INSERT INTO `{table}` ({names}) SELECT {values} FROM eventflow_numbers ORDER BY n")
        inspector.execute(f"ANALYZE TABLE `{table}`")
    inspector.execute("DROP TABLE eventflow_numbers")


def _value(column: TableColumn, columns: list[TableColumn], rows: int) -> str:
    """The SQL of a column's value in row number n."""
    groups = rows // 4 + 1
    if column.kind == "json" or (column.kind == "longtext" and column.name in ("data", "error")):
        return "'{}'"
    if column.kind.endswith(("char", "text")):
        return f"LEFT({_text(column, columns, rows)}, {column.length})"
    if column.kind in ("datetime", "timestamp", "date"):
        # a twentieth lies in the past, and where there need be no value, a twentieth has none
        value = f"TIMESTAMPADD(MINUTE, n - {rows // 20}, CURRENT_TIMESTAMP(3))"
        return f"IF(n MOD 20 = 0, NULL, {value})" if column.nullable else value
    if column.kind.endswith(("blob", "binary")):
        return "'x'"
    return f"n DIV {groups}" if column.primary else "n MOD 65536"


def _text(column: TableColumn, columns: list[TableColumn], rows: int) -> str:
    """The SQL of a text: keys are the table's name and a number, and others are skewed."""
    primary = [other for other in columns if other.primary]
    if column.parent is not None:
        return f"CONCAT('{column.parent}-', {'n MOD 50' if column.nullable else 'n'})"
    if column.primary and len(primary) == 1:
        return f"CONCAT('{column.table}-', n)"
    if column.primary and not any(other.parent for other in primary):
        return f"CONCAT('{column.table}-', n MOD {rows // 4 + 1})"
    # half of the rows share one value, the others have from a few to many
    many = {"domain": 3, "name": 20}.get(column.name, max(rows // 40, 2))
    return f"CONCAT('{column.name}-', IF(n MOD 2 = 0, 0, n MOD {many}))"
