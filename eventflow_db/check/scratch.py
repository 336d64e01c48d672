"""Scratch databases: made from the queries' own CREATE TABLEs, filled with rows, dropped whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Final, NamedTuple

import pymysql.err

from ..query.spec import QuerySpec
from ..query.statement import Statement
from .server import Inspector, inspecting

PREFIX: Final = "eventflow_check_"
_COMPLETE: Final = "eventflow_check_complete"
"""The table that is made last: a scratch database without it was interrupted."""


def creations(specs: Mapping[str, QuerySpec]) -> list[QuerySpec]:
    """The queries that create tables."""
    return [spec for spec in specs.values() if spec.verb == "CREATE"]


@contextlib.contextmanager
def scratch_database(
    inspector: Inspector, specs: Mapping[str, QuerySpec], rows: int = 0, keep: bool = False
) -> Iterator[str]:
    """A database with the tables of the queries, and `rows` rows in each; it becomes the default one.

    keep: leave it there, and take the one that was left.

    Raises: the driver's error where a table cannot be made.
    """
    text = "".join(spec.sql for spec in creations(specs))
    kept = hashlib.sha256(f"{text}{rows}".encode()).hexdigest()[:12]
    name = PREFIX + (kept if keep else secrets.token_hex(8))
    with contextlib.suppress(pymysql.err.Error):
        inspector.execute("SET SESSION sql_log_bin = 0")  # replicas need none of this; it takes a privilege
    with _terminable():
        finished = interrupted = False
        try:
            if keep:  # one at a time makes it
                inspector.execute(f"SELECT GET_LOCK('{name}', 600)")
            if not (keep and _is_complete(inspector, name)):
                _make(inspector, name, specs, rows)
            inspector.execute(f"USE `{name}`")
            if keep:
                inspector.execute(f"SELECT RELEASE_LOCK('{name}')")
            finished = True
            yield name
        except Exception:
            raise
        except BaseException:
            interrupted = True
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
    with inspecting(inspector.settings) as other:
        with contextlib.suppress(pymysql.err.Error):  # it may be gone
            other.execute(f"KILL {inspector.thread}")
        other.execute(statement)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the program as Ctrl-C does, so that what is to be dropped is dropped."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_complete(inspector: Inspector, name: str) -> bool:
    return bool(
        inspector.execute(
            f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{name}' AND table_name = '{_COMPLETE}'"
        )
    )


def _make(inspector: Inspector, name: str, specs: Mapping[str, QuerySpec], rows: int) -> None:
    inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
    inspector.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    inspector.execute(f"USE `{name}`")
    inspector.execute("SET SESSION foreign_key_checks = 0")
    for spec in creations(specs):
        inspector.execute(Statement(spec, tag=False).render({}))
    if rows:
        _fill(inspector, rows)
    inspector.execute(f"CREATE TABLE {_COMPLETE} (n INT PRIMARY KEY)")
    inspector.execute("SET SESSION foreign_key_checks = 1")


class _Column(NamedTuple):
    table: str
    name: str
    type: str
    length: str | None
    nullable: str
    extra: str
    primary: str | None
    """Its place in the primary key."""
    parent: str | None
    """The table that a foreign key refers to."""


_COLUMNS: Final = """
    SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.is_nullable, c.extra,
        (SELECT MIN(s.seq_in_index) FROM information_schema.statistics AS s
         WHERE s.table_schema = c.table_schema AND s.table_name = c.table_name
             AND s.column_name = c.column_name AND s.index_name = 'PRIMARY'),
        (SELECT MIN(k.referenced_table_name) FROM information_schema.key_column_usage AS k
         WHERE k.table_schema = c.table_schema AND k.table_name = c.table_name
             AND k.column_name = c.column_name AND k.referenced_table_name IS NOT NULL)
    FROM information_schema.columns AS c
    WHERE c.table_schema = DATABASE()
    ORDER BY c.table_name, c.ordinal_position
"""


def _fill(inspector: Inspector, rows: int) -> None:
    """The same number of rows in each table: keys that fit together, some values everywhere and others rare."""
    tables: dict[str, list[_Column]] = {}
    for row in inspector.execute(_COLUMNS):
        column = _Column(*row)  # type: ignore[arg-type]
        tables.setdefault(column.table, []).append(column)
    digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
    places = len(str(rows - 1))
    number = " + ".join(f"d{place}.d * {10**place}" for place in range(places))
    sources = ", ".join(f"({digits}) AS d{place}" for place in range(places))
    inspector.execute("SET SESSION unique_checks = 0")
    inspector.execute("CREATE TABLE eventflow_numbers (n INT PRIMARY KEY)")
    inspector.execute(
        f"INSERT INTO eventflow_numbers SELECT numbers.n FROM (SELECT {number} AS n FROM {sources}) AS numbers "
        f"WHERE numbers.n < {rows}"
    )
    for table, columns in tables.items():
        given = [column for column in columns if "auto_increment" not in column.extra.lower()]
        names = ", ".join(f"`{column.name}`" for column in given)
        values = ", ".join(_value(column, columns, rows) for column in given)
        inspector.execute(f"INSERT INTO `{table}` ({names}) SELECT {values} FROM eventflow_numbers ORDER BY n")
    for table in tables:
        inspector.execute(f"ANALYZE TABLE `{table}`")
    inspector.execute("DROP TABLE eventflow_numbers")
    inspector.execute("SET SESSION unique_checks = 1")


def _key(table: str, number: str) -> str:
    return f"CONCAT('{table}-', {number})"


def _value(column: _Column, columns: list[_Column], rows: int) -> str:
    """The SQL of a column's value in row number n."""
    several = sum(other.primary is not None for other in columns) > 1
    groups = rows // 4 + 1
    if column.type in ("varchar", "char", "text", "tinytext", "mediumtext", "longtext", "json"):
        if column.type == "json" or (column.type == "longtext" and column.name in ("data", "error")):
            return "'{}'"
        if column.parent is not None:
            value = _key(column.parent, "n" if column.primary or column.nullable == "NO" else "n MOD 50")
        elif column.primary is None:
            value = _skewed(column.name, rows)
        elif not several:
            value = _key(column.table, "n")
        elif any(other.parent is not None and other.primary for other in columns):
            value = _skewed(column.name, rows)
        else:
            value = _key(column.table, f"n MOD {groups}")
        return f"LEFT({value}, {column.length})"
    if column.type in ("datetime", "timestamp", "date"):
        # a twentieth lies in the past, and where there need be no value, a twentieth has none
        value = f"TIMESTAMPADD(MINUTE, n - {rows // 20}, CURRENT_TIMESTAMP(3))"
        return value if column.nullable == "NO" else f"IF(n MOD 20 = 0, NULL, {value})"
    if column.type.endswith(("blob", "binary")):
        return "'x'"
    return f"n DIV {groups}" if column.primary else "n MOD 65536"


def _skewed(name: str, rows: int) -> str:
    """Half of the rows share one value, the others have from a few to many."""
    many = {"domain": 3, "name": 20}.get(name, max(rows // 40, 2))
    return f"CONCAT('{name}-', IF(n MOD 2 = 0, 0, n MOD {many}))"
