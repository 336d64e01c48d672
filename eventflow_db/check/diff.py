"""Compares live tables with the ones that schema.sql makes; both are read through information_schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final

import msgspec

from ..query.parameters import COLD_PARTITION
from ..query.spec import QuerySpec
from ..settings import Settings
from .scratch import scratch_database
from .server import Inspector, TableColumn
from .tables import creations

Item = tuple[str, str, str]
"""Table, kind (`column`, `index` …) and name."""

_TABLES: Final = """
    SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()
"""
_JSON_COLUMNS: Final = """
    SELECT table_name, SUBSTRING_INDEX(SUBSTRING_INDEX(check_clause, '`', 2), '`', -1)
    FROM information_schema.check_constraints
    WHERE constraint_schema = DATABASE() AND check_clause REGEXP '^json_valid[(]`[^`]+`[)]$'
"""
"""MariaDB spells them LONGTEXT with a check, people JSON."""
_INDEXES: Final = """
    SELECT table_name, index_name, CONCAT(
        IF(MIN(non_unique) = 0, 'UNIQUE ', ''), '(', GROUP_CONCAT(
            CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), ''), IF(collation = 'D', ' DESC', ''))
            ORDER BY seq_in_index SEPARATOR ', '
        ), ')', IF(MAX({hidden}), ' INVISIBLE', '')
    )
    FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name
"""
_FOREIGN_KEYS: Final = """
    SELECT k.table_name, GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position SEPARATOR ', '), CONCAT(
        'REFERENCES ', MIN(k.referenced_table_name),
        ' (', GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ', '), ')',
        ' ON UPDATE ', REPLACE(MIN(r.update_rule), 'NO ACTION', 'RESTRICT'),
        ' ON DELETE ', REPLACE(MIN(r.delete_rule), 'NO ACTION', 'RESTRICT')
    ) AS rule
    FROM information_schema.key_column_usage AS k
    INNER JOIN information_schema.referential_constraints AS r
        ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name
        AND r.constraint_name = k.constraint_name
    WHERE k.table_schema = DATABASE() GROUP BY k.table_name, k.constraint_name ORDER BY rule
"""
_PARTITIONS: Final = """
    SELECT table_name, partition_name, partition_method, partition_expression, partition_description
    FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL
"""


class Difference(msgspec.Struct):
    """One thing that live tables have otherwise than schema.sql says; None: not at all."""

    table: str
    item: str
    ours: str | None
    live: str | None
    path: str
    line: int


def diff(
    settings: Settings, specs: Mapping[str, QuerySpec], report: Callable[[str], None] = lambda message: None
) -> list[Difference]:
    """Every difference between the tables of the settings' database and the ones that the queries create.

    Nothing is changed there: ours are made in a scratch database of the same server, and dropped.

    Raises: the driver's error where the server cannot be asked.
    """
    with Inspector(settings, settings.database) as inspector:
        report(inspector.description)
        live = _read(inspector)
        with scratch_database(inspector, specs):
            ours = _read(inspector)
    tables = {spec.name.partition(".")[0]: spec for spec in creations(specs)}
    missing = {table for table in tables if (table, "table", "") not in live}
    differences = []
    for item in sorted(ours.keys() | live.keys()):
        table, kind, name = item
        if table not in tables or ours.get(item) == live.get(item) or (table in missing and kind != "table"):
            continue
        spec = tables[table]
        line = _line(spec, kind, name)
        differences.append(
            Difference(table, f"{kind} {name}".rstrip(), ours.get(item), live.get(item), spec.path, line)
        )
    return differences


def _line(spec: QuerySpec, kind: str, name: str) -> int:
    """The line of schema.sql that a difference is about; that of CREATE TABLE for what it does not mention."""
    word = re.escape(name)
    pattern = {
        "column": rf"\s*`?{word}`?\s",
        "index": r"\s*PRIMARY KEY\b" if name == "PRIMARY" else rf"\s*(?:UNIQUE )?(?:INDEX|KEY) `?{word}`?\s",
        "foreign key": rf".*FOREIGN KEY \(`?{word}`?\)",
        "partitioning": r"\s*PARTITION BY\b",
        "partition": rf"\s*PARTITION `?{word}`?\s",
    }.get(kind, r"\s*CREATE TABLE\b")
    for number, line in enumerate(spec.sql.splitlines()):
        if re.match(pattern, line, re.IGNORECASE):
            return spec.body + number
    return spec.body


def _read(inspector: Inspector) -> dict[Item, str]:
    """Everything about the tables of the default database that matters, in one spelling."""
    items: dict[Item, str] = {}
    for table, engine, collation in inspector.execute(_TABLES):
        items[table, "table", ""] = f"ENGINE {engine} COLLATE {_collation(collation)}"
    json = set(inspector.execute(_JSON_COLUMNS)) if inspector.is_mariadb else set()
    for column in chain.from_iterable(inspector.table_columns().values()):
        is_json = column.kind == "json" or (column.table, column.name) in json
        items[column.table, "column", column.name] = _column(column, is_json)
    hidden = "ignored = 'YES'" if inspector.is_mariadb else "is_visible = 'NO'"
    for table, name, columns in inspector.execute(_INDEXES.format(hidden=hidden)):
        items[table, "index", name] = columns
    for table, columns, rule in inspector.execute(_FOREIGN_KEYS):
        item = (table, "foreign key", columns)
        # several may be of the same columns
        items[item] = f"{items[item]}, {rule}" if item in items else rule
    for table, name, method, expression, bound in inspector.execute(_PARTITIONS):
        items[table, "partitioning", ""] = f"{method} ({_expression(expression)})"
        if not COLD_PARTITION.fullmatch(name):
            items[table, "partition", name] = f"LESS THAN {bound}"
    return items


def _column(column: TableColumn, is_json: bool) -> str:
    kind = "json" if is_json else re.sub(r"\b((?:tiny|small|medium|big)?int)\(\d+\)", r"\1", column.type)
    words = [kind, "NULL" if column.nullable else "NOT NULL"]
    if column.default is not None and column.default.upper() != "NULL":
        words.append(f"DEFAULT {_expression(column.default)}")
    if extra := _expression(column.extra.replace("default_generated", "").strip()):
        words.append(extra.upper())
    # each kind of server has its own collation of JSON
    if column.collation is not None and not is_json:
        words.append(f"COLLATE {_collation(column.collation)}")
    return " ".join(words)


def _expression(text: str | None) -> str:
    """One spelling of expressions: CURRENT_TIMESTAMP with or without brackets, names with or without quotes."""
    text = (text or "").replace("`", "")
    if re.fullmatch(r"'.*'", text):
        return text[1:-1]
    return re.sub(r"(?i)\b(?:current_timestamp|now)(?:\(\))?(?!\w)", "CURRENT_TIMESTAMP", text)


def _collation(name: str | None) -> str:
    return re.sub(r"^utf8_", "utf8mb3_", name or "none")
