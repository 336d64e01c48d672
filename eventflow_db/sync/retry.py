# Generated from eventflow_db/aio/retry.py by scripts/generate; do not edit.
"""Sends calls over the pool, and again where that is right: one budget of tries and time for whatever a call does."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

import pymysql.err

from ..driver.errnos import meaning, translate
from ..driver.waiting import sleep
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
from .channel import Channel
from .operations import Session
from .pool import Pool
from .share import PoolError

_ALTER_LOCK_WAIT: Final = 2
"""Seconds that a change of a table waits for its lock: whoever writes to the table waits behind it."""
_LONGEST_PAUSE: Final = 1.0
_AWAY_PAUSE: Final = 0.25
"""Seconds at the most between two looks for a primary."""
_DECIDED: Final = (DuplicateError, MissingReferenceError, InvalidValueError)
_NOT_SENT: Final = (1153, 3231)
"""What is too large tells nothing of the attempt before."""
_IN_PLACE: Final = (DuplicateError, MissingReferenceError)
"""What an attempt meets where an earlier one has written its row, and the event that this names has gone since."""


class Budget:
    """How often a call may try again: bounded in number and time, with full jitter between.

    limit: when even an attempt is given up, by the monotonic clock; None: its own time limits hold.
    until: when none is begun any more; while no server can be used, until _away.
    """

    __slots__ = ("_away", "_left", "_pause", "limit", "until")

    def __init__(self, settings: Settings, limit: float | None = None) -> None:
        self.limit = limit
        now = time.monotonic()
        self.until = now + settings.retry_timeout
        self._away = now + settings.away_timeout
        if limit is not None:
            self.until, self._away = min(self.until, limit), min(self._away, limit)
        self._left = settings.retry_limit
        self._pause = 0.01

    @property
    def end(self) -> float:
        """When everything has to be done, by the monotonic clock."""
        return max(self.until, self._away)

    @property
    def is_spent(self) -> bool:
        """Whether nothing may be tried any more."""
        return self._left <= 0 or time.monotonic() >= self.until

    def until_back(self) -> bool:
        """Wait a little for a server that can be used, which time alone bounds, or say that it is enough."""
        if time.monotonic() >= self._away:
            return False
        sleep(random.uniform(0, _AWAY_PAUSE))
        return True

    def again(self) -> bool:
        """Wait a little, or say that it is enough."""
        if self.is_spent:
            return False
        self._left -= 1
        sleep(random.uniform(0, self._pause))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return True


class PooledSession(Session):
    """The operations over a pool, each in a transaction of its own."""

    settings: Settings
    _pool: Pool

    def _run(self, call: Call, until: float | None = None) -> Result:
        if call.spec.alters:
            return self._alter(call)
        return self._run_within(call, Budget(self.settings, until))

    def _run_within(self, call: Call, budget: Budget) -> Result:
        channel, result = self._hold(call, budget)
        if channel is not None:
            self._pool.release(channel)
        return result

    def _hold(self, call: Call, budget: Budget) -> tuple[Channel | None, Result]:
        """Send a call; the connection comes with the result, to be released."""
        return self._repeat(call.spec, partial(self._try_call, call, budget.limit), budget, call.rows)

    def _repeat(
        self,
        spec: QuerySpec,
        attempt: Callable[[], tuple[Channel | None, Any] | EventflowDBError],
        budget: Budget,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> tuple[Channel | None, Any]:
        """Try until it works, or until trying again is not right; what works is a connection with its result.

        rows: what it writes, to be compared with what is there after a lost reply.
        """
        # an earlier attempt, which may have taken effect
        lost: OutcomeUnknownError | None = None
        while True:
            outcome = attempt()
            if not isinstance(outcome, EventflowDBError):
                return outcome
            away = self._is_away(outcome)
            if isinstance(outcome, OutcomeUnknownError):
                if spec.idempotent == "no":
                    raise outcome
                lost = outcome
            again = (
                outcome is lost
                or meaning(outcome.errno).retry
                or outcome.errno in spec.conflict
                # what may have run already is worth waiting for the server to come back
                or (lost is not None and outcome.errno and isinstance(outcome, UnavailableError))
            )
            if not ((away and budget.until_back()) or (again and budget.again())):
                break
        if lost is None:
            raise outcome
        if isinstance(outcome, _IN_PLACE) and self._are_identical(spec, rows, lost, outcome, budget):
            return None, Result(len(rows), (), ())
        raise outcome if isinstance(outcome, _DECIDED) and outcome.errno not in _NOT_SENT else lost

    def _is_away(self, outcome: EventflowDBError) -> bool:
        """Whether another server, or this one later, may do what this outcome says was not done, or not told."""
        if not self.settings.away_timeout:
            return False
        # of a closed pool too, which the next try tells
        if isinstance(outcome, OutcomeUnknownError) or outcome.errno == 2013 or meaning(outcome.errno).away:
            return True
        # who waits for a connection of the pool waits for those who look for a primary
        waits = isinstance(outcome, UnavailableError) and outcome.errno is None
        return waits and self._pool.hosts.is_away and not self._pool.is_closed

    def _try_call(self, call: Call, limit: float | None) -> tuple[Channel, Result] | EventflowDBError:
        spec, channel = call.spec, None
        try:
            channel = self._pool.acquire(limit)
            return channel, channel.run(call, limit)
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

    def _are_identical(
        self,
        spec: QuerySpec,
        rows: Sequence[Mapping[str, Any]],
        lost: OutcomeUnknownError,
        outcome: EventflowDBError,
        budget: Budget,
    ) -> bool:
        """Whether the rows that are there are those that were sent: then the lost attempt had worked.

        False when one differs. Raises the loss where that cannot be known: a row has gone since, or time is up.
        """
        refused = isinstance(outcome, MissingReferenceError)
        if spec.reads_back is None:
            if len(rows) == 1 or refused:
                # the key is the whole row
                return not refused
            # which of them was there before?
            raise lost
        read: Statement = attrgetter(spec.reads_back)(self._sql).statement
        keys = [{key: values[key] for key in read.spec.types} for values in rows]
        if len({tuple(key.values()) for key in keys}) < len(keys):
            # one key twice can never have worked
            return False

        def find(key: Mapping[str, Any]) -> Any:
            try:
                result = self._run(read.call(key), budget.end)
            except EventflowDBError:
                raise lost from None
            return next(iter(read.spec.decode(result)), None)

        gone = False
        for key, values in zip(keys, rows, strict=True):
            stored = find(key)
            if stored is None:
                gone = True
                continue
            differing = _differences(spec, stored, values)
            if differing == ["rid"] and stored.rid is None:
                # the server clears it where the event that it names is deleted
                differing = [] if find({"id": values["rid"]}) is None else differing
            if differing:
                return False
        if gone and not refused:
            raise lost
        return not gone

    def _alter(self, call: Call) -> Result:
        """Change a table, once, on a connection of its own with a short wait for the table's lock."""
        channel = self._open(call.spec)
        try:
            wait = min(_ALTER_LOCK_WAIT, self.settings.lock_wait_timeout)
            channel.send(b"SET SESSION lock_wait_timeout = %d" % wait)
            return channel.run(call)
        except pymysql.err.Error as error:
            failure = translate(error, call.spec)
            if channel.gave_up:
                self._pool.cancel(channel)
        except BaseException:
            self._pool.cancel(channel)
            raise
        finally:
            channel.close()
        raise failure

    def _open(self, spec: QuerySpec) -> Channel:
        """A connection outside the pool, which the server does not close for being idle."""
        budget = Budget(self.settings)
        while True:
            try:
                channel = self._pool.open()
                try:
                    channel.send(b"SET SESSION wait_timeout = 31536000")
                except BaseException:
                    channel.abort()
                    raise
                return channel
            except PoolError as error:
                failure = spec.failure(UnavailableError, str(error))
            except pymysql.err.Error as error:
                failure = translate(error, spec, connecting=True)
            if not (self._is_away(failure) and budget.until_back()):
                raise failure


def _differences(spec: QuerySpec, stored: Any, values: Mapping[str, Any]) -> list[str]:
    """The columns in which a stored row is not what was sent."""
    sent = spec.bind(values)
    # a hub that has quit was there before
    found = ["quit"] if getattr(stored, "quit", None) is not None else []
    for name, kind in zip(spec.param, spec.types.values(), strict=True):
        value = getattr(stored, name)
        if spec.param[name] == "json":
            if _sorted(value) != _sorted(decode_json(encode_json(values[name]))):
                found.append(name)
        # DEFAULT: the server chose
        elif sent[name] != b"DEFAULT" and kind.encode(value) != sent[name]:
            found.append(name)
    return found


def _sorted(value: Any) -> str:
    """JSON such that equal text means equal values of equal types: `True`, `1` and `1.0` are three."""
    return json.dumps(value, sort_keys=True)
