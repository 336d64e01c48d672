"""Exceptions that come from outside while a call waits, such as a signal handler's: they pass through as they are."""

from __future__ import annotations

import contextlib
import gc
import random
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, connection_arguments, errors, generate_event_id
from eventflow_db.query.collector import PAUSE

from .api import API
from .proxy import Proxy
from .support import EVENT, closed_port, is_collecting, login


class SoftLimit(Exception):
    """What task queues raise from a signal handler when a task has run for too long."""


KINDS = [SoftLimit, TimeoutError, ConnectionResetError, ValueError, MemoryError, KeyboardInterrupt, SystemExit]


@contextlib.contextmanager
def alarm(kind: type[BaseException], seconds: float = 0.3) -> Iterator[None]:
    """A signal handler raises the exception in the block after some time; the block raises just that."""

    def handler(number: int, frame: FrameType | None) -> None:
        if is_collecting(frame):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            return
        raise kind("from outside")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with pytest.raises(kind, match="from outside") as caught:
            yield
        assert caught.type is kind
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def db(proxied: Settings) -> Iterator[EventflowDB]:
    """The sync API behind the proxy, on one connection: handlers run in the main thread."""
    with EventflowDB(proxied) as db:
        db.ping()
        yield db


CALLS: dict[str, tuple[bytes, Callable[[EventflowDB], Any]]] = {
    "read": (b"event.read@", lambda db: db.read_event("id")),
    "write that may be repeated": (b"event.persist@", lambda db: db.persist_event({**EVENT, "id": "id"})),
    "write that may not": (b"log.persist@", lambda db: db.persist_log({"agent": "agent", "message": "message"})),
    "batch": (b"event.persist@", lambda db: db.persist_events([EVENT, EVENT])),
    "begin": (b"session.begin@", lambda db: db.run_transaction(lambda tx: tx.persist_event(EVENT))),
    "statement of a transaction": (
        b"event.persist@",
        lambda db: db.run_transaction(lambda tx: tx.persist_event(EVENT)),
    ),
    "commit": (b"session.commit@", lambda db: db.run_transaction(lambda tx: tx.persist_event(EVENT))),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_call_interrupted_from_outside_raises_just_that_and_is_not_run_again(
    db: EventflowDB, proxy: Proxy, name: str, kind: type[BaseException]
) -> None:
    marker, call = CALLS[name]
    proxy.stall_reply(marker)
    proxy.requests.clear()
    with alarm(kind):
        call(db)
    assert proxy.requests.count(marker) == 1
    db.ping()
    assert db._pool.size == 1


PING = b"\x01\0\0\0\x0e"


@pytest.mark.parametrize("kind", KINDS)
def test_call_interrupted_while_an_idle_connection_is_asked_raises_just_that(
    proxied: Settings, proxy: Proxy, kind: type[BaseException]
) -> None:
    with EventflowDB(msgspec.structs.replace(proxied, idle_check=0.01)) as db:
        db.ping()
        time.sleep(0.05)
        proxy.stall_reply(PING)
        with alarm(kind):
            db.ping()
        db.ping()
        assert db._pool.size == 1


def test_call_on_an_idle_connection_that_answers_nonsense_takes_another_one(
    api: API, proxied: Settings, proxy: Proxy
) -> None:
    db = api.database(msgspec.structs.replace(proxied, idle_check=0.01))
    db.ping()
    time.sleep(0.05)
    rule = proxy.replace_reply(PING, b"\x01\x00\x00\x01\xff")
    db.ping()
    assert rule.fired.is_set()


def test_transaction_interrupted_while_it_rolls_back_gives_its_connection_back(db: EventflowDB, proxy: Proxy) -> None:
    proxy.stall_reply(b"session.rollback@")
    with alarm(SoftLimit), db.transaction() as tx:
        tx.persist_event({**EVENT, "id": " "})
    db.ping()
    assert db._pool.size == 1


@pytest.mark.parametrize("kind", KINDS)
def test_from_connection_interrupted_closes_the_connection_whose_reply_is_not_read(
    api: Any, settings: Settings, proxy: Proxy, kind: type[BaseException]
) -> None:
    """Else the caller's next statement would get this one's reply."""
    import pymysql

    connection = pymysql.connect(
        **login(msgspec.structs.replace(settings, host="127.0.0.1", port=proxy.port)), database=settings.database,
        ssl_disabled=True, **connection_arguments(),
    )  # fmt: skip
    session = EventflowDB.from_connection(connection)
    session.ping()
    proxy.stall_reply(b"event.read@")
    with alarm(kind):
        session.read_event("id")
    with pytest.raises(errors.UnavailableError):
        session.ping()
    assert not connection.open


# What a handler raises is its own, also where it comes from a driver or a socket


def fail_as_pymysql(settings: Settings) -> None:
    """A duplicate key, on a connection of the handler's own."""
    import pymysql

    connection = pymysql.connect(
        host=settings.host, port=settings.port, user=settings.user, password=settings.password,
        database=settings.database, ssl_disabled=True,
    )  # fmt: skip
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO event (id, domain, pid, name, data) VALUES ('taken', 'd', 'p', 'n', '{}')")


def fail_as_pymysql_would(settings: Settings) -> None:
    """A deadlock, as whoever retries knows it."""
    import pymysql

    raise pymysql.err.OperationalError(1213, "of the handler")


def fail_as_a_socket(settings: Settings) -> None:
    """Nobody listens there."""
    import socket

    socket.create_connection(("127.0.0.1", closed_port()))


@pytest.mark.parametrize("fail", [fail_as_pymysql, fail_as_pymysql_would, fail_as_a_socket])
@pytest.mark.parametrize("name", ["read", "write that may be repeated", "write that may not", "commit"])
def test_call_interrupted_by_a_handler_whose_own_connection_fails_raises_just_that(
    db: EventflowDB, proxy: Proxy, settings: Settings, name: str, fail: Callable[[Settings], None]
) -> None:
    db.persist_event({**EVENT, "id": "taken"})
    marker, call = CALLS[name]
    proxy.stall_reply(marker)
    proxy.requests.clear()
    raised: list[BaseException] = []

    def handler(number: int, frame: FrameType | None) -> None:
        try:
            fail(settings)
        except BaseException as error:
            raised.append(error)
            raise

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Exception) as caught:
            call(db)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert caught.value is raised[0]
    assert proxy.requests.count(marker) == 1
    assert db.read_event("taken").id == "taken"
    assert db._pool.size == 1


