"""Several hosts: which of them takes a connection, and how a call waits until one does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.hosts import HOST_TIMEOUT

from .api import API
from .proxy import Proxy
from .support import EVENT, Account, Admin, eventually, hold_event, threads_of_ours

Build = Callable[..., EventflowDB]


@pytest.fixture
def closed() -> Iterator[str]:
    """The address of a host that takes no connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a host that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def build(api: API, settings: Settings) -> Build:
    """A database object, of each API in turn, on hosts."""

    def build(*hosts: str, **changes: Any) -> EventflowDB:
        return api.database(msgspec.structs.replace(settings, host=",".join(hosts), **changes))

    return build


@pytest.fixture
def served(settings: Settings) -> str:
    """The address of the server."""
    return f"{settings.host}:{settings.port}"


@pytest.fixture
def read_only(admin: Admin) -> Iterator[Callable[[int], None]]:
    """Makes the server read-only, or writable."""

    def make(on: int) -> None:
        admin.execute(f"SET GLOBAL read_only = {on}")

    yield make
    make(0)


@pytest.fixture
def ordinary(account: Account) -> dict[str, str]:
    """The login of an account that a read-only server refuses writes from."""
    made = account("ordinary")
    return {"user": made.user, "password": made.password}


# --- the way to one


def test_hosts_first_is_closed_takes_the_next(build: Build, closed: str, served: str) -> None:
    db = build(closed, served)
    assert db.persist_event(EVENT)


def test_hosts_first_is_silent_takes_the_next_after_its_share_of_the_time(
    build: Build, silent: str, served: str
) -> None:
    db = build(silent, served, connection_limit=1)
    started = time.monotonic()
    assert db.persist_event(EVENT)
    assert HOST_TIMEOUT <= time.monotonic() - started < 2 * HOST_TIMEOUT + 1


def test_hosts_that_was_good_last_is_tried_first(build: Build, proxy: Proxy, silent: str) -> None:
    db = build(silent, f"127.0.0.1:{proxy.port}", connection_limit=1)
    db.ping()
    proxy.cut_all()
    started = time.monotonic()
    db.ping()
    assert time.monotonic() - started < HOST_TIMEOUT


def test_hosts_none_is_there_says_each_and_why(build: Build, closed: str) -> None:
    db = build(closed, closed.replace("127.0.0.1", "127.0.0.2"), failover_timeout=0)
    with pytest.raises(errors.UnavailableError) as caught:
        db.persist_event(EVENT)
    assert caught.value.errno == 2003
    assert closed in str(caught.value)
    assert f"no primary server: {closed} " in str(caught.value.__cause__)
    assert str(caught.value.__cause__).count("Connect") == 2


def test_hosts_refused_login_is_told_as_such(build: Build, served: str, closed: str) -> None:
    db = build(closed, served, user="nobody", password="wrong")
    with pytest.raises(errors.AccessDeniedError):
        db.ping()


# --- while a call waits for one

InFlight = Callable[[str], threading.Thread]


@pytest.fixture
def in_flight(build: Build, proxy: Proxy, rival: Any) -> InFlight:
    """Persists the event `held` through the proxy, beside which there is another host, and waits until it is sent."""

    def start(other: str) -> threading.Thread:
        db = build(f"127.0.0.1:{proxy.port}", other, lock_wait_timeout=30, ssl_mode="DISABLED")
        hold_event(rival)
        call = threading.Thread(target=db.persist_event, args=({**EVENT, "id": "held"},))
        call.start()
        assert eventually(lambda: b"INSERT" in bytes(proxy.requests))
        return call

    return start


def test_call_in_flight_goes_on_elsewhere_when_its_host_takes_no_new_connections(
    in_flight: InFlight, proxy: Proxy, served: str, rival: Any, stored: Callable[[], list[str]]
) -> None:
    call = in_flight(served)
    proxy.refuse()
    assert eventually(lambda: not proxy.links)
    rival.rollback()
    call.join(20)
    assert stored() == ["held"]


def test_look_at_hosts_ends_with_the_database_object(settings: Settings, served: str, closed: str) -> None:
    with EventflowDB(msgspec.structs.replace(settings, host=f"{served},{closed}")) as db, db.transaction():
        assert eventually(threads_of_ours)
    assert not threads_of_ours()


@contextlib.contextmanager
def silent_to_new_connections(proxy: Proxy) -> Iterator[None]:
    """In the block the system accepts connections to the host, and nobody else does."""
    proxy.refuse()
    with socket.create_server(("127.0.0.1", proxy.port)):
        yield


def test_call_in_flight_goes_on_elsewhere_when_its_host_is_silent_and_another_can_be_used(
    in_flight: InFlight, proxy: Proxy, served: str, rival: Any, stored: Callable[[], list[str]]
) -> None:
    call = in_flight(served)
    with silent_to_new_connections(proxy):
        assert eventually(lambda: not proxy.links)
        rival.rollback()
        call.join(20)
    assert stored() == ["held"]


@pytest.mark.parametrize("is_silent", [False, True], ids=["well", "silent, as the others are"])
def test_call_in_flight_waits_for_its_host_as_long_as_that_may_answer(
    in_flight: InFlight, proxy: Proxy, served: str, closed: str, rival: Any, is_silent: bool
) -> None:
    other = closed if is_silent else served
    call = in_flight(other)
    link = next(iter(proxy.links))
    with silent_to_new_connections(proxy) if is_silent else contextlib.nullcontext():
        time.sleep(4)
        assert link in proxy.links
        rival.rollback()
        call.join(20)
        assert not call.is_alive()


# --- until there is one


