"""What the two drivers have in common: how a session is set up, and what their exceptions mean."""

from __future__ import annotations

import select
import ssl
import time
from typing import Any, Final

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS

from ..errors import MEANINGS, EventflowDBError, OutcomeUnknownError, UnavailableError, meaning
from ..query import QuerySpec
from ..settings import Settings

SQL_MODE: Final = (
    "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
_SESSION: Final = f"SET NAMES utf8mb4 COLLATE utf8mb4_bin, time_zone = '+00:00', sql_mode = '{SQL_MODE}'"
FACTS: Final = (
    b"SELECT @@SESSION.max_allowed_packet, @@innodb_rollback_on_timeout,"
    b" CONCAT_WS('/', @@hostname, @@port, @@server_id)"
)
"""What a connection asks when it opens: the longest statement, what 1205 undoes, and which server this is."""
UPTIME: Final = b"SHOW GLOBAL STATUS LIKE 'Uptime'"
_PLAIN_METHODS: Final = (b"mysql_clear_password", b"dialog", b"mysql_old_password")


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


def check_greeting(connection: Any, settings: Settings, wants_tls: bool) -> bool:
    """Whether TLS follows the server's greeting; raises, before any credential is sent, where it must and cannot."""
    capabilities = connection.server_capabilities
    if not capabilities & CLIENT.PLUGIN_AUTH:  # what follows would be the authentication of MySQL 4
        raise pymysql.err.OperationalError(2059, "the server offers no authentication of this century")
    if wants_tls and capabilities & CLIENT.SSL:
        return True
    if settings.ssl_mode not in ("DISABLED", "PREFERRED"):
        raise pymysql.err.OperationalError(2026, f"the server offers no TLS, and ssl_mode is {settings.ssl_mode}")
    return False


def check_method(connection: Any, method: bytes) -> None:
    """Refuse to send the password as it is, or as good as that, over a connection that anyone may read."""
    if method in _PLAIN_METHODS and not connection._secure:
        raise pymysql.err.OperationalError(2061, f"the server asks for {method.decode()} without TLS")


class CommonChannel:
    """What is known of a connection that statements are sent through."""

    def __init__(self, connection: Any, settings: Settings | None, scope: object) -> None:
        self.connection = connection
        self.settings = settings
        """None where the connection is a caller's."""
        self.scope = scope
        """Who may use it."""
        self.opened = self.used = time.monotonic()
        self.packet_limit: int | None = None
        self.read_timeout = settings.read_timeout if settings else None
        self.gave_up = False
        """Whether the server may still be at a statement whose reply was not waited for."""
        self.rolls_back_on_timeout = False
        """Whether 1205 undoes the whole transaction: the server's innodb_rollback_on_timeout."""
        self._server = ""
        self._poll: select.poll | None = None

    @property
    def escapes_backslashes(self) -> bool:
        """Whether a backslash in a literal escapes, as our literals have it."""
        return not self.connection.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES

    @property
    def is_autocommitting(self) -> bool:
        """Whether each statement is a transaction of its own."""
        status = self.connection.server_status
        return (
            bool(status & SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT) and not status & SERVER_STATUS.SERVER_STATUS_IN_TRANS
        )


def errno_of(error: BaseException, *, connecting: bool = False) -> int:
    """The number of a driver's exception; those without one mean a lost connection."""
    number = error.args[0] if error.args else None
    if connecting:
        reason = getattr(error, "original_exception", None) or error.__cause__
        if isinstance(error, ssl.SSLError) or isinstance(reason, ssl.SSLError):
            return 2026
        if isinstance(error, OSError):
            return 2003
    if isinstance(error, pymysql.err.Error) and isinstance(number, int) and number:
        return number
    if isinstance(error, pymysql.err.InterfaceError):
        return 2006  # closed before anything was sent
    return 2013


def translate(error: BaseException, spec: QuerySpec, *, connecting: bool = False) -> EventflowDBError:
    """The error of a query for a driver's exception, which becomes its cause.

    The cause is a copy: without its traceback, whose frames hold arguments, and without the server's message
    where that may quote a value.
    """
    errno = errno_of(error, connecting=connecting)
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
    ours = isinstance(error, pymysql.err.Error)
    if secret:
        text = "the server's message is left out: it may quote a value"
    elif ours or isinstance(error, OSError):
        text = str(error.args[-1]) if error.args else type(error).__name__
        reason = error.__cause__
        if isinstance(reason, OSError):
            text = f"{text} ({reason})"
    else:
        text = type(error).__name__  # such as UnicodeDecodeError, which holds what it could not decode
    kind: type[BaseException] = type(error) if ours else pymysql.err.OperationalError
    return kind(errno, text)
