"""Reads the plan of a statement, what EXPLAIN says of it, and checks it against the annotation."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..errors import SchemaError
from ..query.spec import QuerySpec
from .rules import Word, check_rules, split
from .server import CODE, Inspector, Row

_SCANS: Final = ("ALL", "index")


class Access(NamedTuple):
    """How a plan reads one table."""

    table: str
    type: str
    key: str | None
    columns: tuple[str, ...]
    """Of the index, that values are looked up in."""

    @property
    def scans(self) -> bool:
        """Whether all of the table is read, or all of an index."""
        return self.type in _SCANS

    def __str__(self) -> str:
        if self.scans:
            return f"scans {self.table}" + (f" along {self.key}" if self.key else "")
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"{self.table}.{self.key}{columns}"


class Plan(NamedTuple):
    """How a server would run a statement."""

    accesses: list[Access]
    work: frozenset[str]
    """What it does beside reading: sorts, makes temporary tables."""
    warnings: list[str]


def explain(inspector: Inspector, spec: QuerySpec, statement: bytes, tables: Collection[str]) -> Plan:
    """How the server would run a query's statement, and read these tables for it. It is not run.

    Raises: the driver's error; SchemaError where the server's plan is no JSON.
    """
    names = check_rules(spec).names or {table: table for table in tables}
    # the format is stated, because servers differ in which one they default to
    text = inspector.execute(b"EXPLAIN FORMAT=JSON " + statement)[0][0]
    # what it would do otherwise than it reads: hints that it does not know, values that it converts
    warnings = [message for level, _, message in inspector.execute("SHOW WARNINGS") if level == "Warning"]
    try:
        # MariaDB escapes nothing in the names of indexes
        found = json.loads(text or "{}", strict=False)
    except ValueError:
        raise SchemaError(CODE, "the server's plan cannot be read: an index there has an odd name") from None
    # derived tables are none of these
    accesses = [
        access._replace(table=names[access.table]) for access in _accesses(found) if names.get(access.table) in tables
    ]
    return Plan(accesses, frozenset(_work(found)), warnings)


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


TEMPORARY: Final = "makes a temporary table"
_WORK: Final = {
    "using_filesort": "sorts", "filesort": "sorts", "using_temporary_table": TEMPORARY, "temporary_table": TEMPORARY,
}  # fmt: skip
"""What is said by keys of a plan, of MySQL and of MariaDB."""


def _work(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (_WORK[key] for key, value in node.items() if key in _WORK and value)
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _work(item)


def check_promise(spec: QuerySpec, package: QuerySpec) -> Iterator[str]:
    """What a query promises less than the package's, or does to others while it is read."""
    if package.index_columns and not set(package.index_columns) <= set(spec.index_columns):
        yield f"promises {spec.lookup}, the package's {package.lookup}: name an index with those columns"
    if spec.kind != "read":
        return
    words, of_package = split(spec), split(package)
    if (locks := _locks(words)) and not _locks(of_package):
        yield f"locks what it reads ({locks}), which the package's does not"
    if any(word.text == "SET_VAR" for word in words):
        yield "sets a variable of the server for its time (SET_VAR)"
    limit = re.search(r"MAX_EXECUTION_TIME \( (\d+)", " ".join(word.text for word in words))
    if limit and 0 < int(limit[1]) < _SECOND:
        yield f"ends after {limit[1]} ms (MAX_EXECUTION_TIME): give it a second at least"


_SECOND: Final = 1000


def _locks(words: Sequence[Word]) -> str:
    """The words with which a read locks rows."""
    found = [
        f"{word.before} {word.text}" for word in words if word.before == "FOR" and word.text in ("UPDATE", "SHARE")
    ]
    found += ["LOCK IN SHARE MODE" for word in words if word.text == "SHARE" and word.after == "MODE"]
    return ", ".join(found)


def check_plan(spec: QuerySpec, accesses: Sequence[Access]) -> str | None:
    """What a plan does that the annotation does not promise; None where there is nothing."""
    if spec.index_name is None:
        return None
    if scans := [str(access) for access in accesses if access.scans]:
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
