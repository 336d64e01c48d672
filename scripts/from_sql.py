"""Makes, from the annotations in sql/: methods with their docstrings, types of the queries, tables for documents."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from keyword import iskeyword

from eventflow_db.cli.stubs import result_type
from eventflow_db.query.annotations import shape
from eventflow_db.query.parameters import TYPES, split_mark
from eventflow_db.query.spec import QuerySpec
from eventflow_db.query.tokens import tokens

Specs = Mapping[str, QuerySpec]

_IDENTIFIER = TYPES["identifier"].rule
_METHODS = '''# Generated from sql/ by scripts/generate; do not edit.
"""The operations that are one query each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from ..inputs import {inputs}
from ..query.tagged import revived
from ..records import {records}
from ..redact import redacting_all
from .caller import AsyncCaller


@redacting_all
class AsyncMethods(AsyncCaller):
    """One method for each query that has one.

    An identifier is {identifier}.
    """

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
_PAGES = {"position": 'after: Event | str = ""', "page": "page: int = 1000"}
"""The arguments of an iterator, by the types of the parameters of its pages."""
_ITERATOR = (
    "after: start behind this event, or this id. page: events that memory holds at a time, at least 1. No connection "
    "is held between pages; an event that is committed later with an earlier id than the last one read is missed."
)
_INPUTS = '''# Generated from sql/ by scripts/generate; do not edit.
"""What new rows are made of: mappings with these keys.

An identifier is {identifier}.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired, TypedDict

'''
_DESERIALIZE = 'deserialize: `{"$type": …, "$value": …}` in `data` become datetimes, sets, dicts and exceptions again.'


def methods(specs: Specs) -> str:
    """The source of aio/methods.py."""
    chosen = [spec for spec in specs.values() if spec.method]
    records = {name for spec in chosen for name in _records(spec)}
    made = []
    for spec in chosen:
        made.append(_method(spec, specs))
        if spec.batch:
            made.append(_batch(spec))
    taken = sorted(f"New{spec.takes[1]}" for spec in chosen if spec.takes)
    head = _METHODS.format(identifier=_IDENTIFIER, inputs=", ".join(taken), records=", ".join(sorted(records)))
    return head + "\n\n".join(made)


def inputs(specs: Specs) -> str:
    """The source of inputs.py."""
    return _INPUTS.format(identifier=_IDENTIFIER) + "\n\n".join(_input(spec) for spec in specs.values() if spec.takes)


def _input(spec: QuerySpec) -> str:
    assert spec.takes is not None
    name = f"New{spec.takes[1]}"
    optional = spec.notes.get("takes", "").removeprefix("optional: ").split(", ")
    fields = {}
    for key, kind in spec.types.items():
        absent = kind.absent is not None
        text = f"{kind.python} | None" if absent or (key in optional and kind.python != "Any") else kind.python
        fields[key] = f"NotRequired[{text}]" if absent or key in optional else text
    purpose = (
        f"The keys of {spec.purpose[0].lower()}{spec.purpose[1:]}" if not spec.method else f"What {spec.method} takes."
    )
    doc = _paragraphs([purpose, " ".join(_rules(spec))])
    if any(iskeyword(key) for key in fields):
        body = ", ".join(f'"{key}": {text}' for key, text in fields.items())
        return f'{name} = TypedDict("{name}", {{{body}}})\n{doc}\n'
    lines = "".join(f"{key}: {text}\n" for key, text in fields.items())
    return f"class {name}(TypedDict):\n{textwrap.indent(doc, '    ')}\n\n{textwrap.indent(lines, '    ')}"


def _records(spec: QuerySpec) -> Iterator[str]:
    if spec.record:
        yield spec.record.__name__
    if spec.takes:
        yield spec.takes[1]


def _method_gives(spec: QuerySpec) -> str:
    if spec.returns == "bool?":
        # no row is False
        return "bool"
    return result_type(spec).replace("list", "AsyncIterator") if _is_iterator(spec) else result_type(spec)


def _arguments(spec: QuerySpec) -> list[str]:
    """The arguments of a method behind `self`, with their types and defaults."""
    if spec.takes:
        name, record = spec.takes
        return [f"{name}: New{record} | {record}"]
    positional: list[str] = []
    optional: list[str] = []
    for name, text in spec.param.items():
        base, mark = split_mark(text)
        kind = spec.types[name.rstrip("_")].python
        if base in _PAGES:
            optional.append(_PAGES[base])
        elif mark[2:].isdigit():
            (optional if base == "batch" else positional).append(f"{name}: {kind} = {mark[2:]}")
        elif mark or base == "limit":
            optional.append(f"{name}: {kind.removesuffix(' | None')} | None = None")
        else:
            positional.append(f"{name}: {kind}")
    if _has_data(spec):
        optional.append("deserialize: bool = False")
    return [*positional, *(["*"] if optional else []), *optional]


