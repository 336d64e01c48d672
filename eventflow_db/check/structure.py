"""Reads how the tables of a database are made, in one spelling, whatever the server."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..query.parameters import COLD_PARTITION
from .server import Inspector, TableColumn, collation, expression

Item = tuple[str, str, str]
"""Table, kind (`table`, `column`, `index`, `foreign key`, `history`, `partitioning`, `partition`) and name."""

_TABLES: Final = """
    SELECT table_name, engine, table_collation, table_type = 'SYSTEM VERSIONED'
    FROM information_schema.tables WHERE table_schema = DATABASE()
"""
_INDEXES: Final = """
    SELECT table_name, index_name, CONCAT(
        IF(MIN(non_unique) = 0, 'UNIQUE ', ''), IF(MIN(index_type) = 'BTREE', '', CONCAT(MIN(index_type), ' ')), '(',
        GROUP_CONCAT(
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


class Structure(NamedTuple):
    """How the tables of a database are made."""

    columns: dict[str, dict[str, TableColumn]]
    """By table and name."""
    collations: dict[str, str]
    """By table: of the columns that it is given later."""
    items: dict[Item, str]
    """Everything that matters, in one spelling."""

    def collations_with(self, other: Structure, table: str) -> dict[str, str]:
        """The collation of each column of a table that has one in both; of no name, that of columns to come."""
        theirs = other.columns[table]
        columns = [column for name, column in self.columns[table].items() if name in theirs and theirs[name].collation]
        return {"": self.collations[table]} | {column.name: column.collation for column in columns if column.collation}


def read_structure(inspector: Inspector) -> Structure:
    """How the tables of the inspector's default database are made.

    Raises: the driver's error.
    """
    columns = {table: {column.name: column for column in some} for table, some in inspector.table_columns().items()}
    collations: dict[str, str] = {}
    items: dict[Item, str] = {}
    for table, engine, name, versioned in inspector.execute(_TABLES):
        collations[table] = collation(name or "none")
        if versioned == "1":
            items[table, "history", ""] = "WITH SYSTEM VERSIONING"
        items[table, "table", ""] = f"ENGINE {engine} COLLATE {collations[table]}"
    for table, some in columns.items():
        items |= {(table, "column", name): _column(column) for name, column in some.items()}
    hidden = "ignored = 'YES'" if inspector.is_mariadb else "is_visible = 'NO'"
    for table, name, index in inspector.execute(_INDEXES.format(hidden=hidden)):
        items[table, "index", name] = index
    for table, names, rule in inspector.execute(_FOREIGN_KEYS):
        item = (table, "foreign key", names)
        # several may be of the same columns
        items[item] = f"{items[item]}, {rule}" if item in items else rule
    for table, name, method, by, bound in inspector.execute(_PARTITIONS):
        items[table, "partitioning", ""] = f"{method} ({expression(by)})"
        if not COLD_PARTITION.fullmatch(name):
            items[table, "partition", name] = f"LESS THAN {bound}"
    return Structure(columns, collations, items)


def without_collation(text: str | None) -> str | None:
    """The text of an item without the collation."""
    return text and re.sub(r" COLLATE \w+$", "", text)


def _column(column: TableColumn) -> str:
    """A column as in a CREATE TABLE."""
    kind = re.sub(r"\b((?:tiny|small|medium|big)?int)\(\d+\)", r"\1", column.type)
    words = ["json" if column.kind == "json" else kind, "NULL" if column.nullable else "NOT NULL"]
    if column.default is not None:
        words.append("DEFAULT " + (column.default or "''"))
    words.append(column.extra.upper())
    if column.collation:
        words.append(f"COLLATE {column.collation}")
    return " ".join(filter(None, words))
