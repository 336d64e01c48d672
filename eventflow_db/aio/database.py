"""The database object: settings, pool, transactions, locks and batches."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..driver.aio import RawConnection
from ..errors import EventflowDBError, InvalidValueError
from ..query import load
from ..query.spec import QuerySpec
from ..query.statement import Call, Statement
from ..redact import redacting_all
from ..settings import CODE as SETTINGS_CODE
from ..settings import Settings
from .connection import AsyncBorrowedSession
from .lock import AsyncLock
from .operations import AsyncSession
from .pool import AsyncPool
from .retry import AsyncBudget, AsyncPooledSession
from .transaction import AsyncTransaction

if TYPE_CHECKING:
    import svcs

T = TypeVar("T")


@redacting_all
class AsyncEventflowDB(AsyncPooledSession):
    """The data layer of Eventflow on MySQL or MariaDB.

    AsyncEventflowDB() takes the EVENTFLOW_MYSQL_* environment, AsyncEventflowDB(url) a URL, and
    AsyncEventflowDB(Settings(...)) settings. Nothing connects before first use.
    Any number of users may share it at once. Pickled or copied it is its settings, with a pool of its own.

    Each operation is a transaction of its own. After a deadlock or a lock wait it is run again, and after a
    lost connection too where that is harmless; where it is not, the error is an OutcomeUnknownError.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS), ContractError (E_EVENTFLOW_DB_CONTRACT).
    """

    def __init__(self, settings: Settings | str | None = None) -> None:
        if settings is None:
            settings = Settings.from_environment()
        elif isinstance(settings, str):
            settings = Settings.from_url(settings)
        elif not isinstance(settings, Settings):
            raise InvalidValueError(SETTINGS_CODE, "settings: must be Settings, a URL or None")
        self.settings = settings
        self._sql = load(settings.sql_path, settings.statement_tags)
        self._pool = AsyncPool(settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"

    def __getstate__(self) -> dict[str, Any]:
        """For another process, or a copy: the settings, and what a subclass adds; the connections are its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_sql", "_pool")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        AsyncEventflowDB.__init__(self, self.settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, timeout: float = 5.0) -> None:
        """Close every connection. Calls after that raise UnavailableError, which says so, and are not run again.

        timeout: seconds to wait for what is in use; then it is aborted, as a lost connection would be, and its
        statement is ended on the server. Locks are not affected.

        Raises: InvalidValueError for what is no timeout (E_EVENTFLOW_DB_SETTINGS).
        """
        if type(timeout) not in (int, float) or not 0 <= timeout <= 31536000:
            raise InvalidValueError(SETTINGS_CODE, "timeout: must be seconds from 0 to 31536000")
        await self._pool.close(timeout)

    @staticmethod
    def from_connection(connection: RawConnection, *, sql_path: str | None = None) -> AsyncSession:
        """The operations on a caller's connection, in the caller's transaction.

        It is never committed or rolled back, nothing is run again, and it is closed only where a reply could not be
        read to its end. Once the server has rolled the transaction back, every further call raises. The connection
        has to count matched rows and be in UTC and utf8mb4, which is checked on first use: connect with
        `eventflow_db.connection_arguments()`. sql_path: as in Settings; the environment is not read.

        Raises: InvalidValueError (E_EVENTFLOW_DB_CONNECTION), on first use with how to connect.
        """
        return AsyncBorrowedSession(connection, load(sql_path))

    def transaction(self) -> AsyncTransaction:
        """One transaction over several operations: `async with db.transaction() as tx: await tx.persist_event(…)`.

        It is committed at the end of the block and rolled back when the block raises. It belongs to one user at a time,
        and nothing in it is run again: see run_transaction. `tx.transaction()` is one inside it, a savepoint.

        Raises: ConflictError or UnavailableError when the server rolled it back, also where the block has
        swallowed that; OutcomeUnknownError when the reply to COMMIT was lost (E_EVENTFLOW_DB_TRANSACTION).
        """
        return AsyncTransaction(self)

    async def run_transaction(self, work: Callable[[AsyncTransaction], Awaitable[T]]) -> T:
        """Run `work(tx)` in a transaction, and again after a deadlock, a lock wait or a lost connection.

        What the function does besides is done again too. Gives what it gave.

        Raises: as transaction (E_EVENTFLOW_DB_TRANSACTION); what the function raises; InvalidValueError where it gives
        a coroutine.
        """
        budget, spec = AsyncBudget(self.settings), self._sql.session.commit.statement.spec
        if not callable(work):
            raise spec.invalid("work: must be a function of the transaction")

        async def attempt() -> tuple[None, T] | EventflowDBError:
            try:
                async with AsyncTransaction(self, budget) as tx:
                    done = await work(tx)
                    if inspect.iscoroutine(done):
                        done.close()
                        raise spec.invalid("work: gives a coroutine, of which nothing has run")
                    return None, done
            except EventflowDBError as error:
                return error

        _, result = await self._repeat(spec, attempt, budget)
        done: T = result
        return done

    async def _run_batch(
        self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        spec, budget = statement.spec, AsyncBudget(self.settings)
        texts = list(islice(statement.batches(groups), 2))
        if len(texts) == 1:
            try:
                await self._run_within(Call(spec, texts[0], rows), budget)
                return
            except InvalidValueError as error:
                # 1153: the server takes less at a time
                if error.errno != 1153:
                    raise

        async def work(tx: AsyncTransaction) -> None:
            for text in statement.batches(groups, tx._channel.packet_limit):
                await tx._run(Call(spec, text))

        await self._atomically(spec, work, budget, rows)

    async def _atomically(
        self,
        spec: QuerySpec,
        work: Callable[[AsyncTransaction], Awaitable[T]],
        budget: AsyncBudget | None = None,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> T:
        budget = budget or AsyncBudget(self.settings)

        async def attempt() -> tuple[None, T] | EventflowDBError:
            try:
                async with AsyncTransaction(self, budget) as tx:
                    done = await work(tx)
            except EventflowDBError as error:
                return spec.recoded(error)
            return None, done

        _, result = await self._repeat(spec, attempt, budget, rows)
        done: T = result
        return done

    def lock(self, reference: str, timeout: int = 30) -> AbstractAsyncContextManager[AsyncLock]:
        """Hold a named lock, one holder at a time: `async with db.lock("nightly"): …`.

        reference: 1 to 64 characters, no emoji. timeout: whole seconds to wait for it. It lives on connections of its
        own, outside the pool, and is released even when the block raises.

        On one server it is GET_LOCK, the same as Node's: it counts for the whole server, not the database, its case
        matters on MariaDB alone, and it is lost with its connection. In a cluster, where GET_LOCK counts for one member
        only, it is a row of the table lease of this database: held for 60 s by the server's clock, which a thread or a
        task extends for as long as the block takes, also across a failover. A holder that dies keeps it for up to 60 s.
        Its name is compared exactly, and Node does not know of it.

        `async with … as lock`: `await lock.check()` raises UnavailableError when the lock was lost; so does the end of
        the block. `lock.fence`: see AsyncLock.

        Raises: ConflictError when it was not had in time; UnavailableError; SchemaError in a cluster where the table
        lease is missing (E_EVENTFLOW_DB_LOCK).
        """
        return AsyncLock(self, reference, timeout)


async def locate_async(container: svcs.Container) -> AsyncEventflowDB:
    """The database object for a service locator: with the svcs container's Settings, else the environment's.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS).
    """
    from svcs.exceptions import ServiceNotFoundError

    try:
        settings = await container.aget(Settings)
    except ServiceNotFoundError as error:
        if error.args != (Settings,):
            # something that the container's Settings need
            raise
        settings = None
    return AsyncEventflowDB(settings)
