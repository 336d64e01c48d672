"""Rows of MySQL's text protocol: read from bytes into the values of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from .codec import decode_json, parse_datetime


class Result(NamedTuple):
    """What a statement gave: the rows still as the server sent them."""

    affected: int
    columns: tuple[str, ...]
    rows: Sequence[bytes]


def parse_row(data: bytes, converters: Sequence[Callable[[bytes], Any]]) -> list[Any]:
    """The values of one row of MySQL's text protocol: length-encoded strings, 0xFB for NULL."""
    values: list[Any] = []
    position = 0
    for convert in converters:
        length = data[position]
        position += 1
        if length > 0xFA:
            if length == 0xFB:
                values.append(None)
                continue
            width = {0xFC: 2, 0xFD: 3, 0xFE: 8}[length]
            length = int.from_bytes(data[position : position + width], "little")
            position += width
        values.append(convert(data[position : position + length]))
        position += length
    return values


def _string(data: bytes) -> str:
    return data.decode()


SCALARS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "str": _string,
    "int": int,
    "bool": lambda data: data != b"0",
}
_BY_ANNOTATION: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "str": _string,
    "int": int,
    "bytes": bytes,
    "datetime": parse_datetime,
    "Any": decode_json,
}


@lru_cache
def converters_of(record: type[msgspec.Struct]) -> tuple[Callable[[bytes], Any], ...]:
    """What makes the values of a record, field by field."""
    return tuple(
        _BY_ANNOTATION[record.__annotations__[name].removesuffix(" | None")]
        for name in record.__struct_fields__
    )
