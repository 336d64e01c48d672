# Generated from eventflow_db/aio/connection.py by scripts/generate; do not edit.
"""The operations on one connection, in a transaction: what `transaction` and `from_connection` have in common."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final

from pymysql.constants import CLIENT

from ..driver.errnos import translate
from ..driver.sync import RawConnection
from ..errors import ConflictError, EventflowDBError, UnavailableError
from ..query.rows import Result
from ..query.spec import QuerySpec
from ..query.statement import Call, Statement
from ..redact import redacting_all
from .channel import Channel
from .operations import Session

_UTC: Final = ("+00:00", "UTC", "Etc/UTC")


@redacting_all
class ConnectionSession(Session):
    """Operations on one connection, inside a transaction that is not theirs to end."""

    _channel: Channel

    def __init__(self, sql: Any) -> None:
        self._sql = sql
        self._savepoints = 0
        # never waited for
        self._busy = threading.Lock()

    def _run(self, call: Call) -> Result:
        self._refuse_commit(call.spec)
        with self._alone(call.spec):
            self._check(call.spec)
            try:
                return self._channel.run(call)
            except Exception as error:
                failure = self._failed(error, call.spec)
            except BaseException:
                self._cancelled()
                raise
            raise failure

    @contextlib.contextmanager
    def _alone(self, spec: QuerySpec) -> Iterator[None]:
        """The only use of the connection; two at once would read each other's replies."""
        if not self._busy.acquire(blocking=False):
            raise spec.invalid("a transaction belongs to one user at a time, and another one is using it")
        try:
            yield
        finally:
            self._busy.release()

    def _check(self, spec: QuerySpec) -> None:
        """Raise where nothing may be sent any more."""
        raise NotImplementedError

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        """The error of a call that failed, after noting what it means for the transaction."""
        raise NotImplementedError

    def _cancelled(self) -> None:
        """Note that a statement was not waited for."""

    def _need_transaction(self, spec: QuerySpec) -> None:
        """Raise where nothing may be sent any more, or where each statement is a transaction of its own."""
        with self._alone(spec):
            self._check(spec)

    def _refuse_commit(self, spec: QuerySpec) -> None:
        if spec.commits:
            raise spec.invalid("commits implicitly: not inside a transaction")

    def _run_batch(self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
        self._need_transaction(statement.spec)
        texts = list(statement.batches(groups, self._channel.packet_limit))
        if len(texts) == 1:
            # which is all or nothing by itself
            self._run(Call(statement.spec, texts[0]))
            return
        with self.transaction():
            for text in texts:
                self._run(Call(statement.spec, text))

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction inside this one, a savepoint: what its block has done is undone when the block raises.

        Gives these same operations. The server has lost the savepoint where it has rolled everything back.

        Raises: EventflowDBError (E_EVENTFLOW_DB_TRANSACTION).
        """
        return _AsyncSavepoint(self)

    def lock(self, reference: str, timeout: int = 30) -> AbstractContextManager[None]:
        """Not inside a transaction: a lock has a connection of its own, and outlives a transaction.

        Raises: InvalidValueError (E_EVENTFLOW_DB_LOCK).
        """
        raise self._sql.lock.acquire.statement.spec.invalid("needs a connection of its own: not inside a transaction")


@redacting_all
class _AsyncSavepoint(AbstractContextManager[Session]):
    """A nested transaction."""

    def __init__(self, session: ConnectionSession) -> None:
        self._session = session

    def __enter__(self) -> Session:
        session, query = self._session, self._session._sql.session.savepoint
        session._need_transaction(query.statement.spec)
        query(session, savepoint=session._savepoints + 1)
        session._savepoints += 1
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, queries = self._session, self._session._sql.session
        number = session._savepoints
        session._savepoints -= 1
        if error is None:
            queries.release_savepoint(session, savepoint=number)
            return
        # of a transaction that was rolled back nothing is left
        with contextlib.suppress(ConflictError, UnavailableError):
            queries.rollback_to_savepoint(session, savepoint=number)


@redacting_all
class BorrowedSession(ConnectionSession):
    """The operations on a caller's connection: see EventflowDB.from_connection."""

    def __init__(self, connection: RawConnection, sql: Any) -> None:
        super().__init__(sql)
        self._connection = connection
        self._is_checked = False
        if not isinstance(connection, RawConnection):  # type: ignore[misc]
            raise self._variables.spec.invalid(f"takes a connection of {RawConnection.__module__}")

    @property
    def _variables(self) -> Statement:
        return self._sql.session.read_variables.statement

    def _check(self, spec: QuerySpec) -> None:
        if not self._is_checked:
            self._channel = Channel(self._connection)
            problems = []
            if not self._connection.client_flag & CLIENT.FOUND_ROWS:
                problems.append("its updates do not count matched rows")
            variables = self._channel.read_row(self._variables.call({}))
            if variables.time_zone not in _UTC:
                problems.append("its session is not in UTC")
            if variables.character_set_client != "utf8mb4":
                problems.append("its session does not talk utf8mb4")
            if problems:
                raise self._variables.spec.invalid(
                    f"{', '.join(problems)}: connect with the keywords of eventflow_db.connection_arguments()"
                )
            self._channel.packet_limit = variables.max_allowed_packet
            self._is_checked = True
        if not self._channel.escapes_backslashes:
            raise spec.invalid("the session's sql_mode must not contain NO_BACKSLASH_ESCAPES")

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        return translate(error, spec)

    def _need_transaction(self, spec: QuerySpec) -> None:
        super()._need_transaction(spec)
        if self._channel.is_autocommitting:
            raise spec.invalid("needs a transaction: begin one on the connection")
