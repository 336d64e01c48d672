"""Plans how live tables become ours: statements, each tried on empty copies of the tables on the same server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import pymysql.err

from ..query.spec import QuerySpec
from ..query.statement import Statement
from ..settings import Settings
from . import releases
from .definitions import ForeignKey, Tables, definitions, partitioning, read_tables
from .diff import Difference, compare
from .fill import fill
from .scratch import scratch_database
from .server import Inspector
from .survival import MARK, Refusal, clear_orphans, find_refusals, is_aside, is_changed
from .tables import creations

OLD: Final = "eventflow_upgrade_old_"
"""What the name of a table begins with whose rows are on their way to the one that took its place."""
NEW: Final = "eventflow_upgrade_new_"
"""What the name of a table begins with that has not yet taken its place."""
_ONLINE: Final = ("ALGORITHM=INSTANT", "ALGORITHM=INPLACE, LOCK=NONE")
_COPYING: Final = ("ALGORITHM=COPY, LOCK=NONE", "ALGORITHM=INPLACE, LOCK=SHARED", "ALGORITHM=COPY, LOCK=SHARED")
"""From the least that a change may cost others to the most."""
_SAMPLE: Final = 20_000
"""Rows of the copies that steps are timed on."""
_TOO_CHEAP: Final = (1845, 1846)
"""The server's numbers for a change that costs more than was allowed."""


class Step(msgspec.Struct):
    """One statement of an upgrade."""

    table: str
    statement: str
    effect: str
    """What it locks and copies."""
    waits: bool = False
    """Whether writers wait until it is done."""
    moved_by: str = ""
    """The column in whose order rows are moved, in pieces; empty where none are."""
    rows: int = 0
    """How many rows it copies while writers wait, or moves."""
    seconds: float = 0.0
    """How long writers will wait, an estimate."""


class Plan(msgspec.Struct):
    """How the tables of a database become ours."""

    server: str
    release: str
    breaks: list[str]
    """What does not work on these tables, worst first."""
    refusals: list[Refusal]
    steps: list[Step]
    by_hand: list[str]
    """What none of the steps does."""
    left: list[str]
    """What schema.sql does not have, and the steps leave alone."""


