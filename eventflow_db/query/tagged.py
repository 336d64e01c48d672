"""Values that JSON has no form for, as `{"$type": …, "$value": …}`, which the Node library writes and reads too."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from ..records import ClaimedEvent, Event
from .codec import JSON_DEPTH, encode_json, utc
from .parameters import TEXT_BYTES


class Map(dict[Any, Any]):
    """A dict that Node reads as a Map, whatever its keys; one whose keys are all text is an object there otherwise."""


class _OrderedSet(set[Any]):
    """A set in the order of what it was made of, as in Node; what was added since comes behind."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._order = dict.fromkeys(items)
        super().__init__(self._order)

    def __iter__(self) -> Iterator[Any]:
        yield from (item for item in self._order if item in self)
        yield from (item for item in set.__iter__(self) if item not in self._order)


class RemoteError(Exception):
    """An error that another process stored: name is its class, message its text, stack its trace, if any.

    What else it had, such as code, cause and an AggregateError's errors, are attributes of these names.
    """

    message: str = ""
    stack: str | None = None

    def __init__(self, /, name: str, message: str | None = None, stack: str | None = None, **properties: Any) -> None:
        super().__init__(name, message or "")
        given = {"name": name, "message": message, "stack": stack}
        vars(self).update(properties, **{key: value for key, value in given.items() if value is not None})
        cause = properties.get("cause")
        if isinstance(cause, BaseException):
            self.__cause__ = cause

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def serialize(value: Any) -> Any:
    """Richer values as `{"$type": …, "$value": …}`, which Node and `deserialize` revive.

    datetime → Date (aware, cut to the millisecond), set → Set, a Map, or a dict with keys other than strings → Map,
    an exception → Error, with what of its attributes has a JSON form.

    Raises: ValueError with the rule that the value breaks.
    """
    return _Serializer().write(value, 0)


class _Serializer:
    """Writes values. complete: refuses attributes of exceptions that have no JSON form, rather than leave them out."""

    def __init__(self, complete: bool = False) -> None:
        self._complete = complete
        self._exceptions: list[BaseException] = []

    def write(self, value: Any, depth: int) -> Any:
        """A value with so many arrays and objects around it."""
        if isinstance(value, datetime):
            _check_depth(depth + 1)
            text = utc(value, milliseconds=True, years=(1, 9999)).isoformat(timespec="milliseconds")
            return _tagged("Date", text.replace("+00:00", "Z"))
        if isinstance(value, (set, frozenset)):
            _check_depth(depth + 2)
            return _tagged("Set", [self.write_key(item, depth + 2) for item in value])
        if isinstance(value, BaseException):
            _check_depth(depth + 2)
            return _tagged("Error", self._write_exception(value, depth + 2))
        if isinstance(value, Map) or (isinstance(value, dict) and any(not isinstance(key, str) for key in value)):
            _check_depth(depth + 3 if value else depth + 2)
            pairs = [[self.write_key(key, depth + 3), self.write(item, depth + 3)] for key, item in value.items()]
            return _tagged("Map", pairs)
        if isinstance(value, dict):
            _check_depth(depth + 1)
            written = {key: self.write(item, depth + 1) for key, item in value.items()}
            if "$type" in value and type(deserialize(written)) is not dict:
                raise ValueError("must not hold what would come back as another type because of its $type")
            return written
        if isinstance(value, (list, tuple)):
            _check_depth(depth + 1)
            return [self.write(item, depth + 1) for item in value]
        return value

    def write_key(self, value: Any, depth: int) -> Any:
        """What a set holds, or a Map has for a key: nothing that would come back as something unhashable."""
        if not isinstance(value, (str, int, float, datetime, NoneType, BaseException)):
            raise ValueError(
                "must hold only text, numbers, datetimes and None, or exceptions, as keys and in sets, "
                f"not a {type(value).__name__}"
            )
        return self.write(value, depth)

    def _write_exception(self, error: BaseException, depth: int) -> dict[str, Any]:
        """The parts of an exception by Node's names."""
        if any(error is outer for outer in self._exceptions):
            raise ValueError("must not hold an exception that holds itself")
        self._exceptions.append(error)
        try:
            parts = _parts(error)
            for name in list(parts):
                try:
                    parts[name] = self.write(parts[name], depth)
                    encode_json(parts[name])
                except ValueError:
                    if self._complete or name in ("name", "message", "stack"):
                        raise
                    del parts[name]
        finally:
            self._exceptions.pop()
        return parts


