# Generated from eventflow_db/aio/lock.py by scripts/generate; do not edit.
"""A named lock of the server, held in a block on a connection of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from ..driver.waiting import owner
from ..errors import ConflictError, EventflowDBError, UnavailableError
from ..forking import ProcessBound
from ..redact import redacting_all
from .channel import Channel
from .retry import PooledSession


@redacting_all
class Lock(ProcessBound, AbstractContextManager["Lock"]):
    """A named lock that is held within a block: see EventflowDB.lock."""

    def __init__(self, db: PooledSession, reference: str, timeout: int) -> None:
        queries = db._sql.lock
        self._db = db
        self._timeout = timeout
        self._acquire = queries.acquire.statement.call({"reference": reference, "timeout": timeout})
        self._is_held = queries.is_held.statement.call({"reference": reference})
        self._release = queries.release.statement.call({"reference": reference})
        self._channel: Channel | None = None
        self._has_begun = False

    def __enter__(self) -> Lock:
        spec = self._acquire.spec
        if self._has_begun:
            raise spec.invalid("a lock has one block: take another one")
        self._has_begun = True
        channel = self._db._open(spec)
        channel.read_timeout = self._timeout + 10
        had = None
        try:
            had = channel.read_row(self._acquire)
        except BaseException as error:
            if channel.gave_up or not isinstance(error, Exception):
                # or it would wait on, and have the lock for a while
                self._db._pool.cancel(channel)
            raise
        finally:
            if had != 1:
                channel.close()
        if had != 1:
            raise spec.failure(ConflictError, f"not had within {self._timeout} s")
        channel.read_timeout = self._db.settings.read_timeout
        self._channel = channel
        return self

    def check(self) -> None:
        """Ask the server whether the lock is held still, as long work should now and then.

        Raises: UnavailableError when it was lost: somebody else may have it (E_EVENTFLOW_DB_LOCK).
        """
        channel, spec = self._channel, self._is_held.spec
        if channel is None or channel.owner != owner():
            raise spec.invalid("the lock is not held: use it in a with block")
        if channel.read_row(self._is_held) != 1:
            raise spec.failure(UnavailableError, "the lock was lost while it was held")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            raise self._release.spec.invalid("the lock is not held: use it in a with block")
        if channel.owner != owner():
            # a forked child: the lock, and its connection, are the parent's
            channel.abort()
            return
        if error is not None:
            # closing the connection releases it as well, a little later
            channel.read_timeout = 1.0
        try:
            if channel.read_row(self._release) != 1:
                raise self._release.spec.failure(UnavailableError, "the lock was lost while it was held")
        except EventflowDBError:
            if error is None:
                raise
        finally:
            channel.close()
