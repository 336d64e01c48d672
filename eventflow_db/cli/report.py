"""Prints what was found, to people in a terminal, into a pipe, and as JSON; nothing in it steers a terminal."""

from __future__ import annotations

import contextlib
import json as encoder
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..check.apply import estimate
from ..check.diff import Difference
from ..check.prove import Finding
from ..check.upgrade import Plan
from ..printable import printable
from ..query.spec import QuerySpec

_PIPE: Final = 400
"""Columns that a table may take where no terminal limits it."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """End as programs do whose reader has gone: 1, as rich has it, would say that something was found."""
        # what is left in the buffer is written at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + 13)


_out: Final = _Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else _PIPE)
_err: Final = Console(highlight=False, stderr=True)


def _text(*parts: str | tuple[str, str], keep: str = "") -> Text:
    """Text without markup, and parts that are (text, style) in their style."""
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((printable(part, keep), style) for part, style in styled))


def status(message: str) -> None:
    """Say how it goes, on stderr."""
    trouble(f"eventflow-db: {message}", keep="")


def trouble(lines: str, keep: str = "\n") -> None:
    """Print what another library has to say, on stderr."""
    # where nobody can be told, the exit code says it
    with contextlib.suppress(OSError):
        _err.print(_text(lines.rstrip(), keep=keep), soft_wrap=True)


def text(*parts: str | tuple[str, str], keep: str = "") -> None:
    """Print text on a line, and parts that are (text, style) in their style."""
    _out.print(_text(*parts, keep=keep), soft_wrap=True)


def json(value: Any) -> None:
    """Print JSON."""
    text(encoder.dumps(value, indent=2), keep="\n")


def short(path: str | Path) -> str:
    """A path as it is written from here."""
    relative = os.path.relpath(path)
    # seen from / nothing lies above, and without its slash a path would be of nowhere
    return str(path) if relative.startswith("..") or os.getcwd() == os.sep else relative


def duration(age: timedelta) -> str:
    """A duration in the largest unit of which there are two."""
    seconds = int(age.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def findings(some: Sequence[Finding], format: Format) -> None:
    """Print findings; those about what was not loaded are on stderr already, as text."""
    if format is Format.JSON:
        json([{"ok": found.ok, **msgspec.structs.asdict(found)} for found in some])
    for found in some if format is Format.TEXT else ():
        # what was not loaded promises nothing
        if found.promised:
            finding(found)
    for found in some if format is Format.GITHUB else ():
        _annotate(found)


def _annotate(found: Finding) -> None:
    """An annotation of GitHub's actions for each problem, at its file and line."""
    for kind, messages in (("error", found.problems), ("warning", found.doubts), ("notice", found.notes)):
        for message in messages:
            place = {"file": short(found.path), "line": str(found.line), "title": found.query or "eventflow-db"}
            options = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in place.items() if found.path)
            text(f"::{kind} {options}::{_escaped(message)}")


def _escaped(value: str, more: str = "") -> str:
    """A value as the commands of GitHub's actions take it."""
    for sign in f"%\r\n{more}":
        value = value.replace(sign, f"%{ord(sign):02X}")
    return value


def finding(found: Finding) -> None:
    """One line for a query, and one more for each problem."""
    if found.ok:
        text(("ok   ", "green"), f"{found.query}  ", ("; ".join(found.plan) or "-", "dim"))
        for note in found.notes:
            text(f"     {note}")
        return
    mark = ("FAIL ", "bold red") if found.problems else ("?    ", "yellow")
    text(mark, (found.query, "bold"), f"  {short(found.path)}:{found.line}")
    for problem in found.problems + found.doubts + found.notes:
        text(f"     {problem}")


_STYLES: Final = {"wrong": "bold red", "slow": "yellow", "different": "dim"}


def difference(found: Difference) -> None:
    """How bad it is, what is missing or otherwise, the line of ours, what follows, and the cure."""
    mark = (f"{found.severity:11}", _STYLES[found.severity])
    text(mark, (f"{found.table}, {found.item}", "bold"), f"  {short(found.path)}:{found.line}")
    text(f"     ours: {found.ours or 'none'}")
    text(f"     live: {found.live or 'none'}")
    text(f"     {found.effect}")
    text(f"     cure: {found.cure}")


