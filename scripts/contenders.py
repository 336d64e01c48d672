"""The same work, done through each driver or library as its users would do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

import aiomysql
import msgspec
import MySQLdb
import orjson
import pymysql
import sqlalchemy

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings

Event = dict[str, Any]
CHUNK: Final = 1000
"""Rows of one multi-row statement, where a driver is told how many."""
COLUMNS: Final = "id, timestamp, domain, rid, pid, name, data"
READ: Final = f"SELECT {COLUMNS} FROM event WHERE id = %s"
READ_MANY: Final = (
    f"SELECT {COLUMNS} FROM event FORCE INDEX (idx_domain_pid) WHERE domain = %s AND pid = %s "
    "ORDER BY timestamp, id LIMIT %s"
)
INSERT: Final = "INSERT INTO event (id, domain, pid, name, data) VALUES (%s, %s, %s, %s, %s)"
PUBLISH: Final = "INSERT INTO event_published (event_id, publisher) VALUES (%s, %s)"
CLAIM: Final = (
    "UPDATE event_published SET hub = %s, consumed_hub = CURRENT_TIMESTAMP() "
    "WHERE event_id = %s AND consumed_hub IS NULL"
)
CONSUME: Final = (
    "UPDATE event_published SET consumer = %s, consumed_spoke = CURRENT_TIMESTAMP() "
    "WHERE event_id = %s AND consumed_spoke IS NULL"
)
SUCCEED: Final = "UPDATE event_published SET success = CURRENT_TIMESTAMP() WHERE event_id = %s"
HUB: Final = "hub-1"
_numbers = count()


def new_id() -> str:
    """An id for those that make none themselves."""
    return f"bench-{next(_numbers):012d}"


class Contender:
    """One way to do the work. `open` is called for each worker, and again for each repetition."""

    name: str
    is_async = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start(self, workers: int) -> None:
        """Make what the workers share."""

    def stop(self) -> None:
        """Close what the workers shared."""


class _Driver(Contender):
    """A cursor on a connection of its own, with a JSON module."""

    loads: Callable[[Any], Any] = staticmethod(json.loads)
    dumps: Callable[[Any], Any] = staticmethod(json.dumps)
    connection: Any
    cursor: Any

    def account(self) -> dict[str, Any]:
        """What every driver's connect takes."""
        s = self.settings
        return {
            "host": s.host, "port": s.port, "user": s.user, "password": s.password, "autocommit": True,
            "charset": "utf8mb4",
        }  # fmt: skip

    def row(self, event: Event) -> tuple[Any, ...]:
        return (new_id(), event["domain"], event["pid"], event["name"], self.dumps(event["data"]))

    def event(self, row: Any) -> Any:
        return (*row[:6], self.loads(row[6]))


class _SyncDriver(_Driver):
    """A driver of the DB API."""

    def connect(self) -> Any:
        raise NotImplementedError

    def open(self) -> None:
        self.connection = self.connect()
        self.cursor = self.connection.cursor()

    def close(self) -> None:
        self.connection.close()

    def persist(self, event: Event) -> str:
        row = self.row(event)
        self.cursor.execute(INSERT, row)
        return str(row[0])

    def read(self, id: str) -> Any:
        self.cursor.execute(READ, (id,))
        return self.event(self.cursor.fetchone())

    def read_many(self, events: int) -> list[Any]:
        self.cursor.execute(READ_MANY, ("read", "read", events))
        return [self.event(row) for row in self.cursor.fetchall()]

    def batch(self, events: Sequence[Event]) -> None:
        self.connection.begin()
        for start in range(0, len(events), CHUNK):
            self.cursor.executemany(INSERT, [self.row(event) for event in events[start : start + CHUNK]])
        self.connection.commit()

    def claim(self, id: str) -> bool:
        self.cursor.execute(CLAIM, (HUB, id))
        return bool(self.cursor.rowcount > 0)

    def life(self, event: Event) -> None:
        id = self.persist(event)
        self.cursor.execute(PUBLISH, (id, "publisher"))
        self.claim(id)
        self.cursor.execute(CONSUME, ("spoke", id))
        self.cursor.execute(SUCCEED, (id,))


