"""Transactions: all or nothing, never half of it by accident, and the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from eventflow_db import (
    AsyncEventflowDB,
    AsyncTransaction,
    EventflowDB,
    NewHub,
    Settings,
    Transaction,
    connection_arguments,
    errors,
)

from .api import API, Loop, concurrently
from .operations import HALF, TABLES
from .proxy import Proxy
from .support import EVENT, Admin, connection_id, deadlock, hold_event, used

TRANSACTION = "E_EVENTFLOW_DB_TRANSACTION"


class Stop(Exception):
    """Raised by a test's own block."""


# Ending


def test_transaction_commits_at_the_end(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        tx.persist_event({**EVENT, "id": "b"})
    assert stored() == ["a", "b"]


def test_transaction_is_visible_only_after_commit(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        assert tx.read_event("a").id == "a"
        assert stored() == []
        with pytest.raises(errors.NotFoundError):
            db.read_event("a")
    assert stored() == ["a"]


def test_transaction_rolls_back_when_the_block_raises(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        raise Stop
    assert stored() == []


def test_transaction_rolls_back_when_the_block_is_interrupted(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with pytest.raises(KeyboardInterrupt), db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        raise KeyboardInterrupt
    assert stored() == []


def test_transaction_error_of_one_statement_leaves_the_others(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        with pytest.raises(errors.DuplicateError):
            tx.persist_event({**EVENT, "id": "a"})
        tx.persist_event({**EVENT, "id": "b"})
    assert stored() == ["a", "b"]


def test_transaction_gives_its_connection_back(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=1))
    for end in (None, Stop, None):
        with contextlib.suppress(Stop), db.transaction() as tx:
            tx.persist_event(EVENT)
            if end:
                raise end
    with db.transaction() as tx:
        first = connection_id(tx)
    with db.transaction() as tx:
        assert connection_id(tx) == first


def test_transaction_used_after_its_block_raises(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with db.transaction() as tx:
        pass
    with pytest.raises(errors.EventflowDBError) as caught:
        tx.persist_event(EVENT)
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"
    assert stored() == []


def test_transaction_without_a_connection_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, database="no_such_database"))
    with pytest.raises(errors.UnavailableError) as caught, db.transaction():
        pass
    assert (caught.value.code, caught.value.errno) == (TRANSACTION, 1049)


# What would end it


@pytest.mark.parametrize("table", TABLES)
def test_transaction_create_table_raises(db: EventflowDB, stored: Callable[[], list[str]], table: str) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        tx.persist_event(EVENT)
        with pytest.raises(errors.InvalidValueError) as caught:
            getattr(tx, f"create_table_{table}")()
        assert caught.value.code == f"E_EVENTFLOW_DB_CREATE_TABLE_{table.upper()}"
        raise Stop
    assert stored() == []


def test_transaction_setup_table_schemas_raises(db: EventflowDB) -> None:
    with db.transaction() as tx, pytest.raises(errors.InvalidValueError, match="CREATE_TABLE"):
        tx.setup_table_schemas()


@pytest.mark.parametrize("day", [None, date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)])
def test_transaction_archive_log_raises(db: EventflowDB, stored: Callable[[], list[str]], day: date | None) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        tx.persist_event(EVENT)
        with pytest.raises(errors.InvalidValueError) as caught:
            tx.archive_log(day)
        assert caught.value.code == "E_EVENTFLOW_DB_LOG_ARCHIVE"
        raise Stop
    assert stored() == []


def test_transaction_lock_raises(db: EventflowDB) -> None:
    with db.transaction() as tx:
        with pytest.raises(errors.InvalidValueError) as caught, tx.lock("reference"):
            pass
        assert caught.value.code == "E_EVENTFLOW_DB_LOCK"


# Finished


def refuses_everything(tx: Transaction, kind: type[errors.EventflowDBError]) -> None:
    """Every further call raises; what it would write is looked for in the tables by the caller."""
    with pytest.raises(kind) as caught:
        tx.persist_event({**EVENT, "id": "later"})
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"
    with pytest.raises(kind):
        tx.persist_events([{**EVENT, "id": "later"}, {**EVENT, "id": "later still"}])
    with pytest.raises(kind):
        tx.read_online_hubs()


def test_transaction_is_finished_after_a_deadlock(db: EventflowDB, rival: Any, stored: Callable[[], list[str]]) -> None:
    with pytest.raises(errors.ConflictError) as ended, db.transaction() as tx:
        with pytest.raises(errors.ConflictError) as caught:
            deadlock(tx, rival)
        assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_EVENT_DELETE", 1213)
        refuses_everything(tx, errors.ConflictError)
    assert (ended.value.code, ended.value.errno) == (TRANSACTION, 1213)
    rival.rollback()
    assert stored() == []
    db.persist_event({**EVENT, "id": "next"})
    assert stored() == ["next"]


def test_transaction_raises_the_blocks_own_error_after_a_deadlock(db: EventflowDB, rival: Any) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        with pytest.raises(errors.ConflictError):
            deadlock(tx, rival)
        raise Stop


def test_transaction_is_finished_after_its_connection_was_killed(
    db: EventflowDB, admin: Admin, stored: Callable[[], list[str]]
) -> None:
    with pytest.raises(errors.UnavailableError) as ended, db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        admin.execute(f"KILL CONNECTION {connection_id(tx)}")
        with pytest.raises(errors.UnavailableError):
            tx.persist_event({**EVENT, "id": "b"})
        refuses_everything(tx, errors.UnavailableError)
    assert ended.value.code == TRANSACTION
    assert stored() == []
    assert db.read_online_hubs() == []


def test_transaction_killed_before_its_commit_raises(
    db: EventflowDB, admin: Admin, stored: Callable[[], list[str]]
) -> None:
    with pytest.raises(errors.OutcomeUnknownError) as ended, db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        admin.execute(f"KILL CONNECTION {connection_id(tx)}")
    assert ended.value.code == TRANSACTION
    assert stored() == []


def test_transaction_is_finished_after_a_cancellation(
    settings: Settings, loop: Loop, rival: Any, stored: Callable[[], list[str]]
) -> None:
    hold_event(rival)

    async def cancelled() -> None:
        async with AsyncEventflowDB(settings) as db:
            with pytest.raises(errors.UnavailableError) as ended:
                async with db.transaction() as tx:
                    await tx.persist_event({**EVENT, "id": "a"})
                    waits = asyncio.ensure_future(tx.persist_event({**EVENT, "id": "held"}))
                    await asyncio.sleep(0.2)
                    waits.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await waits
                    with pytest.raises(errors.UnavailableError):
                        await tx.persist_event({**EVENT, "id": "later"})
            assert ended.value.code == TRANSACTION

    loop.run(cancelled())
    rival.rollback()
    assert stored() == []


def test_transaction_cancelled_as_a_whole_is_rolled_back(
    settings: Settings, loop: Loop, stored: Callable[[], list[str]]
) -> None:
    async def cancelled() -> None:
        async with AsyncEventflowDB(settings) as db:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), db.transaction() as tx:
                    await tx.persist_event({**EVENT, "id": "a"})
                    await asyncio.sleep(10)
            await db.ping()

    loop.run(cancelled())
    assert stored() == []


def test_transaction_lock_wait_undoes_one_statement_only(
    api: API, settings: Settings, rival: Any, stored: Callable[[], list[str]]
) -> None:
    hold_event(rival)
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1))
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        with pytest.raises(errors.ConflictError) as caught:
            tx.persist_event({**EVENT, "id": "held"})
        assert caught.value.errno == 1205
        tx.persist_event({**EVENT, "id": "b"})
    rival.rollback()
    assert stored() == ["a", "b"]


