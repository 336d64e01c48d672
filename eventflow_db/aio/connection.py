"""The operations on one connection, in a transaction: what `transaction` and `from_connection` have in common."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pymysql.err
from pymysql.constants import CLIENT

from ..driver.aio import RawConnection
from ..driver.errnos import meaning, translate
from ..driver.setup import session_problems
from ..errors import ConflictError, EventflowDBError, InvalidValueError, OutcomeUnknownError, UnavailableError
from ..forking import ProcessBound
from ..query.rows import Result
from ..query.spec import QuerySpec
from ..query.statement import Call, Statement
from ..redact import redacting_all
from .channel import AsyncChannel
from .operations import AsyncSession

if TYPE_CHECKING:
    from .lock import AsyncLock

T = TypeVar("T")
_LOST: Final = "the connection was lost, the transaction is rolled back"
_numbers = itertools.count(1)
"""Of savepoints, no two alike: several sessions may use one connection, and the later of one name ends the earlier."""


@redacting_all
class AsyncConnectionSession(AsyncSession):
    """Operations on one connection, inside a transaction that is not theirs to end."""

    _channel: AsyncChannel
    _has_transaction = True

    def __init__(self, sql: Any) -> None:
        self._sql = sql
        self._finished: tuple[type[EventflowDBError], str, int | None] | None = None
        self._savepoints: list[int] = []
        self._user: dict[None, object] = {}
        """Whoever uses the connection."""

    def _finish(self, kind: type[EventflowDBError], text: str, errno: int | None = None) -> None:
        """Refuse every further call: what was sent next would be committed by itself."""
        self._finished = self._finished or (kind, text, errno)

    async def _check(self, spec: QuerySpec) -> None:
        """Raise where nothing may be sent any more."""
        if self._finished is not None:
            kind, text, errno = self._finished
            raise spec.failure(kind, text, errno)

    async def _run(self, call: Call, until: float | None = None) -> Result:
        self._refuse_commit(call.spec)
        with self._alone(call.spec):
            await self._check(call.spec)
            try:
                return await self._channel.run(call, until)
            except pymysql.err.Error as error:
                failure = self._failed(translate(error, call.spec), call.spec)
            except BaseException:
                self._interrupted()
                raise
            raise failure

    @contextlib.contextmanager
    def _alone(self, spec: QuerySpec) -> Iterator[None]:
        """The only use of the connection; two at once would read each other's replies."""
        ours = object()
        try:
            # in one step, so that an exception from outside finds it either ours or not
            if self._user.setdefault(None, ours) is not ours:
                raise spec.invalid("a transaction belongs to one user at a time, and another one is using it")
            yield
        finally:
            if self._user.get(None) is ours:
                self._user.clear()

    def _failed(self, failure: EventflowDBError, spec: QuerySpec) -> EventflowDBError:
        """The error of a call, after noting what it means for the transaction."""
        errno = failure.errno
        if self._channel.is_open and self._channel.is_autocommitting:
            # a caller's connection, each of whose statements is a transaction of its own
            return failure
        if meaning(errno).ends_transaction or (errno == 1205 and self._channel.rolls_back_on_timeout):
            self._finish(ConflictError, "the transaction has been rolled back", errno)
        elif not self._channel.is_open or (meaning(errno).discard and self._channel.settings is not None):
            self._finish(UnavailableError, _LOST, errno)
            if isinstance(failure, OutcomeUnknownError):
                cause, failure = failure.__cause__, spec.failure(UnavailableError, _LOST, errno)
                failure.__cause__ = cause
        return failure

    def _interrupted(self) -> None:
        """Note that a statement was not waited for."""
        self._finish(UnavailableError, "a call was cancelled, the transaction is rolled back")

    async def _need_transaction(self, spec: QuerySpec) -> None:
        """Raise where nothing may be sent any more, or where each statement is a transaction of its own."""
        with self._alone(spec):
            await self._check(spec)

    def _refuse_commit(self, spec: QuerySpec) -> None:
        if spec.commits:
            raise spec.invalid("commits implicitly: not inside a transaction")

    async def _run_batch(
        self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        await self._need_transaction(statement.spec)
        texts = list(statement.batches(groups, self._channel.packet_limit))
        if len(texts) == 1:
            # which is all or nothing by itself
            await self._run(Call(statement.spec, texts[0]))
            return
        try:
            async with self.transaction():
                for text in texts:
                    await self._run(Call(statement.spec, text))
            return
        except EventflowDBError as error:
            failure = statement.spec.recoded(error)
        raise failure

    async def _atomically(self, spec: QuerySpec, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        try:
            async with self.transaction():
                return await work(self)
        except EventflowDBError as error:
            failure = spec.recoded(error)
        raise failure

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction inside this one, a savepoint: what its block has done is undone when the block raises.

        Gives these same operations. The server has lost the savepoint where it has rolled everything back.

        Raises: EventflowDBError (E_EVENTFLOW_DB_TRANSACTION).
        """
        return _AsyncSavepoint(self)

    def lock(self, reference: str, timeout: int = 30) -> AbstractAsyncContextManager[AsyncLock]:
        """Not inside a transaction: a lock has a connection of its own, and outlives a transaction.

        Raises: InvalidValueError (E_EVENTFLOW_DB_LOCK).
        """
        raise self._sql.lock.acquire.statement.spec.invalid("needs a connection of its own: not inside a transaction")


@redacting_all
class _AsyncSavepoint(ProcessBound, AbstractAsyncContextManager[AsyncSession]):
    """A nested transaction."""

    def __init__(self, session: AsyncConnectionSession) -> None:
        self._session = session
        self._number = 0

    async def __aenter__(self) -> AsyncSession:
        session, query = self._session, self._session._sql.session.savepoint
        if self._number:
            raise query.statement.spec.invalid("a transaction has one block: begin another one")
        await session._need_transaction(query.statement.spec)
        self._number = next(_numbers)
        await query(session, savepoint=self._number)
        session._savepoints.append(self._number)
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, queries = self._session, self._session._sql.session
        spec = queries.release_savepoint.statement.spec
        if session._savepoints[-1:] != [self._number]:
            # to roll this one back would undo the other's work, which may have been acknowledged
            session._finish(InvalidValueError, "nested transactions ended in another order than they began")
            await session._check(spec)
        session._savepoints.pop()
        if error is None:
            await queries.release_savepoint(session, savepoint=self._number)
            return
        try:
            await queries.rollback_to_savepoint(session, savepoint=self._number)
        except EventflowDBError:
            # the block's own error is the one to raise; what it has done must not be committed
            session._finish(ConflictError, "a nested transaction could not be undone")


@redacting_all
class AsyncBorrowedSession(AsyncConnectionSession):
    """The operations on a caller's connection: see AsyncEventflowDB.from_connection."""

    def __init__(self, connection: RawConnection, sql: Any) -> None:
        super().__init__(sql)
        self._connection = connection
        if not isinstance(connection, RawConnection):  # type: ignore[misc]
            raise self._variables.spec.invalid(f"takes a connection of {RawConnection.__module__}")
        self._channel = AsyncChannel(connection)

    @property
    def _variables(self) -> Statement:
        return self._sql.session.read_variables.statement

    async def _check(self, spec: QuerySpec) -> None:
        await super()._check(spec)
        if self._channel.is_untouched:
            return
        variables = await self._channel.read_row(self._variables.call({}))
        problems = session_problems(variables)
        if not self._connection.client_flag & CLIENT.FOUND_ROWS:
            problems.append("its updates do not count matched rows")
        if problems:
            raise self._variables.spec.invalid(
                f"{', '.join(problems)}: connect with the keywords of eventflow_db.connection_arguments()"
            )
        self._channel.packet_limit = variables.max_allowed_packet
        self._channel.rolls_back_on_timeout = bool(variables.rolls_back_on_timeout)
        self._channel.mark()

    async def _run(self, call: Call, until: float | None = None) -> Result:
        if until is not None:
            raise call.spec.invalid("timeout: not here, where the time limits of the caller's connection hold")
        result = await super()._run(call)
        # until its caller uses it, the session stays as it was checked
        self._channel.mark()
        return result

    async def _need_transaction(self, spec: QuerySpec) -> None:
        await super()._need_transaction(spec)
        if self._channel.is_autocommitting:
            raise spec.invalid("needs a transaction: begin one on the connection")