# Used from a signal handler, or by an object that is collected


class Collected:
    """Does something when it is collected."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.itself = self

    def __del__(self) -> None:
        self.work()


@contextlib.contextmanager
def interrupting(work: Callable[[], object], every: float) -> Iterator[list[object]]:
    """A signal handler does something again and again during the block; gives what came of it."""
    done: list[object] = []
    goes_on = True

    def handler(number: int, frame: FrameType | None) -> None:
        done.append(work())
        if goes_on:
            signal.setitimer(signal.ITIMER_REAL, every)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, every)
    try:
        yield done
    finally:
        # before the timer, which a handler that runs right behind would start again, for the next handler of others
        goes_on = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_generate_event_id_in_a_signal_handler_keeps_the_order() -> None:
    ids: list[str] = []

    def note() -> None:
        ids.append(generate_event_id())

    with interrupting(note, 0.0005) as done:
        until = time.monotonic() + 1.5
        while time.monotonic() < until or len(done) < 100:
            note()
    assert len(set(ids)) == len(ids)
    assert generate_event_id() > max(ids)


def test_generate_event_id_in_what_is_collected_ends() -> None:
    made = []
    for _ in range(2000):
        Collected(lambda: made.append(generate_event_id()))
        generate_event_id()
    gc.collect()
    assert len(set(made)) == 2000


def test_calls_in_a_signal_handler_during_calls_end(settings: Settings) -> None:
    """At any moment of a call that uses the pool."""
    with EventflowDB(msgspec.structs.replace(settings, connection_limit=4, pool_timeout=5)) as db:
        db.ping()
        with interrupting(lambda: db.persist_event(EVENT), 0.003) as done:
            until = time.monotonic() + 2
            while time.monotonic() < until or len(done) < 50:
                db.persist_event(EVENT)
                with db.transaction() as tx:
                    tx.ping()
        assert db._pool.size <= 4


def test_calls_of_what_is_collected_during_calls_end(settings: Settings) -> None:
    with EventflowDB(msgspec.structs.replace(settings, connection_limit=4, pool_timeout=5)) as db:
        done: list[str] = []
        for _ in range(300):
            Collected(lambda: done.append(db.persist_event(EVENT)))
            db.persist_event(EVENT)
        gc.collect()
        assert len(done) == 300


# Wherever a handshake is


@pytest.mark.parametrize("kind", [TimeoutError, ConnectionResetError, SoftLimit, KeyboardInterrupt])
@pytest.mark.parametrize("at", [b"", b"SET NAMES", b"SET SESSION TRANSACTION", b"max_allowed_packet"])
def test_call_interrupted_while_it_connects_raises_just_that(
    proxied: Settings, proxy: Proxy, at: bytes, kind: type[BaseException]
) -> None:
    with EventflowDB(msgspec.structs.replace(proxied, connection_limit=1, pool_timeout=3)) as db:
        if at:
            proxy.stall_reply(at)
        else:
            proxy.latency = 0.2
        with alarm(kind):
            db.ping()
        proxy.latency = 0
        db.ping()
        assert db._pool.size == 1


# where the exception comes while the work itself is collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_collector_goes_on_after_an_interrupted_read() -> None:
    """Whatever line of pausing it the exception comes at."""
    chance = random.Random(5)

    def handler(number: int, frame: FrameType | None) -> None:
        raise SoftLimit

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(5000):
            with contextlib.suppress(SoftLimit):
                try:
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 3e-5))
                    PAUSE.during(lambda: None)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            assert gc.isenabled()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def test_cancelling_in_a_signal_handler_while_threads_start_ends(settings: Settings, proxied: Settings) -> None:
    """The handler's call times out, so that its statement is ended in a thread; threading has a lock of its own."""
    from threading import Thread

    with EventflowDB(msgspec.structs.replace(settings, read_timeout=0.05, retry_limit=1)) as db:
        db.ping()

        def work() -> None:
            channel = db._pool.acquire()
            db._pool.discard(channel, cancelled=True)

        with interrupting(work, 0.0005) as done:
            until = time.monotonic() + 2
            while time.monotonic() < until or len(done) < 50:
                thread = Thread(target=int)
                thread.start()
                thread.join()