def _is_iterator(spec: QuerySpec) -> bool:
    """Whether a method gives all rows, page by page."""
    return "page" in spec.param.values()


def _has_data(spec: QuerySpec) -> bool:
    return spec.returns.rstrip("*?") == "Event"


def _method(spec: QuerySpec, specs: Specs) -> str:
    # the key of the parameter `from_` is `from`, a word of Python
    values = "".join(
        f", {name}={name}" if name == key else f', **{{"{key}": {name}}}'
        for name, key in zip(spec.param, spec.types, strict=True)
    )
    query = f"self._sql.{spec.name}"
    call = f"await {query}(self{values})"
    if _is_iterator(spec):
        keys = "".join(f", {name}={name}" for name, kind in spec.param.items() if kind not in _PAGES)
        lines = [f"return self._iterate({query}, after, page, deserialize{keys})"]
    elif spec.takes:
        lines = [f"return await self._persist({query}, {spec.takes[0]})"]
    elif _has_data(spec) and spec.returns.endswith("*"):
        lines = [f"events = {call}", "return await self._revived(events) if deserialize else events"]
    elif _has_data(spec):
        condition = "deserialize" if not spec.returns.endswith("?") else "deserialize and event is not None"
        lines = [f"event = {call}", f"return revived(event) if {condition} else event"]
    elif spec.returns == "bool?":
        lines = [f"return bool({call})"]
    elif shape(spec.returns) == "changed":
        lines = [f"return {call} > 0"]
    else:
        lines = [call if shape(spec.returns) == "none" else f"return {call}"]
    keyword = "def" if _is_iterator(spec) else "async def"
    return _function(
        f"{keyword} {spec.method}", ["self", *_arguments(spec)], _method_gives(spec), _docstring(spec, specs), lines
    )


def _batch(spec: QuerySpec) -> str:
    """The method that persists many rows at once."""
    assert spec.batch is not None
    method, argument = spec.batch
    kind, items = _tuples(spec), f"tuples {spec.tuple_form}"
    if spec.takes:
        kind, items = f"New{spec.takes[1]} | {spec.takes[1]}", "mappings or records"
    paragraphs = [
        f"Persist many, all or none, as {spec.method} does one; gives how many.",
        f"{argument}: an iterable of {items}. They are sent in statements of many rows. Inside a transaction they are "
        "part of it.",
        f"Raises: as {spec.method}; InvalidValueError says which item, counted from 0, breaks which rule. The code is "
        f"{spec.error.code}.",
    ]
    lines = [f"return len(await self._persist_many(self._sql.{spec.name}, {argument}))"]
    return _function(
        f"async def {method}", ["self", f"{argument}: Iterable[{kind}]"], "int", _paragraphs(paragraphs), lines
    )


def _tuples(spec: QuerySpec) -> str:
    """The types of the tuples that stand for a row, with the keys at their end that may be left out and without."""
    kinds = [kind.python + (" | None" if kind.absent else "") for kind in spec.types.values()]
    return " | ".join(f"tuple[{', '.join(kinds[:length])}]" for length in range(spec.required, len(kinds) + 1))


def _function(head: str, arguments: Sequence[str], gives: str, docstring: str, lines: Sequence[str]) -> str:
    body = "\n".join([docstring, *lines])
    return textwrap.indent(f"{head}({', '.join(arguments)}) -> {gives}:\n{textwrap.indent(body, '    ')}\n", "    ")


def _docstring(spec: QuerySpec, specs: Specs) -> str:
    rules = _rules(spec)
    if spec.takes:
        rules = [f"{spec.takes[0]}: a mapping of the following, or a {spec.takes[1]}.", *rules]
    if _is_iterator(spec):
        rules.append(_ITERATOR)
    if _has_data(spec):
        rules.append(_DESERIALIZE)
    return _paragraphs([spec.purpose, " ".join(rules), _note(spec), f"Raises: {_errors(spec, specs)}."])


def _paragraphs(paragraphs: Sequence[str]) -> str:
    text = "\n\n".join(textwrap.fill(text, 108, break_on_hyphens=False) for text in paragraphs if text)
    return f'"""{text}\n"""'


def _rules(spec: QuerySpec) -> list[str]:
    """What each parameter takes; those with one rule together."""
    rules = {
        name: _short(kind.rule) + (f" ({spec.notes[name]})" if name in spec.notes else "")
        for name, kind in spec.types.items()
        if spec.param.get(name) not in _PAGES
    }
    found: dict[str, list[str]] = {}
    for name, rule in rules.items():
        found.setdefault(rule, []).append(name)
    return [f"{', '.join(names)}: {rule}." for rule, names in found.items()]


