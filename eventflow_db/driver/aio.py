"""The asyncio driver, aiomysql: connections, raw results, and what waits in tasks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, TypeAlias, TypeVar

import aiomysql.connection
import pymysql.err
from pymysql.constants import CLIENT, COMMAND

from ..errors import LOST
from ..query import QuerySpec
from ..query.rows import Result, parse_rows
from ..settings import Settings
from .reply import LONGEST, Reply, packet, read_ok
from .setup import FACTS, UPTIME, CommonChannel, check_greeting, check_method, session_statement, wire_password

T = TypeVar("T")
sleep = asyncio.sleep
RawConnection: TypeAlias = aiomysql.connection.Connection
Job: TypeAlias = "asyncio.Task[None]"

_CHUNK: Final = 1 << 18
"""Bytes to read at the most at a time."""
_inherited: Final[list[Any]] = []
"""The parent's, in a forked child: collected, they would take the parent's sockets off the epoll that both share."""


def scope() -> tuple[int, asyncio.AbstractEventLoop]:
    """Who may use a connection: this process and event loop."""
    return os.getpid(), asyncio.get_running_loop()


def task() -> object:
    """Who is running."""
    return asyncio.current_task()


def spawn(work: Callable[[], Coroutine[Any, Any, None]]) -> Job:
    """Do something beside, without waiting for it. RuntimeError where nothing can be started any more."""
    asyncio.get_running_loop()
    return asyncio.create_task(work())


async def settle(job: Job, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    await asyncio.wait({job}, timeout=timeout)


class Waiter(Generic[T]):
    """One task that waits for a thing another one gives."""

    def __init__(self) -> None:
        self._given = asyncio.Event()
        self.item: T | None = None

    def give(self, item: T | None) -> None:
        """Wake the task that waits."""
        self.item = item
        self._given.set()

    async def wait(self, timeout: float) -> bool:
        """False when nothing was given within the timeout, in seconds."""
        try:
            async with asyncio.timeout(max(timeout, 0)):
                return await self._given.wait()
        except TimeoutError:
            return self._given.is_set()


class _Connection(RawConnection):  # type: ignore[misc]
    """aiomysql's connection, with TLS as ssl_mode says, one statement at a time, and time limits."""

    read_limit: float | None
    _reader: Any
    _writer: Any
    _ssl_context: ssl.SSLContext | None

    def __init__(self, settings: Settings, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self.read_limit = None
        super().__init__(
            host=settings.host, port=settings.port, unix_socket=settings.socket_path, user=settings.user,
            password=wire_password(settings.password), db=settings.database, charset="utf8mb4",
            client_flag=CLIENT.FOUND_ROWS, autocommit=None, ssl=context,
        )  # fmt: skip
        self.client_flag &= ~CLIENT.MULTI_STATEMENTS  # which aiomysql forces on

    async def _get_server_information(self) -> None:
        await super()._get_server_information()
        if not check_greeting(self, self._settings, self._ssl_context is not None):
            self._ssl_context = None
            self.client_flag &= ~CLIENT.SSL
            check_method(self, self._server_auth_plugin.encode())

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        check_method(self, plugin_name)
        return await super()._process_auth(plugin_name, auth_packet)

    async def _read_bytes(self, num_bytes: int) -> bytes:
        # what has arrived already needs no timer, which costs more than the reading
        if self.read_limit is None or len(self._reader._buffer) >= num_bytes:
            return bytes(await super()._read_bytes(num_bytes))
        try:
            async with asyncio.timeout(self.read_limit):
                return bytes(await super()._read_bytes(num_bytes))
        except TimeoutError:
            self.close()
            raise

    def close(self) -> None:
        """Close at once: TLS's farewell would wait for a server that may be busy, or gone."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class Channel(CommonChannel):
    """A connection that statements are sent through: one of ours, or one that a caller handed in."""

    scope: tuple[int, asyncio.AbstractEventLoop]

    def __init__(self, connection: Any, settings: Settings | None = None) -> None:
        super().__init__(connection, settings, scope())
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, settings: Settings, context: ssl.SSLContext | None) -> Channel:
        """Connect, authenticate and set the session up, all within connect_timeout."""
        connection = _Connection(settings, context)
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await connection._connect()
                channel = cls(connection, settings)
                await channel.send(session_statement(settings, connection.server_version))
                facts = await channel.send(FACTS)
        except BaseException:
            connection.close()
            raise
        channel.packet_limit, channel.rolls_back_on_timeout, channel._server = next(
            parse_rows(facts.rows, (int, lambda flag: flag == b"1", bytes.decode))
        )
        return channel

    @property
    def is_open(self) -> bool:
        """Whether the driver still holds a socket."""
        return self.connection._writer is not None

    @property
    def is_quiet(self) -> bool:
        """False when unread bytes wait, or the end: the server has said something unasked, such as goodbye."""
        reader, writer = self.connection._reader, self.connection._writer
        if reader is None or reader._buffer or reader._eof or reader._exception or writer.transport.is_closing():
            return False
        if self._poll is None:  # for what the loop has not come round to reading
            self._poll = select.poll()
            self._poll.register(writer.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def run_query(self, statement: bytes, spec: QuerySpec) -> Awaitable[Result]:
        """Send the statement of a query, within its time limit."""
        if self.settings is not None:
            self.connection.read_limit = self.settings.ddl_timeout if spec.unhurried else self.read_timeout
        if self.packet_limit is not None and len(statement) >= self.packet_limit:
            # the server would close the connection, and the lost connection invite to send it again
            raise pymysql.err.DataError(1153, "larger than max_allowed_packet, not sent")
        return self.send(statement)

    async def send(self, statement: bytes) -> Result:
        """Send a statement and read its result."""
        connection = self.connection
        if connection._writer is None or self.settings is None or len(statement) > LONGEST:
            # it is closed, or a caller's, or several packets are needed
            await connection._execute_command(COMMAND.COM_QUERY, statement)
        else:
            connection._writer.write(packet(statement))
        reader = connection._reader
        try:
            data = await self._read(reader)
            if (found := read_ok(data)) is None:
                reply = Reply()
                while not reply.feed(data):
                    data = await self._read(reader)
                found = reply.result, reply.status
        except pymysql.err.MySQLError as error:
            if error.args[0] in LOST:
                self.abandon()
            raise
        except asyncio.CancelledError:
            connection._close_on_cancel()  # its reply would meet the next user
            raise
        result, connection.server_status = found
        self.used = time.monotonic()
        return result

    async def _read(self, reader: Any) -> bytes:
        limit = getattr(self.connection, "read_limit", None)
        try:
            if limit is not None:
                self._watch(limit)
            data = await reader.read(_CHUNK)
        except (OSError, TimeoutError) as error:
            self.gave_up = isinstance(error, TimeoutError)
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None
        finally:
            self._deadline = None
        if not data:
            raise pymysql.err.OperationalError(2013, "lost connection during query")
        return bytes(data)

    def _watch(self, limit: float) -> None:
        """End the next wait for the server after so many seconds. One timer serves many statements."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + limit
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        reader = self.connection._reader
        if self._deadline is None or reader is None:
            return  # nobody waits
        left = self._deadline - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left)
        else:
            reader.set_exception(TimeoutError("no answer in time"))

    async def ping(self) -> None:
        """Have the server answer, within connect_timeout."""
        if self.settings is not None:
            self.connection.read_limit = self.settings.connect_timeout
        await self.connection.ping(reconnect=False)
        self.used = time.monotonic()

    async def end_statement(self, other: Channel) -> None:
        """End the statement that the server may still be at for another connection, within connect_timeout.

        Not where this is another server, or one that was restarted: its number would be someone else's now.
        """
        assert self.settings is not None
        self.connection.read_limit = self.settings.connect_timeout
        thread = other.connection.thread_id()
        (_, uptime), *_ = parse_rows((await self.send(UPTIME)).rows, (bytes.decode, int))
        restarted = uptime + 1 < time.monotonic() - other.opened or self.connection.thread_id() < thread
        if self._server == other._server and not restarted:
            try:
                await self.send(b"KILL QUERY %d" % thread)
            except pymysql.err.MySQLError as error:
                if error.args[0] != 1094:  # it has gone
                    raise

    async def close(self) -> None:
        """Say goodbye and close."""
        writer = self.connection._writer
        if writer is None:
            return
        with contextlib.suppress(OSError, RuntimeError):
            await self.connection.ensure_closed()
            async with asyncio.timeout(1):  # TLS says goodbye in its turn, which must not outlive the loop
                await writer.wait_closed()
        writer.transport.abort()

    def abandon(self) -> None:
        """Close without a word; in a forked process or after its loop ended, just let go."""
        connection = self.connection
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if connection._writer is not None and self.scope == _current_scope():
            connection._writer.transport.abort()  # waits for nothing, unlike close()
        elif self.scope[0] != os.getpid():
            _inherited.append(connection._writer)
        connection._reader = connection._writer = None

    cut = abandon  # while a task is using it, too


def _current_scope() -> object:
    try:
        return scope()
    except RuntimeError:  # no loop runs
        return None
