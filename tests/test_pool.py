"""The pool: bounded, fair, and nothing broken is handed out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings, errors

from .api import API, Loop, concurrently
from .proxy import Proxy
from .support import EVENT, Admin, connection_id, eventually, execute

Sessions = Callable[[], list[int]]


@pytest.fixture
def sessions(admin: Admin, settings: Settings) -> Sessions:
    """The server's numbers of the connections to the database."""
    query = f"SELECT id FROM information_schema.processlist WHERE db = '{settings.database}' ORDER BY id"
    return lambda: [int(id) for (id,) in admin.execute(query)]


def test_pool_keeps_its_limit_under_more_workers(
    api: API, settings: Settings, sessions: Sessions, event_id: str
) -> None:
    others = len(sessions())
    db = api.database(msgspec.structs.replace(settings, connection_limit=3))
    seen: list[int] = []

    def watch() -> None:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            seen.append(len(sessions()) - others)

    def work() -> None:
        for _ in range(20):
            db.read_event(event_id)

    concurrently(watch, *[work] * 12)
    assert max(seen) <= 3
    with db.transaction(), db.transaction(), db.transaction():
        assert len(sessions()) - others == 3


def test_pool_opens_no_more_than_needed(db: EventflowDB, sessions: Sessions) -> None:
    for _ in range(5):
        db.ping()
    assert len(sessions()) == 1


def test_pool_timeout_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=0.3))
    with db.transaction():
        started = time.monotonic()
        with pytest.raises(errors.UnavailableError, match="pool_timeout") as caught:
            db.read_event("id")
        assert 0.25 < time.monotonic() - started < 5
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_EVENT_READ", None)
    db.ping()


def test_pool_gives_a_connection_to_who_waits(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1))

    def work() -> None:
        with db.transaction() as tx:
            tx.ping()

    concurrently(*[work] * 8)


def test_pool_last_used_goes_out_first(db: EventflowDB) -> None:
    with db.transaction() as one, db.transaction() as two:
        first, second = connection_id(one), connection_id(two)
    # the inner block ended first, so that the outer one's connection came back last
    for _ in range(3):
        with db.transaction() as tx:
            assert connection_id(tx) == first
    assert first != second


def test_pool_connection_killed_while_idle_is_replaced_unseen(
    db: EventflowDB, admin: Admin, sessions: Sessions
) -> None:
    event_id = db.persist_event(EVENT)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    (before,) = sessions()
    admin.execute(f"KILL CONNECTION {before}")
    assert eventually(lambda: before not in sessions())
    time.sleep(0.05)  # for the goodbye to arrive
    assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke")  # which is not run again
    (after,) = sessions()
    assert after != before


def test_pool_connection_idle_for_long_is_checked_before_use(
    api: API, settings: Settings, admin: Admin, sessions: Sessions
) -> None:
    db = api.database(msgspec.structs.replace(settings, idle_check=0.2))
    db.ping()
    (number,) = sessions()
    pings = "SHOW GLOBAL STATUS LIKE 'Com_admin_commands'"
    before = int(admin.execute(pings)[0][1])
    db.read_online_hubs()
    assert int(admin.execute(pings)[0][1]) == before
    time.sleep(0.3)
    db.read_online_hubs()
    assert int(admin.execute(pings)[0][1]) == before + 1
    assert sessions() == [number]


def test_pool_gets_a_connection_back_though_the_transaction_that_had_it_is_kept(api: API, settings: Settings) -> None:
    """A signal may have kept the pool from hearing of a later call's end."""
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=2))
    with db.transaction() as tx:
        tx.ping()
    share = next(iter(getattr(db, "target", db)._pool._shares.values()))
    # as where nobody holds it
    share.idle.clear()
    gc.collect()
    db.ping()
    with pytest.raises(errors.ConflictError, match="ended"):
        tx.ping()


@pytest.mark.parametrize("timeout", [-1, "1", None, True, float("nan"), 10**400])
def test_close_with_what_is_no_timeout_raises(nowhere: EventflowDB, timeout: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="timeout: must be seconds"):
        nowhere.close(timeout)


def test_pool_failed_connects_do_not_use_up_the_limit(api: API, settings: Settings) -> None:
    wrong = msgspec.structs.replace(settings, database="no_such_database", connection_limit=1, pool_timeout=0.5)
    db = api.database(wrong)
    for _ in range(3):
        with pytest.raises(errors.UnavailableError) as caught:
            db.ping()
        assert caught.value.errno == 1049


def test_pool_close_closes_every_connection(db: EventflowDB, sessions: Sessions) -> None:
    with db.transaction(), db.transaction():
        assert len(sessions()) == 2
    db.close()
    assert eventually(lambda: not sessions())
    db.close()


