"""A lock of a cluster: a row whose holder has it until its lease ends, which is extended for as long as it is held."""

from __future__ import annotations

import os
import random
import re
import secrets
import socket
import time
import weakref
from typing import Any, Final

import msgspec

from ..driver.waiting import AsyncJob, AsyncWaiter, asettle, asleep, aspawn
from ..errors import DuplicateError, EventflowDBError, OutcomeUnknownError, UnavailableError
from ..foreign import ignoring
from ..query.rows import Result
from .pool import AsyncPool
from .retry import AsyncPooledSession

LEASE: Final = 60
"""Seconds after which a lock is free whose holder was not heard of: longer than a cluster takes for a new primary."""
_PAUSE: Final = (0.1, 0.5)
"""Seconds between two tries to have a lock that somebody else has."""
_AGAIN: Final = 1.0
"""Seconds after which an extension that failed is tried again."""
_HURRIED: Final = 1.0
"""Seconds for giving a lock back that nobody waits for: its lease ends anyway."""


class AsyncLease:
    """A lock that is had until its lease ends, by connections of its own: it outlives any of them, and a primary."""

    def __init__(self, db: AsyncPooledSession, reference: str, timeout: int) -> None:
        self._session = AsyncPooledSession()
        # one for whoever holds the lock, one for who extends its lease
        self._session.settings = msgspec.structs.replace(db.settings, connection_limit=2)
        self._session._sql = db._sql
        self._session._pool = AsyncPool(self._session.settings)
        self._timeout = timeout
        self._key = {"reference": reference, "holder": _holder()}
        self._has_row = False
        self._is_lost = False
        self._ends = 0.0
        """When the lease ends at the earliest, by the monotonic clock."""
        self._stop = AsyncWaiter[bool]()
        self._extending: AsyncJob | None = None
        self.fence: int | None = None
        """A number that grows each time that somebody gets the lock."""

    async def acquire(self) -> bool:
        """Whether the lock was had in time."""
        until = time.monotonic() + self._timeout
        try:
            while not await self._try():
                if (left := until - time.monotonic()) <= 0:
                    await self._close()
                    return False
                await asleep(min(left, random.uniform(*_PAUSE)))
        except BaseException:
            # it may be had all the same
            with ignoring(RuntimeError):
                aspawn(self._give_up)
            raise
        reference, stop = weakref.ref(self), self._stop
        self._extending = aspawn(lambda: _extend(reference, stop), daemon=True)
        return True

    async def is_held(self) -> bool:
        """Whether nobody else can have the lock; by this machine's clock, for the server may be away for a while."""
        return not self._is_lost and time.monotonic() < self._ends

    async def release(self, timeout: float | None) -> bool:
        """Give the lock back, within some seconds; False where it was lost."""
        self._stop.give(True)
        is_held, now = await self.is_held(), time.monotonic()
        until = self._ends if is_held and timeout is None else now + (timeout or _HURRIED)
        try:
            return (await self._run("release", until)).affected > 0 and is_held
        except EventflowDBError:
            if is_held:
                raise
            return False
        finally:
            await self._close()

    def abandon(self) -> None:
        """Let it go where it cannot be given back: its lease ends."""
        self._stop.give(True)

    async def _try(self) -> bool:
        had = (await self._run("acquire", lease=LEASE)).affected
        if not had and not self._has_row:
            with ignoring(DuplicateError):
                await self._run("persist", lease=LEASE)
            self._has_row = True
        # also where it was had by a statement whose reply was lost: when, only an extension can tell
        result = await self._run("read_fence")
        (self.fence,) = self._session._sql.lease.read_fence.statement.spec.decode(result) or (None,)
        return self.fence is not None and await self._extend() and await self.is_held()

    async def _extend(self, until: float | None = None) -> bool:
        started = time.monotonic()
        extended = (await self._run("extend", until, fence=self.fence, lease=LEASE)).affected > 0
        if extended:
            self._ends = started + LEASE
        return extended

    async def _go_on(self) -> None:
        """Extend it, or learn that it is lost."""
        # what fails is tried again until the lease has ended
        with ignoring(EventflowDBError):
            self._is_lost = not await self._extend(self._ends)

    async def _give_up(self) -> None:
        with ignoring(EventflowDBError):
            await self.release(_HURRIED)

    async def _run(self, query: str, until: float | None = None, **values: Any) -> Result:
        statement = getattr(self._session._sql.lease, query).statement
        try:
            return await self._session._run(statement.call({**self._key, **values}), until)
        except OutcomeUnknownError as error:
            # whatever it did, the lease ends
            failure = statement.spec.failure(UnavailableError, "no reply", error.errno)
        raise failure

    async def _close(self) -> None:
        await self._session._pool.close(0)
        if self._extending is not None:
            await asettle(self._extending, _HURRIED)


async def _extend(reference: weakref.ref[AsyncLease], stop: AsyncWaiter[bool]) -> None:
    """Extend a lease each third of it, until it is given back, or lost, or nobody holds the lock object any more."""
    while (lease := reference()) is not None and await lease.is_held():
        pause = max(lease._ends - LEASE * 2 / 3 - time.monotonic(), _AGAIN)
        del lease
        if await stop.wait(pause) or (lease := reference()) is None:
            return
        await lease._go_on()
        del lease


def _holder() -> str:
    """Who has a lock, for people who look at the table; no other process or lock is called the same."""
    host = re.sub(r"[^!-~]", "?", socket.gethostname())[:40]
    return f"{host}:{os.getpid()}:{secrets.token_hex(6)}"
