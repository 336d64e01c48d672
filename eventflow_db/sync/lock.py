# Generated from eventflow_db/aio/lock.py by scripts/generate; do not edit.
"""A named lock, held in a block: the server's own, or in a cluster, whose members each have their own, a lease."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from ..driver.waiting import owner
from ..errors import ConflictError, EventflowDBError, UnavailableError
from ..forking import ProcessBound
from ..redact import redacting_all
from .channel import Channel
from .lease import Lease
from .retry import PooledSession


class ServerLock:
    """A lock of one server, GET_LOCK: a connection has it, and Node's locks are the same."""

    fence = None

    def __init__(self, db: PooledSession, channel: Channel, reference: str, timeout: int) -> None:
        queries = db._sql.lock
        self._db = db
        self._channel = channel
        self._timeout = timeout
        self._acquire = queries.acquire.statement.call({"reference": reference, "timeout": timeout})
        self._is_held = queries.is_held.statement.call({"reference": reference})
        self._release = queries.release.statement.call({"reference": reference})

    def acquire(self) -> bool:
        """Whether the lock was had in time."""
        channel, had = self._channel, None
        channel.read_timeout = self._timeout + 10
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
        channel.read_timeout = self._db.settings.read_timeout
        return bool(had)

    def is_held(self) -> bool:
        """Whether the server says that the connection has it still."""
        return bool(self._channel.read_row(self._is_held))

    def release(self, timeout: float | None) -> bool:
        """Give it back, within some seconds, or by closing the connection; False where it was lost."""
        if timeout is not None:
            self._channel.read_timeout = timeout
        try:
            return bool(self._channel.read_row(self._release))
        finally:
            self._channel.close()

    def abandon(self) -> None:
        """Close a forked child's copy of the connection: the lock is the parent's."""
        self._channel.abort()


@redacting_all
class Lock(ProcessBound, AbstractContextManager["Lock"]):
    """A named lock that is held within a block: see EventflowDB.lock."""

    def __init__(self, db: PooledSession, reference: str, timeout: int) -> None:
        statement = db._sql.lock.acquire.statement
        # before anything is sent
        statement.call({"reference": reference, "timeout": timeout})
        self._spec = statement.spec
        self._db = db
        self._reference = reference
        self._timeout = timeout
        self._held: ServerLock | Lease | None = None
        self._owner: object = None
        self._has_begun = False

    @property
    def fence(self) -> int | None:
        """In a cluster a number that grows each time that somebody gets the lock; None on one server, or outside.

        What is written under a lock that was lost can be told by it: let the store refuse a lower one than its last.
        """
        return None if self._held is None else self._held.fence

    def __enter__(self) -> Lock:
        if self._has_begun:
            raise self._spec.invalid("a lock has one block: take another one")
        self._has_begun = True
        held = self._kind()
        if not held.acquire():
            raise self._spec.failure(ConflictError, f"not had within {self._timeout} s")
        self._held, self._owner = held, owner()
        return self

    def _kind(self) -> ServerLock | Lease:
        channel, is_in_cluster = self._db._open(self._spec), True
        try:
            is_in_cluster = channel.is_in_cluster(self._spec)
        finally:
            if is_in_cluster:
                channel.close()
        if is_in_cluster:
            return Lease(self._db, self._reference, self._timeout)
        return ServerLock(self._db, channel, self._reference, self._timeout)

    def check(self) -> None:
        """See whether the lock is held still, as long work should now and then.

        On one server that is asked; in a cluster the lock is held until its lease ends, and nothing is sent.

        Raises: UnavailableError when it was lost: somebody else may have it (E_EVENTFLOW_DB_LOCK).
        """
        held = self._held
        if held is None or self._owner != owner():
            raise self._spec.invalid("the lock is not held: use it in a with block")
        if not held.is_held():
            raise self._spec.failure(UnavailableError, "the lock was lost while it was held")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        held, self._held = self._held, None
        if held is None:
            raise self._spec.invalid("the lock is not held: use it in a with block")
        if self._owner != owner():
            held.abandon()
            return
        try:
            # it is given back a little later anyway
            if not held.release(None if error is None else 1.0):
                raise self._spec.failure(UnavailableError, "the lock was lost while it was held")
        except EventflowDBError:
            if error is None:
                raise
