"""Locks of a cluster: had until their lease ends, extended while they are held, and fenced."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings, errors
from eventflow_db.aio import lease as aio_lease
from eventflow_db.aio.channel import AsyncChannel
from eventflow_db.sync import lease as sync_lease
from eventflow_db.sync.channel import Channel

from .api import API, Loop, concurrently
from .proxy import Proxy
from .support import Admin, eventually, threads_of_ours

CODE = "E_EVENTFLOW_DB_LOCK"
SHORT = 3


class Stop(Exception):
    """Raised by a test's own block."""


@pytest.fixture(autouse=True)
def _in_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server counts as a member of a cluster: test_cluster.py has real ones, which take longer."""

    async def aio(channel: AsyncChannel, spec: Any) -> bool:
        return True

    monkeypatch.setattr(AsyncChannel, "is_in_cluster", aio)
    monkeypatch.setattr(Channel, "is_in_cluster", lambda channel, spec: True)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases end after three seconds."""
    for module in (aio_lease, sync_lease):
        monkeypatch.setattr(module, "LEASE", SHORT)


Row = Callable[[], tuple[str, int, float]]


@pytest.fixture
def row(admin: Admin, database: str) -> Row:
    """The holder and fence of the lock, and for how many seconds its lease goes on."""
    query = (
        "SELECT holder, fence, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), until) / 1000000 "
        f"FROM `{database}`.lease WHERE reference = 'reference'"
    )
    return lambda: admin.execute(query)[0]


def take(admin: Admin, database: str, seconds: float) -> None:
    """Another holder has the lock from now on, for so many seconds."""
    admin.execute(
        f"REPLACE INTO `{database}`.lease (reference, holder, fence, until) "
        "VALUES ('reference', 'another', 7, UTC_TIMESTAMP(3) + INTERVAL %s SECOND)",
        seconds,
    )


def test_lease_is_had_within_the_block_and_ends_with_it(db: EventflowDB, row: Row) -> None:
    with db.lock("reference") as lock:
        holder, fence, left = row()
        assert f":{os.getpid()}:" in holder
        assert (fence, lock.fence) == (1, 1)
        assert 50 < left <= 60
        lock.check()
    assert row()[2] <= 0
    assert lock.fence is None


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt])
def test_lease_ends_when_the_block_raises(db: EventflowDB, kind: Any, row: Row) -> None:
    with pytest.raises(kind), db.lock("reference"):
        raise kind
    assert row()[2] <= 0
    with db.lock("reference", 0):
        pass


def test_lease_is_had_by_one_at_a_time_and_its_fence_grows(db: EventflowDB) -> None:
    inside: list[int] = []
    most: list[int] = []
    fences: list[int | None] = []

    def work() -> None:
        with db.lock("reference") as lock:
            inside.append(1)
            most.append(len(inside))
            fences.append(lock.fence)
            time.sleep(0.02)
            inside.pop()

    concurrently(*[work] * 6)
    assert most == [1] * 6
    assert fences == sorted({fence for fence in fences if fence is not None})


def test_lease_of_another_holder_not_had_in_time_raises_conflict(db: EventflowDB, admin: Admin, database: str) -> None:
    take(admin, database, 60)
    started = time.monotonic()
    with pytest.raises(errors.ConflictError, match="not had within 1 s") as caught, db.lock("reference", 1):
        raise AssertionError
    assert 0.9 < time.monotonic() - started < 5
    assert caught.value.code == CODE


def test_lease_of_a_holder_that_is_not_heard_of_ends(db: EventflowDB, admin: Admin, database: str) -> None:
    take(admin, database, 1)
    with db.lock("reference", 20) as lock:
        assert lock.fence == 8


def test_lease_counts_for_a_name_exactly(db: EventflowDB) -> None:
    with db.lock("it's å \\ ✓"), db.lock("it's Å \\ ✓", 0):
        pass


@pytest.mark.parametrize("reference", ["", "x" * 65, "\0", "\ud800", None, 1, b"reference"])
def test_lease_of_a_bad_name_raises(db: EventflowDB, reference: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="reference: must be"), db.lock(reference):
        pass


def test_lease_is_extended_while_it_is_held(db: EventflowDB, short: None, row: Row) -> None:
    with db.lock("reference") as lock:
        time.sleep(SHORT + 1.5)
        assert row()[2] > 0
        lock.check()
        with pytest.raises(errors.ConflictError), db.lock("reference", 0):
            pass


def test_lease_that_somebody_else_got_is_lost(db: EventflowDB, short: None, admin: Admin, database: str) -> None:
    def check() -> bool:
        with contextlib.suppress(errors.UnavailableError):
            lock.check()
            return False
        return True

    with pytest.raises(errors.UnavailableError, match="lost") as caught, db.lock("reference") as lock:
        take(admin, database, 60)
        assert eventually(check)
    assert caught.value.code == CODE


