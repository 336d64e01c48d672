"""Runs two texts of a query side by side on the same rows, and finds arguments for which they do different things."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import pymysql.err

from ..query.codec import encode_json
from ..query.parameters import TYPES, partition_name
from ..query.spec import QuerySpec
from ..query.statement import Statement
from .arguments import arguments, readable
from .fill import LOST, taking_rows
from .rules import check_rules
from .scratch import scratch_database
from .server import Inspector, Row, TableColumn
from .states import NOW, PARTITIONS, Null, Rows, states

_OF_ROWS: Final = (1062, 1216, 1452)
"""A row of that key is there, or one that it refers to is not."""
Given = Mapping[str, bytes]
"""The literals of parameters."""


class Outcome(NamedTuple):
    """What a statement does."""

    refused: int | None = None
    """The server's number, where it refuses it."""
    rows: tuple[bytes, ...] = ()
    """What a read gives, as the server sends it."""
    changed: int = 0
    """How many rows a write says that it changes."""
    tables: tuple[Any, ...] = ()
    """Checksums of what the tables hold then."""

    def __str__(self) -> str:
        return f"is refused ({self.refused})" if self.refused else f"changes {_count(self.changed)}"


class Comparison:
    """A scratch database with the rows of `states`, where time stands still."""

    def __init__(self, inspector: Inspector, tables: Mapping[str, Sequence[TableColumn]]) -> None:
        self._inspector = inspector
        self._rows = states()
        # what counts on by itself is another number each time
        self._columns = {
            table: [column for column in tables[table] if "auto_increment" not in column.extra]
            for table in self._rows
            if table in tables
        }
        self._checksums = f"CHECKSUM TABLE {', '.join(self._columns)}"

    @classmethod
    @contextlib.contextmanager
    def on(cls, inspector: Inspector, specs: Mapping[str, QuerySpec]) -> Iterator[Comparison]:
        """Make the tables of the queries, with the rows, and drop them at the end of the block.

        Raises: UnfitTableError; the driver's error where the server cannot be asked.
        """
        with scratch_database(inspector, specs):
            tables = inspector.table_columns()
            comparison = cls(inspector, tables)
            inspector.execute(f"SET SESSION timestamp = {NOW.replace(tzinfo=UTC).timestamp():.0f}")
            try:
                comparison._fill(tables)
                yield comparison
            finally:
                if inspector.channel.is_open:
                    inspector.execute("SET SESSION timestamp = DEFAULT")

    def _fill(self, tables: Mapping[str, Sequence[TableColumn]]) -> None:
        days = [NOW.date() + timedelta(days=day) for day in PARTITIONS]
        bounds = [f"PARTITION {partition_name(day)} VALUES LESS THAN (TO_DAYS('{day}'))" for day in days]
        self._inspector.execute(
            f"ALTER TABLE log PARTITION BY RANGE (TO_DAYS(timestamp)) ({', '.join(bounds)},"
            " PARTITION p_hot VALUES LESS THAN MAXVALUE)"
        )
        # or MariaDB says of a row that is there but that it cannot commit
        self._inspector.execute("SET SESSION unique_checks = 1")
        for table in self._columns:
            with taking_rows(table):
                self._inspector.execute(_insert(table, tables[table], self._rows[table]))
        self._inspector.execute("SET SESSION foreign_key_checks = 1")

    def difference(self, package: QuerySpec, edited: QuerySpec) -> str | None:
        """An example of what an edited text does otherwise than the package's; None where none was found.

        Raises: the driver's error where the connection is lost.
        """
        analysis = check_rules(package)
        ours, theirs = (Statement(spec, tag=False) for spec in (package, edited))
        # of a scalar and of one row there is no order to keep
        is_ordered = analysis.tree is None or bool(analysis.tree.args.get("order"))
        for given in arguments(package, analysis.tables, self._rows):
            mine, yours = self._outcomes(ours, given), self._outcomes(theirs, given)
            if mine != yours and (found := self._tell(ours, theirs, given, mine, yours, is_ordered)):
                return f"with {readable(given)}: {found}" if given else found
        return None

    def refusal(self, spec: QuerySpec) -> str | None:
        """For what an INSERT is refused by the tables, other than a row that is there or is missing; None for nothing.

        Raises: the driver's error where the connection is lost.
        """
        if spec.verb != "INSERT":
            return None
        statement = Statement(spec, tag=False)
        for given in arguments(spec, check_rules(spec).tables, self._rows):
            with self._undone():
                outcome = self._run(statement.render(given))
            if outcome.refused not in (None, *_OF_ROWS):
                return f"with {readable(given)}: the tables refuse it ({outcome.refused})"
        return None

    def _outcomes(self, text: Statement, given: Given) -> list[Outcome]:
        """What a statement does; of a write, the first and the second time."""
        statement = text.render(given)
        if text.spec.kind == "read":
            return [self._run(statement)]
        with self._undone():
            return [
                self._run(statement)._replace(tables=tuple(self._inspector.execute(self._checksums))) for _ in range(2)
            ]

    @contextlib.contextmanager
    def _undone(self) -> Iterator[None]:
        self._inspector.execute("START TRANSACTION")
        try:
            yield
        finally:
            self._inspector.execute("ROLLBACK")

    def _run(self, statement: bytes) -> Outcome:
        try:
            result = self._inspector.channel.send(statement)
        except pymysql.err.Error as error:
            if error.args[0] in LOST:
                raise
            return Outcome(refused=error.args[0])
        return Outcome(rows=tuple(map(bytes, result.rows)), changed=result.affected)

    def _tell(
        self,
        ours: Statement,
        theirs: Statement,
        given: Given,
        mine: Sequence[Outcome],
        yours: Sequence[Outcome],
        is_ordered: bool,
    ) -> str | None:
        """What differs, for people; None where nothing does that is promised."""
        for when, one, other in zip(_WHEN, mine, yours, strict=False):
            if one.refused != other.refused or (one.rows == other.rows == () and one.changed != other.changed):
                is_read = ours.spec.kind == "read"
                says = [f"gives {_count(len(o.rows))}" if is_read and not o.refused else str(o) for o in (one, other)]
                return f"the package's {says[0]}{when}, this one {says[1]}"
        if ours.spec.kind == "read":
            if not is_ordered and sorted(mine[0].rows) == sorted(yours[0].rows):
                return None
            return _differing_rows(*(self._inspector.execute(text.render(given)) for text in (ours, theirs)))
        for when, before, after in zip(_WHEN, *(self._contents(text, given) for text in (ours, theirs)), strict=True):
            for table, columns in self._columns.items():
                names = [column.name for column in columns]
                if before[table] != after[table]:
                    lines = [_changes(names, *pair) for pair in _both(before[table], after[table])]
                    return f"the package's leaves in {table} {lines[0]}{when}, this one {lines[1]}"
        return None

    def _contents(self, text: Statement, given: Given) -> list[dict[str, list[Row]]]:
        """What the tables hold after a write was run once, and twice."""
        found = []
        with self._undone():
            for _ in _WHEN:
                self._run(text.render(given))
                found.append({table: self._content(table) for table in self._columns})
        return found

    def _content(self, table: str) -> list[Row]:
        names = [f"`{column.name}`" for column in self._columns[table]]
        order = ", ".join(str(number + 1) for number in range(len(names)))
        return self._inspector.execute(f"SELECT {', '.join(names)} FROM `{table}` ORDER BY {order}")


