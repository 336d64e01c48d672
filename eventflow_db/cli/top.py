"""The command `top`: which queries take the server's time, by their tags."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from ..check.server import CODE, Inspector
from ..check.slow_log import OTHERS, Usage, from_log, from_server, lost_runs
from ..errors import InvalidValueError
from ..query import load_specs
from ..query.spec import QuerySpec
from . import report
from .options import Json, Sql, Url, settings_of

TOP: Final = "Example: eventflow-db top --sort longest; eventflow-db top --log /var/log/mysql/slow.log"


class Order(StrEnum):
    """What the queries are ordered by, most first."""

    SECONDS = "seconds"
    CALLS = "calls"
    LONGEST = "longest"
    ROWS = "rows"


def top(
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", allow_dash=True, help="A slow query log, - for stdin; else the server."),
    ] = None,
    sort: Annotated[Order, typer.Option("--sort", help="Order by this, most first; rows: those that are read.")] = (
        Order.SECONDS
    ),
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many queries.")] = 20,
    url: Url = None,
    sql: Sql = None,
    json: Json = False,
) -> int:
    """Show which queries take the server's time, by their tags.

    From performance_schema (MySQL), what ran since the server started; or from a slow query log, of MySQL or MariaDB.

    Exit codes: 0 shown, 2 could not look.
    """
    settings = settings_of(url, sql)
    if log is None:
        with Inspector(settings, settings.database) as inspector:
            if inspector.is_mariadb:
                raise InvalidValueError(CODE, "MariaDB keeps no tags but in its slow log: name that with --log")
            report.status(inspector.description)
            found = from_server(inspector)
            if lost := lost_runs(inspector):
                table = "performance_schema.events_statements_summary_by_digest"
                report.status(f"{lost:,} runs are counted for no query, for {table} is full: TRUNCATE it")
    elif str(log) == "-":
        found = from_log(sys.stdin.buffer)
    else:
        with log.open("rb") as file:
            found = from_log(file)
    keys = {Order.ROWS: "rows_examined"}
    found.sort(key=lambda usage: getattr(usage, keys.get(sort, sort)), reverse=True)
    if json:
        report.json(msgspec.to_builtins(found[:limit]))
    else:
        _print(found[:limit], load_specs(settings.sql_path))
    if len(found) > limit:
        report.status(f"and {len(found) - limit} more queries (--limit)")
    return 0


def _print(usages: Sequence[Usage], specs: Mapping[str, QuerySpec]) -> None:
    rows = [
        (
            usage.query, f"{usage.calls:,}", f"{usage.seconds:,.3f}", f"{usage.seconds / usage.calls * 1000:,.3f}",
            f"{usage.longest * 1000:,.3f}", f"{usage.rows_examined:,}", f"{usage.rows_sent:,}", f"{usage.errors:,}",
            _source(usage, specs),
        )
        for usage in usages
    ]  # fmt: skip
    report.table(("QUERY", "CALLS", "SECONDS", "MEAN ms", "LONGEST ms", "ROWS READ", "SENT", "ERRORS", "SOURCE"), rows)


def _source(usage: Usage, specs: Mapping[str, QuerySpec]) -> str:
    if usage.query == OTHERS:
        return ""
    spec = specs.get(usage.query)
    if spec is None or spec.hash != usage.hash:
        return f"another version ({usage.hash})"
    return f"{report.short(spec.path)}:{spec.line}"
