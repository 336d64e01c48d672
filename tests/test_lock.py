"""Named locks of the server: exclusive, given back whatever happens, and shared with Node."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, errors

from .api import API, concurrently
from .support import Admin, eventually

pytestmark = pytest.mark.one_server("a cluster's locks are in test_lease.py")
CODE = "E_EVENTFLOW_DB_LOCK"


class Stop(Exception):
    """Raised by a test's own block."""


def holder(admin: Admin, reference: str) -> int | None:
    """The connection that holds a lock."""
    return admin.execute("SELECT IS_USED_LOCK(%s)", reference)[0][0]  # type: ignore[no-any-return]


def test_lock_is_held_within_the_block_and_released_after_it(db: EventflowDB, admin: Admin) -> None:
    with db.lock("reference"):
        assert holder(admin, "reference") is not None
    assert holder(admin, "reference") is None


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt])
def test_lock_is_released_when_the_block_raises(db: EventflowDB, admin: Admin, kind: Any) -> None:
    with pytest.raises(kind), db.lock("reference"):
        raise kind
    assert holder(admin, "reference") is None
    with db.lock("reference", 0):
        pass


def test_lock_is_held_by_one_at_a_time(db: EventflowDB) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with db.lock("reference"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    concurrently(*[work] * 6)
    assert most == [1] * 6


def test_lock_not_acquired_in_time_raises_conflict(db: EventflowDB) -> None:
    with db.lock("reference"):
        started = time.monotonic()
        with pytest.raises(errors.ConflictError) as caught, db.lock("reference", 1):
            raise AssertionError
        assert 0.9 < time.monotonic() - started < 5
    assert caught.value.code == CODE


def test_lock_is_acquired_as_soon_as_it_is_free(db: EventflowDB) -> None:
    had = threading.Event()

    def wait() -> None:
        with db.lock("reference", 20):
            had.set()

    waits = threading.Thread(target=wait)
    with db.lock("reference"):
        waits.start()
        assert not had.wait(0.3)
    assert had.wait(5)
    waits.join(5)


def test_lock_waits_longer_than_read_timeout(api: API, settings: Settings, admin: Admin) -> None:
    db = api.database(msgspec.structs.replace(settings, read_timeout=0.5))
    admin.execute("SELECT GET_LOCK('reference', 0)")
    release = threading.Timer(1.2, lambda: admin.execute("SELECT RELEASE_LOCK('reference')"))
    release.start()
    with db.lock("reference", 20):
        pass
    release.join(5)


def test_lock_excludes_a_raw_lock_of_the_same_name(db: EventflowDB, admin: Admin) -> None:
    assert admin.execute("SELECT GET_LOCK('it''s å \\\\ ✓', 0)") == ((1,),)
    with pytest.raises(errors.ConflictError), db.lock("it's å \\ ✓", 0):
        pass
    assert admin.execute("SELECT RELEASE_LOCK('it''s å \\\\ ✓')") == ((1,),)
    with db.lock("it's å \\ ✓", 0):
        assert admin.execute("SELECT GET_LOCK('it''s å \\\\ ✓', 0)") == ((0,),)


def test_lock_is_one_for_all_databases_of_a_server(db: EventflowDB, empty_db: EventflowDB) -> None:
    with db.lock("reference"), pytest.raises(errors.ConflictError), empty_db.lock("reference", 0):
        pass


def test_lock_of_another_name_is_another_lock(db: EventflowDB) -> None:
    with db.lock("reference"), db.lock("another", 0):
        pass


@pytest.mark.parametrize("reference", ["", "x" * 65, "\0", "\ud800", None, 1, b"reference"])
def test_lock_bad_name_raises(db: EventflowDB, reference: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="reference: must be") as caught, db.lock(reference):
        pass
    assert caught.value.code == CODE


def test_lock_name_is_sent_as_given(db: EventflowDB, admin: Admin) -> None:
    with db.lock(" of Node "):
        assert admin.execute("SELECT IS_USED_LOCK(' of Node ') IS NOT NULL") == ((1,),)


def test_lock_is_the_parents_after_a_fork(settings: Settings, admin: Admin) -> None:
    with EventflowDB(settings) as db:
        lock = db.lock("parent")
        lock.__enter__()
        child = os.fork()
        if child == 0:
            try:
                lock.__exit__(None, None, None)  # leaves the block, as a child that ends does
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert admin.execute("SELECT IS_USED_LOCK('parent') IS NOT NULL") == ((1,),)
        lock.__exit__(None, None, None)


@pytest.mark.parametrize("timeout", [-1, 1.5, "1", None, True, 10**9])
def test_lock_bad_timeout_raises(db: EventflowDB, timeout: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="timeout: must be"), db.lock("reference", timeout):
        pass


def test_lock_takes_names_of_64_characters(db: EventflowDB) -> None:
    with db.lock("ø" * 64):
        pass


def test_lock_takes_no_connection_of_the_pool(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, pool_timeout=0.5))
    with db.lock("one"), db.lock("two"), db.transaction() as tx:
        tx.ping()


def test_lock_lost_while_held_raises_at_the_end(db: EventflowDB, admin: Admin) -> None:
    with pytest.raises(errors.UnavailableError) as caught, db.lock("reference"):
        admin.execute(f"KILL CONNECTION {holder(admin, 'reference')}")
    assert caught.value.code == CODE


def test_lock_check_passes_while_it_is_held_and_raises_once_it_is_lost(db: EventflowDB, admin: Admin) -> None:
    with pytest.raises(errors.UnavailableError) as caught, db.lock("reference") as lock:
        lock.check()
        admin.execute(f"KILL CONNECTION {holder(admin, 'reference')}")
        lock.check()
        raise Stop
    assert caught.value.code == CODE


def test_lock_check_after_the_block_raises(db: EventflowDB) -> None:
    with db.lock("reference") as lock:
        pass
    with pytest.raises(errors.InvalidValueError):
        lock.check()


def test_lock_lost_while_held_leaves_the_blocks_own_error(db: EventflowDB, admin: Admin) -> None:
    with pytest.raises(Stop), db.lock("reference"):
        admin.execute(f"KILL CONNECTION {holder(admin, 'reference')}")
        raise Stop


def test_lock_leaves_no_connection_behind(db: EventflowDB, admin: Admin, settings: Settings) -> None:
    sessions = f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{settings.database}'"
    for _ in range(3):
        with db.lock("reference"):
            assert admin.execute(sessions) == ((1,),)
    assert eventually(lambda: admin.execute(sessions) == ((0,),))


@pytest.mark.slow
def test_lock_outlasts_the_servers_wait_timeout(api: API, settings: Settings, admin: Admin) -> None:
    before = admin.execute("SELECT @@GLOBAL.wait_timeout")[0][0]
    admin.execute("SET GLOBAL wait_timeout = 1")
    try:
        with api.database(settings).lock("reference"):
            time.sleep(2.2)
            assert holder(admin, "reference") is not None
    finally:
        admin.execute(f"SET GLOBAL wait_timeout = {before}")


def test_lock_without_a_server_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, database="no_such_database"))
    with pytest.raises(errors.UnavailableError) as caught, db.lock("reference"):
        pass
    assert (caught.value.code, caught.value.errno) == (CODE, 1049)
