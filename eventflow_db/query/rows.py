"""Rows of MySQL's text protocol: read from bytes into the values of records."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from ..records import columns
from .codec import decode_json, parse_datetime


class Result(NamedTuple):
    """What a statement gave: the rows still as the server sent them."""

    affected: int
    columns: tuple[str, ...]
    rows: Sequence[bytes]
    kinds: tuple[str, ...] = ()
    """What the values of each column are in Python, by the server's own types."""


class RowError(ValueError):
    """A row breaks the protocol, or has NULL in a column, of which it then has the number, that holds none."""

    def __init__(self, column: int | None = None) -> None:
        super().__init__(column)
        self.column = column


def read_length(data: bytes, position: int) -> tuple[int, int]:
    """A length-encoded integer and the position behind it."""
    first = data[position]
    if first < 0xFB:
        return first, position + 1
    width = _WIDTHS[first]
    return int.from_bytes(data[position + 1 : position + 1 + width], "little"), position + 1 + width


def parse_rows(
    rows: Iterable[bytes], converters: Sequence[Callable[[bytes], Any]], required: Container[int] = ()
) -> Iterator[list[Any]]:
    """The values of rows of the text protocol: strings behind their lengths, 0xFB for NULL.

    required: the numbers of columns without NULL. Raises: RowError; what a converter raises.
    """
    try:
        for data in rows:
            values: list[Any] = []
            position = 0
            for convert in converters:
                length = data[position]
                position += 1
                if length > 0xFA:
                    if length == 0xFB:
                        if len(values) in required:
                            raise RowError(len(values))
                        values.append(None)
                        continue
                    length, position = read_length(data, position - 1)
                end = position + length
                values.append(convert(data[position:end]))
                position = end
            if position != len(data):
                raise RowError
            yield values
    except LookupError:
        raise RowError from None


_WIDTHS: Final = {0xFC: 2, 0xFD: 3, 0xFE: 8}
CONVERTERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "str": bytes.decode,
    "int": int,
    "bool": lambda data: int(data) != 0,
    "bytes": bytes,
    "datetime": parse_datetime,
    "date": lambda data: date.fromisoformat(data.decode()),
    "float": float,
    "Decimal": lambda data: Decimal(data.decode()),
    "Any": msgspec.json.Decoder().decode,
}
"""What makes a value of a column's bytes, by its type."""


@lru_cache
def converters_of(
    record: type[msgspec.Struct], tolerant: bool
) -> tuple[tuple[Callable[[bytes], Any], ...], frozenset[int]]:
    """What makes the values of a record, field by field, and the numbers of those that are never NULL.

    tolerant: JSON that only Python's own reader takes, too.
    """
    by_type = {**CONVERTERS, "Any": decode_json} if tolerant else CONVERTERS
    found = columns(record)
    required = frozenset(number for number, column in enumerate(found) if not column.nullable)
    return tuple(by_type[column.type] for column in found), required
