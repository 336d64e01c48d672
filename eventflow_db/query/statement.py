"""The text of a query, split at its parameters once, so that a call only joins the pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from .spec import QuerySpec
from .tokens import tokens

BATCH_BYTES: Final = 250_000
"""How large the statements of a batch grow: of larger ones, each row takes the servers longer."""
_HEAD: Final = re.compile(r"\A[\s(]*\w+(?:\s*/\*\+.*?\*/)*", re.DOTALL)
"""The verb, with its optimizer hints, which servers accept nowhere else."""
_VALUES: Final = re.compile(rb"\A.*\bVALUES\s*(?=\()", re.DOTALL | re.IGNORECASE)


class Call(NamedTuple):
    """A statement as it is sent, and what it was made from."""

    spec: QuerySpec
    text: bytes
    rows: Sequence[Mapping[str, Any]] = ()
    """The values of each row that it writes."""


class Statement:
    """The text of a query, split at its parameters."""

    def __init__(self, spec: QuerySpec, tag: bool) -> None:
        """Comments go; the tag comes behind the verb and its hints."""
        texts, names = [""], []
        for kind, text in tokens(spec.sql):
            if kind == "parameter":
                names.append(text)
                texts.append("")
            else:
                texts[-1] += " " if kind in ("comment", "space") else text
        # behind its end there are but comments
        texts[0], texts[-1] = texts[0].lstrip(), texts[-1].rstrip().removesuffix(";")
        if tag:
            texts[0] = _HEAD.sub(rf"\g<0> /*eventflow:{spec.name}@{spec.hash}*/", texts[0], count=1)
        self.spec = spec
        self._pieces = [piece for text in texts for piece in (text.encode(), b"")][:-1]
        self._slots = [(2 * i + 1, name) for i, name in enumerate(names)]

    def call(self, values: Mapping[str, Any]) -> Call:
        """The statement with values put in.

        Raises: InvalidValueError naming every key that is missing, unknown or breaks its rule.
        """
        return Call(self.spec, self.render(self.spec.bind(values)), (values,))

    def render(self, literals: Mapping[str, bytes]) -> bytes:
        """The statement with literals put in, one for each parameter."""
        pieces = self._pieces.copy()
        for position, name in self._slots:
            pieces[position] = literals[name]
        return b"".join(pieces)

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

    def batches(self, groups: Sequence[bytes], packet_limit: int | None = None) -> Iterator[bytes]:
        """The statements of a batch: as many groups of values in each as stay small, and within the server's limit."""
        limit = min(BATCH_BYTES, packet_limit or BATCH_BYTES)
        pending: list[bytes] = []
        size = len(self.head)
        for group in groups:
            if pending and size + len(group) + 1 > limit:
                yield self.head + b",".join(pending)
                pending, size = [], len(self.head)
            pending.append(group)
            size += len(group) + 1
        yield self.head + b",".join(pending)
