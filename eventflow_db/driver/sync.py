"""The synchronous driver, PyMySQL: connections, raw results, and what waits in threads."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ssl import SSLContext
from typing import Any, Final, Generic, TypeAlias, TypeVar

import pymysql.connections
import pymysql.err
from pymysql.constants import CLIENT, COMMAND

from ..errors import LOST
from ..query import QuerySpec
from ..query.rows import Result, parse_rows
from ..settings import Settings
from .reply import LONGEST, Reply, packet, read_ok
from .setup import FACTS, UPTIME, CommonChannel, check_greeting, check_method, session_statement, wire_password

T = TypeVar("T")
sleep = time.sleep

RawConnection: TypeAlias = pymysql.connections.Connection
Job: TypeAlias = threading.Thread

_FIRST: Final = 1 << 14
"""Bytes to read at the most at first: room for more costs more than reading most replies."""
_CHUNK: Final = 1 << 18
"""The same for the rest of a long reply."""


def scope() -> object:
    """Who may use a connection: this process, not one that it forked from."""
    return os.getpid()


def task() -> object:
    """Who is running."""
    return threading.get_ident()


def spawn(work: Callable[[], None]) -> Job:
    """Do something beside, without waiting for it. RuntimeError where nothing can be started any more."""
    thread = threading.Thread(target=work, name="eventflow-db")
    thread.start()
    return thread


def settle(job: Job, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    job.join(timeout)


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
    """PyMySQL's connection, with TLS as ssl_mode says, and one time limit for all of a handshake."""

    ssl: bool
    _write_timeout: float | None

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
        """A socket to the server, within the time limit however many addresses its name has."""
        addresses: Sequence[tuple[Any, ...]]
        if self.unix_socket:
            self._secure = True
            addresses = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", self.unix_socket)]
        else:
            addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        failure = OSError("its name has no address")
        for family, kind, protocol, _, address in addresses:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self.left())
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                if not self.unix_socket:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return sock
        raise failure

    def _get_server_information(self) -> None:
        super()._get_server_information()
        if not check_greeting(self, self._settings, self.ssl):
            self.ssl = False
            self.client_flag &= ~CLIENT.SSL

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        check_method(self, plugin_name)
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
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        return data

    def _write_bytes(self, data: bytes) -> None:
        if self._deadline is not None:
            self._write_timeout = self.left()
        super()._write_bytes(data)


class Channel(CommonChannel):
    """A connection that statements are sent through: one of ours, or one that a caller handed in."""

    def __init__(self, connection: Any, settings: Settings | None = None) -> None:
        super().__init__(connection, settings, scope())

    @classmethod
    def open(cls, settings: Settings, context: SSLContext | None) -> Channel:
        """Connect, authenticate and set the session up, all within connect_timeout."""
        connection = _Connection(settings, context)
        try:
            with connection.within(settings.connect_timeout):
                connection.connect(connection.dial())
                channel = cls(connection, settings)
                connection._read_timeout = connection.left()
                channel.send(session_statement(settings, connection.server_version))
                connection._read_timeout = connection.left()
                facts = channel.send(FACTS)
        except BaseException:
            connection._force_close()
            raise
        channel.packet_limit, channel.rolls_back_on_timeout, channel._server = next(
            parse_rows(facts.rows, (int, lambda flag: flag == b"1", bytes.decode))
        )
        return channel

    @property
    def is_open(self) -> bool:
        """Whether the driver still holds a socket."""
        return self.connection._sock is not None

    @property
    def is_quiet(self) -> bool:
        """False when unread bytes wait, or the end: the server has said something unasked, such as goodbye."""
        sock = self.connection._sock
        if sock is None:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)
        return not self._poll.poll(0)

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
        try:
            self._write(statement)
            data = self._read(_FIRST)
            if (found := read_ok(data)) is None:
                reply = Reply()
                while not reply.feed(data):
                    data = self._read(_CHUNK)
                found = reply.result, reply.status
        except pymysql.err.MySQLError as error:
            if error.args[0] in LOST:
                self.abandon()
            raise
        result, connection.server_status = found
        self.used = time.monotonic()
        return result

    def _write(self, statement: bytes) -> None:
        connection = self.connection
        sock, limit = connection._sock, connection._read_timeout
        plain = sock is not None and self.settings is not None and len(statement) <= LONGEST
        if not plain:  # it is closed, or a caller's, or several packets are needed
            connection._execute_command(COMMAND.COM_QUERY, statement)
        if sock.gettimeout() != limit:
            sock.settimeout(limit)
            connection._current_timeout = limit
        if plain:
            try:
                sock.sendall(packet(statement))
            except OSError as error:
                connection._force_close()
                raise pymysql.err.OperationalError(2006, f"the connection was closed ({error})") from None

    def _read(self, size: int) -> bytes:
        try:
            # past the driver's buffered file, which is empty between replies
            data: bytes = self.connection._sock.recv(size)
        except OSError as error:
            self.gave_up = isinstance(error, TimeoutError)
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        if not data:
            raise pymysql.err.OperationalError(2013, "lost connection during query")
        return data

    def ping(self) -> None:
        """Have the server answer, within connect_timeout."""
        limit = contextlib.nullcontext()
        if self.settings is not None:
            limit = self.connection.within(self.settings.connect_timeout)
        with limit:
            self.connection.ping(reconnect=False)
        self.used = time.monotonic()

    def end_statement(self, other: Channel) -> None:
        """End the statement that the server may still be at for another connection, within connect_timeout.

        Not where this is another server, or one that was restarted: its number would be someone else's now.
        """
        assert self.settings is not None
        self.connection._read_timeout = self.settings.connect_timeout
        thread = other.connection.thread_id()
        (_, uptime), *_ = parse_rows(self.send(UPTIME).rows, (bytes.decode, int))
        restarted = uptime + 1 < time.monotonic() - other.opened or self.connection.thread_id() < thread
        if self._server == other._server and not restarted:
            try:
                self.send(b"KILL QUERY %d" % thread)
            except pymysql.err.MySQLError as error:
                if error.args[0] != 1094:  # it has gone
                    raise

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

    def cut(self) -> None:
        """Close while a thread is using it: that one meets the end of the connection."""
        with contextlib.suppress(OSError, AttributeError):
            socket.socket.shutdown(self.connection._sock, socket.SHUT_RDWR)  # TLS's own would wait
