"""Sends calls over the pool, and again where that is right: one budget of tries and time for whatever a call does."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

import pymysql.err

from ..driver.errnos import meaning, translate
from ..driver.waiting import asleep
from ..errors import (
    DuplicateError,
    EventflowDBError,
    InvalidValueError,
    MissingReferenceError,
    OutcomeUnknownError,
    UnavailableError,
)
from ..query.codec import decode_json, encode_json
from ..query.rows import Result
from ..query.spec import QuerySpec
from ..query.statement import Call, Statement
from ..settings import Settings
from .channel import AsyncChannel
from .operations import AsyncSession
from .pool import AsyncPool, PoolError

_ALTER_LOCK_WAIT: Final = 2
"""Seconds that a change of a table waits for its lock: whoever writes to the table waits behind it."""
_LONGEST_PAUSE: Final = 1.0
_DECIDED: Final = (DuplicateError, MissingReferenceError, InvalidValueError)


class AsyncBudget:
    """How often a call may try again: bounded in number and time, with full jitter between."""

    __slots__ = ("_left", "_pause", "_until")

    def __init__(self, settings: Settings) -> None:
        self._left = settings.retry_limit
        self._until = time.monotonic() + settings.retry_timeout
        self._pause = 0.01

    @property
    def is_spent(self) -> bool:
        """Whether nothing may be tried any more."""
        return self._left <= 0 or time.monotonic() >= self._until

    async def again(self) -> bool:
        """Wait a little, or say that it is enough."""
        if self.is_spent:
            return False
        self._left -= 1
        await asleep(random.uniform(0, self._pause))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return True


class AsyncPooledSession(AsyncSession):
    """The operations over a pool, each in a transaction of its own."""

    settings: Settings
    _pool: AsyncPool

    async def _run(self, call: Call, budget: AsyncBudget | None = None) -> Result:
        if call.spec.alters:
            return await self._alter(call)
        channel, result = await self._hold(call, budget or AsyncBudget(self.settings))
        if channel is not None:
            self._pool.release(channel)
        return result

    def _hold(self, call: Call, budget: AsyncBudget) -> Awaitable[tuple[AsyncChannel | None, Result]]:
        """Send a call; the connection comes with the result, to be released."""
        return self._repeat(call.spec, partial(self._try_call, call), budget, call.rows)

    async def _repeat(
        self,
        spec: QuerySpec,
        attempt: Callable[[], Awaitable[tuple[AsyncChannel | None, Any] | EventflowDBError]],
        budget: AsyncBudget,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> tuple[AsyncChannel | None, Any]:
        """Try until it works, or until trying again is not right; what works is a connection with its result.

        rows: what it writes, to be compared with what is there after a lost reply.
        """
        # an earlier attempt, which may have taken effect
        lost: OutcomeUnknownError | None = None
        while True:
            outcome = await attempt()
            if not isinstance(outcome, EventflowDBError):
                return outcome
            if isinstance(outcome, OutcomeUnknownError):
                if spec.idempotent == "no":
                    raise outcome
                lost = outcome
            elif not (
                meaning(outcome.errno).retry
                or outcome.errno in spec.conflict
                # what may have run already is worth waiting for the server to come back
                or (lost is not None and outcome.errno and isinstance(outcome, UnavailableError))
            ):
                break
            if not await budget.again():
                break
        if lost is None:
            raise outcome
        if outcome.errno == 1062 and await self._are_identical(spec, rows, lost, budget):
            return None, Result(len(rows), (), ())
        # with 1153 nothing was sent, which tells nothing of the attempt before
        raise outcome if isinstance(outcome, _DECIDED) and outcome.errno != 1153 else lost

    async def _try_call(self, call: Call) -> tuple[AsyncChannel, Result] | EventflowDBError:
        spec, channel = call.spec, None
        try:
            channel = await self._pool.acquire()
            return channel, await channel.run(call)
        except PoolError as error:
            failure = spec.failure(UnavailableError, str(error))
        except pymysql.err.Error as error:
            failure = translate(error, spec, connecting=channel is None)
        except BaseException:
            if channel is not None:
                # its reply would meet the next user
                self._pool.discard(channel, cancelled=True)
            raise
        if channel is not None:
            if meaning(failure.errno).out_of_service:
                self._pool.renew()
            if meaning(failure.errno).discard or not channel.is_open:
                self._pool.discard(channel)
            else:
                self._pool.release(channel)
        return failure

    async def _are_identical(
        self, spec: QuerySpec, rows: Sequence[Mapping[str, Any]], lost: OutcomeUnknownError, budget: AsyncBudget
    ) -> bool:
        """Whether the rows that are there are those that were sent: then the lost attempt had worked.

        False when one differs. Raises the loss where that cannot be known: a row has gone since.
        """
        if spec.reads_back is None:
            if len(rows) == 1:
                # the key is the whole row
                return True
            # which of them was there before?
            raise lost
        read: Statement = attrgetter(spec.reads_back)(self._sql).statement
        keys = [{key: values[key] for key in read.spec.types} for values in rows]
        if len({tuple(key.values()) for key in keys}) < len(keys):
            # one key twice can never have worked
            return False
        gone = False
        for key, values in zip(keys, rows, strict=True):
            try:
                found = read.spec.decode(await self._run(read.call(key), budget))
            except EventflowDBError:
                found = []
            gone = gone or not found
            if found and not _is_equal(spec, found[0], values):
                return False
        if gone:
            raise lost
        return True

    async def _alter(self, call: Call) -> Result:
        """Change a table, once, on a connection of its own with a short wait for the table's lock."""
        channel = await self._open(call.spec)
        try:
            wait = min(_ALTER_LOCK_WAIT, self.settings.lock_wait_timeout)
            await channel.send(b"SET SESSION lock_wait_timeout = %d" % wait)
            return await channel.run(call)
        except pymysql.err.Error as error:
            failure = translate(error, call.spec)
            if channel.gave_up:
                self._pool.cancel(channel)
        except BaseException:
            self._pool.cancel(channel)
            raise
        finally:
            await channel.close()
        raise failure

    async def _open(self, spec: QuerySpec) -> AsyncChannel:
        """A connection outside the pool, which the server does not close for being idle."""
        try:
            channel = await self._pool.open()
            try:
                await channel.send(b"SET SESSION wait_timeout = 31536000")
            except BaseException:
                channel.abort()
                raise
            return channel
        except PoolError as error:
            failure = spec.failure(UnavailableError, str(error))
        except pymysql.err.Error as error:
            failure = translate(error, spec, connecting=True)
        raise failure


def _is_equal(spec: QuerySpec, stored: Any, values: Mapping[str, Any]) -> bool:
    sent = spec.bind(values)
    for name, kind in zip(spec.param, spec.types.values(), strict=True):
        value = getattr(stored, name)
        if spec.param[name] == "json":
            if value != decode_json(encode_json(values[name])):
                return False
        # DEFAULT: the server chose
        elif sent[name] != b"DEFAULT" and kind.encode(value) != sent[name]:
            return False
    return True
