"""Plans: what EXPLAIN says of a statement, and whether it is what the annotation promises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..query.spec import QuerySpec
from .server import Inspector

_SCANS: Final = ("ALL", "index")


class Access(NamedTuple):
    """How a plan reads one table."""

    table: str
    type: str
    key: str | None
    columns: tuple[str, ...]
    """Of the index, that values are looked up in."""

    def __str__(self) -> str:
        if self.type in _SCANS:
            return f"scans {self.table}" + (f" along {self.key}" if self.key else "")
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"{self.table}.{self.key}{columns}"


def explain(inspector: Inspector, statement: bytes, names: Mapping[str, str]) -> list[Access]:
    """How the server would read the tables of a statement, which it does not run; names: alias → table."""
    # the format is stated, because servers differ in which one they default to
    text = inspector.execute(b"EXPLAIN FORMAT=JSON " + statement)[0][0]
    return [
        access._replace(table=names[access.table])
        for access in _accesses(json.loads(text or "{}"))
        if access.table in names
    ]


def table(inspector: Inspector, statement: bytes) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
    """The same as the server shows it to people: column names and rows."""
    prefix = b"EXPLAIN " if inspector.is_mariadb else b"EXPLAIN FORMAT=TRADITIONAL "
    return inspector.query(prefix + statement)


def _accesses(node: Any) -> Iterator[Access]:
    if isinstance(node, list):
        for item in node:
            yield from _accesses(item)
    elif isinstance(node, dict):
        table, kind = node.get("table_name"), node.get("access_type")
        if isinstance(table, str) and isinstance(kind, str) and not node.get("insert"):
            yield Access(table, kind, node.get("key"), tuple(node.get("used_key_parts", ())))
        for item in node.values():
            yield from _accesses(item)


def problem(spec: QuerySpec, accesses: list[Access]) -> str | None:
    """What a plan does that the annotation does not promise."""
    if spec.index_name is None:
        return None
    told = f"plan: {'; '.join(dict.fromkeys(map(str, accesses))) or 'reads no table'}; promised: {spec.lookup}"
    scans = dict.fromkeys(str(access) for access in accesses if access.type in _SCANS)
    if scans:
        return f"{' and '.join(scans)}; {told}"
    if spec.index == "none":
        return told if accesses else None
    table, index = spec.index_name.split(".")
    used = [access.columns for access in accesses if access.table == table and access.key == index]
    return None if any(columns[: len(spec.index_columns)] == spec.index_columns for columns in used) else told
