"""How a session is set up: what a connection is opened with, says first, and refuses of a server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

import pymysql
from pymysql.constants import CLIENT

from ..query.parameters import NO_LIMIT
from ..records import SessionVariables
from ..settings import Settings

SQL_MODE: Final = (
    "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
_SESSION: Final = (
    f"SET NAMES utf8mb4 COLLATE utf8mb4_bin, time_zone = '+00:00', sql_mode = '{SQL_MODE}', "
    # with CHAIN, a COMMIT begins the next transaction
    "completion_type = 0, foreign_key_checks = 1, unique_checks = 1, "
    # these refuse statements, or leave rows out of results
    f"sql_safe_updates = 0, sql_select_limit = {NO_LIMIT}, sql_big_selects = 1, sql_auto_is_null = 0"
    # on MariaDB alone, where a constraint keeps JSON what it is
    " /*M! , check_constraint_checks = 1 */"
)
"""Whatever the meaning of a statement depends on, for a server may have any defaults."""
_OTHER_SQL: Final = {
    "ANSI_QUOTES", "EMPTY_STRING_IS_NULL", "HIGH_NOT_PRECEDENCE", "NO_BACKSLASH_ESCAPES", "ORACLE",
    "PAD_CHAR_TO_FULL_LENGTH", "PIPES_AS_CONCAT",
}  # fmt: skip
"""Modes in which a statement means something else."""
_UTC: Final = ("+00:00", "UTC", "Etc/UTC")
_PLAIN_METHODS: Final = (b"mysql_clear_password", b"dialog", b"mysql_old_password")


def connection_arguments() -> dict[str, Any]:
    """Keywords for `pymysql.connect` or `aiomysql.connect`, so that `from_connection` takes the connection.

    Updates count the rows that they match, the session is in UTC, strict, and talks utf8mb4.
    """
    return {"client_flag": CLIENT.FOUND_ROWS, "charset": "utf8mb4", "init_command": _SESSION}


def session_statements(settings: Settings) -> tuple[bytes, bytes]:
    """What every connection of ours begins with."""
    locks = f"innodb_lock_wait_timeout = {settings.lock_wait_timeout}, lock_wait_timeout = {settings.lock_wait_timeout}"
    consistency = ""
    if settings.consistency is not None:
        waits = 0 if settings.consistency in ("EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER") else 7
        consistency = (
            f" /*!80014 , group_replication_consistency = '{settings.consistency}' */"
            f" /*M! , wsrep_sync_wait = {waits} */"
        )
    # by statement, because servers and what stands before them disagree on the variable's name
    isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
    return f"{_SESSION}, autocommit = 1, {locks}{consistency}".encode(), isolation.encode()


def session_problems(variables: SessionVariables) -> list[str]:
    """What is wrong with the session of a caller's connection."""
    modes = set(variables.sql_mode.split(","))
    charsets = {variables.character_set_client, variables.character_set_connection, variables.character_set_results}
    wrong = {
        "its session is not in UTC": variables.time_zone not in _UTC,
        "its session does not talk utf8mb4": charsets != {"utf8mb4"},
        "its sql_mode is not strict": not modes & {"STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"},
        f"its sql_mode has {', '.join(sorted(modes & _OTHER_SQL))}": modes & _OTHER_SQL,
        "its session does not check foreign keys": not variables.foreign_key_checks,
        "its session does not check unique keys": not variables.unique_checks,
        "its session limits the rows of a SELECT": variables.sql_select_limit < NO_LIMIT,
    }
    return [problem for problem, is_so in wrong.items() if is_so]


def wire_password(password: str) -> str:
    """The password such that the drivers, which encode it as latin-1, send it as UTF-8."""
    return password.encode().decode("latin-1")


def check_greeting(connection: Any, settings: Settings, wants_tls: bool) -> bool:
    """Whether TLS follows the server's greeting; raises, before any credential is sent, where it must and cannot."""
    capabilities = connection.server_capabilities
    if not capabilities & CLIENT.PLUGIN_AUTH:
        # what follows would be the authentication of MySQL 4
        raise pymysql.err.OperationalError(2059, "the server offers no authentication of this century")
    if wants_tls and capabilities & CLIENT.SSL:
        return True
    if settings.ssl_mode not in ("DISABLED", "PREFERRED"):
        raise pymysql.err.OperationalError(2026, f"the server offers no TLS, and ssl_mode is {settings.ssl_mode}")
    return False


def check_method(method: bytes, secure: bool) -> None:
    """Refuse to send the password as it is, or as good as that, over a connection that anyone may read."""
    if method in _PLAIN_METHODS and not secure:
        raise pymysql.err.OperationalError(2061, f"the server asks for {method.decode()} without TLS")


class PasswordGuard:
    """A driver's connection that encrypts the password with no key of a server that may be anyone.

    Where a server asks for the password itself ("full authentication"), a driver without TLS encrypts it with the
    key that this server sends, who then has it. As MySQL's own client, ours refuses, unless it is the user's
    word that the network is trusted, or what is sent does not leave the machine.
    """

    _settings: Settings
    _key: bytes | None = None

    @property
    def server_public_key(self) -> bytes | None:
        """The server's key, which a driver looks at before it asks for one, and before it uses it."""
        if self._settings.password and self._settings.ssl_mode != "DISABLED" and not self.is_local():
            raise pymysql.err.OperationalError(2061, "the server asks for the password without TLS")
        return self._key

    @server_public_key.setter
    def server_public_key(self, key: bytes | None) -> None:
        self._key = key

    def peer(self) -> Any:
        """The address of the server, as the socket has it."""
        raise NotImplementedError

    def is_local(self) -> bool:
        """Whether the server is on this machine, reached by TCP."""
        peer = self.peer()
        return isinstance(peer, tuple) and ip_address(peer[0]).is_loopback