_FAILURES: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a value of someone else's may raise when it is looked at; not all, for a signal handler's passes through."""


def _parts(error: BaseException) -> dict[str, Any]:
    """The parts of an exception by Node's names, those of Python's own made of what it says."""
    parts = {name: value for name, value in vars(error).items() if isinstance(error, RemoteError) or name[:1] != "_"}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.setdefault("cause", cause)
    if isinstance(error, RemoteError):
        return parts
    parts |= {"name": type(error).__name__, "message": _text(error, "")}
    if isinstance(error, BaseExceptionGroup):
        parts["errors"] = list(error.exceptions)
    with contextlib.suppress(*_FAILURES):
        if isinstance(code := getattr(error, "code", None), (str, int)):
            parts["code"] = code
    parts.pop("stack", None)
    with contextlib.suppress(*_FAILURES):
        if error.__traceback__ is not None:
            parts["stack"] = _printable("".join(traceback.format_exception(error, chain=False)))
    return parts


def _tagged(kind: str, value: Any) -> dict[str, Any]:
    return {"$type": kind, "$value": value}


def _check_depth(levels: int) -> None:
    if levels > JSON_DEPTH:
        raise ValueError(f"must be JSON: it is nested deeper than {JSON_DEPTH} levels")


def deserialize(value: Any) -> Any:
    """The reverse of `serialize`: Error gives a RemoteError, Map a Map.

    An unknown `$type`, or a `$value` that nothing can be made of, stays, with what it holds deserialized.
    """
    if isinstance(value, list):
        return [deserialize(item) for item in value]
    if not isinstance(value, dict):
        return value
    revived = {key: deserialize(item) for key, item in value.items()}
    if value.keys() != {"$type", "$value"}:
        return revived
    content = revived["$value"]
    try:
        match value["$type"]:
            case "Date":
                return _aware(datetime.fromisoformat(content)).astimezone(UTC)
            case "Set" if isinstance(content, list):
                return _whole(_OrderedSet(content), content)
            case "Map" if isinstance(content, list) and all(isinstance(pair, list) for pair in content):
                return _whole(Map(content), content)
            case "Error" if type(content) is dict:
                error = RemoteError(**content)
                # null included
                vars(error).update(content)
                return error
    except (TypeError, ValueError, OverflowError):
        # what it holds cannot be a key, or is not what Node writes
        pass
    return revived


_E = TypeVar("_E", Event, ClaimedEvent)


def revived(event: _E) -> _E:
    """An event whose `data` is deserialized."""
    return msgspec.structs.replace(event, data=deserialize(event.data))


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        # whose time zone it is in is anyone's guess
        raise ValueError
    return moment


_T = TypeVar("_T", _OrderedSet, Map)


def _whole(revived: _T, content: list[Any]) -> _T:
    """What was revived, where nothing of a list was lost: 1 and true are one key in Python."""
    if len(revived) != len(content):
        raise ValueError
    return revived


def _text(value: Any, default: str) -> str:
    try:
        return _printable(str(value))
    except Exception:
        # what cannot say what it is must not cost the log line
        return default


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def log_error(error: Any) -> Any:
    """What the log's `error` column gets: serialized, where that is possible, as Node does."""
    if error is None:
        return {}
    with contextlib.suppress(*_FAILURES):
        return _Serializer(complete=True).write(error, 0)
    return error


def plain_log(values: Mapping[str, Any]) -> dict[str, Any]:
    """A log line that was refused, such that it is taken: what has no JSON form is described, what is long is cut."""
    plain = dict(values)
    error = _Describer().write(log_error(None) if values.get("error") is None else values["error"], 0)
    text = json.dumps(error, ensure_ascii=False)
    plain["error"] = error if len(text.encode()) <= TEXT_BYTES else _shortened(text)
    if isinstance(message := plain.get("message"), str):
        plain["message"] = _shortened(message)
    return plain


class _Describer(_Serializer):
    """Writes values and refuses none: so many at the most, for one may hold itself, many times over."""

    def __init__(self) -> None:
        super().__init__(complete=True)
        self._left = _MOST_VALUES

    def write(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            return _MARK
        with contextlib.suppress(*_FAILURES):
            if isinstance(value, Mapping):
                items = {_printable(key) if isinstance(key, str) else key: item for key, item in value.items()}
                value = Map(items) if isinstance(value, Map) else items
            written = super().write(value, depth)
            if isinstance(written, (int, float, NoneType)):
                encode_json(written)
                return written
            if isinstance(written, (dict, list)):
                return written
        return _text(value, f"<{type(value).__name__}>")

    def write_key(self, value: Any, depth: int) -> Any:
        return self.write(value, depth)


def _shortened(text: str) -> str:
    data = _printable(text).encode()
    return data.decode() if len(data) <= TEXT_BYTES else data[: TEXT_BYTES - 16].decode(errors="ignore") + _MARK


_MARK: Final = "… (cut)"
_MOST_VALUES: Final = 10_000
