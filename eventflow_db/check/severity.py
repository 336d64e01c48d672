"""What a difference between tables means: an operation is wrong, or slow, or neither; and its cure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from ..query.spec import QuerySpec
from .rules import check_rules, split
from .server import TableColumn
from .structure import Item, Structure
from .tables import filled_columns

Severity = Literal["wrong", "slow", "different"]
SEVERITIES: Final[tuple[Severity, ...]] = ("wrong", "slow", "different")
"""The worst first: an operation fails or answers wrongly; it reads more than it has to; operations do not notice."""
UPGRADE: Final = "eventflow-db upgrade"
_DROP: Final = "drop it, where nobody else needs it"
_BITS: Final = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


class Verdict(NamedTuple):
    """What a difference means."""

    severity: Severity
    effect: str
    cure: str = UPGRADE


class Judge:
    """Knows what the queries need of the tables."""

    def __init__(self, specs: Iterable[QuerySpec], ours: Structure, live: Structure) -> None:
        self.ours = ours
        self.live = live
        common = live.columns.keys() & ours.columns.keys()
        columns = [column for table in common for column in live.columns[table].values()]
        self.names = {column.collation for column in columns if column.kind == "varchar"}
        """The collations that names have, in whichever table."""
        self.words: set[tuple[str, str]] = set()
        """Table, and a word of a query of it: where that is the name of a column or an index, the query uses it."""
        self.forced: set[tuple[str, str]] = set()
        """Table and index of FORCE INDEX, to which the server says 1176 where it is missing."""
        self.filled: dict[str, list[set[str]]] = {}
        """The columns that each INSERT into a table gives a value of its own."""
        self.repartitioned: set[str] = set()
        for spec in specs:
            if spec.kind == "ddl" and spec.verb != "CREATE":
                self.repartitioned.add(spec.name.partition(".")[0])
            elif spec.kind in ("read", "write"):
                self._add(spec)

    def _add(self, spec: QuerySpec) -> None:
        tables = check_rules(spec).tables
        words = [word.name for word in split(spec)]
        forced = re.findall(r"FORCE INDEX \( (\w+) \)", " ".join(words))
        self.words |= {(table, word) for table in tables for word in words}
        self.forced |= {(table, index) for table in tables for index in forced}
        if spec.verb == "INSERT" and (filled := filled_columns(spec)) is not None:
            self.filled.setdefault(tables[0], []).append(filled)

    def verdict(self, item: Item) -> Verdict:
        """What it means that an item is missing in the live tables, is there besides, or is another one."""
        table, kind, name = item
        ours, live = self.ours.items.get(item), self.live.items.get(item)
        if kind == "collations":
            return self._collations(table)
        if kind == "column":
            return self._column(self.ours.columns[table].get(name), self.live.columns[table].get(name))
        if kind == "index":
            return self._index(table, name, ours or "", live or "")
        if kind == "table" and live is None:
            return Verdict("wrong", "operations on it fail (1146)", "setup_table_schemas()")
        if kind == "foreign key" and ours is None:
            return Verdict("wrong", "rows that operations write or delete are refused", _DROP)
        if kind in ("table", "foreign key"):
            return Verdict("wrong", "what belongs together is not written or deleted together")
        if kind == "history":
            return Verdict("different", "purges free no room: what they delete stays in the table's history", _DROP)
        if ours is None:
            return Verdict("different", "operations work", _DROP)
        if table in self.repartitioned:
            return Verdict("wrong", "operations on partitions fail, or meet other rows")
        return Verdict("slow", "rows that are seldom read lie among the others")

    def _collations(self, table: str) -> Verdict:
        ours, live = self.ours.collations_with(self.live, table), self.live.collations_with(self.ours, table)
        names = [name for name in live if name and self.ours.columns[table][name].kind == "varchar"]
        if inexact := [name for name in names if not live[name].endswith("_bin")]:
            return Verdict("wrong", f"values that differ in case alone are taken for each other: {', '.join(inexact)}")
        if len(self.names) > 1 and names:
            return Verdict(
                "wrong",
                "names of other tables have another collation: foreign keys and joins between them fail (3780, 1267)",
            )
        wide = [name for name in ours if name and ours[name].startswith("utf8mb4_")]
        if narrow := [name for name in wide if not live[name].startswith("utf8mb4_")]:
            charset = live[narrow[0]].partition("_")[0]
            return Verdict("wrong", f"characters that {charset} lacks are refused (1366): {', '.join(narrow)}")
        if any(ours[name] != live[name] for name in names):
            return Verdict("different", "operations work; Node 4.8's fail (MariaDB: 1267), or meet other rows (MySQL)")
        return Verdict("different", "operations work")

    def _column(self, ours: TableColumn | None, live: TableColumn | None) -> Verdict:
        if live is None:
            assert ours is not None
            if (ours.table, ours.name) in self.words:
                return Verdict("wrong", "operations that use it fail (1054)")
            return Verdict("different", "no operation uses it")
        omitted = any(live.name not in filled for filled in self.filled.get(live.table, ()))
        if live.is_required and omitted:
            cure = UPGRADE if ours else "give it a default, or let it be NULL"
            return Verdict("wrong", "an INSERT gives it no value, and fails (1364)", cure)
        if ours is None:
            return Verdict("different", "no operation uses it", _DROP)
        if not _holds(live, ours):
            return Verdict("wrong", "values that it should hold are refused or changed")
        if ours.nullable and not live.nullable:
            return Verdict("wrong", "an operation that writes NULL fails (1048)")
        if {*ours.extra.split(), "invisible"} != {*live.extra.split(), "invisible"}:
            return Verdict("wrong", "the server sets it where it should not, or does not where it should")
        if omitted and ours.default != live.default:
            return Verdict("wrong", "rows get another value by default")
        if live.is_required and not ours.is_required:
            return Verdict("different", "operations work; whoever gives it no value fails (1364)")
        return Verdict("different", "operations work")

    def _index(self, table: str, name: str, ours: str, live: str) -> Verdict:
        if "UNIQUE" in live and "UNIQUE" not in ours:
            return Verdict("wrong", "rows that operations write are refused (1062)", UPGRADE if ours else _DROP)
        if not ours:
            return Verdict("different", "writes cost more", _DROP)
        if "UNIQUE" in ours:
            if all((table, column) in self.words for column in re.findall(r"\w+", ours.partition("(")[2])):
                return Verdict("wrong", "rows that are different are refused, or equal ones are not (1062)")
            return Verdict("different", "Group Replication and Galera refuse tables without a key")
        if (table, name) in self.forced and (not live or "INVISIBLE" in live):
            return Verdict("wrong", "operations that name it fail (1176)")
        same = re.compile(rf"(UNIQUE )?{re.escape(ours[:-1])}[,)](?!.*INVISIBLE)")
        if any(same.match(text) for (of, kind, _), text in self.live.items.items() if (of, kind) == (table, "index")):
            return Verdict("different", "an index that is there does as well")
        if not all((table, column) in self.words for column in re.findall(r"\w+", ours)):
            return Verdict("different", "no operation uses it")
        return Verdict("slow", "what looks rows up by it reads more of them")


def _holds(live: TableColumn, ours: TableColumn) -> bool:
    """Whether the live column holds every value of ours unchanged."""
    (kind, room), (wanted, needed) = _room(live), _room(ours)
    return (kind == wanted or (kind, wanted) == ("text", "json")) and room >= needed


def _room(column: TableColumn) -> tuple[str, int]:
    """The kind of a column's values, and how much of them it holds."""
    if column.kind == "json":
        return "json", 2**32 - 1
    if column.kind in _BITS:
        return "integer", 2 * _BITS[column.kind] + ("unsigned" in column.type)
    if column.kind.endswith(("char", "text")):
        return "text", int(column.length or 0)
    if column.kind == "varbinary" or column.kind.endswith("blob"):
        return "bytes", int(column.length or 0)
    return column.kind, int("".join(re.findall(r"\((\d+)\)", column.type)) or 0)
