"""Writes the sync API, eventflow_db/sync/, from its asyncio source, and the queries' types from the SQL.

The sync API comes from eventflow_db/aio/, token by token, so comments and layout survive: `await` and `async`
go, the names below are exchanged, in strings and comments too, and ruff sorts and formats the rest. The types,
eventflow_db/catalogue.pyi, come from the annotations in sql/.

    scripts/generate            writes what changed
    scripts/generate --check    writes nothing; fails when a file is stale, missing or extra
"""

from __future__ import annotations

import argparse
import difflib
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "eventflow_db" / "aio"
TARGET = ROOT / "eventflow_db" / "sync"
STUB = ROOT / "eventflow_db" / "catalogue.pyi"

# Whole names, exchanged everywhere; a dotted name stands for exactly those names in a row.
NAMES = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "asynccontextmanager": "contextmanager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
    "enter_async_context": "enter_context",
    "push_async_callback": "callback",
    "push_async_exit": "push",
    "aclose": "close",
    "aclosing": "closing",
    "aiter": "iter",
    "anext": "next",
    "aget": "get",
    "locate_async": "locate",
    "eventflow_db.aio": "eventflow_db.sync",
    "driver.aio": "driver.sync",
    "aiomysql": "pymysql",
    "asyncio.sleep": "time.sleep",
    "import asyncio": "import time",
}
# AsyncEventflowDB is EventflowDB, AsyncIterator is Iterator, and so on for every such name.
ASYNC_PREFIX = re.compile(r"\bAsync(?=[A-Z])")
# Awaitable[X] is X.
UNWRAPPED = {"Awaitable"}

_alternatives = "|".join(re.escape(name) for name in sorted(NAMES, key=len, reverse=True))
_names = re.compile(rf"(?<!\w)(?:{_alternatives})(?!\w)")
# In prose, only what is code: `await db.ping()`, `async with`.
_code_in_text = re.compile(r"\bawait (?=[A-Za-z_][\w.]*[.(])|\basync (?=(?:with|for|def)\b)")
_text_tokens = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def to_sync(source: str) -> str:
    """The sync code of one module's asyncio code, before ruff formats it."""
    return _rename(_without_keywords(source))


def _rename(text: str) -> str:
    text = _names.sub(lambda match: NAMES[match[0]], text)
    return ASYNC_PREFIX.sub("", text)


def _without_keywords(source: str) -> str:
    """Take `await`, `async`, brackets that only held an awaited call, and Awaitable[] off."""
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    ]
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(position: tuple[int, int]) -> int:
        return starts[position[0] - 1] + position[1]

    edits: list[tuple[int, int, str]] = []

    def drop(index: int, until: int | None = None) -> None:
        end = tokens[index].end if until is None else tokens[until].start
        edits.append((offset(tokens[index].start), offset(end), ""))

    for index, token in enumerate(tokens):
        following = tokens[index + 1].string if index + 1 < len(tokens) else ""
        if token.type in _text_tokens:
            start, end = offset(token.start), offset(token.end)
            # Not token.string: Python 3.12 and later give an f-string's {{ there as one brace.
            edits.append((start, end, _code_in_text.sub("", source[start:end])))
        elif token.type == tokenize.NAME and token.string in ("await", "async"):
            drop(index, index + 1)
            if token.string == "await" and (closing := _needless_brackets(tokens, index)):
                drop(index - 1)
                drop(closing)
        elif token.string in UNWRAPPED and following == "[":
            drop(index)
            drop(index + 1)
            drop(_closing(tokens, index + 1))
    for start, end, text in sorted(edits, reverse=True):
        source = source[:start] + text + source[end:]
    return source


def _closing(tokens: Sequence[tokenize.TokenInfo], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].type == tokenize.OP:
            depth += (tokens[index].string in "([{") - (tokens[index].string in ")]}")
            if depth == 0:
                return index
    raise ValueError(f"line {tokens[opening].start[0]}: bracket never closed")


def _needless_brackets(tokens: Sequence[tokenize.TokenInfo], index: int) -> int | None:
    """The closing bracket of `(await a.b(...))` when, without `await`, the pair means nothing.

    Brackets of a call belong to the name before them, and what holds more than names, dots and calls may
    need them.
    """
    opening = index - 1
    if opening < 0 or tokens[opening].string != "(":
        return None
    before = tokens[opening - 1] if opening else None
    if before is not None and (
        before.string in (")", "]", "}")
        or (before.type in (tokenize.NAME, tokenize.STRING) and before.string not in _KEYWORDS)
    ):
        return None
    closing = _closing(tokens, opening)
    position = index + 1
    while position < closing:
        token = tokens[position]
        if token.string in ("(", "["):
            position = _closing(tokens, position)
        elif not (token.string == "." or (token.type == tokenize.NAME and token.string not in _KEYWORDS)):
            return None
        position += 1
    return closing