def test_lease_that_somebody_else_got_leaves_the_blocks_own_error(db: EventflowDB, admin: Admin, database: str) -> None:
    with pytest.raises(Stop), db.lock("reference"):
        take(admin, database, 60)
        raise Stop


def test_lease_is_held_while_the_server_is_away_for_less_than_it_lasts(
    api: API, proxied: Settings, proxy: Proxy, short: None
) -> None:
    with api.database(proxied).lock("reference") as lock:
        proxy.refuse()
        proxy.cut_all()
        time.sleep(1)
        lock.check()
        proxy.listen()
        time.sleep(SHORT)
        lock.check()


def test_lease_that_cannot_be_extended_is_lost_when_it_ends(
    api: API, proxied: Settings, proxy: Proxy, short: None
) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=1))
    with pytest.raises(errors.UnavailableError) as caught, db.lock("reference") as lock:
        proxy.refuse()
        proxy.cut_all()
        lock.check()
        time.sleep(SHORT + 0.1)
        with pytest.raises(errors.UnavailableError, match="lost"):
            lock.check()
    assert caught.value.code == CODE


@pytest.mark.parametrize("query", ["acquire", "persist", "read_fence", "extend", "release"])
def test_lease_is_had_and_given_back_though_a_reply_is_lost(
    api: API, proxied: Settings, proxy: Proxy, admin: Admin, database: str, row: Row, query: str
) -> None:
    if query == "acquire":
        take(admin, database, 0)
    rule = proxy.cut_reply(b"lease." + query.encode())
    with api.database(proxied).lock("reference", 0) as lock:
        assert lock.fence == row()[1]
    assert row()[2] <= 0
    assert rule.fired.is_set()


def test_lease_extension_that_is_late_does_nothing_after_the_release(db: EventflowDB, row: Row) -> None:
    holder = {"reference": "reference", "holder": "holder"}
    db.call("lease.persist", **holder, lease=60)
    assert db.call("lease.extend", **holder, fence=1, lease=60)
    assert db.call("lease.release", **holder)
    assert not db.call("lease.extend", **holder, fence=1, lease=60)
    assert row()[1:][0] == 2
    assert row()[2] <= 0


def test_lease_takes_no_connection_of_the_pool_and_leaves_none(api: API, settings: Settings, admin: Admin) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=0.5))
    with db.lock("one"), db.lock("two"), db.transaction() as tx:
        tx.ping()
    db.close()
    sessions = f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{settings.database}'"
    assert eventually(lambda: admin.execute(sessions) == ((0,),))


def test_lease_is_the_parents_after_a_fork(settings: Settings, row: Row) -> None:
    with EventflowDB(settings) as db:
        lock = db.lock("reference")
        lock.__enter__()
        child = os.fork()
        if child == 0:
            try:
                # leaves the block, as a child that ends does
                lock.__exit__(None, None, None)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert row()[2] > 0
        lock.__exit__(None, None, None)
    assert row()[2] <= 0


@pytest.mark.filterwarnings("ignore:a database object was never closed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_lease_of_an_object_that_nobody_holds_is_not_extended(db: EventflowDB, short: None) -> None:
    lock: Any = db.lock("reference")
    lock.__enter__()
    del lock
    gc.collect()
    with db.lock("reference", SHORT + 5):
        pass


def test_lease_ends_its_thread_with_the_block(settings: Settings) -> None:
    with EventflowDB(settings) as db, db.lock("reference"):
        assert eventually(threads_of_ours)
    assert eventually(lambda: not threads_of_ours())


def test_lease_outlives_the_database_object(db: EventflowDB, short: None, row: Row) -> None:
    with db.lock("reference") as lock:
        db.close()
        time.sleep(SHORT + 0.5)
        lock.check()
        assert row()[2] > 0


def test_lease_that_is_cancelled_at_any_moment_is_given_back(settings: Settings, loop: Loop) -> None:
    async def take_and_cancel() -> None:
        async with AsyncEventflowDB(settings) as db:

            async def hold() -> None:
                async with db.lock("reference", 20):
                    pass

            for number in range(40):
                task = asyncio.create_task(hold())
                await asyncio.sleep(number * 0.001)
                task.cancel()
                await asyncio.wait({task})
            # no lease is left, which would go on for a minute
            async with db.lock("reference", 20):
                pass

    loop.run(take_and_cancel())


def test_lease_without_its_table_raises_schema_error(empty_db: EventflowDB) -> None:
    with pytest.raises(errors.SchemaError) as caught, empty_db.lock("reference"):
        pass
    assert caught.value.code == CODE


def test_setup_in_a_cluster_makes_the_table_that_its_lock_needs(empty_db: EventflowDB) -> None:
    empty_db.setup_table_schemas()
    with empty_db.lock("reference"):
        pass
