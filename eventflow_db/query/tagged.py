"""Values that JSON has no form for, as `{"$type": …, "$value": …}`, which the Node library writes and reads too."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from ..records import Event
from .codec import JSON_DEPTH, utc

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
    """An exception as JSON, named as Node names an Error's parts, its cause included."""
    try:
        message = str(error)
    except Exception:
        # an exception that cannot say what it is must not cost the log line
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
    while (error := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) and seen < 10:
        innermost["cause"] = innermost = describe_exception(error)
        seen += 1
    return described
