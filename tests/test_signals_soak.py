"""Signals at random moments over the operations, on the pool, in transactions and on a caller's connection.

A handler raises in whatever the call is at. The call has to raise just that; what it acknowledged is there once, what
it did not at most once, and the pool is whole. EVENTFLOW_TEST_SIGNALS: seconds for each part, 4 by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import FrameType
from typing import Any, TypeVar, cast

import msgspec
import pymysql
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings, connection_arguments, errors, generate_event_id

from .api import Blocking, Loop
from .operations import OPERATIONS, call
from .support import EVENT, Admin, eventually, execute, is_collecting

pytestmark = [
    pytest.mark.slow,
    # a socket that was made and not held yet
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # nor a coroutine
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]

T = TypeVar("T")
SECONDS = float(os.environ.get("EVENTFLOW_TEST_SIGNALS", "4"))
LEFT_OUT = ("setup_table_schemas", "archive_log", "prepare_log_partitions", "prune_log", "lock")
"""Operations that take long, or copy a table."""
READS = [
    name for name in OPERATIONS if not name.startswith(("persist", "create", "delete", "run")) and name not in LEFT_OUT
]


class SoftLimit(TimeoutError):
    """As of a task queue; a TimeoutError, which is an OSError too, and so the hardest to tell from a driver's."""


def soft_limit(frame: FrameType | None) -> None:
    """Raise, wherever that is."""
    raise SoftLimit("from outside")


class Attack:
    """Runs calls, each with a signal at a random moment, and keeps what became of them."""

    def __init__(self, seed: int, interrupt: Callable[[FrameType | None], None] = soft_limit) -> None:
        self._interrupt = interrupt
        self.chance = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.swallowed: list[str] = []
        self.acknowledged: dict[str, int] = {}
        """Event or message → how often it has to be there."""
        self.interrupted: dict[str, int] = {}
        """The same for how often it may be there."""
        self._fired = False
        self._where = ""
        self._longest = 0.002
        self._runs = False

    def _handler(self, number: int, frame: FrameType | None) -> None:
        # another thread may take a signal and hand it on when the call is over
        if not self._runs or is_collecting(frame):
            return
        try:
            self._interrupt(frame)
        except SoftLimit:
            self._fired = True
            self._where = "".join(traceback.format_stack(frame)[-6:])
            raise

    @contextlib.contextmanager
    def _armed(self) -> Iterator[None]:
        """Handle the signals of the block."""
        before = signal.signal(signal.SIGALRM, self._handler)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _run(self, work: Callable[..., object], *arguments: Any, written: Sequence[str] = ()) -> bool:
        """Run a call that writes something; whether it was interrupted."""
        name = f"{work.__name__} {arguments[-1]}"
        self._fired = False
        try:
            try:
                self._runs = True
                signal.setitimer(signal.ITIMER_REAL, max(self.chance.uniform(0, self._longest), 1e-6))
                work(*arguments)
            finally:
                self._runs = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except (SoftLimit, asyncio.CancelledError):
            kept, outcome = self.interrupted, "interrupted"
        except errors.EventflowDBError as error:
            if self._fired:
                self.swallowed.append(f"{name}: {error!r}\n{self._where}")
            kept, outcome = self.interrupted, "error"
        else:
            if self._fired:
                self.swallowed.append(f"{name}:\n{self._where}")
            kept, outcome = self.acknowledged, "acknowledged"
        self.outcomes[outcome] += 1
        # about as many of each
        self._longest = min(self._longest * (0.95 if kept is self.acknowledged else 1.05), 0.1)
        kept.update(dict.fromkeys(written, 1))
        return outcome == "interrupted"

    def check(self, admin: Admin, database: str) -> None:
        """What was written is there, and nothing was written twice."""
        found = Counter(id for (id,) in admin.execute(f"SELECT id FROM `{database}`.event"))
        found.update(message for (message,) in admin.execute(f"SELECT message FROM `{database}`.log"))
        assert [one for one in self.acknowledged if found[one] != 1] == []
        assert [one for one in self.interrupted if found[one] > 1] == []
        assert self.swallowed == [], "\n".join(self.swallowed)
        assert self.outcomes["interrupted"] > self.outcomes.total() / 10, self.outcomes
        assert self.outcomes["acknowledged"] > self.outcomes.total() / 10, self.outcomes
        print(dict(self.outcomes))

    def calls(self, target: Callable[[], Any], *kinds: str) -> Iterator[bool]:
        """Run calls of some kinds until the time is up; gives for each whether it was interrupted."""
        until = time.monotonic() + SECONDS
        # what earlier tests have left, whose `__del__` would meet signals
        gc.collect()
        with self._armed():
            while time.monotonic() < until:
                db, kind, ids = target(), self.chance.choice(kinds), [generate_event_id(), generate_event_id()]
                if kind == "read":
                    yield self._run(call_found_or_not, db, self.chance.choice(READS))
                elif kind == "event":
                    yield self._run(db.persist_event, {**EVENT, "id": ids[0]}, written=ids[:1])
                elif kind == "log":
                    yield self._run(db.persist_log, {"agent": "agent", "message": ids[0]}, written=ids[:1])
                elif kind == "batch":
                    yield self._run(db.persist_events, [{**EVENT, "id": one} for one in ids], written=ids)
                else:
                    yield self._run(write_in_transaction, db, ids, written=ids)


