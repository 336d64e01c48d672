"""The part of `status` about the server: sizes, partitions, transactions, waits for locks, indexes nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from ..check.activity import Activity, read_activity
from ..check.server import Inspector
from ..query import load_specs
from ..settings import Settings
from . import report
from .report import duration

_LONG = 10
"""Seconds after which an open transaction is told."""


def server_status(settings: Settings, json: bool) -> bool:
    """Print it; whether somebody should look at it: a transaction or a wait is there."""
    with Inspector(settings, settings.database) as inspector:
        activity = read_activity(inspector, load_specs(settings.sql_path), _LONG)
    if json:
        report.json(msgspec.to_builtins(activity))
    else:
        _print(activity)
    return bool(activity.transactions or activity.waits)


def _print(activity: Activity) -> None:
    report.text((activity.description, "bold"), f", up for {duration(timedelta(seconds=activity.uptime))}")
    report.text("")
    rows = []
    for table in activity.tables:
        cells = f"{table.rows:,}", _size(table.data), _size(table.indexes), _size(table.free)
        rows.append((table.table, *cells, _partitions(table.partitions)))
    report.table(("TABLE", "ROWS", "DATA", "INDEXES", "FREE", "PARTITIONS"), rows)
    for line in _lines(activity):
        report.text(line)


def _lines(activity: Activity) -> Iterator[str]:
    yield ""
    for one in activity.transactions:
        age = duration(timedelta(seconds=one.seconds))
        yield (
            f"! thread {one.thread} ({one.account}) has a transaction open for {age}: "
            f"{one.rows_locked:,} rows locked, {one.rows_modified:,} changed; {one.query or 'no query of ours'}"
        )
    for wait in activity.waits:
        index = f" ({wait.index})" if wait.index else ""
        age = duration(timedelta(seconds=wait.seconds))
        yield (
            f"! thread {wait.thread} waits for {age} for thread {wait.blocked_by} "
            f"on {wait.table}{index}; {wait.query or 'no query of ours'}"
        )
    if not activity.transactions and not activity.waits:
        yield f"no transaction is open for {_LONG} s, and nobody waits for a lock"
    for index_ in activity.unused:
        promised = f"promised by {', '.join(index_.queries)}" if index_.queries else "which no query promises"
        yield f"unused since the server started: {index_.table}.{index_.index}, {promised}"
    for line in activity.unknown:
        yield f"not known: {line}"


def _partitions(partitions: dict[str, tuple[int, int]]) -> str:
    names = list(partitions)
    if not names:
        return ""
    if len(names) <= 3:
        return ", ".join(f"{name} {_size(partitions[name][1])}" for name in names)
    return f"{len(names)}: {names[0]} … {names[-1]}"


def _size(size: int) -> str:
    for unit, bytes_ in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size // 1024} kB"