def _short(rule: str) -> str:
    """A rule as a docstring gives it: what an identifier is, the class says once."""
    rule = rule.replace(f", each {TYPES['identifier'].rule}", "")
    return rule.replace(TYPES["identifier"].rule, "an identifier")


def _errors(spec: QuerySpec, specs: Specs) -> str:
    words = []
    if spec.not_found:
        words.append(f"NotFoundError with the code {spec.not_found.code}")
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
    words.append("others" if words else "EventflowDBError")
    return f"{', '.join(words)}. The code is {spec.error.code}"


def _references(spec: QuerySpec, specs: Specs) -> list[str]:
    """The parameters of a write that have to refer to a row of another table."""
    create = specs.get(f"{spec.name.partition('.')[0]}.create_table")
    keys = re.findall(r"FOREIGN KEY \((\w+)\)", create.sql) if create else []
    written = spec.sql if spec.verb == "INSERT" else spec.sql.partition("SET")[2].partition("WHERE")[0]
    used = {text for kind, text in tokens(written) if kind == "parameter"}
    return [key for key in keys if key in used]


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
        gives = {"changed": "int", "none": "int"}.get(shape(spec.returns), result_type(spec))
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
    rows = [row for source in by_hand for row in _by_hand(source)]
    rows += [
        (
            "tables" if spec.verb == "CREATE" else spec.name.partition(".")[0].replace("session", ""),
            spec.method or "",
            ", ".join(re.sub(r": [^=]*?(?= =|$)", "", one).replace(" = ", "=") for one in _arguments(spec)),
            _method_gives(spec),
            f"{spec.purpose} {_note(spec)}".rstrip(),
        )
        for spec in specs.values()
        if spec.method
    ]
    rows += [
        (
            spec.name.partition(".")[0],
            *spec.batch,
            "int",
            f"Persist many, all or none, as `{spec.method}` does one; gives how many.",
        )
        for spec in specs.values()
        if spec.batch
    ]
    headings = {**{row[0]: row[0].replace("_", " ").capitalize() for row in rows}, **_HEADINGS}
    order = [*_HEADINGS, *(table for table in headings if table not in _HEADINGS)]
    text = []
    rows.sort(key=lambda row: order.index(row[0]))
    for heading, group in groupby(rows, key=lambda row: headings[row[0]]):
        text.append(f"### {heading}\n\n| method | gives | |\n|---|---|---|")
        for _, method, arguments, gives, purpose in group:
            gives = gives.replace("|", "\\|").replace("Async", "")
            text.append(f"| `{method}({arguments})` | `{gives}` | {purpose} |")
        text.append("")
    return "\n".join(text)


def _note(spec: QuerySpec) -> str:
    """What False or a number means, or that there is None."""
    if spec.returns.endswith("?") and not spec.takes and shape(spec.returns) == "row":
        return "None: there is none."
    note = spec.notes.get("returns", "")
    return note and f"{note[0].upper()}{note[1:]}."


def _by_hand(source: str) -> Iterator[tuple[str, str, str, str, str]]:
    """The public methods of a module's classes: table, name, arguments, what it gives, purpose."""
    tree = ast.parse(source)
    constants = {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }
    methods = [
        node for kind in tree.body if isinstance(kind, ast.ClassDef) for node in kind.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]  # fmt: skip
    for method in methods:
        body = ast.unparse(method)
        if "NotImplementedError" in body:
            # a subclass has it
            continue
        given = method.args
        given.args, given.posonlyargs = (
            [one for one in some if one.arg != "self"] for some in (given.args, given.posonlyargs)
        )
        for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, [given.kwarg])):
            one.annotation = None
        given.kw_defaults = [constants.get(ast.unparse(one), one) if one else None for one in given.kw_defaults]
        table = re.search(r"_sql\.(\w+)", body)
        key = "tables" if "create_table" in body else table[1] if table else ""
        gives = ast.unparse(method.returns) if method.returns else ""
        purpose = (ast.get_docstring(method) or "").partition("\n")[0]
        yield key if key in _HEADINGS else "", method.name, ast.unparse(given), gives, purpose


def queries(specs: Specs) -> str:
    """The table of queries of sql/README.md."""
    rows = [
        f"| `{spec.name}` | {f'`{spec.method}`' if spec.method else ''} | `{spec.returns}` | {spec.index or 'scan'} |"
        for spec in specs.values()
    ]
    return "\n".join(["| query | method | returns | index |", "|---|---|---|---|", *rows, ""])
