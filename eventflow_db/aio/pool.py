"""A pool of connections: first come, first served, and nothing broken is handed out."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from weakref import WeakSet

import pymysql.err

from ..driver.waiting import AsyncWaiter, aowner, asleep
from ..forking import after_fork
from ..settings import Settings, ssl_context
from .cancel import AsyncCancellation
from .channel import AsyncChannel


class PoolError(Exception):
    """No connection can be had: none became free in time, or the pool is closed."""


class AsyncPool:
    """Up to connection_limit connections, opened as they are needed.

    The one that was used last goes out first. Connections belong to the process, and in asyncio the event
    loop, that opened them: after a fork, or in another loop, the pool starts anew. Beside them it opens one at
    a time to end statements on the server that nobody waits for any more.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = ssl_context(settings)
        # held for moments, never while waiting
        self._lock = threading.Lock()
        self._idle: list[AsyncChannel] = []
        self._used: set[AsyncChannel] = set()
        self._size = 0
        self._waiters: deque[AsyncWaiter[AsyncChannel]] = deque()
        self._owner: object = None
        self._closed = False
        self._renewed = 0.0
        self._cancellation = AsyncCancellation(settings, self._context)
        _pools.add(self)

    async def acquire(self) -> AsyncChannel:
        """A working connection, for one user at a time, to be given to `release` or `discard`.

        Raises: PoolError, or what the driver raises on connecting.
        """
        waiter = None
        with self._lock:
            self._check_open()
            channel = self._idle.pop() if self._idle else None
            if channel is None and self._size < self._settings.connection_limit:
                self._size += 1
            elif channel is None:
                waiter = AsyncWaiter[AsyncChannel]()
                self._waiters.append(waiter)
        if waiter is not None:
            channel = await self._wait(waiter)
        try:
            if channel is None or not (self._is_fresh(channel) or await self._answers(channel)):
                channel = await self.open()
            with self._lock:
                if not self._closed:
                    self._used.add(channel)
                    return channel
            channel.abort()
            raise PoolError("the database object is closed")
        except BaseException:
            with self._lock:
                self._give(None)
            raise

    async def open(self) -> AsyncChannel:
        """A connection outside the pool, to be closed by its user.

        Raises: PoolError, or what the driver raises on connecting.
        """
        if self._closed:
            raise PoolError("the database object is closed")
        return await AsyncChannel.open(self._settings, self._context)

    async def _wait(self, waiter: AsyncWaiter[AsyncChannel]) -> AsyncChannel | None:
        """A connection that was given back, or None for the right to open one."""
        given = False
        try:
            given = await waiter.wait(self._settings.pool_timeout)
        finally:
            if not given:
                self._leave(waiter)
        if not given:
            raise PoolError(f"no connection became free within {self._settings.pool_timeout:g} s (pool_timeout)")
        if self._closed:
            with self._lock:
                self._give(waiter.item)
            raise PoolError("the database object is closed")
        return waiter.item

    def _leave(self, waiter: AsyncWaiter[AsyncChannel]) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            else:
                # it came too late for the one who waited
                self._give(waiter.item)

    def _is_fresh(self, channel: AsyncChannel) -> bool:
        return (
            channel.is_quiet
            and channel.opened >= self._renewed
            and time.monotonic() - channel.used < self._settings.idle_check
        )

    async def _answers(self, channel: AsyncChannel) -> bool:
        """Whether a connection that is not fresh can be used all the same; else it is closed."""
        answers = False
        with contextlib.suppress(pymysql.err.Error):
            try:
                if channel.is_open and channel.opened >= self._renewed:
                    await channel.ping()
                    answers = True
            finally:
                if not answers:
                    channel.abort()
        return answers

    def release(self, channel: AsyncChannel) -> None:
        """Take a connection back whose last statement is complete."""
        # one that is in a transaction would take what comes next into it
        fit = channel.is_open and channel.is_autocommitting
        with self._lock:
            if ours := self._is_ours(channel):
                self._give(channel if fit else None)
        if not (ours and fit):
            channel.abort()

    def discard(self, channel: AsyncChannel, *, cancelled: bool = False) -> None:
        """Close a connection that must not be used again; cancelled: its statement was not waited for."""
        channel.abort()
        if cancelled or channel.gave_up:
            self.cancel(channel)
        with self._lock:
            if self._is_ours(channel):
                self._give(None)

    def cancel(self, channel: AsyncChannel) -> None:
        """Have the server end what it may still be doing for a connection; in the background, bounded in time."""
        self._cancellation.cancel(channel)

    def renew(self) -> None:
        """Hand out no connection any more that is open now: their server has become read-only, or stops."""
        self._renewed = time.monotonic()

    def _is_ours(self, channel: AsyncChannel) -> bool:
        """Take it off those in use, with the lock held; False for one of another process or loop."""
        self._used.discard(channel)
        return channel.owner == self._owner

    def _give(self, channel: AsyncChannel | None) -> None:
        """Pass a connection, or the right to open one, to whoever waits longest, with the lock held."""
        if self._closed and channel is not None:
            channel.abort()
            channel = None
        if self._waiters:
            self._waiters.popleft().give(channel)
        elif channel is None:
            self._size -= 1
        else:
            self._idle.append(channel)

    def _check_open(self) -> None:
        self._check_owner()
        if self._closed:
            raise PoolError("the database object is closed")

    def _check_owner(self) -> None:
        current = aowner()
        if current != self._owner:
            for channel in self._idle:
                channel.abort()
            self._idle, self._used, self._size, self._waiters = [], set(), 0, deque()
            self._cancellation.forget()
            self._owner = current

    async def close(self, timeout: float) -> None:
        """Close every connection: idle ones now, the others as they come back, or after `timeout` seconds."""
        with self._lock:
            self._check_owner()
            self._closed = True
            idle, self._idle = self._idle, []
            self._size -= len(idle)
            waiters, self._waiters = self._waiters, deque()
            # each gives it back
            self._size += len(waiters)
        for waiter in waiters:
            waiter.give(None)
        for channel in idle:
            await channel.close()
        until = time.monotonic() + timeout
        while self._used and time.monotonic() < until:
            await asleep(0.01)
        with self._lock:
            used = list(self._used)
        for channel in used:
            self.cancel(channel)
            channel.abort_in_use()
        await self._cancellation.settle(self._settings.connect_timeout)

    def renew_lock(self) -> None:
        """In a forked child: another thread of the parent may have held the locks."""
        self._lock = threading.Lock()
        self._cancellation.forget(forked=True)


_pools: WeakSet[AsyncPool] = WeakSet()


def _after_fork() -> None:
    for pool in _pools:
        pool.renew_lock()


after_fork(_after_fork)
