"""Compares live tables with the ones that schema.sql makes; both are read through information_schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ..query.spec import QuerySpec
from ..settings import Settings
from .scratch import creations, scratch_database
from .server import Inspector, inspecting

Item = tuple[str, str, str]
"""Table, what (`column`, `index` …) and its name."""
_ARCHIVED: Final = re.compile(r"p_cold_\d{8}")


class Difference(msgspec.Struct):
    """One thing that live tables have otherwise than schema.sql says; None: not at all."""

    table: str
    item: str
    ours: str | None
    live: str | None
    path: str
    line: int


def diff(
    settings: Settings, specs: Mapping[str, QuerySpec], tell: Callable[[str], None] = lambda text: None
) -> list[Difference]:
    """Every difference between the tables of the settings' database and the ones that the queries create.

    Nothing is changed there: ours are made in a scratch database of the same server, and dropped.

    Raises: the driver's error where the server cannot be asked.
    """
    with inspecting(settings, settings.database) as inspector:
        tell(f"{inspector.server} at {settings.host}:{settings.port}, database {settings.database}")
        tables = {spec.name.partition(".")[0]: spec for spec in creations(specs)}
        live = _read(inspector, settings.database)
        with scratch_database(inspector, specs) as name:
            ours = _read(inspector, name)
    missing = {table for table in tables if (table, "table", "") not in live}
    differences = []
    for item in sorted(set(ours) | set(live)):
        table, what, name = item
        if table in missing and what != "table":
            continue
        if table in tables and ours.get(item) != live.get(item):
            spec = tables[table]
            told = f"{what} {name}".rstrip()
            differences.append(
                Difference(table, told, ours.get(item), live.get(item), spec.path, _line(spec, what, name))
            )
    return differences


def _line(spec: QuerySpec, what: str, name: str) -> int:
    """The line of schema.sql that a difference is about; that of CREATE TABLE for what it does not mention."""
    word = re.escape(name)
    pattern = {
        "column": rf"\s*`?{word}`?\s",
        "index": r"\s*PRIMARY KEY\b" if name == "PRIMARY" else rf"\s*(?:UNIQUE )?(?:INDEX|KEY) `?{word}`?\s",
        "foreign key": rf".*FOREIGN KEY \(`?{word}`?\)",
        "partitioning": r"\s*PARTITION BY\b",
        "partition": rf"\s*PARTITION `?{word}`?\s",
    }.get(what, r"\s*CREATE TABLE\b")
    for number, line in enumerate(spec.sql.splitlines()):
        if re.match(pattern, line, re.IGNORECASE):
            return spec.body + number
    return spec.body


def _read(inspector: Inspector, database: str) -> dict[Item, str]:
    """Everything about a database's tables that matters, in one spelling."""
    items: dict[Item, str] = {}
    schema = f"table_schema = '{_escaped(database)}'"
    for table, engine, collation in inspector.execute(
        f"SELECT table_name, engine, table_collation FROM information_schema.tables WHERE {schema}"
    ):
        items[str(table), "table", ""] = f"ENGINE {engine} COLLATE {_collation(collation)}"
    json = _json_columns(inspector, database)
    for table, name, kind, nullable, default, extra, collation in inspector.execute(
        "SELECT table_name, column_name, column_type, is_nullable, column_default, extra, collation_name "
        f"FROM information_schema.columns WHERE {schema}"
    ):
        kind = "json" if (table, name) in json else kind
        items[str(table), "column", str(name)] = _column(str(kind), nullable == "YES", default, str(extra), collation)
    unseen = _unseen(inspector)
    for table, name, unique, hidden, columns in inspector.execute(
        f"SELECT table_name, index_name, MIN(non_unique), MAX({unseen}), GROUP_CONCAT(CONCAT(column_name, "
        "COALESCE(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' DESC', '')) ORDER BY seq_in_index "
        f"SEPARATOR ', ') FROM information_schema.statistics WHERE {schema} GROUP BY table_name, index_name"
    ):
        told = f"{'UNIQUE ' if unique == '0' else ''}({columns})"
        items[str(table), "index", str(name)] = told + (" INVISIBLE" if hidden == "1" else "")
    rules: dict[Item, list[str]] = {}
    for table, columns, parent, keys, update, delete in inspector.execute(
        "SELECT k.table_name, GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position SEPARATOR ', '), "
        "MIN(k.referenced_table_name), "
        "GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ', '), "
        "MIN(r.update_rule), MIN(r.delete_rule) FROM information_schema.key_column_usage AS k "
        "INNER JOIN information_schema.referential_constraints AS r ON r.constraint_schema = k.constraint_schema "
        "AND r.table_name = k.table_name AND r.constraint_name = k.constraint_name "
        f"WHERE k.{schema} GROUP BY k.table_name, k.constraint_name"
    ):
        rules.setdefault((str(table), "foreign key", str(columns)), []).append(
            f"REFERENCES {parent} ({keys}) ON UPDATE {_rule(update)} ON DELETE {_rule(delete)}"
        )
    items |= {item: ", ".join(sorted(told)) for item, told in rules.items()}
    for table, name, method, expression, bound in inspector.execute(
        "SELECT table_name, partition_name, partition_method, partition_expression, partition_description "
        f"FROM information_schema.partitions WHERE {schema} AND partition_name IS NOT NULL"
    ):
        items[str(table), "partitioning", ""] = f"{method} ({_expression(expression)})"
        if not _ARCHIVED.fullmatch(str(name)):
            items[str(table), "partition", str(name)] = f"LESS THAN {bound}"
    return items


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "''")


