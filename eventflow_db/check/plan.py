"""Reads the plan of a statement, what EXPLAIN says of it, and checks it against the annotation."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..errors import SchemaError
from ..query.spec import QuerySpec
from .rules import check_rules
from .server import CODE, Inspector, Row

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


def explain(inspector: Inspector, spec: QuerySpec, statement: bytes, tables: Collection[str]) -> list[Access]:
    """How the server would read these tables for a query's statement, which it does not run.

    Raises: the driver's error; SchemaError where the server's plan is no JSON.
    """
    names = check_rules(spec).names or {table: table for table in tables}
    # the format is stated, because servers differ in which one they default to
    text = inspector.execute(b"EXPLAIN FORMAT=JSON " + statement)[0][0]
    try:
        # MariaDB escapes nothing in the names of indexes
        accesses = _accesses(json.loads(text or "{}", strict=False))
    except ValueError:
        raise SchemaError(CODE, "the server's plan cannot be read: an index there has an odd name") from None
    # derived tables are none of these
    return [access._replace(table=names[access.table]) for access in accesses if names.get(access.table) in tables]


def explain_as_table(inspector: Inspector, statement: bytes) -> tuple[tuple[str, ...], list[Row]]:
    """The same as the server shows it to people: column names and rows.

    Raises: the driver's error.
    """
    prefix = b"EXPLAIN " if inspector.is_mariadb else b"EXPLAIN FORMAT=TRADITIONAL "
    return inspector.query(prefix + statement)


def _accesses(node: Any) -> Iterator[Access]:
    if isinstance(node, dict):
        table, kind = node.get("table_name"), node.get("access_type")
        if isinstance(table, str) and isinstance(kind, str) and not node.get("insert"):
            yield Access(table, kind, node.get("key"), tuple(node.get("used_key_parts", ())))
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _accesses(item)


def check_plan(spec: QuerySpec, accesses: Sequence[Access]) -> str | None:
    """What a plan does that the annotation does not promise; None where there is nothing."""
    if spec.index_name is None:
        return None
    if scans := [str(access) for access in accesses if access.type in _SCANS]:
        return f"{'; '.join(dict.fromkeys(scans))}; promised: {spec.lookup}"
    table, _, index = spec.index_name.partition(".")
    promised = spec.index_columns
    for access in accesses:
        if access.table == table and (
            access.columns[: len(promised)] == promised
            if access.key == index
            # which of two indexes that look up the same columns is taken depends on a server's statistics
            else promised and sorted(access.columns) == sorted(promised)
        ):
            return None
    if spec.index == "none" and not accesses:
        return None
    return f"plan: {'; '.join(dict.fromkeys(map(str, accesses))) or 'reads no table'}; promised: {spec.lookup}"
