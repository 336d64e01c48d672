"""Sample arguments for queries, taken from the rows that are there, by the parameters' names and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..query.parameters import TYPES, ParameterType, split_mark
from ..query.spec import QuerySpec
from .server import Inspector

Row = Mapping[str, str | None]


def sample_rows(
    inspector: Inspector, spec: QuerySpec, tables: Sequence[str], whole: bool
) -> list[dict[str, str | None]]:
    """Rows of a query's tables: with the values that most rows have, and with those that fewest have.

    whole: the tables may be read through for that; else the first and last rows stand for them. Empty where
    a table has no rows.
    """
    index = (spec.index or "").partition(".")[0]
    known = [
        row[0]
        for row in inspector.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    ]
    ordered = sorted((table for table in tables if table in known), key=lambda table: table != index)
    samples: list[dict[str, str | None]] = [{}, {}]
    for table in ordered:
        for sample, direction in zip(samples, ("DESC", "ASC"), strict=True):
            row = _row(inspector, table, spec.index_columns if table == index and whole else (), direction)
            if row is None:
                return []
            for name, value in row.items():
                sample.setdefault(name, value)
    return samples


def _row(inspector: Inspector, table: str, key: Sequence[str], direction: str) -> dict[str, str | None] | None:
    where = ""
    if key:
        columns = ", ".join(f"`{name}`" for name in key)
        common = inspector.execute(
            f"SELECT {columns} FROM `{table}` GROUP BY {columns} ORDER BY COUNT(*) {direction}, {columns} LIMIT 1"
        )
        if not common:
            return None
        pairs = zip(key, common[0], strict=True)
        where = "WHERE " + " AND ".join(
            f"`{name}` IS NULL" if value is None else f"`{name}` = {_quoted(value)}" for name, value in pairs
        )
    names = [
        row[0]
        for row in inspector.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            # not what may be secret, long or no text
            f"AND table_name = '{table}' AND data_type IN ('varchar', 'char', 'datetime', 'int', 'smallint')"
        )
    ]
    rows = inspector.execute(f"SELECT {', '.join(f'`{name}`' for name in names)} FROM `{table}` {where} LIMIT 1")
    return dict(zip(names, rows[0], strict=True)) if rows else None  # type: ignore[arg-type]


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def literals(spec: QuerySpec, row: Row, limit: int | None = None) -> dict[str, bytes]:
    """The literal of each parameter of a query, from a row."""
    kinds = {name: (split_mark(text)[0], TYPES[split_mark(text)[0]]) for name, text in spec.param.items()}
    return {
        name: kind.literal(limit if text == "limit" else _value(name, text, kind, row))
        for name, (text, kind) in kinds.items()
    }


def _value(name: str, text: str, kind: ParameterType, row: Row) -> Any:
    if text == "identifier*":
        return [row.get(name.removesuffix("s")) or "x", "y"]
    if text.startswith("datetime"):
        given = row.get(name) or row.get("timestamp")
        moment = kind.read(given) if given else kind.sample
        return moment + timedelta(hours={"start": -1, "end": 1}.get(name, 0))
    given = row.get(name)
    return kind.read(given) if given else kind.sample
