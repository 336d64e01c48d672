# Generated from eventflow_db/aio/transaction.py by scripts/generate; do not edit.
"""A transaction on a connection of the pool, from BEGIN to its end."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from ..driver.errnos import errno_of, meaning, translate
from ..driver.waiting import owner
from ..errors import ConflictError, EventflowDBError, InvalidValueError, OutcomeUnknownError, UnavailableError
from ..query.spec import QuerySpec
from ..redact import redacting_all
from .connection import ConnectionSession
from .retry import Budget, PooledSession

_LOST = "the connection was lost, the transaction is rolled back"


@redacting_all
class Transaction(ConnectionSession):
    """The operations in one transaction: see EventflowDB.transaction.

    Once the server has rolled it back (a deadlock, a lost connection, a cancellation) it is finished: what
    was sent next would be committed by itself, so every further call raises, and the end of the block too.
    """

    def __init__(self, db: PooledSession, budget: Budget | None = None) -> None:
        super().__init__(db._sql)
        self._db = db
        self._budget = budget or Budget(db.settings)
        self._finished: tuple[type[EventflowDBError], str, int | None] | None = None
        self._finish(InvalidValueError, "the transaction has not begun: use it in a with block")
        self._is_clean = False
        """Whether the connection is fit for other use."""
        self._was_cancelled = False
        """Whether a statement was not waited for."""

    def __enter__(self) -> Self:
        call = self._sql.session.begin.statement.call({})
        if hasattr(self, "_channel"):
            raise call.spec.invalid("a transaction has one block: begin another one")
        channel, _ = self._db._hold(call, self._budget)
        assert channel is not None
        self._channel, self._finished = channel, None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pool, channel = self._db._pool, self._channel
        try:
            if error is None:
                self._commit()
        except Exception as failure:
            error = failure
            raise
        finally:
            if not self._is_clean and isinstance(error, Exception):
                self._rollback()
            if self._is_clean and channel.is_open:
                pool.release(channel)
            else:
                pool.discard(channel, cancelled=self._was_cancelled)
                if self._finished and meaning(self._finished[2]).out_of_service:
                    pool.renew()
            self._finish(ConflictError, "the block of the transaction has ended")

    def _finish(self, kind: type[EventflowDBError], text: str, errno: int | None = None) -> None:
        """Refuse every further call."""
        self._finished = self._finished or (kind, text, errno)

    def _check(self, spec: QuerySpec) -> None:
        if self._finished is None and self._channel.owner != owner():
            self._finish(UnavailableError, "it belongs to the process and event loop that began it")
        if self._finished is not None:
            kind, text, errno = self._finished
            raise spec.failure(kind, text, errno)

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        failure = translate(error, spec)
        errno = failure.errno
        if meaning(errno).ends_transaction or (errno == 1205 and self._channel.rolls_back_on_timeout):
            self._finish(ConflictError, "the transaction has been rolled back", errno)
        elif meaning(errno).discard or not self._channel.is_open:
            self._finish(UnavailableError, _LOST, errno)
            if isinstance(failure, OutcomeUnknownError):
                cause = failure.__cause__
                failure = spec.failure(UnavailableError, _LOST, errno)
                failure.__cause__ = cause
        return failure

    def _cancelled(self) -> None:
        self._was_cancelled = True
        self._finish(UnavailableError, "a call was cancelled, the transaction is rolled back")

    def _commit(self) -> None:
        call = self._sql.session.commit.statement.call({})
        spec = call.spec
        with self._alone(spec):
            self._check(spec)
            try:
                self._channel.run(call)
            except Exception as error:
                failure = translate(error, spec)
                errno = errno_of(error)
                if meaning(errno).not_executed:
                    failure = spec.failure(OutcomeUnknownError, "the connection was lost while committing", errno)
                self._finish(type(failure), "the transaction could not be committed", errno)
            else:
                self._is_clean = True
                return
            raise failure

    def _rollback(self) -> None:
        """Roll back, unless the server has; what fails here changes nothing, for the connection is closed then."""
        if self._channel.owner == owner() and (self._finished is None or self._finished[0] is ConflictError):
            call = self._sql.session.rollback.statement.call({})
            with contextlib.suppress(Exception), self._alone(call.spec):
                self._channel.run(call)
                self._is_clean = True
