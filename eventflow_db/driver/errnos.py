"""What error numbers mean, one row for each meaning; and the error of a query for a driver's exception."""

from __future__ import annotations

import re
import ssl
from typing import Final, NamedTuple

import pymysql

from ..errors import (
    AccessDeniedError,
    ConflictError,
    DuplicateError,
    EventflowDBError,
    InvalidValueError,
    MissingReferenceError,
    OutcomeUnknownError,
    SchemaError,
    UnavailableError,
)
from ..foreign import is_foreign
from ..query.spec import QuerySpec


class Meaning(NamedTuple):
    """What error numbers mean to a caller, and what follows."""

    error: type[EventflowDBError]
    text: str
    numbers: tuple[int, ...] = ()
    discard: bool = False
    """The connection cannot be used again."""
    quotes: bool = False
    """The server's message quotes values, so it is not kept."""
    no_effect: bool = False
    """The statement had no effect, because of others or of the server's state: an autocommitted one is run again."""
    not_executed: bool = False
    """The connection is over, and the statement did not run: the server says so, or it was never sent whole."""
    not_begun: bool = False
    """The connection was over before the statement came: even a COMMIT has not happened."""
    lost: bool = False
    """The connection ended while the statement was under way: it ran or it did not."""
    ends_transaction: bool = False
    """The server has rolled the whole transaction back, and would autocommit what comes next."""
    out_of_service: bool = False
    """The server has become read-only or stops: none of its connections is of use."""
    away: bool = False
    """Nothing was executed, for the server is not there or takes no writes: of several, another one may."""

    @property
    def retry(self) -> bool:
        """Whether what failed so is run again, where that cannot write twice."""
        return self.no_effect or self.not_executed or self.lost


_IN_THE_WAY: Final = Meaning(ConflictError, "another session was in the way")
_STOPPING: Final = Meaning(UnavailableError, "the server is not in service", discard=True)
_LOST: Final = Meaning(OutcomeUnknownError, "the connection was lost", discard=True, lost=True)

_DENIED: Final = (
    1044, 1045, 1130, 1131, 1142, 1143, 1227, 1251, 1370, 1410, 1524, 1698, 1820, 1862, 3118, 3159, 3955, 4151,
)  # fmt: skip
_VALUE: Final = (
    1264, 1265, 1292, 1300, 1301, 1366, 1367, 1411, 1426, 1441, 1690, 3057,
    3140, 3141, 3156, 3854, 4036, 4037, 4038, 4163,
)  # fmt: skip
_SCHEMA: Final = (
    1005, 1050, 1054, 1060, 1061, 1071, 1072, 1091, 1109, 1115, 1136, 1176, 1193, 1214, 1235, 1273,
    1286, 1289, 1298, 1305, 1419, 1449, 1505, 1507, 1735, 1785, 1822, 1932, 3734, 3750, 3780,
)  # fmt: skip