def _unseen(inspector: Inspector) -> str:
    """The SQL of whether plans pass over an index: servers spell it differently, and older ones have no such thing."""
    columns = inspector.execute(
        "SELECT LOWER(column_name) FROM information_schema.columns WHERE table_schema = 'information_schema' "
        "AND table_name = 'STATISTICS' AND column_name IN ('is_visible', 'ignored')"
    )
    return {"is_visible": "is_visible = 'NO'", "ignored": "ignored = 'YES'"}[str(columns[0][0])] if columns else "0"


def _json_columns(inspector: Inspector, database: str) -> set[tuple[str, str]]:
    """Columns that MariaDB spells LONGTEXT with a check, and people JSON."""
    if not inspector.is_mariadb:
        return set()
    rows = inspector.execute(
        "SELECT table_name, check_clause FROM information_schema.check_constraints "
        f"WHERE constraint_schema = '{_escaped(database)}'"
    )
    checks = [(str(table), re.fullmatch(r"json_valid\(`(\w+)`\)", str(clause))) for table, clause in rows]
    return {(table, match[1]) for table, match in checks if match}


def _column(kind: str, nullable: bool, default: str | None, extra: str, collation: str | None) -> str:
    kind = re.sub(r"\b((?:tiny|small|medium|big)?int)\(\d+\)", r"\1", kind.lower())
    words = [kind, "NULL" if nullable else "NOT NULL"]
    if default is not None and default.upper() != "NULL":
        words.append(f"DEFAULT {_expression(default)}")
    extra = _expression(extra.lower().replace("default_generated", "").strip())
    if extra:
        words.append(extra.upper())
    if collation is not None and kind != "json":  # each kind of server has its own for JSON
        words.append(f"COLLATE {_collation(collation)}")
    return " ".join(words)


def _expression(text: str | None) -> str:
    """One spelling of expressions: CURRENT_TIMESTAMP with or without brackets, names with or without quotes."""
    text = (text or "").replace("`", "")
    if re.fullmatch(r"'.*'", text):
        return text[1:-1]
    return re.sub(r"(?i)\b(?:current_timestamp|now)(?:\(\))?(?!\w)", "CURRENT_TIMESTAMP", text)


def _collation(name: str | None) -> str:
    return re.sub(r"^utf8_", "utf8mb3_", name or "none")


def _rule(rule: str | None) -> str:
    return "RESTRICT" if rule == "NO ACTION" else str(rule)
