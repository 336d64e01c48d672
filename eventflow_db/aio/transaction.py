"""A transaction on a connection of the pool, from BEGIN to its end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import pymysql.err

from ..driver.errnos import meaning, translate
from ..driver.waiting import aowner
from ..errors import ConflictError, InvalidValueError, OutcomeUnknownError, UnavailableError
from ..foreign import ignoring
from ..query.spec import QuerySpec
from ..redact import redacting_all
from .connection import AsyncConnectionSession
from .retry import AsyncBudget, AsyncPooledSession


@redacting_all
class AsyncTransaction(AsyncConnectionSession):
    """The operations in one transaction: see AsyncEventflowDB.transaction.

    Once the server has rolled it back (a deadlock, a lost connection, a cancellation) it is finished: what
    was sent next would be committed by itself, so every further call raises, and the end of the block too.
    """

    def __init__(self, db: AsyncPooledSession, budget: AsyncBudget | None = None) -> None:
        super().__init__(db._sql)
        self._db = db
        self._budget = budget
        self._finish(InvalidValueError, "the transaction has not begun: use it in a with block")
        self._has_begun = False
        self._is_clean = False
        """Whether the connection is fit for other use."""
        self._was_interrupted = False
        """Whether a statement was not waited for."""

    async def __aenter__(self) -> Self:
        call = self._sql.session.begin.statement.call({})
        if self._has_begun:
            raise call.spec.invalid("a transaction has one block: begin another one")
        self._has_begun = True
        channel, _ = await self._db._hold(call, self._budget or AsyncBudget(self._db.settings))
        assert channel is not None
        self._channel, self._finished = channel, None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._has_begun:
            await self._check(self._sql.session.commit.statement.spec)
        try:
            if error is None:
                await self._commit()
            elif isinstance(error, Exception):
                await self._rollback()
        finally:
            # nothing is waited for here: a cancellation would keep the connection from the pool for ever
            self._leave()

    def _leave(self) -> None:
        pool, channel = self._db._pool, self._channel
        # whoever keeps a transaction that has ended keeps no connection
        del self._channel
        if self._is_clean and channel.is_open:
            pool.release(channel)
        else:
            pool.discard(channel, cancelled=self._was_interrupted)
            if self._finished and meaning(self._finished[2]).out_of_service:
                pool.renew()
        self._finish(ConflictError, "the block of the transaction has ended")

    async def _check(self, spec: QuerySpec) -> None:
        if self._finished is None and self._channel.owner != aowner():
            self._finish(UnavailableError, "it belongs to the process and event loop that began it")
        await super()._check(spec)

    def _interrupted(self) -> None:
        self._was_interrupted = True
        super()._interrupted()

    async def _commit(self) -> None:
        try:
            await self._try_commit()
        except Exception:
            await self._rollback()
            raise

    async def _try_commit(self) -> None:
        call = self._sql.session.commit.statement.call({})
        spec = call.spec
        with self._alone(spec):
            await self._check(spec)
            try:
                await self._channel.run(call)
                self._is_clean = True
                return
            except pymysql.err.Error as error:
                failure = translate(error, spec)
                found = meaning(failure.errno)
                if found.not_executed and not found.not_begun:
                    text = "the connection was lost while committing"
                    failure = spec.failure(OutcomeUnknownError, text, failure.errno)
                self._finish(type(failure), "the transaction could not be committed", failure.errno)
            except BaseException:
                self._interrupted()
                raise
            raise failure

    async def _rollback(self) -> None:
        """Roll back, unless the server has; what fails here changes nothing, for the connection is closed then."""
        if self._channel.owner == aowner() and (self._finished is None or self._finished[0] is ConflictError):
            call = self._sql.session.rollback.statement.call({})
            with ignoring(InvalidValueError, pymysql.err.Error), self._alone(call.spec):
                try:
                    await self._channel.run(call)
                    self._is_clean = True
                except pymysql.err.Error:
                    raise
                except BaseException:
                    self._was_interrupted = True
                    raise
