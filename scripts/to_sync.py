"""Turns asyncio source into sync source, token by token, so that comments and layout survive.

`await` and `async` go, the names below are exchanged, in strings and comments too.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence

# Whole names, exchanged everywhere; a dotted name stands for exactly those names in a row.
NAMES = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
    "aclose": "close",
    "aget": "get",
    "ain_turns": "in_turns",
    "locate_async": "locate",
    "ahas_ended": "has_ended",
    "aowner": "owner",
    "asettle": "settle",
    "asleep": "sleep",
    "aspawn": "spawn",
    "eventflow_db.aio": "eventflow_db.sync",
    "driver.aio": "driver.sync",
    "aiomysql": "pymysql",
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