def test_pool_close_lets_a_transaction_end(
    db: EventflowDB, sessions: Sessions, stored: Callable[[], list[str]]
) -> None:
    closes = threading.Thread(target=db.close)
    with db.transaction() as tx:
        closes.start()
        closes.join(0.2)
        tx.persist_event({**EVENT, "id": "a"})
    closes.join(10)
    assert stored() == ["a"]
    assert eventually(lambda: not sessions())


def test_pool_use_after_close_is_unavailable(db: EventflowDB) -> None:
    db.ping()
    db.close()
    with pytest.raises(errors.UnavailableError, match="closed") as caught:
        db.read_event("id")
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_READ"


def test_pool_close_wakes_who_waits(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=60))
    closes = threading.Thread(target=db.close)

    def wait() -> None:
        with pytest.raises(errors.UnavailableError, match="closed"):
            db.ping()

    with db.transaction(), ThreadPoolExecutor() as threads:
        waits = threads.submit(wait)
        time.sleep(0.3)
        assert not waits.done()
        closes.start()
        waits.result(4)
    closes.join(10)


def test_pool_with_statement_closes(settings: Settings, loop: Loop, sessions: Sessions) -> None:
    with EventflowDB(settings) as db:
        db.ping()
        assert len(sessions()) == 1
    assert eventually(lambda: not sessions())

    async def use() -> None:
        async with AsyncEventflowDB(settings) as db:
            await db.ping()
            assert len(sessions()) == 1

    loop.run(use())
    assert eventually(lambda: not sessions())


# asyncio


def test_pool_cancelled_task_never_returns_its_connection(
    settings: Settings, loop: Loop, rival: Any, sessions: Sessions
) -> None:
    execute(rival, "INSERT INTO event (id, domain, pid, name, data) VALUES ('held', 'd', 'p', 'n', '{}')")
    (rivals,) = sessions()

    async def cancelled() -> None:
        async with AsyncEventflowDB(msgspec.structs.replace(settings, connection_limit=1)) as db:
            await db.ping()
            (before,) = set(sessions()) - {rivals}
            waits = asyncio.create_task(db.persist_event({**EVENT, "id": "held"}))
            await asyncio.sleep(0.2)
            waits.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waits
            assert not await db.has_hub_quit("unknown")  # not the reply that the other one waited for
            deadline = time.monotonic() + 5
            while before in sessions():  # the server takes a moment to see the end
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)

    loop.run(cancelled())


def test_pool_survives_cancellation_at_any_moment(settings: Settings, loop: Loop, sessions: Sessions) -> None:
    async def cancelled() -> None:
        limited = msgspec.structs.replace(settings, connection_limit=2, pool_timeout=10)
        async with AsyncEventflowDB(limited) as db:
            await db.persist_event({**EVENT, "id": "a"})
            await db.persist_event({**EVENT, "id": "b"})

            async def read(id: str) -> None:
                assert (await db.read_event(id)).id == id

            for number in range(120):
                tasks = [asyncio.create_task(read("ab"[n % 2])) for n in range(6)]
                await asyncio.sleep(number % 40 * 0.0002)
                for task in tasks[::2]:
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    assert outcome is None or isinstance(outcome, asyncio.CancelledError)
            # the whole limit is there again
            async with db.transaction(), db.transaction():
                pass

    loop.run(cancelled())
    assert eventually(lambda: not sessions())


def test_pool_counts_handshakes_that_nobody_waits_for_until_they_end(
    proxied: Settings, proxy: Proxy, loop: Loop
) -> None:
    async def work() -> None:
        limited = msgspec.structs.replace(proxied, connection_limit=2, pool_timeout=10)
        async with AsyncEventflowDB(limited) as db:
            proxy.latency = 0.1
            kept = []
            for _ in range(5):
                tasks = [asyncio.create_task(db.ping()) for _ in range(6)]
                await asyncio.sleep(0.15)
                # two, and on their way through the proxy the ends of two
                assert len(proxy.links) <= 4
                for task in tasks:
                    task.cancel()
                # whose exceptions hold what the calls held
                kept += await asyncio.gather(*tasks, return_exceptions=True)
            proxy.latency = 0
            async with db.transaction(), db.transaction():
                pass
            assert {type(one) for one in kept} == {asyncio.CancelledError}

    loop.run(work())


def test_pool_keeps_its_connections_for_loops_that_take_turns(settings: Settings, sessions: Sessions) -> None:
    """Each loop has a part of its own: connections of a loop serve no other one."""
    loops = [Loop(), Loop()]
    db = AsyncEventflowDB(settings)
    for _ in range(10):
        for loop in loops:
            loop.run(db.ping())
    assert len(sessions()) == 2
    loops[0].run(db.close())
    assert eventually(lambda: not sessions())
    for loop in loops:
        loop.close()


