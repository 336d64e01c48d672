# Generated from eventflow_db/aio/cancel.py by scripts/generate; do not edit.
"""Ends statements on the server that nobody waits for any more, in the background."""

from __future__ import annotations

import threading
from ssl import SSLContext

from ..driver.waiting import Job, owner, settle, spawn
from .channel import Channel


class Cancellation:
    """One job at a time, on one more connection, bounded in time by connect_timeout."""

    def __init__(self, context: SSLContext | None) -> None:
        self._context = context
        # a signal handler may come back in here
        self._lock = threading.RLock()
        self._pending: list[Channel] = []
        self._job: Job | None = None

    def cancel(self, channel: Channel) -> None:
        """Have the server end what it may still be doing for a connection."""
        with self._lock:
            try:
                if channel.owner == owner():
                    self._pending.append(channel)
                    if self._job is None:
                        self._job = spawn(self._work)
            except RuntimeError:
                # the interpreter or the loop is closing
                self._pending.clear()

    def settle(self, timeout: float) -> None:
        """Wait until everything is ended, for some seconds at the most."""
        job = self._job
        if job is not None:
            settle(job, timeout)

    def _work(self) -> None:
        channel = None
        try:
            while (other := self._next()) is not None:
                server = other.settings
                assert server is not None
                if channel is None or channel.settings is not server:
                    if channel is not None:
                        channel.abort()
                    channel = Channel.connect_to(server, self._context, server.connect_timeout)
                channel.cancel(other)
        except BaseException as error:
            # without a connection there is nothing to be done: the server is gone, or the statement takes effect
            self._forget()
            if not isinstance(error, Exception):
                raise
        finally:
            if channel is not None:
                channel.abort()

    def _next(self) -> Channel | None:
        with self._lock:
            if self._pending:
                return self._pending.pop()
            self._job = None
            return None

    def _forget(self) -> None:
        with self._lock:
            self._pending, self._job = [], None