_KEYWORDS = {
    "and", "as", "assert", "await", "elif", "else", "for", "if", "in", "is", "lambda", "not", "or", "return",
    "while", "with", "yield",
}  # fmt: skip


def generate(name: str, source: str) -> str:
    """The finished sync module for one module of eventflow_db/aio/."""
    header = f"# Generated from eventflow_db/aio/{name} by scripts/generate; do not edit.\n"
    code = header + to_sync(source)
    # Names that only the asyncio code used leave an unused import; a package's imports are its API.
    rules = "I" if name == "__init__.py" else "I,F401"
    path = str(TARGET / name)
    code = _ruff("check", "--quiet", "--fix-only", f"--select={rules}", path, code=code)
    return _ruff("format", "--quiet", path, code=code)


# What a parameter's type accepts, for type checkers; the others are text.
TYPES = {
    "identifier*": "Sequence[str]", "bytes": "bytes", "bytes(16)": "bytes", "json": "Any", "datetime": "datetime",
    "datetime(3)": "datetime", "date": "date", "partition": "date", "port": "int", "limit": "int | None",
    "page": "int", "seconds": "int",
}  # fmt: skip
STUB_HEAD = '''# Generated from sql/ by scripts/generate; do not edit.
"""The queries as the wrapper sees them: their parameters, and what comes back."""

from collections.abc import Generator, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from .query.rows import Result
from .query.statement import Statement
from .records import Certificate, Event, Hub, PublishedEvent, ScheduledEvent, SessionVariables

T = TypeVar("T")

class Outcome(Result):
    """A result, or an awaitable of one, as the connection has it."""

    def __await__(self) -> Generator[Any, None, Result]: ...

class Affected(Outcome):
    """How many rows were written."""

class Rows(Outcome, Generic[T]):
    """Any number of rows."""

class Row(Outcome, Generic[T]):
    """One row; where the type has None, none is no error."""

class Query:
    """What every query has."""

    sql: Statement

'''


def stub() -> str:
    """The types of the queries, from their annotations."""
    from eventflow_db.query.annotations import read_specs, shape
    from eventflow_db.query.parameters import split_mark

    tables: dict[str, list[str]] = {}
    classes = []
    for spec in read_specs(ROOT / "sql").values():
        table, name = spec.name.split(".")
        kind, base = shape(spec.returns), spec.returns.rstrip("*?")
        absent = " | None" if spec.returns.endswith("?") and spec.not_found is None else ""
        gives = {"rows": f"Rows[{base}]", "row": f"Row[{base}{absent}]", "value": f"Row[{base}{absent}]"}
        parameters = []
        for parameter, text in spec.parameters.items():
            kind_name, mark = split_mark(text)
            accepted = TYPES.get(kind_name, "str")
            parameters.append(f", {parameter}: {accepted}" + (" | None = ..." if mark else ""))
        words = "".join([", *", *parameters] if parameters else [])
        owner = "".join(word.title() for word in (*table.split("_"), *name.split("_")))
        classes.append(
            f"class {owner}(Query):\n"
            f"    def __call__(self, connection: Any, /{words}) -> {gives.get(kind, 'Affected')}: ...\n"
        )
        tables.setdefault(table, []).append(f"    {name}: {owner}\n")
    for table, lines in tables.items():
        classes.append(f"class {table.title().replace('_', '')}Queries:\n{''.join(lines)}")
    names = "".join(f"    {table}: {table.title().replace('_', '')}Queries\n" for table in tables)
    classes.append(f'class Catalogue:\n    """The tables with their queries."""\n\n{names}')
    return _ruff("format", "--quiet", str(STUB), code=STUB_HEAD + "\n".join(classes))


def _ruff(*arguments: str, code: str) -> str:
    *options, path = arguments
    command = [sys.executable, "-m", "ruff", *options, "--no-cache", f"--stdin-filename={path}", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"generate: {path}: ruff {options[0]} failed:\n{done.stderr}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check every module; the exit code."""
    parser = argparse.ArgumentParser(prog="generate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args(arguments).check

    wanted = {TARGET / path.name: generate(path.name, path.read_text()) for path in sorted(SOURCE.glob("*.py"))}
    wanted[STUB] = stub()
    found = {path: path.read_text() for path in (*TARGET.glob("*.py"), *STUB.parent.glob(STUB.name))}
    stale = 0
    for path in sorted(wanted | found):
        old, new = found.get(path), wanted.get(path)
        if old == new:
            continue
        stale += 1
        name = os.path.relpath(path, ROOT)
        if check:
            what = "missing" if old is None else "extra" if new is None else "stale"
            print(f"{name} is {what}; run scripts/generate")
            if old is not None and new is not None:
                lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "committed", "generated", "", "", 1)
                print("\n".join(list(lines)[:20]))
        elif new is None:
            path.unlink()
            print(f"removed {name}")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(new)
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
