"""Sample arguments for queries, taken from the rows that are there, by the parameters' names and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..query.codec import parse_datetime
from ..query.parameters import parameter_type, split_mark
from ..query.spec import QuerySpec
from .server import Inspector

Row = Mapping[str, str | None]
_INVENTED: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PLAIN: Final[Mapping[str, Any]] = {
    "bytes": b"x", "bytes(16)": b"x", "json": {}, "date": _INVENTED, "partition": _INVENTED, "seconds": 0, "page": 1000,
}  # fmt: skip
"""Values of types that no lookup has."""


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
            row = _row(inspector, table, spec.key if table == index and whole else (), direction)
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
    found = {}
    for name, text in spec.parameters.items():
        kind = parameter_type(text)
        assert kind is not None
        found[name] = kind.literal(limit if text == "limit" else _value(name, split_mark(text)[0], row))
    return found


def _value(name: str, kind: str, row: Row) -> Any:
    given = row.get(name)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind.startswith("datetime"):
        text = given or row.get("timestamp")
        moment = parse_datetime(text.encode()) if text else _INVENTED
        return moment + timedelta(hours={"start": -1, "end": 1}.get(name, 0))
    if kind == "identifier*":
        return [row.get(name.removesuffix("s")) or "x", "y"]
    if kind == "port":
        return int(given or 0)
    return given or "x"
