"""The errors of this package, and the map from the server's error numbers to them.

EventflowDBError
├── NotFoundError           no such row
├── DuplicateError          the row exists already
├── MissingReferenceError   the event or hub that the row refers to does not exist
├── InvalidValueError       a value was refused, here or by the server: send another one
├── AccessDeniedError       the server refuses the account: waiting does not cure it
├── UnavailableError        no connection could be had: nothing was sent, try again later
├── ConflictError           others were in the way, also after the retries: try again
├── OutcomeUnknownError     the connection was lost while a write was under way that cannot be repeated
├── SchemaError             the tables or the server are not what the SQL needs
└── ContractError           the SQL files break the rules for annotated queries

The class says what a caller can do, `.code` which operation failed. No error holds a parameter: what the
server said is kept, in `__cause__`, only where its message quotes no value.
"""

from __future__ import annotations

from typing import Final, NamedTuple


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
    """No usable connection could be had; nothing took effect."""


class ConflictError(EventflowDBError):
    """Others were in the way, also after the retries; nothing took effect."""


class OutcomeUnknownError(EventflowDBError):
    """The connection was lost while a write was under way: it took effect or it did not."""


class SchemaError(EventflowDBError):
    """The tables or the server are not what the SQL needs."""


class ContractError(EventflowDBError):
    """The SQL files break the rules for annotated queries."""


class Meaning(NamedTuple):
    """What an error number means to a caller."""

    error: type[EventflowDBError]
    text: str
    discard: bool = False
    """The connection cannot be used again."""
    quotes: bool = False
    """The server's message quotes values, so it is not kept."""


_DUPLICATE = Meaning(DuplicateError, "it exists already", quotes=True)
_CONFLICT = Meaning(ConflictError, "another session was in the way")
_STOPPED = Meaning(ConflictError, "the statement was stopped before it took effect")
_DENIED = Meaning(AccessDeniedError, "the server denies access")
_READ_ONLY = Meaning(UnavailableError, "the server is read-only", discard=True)
_STOPPING = Meaning(UnavailableError, "the server is not in service", discard=True)
_UNREACHABLE = Meaning(UnavailableError, "could not connect", discard=True)
_REFUSED = Meaning(InvalidValueError, "the server refuses a value", quotes=True)
_SCHEMA = Meaning(SchemaError, "the tables or the server are not what the SQL needs")
_LOST = Meaning(OutcomeUnknownError, "the connection was lost", discard=True)
_RESOURCES = Meaning(UnavailableError, "the server is out of resources")

FINISHES_TRANSACTION: Final = frozenset({1020, 1206, 1213, 1614, 3101})
"""The server has rolled the whole transaction back, and would autocommit what comes next."""
RETRIED: Final = frozenset({1020, 1205, 1213, 1614, 1689, 3101, 3572})
"""The statement had no effect because of others: an autocommitted one is run again."""
NOT_EXECUTED: Final = frozenset({1053, 1927, 2006, 3169, 4031})
"""The connection is over, and the statement did not run: the server says so itself, or it was never sent whole."""
LOST: Final = frozenset({2013, 2014, 2027, 2055})
"""The connection ended while the statement was under way: it ran or it did not."""
OUT_OF_SERVICE: Final = frozenset({1047, 1053, 1290, 1792, 1836, 3032, 3100})
"""The server has become read-only or stops: none of its connections is of use."""

