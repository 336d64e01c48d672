"""The errors of this package; which error number gives which is said in driver/errnos.py.

EventflowDBError
├── NotFoundError           no such row
├── DuplicateError          the row exists already
├── MissingReferenceError   the event or hub that the row refers to does not exist
├── InvalidValueError       a value was refused, here or by the server: send another one
├── AccessDeniedError       the server refuses the account: waiting does not cure it
├── UnavailableError        no usable connection could be had: nothing took effect, try again later, but for a
│                           database object that is closed, which the message says
├── ConflictError           others were in the way, also after the retries: try again
├── OutcomeUnknownError     the connection was lost while a write was under way: it took effect or it did not
├── SchemaError             the tables or the server are not what the SQL needs
└── ContractError           the SQL files break the rules for annotated queries

The class says what a caller can do, `.code` which operation failed. No error holds a parameter: what the
server said is kept, in `__cause__`, only where its message quotes no value.
"""

from __future__ import annotations

from typing import NamedTuple


class EventflowDBError(Exception):
    """Something about the database failed.

    code: `E_EVENTFLOW_DB_…`, the operation that failed.
    errno: the server's or the driver's error number, None where neither was involved.
    """

    def __init__(self, code: str, message: str, errno: int | None = None) -> None:
        super().__init__(code, message, errno)
        self.code = code
        self.message = message
        self.errno = errno

    def __str__(self) -> str:
        number = "" if self.errno is None else f" ({self.errno})"
        return f"{self.code}: {self.message}{number}"


class NotFoundError(EventflowDBError):
    """No such row."""


class DuplicateError(EventflowDBError):
    """The row exists already."""


class MissingReferenceError(EventflowDBError):
    """The event or hub that the row refers to does not exist, or is still referred to."""


class InvalidValueError(EventflowDBError):
    """A value was refused; refused here, nothing was sent."""


class AccessDeniedError(EventflowDBError):
    """The server refuses the account: waiting does not cure it."""


class UnavailableError(EventflowDBError):
    """No usable connection could be had, or the database object is closed; nothing took effect."""


class ConflictError(EventflowDBError):
    """Others were in the way, also after the retries; nothing took effect."""


class OutcomeUnknownError(EventflowDBError):
    """The connection was lost while a write was under way: it took effect or it did not."""


class SchemaError(EventflowDBError):
    """The tables or the server are not what the SQL needs."""


class Refusal(NamedTuple):
    """A rule that a file of SQL breaks, and where."""

    path: str
    line: int
    """0 where it is about the whole file."""
    query: str
    """`<table>.<query>`; empty where it is about none."""
    rule: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: query {self.query}: {self.rule}" if self.query else f"{place}: {self.rule}"


class ContractError(EventflowDBError):
    """The SQL files break the rules for annotated queries.

    refusals: each rule that is broken; the message has a line for each.
    """

    refusals: tuple[Refusal, ...] = ()
