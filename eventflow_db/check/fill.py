"""Fills the tables of a database with rows: keys that fit together, some values everywhere and others rare."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import pymysql.err

from .server import Inspector, TableColumn

LOST: Final = (2006, 2013)
"""The driver's numbers for a connection that is lost."""
_SLICE: Final = 1_000_000
"""Rows of one INSERT, so that none takes longer than a statement may."""


class UnfitTableError(Exception):
    """A table does not take rows that the package's takes."""

    def __init__(self, table: str, error: pymysql.err.Error) -> None:
        super().__init__(f"{table} refuses rows that the package's takes: {error.args[-1]} ({error.args[0]})")
        self.table = table


@contextlib.contextmanager
def taking_rows(table: str) -> Iterator[None]:
    """Raise UnfitTableError where a table refuses the rows that a block inserts."""
    try:
        yield
    except pymysql.err.Error as error:
        if error.args[0] in LOST:
            raise
        raise UnfitTableError(table, error) from None


def fill(
    inspector: Inspector, rows: int, values: Mapping[str, str] | None = None, only: Collection[str] | None = None
) -> None:
    """Add so many rows to each table of the inspector's default database, and have the server analyze them.

    values: by `table.column`, the SQL of its value in row number n, from 0; of other columns one by type and key.
    only: the tables to fill, without the rows that their foreign keys refer to.

    Raises: UnfitTableError; the driver's error where the server cannot go on.
    """
    tables = inspector.table_columns()
    inspector.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    _make_numbers(inspector, rows)
    for table in tables if only is None else only:
        given = [column for column in tables[table] if not re.search("auto_increment|generated", column.extra)]
        names = ", ".join(f"`{column.name}`" for column in given)
        sources = ", ".join(
            (values or {}).get(f"{table}.{column.name}") or _value(column, given, rows) for column in given
        )
        for start in range(0, rows, _SLICE):
            numbers = f"FROM eventflow_numbers WHERE n BETWEEN {start} AND {start + _SLICE - 1} ORDER BY n"
            with taking_rows(table):
                inspector.execute(f"INSERT INTO `{table}` ({names}) SELECT {sources} {numbers}")
        inspector.execute(f"ANALYZE TABLE `{table}`")
    inspector.execute("DROP TABLE eventflow_numbers")
    inspector.execute("SET SESSION foreign_key_checks = 1, unique_checks = 1")


def _make_numbers(inspector: Inspector, rows: int) -> None:
    """Make a table of the numbers n from 0 to `rows` - 1."""
    inspector.execute("CREATE TABLE eventflow_numbers (n INT PRIMARY KEY)")
    inspector.execute("INSERT INTO eventflow_numbers VALUES (0)")
    there = 1
    while there < rows:
        more = f"SELECT n + {there} FROM eventflow_numbers WHERE n < {min(there, rows - there)}"
        inspector.execute(f"INSERT INTO eventflow_numbers {more}")
        there *= 2


def _value(column: TableColumn, columns: list[TableColumn], rows: int) -> str:
    """The SQL of a column's value in row number n."""
    groups = rows // 4 + 1
    if column.kind == "json":
        return "'{}'"
    if column.kind.endswith(("char", "text")):
        return f"LEFT({_text(column, columns, rows)}, {column.length})"
    if column.kind in ("datetime", "timestamp", "date"):
        # a twentieth lies in the past, and where there need be no value, a twentieth has none
        value = f"TIMESTAMPADD(MINUTE, n - {rows // 20}, CURRENT_TIMESTAMP(3))"
        return f"IF(n MOD 20 = 0, NULL, {value})" if column.nullable else value
    if column.kind.endswith(("blob", "binary")):
        return _key(column.table, "n") if column.primary else "'x'"
    return f"n DIV {groups}" if column.primary else "n MOD 65536"


def _text(column: TableColumn, columns: list[TableColumn], rows: int) -> str:
    """The SQL of a text: a key, or else a value that half of the rows share, while others have from a few to many."""
    primary = [other for other in columns if other.primary]
    if column.parent is not None:
        return _key(column.parent, "n MOD 50" if column.nullable else "n")
    if column.primary and len(primary) == 1:
        return _key(column.table, "n")
    if column.primary and not any(other.parent for other in primary):
        return _key(column.table, f"n MOD {rows // 4 + 1}")
    many = {"domain": 3, "name": 20}.get(column.name, max(rows // 40, 2))
    return f"CONCAT('{column.name}-', IF(n MOD 2 = 0, 0, n MOD {many}))"


def _key(table: str, number: str) -> str:
    """The SQL of a key; keys are in the order of their numbers, as those of events are in the order of their times."""
    return f"CONCAT(LPAD({number}, 9, '0'), '-{table}')"
