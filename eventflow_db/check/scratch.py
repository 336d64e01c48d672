"""Makes scratch databases of the queries' own CREATE TABLEs, filled with rows, and drops them whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import pymysql.err

from ..errors import ConflictError
from ..query.spec import QuerySpec
from ..query.statement import Statement
from .fill import fill
from .server import CODE, Inspector
from .tables import creations

PREFIX: Final = "eventflow_check_"
_MAKING: Final = "eventflow_check_making"
"""The table that is made first: a database without it was made by someone else."""
_COMPLETE: Final = "eventflow_check_complete"
"""What that table is called in the end: a scratch database without it was interrupted."""
_OF_ONE_RUN: Final = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
"""The name of a scratch database that nobody wanted to keep."""
_LEFTOVERS: Final = f"""
    SELECT s.schema_name FROM information_schema.schemata AS s
    WHERE s.schema_name REGEXP '^{PREFIX}[0-9a-f]+$' AND IS_FREE_LOCK(s.schema_name) = 1
        AND NOT EXISTS (SELECT 1 FROM information_schema.processlist AS p WHERE p.db = s.schema_name)
        AND (
            EXISTS (
                SELECT 1 FROM information_schema.tables AS ours
                WHERE ours.table_schema = s.schema_name AND ours.table_name IN ('{_MAKING}', '{_COMPLETE}')
            )
            OR NOT EXISTS (SELECT 1 FROM information_schema.tables AS any_ WHERE any_.table_schema = s.schema_name)
        )
    ORDER BY s.schema_name
"""
"""The scratch databases that no run is at work in: what others made is none, whatever its name."""
_LOCK_TIMEOUT: Final = 590
"""Seconds to wait while another run makes the database; less than a statement may take."""


@contextlib.contextmanager
def scratch_database(
    inspector: Inspector,
    specs: Mapping[str, QuerySpec] | Sequence[str],
    rows: int = 0,
    keep: bool = False,
    filled: Collection[str] | None = None,
) -> Iterator[str]:
    """A database with the tables of the queries, and `rows` rows in each; it becomes the default one.

    specs: the queries, or the CREATE TABLEs themselves. filled: the tables that get rows; None: all of them.
    keep: leave it there, and take the one that was left. The session checks no keys from then on.

    Raises: the driver's error where a table cannot be made; ConflictError where another run does not get ready, or
        a database of that name is not of `check`.
    """
    if isinstance(specs, Mapping):
        creates = [Statement(spec, tag=False).render({}) for spec in creations(specs)]
    else:
        creates = [statement.encode() for statement in specs]
    kept = hashlib.sha256(b"%b%d" % (b"".join(creates), rows)).hexdigest()[:12]
    name = PREFIX + (kept if keep else secrets.token_hex(8))
    skip_binary_log(inspector, keep)
    inspector.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    # who makes it drops it, and nobody else: of a kept one, who holds the lock
    making = interrupted = False
    try:
        # who finds it free knows that the run was killed; not every cluster has such locks
        with contextlib.nullcontext() if keep else contextlib.suppress(pymysql.err.Error):
            _lock(inspector, name, _LOCK_TIMEOUT if keep else 0)
        if not (keep and _is_complete(inspector, name)):
            making = True
            _make(inspector, name, creates, rows, filled)
        inspector.execute(f"USE `{name}`")
        if keep:
            making = False
            _unlock(inspector, name)
        yield name
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        raise
    finally:
        if making:
            _drop(inspector, name, interrupted, keep)


def _lock(inspector: Inspector, name: str, timeout: int) -> None:
    if inspector.execute(f"SELECT GET_LOCK('{name}', {timeout})") != [("1",)]:
        raise ConflictError(CODE, f"another run is still making the scratch database {name}: try again later")


def _unlock(inspector: Inspector, name: str) -> None:
    with contextlib.suppress(pymysql.err.Error):
        inspector.execute(f"DO RELEASE_LOCK('{name}')")


def skip_binary_log(inspector: Inspector, keep: bool) -> bool:
    """Keep what the session writes out of the binary log, for replicas need none of it; whether that is so.

    It takes a privilege. Not so of what is kept, nor on a cluster: a DROP that is replicated later would meet members
    that have no such database, and take them out of service.
    """
    if inspector.is_clustered:
        return False
    if not keep:
        with contextlib.suppress(pymysql.err.Error):
            inspector.execute("SET SESSION sql_log_bin = 0")
            return True
    return inspector.execute("SELECT @@GLOBAL.log_bin") == [("0",)]


def leftovers(inspector: Inspector) -> list[str]:
    """The scratch databases whose run was killed."""
    with contextlib.suppress(pymysql.err.Error):
        return [name for (name,) in inspector.execute(_LEFTOVERS) if _OF_ONE_RUN.fullmatch(name)]
    return []


def clean(inspector: Inspector) -> list[str]:
    """Drop the scratch databases that no run uses, also those that were kept; gives their names.

    Raises: the driver's error.
    """
    dropped = []
    for (name,) in inspector.execute(_LEFTOVERS):
        # another run may take it meanwhile
        with contextlib.suppress(ConflictError):
            _lock(inspector, name, 0)
            inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
            _unlock(inspector, name)
            dropped.append(name)
    return dropped


def _drop(inspector: Inspector, name: str, interrupted: bool, keep: bool) -> None:
    """Drop a scratch database; over another connection where this one is lost, or still at a statement."""
    statement = f"DROP DATABASE IF EXISTS `{name}`"
    if inspector.channel.is_open and not interrupted:
        inspector.execute(statement)
        _unlock(inspector, name)
        return
    with Inspector(inspector.settings) as other:
        # it may be gone
        with contextlib.suppress(pymysql.err.Error):
            other.execute(f"KILL {inspector.thread}")
        if keep:
            # with that the lock is free, which a run that waited may hold now: then it is that one's
            with contextlib.suppress(ConflictError):
                _lock(other, name, 10)
                if not _is_complete(other, name):
                    other.execute(statement)
            return
        other.execute(statement)


def _is_complete(inspector: Inspector, name: str) -> bool:
    """Whether a scratch database is there, and whole.

    Raises: ConflictError where a database of that name was not made by `check`.
    """
    of_database = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{name}'"
    tables = {table for (table,) in inspector.execute(of_database)}
    if tables and not tables & {_MAKING, _COMPLETE}:
        raise ConflictError(CODE, f"the database {name} was not made by check, and is left alone: drop or rename it")
    return _COMPLETE in tables


def _make(inspector: Inspector, name: str, creates: Sequence[bytes], rows: int, filled: Collection[str] | None) -> None:
    inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
    inspector.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    inspector.execute(f"USE `{name}`")
    inspector.execute(f"CREATE TABLE {_MAKING} (n INT PRIMARY KEY)")
    for statement in creates:
        inspector.execute(statement)
    if rows:
        tables = [table for table in inspector.table_columns() if table != _MAKING]
        fill(inspector, rows, only=[table for table in tables if filled is None or table in filled])
    inspector.execute(f"RENAME TABLE {_MAKING} TO {_COMPLETE}")