def plan_upgrade(
    settings: Settings, specs: Mapping[str, QuerySpec], report: Callable[[str], None] = lambda message: None
) -> Plan:
    """The statements that make the tables of the settings' database those of the queries. Nothing is changed there.

    Raises: the driver's error where the server cannot be asked, or lets no scratch database be made.
    """
    names = [spec.name.partition(".")[0] for spec in creations(specs)]
    with Inspector(settings) as scratch:
        with scratch_database(scratch, specs):
            ours = read_tables(scratch, names)
        with Inspector(settings, settings.database) as inspector:
            inspector.introduce(report)
            live = read_tables(inspector, [name for table in names for name in (table, OLD + table, NEW + table)])
            refusals = find_refusals(inspector, ours, live)
            with scratch_database(scratch, _copies(live, _between_collations(live))):
                rehearsal = _Rehearsal(scratch, ours, live, specs)
                rehearsal.run()
                by_hand, left = rehearsal.rest()
            for step in rehearsal.steps:
                if step.waits or step.moved_by:
                    step.rows = int(inspector.execute(f"SELECT COUNT(*) FROM `{step.table}`")[0][0])
            if any(step.waits and step.rows >= _SAMPLE // 20 for step in rehearsal.steps):
                report(f"times the steps on copies with {_SAMPLE:,} rows")
                _measure(scratch, _copies(live, live.foreign_keys), ours.foreign_keys, rehearsal.steps)
    release = releases.describe(releases.releases(live.structure, names))
    breaks = _effects(compare(ours.structure, live.structure, specs))
    return Plan(inspector.description, release, breaks, refusals, rehearsal.steps, by_hand, left)


def _effects(differences: Sequence[Difference]) -> list[str]:
    """What differences mean, worst first, each with its places."""
    places: dict[str, list[str]] = {}
    for found in differences:
        place = found.table if found.item in ("table", "collations") else f"{found.table} {found.item}"
        places.setdefault(f"{found.severity}: {found.effect}", []).append(place)
    return [f"{effect}: {', '.join(places[effect])}" for effect in places]


def _between_collations(tables: Tables) -> list[ForeignKey]:
    """The foreign keys that MySQL leaves where one side was converted, and would not let anyone make."""
    return [
        key
        for key in tables.foreign_keys
        if (child := tables.column(key.table, key.columns))
        and (parent := tables.column(key.parent, key.parent_columns))
        and child.collation != parent.collation
    ]


def _copies(live: Tables, without: Sequence[ForeignKey]) -> list[str]:
    """The statements that make copies of the live tables, without some of their foreign keys."""
    creates = dict(live.creates)
    for key in without:
        creates[key.table] = re.sub(rf",\n  CONSTRAINT `{key.name}` .+?(?=,?\n)", "", creates[key.table])
    return list(creates.values())


def _measure(inspector: Inspector, creates: Sequence[str], keys: Sequence[ForeignKey], steps: Sequence[Step]) -> None:
    """Estimate how long writers wait, by running the steps on copies with rows."""
    values = {f"{key.table}.{key.columns}": f"CONCAT(LPAD(n, 9, '0'), '-{key.parent}')" for key in keys}
    copied = {step.table for step in steps if step.waits}
    with scratch_database(inspector, creates):
        fill(inspector, _SAMPLE, values, only=copied)
        inspector.execute("SET SESSION foreign_key_checks = 0")
        for step in steps:
            if " FOREIGN KEY " in step.statement:
                # the copies have none, for they cost nothing where nobody looks at them
                continue
            started = time.monotonic()
            inspector.execute(step.statement)
            if step.waits:
                step.seconds = round((time.monotonic() - started) * step.rows / _SAMPLE, 3)


class _Rehearsal:
    """Finds the steps by running them on empty copies of the live tables, which become ours."""

    def __init__(self, inspector: Inspector, ours: Tables, live: Tables, specs: Mapping[str, QuerySpec]) -> None:
        self.steps: list[Step] = []
        self._inspector = inspector
        self._ours = ours
        self._live = live
        children, parents = ({key[end] for key in ours.foreign_keys} for end in (0, 2))
        # parents last: a key that is converted finds one that is not by its index, and not the other way round
        tables = sorted(ours.columns, key=lambda table: (table in parents, table in children, table))
        created = {spec.name.partition(".")[0]: spec for spec in creations(specs)}
        self._creations = {table: created[table] for table in tables}

    def run(self) -> None:
        """Run all of them.

        Raises: the driver's error where the server refuses one whatever it may cost.
        """
        live = self._live
        of_keys = {table for key in self._ours.foreign_keys for table in (key.table, key.parent)}
        for table in self._creations:
            if table in of_keys:
                self._put_foreign_keys_aside()
                of_keys.clear()
            if table in live.creates:
                self._change(table)
            if OLD + table in live.creates:
                self._move(table)
        for table, spec in self._creations.items():
            if table not in live.creates:
                self._do(table, Statement(spec, tag=False).render({}).decode(), "makes a table that is missing")
        self._add_foreign_keys()

    def rest(self) -> tuple[list[str], list[str]]:
        """What the copies have otherwise than ours in the end, and what they have beside it."""
        ours, now = self._ours.items, self._read().items
        wrong = [item for item, text in ours.items() if now.get(item) != text]
        by_hand = [f"{' '.join(item).rstrip()}: {now.get(item, 'none')}, not {ours[item]}" for item in wrong]
        return by_hand, [f"{' '.join(item).rstrip()}: {text}" for item, text in now.items() if item not in ours]

    def _read(self) -> Tables:
        return read_tables(self._inspector, list(self._creations))

    # --- the columns and indexes of a table

    def _change(self, table: str) -> None:
        """Make the columns and indexes of a table ours."""
        ours, live = self._ours, self._live
        wanted = definitions(ours.creates[table])
        differ = {item for item, text in ours.items.items() if item[0] == table and live.items.get(item) != text}
        base, position = self._options(table), "FIRST"
        columns: list[str] = []
        keys: list[str] = []
        for name in ours.columns[table]:
            definition = wanted["column", name]
            if live.column(table, name) is None:
                added = f"ADD COLUMN {definition} {position}"
                # has to be part of a key at once
                (keys if "AUTO_INCREMENT" in definition else columns).append(added)
            elif (table, "column", name) in differ:
                base.append(f"MODIFY {definition}")
            position = f"AFTER `{name}`"
        moves = bool(keys) and self._can_move(table)
        if NEW + table in live.creates and not (moves and self._is_whole(table)):
            self._do(NEW + table, f"DROP TABLE `{NEW}{table}`", "drops what an upgrade that ended early has left")
        for _, _, name in sorted(item for item in differ if item[1] == "index"):
            if (table, "index", name) in live.items:
                keys.append("DROP PRIMARY KEY" if name == "PRIMARY" else f"DROP INDEX `{name}`")
            keys.append(f"ADD {wanted['index', name]}")
        if moves:
            self._replace(table)
        elif base and not self._alter(table, base, _ONLINE):
            # what copies the table copies it once
            self._alter(table, base + columns + keys)
        else:
            for clauses in filter(None, (columns, keys)):
                self._alter(table, clauses)
        if (table, "partitioning", "") in differ:
            self._alter(table, [partitioning(ours.creates[table])])

    def _options(self, table: str) -> list[str]:
        """The changes of engine and collation."""
        item = (table, "table", "")
        wanted, there = self._ours.items[item], self._live.items[item]
        if wanted == there:
            return []
        _, engine, _, collation = wanted.split()
        changes = [f"DEFAULT CHARACTER SET {collation.partition('_')[0]} COLLATE {collation}"]
        return [*([] if there.split()[1] == engine else [f"ENGINE = {engine}"]), *changes]

    def _alter(
        self, table: str, clauses: Sequence[str], costs: Sequence[str] = _ONLINE + _COPYING, purpose: str = ""
    ) -> bool:
        """Run an ALTER TABLE at the least cost of those that the server takes; whether it took one.

        purpose: what it does, where that is not what it looks like.

        Raises: the driver's error where something else is in the way.
        """
        for cost in costs:
            # no algorithm may be named beside a change of partitions
            named = "" if clauses[0].startswith("PARTITION") else f", {cost}"
            statement = f"ALTER TABLE `{table}` {', '.join(clauses)}{named}"
            try:
                self._inspector.execute(statement)
            except pymysql.err.Error as error:
                # a foreign key is in the way of copying alone
                if error.args[0] not in _TOO_CHEAP:
                    raise
                continue
            if not named or "LOCK=SHARED" in named:
                self.steps.append(
                    Step(table, statement, purpose + "copies the table; writers wait, readers go on", waits=True)
                )
            else:
                effect = "changes its description alone" if "INSTANT" in named else "writers go on"
                how = "copies the table; " * ("COPY" in named) + "in place; " * ("INPLACE" in named)
                self.steps.append(Step(table, statement, purpose + how + effect))
            return True
        return False

    # --- a table that takes the place of another

    def _can_move(self, table: str) -> bool:
        """Whether nothing but its name leads to a table, and ours has all that it has."""
        ours, live = self._ours, self._live
        keys = any(table in (key.table, key.parent) for key in live.foreign_keys + ours.foreign_keys)
        whole = all(item in ours.items for item in live.items if item[0] == table and item[1] != "partition")
        parted = (table, "partitioning", "")
        same = ours.items.get(parted) == live.items.get(parted)
        return whole and same and not keys and table not in live.triggered and OLD + table not in live.creates

    def _replace(self, table: str) -> None:
        """Have a new table take the place of one, and move the rows, so that writers need not wait for a copy."""
        new, old, live = NEW + table, OLD + table, self._live
        create = self._ours.creates[table].replace(f"CREATE TABLE `{table}`", f"CREATE TABLE `{new}`", 1)
        if parted := partitioning(create):
            # also those of the days that are archived
            create = create.replace(parted, partitioning(live.creates[table]))
        if not self._is_whole(table):
            self._do(table, re.sub(r"\n *", " ", create), "makes an empty table")
        swap = f"RENAME TABLE `{table}` TO `{old}`, `{new}` TO `{table}`"
        self._do(table, swap, "new rows go to the new table; the others come next, and are not read until then")
        self._move(table)

    def _is_whole(self, table: str) -> bool:
        """Whether the new table is there, with the partitions that the one has now whose place it takes."""
        new, live = NEW + table, self._live
        mine = {item[1:]: text for item, text in live.items.items() if item[0] == new and item[1] != "partition"}
        ours = {
            item[1:]: text for item, text in self._ours.items.items() if item[0] == table and item[1] != "partition"
        }
        return mine == ours and partitioning(live.creates[new]) == partitioning(live.creates[table])

    def _move(self, table: str) -> None:
        """Move the rows of an old table to the one that has its place."""
        old = OLD + table
        there = old if old in self._live.columns else table
        names = [name for name in self._live.columns[there] if self._ours.column(table, name)]
        order = next(name for name in self._ours.unique[table, "PRIMARY"].split(", ") if name in names)
        listed = ", ".join(f"`{name}`" for name in names)
        copy = f"INSERT INTO `{table}` ({listed}) SELECT {listed} FROM `{old}`"
        self._do(there, copy, "moves the rows in pieces; writers go on", moved_by=order)
        self._do(table, f"DROP TABLE `{old}`", "drops the old table, whose rows are moved")

    def _do(self, table: str, statement: str, effect: str, moved_by: str = "") -> None:
        self._inspector.execute(statement)
        self.steps.append(Step(table, statement, effect, moved_by=moved_by))

    # --- foreign keys

    def _put_foreign_keys_aside(self) -> None:
        """Drop the foreign keys whose columns change, and mark the tables that had them.

        MariaDB changes no column under one; MySQL does, but until both sides are changed it deletes no parent (1451).
        """
        ours, live = self._ours, self._live
        there = {(key.table, key.name) for key in self._read().foreign_keys}
        aside: dict[str, list[ForeignKey]] = {}
        for key in live.foreign_keys:
            ends = (key.table, key.columns), (key.parent, key.parent_columns)
            if any(is_changed(table, column, ours, live) for table, column in ends):
                aside.setdefault(key.table, []).append(key)
        for table, keys in aside.items():
            comment = f"COMMENT = {_quote(live.comments[table].removesuffix(MARK) + MARK)}"
            drops = {f"DROP FOREIGN KEY `{key.name}`": (table, key.name) in there for key in keys}
            tried = [drop for drop, is_there in drops.items() if is_there]
            self._alter(table, [*tried, comment], [_ONLINE[-1]], "puts foreign keys aside; ")
            # those between two collations cannot be made on a copy
            self.steps[-1].statement = f"ALTER TABLE `{table}` {', '.join([*drops, comment])}, {_ONLINE[-1]}"

    def _add_foreign_keys(self) -> None:
        """Add the foreign keys that are missing, and catch up with what was deleted without them."""
        now = self._read()
        rules = {key.rule for key in now.foreign_keys}
        for table in self._creations:
            mine = [key for key in self._ours.foreign_keys if key.table == table]
            wrong = [key for key in now.foreign_keys if key.table == table and _is_replaced(key, mine)]
            clauses = [f"DROP FOREIGN KEY `{key.name}`" for key in wrong]
            clauses += [f"ADD {key.clause}" for key in mine if key.rule not in rules]
            if clauses:
                self._alter(table, clauses, purpose="adds foreign keys; ")
        for table in self._creations:
            if is_aside(now, table):
                for key in self._ours.foreign_keys:
                    if key.table == table and (statement := clear_orphans(key)):
                        self._do(table, statement, "catches up with parents that were deleted; writers go on")
                comment = now.comments[table].removesuffix(MARK)
                self._alter(table, [f"COMMENT = {_quote(comment)}"], _ONLINE, "caught up; ")


def _is_replaced(key: ForeignKey, wanted: Sequence[ForeignKey]) -> bool:
    """Whether ours of the same columns have other rules."""
    same = [other.rule for other in wanted if other.columns == key.columns]
    return bool(same) and key.rule not in same


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
