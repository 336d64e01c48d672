"""What the annotation of a query says of it: the QuerySpec that the runtime, `check` and the command all read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec

from .. import records
from ..errors import ContractError, EventflowDBError, InvalidValueError, SchemaError, UnavailableError
from ..foreign import is_foreign
from .parameters import ParameterType, parameter_type, refusals
from .refusals import refused
from .rows import CONVERTERS, Result, RowError, converters_of, parse_rows
from .tokens import first_word

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("SELECT", "WITH"),
    "write": ("INSERT", "UPDATE", "DELETE"),
    "ddl": ("CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME"),
    "session": ("START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"),
}
"""What a statement does, by its first word."""
_MISSING: Final = object()
"""Of no parameter's type."""


class ErrorCode(NamedTuple):
    """The code of an error, and its message."""

    code: str
    message: str


class QuerySpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the annotation of a query says of it. A field has the name of its key in the annotation.

    name: `<table>.<query>`. purpose, remarks: the first line without a key, which callers read, and the others.
    method: the public method that runs it; None for an internal query.
    batch: (method, argument) where another method persists many rows, all or none.
    param: parameter → name of its type, in the order of the query's own list.
    takes: (argument, record) where the method takes one mapping or record instead of the parameters.
    returns: `Event*` (rows), `Event` (one, or `not_found`), `Event?` (one or none), a scalar type with the same signs,
        `(str, str)*` (tuples), `row*` (dicts, of an overlay's own queries), `changed` (whether a row was), `affected`
        (how many were), `none`.
    error: when the database fails; not_found: of the NotFoundError, if any.
    index: `<table>.<index> (column, …)` that the plan uses, or `none` where nothing is looked up; None where `scan`
        says why it reads whole tables.
    idempotent: `yes`, `no`, or `when identical…`: run again only if a duplicate then equals what was sent.
    conflict: error numbers that mean for this query that another session was in the way.
    timeout: `ddl` where it may take as long as `ddl_timeout` says, else `read`.
    replaces: in an overlay, the hash of the package's query that it was made from.
    differs: why the query of an overlay does something else than the package's; None where it does not.
    notes: key of the annotation → what stands in brackets behind its value.
    path, line, body: the file, the line of `-- name:` and the line that the SQL begins at.
    """

    name: str
    purpose: str
    remarks: str
    method: str | None
    batch: tuple[str, str] | None
    param: Mapping[str, str]
    takes: tuple[str, str] | None
    returns: str
    error: ErrorCode
    not_found: ErrorCode | None
    index: str | None
    scan: str | None
    idempotent: str
    conflict: tuple[int, ...]
    timeout: str
    differs: str | None
    replaces: str | None
    notes: Mapping[str, str]
    path: str
    line: int
    body: int
    sql: str

    @cached_property
    def hash(self) -> str:
        """The first characters of the hash of the SQL, as in its tag and in the lock file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:8]

    @cached_property
    def verb(self) -> str:
        """The first word that a server sees of the SQL, in capitals."""
        return first_word(self.sql).upper()

    @cached_property
    def kind(self) -> str:
        """`read`, `write`, `ddl` or `session`; empty for a statement that no query may be."""
        return next((kind for kind, verbs in KINDS.items() if self.verb in verbs), "")

    @cached_property
    def index_name(self) -> str | None:
        """The annotation `index` without its columns."""
        return self.index and self.index.partition(" (")[0]

    @cached_property
    def index_columns(self) -> tuple[str, ...]:
        """The columns that it looks up in the index, in the index's order."""
        columns = (self.index or "").partition(" (")[2].rstrip(")")
        return tuple(columns.split(", ")) if columns else ()

    @property
    def lookup(self) -> str:
        """The annotation `index`, or `scan`, as it is spelled."""
        return self.index or f"scan: {self.scan}"

    @property
    def reads_back(self) -> str | None:
        """The query that reads the row which a duplicate is compared with; None where the key is the whole row."""
        return self.idempotent.partition(" to ")[2] or None

    def refuse(self, rule: str, line: int | None = None) -> ContractError:
        """The error for a rule that the query breaks."""
        return refused(self.path, rule, line or self.line, self.name)

    @cached_property
    def types(self) -> dict[str, ParameterType]:
        """The type of each key that a call gives; the key of the parameter `pass_` is `pass`."""
        kinds = {name.rstrip("_"): parameter_type(text) for name, text in self.param.items()}
        return {key: kind for key, kind in kinds.items() if kind is not None}

    @cached_property
    def required(self) -> int:
        """How many of the keys a call has to give."""
        return sum(kind.absent is None for kind in self.types.values())

    @property
    def tuple_form(self) -> str:
        """The tuple that stands for the keys; those in square brackets may be left out."""
        keys = list(self.types)
        optional = "".join(f"[, {key}]" for key in keys[self.required :])
        return f"({', '.join(keys[: self.required])}{optional})"

    @cached_property
    def taken(self) -> type[msgspec.Struct] | None:
        """The record that a call may give instead of a mapping, if any."""
        return getattr(records, self.takes[1], None) if self.takes else None

    @cached_property
    def not_written(self) -> tuple[str, ...]:
        """What a record may hold that is not written, apart from what the server fills in."""
        columns = records.columns(self.taken) if self.taken else ()
        return tuple(column.name for column in columns if column.nullable and column.name not in self.types)

    @cached_property
    def _encoders(self) -> list[tuple[str, str, Callable[[str], object], Callable[[Any], bytes], bytes | None]]:
        return [
            (name, key, kind.is_plain, kind.encode, kind.absent)
            for name, (key, kind) in zip(self.param, self.types.items(), strict=True)
        ]

    def bind(self, values: Mapping[str, Any]) -> dict[str, bytes]:
        """The literal of each parameter.

        Raises: InvalidValueError naming every key that is missing, unknown or breaks its rule.
        """
        literals: dict[str, bytes] = {}
        left_out = 0
        try:
            for name, key, is_plain, encode, absent in self._encoders:
                value = values.get(key, _MISSING)
                if value.__class__ is str and is_plain(value):
                    literals[name] = b"'" + value.encode() + b"'"
                elif value is _MISSING and absent is not None:
                    left_out += 1
                    literals[name] = absent
                else:
                    literals[name] = encode(value)
            if len(values) + left_out == len(literals):
                return literals
        except ValueError:
            # what msgspec says may quote the value, and it is the first of perhaps several
            if not refusals(self.types, values):
                # it came from elsewhere
                raise
        raise self.invalid("; ".join(refusals(self.types, values)))

    @cached_property
    def writes(self) -> bool:
        """Whether it changes anything that lasts."""
        return self.kind != "read" and not (self.kind == "session" and self.idempotent == "yes")

    @cached_property
    def commits(self) -> bool:
        """Whether the server commits the transaction around it."""
        return self.kind == "ddl"

    @cached_property
    def alters(self) -> bool:
        """Whether it changes a table that is in use, and so rather gives up than have every writer queue behind it."""
        return self.verb in ("ALTER", "DROP", "TRUNCATE", "RENAME")

    @cached_property
    def record(self) -> type[msgspec.Struct] | None:
        """The record that a row becomes; None for scalars."""
        return getattr(records, self.returns.rstrip("*?"), None)

    @property
    def is_free(self) -> bool:
        """Whether a row is a dict of whatever columns the text gives."""
        return self.returns.rstrip("*?") == "row"

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """The types of what a row is made of, where it becomes no record."""
        return tuple(self.returns.strip("()*?").split(", "))

    def decode(self, result: Result) -> list[Any]:
        """The rows of a result, as records or scalars.

        Raises: SchemaError where the columns are not the record's, or a value cannot be read, or is NULL where the
            record has none; UnavailableError where a row breaks the protocol.
        """
        if self.is_free:
            return [
                dict(zip(result.columns, values, strict=True))
                for values in parse_rows(result.rows, [CONVERTERS[kind] for kind in result.kinds])
            ]
        record = self.record
        expected = result.columns[: len(self.scalars)] if record is None else record.__struct_encode_fields__
        if result.columns != expected or not expected:
            raise SchemaError(self.error.code, f"query {self.name} gives columns other than {', '.join(expected)}")
        problem = "a value that is not of its column's type"
        for tolerant in (False, True):
            try:
                if record is None:
                    required = () if self.returns.endswith("?") else range(len(self.scalars))
                    rows = parse_rows(result.rows, [CONVERTERS[scalar] for scalar in self.scalars], required)
                    return [value for (value,) in rows] if len(self.scalars) == 1 else list(map(tuple, rows))
                return [record(*values) for values in parse_rows(result.rows, *converters_of(record, tolerant))]
            except RowError as error:
                if error.column is None:
                    raise self.failure(UnavailableError, "the server breaks the protocol", 2014) from None
                problem = f"NULL for {expected[error.column]}"
                break
            except (ValueError, RecursionError) as error:
                # its message quotes the value
                if not tolerant and is_foreign(error):
                    raise
        raise SchemaError(self.error.code, f"query {self.name} gives {problem}")

    def failure(self, kind: type[EventflowDBError], text: str, errno: int | None = None) -> EventflowDBError:
        """An error of this query: the database failed."""
        return kind(self.error.code, f"{self.error.message}: {text}", errno)

    def recoded(self, error: EventflowDBError) -> EventflowDBError:
        """The error of another query that ran for this one, with this one's code."""
        failure = type(error)(self.error.code, error.message, error.errno)
        failure.__cause__ = error.__cause__
        return failure

    def invalid(self, rules: str) -> InvalidValueError:
        """An error of this query: what it was given breaks these rules."""
        return InvalidValueError(self.error.code, rules)
