"""Scratch databases: made from the queries' own CREATE TABLEs, filled with rows, dropped whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Final

import pymysql.err

from ..query.spec import QuerySpec
from ..query.statement import Statement
from .fill import fill
from .server import Inspector, inspecting

PREFIX: Final = "eventflow_check_"
_COMPLETE: Final = "eventflow_check_complete"
"""The table that is made last: a scratch database without it was interrupted."""


def creations(specs: Mapping[str, QuerySpec]) -> list[QuerySpec]:
    """The queries that create tables."""
    return [spec for spec in specs.values() if spec.verb == "CREATE"]


@contextlib.contextmanager
def scratch_database(
    inspector: Inspector, specs: Mapping[str, QuerySpec], rows: int = 0, keep: bool = False
) -> Iterator[str]:
    """A database with the tables of the queries, and `rows` rows in each; it becomes the default one.

    keep: leave it there, and take the one that was left.

    Raises: the driver's error where a table cannot be made.
    """
    text = "".join(spec.sql for spec in creations(specs))
    kept = hashlib.sha256(f"{text}{rows}".encode()).hexdigest()[:12]
    name = PREFIX + (kept if keep else secrets.token_hex(8))
    with contextlib.suppress(pymysql.err.Error):
        inspector.execute("SET SESSION sql_log_bin = 0")  # replicas need none of this; it takes a privilege
    with _terminable():
        finished = interrupted = False
        try:
            if keep:  # one at a time makes it
                inspector.execute(f"SELECT GET_LOCK('{name}', 600)")
            if not (keep and _is_complete(inspector, name)):
                _make(inspector, name, specs, rows)
            inspector.execute(f"USE `{name}`")
            if keep:
                inspector.execute(f"SELECT RELEASE_LOCK('{name}')")
            finished = True
            yield name
        except Exception:
            raise
        except BaseException:
            interrupted = True
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
    with inspecting(inspector.settings) as other:
        with contextlib.suppress(pymysql.err.Error):  # it may be gone
            other.execute(f"KILL {inspector.thread}")
        other.execute(statement)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the program as Ctrl-C does, so that what is to be dropped is dropped."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_complete(inspector: Inspector, name: str) -> bool:
    return bool(
        inspector.execute(
            f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{name}' AND table_name = '{_COMPLETE}'"
        )
    )


def _make(inspector: Inspector, name: str, specs: Mapping[str, QuerySpec], rows: int) -> None:
    inspector.execute(f"DROP DATABASE IF EXISTS `{name}`")
    inspector.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    inspector.execute(f"USE `{name}`")
    inspector.execute("SET SESSION foreign_key_checks = 0")
    for spec in creations(specs):
        inspector.execute(Statement(spec, tag=False).render({}))
    if rows:
        fill(inspector, rows)
    inspector.execute(f"CREATE TABLE {_COMPLETE} (n INT PRIMARY KEY)")
    inspector.execute("SET SESSION foreign_key_checks = 1")
