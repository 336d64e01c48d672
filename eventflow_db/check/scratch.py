"""Makes scratch databases of the queries' own CREATE TABLEs, filled with rows, and drops them whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Final

import pymysql.err

from ..query.spec import QuerySpec
from ..query.statement import Statement
from .fill import fill
from .server import Inspector
from .tables import creations

PREFIX: Final = "eventflow_check_"
_COMPLETE: Final = "eventflow_check_complete"
"""The table that is made last: a scratch database without it was interrupted."""


@contextlib.contextmanager
def scratch_database(
    inspector: Inspector, specs: Mapping[str, QuerySpec], rows: int = 0, keep: bool = False
) -> Iterator[str]:
    """A database with the tables of the queries, and `rows` rows in each; it becomes the default one.

    keep: leave it there, and take the one that was left. The session checks no keys from then on.

    Raises: the driver's error where a table cannot be made.
    """
    text = "".join(spec.sql for spec in creations(specs))
    kept = hashlib.sha256(f"{text}{rows}".encode()).hexdigest()[:12]
    name = PREFIX + (kept if keep else secrets.token_hex(8))
    # replicas need none of this; it takes a privilege
    with contextlib.suppress(pymysql.err.Error):
        inspector.execute("SET SESSION sql_log_bin = 0")
    inspector.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    finished = interrupted = False
    try:
        # one at a time makes it
        if keep:
            inspector.execute(f"SELECT GET_LOCK('{name}', 600)")
        if not (keep and _is_complete(inspector, name)):
            _make(inspector, name, specs, rows)
        inspector.execute(f"USE `{name}`")
        if keep:
            inspector.execute(f"SELECT RELEASE_LOCK('{name}')")
        finished = True
        yield name
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        raise
    finally:
        if not (keep and finished):
            _drop(inspector, name, interrupted)


def _drop(inspector: Inspector, name: str, interrupted: bool) -> None:
    """Drop a scratch database; over another connection where this one is lost, or still at a statement."""
    statement = f"DROP DATABASE IF EXISTS `{name}`"
    if inspector.channel.is_open and not interrupted:
        inspector.execute(statement)
        return
    with Inspector(inspector.settings) as other:
        # it may be gone
        with contextlib.suppress(pymysql.err.Error):
            other.execute(f"KILL {inspector.thread}")
        other.execute(statement)


def _is_complete(inspector: Inspector, name: str) -> bool:
    tables = f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{name}' AND table_name = '{_COMPLETE}'"
    return bool(inspector.execute(tables))


def _make(inspector: Inspector, name: str, specs: Mapping[str, QuerySpec], rows: int) -> None:
    inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
    inspector.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    inspector.execute(f"USE `{name}`")
    for spec in creations(specs):
        inspector.execute(Statement(spec, tag=False).render({}))
    if rows:
        fill(inspector, rows)
    inspector.execute(f"CREATE TABLE {_COMPLETE} (n INT PRIMARY KEY)")
