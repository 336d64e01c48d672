"""JSON and datetimes: what is sent to the server, what comes back, and the richer values shared with Node."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T", set[Any], dict[Any, Any])
JSON_DEPTH: Final = 31
"""Levels of arrays and objects: MariaDB refuses 32, MySQL 101."""
JSON_KEY_BYTES: Final = 65_535
YEARS: Final = (1000, 9999)
"""The years that a DATETIME column can hold."""


def utc(value: datetime, milliseconds: bool) -> datetime:
    """The same moment in UTC, cut to the second or millisecond: the server would round, and so shift it later.

    Raises: ValueError with the rule that the datetime breaks.
    """
    try:
        if value.utcoffset() is None:
            raise ValueError("must be an aware datetime, it has no time zone")
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"must lie within the years {YEARS[0]} to {YEARS[1]}, in UTC") from None
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise ValueError(f"must lie within the years {YEARS[0]} to {YEARS[1]}, in UTC")
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
            and b"0" * 19 not in text.translate(_DIGITS)  # a number that may not fit 64 bits
            and msgspec.json.decode(text) == value
        ):
            return text
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # what is wrong, if anything, is said below
    _check_json(value, 0)
    return _ENCODER.encode(value).encode()


_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_ENCODER: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


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


class RemoteError(Exception):
    """An error that another process stored: name is its class, message its text, stack its trace, if any."""

    def __init__(self, name: str, message: str, stack: str | None = None) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.stack = stack

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def serialize(value: Any, depth: int = 0) -> Any:
    """Richer values as `{"$type": …, "$value": …}`, which Node and `deserialize` revive.

    datetime → Date (aware, cut to the millisecond), set → Set, a dict with keys other than strings → Map,
    an exception → Error.

    Raises: ValueError with the rule that the value breaks.
    """
    if depth > JSON_DEPTH:
        raise ValueError(f"must be JSON: it is nested deeper than {JSON_DEPTH} levels")
    deeper = depth + 1
    if isinstance(value, datetime):
        text = utc(value, milliseconds=True).isoformat(timespec="milliseconds")
        return _tagged("Date", text.replace("+00:00", "Z"))
    if isinstance(value, (set, frozenset)):
        return _tagged("Set", [_serialize_key(item) for item in value])
    if isinstance(value, BaseException):
        return _tagged("Error", describe_exception(value))
    if isinstance(value, dict):
        if any(not isinstance(key, str) for key in value):
            return _tagged("Map", [[_serialize_key(k), serialize(v, deeper)] for k, v in value.items()])
        if "$type" in value:
            raise ValueError("must not hold the key $type, which marks richer values")
        return {key: serialize(item, deeper) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [serialize(item, deeper) for item in value]
    return value


def _serialize_key(value: Any) -> Any:
    """What a set holds, or a Map has for a key: nothing that would come back as something unhashable."""
    if not isinstance(value, (str, int, float, datetime, type(None))):
        raise ValueError(
            f"must hold only text, numbers, datetimes and None as keys and in sets, not a {type(value).__name__}"
        )
    return serialize(value)


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {"$type": kind, "$value": value}


def deserialize(value: Any) -> Any:
    """The reverse of `serialize`: Error gives a RemoteError; an unknown `$type`, or a malformed `$value`, stays."""
    if isinstance(value, list):
        return [deserialize(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$type", "$value"}:
        content = value["$value"]
        try:
            match value["$type"]:
                case "Date":
                    return _aware(datetime.fromisoformat(content)).astimezone(UTC)
                case "Set":
                    return _whole({deserialize(item) for item in content}, content)
                case "Map":
                    return _whole({deserialize(k): deserialize(v) for k, v in content}, content)
                case "Error":
                    return RemoteError(content["name"], content["message"], content.get("stack"))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            return value
    return {key: deserialize(item) for key, item in value.items()}


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError  # whose time zone it is in is anyone's guess
    return moment


def _whole(revived: T, content: Any) -> T:
    """What was revived, where nothing of a list was lost: 1 and true are one key in Python."""
    if not isinstance(content, list) or len(revived) != len(content):
        raise ValueError
    return revived


def describe_exception(error: BaseException) -> dict[str, Any]:
    """An exception as JSON, named as Node names an Error's parts, its cause included."""
    try:
        message = str(error)
    except Exception:  # an exception that cannot say what it is must not cost the log line
        message = ""
    described: dict[str, Any] = {"name": type(error).__name__, "message": _printable(message)}
    if isinstance(error, RemoteError):
        described = {"name": error.name, "message": error.message}
        if error.stack is not None:
            described["stack"] = error.stack
        return described
    code = getattr(error, "code", None)
    if isinstance(code, (str, int)):
        described["code"] = code
    if error.__traceback__ is not None:
        described["stack"] = _printable("".join(traceback.format_exception(error, chain=False)))
    return described


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def log_error(error: Any) -> Any:
    """What the log's `error` column gets: an exception described, with its causes; anything else as it is."""
    if not isinstance(error, BaseException):
        return {} if error is None else dict(error) if isinstance(error, Mapping) else error
    described = describe_exception(error)
    innermost, seen = described, 1
    while (
        error := error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    ) and seen < 10:
        innermost["cause"] = innermost = describe_exception(error)
        seen += 1
    return described
