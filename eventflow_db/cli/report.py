"""How findings look: to people in a terminal, in a pipe, and as JSON."""

from __future__ import annotations

import json as encoder
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..check.diff import Difference
from ..check.prove import Finding
from ..query.spec import QuerySpec

_PIPE: Final = 400
"""Columns that a table may take where no terminal limits it."""
_out: Final = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE)
_err: Final = Console(highlight=False, stderr=True)


def status(text: str) -> None:
    """Say how it goes, on stderr."""
    _err.print(Text(f"eventflow-db: {text}"), soft_wrap=True)


def text(content: str) -> None:
    """Print as it is."""
    _out.print(Text(content), soft_wrap=True)


def json(value: Any) -> None:
    """Print JSON."""
    text(encoder.dumps(value, indent=2, default=sorted))


def short(path: str | Path) -> str:
    """A path as it is written from here."""
    relative = os.path.relpath(path)
    # seen from / nothing lies above, and without its slash a path would be of nowhere
    return str(path) if relative.startswith("..") or os.getcwd() == os.sep else relative


def line(analysis: str, content: str, good: bool) -> None:
    """One line with a analysis before it."""
    _out.print(Text.assemble((analysis, "green" if good else "bold red"), ": ", content), soft_wrap=True)


def finding(found: Finding) -> None:
    """One line for a query, and one more for each problem."""
    if not found.problems and not found.doubts:
        told = "; ".join(found.plan) or "-"
        _out.print(Text.assemble(("ok   ", "green"), f"{found.query}  ", (told, "dim")), soft_wrap=True)
        return
    analysis = ("FAIL ", "bold red") if found.problems else ("?    ", "yellow")
    where = f"{short(found.path)}:{found.line}"
    _out.print(Text.assemble(analysis, (found.query, "bold"), f"  {where}"), soft_wrap=True)
    for problem in [*found.problems, *found.doubts]:
        _out.print(Text(f"     {problem}"), soft_wrap=True)


def difference(found: Difference) -> None:
    """What is missing or otherwise, and the line of ours."""
    where = f"{short(found.path)}:{found.line}"
    _out.print(Text.assemble((f"{found.table}, {found.item}", "bold"), f"  {where}"), soft_wrap=True)
    _out.print(Text(f"     ours: {found.ours or 'none'}"), soft_wrap=True)
    _out.print(Text(f"     live: {found.live or 'none'}"), soft_wrap=True)


def _print(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table where it fits; else each row as a block of its own."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    if _out.measure(table, options=_out.options.update(width=10_000)).maximum <= _out.width:
        _out.print(table)
        return
    for row in rows:
        _out.print(Text(row[0], "bold"), soft_wrap=True)
        _details([(header.lower(), value) for header, value in zip(headers[1:], row[1:], strict=True) if value])


def _details(rows: Sequence[tuple[str, str]]) -> None:
    """Names before values, which fold."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    _out.print(table)


def catalogue(specs: Sequence[QuerySpec]) -> None:
    """A table of queries."""
    rows = []
    for spec in specs:
        again = "if identical" if spec.idempotent.startswith("when") else spec.idempotent
        index = spec.index or "none (scan)"
        rows.append((spec.name, spec.returns, index, again, f"{short(spec.path)}:{spec.line}"))
    _print(("QUERY", "RETURNS", "INDEX", "IDEMPOTENT", "SOURCE"), rows)


def query(spec: QuerySpec) -> None:
    """Everything about one query."""
    rows = [
        ("purpose", f"{spec.purpose} {spec.remarks}".rstrip()),
        ("method", spec.method or "none: internal"),
        ("param", ", ".join(f"{key}: {kind}" for key, kind in spec.param.items()) or "none"),
        ("returns", spec.returns),
        ("error", ": ".join(spec.error)),
    ]
    if spec.not_found:
        rows.append(("not_found", ": ".join(spec.not_found)))
    rows += [("index", spec.lookup), ("idempotent", spec.idempotent)]
    rows += [("tag", f"/*eventflow:{spec.name}@{spec.hash}*/"), ("source", f"{short(spec.path)}:{spec.line}")]
    _out.print(Text(spec.name, "bold"))
    _details(rows)
    body = textwrap.indent(spec.sql, "    ")
    if _out.is_terminal:
        _out.print(Syntax(body, "mysql", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        text(body)


def plan(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """The server's own table of a plan."""
    _print(columns, [[value or "" for value in row] for row in rows])
