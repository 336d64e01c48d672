"""What happens when statements are cancelled, and when the server stops, freezes, fills up or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pymysql
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings, errors
from eventflow_db.testing import Server, running_server, temporary_database

from .api import API, concurrently
from .support import EVENT, Admin, count, eventually, statements

pytestmark = pytest.mark.slow  # servers stop, freeze and start again


@pytest.fixture
def user(admin: Admin, database: str, settings: Settings) -> Iterator[Settings]:
    """Settings of an account that a read-only server refuses, and whose connections can be counted."""
    admin.execute("DROP USER IF EXISTS faulty")
    admin.execute("CREATE USER faulty IDENTIFIED BY 'faulty'")
    admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP ON `{database}`.* TO faulty")
    yield msgspec.structs.replace(settings, user="faulty", password="faulty")
    admin.execute("DROP USER faulty")


def connections(admin: Admin) -> set[int]:
    """The ids of the account's connections."""
    rows = admin.execute("SELECT id FROM information_schema.processlist WHERE user = 'faulty'")
    return {int(row[0]) for row in rows}


@pytest.fixture
def blocked(admin: Admin, database: str, eventflow_server: Server, event_id: str) -> Iterator[Any]:
    """A session that holds the event's row locked until it rolls back."""
    connection = eventflow_server.connect(database)
    connection.begin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM event WHERE id = %s FOR UPDATE", (event_id,))
    yield connection
    connection.close()


def later(seconds: float, call: Callable[[], object]) -> Callable[[], object]:
    """The call after a pause."""

    def wait() -> object:
        time.sleep(seconds)
        return call()

    return wait


@pytest.fixture
def restartable(eventflow_server: Server) -> Server:
    """The server, where it was started here."""
    if not eventflow_server.can_restart:
        pytest.skip("the server was not started here")
    return eventflow_server


# --- statements nobody waits for


def test_cancelled_statement_is_ended_on_the_server(
    user: Settings, blocked: Any, event_id: str, admin: Admin, database: str
) -> None:
    async def run() -> None:
        async with AsyncEventflowDB(user) as db:
            task = asyncio.create_task(db.delete_event(event_id))
            await asyncio.to_thread(eventually, lambda: statements(admin, "event.delete@"))
            task.cancel()
            started = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - started < 0.2  # the canceller does not wait for it
            assert await asyncio.to_thread(eventually, lambda: not statements(admin, "event.delete@"), 3)

    asyncio.run(run())
    blocked.rollback()
    assert count(admin, database, "event") == 1


