"""Takes sample arguments of queries from the rows that are there, by the names and types of their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ..query.parameters import TYPES, ParameterType
from ..query.spec import QuerySpec
from .server import Inspector, TableColumn

Sample = dict[str, str | None]
"""Column → value."""
SEEN: Final = 5_000
"""Rows at either end of a table that others read and write."""
_PRIMARY: Final = """
    SELECT column_name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = '{table}' AND index_name = 'PRIMARY' ORDER BY seq_in_index
"""
_KINDS: Final = ("varchar", "char", "datetime", "int", "smallint")
"""Types of columns that samples are taken of: not what may be secret, long or no text."""


def sample_columns(tables: Mapping[str, Iterable[TableColumn]]) -> dict[str, list[str]]:
    """The columns of each table that samples are taken of."""
    return {
        # a key of bytes is text all the same
        table: [
            column.name for column in columns if column.kind in _KINDS or (column.primary and "binary" in column.kind)
        ]
        for table, columns in tables.items()
    }


def sample_rows(
    inspector: Inspector, spec: QuerySpec, tables: Iterable[str], columns: Mapping[str, Sequence[str]], counting: bool
) -> list[Sample]:
    """Rows of a query's tables: with the values that most rows have, and with those that fewest have.

    counting: the tables may be read through for that; else their first and last SEEN rows stand for all. Empty where a
    table has no rows.

    Raises: the driver's error.
    """
    indexed = (spec.index or "").partition(".")[0]
    samples: list[Sample] = [{}, {}]
    for table in sorted(columns.keys() & set(tables), key=lambda table: (table != indexed, table)):
        key = spec.index_columns if table == indexed else ()
        source = _ends(inspector, table, key) if key and not counting else f"`{table}`"
        for sample, direction in zip(samples, ("DESC", "ASC"), strict=True):
            row = _row(inspector, table, source, columns[table], key, direction)
            if row is None:
                return []
            for column, value in row.items():
                sample.setdefault(column, value)
    return samples


def _ends(inspector: Inspector, table: str, key: Sequence[str]) -> str:
    """A derived table of a key in the first and the last rows of a table."""
    primary = [name for (name,) in inspector.execute(_PRIMARY.format(table=table))]
    ends = " UNION ALL ".join(
        f"(SELECT {_names(key)} FROM `{table}` FORCE INDEX (PRIMARY)"
        f" ORDER BY {', '.join(f'`{name}` {direction}' for name in primary)} LIMIT {SEEN})"
        for direction in ("ASC", "DESC")
    )
    return f"({ends}) AS ends"


def _row(
    inspector: Inspector, table: str, source: str, columns: Sequence[str], key: Sequence[str], direction: str
) -> Sample | None:
    """A row of a table; with a key, one of those whose values in it are the most or the least common in a source."""
    where = ""
    if key:
        names = _names(key)
        common = inspector.execute(
            f"SELECT {names} FROM {source} GROUP BY {names} ORDER BY COUNT(*) {direction}, {names} LIMIT 1"
        )
        if not common:
            return None
        # <=> finds NULL, too
        pairs = zip(key, map(_literal, common[0]), strict=True)
        where = "WHERE " + " AND ".join(f"`{name}` <=> {value}" for name, value in pairs)
    rows = inspector.execute(f"SELECT {_names(columns)} FROM `{table}` {where} LIMIT 1")
    return dict(zip(columns, rows[0], strict=True)) if rows else None


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _literal(value: str | None) -> str:
    return "NULL" if value is None else TYPES["text"].literal(value).decode()


def literals(spec: QuerySpec, sample: Mapping[str, str | None], limit: int | None = None) -> dict[str, bytes]:
    """The literal of each parameter of a query, from a row."""
    return {
        name: kind.literal(limit if text == "limit" else sample_value(name, kind, sample))
        for (name, text), kind in zip(spec.param.items(), spec.types.values(), strict=True)
    }


def sample_value(name: str, kind: ParameterType, sample: Mapping[str, str | None]) -> Any:
    """The value of one parameter, from a row."""
    if isinstance(kind.sample, list):
        given = sample.get(name.removesuffix("s"))
        return [given, *kind.sample[1:]] if given else kind.sample
    is_time = kind.python == "datetime"
    given = sample.get(name) or (sample.get("timestamp") if is_time else None)
    value = kind.read(given) if given else kind.sample
    return value + timedelta(hours={"start": -1, "end": 1}.get(name, 0)) if is_time else value
