"""Finds the rows that would not survive a change of their tables: which table, how many, examples, and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from .definitions import ForeignKey, Tables
from .server import Inspector, TableColumn

MARK: Final = " (eventflow-db upgrade: a foreign key is aside)"
"""What the comment of a table ends with as long as an upgrade has dropped a foreign key of it."""
_EXAMPLES: Final = 3
_REFERRING: Final = """
    SELECT CONCAT(table_schema, '.', table_name), constraint_name, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage
    WHERE referenced_table_schema = DATABASE()
"""


class Refusal(msgspec.Struct):
    """Rows of a table that the change would alter, or lose."""

    table: str
    columns: str
    count: int
    problem: str
    examples: list[str]
    cure: str


def find_refusals(inspector: Inspector, ours: Tables, live: Tables) -> list[Refusal]:
    """Everything that keeps live tables, those of the inspector's default database, from becoming ours. It only reads.

    Raises: the driver's error.
    """
    return [
        *_values(inspector, ours, live),
        *_duplicates(inspector, ours, live),
        *_children(inspector, ours, live),
        *_strangers(inspector, ours, live),
    ]


def clear_orphans(key: ForeignKey) -> str | None:
    """The statement that does to orphans what their foreign key would have done; None where it would have refused."""
    rows = f"`{key.table}` AS c LEFT JOIN `{key.parent}` AS p ON p.`{key.parent_columns}` = c.`{key.columns}`"
    where = f"WHERE c.`{key.columns}` IS NOT NULL AND p.`{key.parent_columns}` IS NULL"
    if key.on_delete == "CASCADE":
        return f"DELETE c FROM {rows} {where}"
    if key.on_delete == "SET NULL":
        return f"UPDATE {rows} SET c.`{key.columns}` = NULL {where}"
    return None


def is_aside(live: Tables, table: str) -> bool:
    """Whether an upgrade has dropped foreign keys of a table, and not yet caught up with what was deleted since."""
    return live.comments.get(table, "").endswith(MARK)


def is_changed(table: str, column: str, ours: Tables, live: Tables) -> bool:
    """Whether a column is to become another one."""
    item = (table, "column", column)
    return ours.items.get(item) != live.items.get(item)


def _charset(column: TableColumn) -> str:
    return (column.collation or "binary").partition("_")[0]


def _converted(table: str, name: str, ours: Tables, alias: str = "") -> str:
    """The SQL of a value as it is compared after the change."""
    column = ours.column(table, name)
    if column is None or column.collation is None:
        return f"{alias}`{name}`"
    return f"CONVERT({alias}`{name}` USING {_charset(column)}) COLLATE {column.collation}"


def _values(inspector: Inspector, ours: Tables, live: Tables) -> Iterator[Refusal]:
    """Values that a column would not hold any more."""
    for table in live.columns:
        rules = [
            (column.name, condition, problem)
            for column in ours.columns.get(table, {}).values()
            if (before := live.column(table, column.name)) and is_changed(table, column.name, ours, live)
            for condition, problem in _rules(before, column)
        ]
        if not rules:
            continue
        sums = ", ".join(f"SUM({condition})" for _, condition, _ in rules)
        for (name, condition, problem), count in zip(
            rules, inspector.execute(f"SELECT {sums} FROM `{table}`")[0], strict=True
        ):
            if int(count or 0):
                where = f"FROM `{table}` WHERE {condition} LIMIT {_EXAMPLES}"
                examples = [value or "NULL" for (value,) in inspector.execute(f"SELECT LEFT(`{name}`, 100) {where}")]
                cure = f"change them: SELECT `{name}` FROM `{table}` WHERE {condition}"
                yield Refusal(table, name, int(count), problem, examples, cure)


def _rules(before: TableColumn, after: TableColumn) -> Iterator[tuple[str, str]]:
    """Conditions of the values that do not fit, and what is wrong with them."""
    name = f"`{after.name}`"
    if before.collation and after.collation and _charset(before) != _charset(after):
        there = f"CONVERT({name} USING {_charset(after)})"
        back = f"CAST(CONVERT({there} USING utf8mb4) AS BINARY)"
        yield (
            f"{back} <> CAST(CONVERT({name} USING utf8mb4) AS BINARY)",
            f"hold characters other than {_charset(after)}",
        )
        if after.kind.endswith("text"):
            yield f"LENGTH({there}) > {after.length}", f"would take more than {after.length} bytes"
    if after.kind.endswith("char") and int(before.length or 0) > int(after.length or 0):
        yield f"CHAR_LENGTH({name}) > {after.length}", f"are longer than {after.length} characters"
    if before.nullable and not after.nullable:
        yield f"{name} IS NULL", "are NULL"


def _duplicates(inspector: Inspector, ours: Tables, live: Tables) -> Iterator[Refusal]:
    """Rows that would have the same key."""
    for (table, index), text in ours.unique.items():
        names = text.split(", ")
        there = [column for name in names if (column := live.column(table, name))]
        generated = any("auto_increment" in (ours.column(table, name) or there[0]).extra for name in names)
        # nothing new is equal where a key is unique now and no space at the end counts in it
        was_unique = any(
            of == table and set(columns.split(", ")) <= {column.name for column in there}
            for (of, _), columns in live.unique.items()
        ) and not any("_0900_" in (column.collation or "") or "nopad" in (column.collation or "") for column in there)
        if table not in live.columns or not there or was_unique or generated:
            continue
        key = ", ".join(_converted(table, column.name, ours) for column in there)
        shown = ", ".join(f"CONVERT(`{column.name}` USING utf8mb4)" for column in there)
        groups = f"FROM `{table}` GROUP BY {key} HAVING COUNT(*) > 1"
        count = int(inspector.execute(f"SELECT COUNT(*) FROM (SELECT 1 {groups}) AS same")[0][0])
        if count:
            each = f"GROUP_CONCAT(QUOTE(CONCAT_WS(', ', {shown})) SEPARATOR ' and ') {groups} LIMIT {_EXAMPLES}"
            examples = [value for (value,) in inspector.execute(f"SELECT {each}")]
            columns = ", ".join(column.name for column in there)
            cure = "keep one row of each, and delete or rename the others"
            yield Refusal(table, columns, count, f"would each be one key of {index}", examples, cure)


def _children(inspector: Inspector, ours: Tables, live: Tables) -> Iterator[Refusal]:
    """Rows whose parent is not there, or is written otherwise and would be another one."""
    rules = {key.rule for key in live.foreign_keys}
    for key in ours.foreign_keys:
        mine, theirs = key.columns, key.parent_columns
        child, parent = live.column(key.table, mine), live.column(key.parent, theirs)
        changed = is_changed(key.table, mine, ours, live) or is_changed(key.parent, theirs, ours, live)
        if child is None or parent is None or (key.rule in rules and not changed):
            continue
        value = f"c.`{mine}`"
        if parent.collation and child.collation != parent.collation:
            value = f"CONVERT({value} USING {_charset(parent)}) COLLATE {parent.collation}"
        exact = f"{_converted(key.parent, theirs, ours, 'p.')} = {_converted(key.table, mine, ours, 'c.')}"
        rows = f"FROM `{key.table}` AS c LEFT JOIN `{key.parent}` AS p ON p.`{theirs}` = {value} WHERE c.`{mine}`"
        found = {
            f"have no {key.parent}": ("p.`{0}` IS NULL", clear_orphans(key) or "delete or change them"),
            f"spell their {key.parent} otherwise, and would have none": (
                "p.`{0}` IS NOT NULL AND NOT " + exact,
                f"UPDATE {key.table} AS c JOIN {key.parent} AS p ON p.{theirs} = c.{mine} SET c.{mine} = p.{theirs}",
            ),
        }
        if is_aside(live, key.table) and clear_orphans(key):
            found.pop(f"have no {key.parent}")
        for problem, (condition, cure) in found.items():
            where = f"{rows} IS NOT NULL AND {condition.format(theirs)}"
            count = int(inspector.execute(f"SELECT COUNT(*) {where}")[0][0])
            if count:
                examples = [text for (text,) in inspector.execute(f"SELECT {value} {where} LIMIT {_EXAMPLES}")]
                yield Refusal(key.table, mine, count, problem, examples, cure)


def _strangers(inspector: Inspector, ours: Tables, live: Tables) -> Iterator[Refusal]:
    """Foreign keys of other tables to columns that change."""
    mine = {f"{database}.{table}" for table in ours.columns for (database,) in inspector.execute("SELECT DATABASE()")}
    for table, name, parent, column in inspector.execute(_REFERRING):
        if table not in mine and parent in ours.columns and is_changed(parent, column, ours, live):
            cure = f"ALTER TABLE {table} DROP FOREIGN KEY {name}; after the upgrade convert its column and add it again"
            yield Refusal(table, name, 1, f"refers to {parent}.{column}, which changes", [], cure)