def test_cancelled_statement_of_transaction_is_ended_on_the_server(
    user: Settings, blocked: Any, event_id: str, admin: Admin, database: str
) -> None:
    async def work(db: AsyncEventflowDB) -> None:
        async with db.transaction() as tx:
            await tx.delete_event(event_id)

    async def run() -> None:
        async with AsyncEventflowDB(user) as db:
            task = asyncio.create_task(work(db))
            await asyncio.to_thread(eventually, lambda: statements(admin, "event.delete@"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(eventually, lambda: not statements(admin, "event.delete@"), 3)

    asyncio.run(run())
    blocked.rollback()
    assert count(admin, database, "event") == 1


def test_cancelled_lock_is_not_waited_for_on_the_server(user: Settings, admin: Admin) -> None:
    async def hold(db: AsyncEventflowDB) -> None:
        async with db.lock("cancelled", 20):
            raise AssertionError("never had")

    async def run() -> None:
        async with AsyncEventflowDB(user) as db:
            admin.execute("SELECT GET_LOCK('cancelled', 1)")
            task = asyncio.create_task(hold(db))
            await asyncio.to_thread(eventually, lambda: statements(admin, "lock.acquire@"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(eventually, lambda: not statements(admin, "lock.acquire@"), 3)
            admin.execute("SELECT RELEASE_LOCK('cancelled')")

    asyncio.run(run())


def test_interrupted_statement_is_ended_on_the_server(
    user: Settings, blocked: Any, event_id: str, admin: Admin, eventflow_server: Server
) -> None:
    """Ctrl-C in the sync API."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGUSR1, interrupt)
    watcher = Admin(eventflow_server)

    def send() -> None:
        eventually(lambda: statements(watcher, "event.delete@"))
        os.kill(os.getpid(), signal.SIGUSR1)

    thread = threading.Thread(target=send)
    try:
        with EventflowDB(user) as db:
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                db.delete_event(event_id)
            thread.join()
            assert eventually(lambda: not statements(admin, "event.delete@"), 3)
    finally:
        watcher.close()
        signal.signal(signal.SIGUSR1, previous)


def test_statement_past_read_timeout_is_ended_on_the_server(
    api: API, user: Settings, blocked: Any, event_id: str, admin: Admin
) -> None:
    settings = msgspec.structs.replace(user, read_timeout=0.3, retry_limit=1, lock_wait_timeout=30)
    with pytest.raises(errors.OutcomeUnknownError):
        api.database(settings).delete_event(event_id)
    assert eventually(lambda: not statements(admin, "event.delete@"), 3)


def test_cancelled_statement_kills_no_later_one(user: Settings, blocked: Any, event_id: str, admin: Admin) -> None:
    async def run() -> None:
        async with AsyncEventflowDB(msgspec.structs.replace(user, connection_limit=1)) as db:
            for _ in range(10):
                task = asyncio.create_task(db.delete_event(event_id))
                await asyncio.sleep(0.02)
                task.cancel()
                for _ in range(20):
                    await db.ping()

    asyncio.run(run())


def test_cancelling_does_not_wait_for_a_frozen_server(restartable: Server, user: Settings, event_id: str) -> None:
    async def run() -> None:
        settings = msgspec.structs.replace(user, connect_timeout=0.5)
        async with AsyncEventflowDB(settings) as db:
            await db.ping()
            restartable.pause()
            try:
                task = asyncio.create_task(db.read_event(event_id))
                await asyncio.sleep(0.1)
                task.cancel()
                started = time.monotonic()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert time.monotonic() - started < 0.2
                await db.close()
                assert time.monotonic() - started < 3  # closing waits for the end of the attempt alone
            finally:
                restartable.resume()

    asyncio.run(run())


def test_cancellations_at_random_leave_no_wrong_result_and_no_connection(user: Settings, admin: Admin) -> None:
    """1,000 tasks, each cancelled at a random moment, while others go on."""
    before = len(connections(admin))
    chance = random.Random(3)

    async def work(db: AsyncEventflowDB, number: int) -> None:
        event_id = f"event-{number}"
        if number % 3:
            await db.persist_event({**EVENT, "id": event_id, "data": number})
        else:
            async with db.transaction() as tx:
                await tx.persist_event({**EVENT, "id": event_id, "data": number})
                await tx.persist_event_cpid(event_id, f"cpid-{number}")
        assert (await db.read_event(event_id)).data == number
        assert (await db.read_events_by_domain_and_pid("domain", "pid", limit=1))[0].id.startswith("event-")

    async def victim(db: AsyncEventflowDB, number: int) -> bool:
        task = asyncio.create_task(work(db, number))
        await asyncio.sleep(chance.random() * 0.05)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    async def run() -> None:
        cancelled = finished = 0
        async with AsyncEventflowDB(msgspec.structs.replace(user, connection_limit=5)) as db:

            async def steady(worker: int) -> None:
                for step in range(200):
                    await work(db, 100_000 + worker * 1000 + step)

            background = [asyncio.create_task(steady(worker)) for worker in range(2)]
            while cancelled < 1000:
                start = cancelled + finished
                outcomes = await asyncio.gather(*(victim(db, start + i) for i in range(20)))
                cancelled += sum(outcomes)
                finished += len(outcomes) - sum(outcomes)
                assert finished < 20_000
            await asyncio.gather(*background)
            # every row that is there is whole, and of its number
            rows = await db.read_events_by_domain_and_pid("domain", "pid")
            assert all(row.id == f"event-{row.data}" for row in rows)

    asyncio.run(run())
    assert eventually(lambda: len(connections(admin)) == before)


# --- the pool


def test_pool_exhausted_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=0.2))
    with db.transaction():
        started = time.monotonic()
        with pytest.raises(errors.UnavailableError, match="pool_timeout"):
            db.ping()
        assert 0.2 <= time.monotonic() - started < 2
    db.ping()


def test_close_waits_for_what_is_in_use(api: API, settings: Settings, blocked: Any, event_id: str) -> None:
    db = api.database(settings)
    threading.Timer(0.4, blocked.rollback).start()
    assert concurrently(lambda: db.delete_event(event_id), later(0.2, db.close)) == [True, None]


def test_close_cuts_off_what_takes_too_long(
    api: API, user: Settings, blocked: Any, event_id: str, admin: Admin
) -> None:
    db = api.database(user)

    def delete() -> object:
        with pytest.raises(errors.EventflowDBError) as raised:
            db.delete_event(event_id)
        return type(raised.value)

    started = time.monotonic()
    kind, _ = concurrently(delete, later(0.3, lambda: db.close(0.2)))
    assert time.monotonic() - started < 3
    assert kind is errors.OutcomeUnknownError
    assert eventually(lambda: not connections(admin), 3)


def test_close_then_call_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(settings)
    db.ping()
    db.close()
    with pytest.raises(errors.UnavailableError, match="closed"):
        db.ping()


FORK = """
import asyncio, os, sys
from eventflow_db import AsyncEventflowDB, EventflowDB

url, name, event_id = sys.argv[1:]
db = EventflowDB(url) if name == "sync" else AsyncEventflowDB(url)

def read(runner):
    for _ in range(100):
        result = db.read_event(event_id)
        assert (runner.run(result) if runner else result).id == event_id

runner = None if name == "sync" else asyncio.Runner()
read(runner)
child = os.fork()
if name == "async" and not child:
    parents = runner  # kept: closing it would reach into the parent's
    runner = asyncio.Runner()
read(runner)
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
read(runner)
close = db.close()
if runner:
    runner.run(close)
    runner.close()
"""


def test_fork_shares_no_connection(api: API, url: str, event_id: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK, url, api.name, event_id], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


FORK_TRANSACTION = """
import os, sys
from eventflow_db import EventflowDB, errors

db = EventflowDB(sys.argv[1])
with db.transaction() as tx:
    event_id = tx.persist_event({"domain": "d", "pid": "p", "name": "n"})
    child = os.fork()
    if not child:
        try:
            tx.persist_event({"domain": "d", "pid": "p", "name": "n"})
        except errors.UnavailableError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    tx.persist_event_cpid(event_id, "cpid")
assert db.read_event(event_id)
db.close()
"""


def test_fork_inside_transaction_is_refused_in_the_child(url: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORK_TRANSACTION, url], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["sync", "async"])
def test_64_workers_on_a_pool_of_5_are_served_alike(name: str, user: Settings, admin: Admin) -> None:
    """10 s: no deadlock, the slowest at least a third of the mean, no connection left."""
    settings = msgspec.structs.replace(user, connection_limit=5)
    before = len(connections(admin))
    done = [0] * 64
    most = 0
    until = time.monotonic() + 10

    if name == "sync":
        with EventflowDB(settings) as db:

            def work(worker: int) -> None:
                while time.monotonic() < until:
                    event_id = db.persist_event(EVENT)
                    db.read_event(event_id)
                    done[worker] += 1

            threads = [threading.Thread(target=work, args=(worker,)) for worker in range(64)]
            for thread in threads:
                thread.start()
            while time.monotonic() < until:
                most = max(most, len(connections(admin)))
                time.sleep(0.5)
            for thread in threads:
                thread.join(30)
                assert not thread.is_alive()
    else:

        async def run() -> None:
            nonlocal most
            async with AsyncEventflowDB(settings) as db:

                async def work(worker: int) -> None:
                    while time.monotonic() < until:
                        event_id = await db.persist_event(EVENT)
                        await db.read_event(event_id)
                        done[worker] += 1

                tasks = [asyncio.create_task(work(worker)) for worker in range(64)]
                await asyncio.sleep(5)
                most = len(connections(admin))
                async with asyncio.timeout(60):
                    await asyncio.gather(*tasks)

        asyncio.run(run())
    assert most == before + 5
    assert min(done) * 3 >= sum(done) / 64, done
    assert eventually(lambda: len(connections(admin)) == before)


# --- locks


def test_cancelled_holder_of_a_lock_does_not_wait_for_a_frozen_server(restartable: Server, user: Settings) -> None:
    async def hold(db: AsyncEventflowDB) -> None:
        async with db.lock("frozen"):
            restartable.pause()
            await asyncio.sleep(20)

    async def run() -> None:
        async with AsyncEventflowDB(user) as db:
            task = asyncio.create_task(hold(db))
            await asyncio.sleep(0.5)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - started < 3

    try:
        asyncio.run(run())
    finally:
        restartable.resume()


@pytest.mark.one_server("no connection has a lock in a cluster")
def test_lock_whose_connection_was_killed_is_unavailable(api: API, user: Settings, admin: Admin) -> None:
    db = api.database(user)
    with pytest.raises(errors.UnavailableError, match=r"lock|lost|closed"), db.lock("killed"):
        for thread in connections(admin):
            admin.execute(f"KILL {thread}")
        assert eventually(lambda: admin.execute("SELECT IS_FREE_LOCK('killed')") == ((1,),))


def test_lock_does_not_need_the_pool(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=0.5))
    with db.lock("first"), db.lock("second"), db.transaction() as tx:
        tx.ping()


# --- the server


def test_row_lock_is_waited_for_in_several_tries(
    api: API, settings: Settings, blocked: Any, event_id: str, admin: Admin, database: str
) -> None:
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1))
    release = threading.Timer(2.5, blocked.rollback)
    release.start()
    assert db.delete_event(event_id) is True
    release.join()


def test_row_lock_is_tried_at_least_8_times(api: API, settings: Settings, blocked: Any, event_id: str) -> None:
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1))
    release = threading.Timer(8.5, blocked.rollback)
    release.start()
    assert db.delete_event(event_id) is True
    release.join()


def test_row_lock_held_for_ever_is_conflict_in_bounded_time(
    api: API, settings: Settings, blocked: Any, event_id: str
) -> None:
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1, retry_timeout=1.5))
    started = time.monotonic()
    with pytest.raises(errors.ConflictError) as raised:
        db.delete_event(event_id)
    assert raised.value.errno == 1205
    assert time.monotonic() - started < 5


def test_row_lock_in_transaction_is_not_tried_again(api: API, settings: Settings, blocked: Any, event_id: str) -> None:
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1))
    started = time.monotonic()
    with db.transaction() as tx:
        with pytest.raises(errors.ConflictError):
            tx.delete_event(event_id)
        kept = tx.persist_event(EVENT)  # 1205 undoes one statement only
    assert time.monotonic() - started < 3
    assert db.read_event(kept).id == kept


@pytest.fixture
def reader(empty_db: EventflowDB, eventflow_server: Server, empty_database: str) -> Iterator[Any]:
    """A session whose transaction has read the log, which holds the table's metadata lock."""
    empty_db.setup_table_schemas()
    connection = eventflow_server.connect(empty_database)
    connection.begin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM log")
    yield connection
    connection.close()


def test_archive_log_waits_for_metadata_lock(empty_db: EventflowDB, reader: Any) -> None:
    threading.Timer(0.7, reader.rollback).start()
    assert empty_db.archive_log() is True


def test_archive_log_behind_a_held_metadata_lock_is_conflict(empty_db: EventflowDB, reader: Any) -> None:
    started = time.monotonic()
    with pytest.raises(errors.ConflictError) as raised:
        empty_db.archive_log()
    assert raised.value.errno == 1205
    assert time.monotonic() - started < 5


def test_cancelled_archive_log_is_ended_on_the_server(
    settings: Settings, empty_database: str, reader: Any, admin: Admin
) -> None:
    async def run() -> None:
        async with AsyncEventflowDB(msgspec.structs.replace(settings, database=empty_database)) as db:
            task = asyncio.create_task(db.archive_log())
            assert await asyncio.to_thread(eventually, lambda: statements(admin, "log.archive@"), 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(eventually, lambda: not statements(admin, "log.archive@"), 0.5)

    asyncio.run(run())


def test_read_only_server_is_unavailable_and_its_connections_are_left(api: API, user: Settings, admin: Admin) -> None:
    db = api.database(user)
    with db.transaction(), db.transaction():
        db.ping()  # three connections
    old = connections(admin)
    admin.execute("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(errors.UnavailableError) as raised:
            db.persist_event(EVENT)
        assert raised.value.errno == 1290
    finally:
        admin.execute("SET GLOBAL read_only = 0")
    with db.transaction(), db.transaction():
        db.persist_event(EVENT)
        assert not old & connections(admin)


def test_too_many_connections_is_unavailable(api: API, user: Settings, admin: Admin, eventflow_server: Server) -> None:
    limit = admin.execute("SELECT @@GLOBAL.max_connections")[0][0]
    admin.execute("SET GLOBAL max_connections = 10")
    with contextlib.ExitStack() as stack:
        stack.callback(admin.execute, f"SET GLOBAL max_connections = {limit}")
        with pytest.raises(pymysql.err.OperationalError):
            for _ in range(12):
                other = pymysql.connect(
                    host=eventflow_server.host, port=eventflow_server.port, user="faulty", password="faulty"
                )
                stack.callback(other.close)
        with pytest.raises(errors.UnavailableError) as raised:
            api.database(user).ping()
    assert raised.value.errno == 1040
    api.database(user).ping()


def test_killed_query_is_conflict_and_not_run_again(
    api: API, user: Settings, blocked: Any, event_id: str, admin: Admin, eventflow_server: Server
) -> None:
    db = api.database(user)
    watcher = Admin(eventflow_server)

    def kill() -> None:
        eventually(lambda: statements(watcher, "event.delete@"))
        rows = watcher.execute("SELECT id FROM information_schema.processlist WHERE info LIKE '%event.delete@%'")
        for (thread,) in rows:
            with contextlib.suppress(pymysql.err.MySQLError):
                watcher.execute(f"KILL QUERY {thread}")

    def delete() -> int | None:
        with pytest.raises(errors.ConflictError) as raised:
            db.delete_event(event_id)
        return raised.value.errno

    errno, _ = concurrently(delete, kill)
    watcher.close()
    assert errno == 1317


def test_killed_connection_runs_again(
    api: API, user: Settings, blocked: Any, event_id: str, eventflow_server: Server
) -> None:
    db = api.database(user)
    watcher = Admin(eventflow_server)

    def kill() -> None:
        eventually(lambda: statements(watcher, "event.delete@"))
        for thread in connections(watcher):
            watcher.execute(f"KILL {thread}")
        blocked.rollback()

    deleted, _ = concurrently(lambda: db.delete_event(event_id), kill)
    watcher.close()
    assert deleted is True


def test_frozen_server_is_noticed_within_the_limits(
    api: API, restartable: Server, settings: Settings, event_id: str
) -> None:
    db = api.database(msgspec.structs.replace(settings, read_timeout=0.5, connect_timeout=0.5, retry_limit=1))
    db.ping()
    fresh = api.database(msgspec.structs.replace(settings, connect_timeout=0.5, retry_limit=1))
    restartable.pause()
    try:
        for database, operation in ((db, lambda: db.read_event(event_id)), (fresh, fresh.ping)):
            started = time.monotonic()
            with pytest.raises(errors.UnavailableError):
                operation()
            assert time.monotonic() - started < 3, database
    finally:
        restartable.resume()
    assert db.read_event(event_id).id == event_id


def test_frozen_server_leaves_a_log_line_unknown(api: API, restartable: Server, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, read_timeout=0.5, connect_timeout=0.5))
    db.ping()
    restartable.pause()
    try:
        with pytest.raises(errors.OutcomeUnknownError):
            db.persist_log({"agent": "agent", "message": "message"})
    finally:
        restartable.resume()


def test_killed_server_loses_nothing_acknowledged_and_is_found_again(
    api: API, restartable: Server, settings: Settings
) -> None:
    db = api.database(settings)
    event_ids = [db.persist_event(EVENT) for _ in range(20)]
    restartable.kill()
    try:
        with pytest.raises(errors.UnavailableError):
            db.read_event(event_ids[0])
    finally:
        restartable.start()
    assert [db.read_event(event_id).id for event_id in event_ids] == event_ids
    db.persist_event(EVENT)


def test_stopped_server_is_unavailable(api: API, restartable: Server, settings: Settings) -> None:
    db = api.database(settings)
    db.ping()
    restartable.stop()
    try:
        with pytest.raises(errors.UnavailableError):
            db.persist_event(EVENT)
    finally:
        restartable.start()
    db.persist_event(EVENT)


def test_full_data_directory_is_unavailable_and_passes(api: API, tmp_path: Path) -> None:
    """A small tmpfs that fills up: what was acknowledged stays, and with room again everything goes on."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(tmp_path)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mount.stderr.strip()}")
    try:
        ballast = tmp_path / "ballast"
        options = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M"]
        with running_server("local", options=options, data_root=tmp_path) as server, temporary_database(server) as url:
            db = api.database(msgspec.structs.replace(Settings.from_url(url), read_timeout=5, retry_limit=1))
            db.setup_table_schemas()
            ballast.write_bytes(bytes(shutil.disk_usage(tmp_path).free - (4 << 20)))
            event_ids = []
            with pytest.raises((errors.UnavailableError, errors.OutcomeUnknownError)):
                for _ in range(1000):
                    event_ids.append(db.persist_event({**EVENT, "data": "x" * 60_000}))
            ballast.unlink()

            def is_back() -> bool:
                # where it gave up altogether, which may take it a moment
                server.start()
                with contextlib.suppress(errors.UnavailableError):
                    db.ping()
                    return True
                return False

            assert eventually(is_back, 60)
            assert [db.read_event(event_id).id for event_id in event_ids] == event_ids
            db.persist_event(EVENT)
            db.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
