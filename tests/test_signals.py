"""Exceptions that come from outside while a call waits, such as a signal handler's: they pass through as they are."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, connection_arguments, errors

from .api import API
from .proxy import Proxy
from .support import EVENT, login


class SoftLimit(Exception):
    """What task queues raise from a signal handler when a task has run for too long."""


KINDS = [SoftLimit, TimeoutError, ConnectionResetError, ValueError, MemoryError, KeyboardInterrupt, SystemExit]


@contextlib.contextmanager
def alarm(kind: type[BaseException], seconds: float = 0.3) -> Iterator[None]:
    """A signal handler raises the exception in the block after some time; the block raises just that."""

    def handler(number: int, frame: FrameType | None) -> None:
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
    assert db._pool._size == 1


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
        assert db._pool._size == 1


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
    assert db._pool._size == 1


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