MEANINGS: Final[dict[int, Meaning]] = {
    # rows
    1062: _DUPLICATE,
    1586: _DUPLICATE,
    1216: Meaning(MissingReferenceError, "what it refers to does not exist"),
    1452: Meaning(MissingReferenceError, "what it refers to does not exist"),
    1217: Meaning(MissingReferenceError, "another row refers to it"),
    1451: Meaning(MissingReferenceError, "another row refers to it"),
    # values
    1048: Meaning(InvalidValueError, "the server refuses NULL"),
    1153: Meaning(InvalidValueError, "it is larger than the server's max_allowed_packet"),  # and was not sent
    1264: _REFUSED,
    1265: _REFUSED,
    1292: _REFUSED,
    1300: _REFUSED,
    1301: _REFUSED,
    1364: _REFUSED,
    1366: _REFUSED,
    1367: _REFUSED,
    1406: Meaning(InvalidValueError, "a value is too long for its column"),
    1411: _REFUSED,
    1426: _REFUSED,
    1441: _REFUSED,
    1690: _REFUSED,
    1526: Meaning(InvalidValueError, "the table has no partition for the row", quotes=True),
    3140: _REFUSED,
    3141: _REFUSED,
    4036: _REFUSED,
    4037: _REFUSED,
    4038: _REFUSED,
    4040: Meaning(InvalidValueError, "the JSON is nested too deeply", quotes=True),
    3151: Meaning(InvalidValueError, "a key of the JSON is too long", quotes=True),
    3156: _REFUSED,
    3157: Meaning(InvalidValueError, "the JSON is nested too deeply", quotes=True),
    3819: Meaning(InvalidValueError, "a check constraint refuses the row", quotes=True),
    4025: Meaning(InvalidValueError, "a check constraint refuses the row", quotes=True),
    # locks and time limits
    1020: _CONFLICT,
    1205: _CONFLICT,
    1213: _CONFLICT,
    1614: _CONFLICT,
    1689: _CONFLICT,
    3058: _CONFLICT,
    3101: _CONFLICT,
    3572: _CONFLICT,
    1317: _STOPPED,
    1969: _STOPPED,
    3024: _STOPPED,
    # the account
    1044: _DENIED,
    1045: _DENIED,
    1130: _DENIED,
    1131: _DENIED,
    1142: _DENIED,
    1143: _DENIED,
    1227: _DENIED,
    1251: _DENIED,
    1370: _DENIED,
    1410: _DENIED,
    1524: _DENIED,
    1698: _DENIED,
    1820: _DENIED,
    1862: _DENIED,
    3118: _DENIED,
    3159: _DENIED,
    3955: _DENIED,
    4151: _DENIED,
    # the server is away or not in service
    1040: _UNREACHABLE,
    1042: _UNREACHABLE,
    1043: _UNREACHABLE,
    1049: Meaning(UnavailableError, "unknown database", discard=True),
    1129: _UNREACHABLE,
    1158: _UNREACHABLE,
    1159: _UNREACHABLE,
    1160: _UNREACHABLE,
    1161: _UNREACHABLE,
    1203: _UNREACHABLE,
    1226: Meaning(UnavailableError, "the account has used up one of its limits", discard=True),
    2002: _UNREACHABLE,
    2003: _UNREACHABLE,
    2005: _UNREACHABLE,
    2026: Meaning(UnavailableError, "no TLS connection as ssl_mode asks for", discard=True),
    2068: Meaning(SchemaError, "the server asks for a file of this machine, which is refused", discard=True),
    2059: Meaning(AccessDeniedError, "the account's authentication method is not supported", discard=True),
    2061: Meaning(AccessDeniedError, "authentication needs a secure connection", discard=True),
    1047: _STOPPING,
    1053: _STOPPING,
    1927: _STOPPING,
    3032: _STOPPING,
    3169: _STOPPING,
    4031: _STOPPING,
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    3100: _STOPPING,
    1021: _RESOURCES,
    1023: _RESOURCES,
    1026: _RESOURCES,
    1030: _RESOURCES,
    1037: _RESOURCES,
    1038: _RESOURCES,
    1041: _RESOURCES,
    1114: _RESOURCES,
    1135: _RESOURCES,
    1206: _RESOURCES,
    1637: _RESOURCES,
    3168: _RESOURCES,
    3675: _RESOURCES,
    # the connection is lost
    2006: Meaning(UnavailableError, "the connection was closed", discard=True),
    2013: _LOST,
    2014: _LOST,
    2027: _LOST,
    2055: _LOST,
    1180: Meaning(OutcomeUnknownError, "the server failed while committing", discard=True),
    # tables, statements, the server's set-up
    1005: _SCHEMA,
    1050: _SCHEMA,
    1054: _SCHEMA,
    1060: _SCHEMA,
    1061: _SCHEMA,
    1064: Meaning(SchemaError, "the server does not understand the SQL", quotes=True),
    1071: _SCHEMA,
    1072: _SCHEMA,
    1091: _SCHEMA,
    1109: _SCHEMA,
    1115: _SCHEMA,
    1136: _SCHEMA,
    1146: _SCHEMA,
    1176: _SCHEMA,
    1193: _SCHEMA,
    1214: _SCHEMA,
    1231: Meaning(SchemaError, "the server refuses a setting of the session", quotes=True),
    1235: _SCHEMA,
    1267: _SCHEMA,
    1273: _SCHEMA,
    1286: _SCHEMA,
    1289: _SCHEMA,
    1298: _SCHEMA,
    1305: _SCHEMA,
    1419: _SCHEMA,
    1449: _SCHEMA,
    1493: Meaning(ConflictError, "a later partition exists"),
    1505: _SCHEMA,
    1507: _SCHEMA,
    1517: Meaning(ConflictError, "the partition exists"),
    1665: Meaning(SchemaError, "binlog_format=STATEMENT does not allow READ COMMITTED: set it to ROW or MIXED"),
    1735: _SCHEMA,
    1785: _SCHEMA,
    1822: _SCHEMA,
    1824: _SCHEMA,
    1932: _SCHEMA,
    3098: _SCHEMA,
    3734: _SCHEMA,
    3750: _SCHEMA,
    3780: _SCHEMA,
}

UNKNOWN: Final = Meaning(EventflowDBError, "the database refused it", quotes=True)


def meaning(errno: int | None) -> Meaning:
    """What an error number means; the base class for a number that is not listed."""
    return UNKNOWN if errno is None else MEANINGS.get(errno, UNKNOWN)
