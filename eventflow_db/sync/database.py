# Generated from eventflow_db/aio/database.py by scripts/generate; do not edit.
"""The database object: operations over a pool, transactions, locks, and what is run again."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, TypeVar

from pymysql.constants import CLIENT

from ..driver.setup import errno_of, translate
from ..driver.sync import Channel, RawConnection, scope, sleep
from ..errors import (
    FINISHES_TRANSACTION,
    LOST,
    NOT_EXECUTED,
    OUT_OF_SERVICE,
    RETRIED,
    ConflictError,
    DuplicateError,
    EventflowDBError,
    InvalidValueError,
    MissingReferenceError,
    OutcomeUnknownError,
    UnavailableError,
    meaning,
)
from ..query import QuerySpec, Statement, load
from ..query.codec import decode_json, encode_json
from ..query.rows import Result
from ..redact import guarded
from ..settings import CODE as SETTINGS_CODE
from ..settings import Settings
from .operations import Session, batches
from .pool import Pool, PoolClosedError, PoolTimeoutError

if TYPE_CHECKING:
    import svcs

T = TypeVar("T")
BATCH_BYTES: Final = 250_000
"""How large the statements of a batch grow: of larger ones, each row takes the servers longer."""
ALTER_LOCK_WAIT: Final = 2
"""Seconds that a change of a table waits for its lock: whoever writes to the table waits behind it."""
_LONGEST_PAUSE: Final = 1.0
_AGAIN: Final = RETRIED | NOT_EXECUTED | LOST
_DECIDED: Final = (DuplicateError, MissingReferenceError, InvalidValueError)
_UTC: Final = ("+00:00", "UTC", "Etc/UTC")
Send: TypeAlias = Callable[[Channel], Result]


class _Attempts:
    """How often something may be run again: bounded in number and time, with full jitter between."""

    def __init__(self, settings: Settings, began: float) -> None:
        self._left = settings.retry_limit
        self._until = began + settings.retry_timeout
        self._pause = 0.01

    def again(self) -> bool:
        """Wait a little, or say that it is enough."""
        if self._left <= 0 or time.monotonic() >= self._until:
            return False
        self._left -= 1
        sleep(random.uniform(0, self._pause))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return True


@guarded
class EventflowDB(Session):
    """The data layer of Eventflow on MySQL or MariaDB.

    EventflowDB() takes the EVENTFLOW_MYSQL_* environment, EventflowDB(url) a URL, and
    EventflowDB(Settings(...)) settings. Nothing connects before first use.
    Any number of users may share it at once.

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
        self._pool = Pool(settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Close every connection. Calls after that are UnavailableErrors.

        timeout: seconds to wait for what is in use; then it is cut off, as a lost connection would be, and its
        statement is ended on the server. Locks are not affected.
        """
        self._pool.close(timeout)

    @staticmethod
    def from_connection(connection: RawConnection, *, sql_path: str | None = None) -> Session:
        """The operations on a caller's connection, in the caller's transaction.

        It is never committed, rolled back or closed, and nothing is run again. The connection has to count
        matched rows and be in UTC and utf8mb4, which is checked on first use: connect with
        `eventflow_db.connection_arguments()`.

        Raises: InvalidValueError (E_EVENTFLOW_DB_CONNECTION), on first use with how to connect.
        """
        return BorrowedSession(connection, load(sql_path))

    # --- sending

    def _execute(self, query: Any, literals: Mapping[str, bytes], values: Mapping[str, Any]) -> Result:
        spec: QuerySpec = query.sql.spec
        if spec.alters:
            return self._alter(query, literals)
        channel, result = self._hold(spec, partial(query, **literals), (values,))
        if channel is not None:
            self._pool.release(channel)
        return result

    def _alter(self, query: Any, literals: Mapping[str, bytes]) -> Result:
        """Change a table, once, on a connection of its own with a short wait for the table's lock."""
        channel = self._open(query.sql.spec)
        try:
            wait = min(ALTER_LOCK_WAIT, self.settings.lock_wait_timeout)
            channel.send(b"SET SESSION lock_wait_timeout = %d" % wait)
            result: Result = query(channel, **literals)
            return result
        except Exception as error:
            failure = translate(error, query.sql.spec)
            if channel.gave_up:
                self._pool.end_statement(channel)
        except BaseException:
            self._pool.end_statement(channel)
            raise
        finally:
            channel.close()
        raise failure

    def _hold(
        self, spec: QuerySpec, send: Send, rows: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[Channel | None, Result]:
        """Send a statement, again where that is right; the connection comes with the result, to be released.

        rows: the values that it was made from.
        """
        began = time.monotonic()
        attempts: _Attempts | None = None
        lost: OutcomeUnknownError | None = None  # an earlier attempt, which may have taken effect
        while True:
            channel, outcome = self._attempt(spec, send)
            if isinstance(outcome, Result):
                return channel, outcome
            if isinstance(outcome, OutcomeUnknownError):
                if spec.idempotent == "no":
                    raise outcome
                lost = outcome
            elif not (
                outcome.errno in _AGAIN
                or outcome.errno in spec.conflicts
                # what may have run already is worth waiting for the server to come back
                or (lost is not None and outcome.errno and isinstance(outcome, UnavailableError))
            ):
                break
            attempts = attempts or _Attempts(self.settings, began)
            if not attempts.again():
                break
        if lost is None:
            raise outcome
        if outcome.errno == 1062 and self._are_identical(spec, rows, lost):
            return None, Result(len(rows), (), ())
        raise outcome if _decides(outcome) else lost

    def _attempt(self, spec: QuerySpec, send: Send) -> tuple[Channel | None, Result | EventflowDBError]:
        channel = None
        try:
            channel = self._pool.acquire()
            return channel, send(channel)
        except PoolTimeoutError:
            text = f"no connection became free within {self.settings.pool_timeout:g} s (pool_timeout)"
            failure = spec.error(UnavailableError, text)
        except PoolClosedError:
            failure = spec.error(UnavailableError, "the database object is closed")
        except Exception as error:
            failure = translate(error, spec, connecting=channel is None)
        except BaseException:
            if channel is not None:  # cancelled: its reply would meet the next user
                self._pool.discard(channel, cut=True)
            raise
        if channel is not None:
            if failure.errno in OUT_OF_SERVICE:
                self._pool.renew()
            if meaning(failure.errno).discard or not channel.is_open:
                self._pool.discard(channel)
            else:
                self._pool.release(channel)
        return None, failure

    def _are_identical(self, spec: QuerySpec, rows: Sequence[Mapping[str, Any]], lost: OutcomeUnknownError) -> bool:
        """Whether the rows that are there are those that were sent: then the lost attempt had worked.

        False when one differs. Raises the loss where that cannot be told: a row has gone since.
        """
        if spec.twin is None:
            if len(rows) == 1:
                return True  # the key is the whole row
            raise lost  # which of them was there before?
        table, name = spec.twin.split(".")
        twin = getattr(getattr(self._sql, table), name)
        sent = [spec.bind(values) for values in rows]
        keys = [{key: literals[key] for key in twin.sql.spec.parameters} for literals in sent]
        if len({tuple(key.values()) for key in keys}) < len(keys):
            return False  # one key twice can never have worked
        gone = False
        for key, literals, values in zip(keys, sent, rows, strict=True):
            try:
                found = twin.sql.spec.decode(self._execute(twin, key, values))
            except EventflowDBError:
                found = []
            gone = gone or not found
            if found and not _is_equal(spec, found[0], literals, values):
                return False
        if gone:
            raise lost
        return True

    # --- transactions

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction over several operations: `with db.transaction() as tx: tx.persist_event(…)`.

        It is committed at the end of the block and rolled back when the block raises. It belongs to one user at a time,
        and nothing in it is run again: see run_transaction.

        Raises: ConflictError or UnavailableError when the server rolled it back, also where the block has
        swallowed that; OutcomeUnknownError when the reply to COMMIT was lost (E_EVENTFLOW_DB_TRANSACTION).
        """
        begin = self._sql.session.begin
        channel, _ = self._hold(begin.sql.spec, begin)
        assert channel is not None
        tx = Transaction(channel, self._sql)
        try:
            yield tx
            tx.commit()
        except Exception:
            tx.rollback()
            raise
        finally:
            if tx.is_clean and channel.is_open:
                self._pool.release(channel)
            else:
                self._pool.discard(channel, cut=tx.was_cut)
                if tx.errno in OUT_OF_SERVICE:
                    self._pool.renew()
            tx.finish(ConflictError, "the block of the transaction has ended")

    def run_transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work(tx)` in a transaction, and again after a deadlock, a lock wait or a lost connection.

        What the function does besides is done again too. Gives what it gave.

        Raises: as transaction (E_EVENTFLOW_DB_TRANSACTION); what the function raises.
        """
        attempts = _Attempts(self.settings, time.monotonic())
        while True:
            try:
                with self.transaction() as tx:
                    return work(tx)
            except (ConflictError, UnavailableError) as error:
                failure = error
            if failure.errno not in _AGAIN or not attempts.again():
                raise failure

    def _execute_batch(self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
        spec = statement.spec
        texts = batches(statement, groups, BATCH_BYTES)
        text = next(texts)
        if next(texts, None) is None:
            try:
                channel, _ = self._hold(spec, lambda channel: channel.run_query(text, spec), rows)
                if channel is not None:
                    self._pool.release(channel)
                return None
            except InvalidValueError as error:
                if error.errno != 1153:
                    raise  # else the server takes less at a time

        def work(tx: Transaction) -> None:
            tx.send_all(spec, tx.batches(statement, groups))

        attempts = _Attempts(self.settings, time.monotonic())
        lost: OutcomeUnknownError | None = None  # a COMMIT, which may have taken effect
        while True:
            try:
                return self.run_transaction(work)
            except EventflowDBError as error:
                outcome = error
            if isinstance(outcome, OutcomeUnknownError) and spec.idempotent != "no":
                lost = outcome
            elif lost is None or outcome.errno is None or not isinstance(outcome, UnavailableError):
                break
            if not attempts.again():
                break
        if lost is not None:
            if outcome.errno == 1062 and self._are_identical(spec, rows, lost):
                return None
            if not _decides(outcome):
                outcome = lost
        failure = type(outcome)(spec.code, outcome.message, outcome.errno)
        failure.__cause__ = outcome.__cause__
        raise failure

    # --- locks

    @contextmanager
    def lock(self, reference: str, timeout: int = 30) -> Iterator[None]:
        """Hold a named lock of the server: `with db.lock("nightly"): …`.

        reference: 1 to 64 characters, the same as Node's; it counts for the whole server, not the database or
        a cluster, and its case matters on MariaDB alone. timeout: whole seconds to wait for it. It lives on a
        connection of its own, outside the pool, and is released even when the block raises.

        Raises: ConflictError when it was not had in time; UnavailableError at the end of the block when its
        connection, and with it the lock, had been lost (E_EVENTFLOW_DB_LOCK).
        """
        acquire, release = self._sql.lock.acquire, self._sql.lock.release
        spec: QuerySpec = acquire.sql.spec
        literals = spec.bind({"reference": reference, "timeout": timeout})
        channel = self._open(spec)
        try:
            channel.read_timeout = timeout + 10
            try:
                had = _value(channel, acquire, literals)
            except BaseException as error:
                if channel.gave_up or not isinstance(error, Exception):
                    self._pool.end_statement(channel)  # or it would wait on, and have the lock for a while
                raise
            if had != 1:
                raise spec.error(ConflictError, f"not had within {timeout} s")
            channel.read_timeout = self.settings.read_timeout
            try:
                yield
            except BaseException:
                channel.read_timeout = 1.0  # closing the connection releases it as well, a little later
                if channel.scope == scope():
                    with contextlib.suppress(EventflowDBError):
                        _value(channel, release, literals)
                raise
            if channel.scope == scope() and _value(channel, release, literals) != 1:
                raise spec.error(UnavailableError, "the lock was lost while it was held")
        finally:
            if channel.scope == scope():
                channel.close()
            else:
                channel.abandon()  # a forked child: the lock, and its connection, are the parent's

    def _open(self, spec: QuerySpec) -> Channel:
        """A connection outside the pool, which the server does not close for being idle."""
        try:
            channel = self._pool.open()
            try:
                channel.send(b"SET SESSION wait_timeout = 31536000")
            except BaseException:
                channel.abandon()
                raise
            return channel
        except Exception as error:
            failure = translate(error, spec, connecting=True)
        raise failure


def _decides(outcome: EventflowDBError) -> bool:
    """Whether an error tells that earlier attempts have not worked either; with 1153, nothing was sent."""
    return isinstance(outcome, _DECIDED) and outcome.errno != 1153


def _is_equal(spec: QuerySpec, stored: Any, literals: Mapping[str, bytes], values: Mapping[str, Any]) -> bool:
    for name, kind in zip(spec.parameters, spec.types.values(), strict=True):
        value, sent = getattr(stored, name), literals[name]
        if spec.parameters[name] == "json":
            if value != decode_json(encode_json(values[name])):
                return False
        elif sent != b"DEFAULT" and kind.encode(value) != sent:  # else the server chose
            return False
    return True


def _value(channel: Channel, query: Any, literals: Mapping[str, bytes]) -> Any:
    """The one value of a query; a lost connection is an UnavailableError, for it holds nothing."""
    spec: QuerySpec = query.sql.spec
    try:
        keys = {key: literals[key] for key in spec.parameters}
        return spec.decode(query(channel, **keys))[0]
    except Exception as error:
        failure = translate(error, spec)
    raise failure


@guarded
class _OneConnection(Session):
    """Operations on one connection, inside a transaction that is not theirs to end."""

    _channel: Channel

    def __init__(self, sql: Any) -> None:
        self._sql = sql
        self._busy = threading.Lock()  # never waited for

    def _execute(self, query: Any, literals: Mapping[str, bytes], values: Mapping[str, Any]) -> Result:
        spec: QuerySpec = query.sql.spec

        def work() -> Result:
            result: Result = query(self._channel, **literals)
            return result

        return self._send(spec, work)

    def _send(self, spec: QuerySpec, work: Callable[[], T]) -> T:
        self._refuse_commit(spec)
        with self._alone(spec):
            self._check(spec)
            try:
                return work()
            except Exception as error:
                failure = self._failed(error, spec)
            except BaseException:
                self._cancelled()
                raise
            raise failure

    @contextlib.contextmanager
    def _alone(self, spec: QuerySpec) -> Iterator[None]:
        """The only use of the connection; two at once would read each other's replies."""
        if not self._busy.acquire(blocking=False):
            raise InvalidValueError(
                spec.code, "a transaction belongs to one user at a time, and another one is using it"
            )
        try:
            yield
        finally:
            self._busy.release()

    def _check(self, spec: QuerySpec) -> None:
        raise NotImplementedError

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        raise NotImplementedError

    def _cancelled(self) -> None:
        """Note that a statement was cut off."""

    def _refuse_commit(self, spec: QuerySpec) -> None:
        if spec.commits:
            raise InvalidValueError(spec.code, "commits implicitly: not inside a transaction")

    def lock(self, reference: str, timeout: int = 30) -> AbstractContextManager[None]:
        """Refused: a lock has a connection of its own, and outlives a transaction.

        Raises: InvalidValueError (E_EVENTFLOW_DB_LOCK).
        """
        raise InvalidValueError(
            self._sql.lock.acquire.sql.spec.code, "needs a connection of its own: not inside a transaction"
        )

    def _execute_batch(self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
        session, spec = self._sql.session, statement.spec
        texts = self.batches(statement, groups)
        if len(texts) == 1:  # which is all or nothing by itself
            self.send_all(spec, texts)
            return
        self._send(spec, lambda: session.savepoint(self._channel))
        try:
            self.send_all(spec, texts)
        except EventflowDBError as error:
            failure = error
        else:
            self._send(spec, lambda: session.release_savepoint(self._channel))
            return
        with contextlib.suppress(EventflowDBError):  # of a finished transaction nothing is left
            self._execute(session.rollback_to_savepoint, {}, {})
        raise failure

    def batches(self, statement: Statement, groups: Sequence[bytes]) -> list[bytes]:
        """The statements of a batch, as many as the server's limit asks for."""
        return list(batches(statement, groups, min(BATCH_BYTES, self._channel.packet_limit or BATCH_BYTES)))

    def send_all(self, spec: QuerySpec, texts: Sequence[bytes]) -> None:
        """Send the statements of a batch."""
        for text in texts:
            self._send(spec, partial(self._channel.run_query, text, spec))


@guarded
class Transaction(_OneConnection):
    """The operations in one transaction: see EventflowDB.transaction.

    Once the server has rolled it back (a deadlock, a lost connection, a cancellation) it is finished: what
    was sent next would be committed by itself, so every further call raises, and the end of the block too.
    """

    def __init__(self, channel: Channel, sql: Any) -> None:
        super().__init__(sql)
        self._channel = channel
        self._finished: tuple[type[EventflowDBError], str, int | None] | None = None
        self.is_clean = False
        """Whether the connection is fit for other use."""
        self.was_cut = False
        """Whether a statement was not waited for."""

    def finish(self, kind: type[EventflowDBError], text: str, errno: int | None = None) -> None:
        """Refuse every further call."""
        self._finished = self._finished or (kind, text, errno)

    @property
    def errno(self) -> int | None:
        """The number of the error that finished it."""
        return self._finished[2] if self._finished else None

    def _check(self, spec: QuerySpec) -> None:
        if self._channel.scope != scope():
            self.finish(UnavailableError, "it belongs to the process and event loop that began it")
        if self._finished is not None:
            kind, text, errno = self._finished
            raise spec.error(kind, text, errno)

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        failure = translate(error, spec)
        errno = failure.errno
        if errno in FINISHES_TRANSACTION or (errno == 1205 and self._channel.rolls_back_on_timeout):
            self.finish(ConflictError, "the transaction has been rolled back", errno)
        elif meaning(errno).discard or not self._channel.is_open:
            self.finish(UnavailableError, "the connection was lost, the transaction is rolled back", errno)
            if isinstance(failure, OutcomeUnknownError):
                cause = failure.__cause__
                failure = spec.error(UnavailableError, "the connection was lost, the transaction is rolled back", errno)
                failure.__cause__ = cause
        return failure

    def _cancelled(self) -> None:
        self.was_cut = True
        self.finish(UnavailableError, "a call was cancelled, the transaction is rolled back")

    def commit(self) -> None:
        """Commit: `EventflowDB.transaction` does it at the end of the block."""
        query = self._sql.session.commit
        spec: QuerySpec = query.sql.spec
        with self._alone(spec):
            self._check(spec)
            try:
                query(self._channel)
            except Exception as error:
                failure = translate(error, spec)
                errno = errno_of(error)
                if errno in NOT_EXECUTED:
                    failure = spec.error(OutcomeUnknownError, "the connection was lost while committing", errno)
                self.finish(type(failure), "the transaction could not be committed", errno)
            else:
                self.is_clean = True
                return
            raise failure

    def rollback(self) -> None:
        """Roll back, unless the server has; what fails here changes nothing, for the connection is closed then."""
        if self._channel.scope == scope() and (self._finished is None or self._finished[0] is ConflictError):
            query = self._sql.session.rollback
            with contextlib.suppress(Exception), self._alone(query.sql.spec):
                query(self._channel)
                self.is_clean = True


@guarded
class BorrowedSession(_OneConnection):
    """The operations on a caller's connection: see EventflowDB.from_connection."""

    def __init__(self, connection: RawConnection, sql: Any) -> None:
        super().__init__(sql)
        self._connection = connection
        self._is_checked = False
        if not isinstance(connection, RawConnection):  # type: ignore[misc]
            raise InvalidValueError(self._spec.code, f"takes a connection of {RawConnection.__module__}")

    @property
    def _spec(self) -> QuerySpec:
        spec: QuerySpec = self._sql.session.read_variables.sql.spec
        return spec

    def _check(self, spec: QuerySpec) -> None:
        if not self._is_checked:
            self._channel = Channel(self._connection)
            problems = []
            if not self._connection.client_flag & CLIENT.FOUND_ROWS:
                problems.append("its updates do not count matched rows")
            variables = self._read_variables()
            if variables.time_zone not in _UTC:
                problems.append("its session is not in UTC")
            if variables.character_set_client != "utf8mb4":
                problems.append("its session does not talk utf8mb4")
            if problems:
                raise InvalidValueError(
                    self._spec.code,
                    f"{', '.join(problems)}: connect with the keywords of eventflow_db.connection_arguments()",
                )
            self._channel.packet_limit = variables.max_allowed_packet
            self._is_checked = True
        if not self._channel.escapes_backslashes:
            raise InvalidValueError(spec.code, "the session's sql_mode must not contain NO_BACKSLASH_ESCAPES")

    def _read_variables(self) -> Any:
        query = self._sql.session.read_variables
        try:
            return self._spec.decode(query(self._channel))[0]
        except Exception as error:
            failure = translate(error, self._spec)
        raise failure

    def _failed(self, error: Exception, spec: QuerySpec) -> EventflowDBError:
        return translate(error, spec)

    def _execute_batch(self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]) -> None:
        with self._alone(statement.spec):
            self._check(statement.spec)
        if self._channel.is_autocommitting:
            raise InvalidValueError(statement.spec.code, "a batch needs a transaction: begin one on the connection")
        super()._execute_batch(statement, groups, rows)


def locate(container: svcs.Container) -> EventflowDB:
    """The database object for a service locator: with the svcs container's Settings, else the environment's.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS).
    """
    from svcs.exceptions import ServiceNotFoundError

    try:
        settings = container.get(Settings)
    except ServiceNotFoundError as error:
        if error.args != (Settings,):  # something that the container's Settings need
            raise
        settings = None
    return EventflowDB(settings)
