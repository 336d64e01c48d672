"""Writes a typed module for the queries that an overlay adds: a method for each, which runs `call`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from keyword import iskeyword
from typing import Final

from ..printable import printable
from ..query.annotations import shape
from ..query.spec import QuerySpec

_MODULE: Final = '''# Made by eventflow-db stubs --sql {sources}; do not edit.
"""The queries that are added to eventflow_db, with types."""

from __future__ import annotations

from collections.abc import Sequence
{times}from typing import Any

from eventflow_db import {imports}

__all__ = ["AsyncQueries", "Queries"]


class Queries:
    """One method for each query; `db` is what it runs on: a database object, a session or a transaction."""

    def __init__(self, db: EventflowDB | Session | Transaction) -> None:
        self._db = db
{methods}

class AsyncQueries:
    """The same for asyncio."""

    def __init__(self, db: AsyncEventflowDB | AsyncSession | AsyncTransaction) -> None:
        self._db = db
{async_methods}'''
_DATABASES: Final = {"AsyncEventflowDB", "AsyncSession", "AsyncTransaction", "EventflowDB", "Session", "Transaction"}


def stubs(specs: Sequence[QuerySpec], sources: Iterable[str]) -> str:
    """The source of the module."""
    records = {spec.record.__name__ for spec in specs if spec.record is not None}
    kinds = {kind.python for spec in specs for kind in spec.types.values()}
    times = ", ".join(sorted(kinds & {"date", "datetime"}))
    return _MODULE.format(
        sources=printable(" --sql ".join(sources)),
        times=f"from datetime import {times}\n" if times else "",
        imports=", ".join(sorted(_DATABASES | records)),
        methods="".join(_method(spec, "def", "") for spec in specs),
        async_methods="".join(_method(spec, "async def", "await ") for spec in specs),
    )


def _method(spec: QuerySpec, define: str, wait: str) -> str:
    arguments, given = [], []
    for key, kind in spec.types.items():
        is_reserved = iskeyword(key) or key == "self"
        name = f"{key}_" if is_reserved else key
        type_ = f"{kind.python} | None" if kind.absent is not None else kind.python
        # what may be left out stands behind what has to be there, for keywords have no order
        arguments.append(f"{name}: {type_}" + " = None" * ("None" in type_))
        given.append(f'**{{"{key}": {name}}}' if is_reserved else f"{name}={name}")
    keywords = _joined(["self", *(["*"] if arguments else []), *arguments], 4)
    call = _joined([f'"{spec.name}"', *given], 8)
    purpose = textwrap.fill(printable(spec.purpose).replace("\\", "/").replace('"', "'"), 100)
    return f'''
    {define} {spec.name.replace(".", "_")}({keywords}) -> {result_type(spec)}:
        """{textwrap.indent(purpose, " " * 8).strip()}

        Raises: {spec.error.code}.
        """
        result: {result_type(spec)} = {wait}self._db.call({call})
        return result
'''


def _joined(words: Sequence[str], indent: int) -> str:
    """Words between brackets: on one line, or on one each."""
    line = ", ".join(words)
    if len(line) <= 60:
        return line
    return textwrap.indent("".join(f"\n    {word}," for word in words), " " * indent) + "\n" + " " * indent


def result_type(spec: QuerySpec) -> str:
    """The type of what a query gives."""
    base = spec.returns.rstrip("*?").replace("(", "tuple[").replace(")", "]")
    base = "dict[str, Any]" if base == "row" else base
    kinds = {"rows": f"list[{base}]", "changed": "bool", "affected": "int", "none": "None"}
    return kinds.get(shape(spec.returns), base + (" | None" if spec.returns.endswith("?") else ""))