class PyMySQL(_SyncDriver):
    """The driver under the sync API: a cursor, json.loads and the driver's own datetimes."""

    name = "PyMySQL"

    def connect(self) -> Any:
        # as text it would be sent in latin-1
        account = self.account() | {"password": self.settings.password.encode()}
        return pymysql.connect(**account, database=self.settings.database, ssl_disabled=True)


class MySQLClient(_SyncDriver):
    """The C driver, with orjson."""

    name = "mysqlclient + orjson"
    loads = staticmethod(orjson.loads)
    dumps = staticmethod(orjson.dumps)

    def connect(self) -> Any:
        account = self.account() | {"database": self.settings.database}
        try:
            return MySQLdb.connect(**account, ssl_mode="DISABLED")
        except MySQLdb.NotSupportedError:
            # MariaDB's C library takes plain text unless it is told otherwise
            return MySQLdb.connect(**account)


class SQLAlchemy(Contender):
    """SQLAlchemy Core on PyMySQL, autocommitting, without a rollback when a connection goes back to the pool."""

    name = "SQLAlchemy Core"
    metadata = sqlalchemy.MetaData()
    event = sqlalchemy.Table(
        "event", metadata,
        sqlalchemy.Column("id", sqlalchemy.String(64), primary_key=True),
        *(sqlalchemy.Column(name, kind) for name, kind in (
            ("timestamp", sqlalchemy.DateTime), ("domain", sqlalchemy.String(64)), ("rid", sqlalchemy.String(64)),
            ("pid", sqlalchemy.String(64)), ("name", sqlalchemy.String(64)), ("data", sqlalchemy.JSON),
        )),
    )  # fmt: skip
    published = sqlalchemy.Table(
        "event_published", metadata,
        sqlalchemy.Column("event_id", sqlalchemy.String(64), primary_key=True),
        *(sqlalchemy.Column(name, sqlalchemy.String(64)) for name in ("publisher", "consumer", "hub")),
        *(sqlalchemy.Column(name, sqlalchemy.DateTime) for name in ("consumed_hub", "consumed_spoke", "success")),
    )  # fmt: skip

    def open(self) -> None:
        s = self.settings
        self.engine = sqlalchemy.create_engine(
            sqlalchemy.URL.create("mysql+pymysql", s.user, s.password, s.host, s.port, s.database),
            connect_args={"ssl_disabled": True}, isolation_level="AUTOCOMMIT", pool_reset_on_return=None,
        )  # fmt: skip

    def close(self) -> None:
        self.engine.dispose()

    def _row(self, event: Event) -> Event:
        return {"id": new_id(), **event}

    def _affected(self, statement: Any) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(statement).rowcount)

    def persist(self, event: Event) -> str:
        row = self._row(event)
        self._affected(self.event.insert().values(row))
        return str(row["id"])

    def read(self, id: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(sqlalchemy.select(self.event).where(self.event.c.id == id)).one()

    def read_many(self, events: int) -> Any:
        table = self.event.c
        query = sqlalchemy.select(self.event).with_hint(self.event, "FORCE INDEX (idx_domain_pid)")
        query = query.where(table.domain == "read", table.pid == "read").order_by(table.timestamp, table.id)
        with self.engine.connect() as connection:
            return connection.execute(query.limit(events)).all()

    def batch(self, events: Sequence[Event]) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.execute(self.event.insert(), [self._row(event) for event in events])
            connection.exec_driver_sql("COMMIT")

    def _update(self, id: str, values: Event, *unless: Any) -> bool:
        statement = self.published.update().where(self.published.c.event_id == id, *unless).values(values)
        return self._affected(statement) > 0

    def claim(self, id: str) -> bool:
        values = {"hub": HUB, "consumed_hub": sqlalchemy.func.current_timestamp()}
        return self._update(id, values, self.published.c.consumed_hub.is_(None))

    def life(self, event: Event) -> None:
        id, now = self.persist(event), sqlalchemy.func.current_timestamp()
        self._affected(self.published.insert().values(event_id=id, publisher="publisher"))
        self.claim(id)
        values = {"consumer": "spoke", "consumed_spoke": now}
        self._update(id, values, self.published.c.consumed_spoke.is_(None))
        self._update(id, {"success": now})


class Sync(Contender):
    """This library, the sync API; workers share one database object."""

    name = "eventflow-db"

    def start(self, workers: int) -> None:
        self.db = EventflowDB(_with_limit(self.settings, workers))

    def stop(self) -> None:
        self.db.close()

    def open(self) -> None:
        pass

    close = open

    def persist(self, event: Event) -> str:
        return self.db.persist_event(event)  # type: ignore[arg-type]

    def read(self, id: str) -> Any:
        return self.db.read_event(id)

    def read_many(self, events: int) -> Any:
        return self.db.read_events_by_domain_and_pid("read", "read", limit=events)

    def batch(self, events: Sequence[Event]) -> None:
        self.db.persist_events(events)  # type: ignore[arg-type]

    def claim(self, id: str) -> bool:
        return self.db.update_event_published_to_consumed_by_hub(id, HUB)

    def life(self, event: Event) -> None:
        db, id = self.db, self.persist(event)
        db.persist_event_published({"event_id": id, "publisher": "publisher"})
        self.claim(id)
        db.update_event_published_to_consumed_by_spoke(id, "spoke")
        db.update_event_published_to_success(id)


class AioMySQL(_Driver):
    """The driver under the asyncio API: a cursor, json.loads and the driver's own datetimes."""

    name = "aiomysql"
    is_async = True

    async def open(self) -> None:
        self.connection = await aiomysql.connect(**self.account(), db=self.settings.database)
        self.cursor = await self.connection.cursor()

    async def close(self) -> None:
        self.connection.close()

    async def persist(self, event: Event) -> str:
        row = self.row(event)
        await self.cursor.execute(INSERT, row)
        return str(row[0])

    async def read(self, id: str) -> Any:
        await self.cursor.execute(READ, (id,))
        return self.event(await self.cursor.fetchone())

    async def read_many(self, events: int) -> list[Any]:
        await self.cursor.execute(READ_MANY, ("read", "read", events))
        return [self.event(row) for row in await self.cursor.fetchall()]

    async def batch(self, events: Sequence[Event]) -> None:
        await self.connection.begin()
        for start in range(0, len(events), CHUNK):
            await self.cursor.executemany(INSERT, [self.row(event) for event in events[start : start + CHUNK]])
        await self.connection.commit()

    async def claim(self, id: str) -> bool:
        await self.cursor.execute(CLAIM, (HUB, id))
        return bool(self.cursor.rowcount > 0)

    async def life(self, event: Event) -> None:
        id = await self.persist(event)
        await self.cursor.execute(PUBLISH, (id, "publisher"))
        await self.claim(id)
        await self.cursor.execute(CONSUME, ("spoke", id))
        await self.cursor.execute(SUCCEED, (id,))


class Async(Contender):
    """This library, the asyncio API; workers share one database object."""

    name = "eventflow-db asyncio"
    is_async = True

    def start(self, workers: int) -> None:
        self.db = AsyncEventflowDB(_with_limit(self.settings, workers))

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        await self.db.close()

    async def persist(self, event: Event) -> str:
        return await self.db.persist_event(event)  # type: ignore[arg-type]

    async def read(self, id: str) -> Any:
        return await self.db.read_event(id)

    async def read_many(self, events: int) -> Any:
        return await self.db.read_events_by_domain_and_pid("read", "read", limit=events)

    async def batch(self, events: Sequence[Event]) -> None:
        await self.db.persist_events(events)  # type: ignore[arg-type]

    async def claim(self, id: str) -> bool:
        return await self.db.update_event_published_to_consumed_by_hub(id, HUB)

    async def life(self, event: Event) -> None:
        db, id = self.db, await self.persist(event)
        await db.persist_event_published({"event_id": id, "publisher": "publisher"})
        await self.claim(id)
        await db.update_event_published_to_consumed_by_spoke(id, "spoke")
        await db.update_event_published_to_success(id)


def _with_limit(settings: Settings, workers: int) -> Settings:
    return msgspec.structs.replace(settings, connection_limit=workers)


CONTENDERS: Final = (PyMySQL, Sync, MySQLClient, SQLAlchemy, AioMySQL, Async)
