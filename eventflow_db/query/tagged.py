"""Values that JSON has no form for, as `{"$type": …, "$value": …}`, which the Node library writes and reads too."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final, TypeVar

import msgspec

from ..records import Event
from .codec import JSON_DEPTH, encode_json, utc
from .parameters import TEXT_BYTES

T = TypeVar("T", set[Any], dict[Any, Any])


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


def revived(event: Event) -> Event:
    """An event whose `data` is deserialized."""
    return msgspec.structs.replace(event, data=deserialize(event.data))


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        # whose time zone it is in is anyone's guess
        raise ValueError
    return moment


def _whole(revived: T, content: Any) -> T:
    """What was revived, where nothing of a list was lost: 1 and true are one key in Python."""
    if not isinstance(content, list) or len(revived) != len(content):
        raise ValueError
    return revived


def describe_exception(error: BaseException) -> dict[str, Any]:
    """An exception as JSON, named as Node names an Error's parts."""
    if isinstance(error, RemoteError):
        described: dict[str, Any] = {"name": error.name, "message": error.message}
        if error.stack is not None:
            described["stack"] = error.stack
        return described
    described = {"name": type(error).__name__, "message": _text(error, "")}
    with contextlib.suppress(Exception):
        if isinstance(code := getattr(error, "code", None), (str, int)):
            described["code"] = code
    with contextlib.suppress(Exception):
        if error.__traceback__ is not None:
            described["stack"] = _printable("".join(traceback.format_exception(error, chain=False)))
    return described


def _text(value: Any, default: str) -> str:
    try:
        return _printable(str(value))
    except Exception:
        # what cannot say what it is must not cost the log line
        return default


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def log_error(error: Any) -> Any:
    """What the log's `error` column gets: an exception described, with its causes; anything else as it is."""
    if not isinstance(error, BaseException):
        return {} if error is None else error
    described = describe_exception(error)
    innermost, seen = described, 1
    while (error := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) and seen < 10:
        innermost["cause"] = innermost = describe_exception(error)
        seen += 1
    return described


def plain_log(values: Mapping[str, Any]) -> dict[str, Any]:
    """A log line that was refused, such that it is taken: what has no JSON form is described, what is long is cut."""
    plain = dict(values)
    error = _plain(plain["error"], JSON_DEPTH, iter(range(_MOST_VALUES)))
    text = json.dumps(error, ensure_ascii=False)
    plain["error"] = error if len(text.encode()) <= TEXT_BYTES else _shortened(text)
    if isinstance(message := plain.get("message"), str):
        plain["message"] = _shortened(message)
    return plain


def _plain(value: Any, levels: int, budget: Iterator[int]) -> Any:
    """A value as JSON, of so many levels, and so many values in all: it may hold itself, many times over."""
    if next(budget, None) is None:
        return _MARK
    with contextlib.suppress(Exception):
        if isinstance(value, BaseException):
            value = log_error(value)
        if levels and isinstance(value, Mapping):
            return {_text(key, "?"): _plain(item, levels - 1, budget) for key, item in value.items()}
        if levels and isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, levels - 1, budget) for item in value]
        if isinstance(value, (int, float, NoneType)):
            encode_json(value)
            return value
    return _text(value, f"<{type(value).__name__}>")


def _shortened(text: str) -> str:
    data = _printable(text).encode()
    return data.decode() if len(data) <= TEXT_BYTES else data[: TEXT_BYTES - 16].decode(errors="ignore") + _MARK


_MARK: Final = "… (cut)"
_MOST_VALUES: Final = 10_000
