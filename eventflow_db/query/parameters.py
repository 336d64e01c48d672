"""The types of parameters: what each accepts, and the literal that it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from ..identifiers import IDENTIFIER
from .codec import SMALL_JSON, YEARS, encode_json, spacing, utc

TEXT_BYTES: Final = 65_535
"""What a TEXT or BLOB column holds."""
STATES: Final = ("published", "consumed_hub", "consumed_spoke", "expired", "failed", "orphan", "success")
"""What a publication may be in, of which it is in one at a time: see sql/README.md."""
NO_LIMIT: Final = 2**64 - 1
"""What stands for no LIMIT."""
_DATE_RULE: Final = "a date, or an aware datetime"


def _quoted(data: bytes) -> bytes:
    return b"'" + data.replace(b"\\", b"\\\\").replace(b"'", b"''").replace(b"\0", b"\\0") + b"'"


def _text(value: str) -> bytes:
    return _quoted(value.encode())


def _long_text(value: str) -> bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise ValueError("must hold no lone surrogate") from None
    if len(data) > TEXT_BYTES:
        raise ValueError(f"must have at most {TEXT_BYTES:,} bytes as UTF-8")
    return _quoted(data)


def _position(value: str) -> bytes:
    # before every identifier, which holds no NUL: an empty text compares as spaces, behind "\x01"
    return _text(value or "\0")


def _json(value: Any) -> bytes:
    text = encode_json(value)
    literal = _quoted(text)
    return literal if len(text) <= SMALL_JSON else literal + b" " * spacing(text)


def _integer(value: int) -> bytes:
    return b"%d" % value


def _aware(value: Any, milliseconds: bool) -> datetime:
    # not by msgspec, which refuses the subclasses of freezegun, pendulum and pandas
    if not isinstance(value, datetime):
        raise msgspec.ValidationError
    return utc(value, milliseconds)


def _seconds(value: Any) -> bytes:
    return _aware(value, milliseconds=False).strftime("'%Y-%m-%d %H:%M:%S'").encode()


def _milliseconds(value: Any) -> bytes:
    value = _aware(value, milliseconds=True)
    return b"'%s.%03d'" % (value.strftime("%Y-%m-%d %H:%M:%S").encode(), value.microsecond // 1000)


def _identifiers(values: Sequence[str]) -> bytes:
    # nothing is IN (NULL), and IN () is a syntax error
    return b"(" + (b", ".join(map(_text, values)) or b"NULL") + b")"


def utc_day(value: Any) -> date:
    """The UTC day of a date or an aware datetime."""
    if not isinstance(value, date):
        raise ValueError(f"must be {_DATE_RULE}")
    if isinstance(value, datetime):
        value = utc(value, milliseconds=False).date()
    day: date = value
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"must lie within the years {YEARS[0]} to {YEARS[1]}")
    return day


def _date(value: date) -> bytes:
    return b"'%s'" % utc_day(value).isoformat().encode()


def partition_name(day: date) -> str:
    """The name of the partition that holds the log before a day: `p_cold_YYYYMMDD`."""
    return f"p_cold_{day:%Y%m%d}"


COLD_PARTITION: Final = re.compile(r"p_cold_[0-9]{8}")


def _moment(text: str) -> datetime:
    """A time without a zone is in UTC, as the server keeps it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class ParameterType(NamedTuple):
    """One type of the `-- param` annotations."""

    type: Any
    """What msgspec checks a value against: Any, or a Struct whose field `value` has the type."""
    rule: str
    """The same, for people: `<parameter>: must be …`."""
    literal: Callable[[Any], bytes]
    """The SQL literal of a checked value; raises ValueError with the rule that the value breaks."""
    python: str = "str"
    """The same, for type checkers."""
    read: Callable[[str], Any] = str
    """A value from the command line, or from a row as text; raises ValueError."""
    sample: Any = "x"
    """A value that is right."""
    is_plain: Callable[[str], object] = lambda text: None
    """Whether text keeps the rule and stands in a literal as it is: most identifiers do, and need no more."""
    absent: bytes | None = None
    """What is sent for None, or a key that is left out; None where it is required."""

    def encode(self, value: Any) -> bytes:
        """The SQL literal of a value.

        Raises: msgspec.ValidationError, or another ValueError with the rule that the value breaks.
        """
        if value is None and self.absent is not None:
            return self.absent
        if self.type is not Any:
            value = msgspec.convert({"value": value}, self.type, builtin_types=BUILTIN_TYPES).value
        return self.literal(value)


def _checked(kind: Any) -> Any:
    """A Struct for a type: msgspec would look the type itself up by its hash, and pass over what is raised in that."""
    return msgspec.defstruct("Checked", [("value", kind)])


def _characters(most: int) -> Any:
    return Annotated[str, Meta(max_length=most, pattern=IDENTIFIER % (most - 2))]


def _bytes(most: int) -> ParameterType:
    kind = Annotated[bytes, Meta(max_length=most)]
    rule = f"bytes, at most {most:,}"
    return ParameterType(_checked(kind), rule, lambda value: b"X'%s'" % value.hex().encode(), "bytes", str.encode, b"x")


