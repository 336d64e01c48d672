"""What the two drivers have in common: how a session is set up, and what their exceptions mean."""

from __future__ import annotations

import ssl
from typing import Any, Final

import pymysql
from pymysql.constants import CLIENT

from ..errors import MEANINGS, EventflowDBError, OutcomeUnknownError, UnavailableError, meaning
from ..queries import QuerySpec
from ..settings import Settings

SQL_MODE: Final = (
    "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
_SESSION: Final = f"SET NAMES utf8mb4 COLLATE utf8mb4_bin, time_zone = '+00:00', sql_mode = '{SQL_MODE}'"


def connection_arguments() -> dict[str, Any]:
    """Keywords for `pymysql.connect` or `aiomysql.connect`, so that `from_connection` takes the connection.

    Updates count the rows that they match, the session is in UTC, strict, and talks utf8mb4.
    """
    return {"client_flag": CLIENT.FOUND_ROWS, "charset": "utf8mb4", "init_command": _SESSION}


def session_statement(settings: Settings, server_version: str) -> bytes:
    """What every connection of ours begins with, in one round trip."""
    # MariaDB before 11.1 knows the isolation level by its older name alone
    isolation = "tx_isolation" if "MariaDB" in server_version else "transaction_isolation"
    return (
        f"{_SESSION}, autocommit = 1, {isolation} = 'READ-COMMITTED', "
        f"innodb_lock_wait_timeout = {settings.lock_wait_timeout}, lock_wait_timeout = {settings.lock_wait_timeout}"
    ).encode()


def wire_password(password: str) -> str:
    """The password such that the drivers, which encode it as latin-1, send it as UTF-8."""
    return password.encode().decode("latin-1")


def refuse_plain_text(settings: Settings) -> pymysql.err.OperationalError | None:
    """What to raise, before any credential is sent, when the server offers no TLS; None where plain text may do."""
    if settings.ssl_mode in ("DISABLED", "PREFERRED"):
        return None
    return pymysql.err.OperationalError(
        2026, f"the server offers no TLS, and ssl_mode is {settings.ssl_mode}"
    )


def errno_of(error: BaseException) -> int:
    """The number of a driver's exception; those without one mean a lost connection."""
    reason = getattr(error, "original_exception", None) or error.__cause__
    if isinstance(reason, ssl.SSLError) or isinstance(error, ssl.SSLError):
        return 2026
    number = error.args[0] if error.args else None
    if isinstance(error, pymysql.err.Error) and isinstance(number, int) and number:
        return number
    if isinstance(error, pymysql.err.InterfaceError):
        return 2006  # closed before anything was sent
    return 2013


def translate(error: BaseException, spec: QuerySpec, *, connecting: bool = False) -> EventflowDBError:
    """The error of a query for a driver's exception, which becomes its cause.

    The cause comes without its traceback, whose frames hold arguments, and without the server's message
    where that may quote a value.
    """
    errno = errno_of(error)
    found = meaning(errno)
    kind, text = found.error, found.text
    if errno in spec.conflicts:
        kind, text = MEANINGS[1213].error, MEANINGS[1213].text
    elif connecting and kind in (EventflowDBError, OutcomeUnknownError):
        kind, text = UnavailableError, "could not connect"
    elif kind is OutcomeUnknownError and not spec.writes:
        kind = UnavailableError
    translated = spec.error(kind, text, errno)
    secret = found.quotes or spec.name.startswith("certificate.")
    translated.__cause__ = _quieted(error, errno, secret and not connecting)
    return translated


def _quieted(error: BaseException, errno: int, secret: bool) -> BaseException:
    if secret:
        kind: type[BaseException] = (
            type(error) if isinstance(error, pymysql.err.Error) else pymysql.err.OperationalError
        )
        return kind(errno, "the server's message is left out: it may quote a value")
    # PyMySQL keeps the reason of a failed connect in an attribute, its frames with it
    for part in (error, error.__cause__, getattr(error, "original_exception", None)):
        if part is not None:
            part.__traceback__ = part.__context__ = None
    return error
