"""Both APIs behind one face, so that each test is written once: the asyncio API runs on a loop in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import aiomysql
import pymysql

from eventflow_db import AsyncEventflowDB, EventflowDB, Session, Settings
from eventflow_db.testing import Server

from .support import login

T = TypeVar("T")
LONGEST = 120
"""Seconds after which a call counts as stuck."""


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine as a task of the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LONGEST)

    def close(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        # turns for what it was told to close meanwhile, as asyncio.run has them
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Blocking:
    """An object of the asyncio API, its methods called as the sync API's are."""

    def __init__(self, target: Any, loop: Loop) -> None:
        self.target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.target, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **values: Any) -> Any:
            return self._plain(attribute(*args, **values))

        return call

    def run_transaction(self, work: Callable[[Any], T]) -> T:
        """As the sync API's: the function is called in a thread."""

        async def in_thread(tx: Any) -> T:
            return await asyncio.to_thread(work, Blocking(tx, self._loop))

        result: T = self._loop.run(self.target.run_transaction(in_thread))
        return result

    def _plain(self, result: Any) -> Any:
        if inspect.iscoroutine(result):
            return self._loop.run(result)
        if hasattr(result, "__aenter__"):
            return self._manager(result)
        if hasattr(result, "__anext__"):
            return self._iterator(result)
        return result

    @contextlib.contextmanager
    def _manager(self, manager: Any) -> Iterator[Any]:
        async def enter() -> Any:
            return await manager.__aenter__()

        async def leave(*error: Any) -> Any:
            return await manager.__aexit__(*error)

        entered = self._loop.run(enter())
        try:
            yield None if entered is None else Blocking(entered, self._loop)
        except BaseException as error:
            if not self._loop.run(leave(type(error), error, error.__traceback__)):
                raise
        else:
            self._loop.run(leave(None, None, None))

    def _iterator(self, iterator: Any) -> Iterator[Any]:
        async def step() -> Any:
            return await anext(iterator, self)

        while (item := self._loop.run(step())) is not self:
            yield item


class API:
    """One of the two APIs: makes database objects and the driver's own connections."""

    server: Server
    """The server that `connect` goes to."""

    def __init__(self, name: str, loop: Loop) -> None:
        self.name = name
        self.loop = loop
        self._opened: list[EventflowDB] = []
        self._connections: list[Any] = []

    def database(self, settings: Settings | str | None = None) -> EventflowDB:
        """A database object, closed after the test."""
        if self.name == "sync":
            db = EventflowDB(settings)
        else:
            db = cast(EventflowDB, Blocking(AsyncEventflowDB(settings), self.loop))
        self._opened.append(db)
        return db

    def connect(self, database: str, **arguments: Any) -> Any:
        """A connection of the driver, closed after the test."""
        arguments |= login(self.server)

        async def connect() -> Any:
            return await aiomysql.connect(db=database, **arguments)

        if self.name == "sync":
            connection = pymysql.connect(database=database, **arguments)
        else:
            connection = self.loop.run(connect())
        self._connections.append(connection)
        return connection

    def disconnect(self, connection: Any) -> None:
        """Close a connection of the driver."""

        async def close() -> None:
            connection.close()

        if self.name == "sync":
            connection.close()
        else:
            self.loop.run(close())

    def session(self, connection: Any) -> Session:
        """The operations on a connection of the driver."""
        if self.name == "sync":
            return EventflowDB.from_connection(connection)
        return cast(Session, Blocking(AsyncEventflowDB.from_connection(connection), self.loop))

    def execute(self, connection: Any, statement: str) -> Any:
        """Run a statement on a connection of the driver; gives its rows."""
        if self.name == "sync":
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

        async def execute() -> Any:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
                return await cursor.fetchall()

        return self.loop.run(execute())

    def close(self) -> None:
        """Close every database object and connection that was made here."""
        for connection in self._connections:
            if connection.open if self.name == "sync" else not connection.closed:
                self.disconnect(connection)
        for db in self._opened:
            db.close()


def concurrently(*calls: Callable[[], T]) -> list[T]:
    """The results of calls made at once, each in a thread; the first error is raised."""
    barrier = threading.Barrier(len(calls))

    def start(call: Callable[[], T]) -> T:
        barrier.wait(LONGEST)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(LONGEST) for future in [pool.submit(start, call) for call in calls]]