def test_transaction_statement_too_large_raises_and_the_rest_goes_on(
    db: EventflowDB, admin: Admin, stored: Callable[[], list[str]]
) -> None:
    largest = int(admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0])
    if largest > 2**27:
        pytest.skip("this server takes statements larger than this test makes")
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        with pytest.raises(errors.InvalidValueError) as caught:
            tx.persist_event({**EVENT, "data": "x" * largest})
        assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_EVENT_PERSIST", 1153)
        tx.persist_event({**EVENT, "id": "b"})
    assert stored() == ["a", "b"]


# Batches


def test_transaction_batch_that_fails_leaves_earlier_work(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    filler = "x" * 600_000  # two of these do not fit into one statement
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        with pytest.raises(errors.DuplicateError) as caught:
            tx.persist_events([{**EVENT, "id": id, "data": filler} for id in ("b", "c", "a")])
        assert caught.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"
        assert tx.persist_events([{**EVENT, "id": id, "data": filler} for id in ("d", "e")]) == ["d", "e"]
    assert stored() == ["a", "d", "e"]


def test_transaction_batch_goes_with_the_transaction(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        tx.persist_events([EVENT, EVENT])
        raise Stop
    assert stored() == []


# Running again


def test_transaction_nested_is_undone_alone_when_its_block_raises(
    db: EventflowDB, stored: Callable[[], list[str]]
) -> None:
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "before"})
        with pytest.raises(Stop), tx.transaction() as inner:
            inner.persist_event({**EVENT, "id": "undone"})
            raise Stop
        tx.persist_event({**EVENT, "id": "after"})
    assert stored() == ["after", "before"]


