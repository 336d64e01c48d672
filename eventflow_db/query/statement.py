"""The text of a query, cut at its parameters once, so that a call only joins the pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from ..errors import InvalidValueError
from .spec import QuerySpec

_HEAD: Final = re.compile(r"[\s(]*\w+(?:\s*/\*\+.*?\*/)*", re.DOTALL)
"""The verb, with its optimizer hints, which servers accept nowhere else."""
_VALUES: Final = re.compile(rb".*\bVALUES\s*(?=\()", re.DOTALL | re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`)
      | (?P<comment>--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?!\+).*?\*/)
      | (?<![:\w]):(?P<parameter>[A-Za-z_]\w*)
      | (?P<space>\s+)""",
    re.DOTALL | re.VERBOSE,
)


class Statement(str):
    """The text of a query, with its spec and its pieces between parameters.

    aiosql takes it for the plain text that it also is.
    """

    spec: QuerySpec
    _pieces: list[bytes]
    _slots: list[tuple[int, str]]

    @classmethod
    def compile(cls, spec: QuerySpec, tag: bool) -> Statement:
        """Cut the text at its parameters. Comments go; the tag comes behind the verb and its hints."""
        texts, names = [""], []
        for kind, text in tokens(spec.sql.strip().removesuffix(";")):
            if kind == "parameter":
                names.append(text)
                texts.append("")
            else:
                texts[-1] += " " if kind in ("comment", "space") else text
        if tag:
            texts[0] = _HEAD.sub(rf"\g<0> /*eventflow:{spec.name}@{spec.hash}*/", texts[0], count=1)
        statement = cls(spec.sql)
        statement.spec = spec
        statement._pieces = [piece for text in texts for piece in (text.encode(), b"")][:-1]
        statement._slots = [(2 * i + 1, name) for i, name in enumerate(names)]
        return statement

    def render(self, literals: Mapping[str, bytes]) -> bytes:
        """The statement with its parameters put in.

        Raises: InvalidValueError where a parameter is missing, or one is given that there is not.
        """
        pieces = self._pieces.copy()
        try:
            for position, name in self._slots:
                pieces[position] = literals[name]
        except KeyError:
            raise self._mismatch(literals) from None
        if len(literals) != len(self.spec.parameters):
            raise self._mismatch(literals)
        return b"".join(pieces)

    def _mismatch(self, literals: Mapping[str, bytes]) -> InvalidValueError:
        declared = self.spec.parameters
        problems = [f"{name}: missing" for name in declared if name not in literals]
        problems += [f"{name}: unknown parameter" for name in literals if name not in declared]
        return InvalidValueError(self.spec.code, f"query {self.spec.name}: {'; '.join(problems)}")

    @property
    def slots(self) -> int:
        """How many values are put in: a parameter that is used twice counts twice."""
        return len(self._slots)

    @cached_property
    def head(self) -> bytes:
        """What comes before the values of an INSERT."""
        match = _VALUES.match(self._pieces[0])
        return match[0] if match else b""

    def values(self, literals: Mapping[str, bytes]) -> bytes:
        """The group of values of an INSERT with its parameters put in; several behind `head` make a batch."""
        return self.render(literals)[len(self.head) :]


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """The pieces of a statement: (`quoted`, `comment`, `parameter`, `space` or `text`, the piece)."""
    position = 0
    for match in _TOKEN.finditer(sql):
        if match.start() > position:
            yield "text", sql[position : match.start()]
        position = match.end()
        yield str(match.lastgroup), match[str(match.lastgroup)]
    if position < len(sql):
        yield "text", sql[position:]