def upgrade(plan: Plan) -> None:
    """A script of SQL that upgrades: what it finds and what each statement costs, as comments."""

    def comment(line: str, style: str = "dim") -> None:
        text((f"-- {line}", style))

    comment(f"{plan.server}: {plan.release}")
    for line in plan.breaks:
        comment(line)
    for refusal in plan.refusals:
        examples = f", such as {', '.join(map(repr, refusal.examples))}" if refusal.examples else ""
        place = f"{refusal.table}.{refusal.columns}: {refusal.count:,}"
        comment(f"refused: {place} {refusal.problem}{examples}", "bold red")
        comment(f"  {refusal.cure}")
    for line in plan.by_hand:
        comment(f"to be done by hand: {line}", "bold red")
    for line in plan.left:
        comment(f"left as it is: {line}")
    if plan.steps:
        text(
            "SET SESSION foreign_key_checks = 0, lock_wait_timeout = 2, time_zone = '+00:00', sql_mode = 'TRADITIONAL';"
        )
    for number, step in enumerate(plan.steps, 1):
        comment(f"{number} of {len(plan.steps)}: {step.table}: {step.effect}{estimate(step)}")
        text(f"{step.statement};")


def _grid(**options: Any) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), **options)


def console() -> Console:
    """Where what was asked for goes."""
    return _out


def errors() -> Console:
    """Where status goes."""
    return _err


def table(headers: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """A table where it fits; else each row as a block of its own."""
    grid = _grid(header_style="bold")
    for header in headers:
        grid.add_column(_text(header), no_wrap=True)
    for row in rows:
        grid.add_row(*(_text(value or "") for value in row))
    if _out.measure(grid, options=_out.options.update(width=10_000)).maximum <= _out.width:
        _out.print(grid)
        return
    for row in rows:
        text((f"{headers[0].lower()} ", "dim"), (row[0] or "", "bold"))
        details([(header.lower(), value) for header, value in zip(headers[1:], row[1:], strict=True) if value])


def details(rows: Sequence[tuple[str, str]]) -> None:
    """Names before values, which fold."""
    grid = _grid(show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*(_text(part, keep="\n") for part in row))
    _out.print(grid)


def catalogue(specs: Sequence[QuerySpec]) -> None:
    """A table of queries."""
    rows = []
    for spec in specs:
        again = "if identical" if spec.idempotent.startswith("when") else spec.idempotent
        rows.append((spec.name, spec.returns, spec.index or "none (scan)", again, f"{short(spec.path)}:{spec.line}"))
    table(("QUERY", "RETURNS", "INDEX", "IDEMPOTENT", "SOURCE"), rows)


def query(spec: QuerySpec) -> None:
    """Everything about one query: its annotation by its keys, its tag, its place and its SQL."""
    details([(key, value) for key, value in _annotation(spec) if value])
    body = textwrap.indent(printable(spec.sql, "\n\t"), "    ")
    if _out.is_terminal:
        _out.print(Syntax(body, "mysql", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        text(body, keep="\n\t")


def _annotation(spec: QuerySpec) -> Iterator[tuple[str, str]]:
    def noted(key: str, value: str) -> str:
        return f"{value} ({spec.notes[key]})" if key in spec.notes else value

    yield "name", spec.name
    yield "purpose", f"{spec.purpose} {spec.remarks}".rstrip()
    yield "method", spec.method or "none: internal"
    yield "param", "\n".join(noted(key, f"{key}: {kind}") for key, kind in spec.param.items()) or "none"
    yield "takes", ": ".join(spec.takes or ())
    yield "returns", noted("returns", spec.returns)
    yield "error", " ".join(spec.error)
    yield "not_found", " ".join(spec.not_found or ())
    yield "index", spec.index or ""
    yield "scan", spec.scan or ""
    yield "idempotent", noted("idempotent", spec.idempotent)
    yield "conflict", ", ".join(map(str, spec.conflict))
    yield "timeout", spec.timeout
    yield "differs", spec.differs or ""
    yield "replaces", spec.replaces or ""
    yield "tag", f"/*eventflow:{spec.name}@{spec.hash}*/"
    yield "source", f"{short(spec.path)}:{spec.line}"