def write_in_transaction(db: Any, ids: list[str]) -> None:
    """Two events, in a transaction and one inside it."""
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": ids[0]})
        with tx.transaction() as nested:
            nested.persist_event({**EVENT, "id": ids[1]})


def call_found_or_not(db: Any, name: str) -> None:
    """Call an operation of the table; that there is no such row is an answer."""
    with contextlib.suppress(errors.NotFoundError):
        call(db, name)


def assert_whole(db: EventflowDB, admin: Admin, database: str) -> None:
    """Every connection of the pool of two can be had, and no session is left in a transaction."""
    gc.collect()
    with db.transaction() as one, db.transaction() as two:
        one.ping()
        two.ping()
    assert db._pool.size <= 2
    query = f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"
    assert eventually(lambda: len(admin.execute(query)) <= 2)


ALL = ("event", "log", "batch", "transaction", "read", "read")


@pytest.mark.parametrize("seed", [1, 2])
def test_signals_on_the_pool(settings: Settings, admin: Admin, database: str, seed: int) -> None:
    attack = Attack(seed)
    with EventflowDB(msgspec.structs.replace(settings, connection_limit=2, pool_timeout=5)) as db:
        for _ in attack.calls(lambda: db, *ALL):
            pass
        assert_whole(db, admin, database)
    attack.check(admin, database)


def test_signals_on_a_callers_connection(settings: Settings, admin: Admin, database: str) -> None:
    """Whatever is interrupted, the caller's next statement gets its own reply, or the connection is closed."""
    attack = Attack(3)
    made: list[tuple[Any, Any]] = []

    def connect() -> None:
        connection = pymysql.connect(
            host=settings.host, port=settings.port, user=settings.user, password=settings.password,
            database=settings.database, ssl_disabled=True, **connection_arguments(),
        )  # fmt: skip
        execute(connection, "SET autocommit = 1")
        made.append((connection, EventflowDB.from_connection(connection)))

    connect()
    for interrupted in attack.calls(lambda: made[-1][1], "event", "log", "read"):
        if interrupted:
            connection, _ = made.pop()
            if connection.open:
                answer = generate_event_id()
                assert execute(connection, "SELECT %s", answer) == ((answer,),)
                connection.close()
            connect()
    made[0][0].close()
    attack.check(admin, database)


class LoopHere:
    """An event loop in this thread, where signals are handled."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; whatever ends the run of the loop cancels every task, as asyncio.run does."""
        self.task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(self.task)
        except BaseException:
            if tasks := asyncio.all_tasks(self.loop):
                for task in tasks:
                    task.cancel()
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=5))
            raise

    def interrupt(self, frame: FrameType | None) -> None:
        """Raise where the call's own task is at our code or the driver's, else cancel it: a loop takes no exception."""
        name = "" if frame is None else str(frame.f_globals.get("__name__"))
        ours = name.partition(".")[0] in ("eventflow_db", "aiomysql", "pymysql")
        if ours and asyncio.current_task(self.loop) is self.task:
            raise SoftLimit("from outside")
        self.loop.call_soon_threadsafe(self.task.cancel)


def test_signals_in_an_event_loop(settings: Settings, admin: Admin, database: str) -> None:
    here = LoopHere()
    attack = Attack(4, here.interrupt)
    asyncio_db = AsyncEventflowDB(msgspec.structs.replace(settings, connection_limit=2, pool_timeout=5))
    db = cast(EventflowDB, Blocking(asyncio_db, cast(Loop, here)))
    for _ in attack.calls(lambda: db, *ALL):
        pass
    assert_whole(db, admin, database)
    db.close()
    here.loop.close()
    attack.check(admin, database)
