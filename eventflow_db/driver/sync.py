"""The synchronous driver, PyMySQL: connections, raw results, and what waits in threads."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from ssl import SSLContext
from typing import Any, Final, Generic, TypeAlias, TypeVar

import pymysql.connections
import pymysql.err
from pymysql.constants import CLIENT, COMMAND, SERVER_STATUS

from ..errors import LOST
from ..queries import QuerySpec
from ..rows import Result, parse_rows
from ..settings import Settings
from . import refuse_plain_text, session_statement, wire_password
from .reply import Reply

T = TypeVar("T")
sleep = time.sleep

RawConnection: TypeAlias = pymysql.connections.Connection

_CHUNK: Final = 1 << 18
"""Bytes to read at the most at a time."""


def scope() -> object:
    """Who may use a connection: this process, not one that it forked from."""
    return os.getpid()


def task() -> object:
    """Who is running."""
    return threading.get_ident()


class Waiter(Generic[T]):
    """One thread that waits for a thing another one gives."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self.item: T | None = None

    def give(self, item: T | None) -> None:
        """Wake the thread that waits."""
        self.item = item
        self._given.set()

    def wait(self, timeout: float) -> bool:
        """False when nothing was given within the timeout, in seconds."""
        return self._given.wait(max(timeout, 0))


class _Connection(RawConnection):  # type: ignore[misc]
    """PyMySQL's connection, with TLS as ssl_mode says."""

    ssl: bool

    def __init__(self, settings: Settings, context: SSLContext | None) -> None:
        self._settings = settings
        super().__init__(
            host=settings.host, port=settings.port, unix_socket=settings.socket_path, user=settings.user,
            password=wire_password(settings.password), database=settings.database, charset="utf8mb4",
            client_flag=CLIENT.FOUND_ROWS, autocommit=None, ssl=context, ssl_disabled=context is None,
            connect_timeout=settings.connect_timeout, read_timeout=settings.connect_timeout,
            write_timeout=settings.read_timeout, defer_connect=True,
        )  # fmt: skip

    def _get_server_information(self) -> None:
        super()._get_server_information()
        if self.ssl and not self.server_capabilities & CLIENT.SSL:
            if refusal := refuse_plain_text(self._settings):
                raise refusal
            self.ssl = False
            self.client_flag &= ~CLIENT.SSL


class Channel:
    """A connection that statements are sent through: one of ours, or one that a caller handed in."""

    def __init__(self, connection: Any, settings: Settings | None = None) -> None:
        self.connection = connection
        self.scope = scope()
        self.used = time.monotonic()
        self.packet_limit: int | None = None
        self.settings = settings
        self.read_timeout = settings.read_timeout if settings else None

    @classmethod
    def open(cls, settings: Settings, context: SSLContext | None) -> Channel:
        """Connect, authenticate and set the session up, all within connect_timeout."""
        connection = _Connection(settings, context)
        try:
            connection.connect()
            channel = cls(connection, settings)
            channel.send(session_statement(settings, connection.server_version))
            limit = channel.send(b"SELECT @@SESSION.max_allowed_packet")
            channel.packet_limit = next(parse_rows(limit.rows, (int,)))[0]
        except BaseException:
            connection._force_close()
            raise
        return channel

    @property
    def is_open(self) -> bool:
        """Whether the driver still holds a socket."""
        return bool(self.connection.open)

    @property
    def is_quiet(self) -> bool:
        """False when unread bytes wait, or the end: the server has said something unasked, such as goodbye."""
        sock = self.connection._sock
        if sock is None:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return not poll.poll(0)

    @property
    def escapes_backslashes(self) -> bool:
        """Whether a backslash in a literal escapes, as our literals have it."""
        return not self.connection.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES

    @property
    def is_autocommitting(self) -> bool:
        """Whether each statement is a transaction of its own."""
        status = self.connection.server_status
        return (
            bool(status & SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT)
            and not status & SERVER_STATUS.SERVER_STATUS_IN_TRANS
        )

    def run_query(self, statement: bytes, spec: QuerySpec) -> Result:
        """Send the statement of a query, within its time limit."""
        if self.settings is not None:
            self.connection._read_timeout = self.settings.ddl_timeout if spec.unhurried else self.read_timeout
        if self.packet_limit is not None and len(statement) >= self.packet_limit:
            # the server would close the connection, and the lost connection invite to send it again
            raise pymysql.err.DataError(1153, "larger than max_allowed_packet, not sent")
        return self.send(statement)

    def send(self, statement: bytes) -> Result:
        """Send a statement and read its result."""
        connection = self.connection
        connection._execute_command(COMMAND.COM_QUERY, statement)
        sock = connection._sock
        limit = connection._read_timeout
        if sock.gettimeout() != limit:
            sock.settimeout(limit)
            connection._current_timeout = limit
        reply = Reply()
        try:
            while not reply.feed(self._read()):
                pass
        except pymysql.err.MySQLError as error:
            if error.args[0] in LOST:
                self.abandon()
            raise
        connection.server_status = reply.status
        self.used = time.monotonic()
        return reply.result

    def _read(self) -> bytes:
        try:
            data: bytes = self.connection._rfile.read1(_CHUNK)
        except OSError as error:
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        if not data:
            raise pymysql.err.OperationalError(2013, "lost connection during query")
        return data

    def ping(self) -> None:
        """Have the server answer, within read_timeout whatever ran last."""
        self.connection._read_timeout = self.read_timeout
        self.connection.ping(reconnect=False)
        self.used = time.monotonic()

    def close(self) -> None:
        """Say goodbye and close."""
        if self.connection.open:
            self.connection.close()

    def abandon(self) -> None:
        """Close without a word; in a forked process, just let go."""
        if self.is_open and self.scope == scope():
            with contextlib.suppress(OSError):
                self.connection._sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it
        self.connection._force_close()