MEANINGS: Final = (
    # rows
    Meaning(DuplicateError, "it exists already", (1062, 1586), quotes=True),
    Meaning(MissingReferenceError, "what it refers to does not exist", (1216, 1452)),
    Meaning(MissingReferenceError, "another row refers to it", (1217, 1451)),
    # values
    Meaning(InvalidValueError, "the server refuses NULL", (1048,)),
    # not sent: it is refused here
    Meaning(InvalidValueError, "it is larger than the server's max_allowed_packet", (1153,)),
    Meaning(InvalidValueError, "the server refuses a value", _VALUE, quotes=True),
    # such as many thousand names: what MariaDB makes of them counts for max_join_size
    Meaning(InvalidValueError, "it needs more than the server's limits allow", (1104, 1119, 1436, 3170)),
    Meaning(InvalidValueError, "it is more than the cluster takes in one transaction: send a smaller batch", (3231,)),
    Meaning(InvalidValueError, "a value is too long for its column", (1406,)),
    Meaning(InvalidValueError, "a value does not fit its column's character set or collation", (1267, 1270, 1271)),
    Meaning(InvalidValueError, "the table has no partition for the row", (1526,), quotes=True),
    Meaning(InvalidValueError, "the JSON is nested too deeply", (3157, 4040), quotes=True),
    Meaning(InvalidValueError, "a key of the JSON is too long", (3151,), quotes=True),
    Meaning(InvalidValueError, "a check constraint refuses the row", (3819, 4025), quotes=True),
    # locks and time limits
    _IN_THE_WAY._replace(numbers=(1020, 1213, 1614, 3101), no_effect=True, ends_transaction=True),
    # 1205 undoes the whole transaction where innodb_rollback_on_timeout is on, which a connection knows
    _IN_THE_WAY._replace(numbers=(1205, 1689, 3572), no_effect=True),
    _IN_THE_WAY._replace(numbers=(3058,)),
    Meaning(ConflictError, "the statement was stopped before it took effect", (1317, 1969, 3024)),
    Meaning(ConflictError, "a later partition exists", (1493,)),
    Meaning(ConflictError, "the partition exists", (1517,)),
    # the account
    Meaning(AccessDeniedError, "the server denies access", _DENIED),
    Meaning(AccessDeniedError, "the account's authentication method is not supported", (2059,), discard=True),
    Meaning(
        AccessDeniedError,
        "authentication needs TLS: set ssl_mode to REQUIRED, or to DISABLED where the network is trusted",
        (2061,),
        discard=True,
    ),
    # the server is away or not in service
    Meaning(
        UnavailableError,
        "could not connect",
        (1042, 1043, 1158, 1159, 1160, 1161, 2002, 2003, 2005),
        discard=True,
        away=True,
    ),
    Meaning(UnavailableError, "could not connect", (1040, 1129, 1203), discard=True),
    Meaning(UnavailableError, "unknown database", (1049,), discard=True),
    Meaning(UnavailableError, "the account has used up one of its limits", (1226,), discard=True),
    Meaning(UnavailableError, "no TLS connection as ssl_mode asks for", (2026,), discard=True),
    # from 9001 on: of ProxySQL, which has no server
    # 3781 to 3783, 3796, 3797: it waited for the writes before it, as `consistency` says, and was not begun
    _STOPPING._replace(
        numbers=(1047, 3032, 3781, 3782, 3783, 3796, 3797, 6400, 9001, 9006, 9501),
        out_of_service=True,
        no_effect=True,
        away=True,
    ),
    _STOPPING._replace(numbers=(1053,), out_of_service=True, not_executed=True, away=True),
    _STOPPING._replace(numbers=(1927, 3169), not_executed=True),
    _STOPPING._replace(numbers=(4031,), not_executed=True, not_begun=True),
    Meaning(
        UnavailableError,
        "the server is read-only",
        (1036, 1290, 1792, 1836, 1874, 1881),
        discard=True,
        out_of_service=True,
        no_effect=True,
        away=True,
    ),
    Meaning(
        UnavailableError,
        "the server is out of resources",
        (1021, 1023, 1026, 1030, 1037, 1038, 1041, 1114, 1135, 1637, 3168, 3675),
    ),
    Meaning(UnavailableError, "the server is out of resources", (1206,), ends_transaction=True),
    # the connection is lost
    Meaning(UnavailableError, "the connection was closed", (2006,), discard=True, not_executed=True, not_begun=True),
    _LOST._replace(numbers=(2013, 2014, 2027, 2055)),
    # the members may have it: the number says that this one could not learn so
    Meaning(
        OutcomeUnknownError,
        "the server failed while committing",
        (1180, 3100),
        discard=True,
        out_of_service=True,
        lost=True,
    ),
    # tables, statements, the server's set-up
    Meaning(SchemaError, "a table is missing, which setup_table_schemas() makes", (1146, 1824)),
    # the text goes on with the column's name
    Meaning(SchemaError, "a column that has no default is given no value", (1364, 1423), quotes=True),
    Meaning(SchemaError, "the tables or the server are not what the SQL needs", _SCHEMA),
    # not sent: it is refused here
    Meaning(SchemaError, "tables are not changed in a group that has several primaries: have it use one", (3092,)),
    Meaning(
        SchemaError,
        "the table is not as the cluster needs it, with a primary key, or its primary is changing",
        (3098,),
        discard=True,
        out_of_service=True,
        away=True,
    ),
    Meaning(SchemaError, "the server does not understand the SQL", (1064,), quotes=True),
    Meaning(SchemaError, "the server refuses a setting of the session", (1231,), quotes=True),
    Meaning(SchemaError, "binlog_format=STATEMENT does not allow READ COMMITTED: set it to ROW or MIXED", (1665,)),
    Meaning(SchemaError, "the server asks for a file of this machine, which is refused", (2068,), discard=True),
)
"""Every meaning, with its numbers; a number that is in none of them gives the base class."""

