"""Makes, from the annotations in sql/: methods with their docstrings, types of the queries, tables for documents."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from eventflow_db.query.annotations import shape
from eventflow_db.query.parameters import split_mark
from eventflow_db.query.spec import QuerySpec

Specs = Mapping[str, QuerySpec]

_METHODS = '''# Generated from sql/ by scripts/generate; do not edit.
"""The operations that are one query each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ..query.tagged import revived
from ..records import {records}
from ..redact import redacting_all
from .caller import AsyncCaller


@redacting_all
class AsyncMethods(AsyncCaller):
    """One method for each query that has one."""

'''
_CATALOGUE = '''# Generated from sql/ by scripts/generate; do not edit.
"""The queries, as aiosql's methods: what they take, and what comes back."""

from collections.abc import Awaitable, Sequence
from datetime import date, datetime
from typing import Any

from ..query.statement import Statement
from ..records import {records}
from .caller import AsyncCaller

class Query:
    statement: Statement
    def __call__(self, *args: Any, **values: Any) -> Awaitable[Any]: ...

'''
_DESERIALIZE = 'deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.'


def methods(specs: Specs) -> str:
    """The source of aio/methods.py."""
    chosen = [spec for spec in specs.values() if spec.method]
    records = {name for spec in chosen for name in _records(spec)}
    return _METHODS.format(records=", ".join(sorted(records))) + "\n\n".join(_method(spec, specs) for spec in chosen)


def _records(spec: QuerySpec) -> Iterator[str]:
    if spec.record:
        yield spec.record.__name__
    if spec.takes:
        yield from (spec.takes[1], f"New{spec.takes[1]}")


def _gives(spec: QuerySpec) -> str:
    """The type of what a method gives."""
    base = spec.returns.rstrip("*?")
    kinds = {"rows": f"list[{base}]", "changed": "bool", "affected": "int", "none": "None"}
    return kinds.get(shape(spec.returns), base + (" | None" if spec.returns.endswith("?") else ""))


def _arguments(spec: QuerySpec) -> list[str]:
    """The arguments of a method behind `self`, with their types and defaults."""
    if spec.takes:
        name, record = spec.takes
        return [f"{name}: New{record} | {record}"]
    positional, optional = [], []
    for name, text in spec.param.items():
        base, mark = split_mark(text)
        kind = spec.types[name].python
        if mark or base == "limit":
            optional.append(f"{name}: {kind.removesuffix(' | None')} | None = None")
        else:
            positional.append(f"{name}: {kind}")
    if _has_data(spec):
        optional.append("deserialize: bool = False")
    return [*positional, *(["*"] if optional else []), *optional]


def _has_data(spec: QuerySpec) -> bool:
    return spec.returns.rstrip("*?") == "Event"


def _method(spec: QuerySpec, specs: Specs) -> str:
    values = "".join(f", {name}={name}" for name in spec.param)
    query = f"self._sql.{spec.name}"
    call = f"await {query}(self{values})"
    if spec.takes:
        lines = [f"return await self._persist({query}, {spec.takes[0]})"]
    elif _has_data(spec) and spec.returns.endswith("*"):
        lines = [f"events = {call}", "return [revived(event) for event in events] if deserialize else events"]
    elif _has_data(spec):
        lines = [f"event = {call}", "return revived(event) if deserialize else event"]
    elif shape(spec.returns) == "changed":
        lines = [f"return {call} > 0"]
    else:
        lines = [call if shape(spec.returns) == "none" else f"return {call}"]
    head = f"async def {spec.method}({', '.join(['self', *_arguments(spec)])}) -> {_gives(spec)}:"
    return textwrap.indent(
        "\n".join([head, textwrap.indent(_docstring(spec, specs), "    "), *(f"    {line}" for line in lines)]), "    "
    )


def _docstring(spec: QuerySpec, specs: Specs) -> str:
    rules = _rules(spec)
    if spec.takes:
        rules = [f"{spec.takes[0]}: a mapping of the following, or a {spec.takes[1]}.", *rules]
    if _has_data(spec):
        rules.append(_DESERIALIZE)
    if note := spec.notes.get("returns"):
        rules.append(f"{note[0].upper()}{note[1:]}." if ":" in note else f"Gives {note}.")
    paragraphs = [spec.purpose, " ".join(rules), f"Raises: {_errors(spec, specs)}."]
    text = "\n\n".join(textwrap.fill(text, 108, break_on_hyphens=False) for text in paragraphs if text)
    return f'"""{text}\n"""'


def _rules(spec: QuerySpec) -> list[str]:
    """What each parameter takes; those with one rule together."""
    told = {
        name: kind.rule + (f" ({spec.notes[name]})" if name in spec.notes else "") for name, kind in spec.types.items()
    }
    found: dict[str, list[str]] = {}
    for name, rule in told.items():
        found.setdefault(rule, []).append(name)
    return [f"{', '.join(names)}: {rule}." for rule, names in found.items()]


def _errors(spec: QuerySpec, specs: Specs) -> str:
    words = []
    if spec.not_found:
        words.append(f"NotFoundError ({spec.not_found.code})")
    if spec.verb == "INSERT":
        words.append("DuplicateError")
    if references := _references(spec, specs):
        words.append(f"MissingReferenceError ({', '.join(references)})")
    if spec.types:
        words.append("InvalidValueError before anything is sent")
    if spec.commits:
        words.append("InvalidValueError inside a transaction")
    if spec.writes and spec.idempotent == "no":
        words.append("OutcomeUnknownError when the reply was lost")
    return ", ".join([*words, f"{'others' if words else 'EventflowDBError'} ({spec.error.code})"])


def _references(spec: QuerySpec, specs: Specs) -> list[str]:
    """The parameters of a write that have to refer to a row of another table."""
    create = specs.get(f"{spec.name.partition('.')[0]}.create_table")
    keys = re.findall(r"FOREIGN KEY \((\w+)\)", create.sql) if create else []
    written = spec.sql if spec.verb == "INSERT" else spec.sql.partition("SET")[2].partition("WHERE")[0]
    return [key for key in keys if f":{key}" in written]


def catalogue(specs: Specs) -> str:
    """The source of aio/catalogue.pyi."""
    records = {spec.record.__name__ for spec in specs.values() if spec.record}
    parts = [_CATALOGUE.format(records=", ".join(sorted(records)))]
    tables: dict[str, list[str]] = {}
    for spec in specs.values():
        table, name = spec.name.split(".")
        parameters = []
        for parameter, text in spec.param.items():
            kind = spec.types[parameter.rstrip("_")].python
            optional = " | None = ..." if split_mark(text)[1] else ""
            parameters.append(f", {parameter}: {kind}{optional}")
        words = "".join([", *", *parameters] if parameters else [])
        gives = {"changed": "int", "none": "int"}.get(shape(spec.returns), _gives(spec))
        owner = "".join(word.title() for word in (*table.split("_"), *name.split("_")))
        parts.append(
            f"class {owner}(Query):\n"
            f"    def __call__(self, session: AsyncCaller, /{words}) -> Awaitable[{gives}]: ...\n\n"
        )
        tables.setdefault(table, []).append(f"    {name}: {owner}\n")
    for table, lines in tables.items():
        parts.append(f"class {table.title().replace('_', '')}Queries:\n{''.join(lines)}\n")
    names = "".join(f"    {table}: {table.title().replace('_', '')}Queries\n" for table in tables)
    parts.append(f'class Catalogue:\n    """The tables with their queries."""\n\n{names}')
    return "".join(parts)


_HEADINGS = {
    "tables": "Tables",
    "event": "Events",
    "event_cpid": "Associations",
    "event_eid": "Associations",
    "event_published": "Publications",
    "event_scheduled": "Schedules",
    "hub": "Hubs",
    "log": "Logs",
    "certificate": "Certificates",
    "": "Transactions, locks, connections",
}


def operations(specs: Specs, by_hand: Iterable[str]) -> str:
    """The README's tables of operations, of queries and of the sync source of what is written by hand."""
    rows = [
        (
            "tables" if spec.verb == "CREATE" else spec.name.partition(".")[0],
            spec.method or "",
            ", ".join(re.sub(r": [^=]*?(?= =|$)", "", one).replace(" = ", "=") for one in _arguments(spec)),
            _gives(spec),
            spec.purpose + _note(spec),
        )
        for spec in specs.values()
        if spec.method
    ]
    rows += [row for source in by_hand for row in _by_hand(source)]
    order = list(_HEADINGS)
    text = []
    rows.sort(key=lambda row: order.index(row[0]))
    for heading, group in groupby(rows, key=lambda row: _HEADINGS[row[0]]):
        text.append(f"### {heading}\n\n| method | gives | |\n|---|---|---|")
        for _, method, arguments, gives, purpose in group:
            gives = gives.replace("|", "\\|")
            text.append(f"| `{method}({arguments})` | `{gives}` | {purpose} |")
        text.append("")
    return "\n".join(text)


def _note(spec: QuerySpec) -> str:
    note = spec.notes.get("returns", "")
    return f" {note[0].upper()}{note[1:]}." if ":" in note else ""


def _by_hand(source: str) -> Iterator[tuple[str, str, str, str, str]]:
    """The public methods of a module's classes: table, name, arguments, what it gives, purpose."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        body = ast.unparse(node)
        if "NotImplementedError" in body or not node.args.args or node.args.args[0].arg not in ("self", "connection"):
            continue
        table = re.search(r"_sql\.(\w+)\.", body)
        key = "tables" if "create_table" in body else table[1] if table else ""
        arguments = re.sub(r": [^,=]*?(?:\[[^\]]*\][^,=]*)*(?= =|=|,|$)", "", ast.unparse(node.args))
        arguments = re.sub(r" ?= ?", "=", arguments.removeprefix("self").removeprefix(", "))
        gives = ast.unparse(node.returns) if node.returns else ""
        purpose = (ast.get_docstring(node) or "").partition("\n")[0]
        yield key if key in _HEADINGS else "", node.name, arguments, gives, purpose


def queries(specs: Specs) -> str:
    """The table of queries of sql/README.md."""
    rows = [
        f"| `{spec.name}` | {f'`{spec.method}`' if spec.method else ''} | `{spec.returns}` | {spec.index or 'scan'} |"
        for spec in specs.values()
    ]
    return "\n".join(["| query | method | returns | index |", "|---|---|---|---|", *rows, ""])
