"""Ends calls that wait for a server which, of several, is not the one any more: it may never answer them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

import pymysql.err

from ..driver.errnos import meaning
from ..driver.waiting import AsyncJob, AsyncWaiter, asettle, aspawn
from ..foreign import ignoring, is_foreign
from ..hosts import READ_ONLY, Hosts
from ..settings import Settings
from .channel import AsyncChannel

if TYPE_CHECKING:
    from .share import AsyncShare

_PATIENCE: Final = 0.5
"""Seconds that a call has to wait before its server is looked at, and between two looks."""
_SILENCE: Final = 1.0
"""Seconds without a word for a new connection after which another server is better, if there is one."""
_LOST: Final = 2013


class AsyncWatch:
    """Looks twice a second, while connections of a share are used, whether who is waited for takes new connections.

    A server that shuts down takes none, and may keep those that are there waiting for seconds.
    """

    def __init__(self, hosts: Hosts, context: SSLContext | None, share: AsyncShare) -> None:
        self._hosts = hosts
        self._context = context
        self._share = weakref.ref(share)
        self._stop = AsyncWaiter[bool]()
        self._job: AsyncJob | None = None

    def start(self) -> None:
        """Begin, where it has not begun."""
        if self._job is None:
            # without it calls wait for as long as their own limits say
            with ignoring(RuntimeError):
                self._job = aspawn(self._work, daemon=True)

    async def end(self) -> None:
        """Look no more."""
        self._stop.give(True)
        if (job := self._job) is not None:
            await asettle(job, _PATIENCE)

    async def _work(self) -> None:
        try:
            while not await self._stop.wait(_PATIENCE) and self._used():
                await self._look()
        finally:
            self._job = None

    def _used(self) -> list[AsyncChannel]:
        share = self._share()
        return [] if share is None else share.used

    async def _look(self) -> None:
        waits_since = time.monotonic() - _PATIENCE
        waiting = [channel for channel in self._used() if _last_heard(channel) < waits_since]
        for server in _servers(waiting):
            if await self._has_gone(server):
                # or it would be tried first, and those be used that are idle
                self._hosts.note(server, failed=True)
                self._hosts.renew()
                for channel in waiting:
                    # it may have answered meanwhile
                    if channel.settings is server and _last_heard(channel) < waits_since:
                        channel.abort_in_use()

    async def _has_gone(self, server: Settings) -> bool:
        """Whether a server refuses to be used, or says nothing while another one can be used."""
        started = time.monotonic()
        refusal = await self._refusal(server)
        if refusal is None or refusal.args[-1] == READ_ONLY:
            # that one answers what it was asked
            return False
        if time.monotonic() - started < _SILENCE:
            return refusal.args[0] == _LOST or meaning(refusal.args[0]).away
        is_better = False
        for other in self._hosts.servers:
            is_better = is_better or (other is not server and await self._refusal(other) is None)
        return is_better

    async def _refusal(self, server: Settings) -> pymysql.err.Error | None:
        try:
            channel = await AsyncChannel.connect_to(server, self._context, _SILENCE, hosts=self._hosts)
        except pymysql.err.Error as error:
            if is_foreign(error):
                raise
            return error
        await channel.close()
        self._hosts.note(server, failed=False)
        return None


def _last_heard(channel: AsyncChannel) -> float:
    """When its server last answered, or took the connection, by the monotonic clock."""
    return max(channel.used, channel.opened)


def _servers(channels: Iterable[AsyncChannel]) -> Iterable[Settings]:
    """Each server once."""
    return {id(channel.settings): channel.settings for channel in channels if channel.settings is not None}.values()
