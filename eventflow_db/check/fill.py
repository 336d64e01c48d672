"""Fills the tables of a database with rows: keys that fit together, some values everywhere and others rare."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from .server import Inspector

_SLICE: Final = 1_000_000
"""Rows of one INSERT, so that none takes longer than a statement may."""


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


def fill(
    inspector: Inspector, rows: int, values: Mapping[str, str] | None = None, only: Collection[str] | None = None
) -> None:
    """Add so many rows to each table of the inspector's default database, and have the server analyze them.

    values: by `table.column`, the SQL of its value in row number n, from 0; of other columns one by type and key.
    only: the tables to fill, without the rows that their foreign keys refer to.
    """
    tables: dict[str, list[_Column]] = {}
    for row in inspector.execute(_COLUMNS):
        column = _Column(*row)  # type: ignore[arg-type]
        if only is None or column.table in only:
            tables.setdefault(column.table, []).append(column)
    inspector.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    _make_numbers(inspector, rows)
    for table, columns in tables.items():
        given = [column for column in columns if "auto_increment" not in column.extra.lower()]
        names = ", ".join(f"`{column.name}`" for column in given)
        sources = ", ".join(
            (values or {}).get(f"{table}.{column.name}") or _value(column, columns, rows) for column in given
        )
        for start in range(0, rows, _SLICE):
            inspector.execute(
                f"INSERT INTO `{table}` ({names}) SELECT {sources} FROM eventflow_numbers "
                f"WHERE n BETWEEN {start} AND {start + _SLICE - 1} ORDER BY n"
            )
    inspector.execute("DROP TABLE eventflow_numbers")
    inspector.execute("SET SESSION foreign_key_checks = 1, unique_checks = 1")
    for table in tables:
        inspector.execute(f"ANALYZE TABLE `{table}`")


def _make_numbers(inspector: Inspector, rows: int) -> None:
    """Make a table of the numbers n from 0 to `rows` - 1."""
    digits = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
    places = len(str(rows - 1))
    number = " + ".join(f"d{place}.d * {10**place}" for place in range(places))
    sources = ", ".join(f"({digits}) AS d{place}" for place in range(places))
    inspector.execute("CREATE TABLE eventflow_numbers (n INT PRIMARY KEY)")
    inspector.execute(
        f"INSERT INTO eventflow_numbers SELECT numbers.n FROM (SELECT {number} AS n FROM {sources}) AS numbers "
        f"WHERE numbers.n < {rows}"
    )


def _key(table: str, number: str) -> str:
    """The SQL of a key; keys are in the order of their numbers, as those of events are in the order of their times."""
    return f"CONCAT(LPAD({number}, 9, '0'), '-{table}')"


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