def done_once_there(db: EventflowDB, proxy: Proxy, calls: int) -> int:
    """How many of so many calls at once are done, when the host is away for their first second."""
    proxy.refuse()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(db.persist_event(EVENT))) for _ in range(calls)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    proxy.listen()
    for thread in threads:
        thread.join(20)
    return len(found)


def test_call_waits_for_failover_timeout_and_no_longer(build: Build, closed: str) -> None:
    db = build(closed, closed, failover_timeout=1)
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        db.persist_event(EVENT)
    assert 1 <= time.monotonic() - started < 3


def test_call_that_waits_for_a_host_ends_when_the_object_is_closed(build: Build, closed: str) -> None:
    db = build(closed, closed)
    timer = threading.Timer(0.5, db.close)
    timer.start()
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError, match="closed"):
        db.persist_event(EVENT)
    assert time.monotonic() - started < 5
    timer.join()


def test_run_transaction_raises_what_its_work_raises_while_no_host_is_there(
    build: Build, served: str, proxy: Proxy, closed: str
) -> None:
    db = build(closed, f"127.0.0.1:{proxy.port}")
    calls: list[int] = []

    def work(tx: Any) -> None:
        calls.append(1)
        proxy.refuse()
        with pytest.raises(errors.UnavailableError):
            build(closed, closed, failover_timeout=0).ping()
        raise errors.InvalidValueError("E_OURS", "ours")

    with pytest.raises(errors.InvalidValueError, match="ours"):
        db.run_transaction(work)
    assert calls == [1]


def test_call_on_one_host_waits_where_failover_timeout_says_so(build: Build, settings: Settings, proxy: Proxy) -> None:
    db = build("127.0.0.1", port=proxy.port, failover_timeout=20, connection_limit=1, pool_timeout=0.2)
    assert done_once_there(db, proxy, 3) == 3


def test_call_goes_on_when_a_host_comes_back(build: Build, proxy: Proxy, closed: str) -> None:
    db = build(closed, f"127.0.0.1:{proxy.port}")
    db.ping()
    proxy.refuse()
    proxy.cut_all()
    timer = threading.Timer(1, proxy.listen)
    started = time.monotonic()
    timer.start()
    try:
        db.persist_log({"agent": "agent", "message": "message"})
        assert 1 <= time.monotonic() - started < 3
    finally:
        timer.join()


def test_calls_that_wait_for_a_connection_wait_for_a_host_too(build: Build, proxy: Proxy, closed: str) -> None:
    db = build(closed, f"127.0.0.1:{proxy.port}", connection_limit=1, pool_timeout=0.2)
    assert done_once_there(db, proxy, 5) == 5


def test_lost_reply_is_compared_over_a_host_that_comes_back(build: Build, proxy: Proxy, closed: str) -> None:
    db = build(closed, f"127.0.0.1:{proxy.port}", ssl_mode="DISABLED")
    db.ping()
    rule = proxy.cut_reply(b"event.persist@")
    threading.Timer(0.01, proxy.refuse).start()
    timer = threading.Timer(1, proxy.listen)
    timer.start()
    try:
        assert db.persist_event({**EVENT, "id": "compared"}) == "compared"
        assert rule.fired.is_set()
    finally:
        timer.join()


# --- what it has to be


def test_target_primary_read_only_server_is_none(
    build: Build, served: str, closed: str, ordinary: dict[str, str], read_only: Callable[[int], None]
) -> None:
    read_only(1)
    with pytest.raises(errors.UnavailableError) as caught:
        build(closed, served, failover_timeout=0, **ordinary).ping()
    assert f"{served} is read-only" in str(caught.value.__cause__)
    build(closed, served, target="replica", **ordinary).ping()
    build(closed, served, target="any", **ordinary).ping()


def test_target_replica_writable_server_is_none(build: Build, served: str, closed: str) -> None:
    with pytest.raises(errors.UnavailableError) as caught:
        build(closed, served, target="replica", failover_timeout=0).ping()
    assert f"{served} is no replica" in str(caught.value.__cause__)


def test_target_primary_of_one_host_is_looked_for_as_well(
    build: Build, settings: Settings, ordinary: dict[str, str], read_only: Callable[[int], None]
) -> None:
    read_only(1)
    with pytest.raises(errors.UnavailableError):
        build(settings.host, target="primary", **ordinary).ping()
    build(settings.host, **ordinary).ping()


def test_write_waits_while_its_host_is_read_only(
    build: Build, served: str, closed: str, ordinary: dict[str, str], read_only: Callable[[int], None]
) -> None:
    db = build(closed, served, **ordinary)
    db.ping()
    read_only(1)
    timer = threading.Timer(1, read_only, (0,))
    started = time.monotonic()
    timer.start()
    try:
        db.persist_log({"agent": "agent", "message": "message"})
        assert time.monotonic() - started >= 1
    finally:
        timer.join()


def test_idle_connection_to_what_is_no_primary_any_more_is_not_used(
    build: Build, served: str, closed: str, ordinary: dict[str, str], read_only: Callable[[int], None]
) -> None:
    db = build(closed, served, idle_check=0.001, failover_timeout=0, **ordinary)
    db.ping()
    read_only(1)
    time.sleep(0.01)
    with pytest.raises(errors.UnavailableError) as caught:
        db.read_domains()
    assert "is read-only" in str(caught.value.__cause__)


# --- ping


def test_ping_writable_says_nothing_of_a_server_that_takes_writes(db: EventflowDB) -> None:
    db.ping(writable=True)
    db.ping(writable=True, timeout=5)


def test_ping_writable_read_only_server_raises(
    build: Build, settings: Settings, ordinary: dict[str, str], read_only: Callable[[int], None]
) -> None:
    db = build(settings.host, **ordinary)
    read_only(1)
    db.ping()
    with pytest.raises(errors.UnavailableError, match="the server is read-only"):
        db.ping(writable=True)
