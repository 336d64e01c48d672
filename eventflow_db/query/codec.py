"""JSON and datetimes: what is sent to the server, and what comes back."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

JSON_DEPTH: Final = 31
"""Levels of arrays and objects: MariaDB refuses 32, MySQL 101."""
JSON_KEY_BYTES: Final = 65_535
SMALL_JSON: Final = 256
"""Bytes of JSON text that stay within the smallest max_allowed_packet, 1,024, by whatever `spacing` it grows."""
YEARS: Final = (1000, 9999)
"""The years that a DATETIME column can hold."""


def utc(value: datetime, milliseconds: bool, years: tuple[int, int] = YEARS) -> datetime:
    """The same moment in UTC, cut to the second or millisecond: the server would round, and so shift it later.

    Raises: ValueError with the rule that the datetime breaks.
    """
    try:
        if value.utcoffset() is None:
            raise ValueError("must be an aware datetime, it has no time zone")
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"must lie within the years {years[0]} to {years[1]}, in UTC") from None
    if not years[0] <= value.year <= years[1]:
        raise ValueError(f"must lie within the years {years[0]} to {years[1]}, in UTC")
    return value.replace(microsecond=value.microsecond // 1000 * 1000 if milliseconds else 0)


def parse_datetime(text: bytes) -> datetime:
    """An aware UTC datetime from the server's `YYYY-MM-DD hh:mm:ss[.ffffff]`."""
    return datetime.fromisoformat(text.decode() + "Z")


def encode_json(value: Any) -> bytes:
    """JSON text in UTF-8 that comes back equal from MySQL and MariaDB alike; tuples are written as arrays.

    Raises: ValueError with the rule that the value breaks, without the value.
    """
    try:
        text = msgspec.json.encode(value)
        # what comes back equal holds nothing that has no JSON form, and no NaN, which is written as null
        if (
            len(text) <= JSON_KEY_BYTES
            and text.count(b"[") + text.count(b"{") <= JSON_DEPTH
            # a number that may not fit 64 bits
            and b"0" * 19 not in text.translate(_DIGITS)
            and msgspec.json.decode(text) == value
        ):
            return text
    except (TypeError, ValueError, OverflowError, RecursionError):
        # what is wrong, if anything, is said below
        pass
    _check_json(value, 0)
    return _ENCODER.encode(value).encode()


_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_ENCODER: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def spacing(text: bytes) -> int:
    """By how many bytes JSON text is longer, at the most, as MySQL gives it back.

    It puts spaces behind commas and colons, and writes out exponents from -5 to -15. A statement that is longer by as
    much is refused for max_allowed_packet where the document would be written, and never read again.
    """
    return len(msgspec.json.format(text, indent=0)) - len(text) + _EXPONENT * text.count(b"e-")


_EXPONENT: Final = 12
"""By how much a number with an exponent grows: 9e-15 becomes 0.000000000000009."""


def _check_json(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ValueError("must be JSON: it holds an integer outside 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("must be JSON: it holds a NaN or an infinity")
    elif isinstance(value, (dict, list, tuple)):
        if depth == JSON_DEPTH:
            raise ValueError(f"must be JSON: it is nested deeper than {JSON_DEPTH} levels")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise ValueError("must be JSON: it holds a key that is not a string")
                if len(_check_text(key)) > JSON_KEY_BYTES:
                    raise ValueError(f"must be JSON: it holds a key of more than {JSON_KEY_BYTES:,} bytes")
        for item in value.values() if isinstance(value, dict) else value:
            _check_json(item, depth + 1)
    else:
        raise ValueError(f"must be JSON: it holds a {type(value).__name__}")


def _check_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be JSON: it holds a lone surrogate") from None


def decode_json(text: bytes) -> Any:
    """The value of JSON text, integers exact."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # MariaDB keeps what Node wrote as it is, and Node writes lone surrogates
        return json.loads(text)
