"""The asyncio driver, aiomysql: one connection, its handshake, statements and replies as bytes."""

from __future__ import annotations

import asyncio
import os
import socket
import weakref
from ssl import SSLContext
from typing import Any, Final, TypeAlias

import aiomysql.connection
import pymysql.err
from pymysql.constants import CLIENT, COMMAND

from ..foreign import ignoring, is_foreign
from ..settings import Settings
from .connected import Addresses, Connected, Mark, look_up, set_options
from .reply import LONGEST, packet
from .setup import PasswordGuard, check_greeting, check_method, wire_password
from .waiting import aowner

RawConnection: TypeAlias = aiomysql.connection.Connection

_CHUNK: Final = 1 << 18
"""Bytes to read at the most at a time."""
_inherited: Final[list[Any]] = []
"""The parent's, in a forked child: collected, they would take the parent's sockets off the epoll that both share."""


class _Connection(PasswordGuard, RawConnection):  # type: ignore[misc]
    """aiomysql's connection, with TLS as ssl_mode says, one statement at a time, and time limits."""

    read_limit: float | None
    _reader: Any
    _writer: Any
    _ssl_context: SSLContext | None

    def __init__(self, settings: Settings, context: SSLContext | None) -> None:
        self._settings = settings
        self.read_limit = None
        self.until = asyncio.get_running_loop().time() + settings.connect_timeout
        """When what it is at takes too long, by the loop's clock."""
        self._dialled: socket.socket | None = None
        self.is_left = False
        """Whether nobody waits for it any more."""
        self.slot: Any = None
        """What it holds of a pool then."""
        super().__init__(
            host=settings.host, port=settings.port, unix_socket=settings.socket_path, user=settings.user,
            password=wire_password(settings.password), db=settings.database, charset="utf8mb4",
            client_flag=CLIENT.FOUND_ROWS, autocommit=None, ssl=context,
        )  # fmt: skip
        # aiomysql forces it on
        self.client_flag &= ~CLIENT.MULTI_STATEMENTS

    async def establish(self) -> None:
        """Connect and authenticate, within connect_timeout; a connection that `is_left` by then ends in order."""
        try:
            async with asyncio.timeout_at(self.until):
                await self.open_stream()
                self._next_seq_id = 0
                await self._get_server_information()
                await self._request_authentication()
                if self.is_left:
                    await self.ensure_closed()
        except BaseException as error:
            self.close()
            if not (self.is_left and isinstance(error, Exception)):
                raise
        finally:
            if self.slot is not None:
                self.slot.give_back()

    async def open_stream(self) -> None:
        """Open a stream to the server; each address of its name gets a share of the time limit."""
        if self._unix_socket:
            self._secure = True
            self._reader, self._writer = await aiomysql.connection._open_unix_connection(self._unix_socket)
            return
        loop, until = asyncio.get_running_loop(), self.until
        addresses = await self.addresses()
        failure = OSError("its name has no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            self.until = loop.time() + (until - loop.time()) / (len(addresses) - number)
            try:
                # fails for a family that this machine does without
                self._dialled = sock = socket.socket(family, kind, protocol)
                try:
                    sock.setblocking(False)
                    async with asyncio.timeout_at(self.until):
                        await loop.sock_connect(sock, address)
                    self.until = until
                    set_options(sock)
                    self._reader, self._writer = await aiomysql.connection._open_connection(sock=sock)
                    return
                except BaseException:
                    sock.close()
                    raise
            except OSError as error:
                if is_foreign(error):
                    raise
                failure = error
        raise failure

    async def addresses(self) -> Addresses:
        """What its name stands for."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Addresses | Exception] = loop.create_future()

        def wake(found: Addresses | Exception) -> None:
            if not waiter.done():
                waiter.set_result(found)

        def give(found: Addresses | Exception) -> None:
            # unless the loop has ended meanwhile
            with ignoring(RuntimeError):
                loop.call_soon_threadsafe(wake, found)

        look_up(self._host, self._port, give)
        if isinstance(found := await waiter, Exception):
            raise found
        return found

    @property
    def has_begun(self) -> bool:
        """Whether the server knows of it: also before the loop has come round to noticing."""
        try:
            return self._writer is not None or (self._dialled is not None and bool(self._dialled.getpeername()))
        except OSError:
            return False

    def peer(self) -> Any:
        """The address of the server, as the socket has it."""
        return self._writer.get_extra_info("peername")

    async def _get_server_information(self) -> None:
        await super()._get_server_information()
        if not check_greeting(self, self._settings, self._ssl_context is not None):
            self._ssl_context = None
            self.client_flag &= ~CLIENT.SSL
            check_method(self._server_auth_plugin.encode(), self._secure)

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        check_method(plugin_name, self._secure)
        return await super()._process_auth(plugin_name, auth_packet)

    async def _read_bytes(self, num_bytes: int) -> bytes:
        try:
            # what has arrived already needs no timer, which costs more than the reading
            needs_none = self.read_limit is None or len(self._reader._buffer) >= num_bytes
            async with asyncio.timeout(None if needs_none else self.read_limit):
                return bytes(await self._reader.readexactly(num_bytes))
        except (OSError, EOFError) as error:
            self.close()
            if isinstance(error, TimeoutError) or is_foreign(error):
                raise
            raise pymysql.err.OperationalError(2013, f"lost connection during query ({error})") from None

    def close(self) -> None:
        """Close at once: TLS ends in order, which would wait for a server that may be busy, or gone."""
        if self._writer is not None:
            # of a loop that has ended
            with ignoring(RuntimeError):
                self._writer.transport.abort()
        self._reader = self._writer = None

    def __del__(self) -> None:
        """aiomysql's own complains of what close() has not been called for."""
        if getattr(self, "_writer", None) is not None:
            self.close()


def _abort(connection: RawConnection, owner: tuple[int, asyncio.AbstractEventLoop] | None) -> None:
    writer, connection._reader, connection._writer = connection._writer, None, None
    if writer is None:
        return
    if owner is None or owner[0] != os.getpid():
        _inherited.append(writer)
    elif owner == aowner():
        # waits for nothing, unlike close()
        writer.transport.abort()
    elif not owner[1].is_closed():
        # its loop may stand still, or end first
        if (theirs := writer.get_extra_info("socket")) is not None:
            with ignoring(OSError):
                theirs.shutdown(socket.SHUT_RDWR)
        # the writer has to live until then: collected before, it would complain
        owner[1].call_soon_threadsafe(lambda: writer.transport.abort())
    else:
        _close_left_over(writer.transport)


def _close_left_over(transport: Any) -> None:
    """Close what a loop that is closed has left open: it takes on no work, such as to close it."""
    with ignoring(RuntimeError):
        # which marks it as closing, and then fails to tell the loop
        transport.abort()
    if (tls := getattr(transport, "_ssl_protocol", None)) is not None:
        transport = tls._transport
    if (close := getattr(transport, "_call_connection_lost", None)) is not None:
        with ignoring(RuntimeError):
            close(None)


class _Handshake(asyncio.Task[None]):
    """A handshake, which nothing cancels before its time is over.

    The server counts handshakes that break off, and after some of them refuses the host. So what is begun is done,
    though nobody waits for it any more, or the loop is about to end.
    """

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        super().__init__(connection.establish(), loop=asyncio.get_running_loop())
        # an error that nobody waits for is no news, nor is a loop that is closed meanwhile
        self._log_destroy_pending = False
        self.add_done_callback(lambda work: work.cancelled() or work.exception())

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, if its time is over; timers may be early by the clock's resolution."""
        over = not self._connection.has_begun or self.get_loop().time() > self._connection.until - 0.001
        return over and super().cancel(msg)


def _look(reference: weakref.ref[AsyncTransport]) -> None:
    """What the timer does: it does not keep a connection that nobody holds any more."""
    if (transport := reference()) is not None:
        transport.look()


class AsyncTransport(Connected):
    """What statements are sent through: a connection of ours, or one that a caller handed in."""

    def __init__(self, connection: RawConnection, settings: Settings | None = None) -> None:
        super().__init__(connection, settings)
        self.owner = aowner()
        """Who may use it."""
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @staticmethod
    def connection_of(settings: Settings, context: SSLContext | None) -> RawConnection:
        """A connection that is not open yet."""
        return _Connection(settings, context)

    async def connect(self) -> None:
        """Connect and authenticate, within the time limit of `within`.

        Where the caller is cancelled, this goes on in the background, and then closes.
        """
        connection = self.connection
        handshake = _Handshake(connection)
        try:
            await asyncio.wait({handshake})
        except asyncio.CancelledError:
            if not handshake.done() and not handshake.cancel():
                connection.is_left = True
                connection.slot = self.give_slot()
                if connection.slot is not None:
                    connection.slot.is_kept = True
                # `abort` ends what this one holds
                self.connection = self.connection_of(connection._settings, None)
            raise
        handshake.result()

    def within(self, timeout: float) -> asyncio.Timeout:
        """Time limit in seconds, for everything in the block."""
        return asyncio.timeout(timeout)

    @property
    def is_open(self) -> bool:
        """Whether the driver still holds a socket."""
        return self.connection._writer is not None

    @property
    def is_quiet(self) -> bool:
        """False when unread bytes wait, or the end: the server has said something unasked, such as that it closes."""
        reader, writer = self.connection._reader, self.connection._writer
        if reader is None or reader._buffer or reader._eof or reader._exception or writer.transport.is_closing():
            return False
        # what the loop has not come round to reading counts, too
        return not self._has_input(writer.get_extra_info("socket").fileno())

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
        self.connection.read_limit = timeout

    async def write(self, statement: bytes) -> None:
        """Send a statement."""
        connection = self.connection
        if connection._writer is None or self.settings is None or len(statement) > LONGEST:
            # what is closed, a caller's, or takes several packets, is the driver's to send
            await connection._execute_command(COMMAND.COM_QUERY, statement)
        else:
            connection._writer.write(packet(statement))

    async def read(self, *, more: bool = False) -> bytes:
        """Some bytes of the reply, or more of them."""
        limit = getattr(self.connection, "read_limit", None)
        try:
            if limit is not None:
                self._watch(limit)
            data = await self.connection._reader.read(_CHUNK)
        except OSError as error:
            if is_foreign(error):
                raise
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
            self._timer = loop.call_at(self._deadline, _look, weakref.ref(self))

    def look(self) -> None:
        """End a wait that has taken too long."""
        self._timer = None
        reader = self.connection._reader
        if self._deadline is None or reader is None:
            # nobody waits
            return
        left = self._deadline - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left)
        else:
            reader.set_exception(TimeoutError("no answer in time"))

    async def close(self) -> None:
        """Close in order."""
        writer = self.connection._writer
        if writer is None:
            return
        with ignoring(OSError, RuntimeError):
            await self.connection.ensure_closed()
            # TLS closes in its turn, which must not outlive the loop
            async with asyncio.timeout(1):
                await writer.wait_closed()
        writer.transport.abort()

    def abort(self) -> None:
        """Close without a word, from any loop; in a forked process, just let go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _abort(self.connection, self.owner)

    abort_in_use = abort
