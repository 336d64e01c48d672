"""The part of a pool that belongs to one process, and in asyncio to one event loop."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from ssl import SSLContext
from typing import Final

from ..driver.waiting import AsyncWaiter
from ..hosts import Hosts
from .cancel import AsyncCancellation
from .channel import AsyncChannel
from .watch import AsyncWatch

_LOOK_AGAIN: Final = 0.5
"""Seconds after which who waits looks for what has come back without a word."""


class PoolError(Exception):
    """No connection can be had: none became free in time, or the pool is closed."""


class AsyncSlot:
    """The right to have one connection open; what an exception from outside has lost is made anew."""

    def __init__(self, share: AsyncShare, number: int) -> None:
        self._share = weakref.ref(share)
        self.number = number
        self.is_kept = False
        """Whether a handshake that nobody waits for any more has it, until it ends."""

    def give_back(self) -> None:
        """Give it back to its share."""
        share = self._share()
        if share is not None:
            share.give(self)


class AsyncShare:
    """Idle connections, slots for more, and who waits for either.

    Nothing is locked on the way of a call, for a signal handler or `__del__` may use it in the middle of anything: a
    thing is taken and given in one step of the interpreter, and whoever has taken it is the only one to hold it.
    """

    def __init__(self, hosts: Hosts, context: SSLContext | None) -> None:
        limit = hosts.settings.connection_limit
        self.cancellation = AsyncCancellation(context)
        self.watch = AsyncWatch(hosts, context, self) if len(hosts.servers) > 1 else None
        self.free: list[AsyncSlot] = []
        self.idle: list[AsyncChannel] = []
        """The one that was used last goes out first."""
        self.waiters: deque[AsyncWaiter[AsyncChannel | AsyncSlot]] = deque()
        self._slots: list[weakref.ref[AsyncSlot] | None] = [None] * limit
        self._opened: list[weakref.ref[AsyncChannel] | None] = [None] * limit
        self._lock = threading.RLock()
        self._make_slots()

    def _make_slots(self) -> None:
        """Make the slots that nobody holds: all of them at first, and what an exception from outside has lost."""
        with self._lock:
            for number, reference in enumerate(self._slots):
                if reference is None or reference() is None:
                    self._make_slot(number)

    def _make_slot(self, number: int) -> None:
        slot = AsyncSlot(self, number)
        self._slots[number] = weakref.ref(slot)
        self.free.append(slot)

    @property
    def size(self) -> int:
        """How many connections are open, or being opened."""
        return sum(reference is not None and reference() is not None for reference in self._slots) - len(self.free)

    @property
    def used(self) -> list[AsyncChannel]:
        """The connections that somebody uses."""
        opened = [reference() for reference in self._opened if reference is not None]
        return [channel for channel in opened if channel and channel.is_open and channel not in self.idle]

    def take(self) -> AsyncChannel | AsyncSlot | None:
        """An idle connection, or a slot for one; None where somebody else waits for it, or there is none."""
        if self.waiters:
            return None
        return self._take()

    def _take(self) -> AsyncChannel | AsyncSlot | None:
        for things in (self.idle, self.free):
            try:
                return things.pop()
            except IndexError:
                pass
        return None

    def note(self, channel: AsyncChannel) -> None:
        """Note which connection was opened with a slot."""
        self._opened[channel.slot.number] = weakref.ref(channel)

    def give(self, thing: AsyncChannel | AsyncSlot) -> None:
        """Take a connection or a slot back."""
        if isinstance(thing, AsyncSlot):
            reference = self._slots[thing.number]
            if reference is not None and reference() is thing:
                # another one, for whoever holds this one still must not keep it from being missed
                self._make_slot(thing.number)
        else:
            self.idle.append(thing)
        if self.waiters:
            self._serve()

    def _serve(self) -> None:
        """Give what is there to whoever waits longest."""
        while (self.idle or self.free) and self.waiters:
            try:
                waiter = self.waiters.popleft()
            except IndexError:
                # another thread serves as well
                continue
            if (thing := self._take()) is None:
                self.waiters.appendleft(waiter)
            else:
                waiter.give(thing)

    async def wait(self, timeout: float, check: Callable[[], None]) -> AsyncChannel | AsyncSlot:
        """What is given back next, to whoever waits longest; check: raises where nothing is to be had any more.

        Raises: PoolError after `timeout` seconds.
        """
        waiter = AsyncWaiter[AsyncChannel | AsyncSlot]()
        until = time.monotonic() + timeout
        try:
            self.waiters.append(waiter)
            while True:
                self._make_slots()
                self._serve()
                if (thing := await waiter.wait(min(until - time.monotonic(), _LOOK_AGAIN))) is not None:
                    return thing
                check()
                if time.monotonic() >= until:
                    raise PoolError(f"no connection became free within {timeout:g} s (pool_timeout)")
                if waiter not in self.waiters:
                    # a signal came between taking it off and giving
                    self.waiters.appendleft(waiter)
        finally:
            if waiter in self.waiters:
                self.waiters.remove(waiter)
            while (late := waiter.take()) is not None:
                self.give(late)

    def wake(self) -> None:
        """Have everyone who waits look whether waiting is of use."""
        for waiter in list(self.waiters):
            waiter.give(None)

    def abort(self) -> None:
        """Close every connection without a word."""
        for channel in [*self.used, *self.idle]:
            channel.abort()
        self.idle.clear()