def test_transaction_nested_is_part_of_the_outer_one(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with pytest.raises(Stop), db.transaction() as tx:
        with tx.transaction() as inner:
            inner.persist_event({**EVENT, "id": "inner"})
        raise Stop
    assert stored() == []


def test_transaction_nested_twice_is_undone_level_by_level(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    with db.transaction() as tx:
        with tx.transaction() as inner:
            inner.persist_event({**EVENT, "id": "1"})
            with pytest.raises(Stop), inner.transaction() as innermost:
                innermost.persist_event({**EVENT, "id": "2"})
                with innermost.transaction() as last:
                    last.persist_event({**EVENT, "id": "3"})
                raise Stop
        with pytest.raises(Stop), tx.transaction() as inner:
            inner.persist_event({**EVENT, "id": "4"})
            raise Stop
    assert stored() == ["1"]


def test_transaction_nested_in_one_that_was_rolled_back_leaves_nothing(
    db: EventflowDB, rival: Any, stored: Callable[[], list[str]]
) -> None:
    with pytest.raises(errors.ConflictError), db.transaction() as tx:
        with pytest.raises(errors.ConflictError), tx.transaction():
            deadlock(tx, rival)
        with pytest.raises(errors.ConflictError), tx.transaction():
            pass
        with pytest.raises(errors.ConflictError):
            tx.persist_event(EVENT)
    assert stored() == []


def test_transaction_nested_that_is_cancelled_from_outside_is_undone(
    settings: Settings, loop: Loop, stored: Callable[[], list[str]]
) -> None:
    async def work() -> None:
        async with AsyncEventflowDB(settings) as db, db.transaction() as tx:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2), tx.transaction():
                    await tx.persist_event({**EVENT, "id": "undone"})
                    await asyncio.sleep(60)
            await tx.persist_event({**EVENT, "id": "kept"})

    loop.run(work())
    assert stored() == ["kept"]


def test_transaction_used_before_its_block_raises_invalid_value_error(settings: Settings) -> None:
    with EventflowDB(settings) as db, pytest.raises(errors.InvalidValueError, match="has not begun"):
        db.transaction().persist_event(EVENT)
    with EventflowDB(settings) as db, pytest.raises(errors.InvalidValueError, match="has not begun"):
        db.transaction().persist_events([EVENT])


def test_transaction_entered_a_second_time_raises_invalid_value_error(settings: Settings) -> None:
    with EventflowDB(settings) as db:
        tx = db.transaction()
        with tx:
            pass
        with pytest.raises(errors.InvalidValueError, match="has one block"), tx:
            pass


def test_from_connection_nested_transaction_is_a_savepoint_of_the_callers(
    api: API, settings: Settings, stored: Callable[[], list[str]]
) -> None:
    connection = api.connect(settings.database, **connection_arguments())
    api.execute(connection, "BEGIN")
    outbox = api.session(connection)
    outbox.persist_event({**EVENT, "id": "kept"})
    with pytest.raises(Stop), outbox.transaction():
        outbox.persist_event({**EVENT, "id": "undone"})
        raise Stop
    api.execute(connection, "COMMIT")
    assert stored() == ["kept"]


def test_from_connection_nested_transaction_outside_one_raises_invalid_value_error(
    api: API, settings: Settings
) -> None:
    connection = api.connect(settings.database, **connection_arguments())
    api.execute(connection, "SET autocommit = 1")
    session = api.session(connection)
    with pytest.raises(errors.InvalidValueError, match="begin one on the connection"), session.transaction():
        pass


def test_transaction_nested_that_ends_before_an_inner_one_undoes_nothing_of_it_and_is_finished(
    settings: Settings, loop: Loop, stored: Callable[[], list[str]]
) -> None:
    """Two tasks that share a transaction: rolling the first block back would undo the second's work as well."""

    async def work() -> None:
        async with AsyncEventflowDB(settings) as db, db.transaction() as tx:
            first, second = tx.transaction(), tx.transaction()
            await first.__aenter__()
            await tx.persist_event({**EVENT, "id": "first"})
            await second.__aenter__()
            await tx.persist_event({**EVENT, "id": "second"})
            with pytest.raises(errors.InvalidValueError, match="another order"):
                await first.__aexit__(Stop, Stop(), None)
            await second.__aexit__(None, None, None)

    with pytest.raises(errors.InvalidValueError, match="another order"):
        loop.run(work())
    assert stored() == []


def test_transaction_nested_entered_a_second_time_raises_invalid_value_error(settings: Settings) -> None:
    with EventflowDB(settings) as db, db.transaction() as tx:
        nested = tx.transaction()
        with nested:
            pass
        with pytest.raises(errors.InvalidValueError, match="has one block"), nested:
            pass


def test_transaction_entered_by_two_at_once_begins_once(settings: Settings, loop: Loop) -> None:
    async def work() -> list[Any]:
        async with AsyncEventflowDB(settings) as db:
            tx = db.transaction()
            entered = await asyncio.gather(tx.__aenter__(), tx.__aenter__(), return_exceptions=True)
            await tx.__aexit__(None, None, None)
            assert used(db) == []
            return list(entered)

    assert [type(one) for one in loop.run(work())] == [AsyncTransaction, errors.InvalidValueError]


def test_from_connection_after_a_deadlock_raises_at_every_call(
    api: API, settings: Settings, rival: Any, stored: Callable[[], list[str]]
) -> None:
    connection = api.connect(settings.database, **connection_arguments())
    api.execute(connection, "BEGIN")
    outbox = api.session(connection)
    with pytest.raises(errors.ConflictError), outbox.transaction():
        deadlock(outbox, rival)  # type: ignore[arg-type]
    with pytest.raises(errors.ConflictError, match="has been rolled back"):
        outbox.persist_event({**EVENT, "id": "after"})
    api.execute(connection, "COMMIT")
    assert stored() == []


def test_from_connection_nested_transactions_of_two_sessions_do_not_end_each_other(
    api: API, settings: Settings, stored: Callable[[], list[str]]
) -> None:
    connection = api.connect(settings.database, **connection_arguments())
    api.execute(connection, "BEGIN")
    one, other = api.session(connection), api.session(connection)
    with pytest.raises(Stop), one.transaction():
        one.persist_event({**EVENT, "id": "outer"})
        with pytest.raises(KeyError), other.transaction():
            other.persist_event({**EVENT, "id": "inner"})
            raise KeyError
        raise Stop
    api.execute(connection, "COMMIT")
    assert stored() == []


def test_from_connection_nested_transaction_that_the_caller_ended_raises_the_blocks_own_error(
    api: API, settings: Settings
) -> None:
    connection = api.connect(settings.database, **connection_arguments())
    api.execute(connection, "BEGIN")
    session = api.session(connection)
    with pytest.raises(Stop), session.transaction():
        session.persist_event(EVENT)
        api.execute(connection, "ROLLBACK")
        raise Stop
    with pytest.raises(errors.ConflictError, match="could not be undone"):
        session.persist_event(EVENT)


def test_transaction_nested_that_cannot_be_undone_is_not_committed(
    settings: Settings, loop: Loop, rival: Any, stored: Callable[[], list[str]]
) -> None:
    """Another task is using the transaction when the block ends."""
    hold_event(rival)

    async def work() -> None:
        async with AsyncEventflowDB(settings) as db, db.transaction() as tx:
            waits = None
            with contextlib.suppress(Stop):
                async with tx.transaction():
                    await tx.persist_event({**EVENT, "id": "undone"})
                    waits = asyncio.create_task(tx.persist_event({**EVENT, "id": "held"}))
                    await asyncio.sleep(0.3)
                    raise Stop
            await asyncio.to_thread(rival.rollback)
            assert waits is not None
            await waits

    with pytest.raises(errors.ConflictError, match="could not be undone"):
        loop.run(work())
    assert stored() == []


def test_transaction_made_long_before_its_block_is_tried_again(proxied: Settings, proxy: Proxy) -> None:
    with EventflowDB(msgspec.structs.replace(proxied, retry_timeout=0.3)) as db:
        db.ping()
        tx = db.transaction()
        time.sleep(0.4)
        proxy.cut_request(b"session.begin@")
        with tx:
            pass


def test_transaction_batch_whose_savepoint_is_lost_has_the_batchs_code(far: EventflowDB, proxy: Proxy) -> None:
    proxy.cut_reply(b"session.savepoint@")
    with pytest.raises(errors.UnavailableError), far.transaction() as tx:
        with pytest.raises(errors.UnavailableError) as caught:
            tx.persist_events([HALF, HALF])
        assert caught.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"


@pytest.mark.parametrize("name", ["transaction", "lock"])
def test_block_that_ends_without_a_beginning_raises_invalid_value_error(settings: Settings, name: str) -> None:
    with EventflowDB(settings) as db:
        manager = getattr(db, name)(*["name"] * (name == "lock"))
        with pytest.raises(errors.InvalidValueError):
            manager.__exit__(None, None, None)


def test_run_transaction_of_a_coroutine_function_in_the_sync_api_raises_invalid_value_error(
    settings: Settings, stored: Callable[[], list[str]]
) -> None:
    async def work(tx: Transaction) -> None:
        tx.persist_event(EVENT)

    with EventflowDB(settings) as db, pytest.raises(errors.InvalidValueError, match="gives a coroutine"):
        db.run_transaction(work)  # type: ignore[unused-coroutine]
    assert stored() == []


def test_run_transaction_gives_what_the_function_gave(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    assert db.run_transaction(lambda tx: tx.persist_event({**EVENT, "id": "a"})) == "a"
    assert stored() == ["a"]


def test_run_transaction_runs_again_after_a_deadlock(
    db: EventflowDB, rival: Any, stored: Callable[[], list[str]]
) -> None:
    runs = []

    def work(tx: Transaction) -> None:
        runs.append(tx)
        if len(runs) > 1:
            rival.rollback()
            tx.persist_event({**EVENT, "id": "second"})
        else:
            deadlock(tx, rival)

    db.run_transaction(work)
    assert (len(runs), stored()) == (2, ["second"])


def test_run_transaction_runs_again_after_a_lost_connection(
    db: EventflowDB, admin: Admin, stored: Callable[[], list[str]]
) -> None:
    runs = []

    def work(tx: Transaction) -> None:
        runs.append(tx)
        tx.persist_event({**EVENT, "id": f"a{len(runs)}"})
        if len(runs) == 1:
            admin.execute(f"KILL CONNECTION {connection_id(tx)}")
            tx.persist_event({**EVENT, "id": "b"})

    db.run_transaction(work)
    assert stored() == ["a2"]


def test_run_transaction_leaves_other_errors_alone(db: EventflowDB, stored: Callable[[], list[str]]) -> None:
    runs = []

    def work(tx: Transaction) -> None:
        runs.append(tx.persist_event(EVENT))
        raise Stop

    with pytest.raises(Stop):
        db.run_transaction(work)
    assert (len(runs), stored()) == (1, [])


def test_run_transaction_many_at_once_lose_no_update(db: EventflowDB, hub: NewHub) -> None:
    ids = [f"hub-{number}" for number in range(4)]
    for id in ids:
        db.persist_hub({**hub, "id": id})

    def worker(order: list[str]) -> int:
        return db.run_transaction(lambda tx: sum(tx.update_hub_to_quit(id) for id in order))

    counts = concurrently(*(lambda order=order: worker(order) for order in (ids, ids[::-1]) * 4))
    assert sum(counts) == len(ids)


# Two at once


def test_transaction_used_by_two_at_once_raises(db: EventflowDB, rival: Any, stored: Callable[[], list[str]]) -> None:
    hold_event(rival)
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        waits = threading.Thread(target=tx.persist_event, args=({**EVENT, "id": "held"},))
        waits.start()
        waits.join(0.2)
        assert waits.is_alive()
        for call in (lambda: tx.read_event("a"), lambda: tx.persist_event(EVENT), lambda: tx.persist_events([EVENT])):
            with pytest.raises(errors.InvalidValueError, match="one user at a time"):
                call()
        rival.rollback()
        waits.join(10)
    assert stored() == ["a", "held"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_transaction_in_use_at_its_end_is_not_committed(
    db: EventflowDB, rival: Any, stored: Callable[[], list[str]]
) -> None:
    hold_event(rival)
    with pytest.raises(errors.InvalidValueError, match="one user at a time") as caught, db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "a"})
        waits = threading.Thread(target=tx.persist_event, args=({**EVENT, "id": "held"},))
        waits.start()
        waits.join(0.2)
        assert waits.is_alive()
    assert caught.value.code == TRANSACTION
    rival.rollback()
    waits.join(10)
    assert not waits.is_alive()
    assert stored() == []


# The outbox


def test_from_connection_commits_an_event_with_the_services_own_rows(
    api: API, db: EventflowDB, admin: Admin, database: str
) -> None:
    from eventflow_db import connection_arguments

    admin.use(database)
    admin.execute("CREATE TABLE orders (id INT PRIMARY KEY) ENGINE=InnoDB")
    connection = api.connect(database, **connection_arguments())
    try:
        for order, end in ((1, "ROLLBACK"), (2, "COMMIT")):
            api.execute(connection, "START TRANSACTION")
            api.execute(connection, f"INSERT INTO orders VALUES ({order})")
            session = api.session(connection)
            event_id = session.persist_event({**EVENT, "id": f"order-{order}"})
            session.persist_event_published({"event_id": event_id, "publisher": "orders"})
            with pytest.raises(errors.NotFoundError):
                db.read_event_published(event_id)
            api.execute(connection, end)
        assert admin.execute("SELECT id FROM orders") == ((2,),)
        assert admin.execute("SELECT event_id FROM event_published") == (("order-2",),)
    finally:
        api.disconnect(connection)
        admin.execute("DROP TABLE orders")
