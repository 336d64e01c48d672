"""Ends statements on the server that nobody waits for any more, in the background."""

from __future__ import annotations

import threading
from ssl import SSLContext

from ..driver.waiting import AsyncJob, aowner, asettle, aspawn
from .channel import AsyncChannel


class AsyncCancellation:
    """One job at a time, on one more connection, bounded in time by connect_timeout."""

    def __init__(self, context: SSLContext | None) -> None:
        self._context = context
        # a signal handler may come back in here
        self._lock = threading.RLock()
        self._pending: list[AsyncChannel] = []
        self._job: AsyncJob | None = None

    def cancel(self, channel: AsyncChannel) -> None:
        """Have the server end what it may still be doing for a connection."""
        with self._lock:
            try:
                if channel.owner == aowner():
                    self._pending.append(channel)
                    if self._job is None:
                        self._job = aspawn(self._work)
            except RuntimeError:
                # the interpreter or the loop is closing
                self._pending.clear()

    async def settle(self, timeout: float) -> None:
        """Wait until everything is ended, for some seconds at the most."""
        job = self._job
        if job is not None:
            await asettle(job, timeout)

    async def _work(self) -> None:
        channel = None
        try:
            while (other := self._next()) is not None:
                server = other.settings
                assert server is not None
                if channel is None or channel.settings is not server:
                    if channel is not None:
                        channel.abort()
                    channel = await AsyncChannel.connect_to(server, self._context, server.connect_timeout)
                await channel.cancel(other)
        except BaseException as error:
            # without a connection there is nothing to be done: the server is gone, or the statement takes effect
            self._forget()
            if not isinstance(error, Exception):
                raise
        finally:
            if channel is not None:
                channel.abort()

    def _next(self) -> AsyncChannel | None:
        with self._lock:
            if self._pending:
                return self._pending.pop()
            self._job = None
            return None

    def _forget(self) -> None:
        with self._lock:
            self._pending, self._job = [], None