_BY_NUMBER: Final = {number: meaning for meaning in MEANINGS for number in meaning.numbers}
_VARIANTS: Final = (
    # of a deadlock between nodes, at COMMIT
    (1180, "error 149", 1213),
    (1180, "wsrep_max_ws_rows", 3231),
    (1105, "writeset size", 3231),
)
"""What Galera says by numbers that mean something else: number, part of the text, and the number that means it."""
_COLUMN: Final = re.compile(r"'([\w$]{1,64})'", re.ASCII)
_UNKNOWN: Final = Meaning(EventflowDBError, "the database refused it", quotes=True)


def meaning(errno: int | None) -> Meaning:
    """What an error number means; the base class for a number that is not listed."""
    return _UNKNOWN if errno is None else _BY_NUMBER.get(errno, _UNKNOWN)


def errno_of(error: BaseException, *, connecting: bool = False) -> int:
    """The number of a driver's exception; those without one mean a lost connection."""
    number = error.args[0] if error.args else None
    if connecting:
        reason = getattr(error, "original_exception", None) or error.__cause__
        refused = next((one for one in (error, reason) if isinstance(one, ssl.SSLError)), None)
        # where the other side only hung up, it says nothing of TLS
        if refused is not None and not isinstance(refused, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return 2026
        if isinstance(error, OSError):
            return 2003
    if isinstance(error, pymysql.err.Error) and isinstance(number, int) and number:
        text = str(error.args[-1]).lower()
        return next((meant for one, part, meant in _VARIANTS if number == one and part in text), number)
    if isinstance(error, pymysql.err.InterfaceError):
        # closed before anything was sent
        return 2006
    return 2013


def translate(error: BaseException, spec: QuerySpec, *, connecting: bool = False) -> EventflowDBError:
    """The error of a query for a driver's exception, which becomes its cause.

    The cause is a copy: without its traceback, whose frames hold arguments, and without the server's message
    where that may quote a value. An exception that comes from elsewhere is raised as it is.
    """
    if is_foreign(error):
        raise error
    errno = errno_of(error, connecting=connecting)
    found = meaning(errno)
    kind, text = found.error, found.text
    if errno in spec.conflict:
        kind, text = _IN_THE_WAY.error, _IN_THE_WAY.text
    elif connecting and kind in (EventflowDBError, OutcomeUnknownError):
        kind, text = UnavailableError, "could not connect"
    elif kind is OutcomeUnknownError and not spec.writes:
        kind = UnavailableError
    if connecting:
        text = ": ".join(filter(None, (text, getattr(error, "destination", None))))
    elif errno == 1364 and (column := _COLUMN.search(str(error.args[-1]))):
        text = f"{text}: {column[1]}"
    translated = spec.failure(kind, text, errno)
    secret = found.quotes or spec.name.startswith("certificate.")
    translated.__cause__ = _without_values(error, errno, secret and not connecting)
    return translated


def _without_values(error: BaseException, errno: int, secret: bool) -> BaseException:
    from_driver = isinstance(error, pymysql.err.Error)
    if secret:
        text = "the server's message is left out: it may quote a value"
    elif from_driver or isinstance(error, OSError):
        text = str(error.args[-1]) if error.args else type(error).__name__
        reason = error.__cause__
        if isinstance(reason, OSError):
            text = f"{text} ({reason})"
    else:
        # such as UnicodeDecodeError, which holds what it could not decode
        text = type(error).__name__
    kind: type[BaseException] = type(error) if from_driver else pymysql.err.OperationalError
    return kind(errno, text)