_WHEN: Final = ("", " the second time")


def _insert(table: str, columns: Sequence[TableColumn], rows: Rows) -> str:
    kinds = {column.name: column.kind for column in columns}
    names = [name for name in rows[0] if name in kinds]
    groups = (", ".join(_literal(kinds[name], row[name]) for name in names) for row in rows)
    listed = ", ".join(f"`{name}`" for name in names)
    return f"INSERT INTO `{table}` ({listed}) VALUES {', '.join(f'({group})' for group in groups)}"


def _literal(kind: str, value: Any) -> str:
    if value is Null:
        return "NULL"
    if kind == "json":
        return TYPES["text"].literal(encode_json(value).decode()).decode()
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"'{value}'"
    if isinstance(value, bytes):
        return TYPES["bytes"].literal(value).decode()
    return str(value) if isinstance(value, int) else TYPES["text"].literal(value).decode()


def _both(one: Sequence[Row], other: Sequence[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows that are in one alone, beside those that are in the other alone; and the other way round."""
    only = [row for row in one if row not in other], [row for row in other if row not in one]
    yield only
    yield only[::-1]


def _changes(names: Sequence[str], rows: Sequence[Row], others: Sequence[Row]) -> str:
    """The first row, by its key and by what the others have otherwise."""
    if not rows:
        return "no such row"
    row = rows[0]
    near = next((other for other in others if other[0] == row[0]), None)
    shown = [
        f"{name} = {_value(value)}"
        for number, (name, value) in enumerate(zip(names, row, strict=True))
        if number == 0 or near is None or near[number] != value
    ]
    return f"({', '.join(shown)})" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")


def _differing_rows(ours: Sequence[Row], theirs: Sequence[Row]) -> str | None:
    """Where two results differ first."""
    place = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    if len(ours) == len(theirs) == place:
        return None
    order = "the same rows in another order, " * (sorted(map(repr, ours)) == sorted(map(repr, theirs)))
    rows = [f"({', '.join(map(_value, some[place]))})" if place < len(some) else "none" for some in (ours, theirs)]
    return (
        f"{order}the package's gives {_count(len(ours))}, this one {len(theirs)}; "
        f"row {place + 1} is {rows[0]}, of this one {rows[1]}"
    )


def _value(value: str | None) -> str:
    text = "NULL" if value is None else f"'{value}'"
    return text if len(text) <= 40 else f"{text[:37]}…'"


def _count(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"
