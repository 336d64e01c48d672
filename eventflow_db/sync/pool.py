# Generated from eventflow_db/aio/pool.py by scripts/generate; do not edit.
"""A pool of connections: first come, first served, and nothing broken is handed out."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from weakref import WeakSet

from ..driver.sync import Channel, Waiter, scope
from ..settings import Settings, ssl_context


class PoolTimeoutError(Exception):
    """No connection became free in time."""


class PoolClosedError(Exception):
    """The pool is closed."""


class Pool:
    """Up to connection_limit connections, opened as they are needed.

    The one that was used last goes out first. Connections belong to the process, and in asyncio the event
    loop, that opened them: after a fork, or in another loop, the pool starts anew.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = ssl_context(settings)
        self._lock = threading.Lock()  # held for moments, never while waiting
        self._idle: list[Channel] = []
        self._used: set[Channel] = set()
        self._size = 0
        self._waiters: deque[Waiter[Channel]] = deque()
        self._scope: object = None
        self._closed = False
        _pools.add(self)

    def acquire(self) -> Channel:
        """A working connection, for one user at a time, to be given to `release` or `discard`.

        Raises: PoolTimeoutError after pool_timeout, PoolClosedError, or what the driver raises on connecting.
        """
        channel = self._take()
        if channel is not None and not self._is_usable(channel):
            channel = None
        try:
            if channel is None:
                channel = self.open()
            with self._lock:
                self._used.add(channel)
        except BaseException:
            self._give(None)
            raise
        return channel

    def open(self) -> Channel:
        """A connection outside the pool, to be closed by its user."""
        return Channel.open(self._settings, self._context)

    def _take(self) -> Channel | None:
        """An idle connection, or None for the right to open one."""
        with self._lock:
            self._check_scope()
            if self._closed:
                raise PoolClosedError
            if self._idle:
                return self._idle.pop()
            if self._size < self._settings.connection_limit:
                self._size += 1
                return None
            waiter = Waiter[Channel]()
            self._waiters.append(waiter)
        given = False
        try:
            given = waiter.wait(self._settings.pool_timeout)
        finally:
            if not given:
                self._leave(waiter)
        if not given:
            raise PoolTimeoutError
        self._check_open(waiter)
        return waiter.item

    def _check_open(self, waiter: Waiter[Channel]) -> None:
        if self._closed:
            self._give(waiter.item)
            raise PoolClosedError

    def _leave(self, waiter: Waiter[Channel]) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                return
        self._give(waiter.item)  # it came too late for the one who waited

    def _is_usable(self, channel: Channel) -> bool:
        try:
            if channel.is_quiet and time.monotonic() - channel.used < self._settings.idle_timeout:
                return True
            if channel.is_open:
                channel.ping()
                return True
        except BaseException as error:
            channel.abandon()
            if not isinstance(error, Exception):
                self._give(None)
                raise
        channel.abandon()
        return False

    def release(self, channel: Channel) -> None:
        """Take a connection back whose last statement is complete."""
        with self._lock:
            self._used.discard(channel)
            foreign = channel.scope != self._scope
        if foreign:
            channel.abandon()
        elif self._closed or not channel.is_open:
            channel.abandon()
            self._give(None)
        else:
            self._give(channel)

    def discard(self, channel: Channel) -> None:
        """Close a connection that must not be used again."""
        channel.abandon()
        with self._lock:
            self._used.discard(channel)
            foreign = channel.scope != self._scope
        if not foreign:
            self._give(None)

    def _give(self, channel: Channel | None) -> None:
        """Pass a connection, or the right to open one, to whoever waits longest."""
        with self._lock:
            if self._waiters:
                self._waiters.popleft().give(channel)
            elif channel is None:
                self._size -= 1
            else:
                self._idle.append(channel)

    def _check_scope(self) -> None:
        current = scope()
        if current != self._scope:
            for channel in self._idle:
                channel.abandon()
            self._idle, self._used, self._size, self._waiters = [], set(), 0, deque()
            self._scope = current

    def close(self) -> None:
        """Close every connection: idle ones now, the others as they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._size -= len(idle)
            waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:
            self._size += 1  # _take gives it back
            waiter.give(None)
        for channel in idle:
            if channel.scope == scope():
                channel.close()
            else:
                channel.abandon()

    def renew_lock(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()


_pools: WeakSet[Pool] = WeakSet()


def _after_fork() -> None:
    for pool in _pools:
        pool.renew_lock()


os.register_at_fork(after_in_child=_after_fork)