def test_pool_task_that_waits_is_not_disturbed_by_another_loop(
    settings: Settings, stored: Callable[[], list[str]]
) -> None:
    loops = [Loop(), Loop()]
    db = AsyncEventflowDB(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=5))

    async def work(number: int) -> None:
        async with db.transaction() as tx:
            await tx.persist_event({**EVENT, "id": f"{number}"})
            await asyncio.sleep(0.2)

    tasks = [asyncio.run_coroutine_threadsafe(work(number), loops[number % 2].loop) for number in range(6)]
    for task in tasks:
        task.result(30)
    assert len(stored()) == 6
    loops[0].run(db.close())
    for loop in loops:
        loop.close()


def test_pool_closed_by_one_loop_ends_what_another_that_stands_still_has_open(
    settings: Settings, sessions: Sessions
) -> None:
    one, still = Loop(), asyncio.new_event_loop()
    db = AsyncEventflowDB(settings)
    still.run_until_complete(db.ping())
    one.run(db.close())
    assert eventually(lambda: not sessions())
    one.close()
    for _ in range(3):
        still.run_until_complete(asyncio.sleep(0))
    still.close()


def test_pool_closes_what_a_loop_that_ended_has_left(settings: Settings, sessions: Sessions) -> None:
    db = AsyncEventflowDB(settings)
    for _ in range(5):
        asyncio.run(db.ping())
    assert eventually(lambda: len(sessions()) == 1)

    async def close() -> None:
        await db.close()

    asyncio.run(close())
    assert eventually(lambda: not sessions())


def test_transaction_ended_in_another_loop_closes_its_connection(
    settings: Settings, sessions: Sessions, stored: Callable[[], list[str]]
) -> None:
    one, other = Loop(), Loop()
    db = AsyncEventflowDB(settings)
    tx = db.transaction()
    one.run(tx.__aenter__())
    one.run(tx.persist_event(EVENT))
    with pytest.raises(errors.UnavailableError, match="event loop"):
        other.run(tx.__aexit__(None, None, None))
    assert eventually(lambda: not sessions())
    assert stored() == []
    one.run(db.close())
    for loop in (one, other):
        loop.close()


NEVER_CLOSED = {
    "sync": "db = EventflowDB(); db.ping()",
    "asyncio": "async def main():\n    db = AsyncEventflowDB(); await db.ping()\nasyncio.run(main())",
    "asyncio, kept for longer than its loops": "db = AsyncEventflowDB()\nfor _ in range(3): asyncio.run(db.ping())",
}


@pytest.mark.parametrize("name", NEVER_CLOSED)
def test_database_object_that_was_never_closed_gives_one_resource_warning(settings: Settings, name: str) -> None:
    variables = {"HOST": settings.host, "PORT": f"{settings.port}", "USER": settings.user, "PASS": settings.password}
    environment = {**os.environ, "EVENTFLOW_MYSQL_DB": settings.database}
    environment |= {f"EVENTFLOW_MYSQL_{name}": value for name, value in variables.items()}
    program = "import asyncio\nfrom eventflow_db import AsyncEventflowDB, EventflowDB\n" + NEVER_CLOSED[name]
    for flags, expected in ([], 0), (["-X", "dev"], 1):
        ended = subprocess.run(
            [sys.executable, *flags, "-c", program], env=environment, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
        assert (
            ended.stderr.count("Warning: a database object was never closed")
            == ended.stderr.count("Warning: ")
            == expected
        ), ended.stderr


# Forks


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_pool_after_a_fork_starts_anew(settings: Settings, stored: Callable[[], list[str]], sessions: Sessions) -> None:
    with EventflowDB(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=2)) as db:
        db.persist_event({**EVENT, "id": "parent"})
        before = sessions()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                db.persist_event({**EVENT, "id": "child"})
                db.close()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        db.persist_event({**EVENT, "id": "parent again"})
        assert sessions() == before
    assert stored() == ["child", "parent", "parent again"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_pool_fork_inside_a_transaction_leaves_it_to_the_parent(
    settings: Settings, stored: Callable[[], list[str]]
) -> None:
    with EventflowDB(settings) as db:
        with db.transaction() as tx:
            tx.persist_event({**EVENT, "id": "a"})
            child = os.fork()
            if child == 0:
                try:
                    db.ping()
                    db.close()
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            tx.persist_event({**EVENT, "id": "b"})
        assert stored() == ["a", "b"]


def test_close_with_a_connection_that_is_lost_already_aborts_the_others(proxied: Settings, proxy: Proxy) -> None:
    db = EventflowDB(msgspec.structs.replace(proxied, connection_limit=2))
    with contextlib.suppress(errors.EventflowDBError), db.transaction() as lost, db.transaction() as other:
        proxy.cut_request(b"event.persist@")
        with pytest.raises(errors.UnavailableError):
            lost.persist_event(EVENT)
        db.close(0.2)
        with pytest.raises(errors.UnavailableError):
            other.persist_event(EVENT)
