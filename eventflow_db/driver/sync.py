"""The synchronous driver, PyMySQL: one connection, its handshake, statements and replies as bytes."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from ssl import SSLContext
from typing import Any, Final, TypeAlias

import pymysql.connections
import pymysql.err
from pymysql.constants import CLIENT, COMMAND
from pymysql.protocol import FieldDescriptorPacket

from ..foreign import ignoring, is_foreign
from ..settings import Settings
from .connected import Addresses, Connected, Mark, look_up, set_options
from .reply import LONGEST, packet
from .setup import PasswordGuard, check_greeting, check_method, wire_password
from .waiting import Waiter, owner

RawConnection: TypeAlias = pymysql.connections.Connection

_FIRST: Final = 1 << 14
"""Bytes to read at the most at first: room for more costs more than reading most replies."""
_QUIT: Final = b"\1\0\0\0\1"
_CHUNK: Final = 1 << 18
"""The same for the rest of a long reply."""


class _Connection(PasswordGuard, RawConnection):  # type: ignore[misc]
    """PyMySQL's connection, with TLS as ssl_mode says, and one time limit for all of a handshake."""

    ssl: bool
    _write_timeout: float | None
    _sock: Any
    _rfile: Any
    first_reader: Any = None

    def __init__(self, settings: Settings, context: SSLContext | None) -> None:
        self._settings = settings
        self._deadline: float | None = None
        super().__init__(
            host=settings.host, port=settings.port, unix_socket=settings.socket_path, user=settings.user,
            password=wire_password(settings.password), database=settings.database, charset="utf8mb4",
            client_flag=CLIENT.FOUND_ROWS, autocommit=None, ssl=context, ssl_disabled=context is None,
            connect_timeout=settings.connect_timeout, write_timeout=settings.read_timeout, defer_connect=True,
        )  # fmt: skip

    @contextlib.contextmanager
    def within(self, timeout: float) -> Iterator[None]:
        """Time limit in seconds, for everything in the block."""
        write_timeout = self._write_timeout
        self._deadline = time.monotonic() + timeout
        self._read_timeout = timeout
        try:
            yield
        finally:
            self._deadline, self._write_timeout = None, write_timeout

    def left(self) -> float:
        """Seconds that are left of the time limit."""
        assert self._deadline is not None
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError("timed out")
        return left

    def dial(self) -> socket.socket:
        """A socket to the server, within the time limit, of which each address of its name gets a share."""
        addresses = self.addresses()
        failure = OSError("its name has no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            share = self.left() / (len(addresses) - number)
            try:
                # fails for a family that this machine does without
                sock = socket.socket(family, kind, protocol)
                try:
                    sock.settimeout(share)
                    sock.connect(address)
                    if not self.unix_socket:
                        set_options(sock)
                    return sock
                except BaseException:
                    sock.close()
                    raise
            except OSError as error:
                if is_foreign(error):
                    raise
                failure = error
        raise failure

    def addresses(self) -> Addresses:
        """What its name stands for."""
        if self.unix_socket:
            self._secure = True
            return [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", self.unix_socket)]
        waiter = Waiter[Addresses | Exception]()
        look_up(self.host, self.port, waiter.give)
        found = waiter.wait(self.left())
        if found is None:
            raise TimeoutError("the look-up of its name takes too long")
        if isinstance(found, Exception):
            raise found
        return found

    def peer(self) -> Any:
        """The address of the server, as the socket has it."""
        return self._sock.getpeername()

    def _get_server_information(self) -> None:
        super()._get_server_information()
        # kept until the end: TLS puts another one in its place, and collecting it takes steps for a signal to come at
        self.first_reader = self._rfile
        if not check_greeting(self, self._settings, self.ssl):
            self.ssl = False
            self.client_flag &= ~CLIENT.SSL

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        check_method(plugin_name, self._secure)
        return super()._process_auth(plugin_name, auth_packet, handler)

    def _read_bytes(self, num_bytes: int) -> bytes:
        data = b""
        try:
            while len(data) < num_bytes:
                self._sock.settimeout(self.left())
                if not (more := self._rfile.read1(num_bytes - len(data))):
                    raise OSError("the server closed it")
                data += more
        except OSError as error:
            self._force_close()
            if is_foreign(error):
                raise
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        return data

    def _write_bytes(self, data: bytes) -> None:
        if self._deadline is not None:
            self._write_timeout = self.left()
        self._sock.settimeout(self._write_timeout)
        self._current_timeout = self._write_timeout
        try:
            self._sock.sendall(data)
        except OSError as error:
            self._force_close()
            if is_foreign(error):
                raise
            raise pymysql.err.OperationalError(2006, f"the connection was closed ({error})") from None

    def _force_close(self) -> None:
        """Close the socket. PyMySQL's own swallows whatever comes meanwhile, a signal handler's exception too."""
        things = (self._rfile, self.first_reader, self._sock)
        self._rfile = self.first_reader = self._sock = None
        for thing in things:
            if thing is not None:
                with ignoring(OSError):
                    thing.close()

    __del__ = _force_close


class Transport(Connected):
    """What statements are sent through: a connection of ours, or one that a caller handed in."""

    def __init__(self, connection: RawConnection, settings: Settings | None = None) -> None:
        super().__init__(connection, settings)
        self.owner = owner()
        """Who may use it."""

    @staticmethod
    def connection_of(settings: Settings, context: SSLContext | None) -> RawConnection:
        """A connection that is not open yet."""
        return _Connection(settings, context)

    def connect(self) -> None:
        """Connect and authenticate, within the time limit of `within`."""
        try:
            self.connection.connect(self.connection.dial())
            return
        except pymysql.err.OperationalError as error:
            original = getattr(error, "original_exception", None)
            if original is None or not is_foreign(original):
                raise
        raise original

    def within(self, timeout: float) -> contextlib.AbstractContextManager[None]:
        """Time limit in seconds, for everything in the block, on a connection of ours."""
        limit: contextlib.AbstractContextManager[None] = self.connection.within(timeout)
        return limit

    @property
    def is_open(self) -> bool:
        """Whether the driver still holds a socket."""
        return self.connection._sock is not None

    @property
    def is_quiet(self) -> bool:
        """False when unread bytes wait, or the end: the server has said something unasked, such as that it closes."""
        sock = self.connection._sock
        if sock is None:
            return False
        return not self._has_input(sock.fileno())

    def mark(self) -> None:
        """Note that a caller's connection is as it is now: whatever its caller does takes the mark off."""
        if not self.is_untouched:
            self._mark = self.connection._result = Mark(self.connection._result)

    @property
    def is_untouched(self) -> bool:
        """Whether a caller's connection is still as it was marked."""
        return self._mark is not None and self.connection._result is self._mark

    def limit(self, timeout: float | None) -> None:
        """Seconds that each reply of a connection of ours is waited for from now on."""
        self.connection._read_timeout = timeout

    def write(self, statement: bytes) -> None:
        """Send a statement."""
        connection = self.connection
        sock, result = connection._sock, connection._result
        if self.settings is not None and connection._deadline is not None:
            connection._read_timeout = connection.left()
        limit = connection._read_timeout
        # what is closed, takes several packets, or comes behind a result that is still read, is the driver's to send
        plain = sock is not None and len(statement) <= LONGEST
        plain = plain and (result is None or not (result.unbuffered_active or result.has_next))
        if not plain:
            connection._execute_command(COMMAND.COM_QUERY, statement)
        if sock.gettimeout() != limit:
            sock.settimeout(limit)
            connection._current_timeout = limit
        if plain:
            try:
                sock.sendall(packet(statement))
            except OSError as error:
                if is_foreign(error):
                    raise
                connection._force_close()
                raise pymysql.err.OperationalError(2006, f"the connection was closed ({error})") from None

    def read(self, *, more: bool = False) -> bytes:
        """Some bytes of the reply, or more of them."""
        try:
            if more and self.settings is not None and self.connection._deadline is not None:
                # the limit is for the whole of a reply
                self.connection._sock.settimeout(self.connection.left())
            # past the driver's buffered file, which is empty between replies
            data: bytes = self.connection._sock.recv(_CHUNK if more else _FIRST)
        except OSError as error:
            if is_foreign(error):
                raise
            self.gave_up = isinstance(error, TimeoutError)
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        if not data:
            raise pymysql.err.OperationalError(2013, "lost connection during query")
        return data

    def prepare(self, statement: bytes, timeout: float) -> tuple[int, list[FieldDescriptorPacket]]:
        """Have the server prepare a statement, and forget it; gives how many parameters, and the result's columns.

        https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html
        """
        connection = self.connection
        with self.within(timeout):
            connection._execute_command(COMMAND.COM_STMT_PREPARE, statement)
            answer = connection._read_packet().get_all_data()
            _, number, width, parameters = struct.unpack_from("<BIHH", answer)
            # the definitions of each, and what ends them
            for _ in range(parameters + bool(parameters)):
                connection._read_packet()
            fields = [connection._read_packet(FieldDescriptorPacket) for _ in range(width)]
            if width:
                connection._read_packet()
            connection._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", number))
        return parameters, fields

    def close(self) -> None:
        """Close in order."""
        if self.is_open:
            with ignoring(OSError):
                self.connection._sock.settimeout(1)
                self.connection._sock.sendall(_QUIT)
            self.connection._force_close()

    def abort(self) -> None:
        """Close without a word; in a forked process, just let go."""
        if self.is_open and self.owner == os.getpid():
            with ignoring(OSError):
                # wakes a thread that reads from it
                self.connection._sock.shutdown(socket.SHUT_RDWR)
        self.connection._force_close()

    def abort_in_use(self) -> None:
        """Close while another thread is using it: that one meets the end of the connection."""
        sock = self.connection._sock
        if sock is not None:
            with ignoring(OSError):
                # TLS's own would wait
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
