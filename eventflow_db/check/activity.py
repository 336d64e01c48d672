"""Looks at what a server does to the tables: their sizes, open transactions, waits for locks, indexes nobody uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import pymysql.err

from ..query.spec import QuerySpec
from .server import AGE, Inspector, Row

TAG: Final = re.compile(r"\A\s*+\w++ /\*eventflow:(?P<query>[\w.]+)@(?P<hash>[0-9a-f]{8})\*/")
"""What a statement says, behind its verb, of the query that it is of; in a value it would say nothing."""
_SIZES: Final = """
    SELECT t.table_name, t.table_rows, t.data_length, t.index_length, t.data_free
    FROM information_schema.tables AS t WHERE t.table_schema = DATABASE() AND t.table_type <> 'VIEW'
    ORDER BY t.data_length + t.index_length DESC
"""
_PARTITIONS: Final = """
    SELECT table_name, partition_name, table_rows, data_length + index_length
    FROM information_schema.partitions WHERE table_schema = DATABASE() AND partition_name IS NOT NULL
    ORDER BY table_name, partition_ordinal_position
"""
_TRANSACTIONS: Final = f"""
    SELECT t.trx_mysql_thread_id, {AGE.format("t.trx_started")} AS age, CONCAT_WS('@', p.user, p.host), p.db,
        t.trx_rows_locked, t.trx_rows_modified, COALESCE(t.trx_query, '')
    FROM information_schema.innodb_trx AS t
    LEFT JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id
    WHERE t.trx_mysql_thread_id NOT IN (0, CONNECTION_ID())
    HAVING age >= {{seconds}} ORDER BY age DESC, t.trx_mysql_thread_id LIMIT 20
"""
_WAITS: Final = f"""
    SELECT w.waiting_pid, {AGE.format("w.wait_started")}, REPLACE(w.locked_table, '`', ''), w.locked_index,
        w.blocking_pid, COALESCE(p.info, '')
    FROM sys.innodb_lock_waits AS w
    LEFT JOIN information_schema.processlist AS p ON p.id = w.waiting_pid
    ORDER BY w.wait_started LIMIT 20
"""
_UNUSED: Final = """
    SELECT object_name, index_name FROM performance_schema.table_io_waits_summary_by_index_usage
    WHERE object_schema = DATABASE() AND index_name <> 'PRIMARY' AND count_star = 0 ORDER BY object_name, index_name
"""
_UNREAD: Final = """
    SELECT DISTINCT s.table_name, s.index_name FROM information_schema.statistics AS s
    LEFT JOIN information_schema.index_statistics AS u
        ON u.table_schema = s.table_schema AND u.table_name = s.table_name AND u.index_name = s.index_name
    WHERE s.table_schema = DATABASE() AND s.index_name <> 'PRIMARY' AND u.rows_read IS NULL
    ORDER BY s.table_name, s.index_name
"""
"""The same by MariaDB's userstat."""


class TableSize(msgspec.Struct):
    """How large a table is; rows as the server estimates them, the rest in bytes."""

    table: str
    rows: int
    data: int
    indexes: int
    free: int
    partitions: dict[str, tuple[int, int]] = {}
    """Name → rows, and bytes with indexes."""


class OpenTransaction(msgspec.Struct):
    """A transaction that is open for long: it holds locks, and keeps old versions of rows from being cleared away."""

    thread: int
    seconds: int
    account: str
    database: str | None
    rows_locked: int
    rows_modified: int
    query: str | None
    """The query that it runs, by its tag; None between statements, or where it has none."""


class LockWait(msgspec.Struct):
    """A session that waits for another one's lock."""

    thread: int
    seconds: int
    table: str
    index: str | None
    blocked_by: int
    query: str | None
    """The query that waits, by its tag."""


class UnusedIndex(msgspec.Struct):
    """An index that nothing has used since the server counts."""

    table: str
    index: str
    queries: list[str]
    """Those that promise it."""


class Activity(msgspec.Struct):
    """What a server does to the tables."""

    description: str
    uptime: int
    """Seconds since it started, from when on it counts."""
    tables: list[TableSize]
    transactions: list[OpenTransaction]
    waits: list[LockWait]
    unused: list[UnusedIndex]
    unknown: list[str]
    """What could not be found out, and why."""


def read_activity(inspector: Inspector, specs: Mapping[str, QuerySpec], seconds: int) -> Activity:
    """What the server of the inspector does to its default database; transactions that are open for so long.

    Raises: the driver's error where the connection is lost.
    """
    unknown: list[str] = []

    def ask(what: str, statement: str) -> Sequence[Row]:
        try:
            return inspector.execute(statement)
        except pymysql.err.Error as error:
            if not inspector.channel.is_open:
                raise
            unknown.append(f"{what}: the server says: {error.args[-1]} ({error.args[0]})")
            return []

    if not inspector.is_mariadb:
        # else the sizes are of yesterday
        ask("sizes", "SET SESSION information_schema_stats_expiry = 0")
    promised: dict[str, list[str]] = {}
    for spec in specs.values():
        promised.setdefault(spec.index_name or "", []).append(spec.name)
    tables = {
        name: TableSize(name, _number(rows), _number(data), _number(indexes), _number(free))
        for name, rows, data, indexes, free in ask("sizes", _SIZES)
    }
    for table, name, rows, size in ask("partitions", _PARTITIONS):
        tables[table].partitions[name] = _number(rows), _number(size)
    return Activity(
        inspector.description,
        int(inspector.execute("SHOW GLOBAL STATUS LIKE 'Uptime'")[0][1]),
        list(tables.values()),
        [
            OpenTransaction(int(thread), int(age), account, database, int(locked), int(modified), tag_of(text))
            for thread, age, account, database, locked, modified, text in ask(
                "transactions", _TRANSACTIONS.format(seconds=seconds)
            )
        ],
        [
            LockWait(int(thread), int(age), table, index, int(other), tag_of(text))
            for thread, age, table, index, other, text in ask("waits for locks", _WAITS)
        ],
        [
            UnusedIndex(table, index, promised.get(f"{table}.{index}", []))
            for table, index in _unused(inspector, ask, unknown)
        ],
        unknown,
    )


def _unused(inspector: Inspector, ask: Callable[[str, str], Sequence[Row]], unknown: list[str]) -> Sequence[Row]:
    what = "unused indexes"
    if ask(what, "SELECT @@GLOBAL.performance_schema") == [("1",)]:
        return ask(what, _UNUSED)
    if inspector.is_mariadb and ask(what, "SELECT @@GLOBAL.userstat") == [("1",)]:
        return ask(what, _UNREAD)
    unknown.append(f"{what}: performance_schema is off" + ", and so is userstat" * inspector.is_mariadb)
    return []


def tag_of(statement: str) -> str | None:
    """The query that a statement is of, by its tag; of one without, nothing is told, for it holds values."""
    match = TAG.match(statement)
    return match["query"] if match else None


def _number(text: Any) -> int:
    return int(text or 0)
