# Generated from eventflow_db/aio/pool.py by scripts/generate; do not edit.
"""A pool of connections: first come, first served, and nothing broken is handed out."""

from __future__ import annotations

import time
import warnings

import pymysql.err

from ..driver.waiting import has_ended, owner, sleep
from ..foreign import ignoring
from ..hosts import Hosts
from ..settings import Settings, ssl_context
from .channel import Channel
from .share import PoolError, Share, Slot


class Pool:
    """Up to connection_limit connections, opened as they are needed, for each process and event loop that uses it.

    Beside them it opens one at a time to end statements on the server that nobody waits for any more.
    """

    is_closed = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = ssl_context(settings)
        self.hosts = Hosts(settings)
        self._shares: dict[object, Share] = {}
        self._doubted = 0.0
        self.is_closed = False

    def __del__(self) -> None:
        if not self.is_closed and self.size:
            warnings.warn(
                "a database object was never closed: close() it, or use it in a with block",
                ResourceWarning,
                stacklevel=2,
            )
            for share in self._shares.values():
                share.abort()

    @property
    def size(self) -> int:
        """How many connections are open, or being opened."""
        return sum(share.size for share in list(self._shares.values()))

    @property
    def _share(self) -> Share:
        """What belongs to this process and event loop; what belongs to one that has ended is let go."""
        current = owner()
        share = self._shares.get(current)
        if share is None:
            self._forget_ended()
            share = self._shares.setdefault(current, Share(self.hosts, self._context))
        return share

    def _forget_ended(self) -> None:
        for one in list(self._shares):
            if has_ended(one) and (share := self._shares.pop(one, None)) is not None:
                share.abort()

    def acquire(self, until: float | None = None) -> Channel:
        """A working connection, for one user at a time, to be given to `release` or `discard`.

        until: when to give up, by the monotonic clock; None: as the settings say.

        Raises: PoolError, or what the driver raises on connecting.
        """
        self._check_open()
        share = self._share
        thing = share.take()
        if thing is None:
            thing = share.wait(_left(self._settings.pool_timeout, until), self._check_open)
        if share.watch is not None:
            share.watch.start()
        if isinstance(thing, Channel) and self._is_fresh(thing):
            return thing
        try:
            if isinstance(thing, Channel):
                if self._answers(thing, until):
                    return thing
                thing = thing.give_slot()
            channel = self.open(until, thing)
            if self.is_closed:
                channel.abort()
            self._check_open()
            share.note(channel)
            return channel
        except BaseException:
            if isinstance(thing, Channel) or not thing.is_kept:
                share.give(thing)
            raise

    def open(self, until: float | None = None, slot: Slot | None = None) -> Channel:
        """A connection outside the pool, to be closed by its user.

        Raises: PoolError, or what the driver raises on connecting.
        """
        self._check_open()
        timeout = _left(self._settings.connect_timeout, until)
        return Channel.open(self.hosts, self._context, timeout, slot)

    def _is_fresh(self, channel: Channel) -> bool:
        return (
            channel.is_quiet
            and channel.opened >= self.hosts.renewed
            and channel.used >= self._doubted
            and time.monotonic() - channel.used < self._settings.idle_check
        )

    def _answers(self, channel: Channel, until: float | None) -> bool:
        """Whether a connection that is not fresh can be used all the same; else it is closed."""
        answers = False
        with ignoring(pymysql.err.Error):
            try:
                if channel.is_open and channel.opened >= self.hosts.renewed:
                    channel.ping(_left(self.hosts.servers[0].connect_timeout, until))
                    answers = True
            finally:
                if not answers:
                    channel.abort()
                if channel.gave_up:
                    # the others lead to the same silence
                    self.renew()
        return answers

    def release(self, channel: Channel) -> None:
        """Take a connection back whose last statement is complete."""
        share = self._shares.get(channel.owner)
        # one that is in a transaction would take what comes next into it
        if share is None or self.is_closed or not (channel.is_open and channel.is_autocommitting):
            self.discard(channel)
        else:
            share.give(channel)

    def discard(self, channel: Channel, *, cancelled: bool = False) -> None:
        """Close a connection that must not be used again; cancelled: its statement was not waited for."""
        channel.abort()
        if cancelled or channel.gave_up:
            self.cancel(channel)
        if channel.gave_up:
            # the server may have gone in silence
            self._doubted = time.monotonic()
        slot = channel.give_slot()
        if slot is not None and channel.owner == owner():
            self._share.give(slot)

    def cancel(self, channel: Channel) -> None:
        """Have the server end what it may still be doing for a connection; in the background, bounded in time."""
        if channel.owner == owner():
            self._share.cancellation.cancel(channel)

    def renew(self) -> None:
        """Hand out no connection any more that is open now: their server has become read-only, stops, or is silent."""
        self.hosts.renew()

    def _check_open(self) -> None:
        if self.is_closed:
            raise PoolError("the database object is closed")

    def close(self, timeout: float) -> None:
        """Close every connection: idle ones now, the others as they come back, or after `timeout` seconds."""
        self.is_closed = True
        self._forget_ended()
        shares = list(self._shares.values())
        ours = self._share
        ours.wake()
        while ours.idle:
            ours.idle.pop().close()
        until = time.monotonic() + timeout
        while any(share.used for share in shares) and time.monotonic() < until:
            sleep(0.01)
        for share in shares:
            for channel in share.used:
                self.cancel(channel)
                channel.abort_in_use()
            while share.idle:
                share.idle.pop().abort()
        ours.cancellation.settle(self._settings.connect_timeout)
        if ours.watch is not None:
            ours.watch.end()


def _left(most: float, until: float | None) -> float:
    """Seconds to wait: so many at the most, and not longer than until a moment."""
    if until is None:
        return most
    if (left := until - time.monotonic()) <= 0:
        raise PoolError("no time is left")
    return min(most, left)
