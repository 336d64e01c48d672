"""Reads the tables of a database as what an ALTER TABLE is made of: definitions as the server spells them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from .server import Inspector, TableColumn
from .structure import Item, Structure, read_structure

_FOREIGN_KEYS: Final = """
    SELECT k.table_name, GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position SEPARATOR ', '),
        MIN(k.referenced_table_name),
        GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ', '),
        REPLACE(MIN(r.update_rule), 'NO ACTION', 'RESTRICT'), REPLACE(MIN(r.delete_rule), 'NO ACTION', 'RESTRICT'),
        k.constraint_name
    FROM information_schema.key_column_usage AS k
    INNER JOIN information_schema.referential_constraints AS r
        ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name
        AND r.constraint_name = k.constraint_name
    WHERE k.table_schema = DATABASE() AND k.referenced_table_schema = DATABASE()
    GROUP BY k.table_name, k.constraint_name ORDER BY k.table_name, k.constraint_name
"""
_TABLES: Final = """
    SELECT table_name, table_comment FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type <> 'VIEW'
"""
_TRIGGERS: Final = "SELECT event_object_table FROM information_schema.triggers WHERE event_object_schema = DATABASE()"
_UNIQUE: Final = """
    SELECT table_name, index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', ')
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0
    GROUP BY table_name, index_name
"""
_LINE: Final = re.compile(
    r"  (?:`(?P<column>[^`]+)` (?P<definition>.+?)|(?P<key>PRIMARY KEY .+?|(?:\w+ )?KEY `(?P<index>[^`]+)` .+?)),?"
)


class ForeignKey(NamedTuple):
    """A foreign key; its columns, and those that it refers to, with `, ` between them."""

    table: str
    columns: str
    parent: str
    parent_columns: str
    on_update: str
    on_delete: str
    name: str

    @property
    def rule(self) -> tuple[str, ...]:
        """What makes it the same as another one: all but its name."""
        return self[:-1]

    @property
    def clause(self) -> str:
        """As CREATE TABLE and ALTER TABLE … ADD have it."""
        return (
            f"FOREIGN KEY ({self.columns}) REFERENCES {self.parent} ({self.parent_columns})"
            f" ON UPDATE {self.on_update} ON DELETE {self.on_delete}"
        )


class Tables(NamedTuple):
    """Tables of a database."""

    structure: Structure
    """What `diff` compares."""
    creates: dict[str, str]
    """CREATE TABLE of each."""
    comments: dict[str, str]
    foreign_keys: list[ForeignKey]
    triggered: set[str]
    """Those that have triggers."""
    unique: dict[tuple[str, str], str]
    """Table and name of each unique index → its columns, with `, ` between them."""

    @property
    def items(self) -> dict[Item, str]:
        """Everything that matters, in one spelling."""
        return self.structure.items

    @property
    def columns(self) -> dict[str, dict[str, TableColumn]]:
        """By table and name."""
        return self.structure.columns

    def column(self, table: str, name: str) -> TableColumn | None:
        """A column, if it is there."""
        return self.columns.get(table, {}).get(name)


def read_tables(inspector: Inspector, names: Collection[str]) -> Tables:
    """The tables of the default database that have one of the names.

    Raises: the driver's error.
    """
    comments = {name: comment or "" for name, comment in inspector.execute(_TABLES) if name in names}
    columns, collations, items = read_structure(inspector)
    structure = Structure(
        {table: some for table, some in columns.items() if table in comments},
        collations,
        {item: text for item, text in items.items() if item[0] in comments},
    )
    return Tables(
        structure,
        {name: str(inspector.execute(f"SHOW CREATE TABLE `{name}`")[0][1]) for name in comments},
        comments,
        [key for row in inspector.execute(_FOREIGN_KEYS) if (key := ForeignKey(*row)).table in comments],
        {table for (table,) in inspector.execute(_TRIGGERS)},
        {(table, name): columns for table, name, columns in inspector.execute(_UNIQUE) if table in comments},
    )


def definitions(create: str) -> dict[tuple[str, str], str]:
    """The definition of each ("column", name) and ("index", name) of a CREATE TABLE that a server has spelled."""
    found = {}
    for line in create.split("\n"):
        if match := _LINE.fullmatch(line):
            if match["column"]:
                found["column", match["column"]] = f"`{match['column']}` {match['definition']}"
            else:
                found["index", match["index"] or "PRIMARY"] = match["key"]
    return found


def partitioning(create: str) -> str:
    """The PARTITION BY … of a CREATE TABLE that a server has spelled; empty without."""
    match = re.search(r"PARTITION BY .*?(?= \*/|\Z)", create, re.DOTALL)
    return match[0] if match else ""
