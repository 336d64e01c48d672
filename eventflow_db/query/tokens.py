"""Splits a statement into what servers see of it: words, quotes, comments, and the parameters between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.|"")*+"|`[^`]*`)
      | (?P<comment>--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*(?!\+).*?\*/)
      | (?P<hint>/\*\+(?:[^*/'"`\\]|\*(?!/)|/(?!\*)|'[^*'"`\\]*'|"[^*'"`\\]*"|`[^*'"`\\]*`)*+\*/)
      | (?P<unclosed>['"`\\].*|/\*.*)
      | (?<![:\w]):(?P<parameter>[A-Za-z_]\w*)
      | (?P<space>\s+)""",
    re.DOTALL | re.VERBOSE,
)
_WORD: Final = re.compile(r"[\w$]*")


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """The pieces of a statement: (`quoted`, `comment`, `parameter`, `space`, `unclosed` or `text`, the piece).

    An optimizer hint is text. `unclosed` is all that follows a quote or comment without an end.
    """
    position = 0
    for match in _TOKEN.finditer(sql):
        if match.start() > position:
            yield "text", sql[position : match.start()]
        position = match.end()
        kind = str(match.lastgroup)
        yield "text" if kind == "hint" else kind, match[kind]
    if position < len(sql):
        yield "text", sql[position:]


def first_word(sql: str) -> str:
    """The word that a statement begins with, behind comments and opening brackets; empty where it is no word."""
    for kind, text in tokens(sql):
        if kind not in ("comment", "space") and (code := text.lstrip("(")):
            match = _WORD.match(code)
            return match[0] if match and kind == "text" else ""
    return ""