def _whole(rule: str, least: int, most: int, sample: int) -> ParameterType:
    return ParameterType(_checked(Annotated[int, Meta(ge=least, le=most)]), rule, _integer, "int", int, sample)


def _time(kind: Any, rule: str, literal: Callable[[Any], bytes], python: str) -> ParameterType:
    return ParameterType(kind, rule, literal, python, _moment, datetime(2026, 1, 1, tzinfo=UTC))


_IDENTIFIER: Final = _characters(64)
_NAME_RULE: Final = "1 to {} printable ASCII characters, without a space around them"

TYPES: Final[Mapping[str, ParameterType]] = {
    "identifier": ParameterType(
        _checked(_IDENTIFIER), _NAME_RULE.format(64), _text, is_plain=re.compile(r"[!-&(-\[\]-~]{1,64}").fullmatch
    ),
    "identifier*": ParameterType(
        _checked(list[_IDENTIFIER]),  # type: ignore[valid-type]
        "a list of identifiers, each " + _NAME_RULE.format(64),
        _identifiers,
        "Sequence[str]",
        lambda text: text.split(","),
        ["x", "y"],
    ),
    "position": ParameterType(
        # others may have written ids that keep less of the rule
        _checked(Annotated[str, Meta(pattern=r"\A[\x00-\x7f]{0,64}\Z")]),
        "at most 64 ASCII characters",
        _position,
    ),
    "address": ParameterType(_checked(_characters(45)), _NAME_RULE.format(45), _text),
    "reference": ParameterType(
        # beyond U+FFFF MySQL knows no lock, and of MariaDB's 192 bytes 64 characters could take more
        _checked(Annotated[str, Meta(pattern=r"\A[\x01-\ud7ff\ue000-\uffff]{1,64}\Z")]),
        "text of 1 to 64 characters up to U+FFFF (no emoji), without NUL or lone surrogates",
        _text,
    ),
    "text": ParameterType(_checked(str), "text", _long_text),
    "bytes": _bytes(TEXT_BYTES),
    "bytes(16)": _bytes(16),
    "json": ParameterType(Any, "JSON", _json, "Any", json.loads, {}),
    "datetime": _time(Any, "an aware datetime", _seconds, "datetime"),
    "datetime(3)": _time(Any, "an aware datetime", _milliseconds, "datetime"),
    "date": _time(Any, _DATE_RULE, _date, "date"),
    "partition": _time(Any, _DATE_RULE, lambda value: partition_name(utc_day(value)).encode(), "date"),
    "port": _whole("a whole number from 0 to 65535", 0, 65535, 1),
    "limit": ParameterType(
        _checked(Annotated[int, Meta(ge=0, le=2**63 - 1)] | None),
        "a whole number from 0 up, or None for no limit",
        lambda value: _integer(NO_LIMIT if value is None else value),
        "int | None",
        int,
        None,
    ),
    "number": _whole("a whole number from 0 up", 0, 2**63 - 1, 0),
    "batch": _whole("a whole number from 1 to 10000", 1, 10_000, 1000),
    "page": _whole("a whole number from 1 up", 1, 2**63 - 1, 1000),
    "savepoint": ParameterType(
        _checked(Annotated[int, Meta(ge=1)]),
        "a whole number from 1 up",
        lambda depth: b"eventflow_%d" % depth,
        "int",
        int,
        1,
    ),
    "state": ParameterType(_checked(Literal[STATES]), f"one of {', '.join(STATES)}", _text, sample="published"),
    "lease": _whole("whole seconds from 1 to 31536000", 1, 31536000, 60),
    "seconds": _whole("whole seconds from 0 to 31536000", 0, 31536000, 0),
}
"""Every parameter type. A mark behind one makes the key optional."""
_MARKS: Final[Mapping[str, bytes]] = {"?": b"NULL", "?=DEFAULT": b"DEFAULT"}

BUILTIN_TYPES: Final = (bytes, bytearray, memoryview, datetime, date)
"""Types that msgspec must meet as they are: it would take a str for base64 or an ISO time otherwise."""


def parameter_type(name: str) -> ParameterType | None:
    """The type that an annotation names, with the mark behind it; None for an unknown name."""
    base, mark = split_mark(name)
    kind = TYPES.get(base)
    if kind is None or not mark:
        return kind
    absent = _MARKS.get(mark) or mark.removeprefix("?=").encode()
    if mark not in _MARKS and not (kind.python == "int" and absent.isdigit()):
        return None
    return kind._replace(rule=f"{kind.rule}, or None", absent=absent)


def split_mark(name: str) -> tuple[str, str]:
    """The name of a type and the mark behind it, which is empty where the key is required."""
    base, mark, rest = name.partition("?")
    return base, mark + rest


def refusals(types: Mapping[str, ParameterType], values: Mapping[str, Any]) -> list[str]:
    """Every key that breaks its rule, as `key: must be …`; msgspec by itself stops at the first."""
    problems = [f"{key}: unknown key" for key in values if key not in types]
    for key, kind in types.items():
        if key not in values:
            if kind.absent is None:
                problems.append(f"{key}: missing")
            continue
        try:
            kind.encode(values[key])
        except msgspec.ValidationError:
            problems.append(f"{key}: must be {kind.rule}")
        except ValueError as error:
            problems.append(f"{key}: {error}")
    return problems
