"""Writes from many workers while connections are cut and the server is killed, and accounts for every write.

Half of the workers use the sync API, half the asyncio API, all through a proxy that cuts connections at
random moments; the server is killed (SIGKILL) and started again. Acknowledged writes must be there exactly
once and as they were sent, refused ones not at all; those reported as unknown are counted. Of those who claim
a publication one at the most may have been told that it is theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from eventflow_db import AsyncEventflowDB, EventflowDB, NewEvent, Settings, errors
from eventflow_db.testing import Server, ServerUnavailableError, running_server, temporary_database
from tests.proxy import Proxy

CUT_EVERY = 0.4
"""Seconds between cuts, on average."""
KEYS = {
    "event": "id",
    "event_cpid": "event_id",
    "event_eid": "event_id",
    "event_published": "event_id",
    "log": "message",
}
"""The column of each table that tells the writes apart."""


@dataclass
class Account:
    """What the workers were told of each write."""

    fates: dict[tuple[str, str], str] = field(default_factory=dict)
    """Table and key → acknowledged, refused or unknown."""
    claims: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """Event → worker and won, lost or unknown."""
    errors: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Sync:
    """A sync database object, or its transaction, with the asyncio API's methods, which never wait."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **values: Any) -> Any:
            return getattr(self._target, name)(*args, **values)

        return call

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """As the asyncio API's."""
        with self._target.transaction() as tx:
            yield Sync(tx)


class Worker:
    """One worker, for either API."""

    def __init__(self, number: int, seed: int, account: Account, published: Sequence[str]) -> None:
        self._chance = random.Random(f"{seed}/{number}")
        self._name = f"worker-{number}"
        self._account = account
        self._published = published
        self._number = 0

    async def run(self, db: Any, until: float) -> None:
        """Write, read and claim until a time of the monotonic clock."""
        steps = (self._event, self._event, self._batch, self._transaction, self._log, self._claim, self._read)
        while time.monotonic() < until:
            try:
                await self._chance.choice(steps)(db)
            except errors.EventflowDBError as error:
                # of what only reads; writes account for their own
                self._count(error)
            except Exception as error:
                self._account.wrong.append(f"{self._name}: {type(error).__name__}: {error}")
            if isinstance(db, AsyncEventflowDB):
                # the other tasks' turn, even where nothing was waited for
                await asyncio.sleep(0)

    def _new(self) -> NewEvent:
        self._number += 1
        id = f"{self._name}-{self._number}"
        return {"id": id, "domain": "soak", "pid": self._name, "name": "event", "data": {"id": id, "text": "ä" * 500}}

    def _count(self, error: errors.EventflowDBError) -> str:
        self._account.errors[f"{type(error).__name__} {error.errno or ''}".strip()] += 1
        return "unknown" if isinstance(error, errors.OutcomeUnknownError) else "refused"

    async def _write(self, keys: Sequence[tuple[str, str]], call: Coroutine[Any, Any, Any]) -> bool:
        fate = "acknowledged"
        try:
            await call
        except errors.EventflowDBError as error:
            fate = self._count(error)
            if isinstance(error, (errors.DuplicateError, errors.InvalidValueError, errors.SchemaError)):
                self._account.wrong.append(f"{keys[0]}: {error}")
        self._account.fates.update(dict.fromkeys(keys, fate))
        return fate == "acknowledged"

    async def _event(self, db: Any) -> None:
        event = self._new()
        key = str(event["id"])
        if await self._write([("event", key)], db.persist_event(event)):
            await self._write([("event_cpid", key)], db.persist_event_cpid(key, "cpid"))
            publication = {"event_id": key, "publisher": "soak"}
            await self._write([("event_published", key)], db.persist_event_published(publication))

    async def _batch(self, db: Any) -> None:
        events = [self._new() for _ in range(5)]
        await self._write([("event", str(event["id"])) for event in events], db.persist_events(events))

    async def _transaction(self, db: Any) -> None:
        event = self._new()
        key = str(event["id"])

        async def work() -> None:
            async with db.transaction() as tx:
                await tx.persist_event(event)
                await tx.persist_event_eid(key, "eid")

        await self._write([("event", key), ("event_eid", key)], work())

    async def _log(self, db: Any) -> None:
        self._number += 1
        key = f"{self._name}-{self._number}"
        await self._write([("log", key)], db.persist_log({"agent": self._name, "message": key}))

    async def _claim(self, db: Any) -> None:
        event_id = self._chance.choice(self._published)
        try:
            won = await db.update_event_published_to_consumed_by_spoke(event_id, self._name)
            result = "won" if won else "lost"
        except errors.EventflowDBError as error:
            result = self._count(error)
        self._account.claims[event_id].append((self._name, result))

    async def _read(self, db: Any) -> None:
        for event in await db.read_events_by_domain_and_pid("soak", self._name, limit=50):
            if event.data["id"] != event.id or len(event.data["text"]) != 500:
                self._account.wrong.append(f"event {event.id}: read wrongly")


def disturb(server: Server, proxy: Proxy, account: Account, seed: int, seconds: float) -> None:
    """Cut connections, and kill the server at a quarter and at two thirds of the time, until the time is up."""
    chance = random.Random(seed)
    started = time.monotonic()
    kills = [seconds * 0.25, seconds * 0.65]
    while (passed := time.monotonic() - started) < seconds:
        if kills and passed > kills[0]:
            del kills[0]
            server.kill()
            account.faults["kills"] += 1
            time.sleep(chance.random() * 0.5)
            server.start()
        elif proxy.cut_one(chance):
            account.faults["cuts"] += 1
        time.sleep(chance.random() * 2 * CUT_EVERY)


def work(settings: Settings, workers: Sequence[Worker], seconds: float) -> None:
    """Let the workers run, the first half in threads, the second as tasks."""
    until = time.monotonic() + seconds
    half = len(workers) // 2
    with EventflowDB(settings) as db:

        def run(worker: Worker) -> None:
            # it never waits, so the first step is all of it
            with contextlib.suppress(StopIteration):
                worker.run(Sync(db), until).send(None)

        threads = [threading.Thread(target=run, args=(worker,)) for worker in workers[:half]]
        for thread in threads:
            thread.start()

        async def tasks() -> None:
            async with AsyncEventflowDB(settings) as db:
                await asyncio.gather(*(worker.run(db, until) for worker in workers[half:]))

        asyncio.run(tasks())
        for thread in threads:
            thread.join()


def compare(server: Server, database: str, account: Account) -> Counter[str]:
    """Compare what the workers were told with what is there; gives the figures, `wrong` in the account."""
    there: dict[str, Counter[str]] = {}
    with server.connect(database) as connection, connection.cursor() as cursor:
        for table, key in KEYS.items():
            cursor.execute(f"SELECT {key} FROM {table}")
            there[table] = Counter(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT id FROM event WHERE domain = 'soak' AND JSON_VALUE(data, '$.id') != id")
        account.wrong += [f"event {row[0]}: not as it was sent" for row in cursor.fetchall()]
        cursor.execute("SELECT event_id, consumer FROM event_published")
        consumers: dict[str, str | None] = dict(cursor.fetchall())
    return _compare_writes(account, there) + _compare_claims(account, consumers)


def _compare_writes(account: Account, there: Mapping[str, Counter[str]]) -> Counter[str]:
    figures: Counter[str] = Counter()
    for (table, key), fate in account.fates.items():
        found = there[table][key]
        figures[fate] += 1
        if fate == "acknowledged" and found == 0:
            account.wrong.append(f"{table} {key}: acknowledged and lost")
        elif fate == "refused" and found:
            account.wrong.append(f"{table} {key}: refused and there")
        elif fate == "unknown" and found:
            figures["unknown, there"] += 1
        if found > 1:
            account.wrong.append(f"{table} {key}: there {found} times")
    return figures


def _compare_claims(account: Account, consumers: Mapping[str, str | None]) -> Counter[str]:
    figures: Counter[str] = Counter()
    for event_id, claims in account.claims.items():
        winners = [worker for worker, result in claims if result == "won"]
        figures["claims won"] += len(winners)
        holder = consumers[event_id]
        if len(winners) > 1 or (winners and holder != winners[0]):
            account.wrong.append(f"claim of {event_id}: won by {winners}, held by {holder}")
        if holder and not winners and (holder, "unknown") not in claims:
            account.wrong.append(f"claim of {event_id}: held by {holder}, who was not told")
    return figures


def prepare(settings: Settings, seconds: float) -> list[str]:
    """Make the tables, and publications to be claimed; gives the events' ids."""
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
        event: NewEvent = {"domain": "claims", "pid": "pid", "name": "name"}
        published = db.persist_events([event] * int(seconds * 10))
        db.persist_events_published([{"event_id": event_id, "publisher": "soak"} for event_id in published])
        return published


def tell(name: str, figures: Counter[str], account: Account) -> None:
    """Print the account of a run."""
    print(f"{name}: writes: {dict(sorted(figures.items()))}")
    print(f"{name}: errors: {dict(sorted(account.errors.items()))}")
    for line in account.wrong[:20]:
        print(f"{name}: WRONG: {line}")
    print(f"{name}: {len(account.wrong)} wrong (lost, doubled, refused and there, mistaken)", flush=True)


def soak(server: Server, seed: int, seconds: float, workers: int) -> int:
    """One run; the exit code."""
    account = Account()
    with temporary_database(server) as url, Proxy(server) as proxy:
        settings = Settings.from_url(url)
        published = prepare(settings, seconds)
        settings = msgspec.structs.replace(
            settings, host="127.0.0.1", port=proxy.port, connection_limit=6, connect_timeout=2, read_timeout=5
        )
        crew = [Worker(number, seed, account, published) for number in range(workers)]
        trouble = threading.Thread(target=disturb, args=(server, proxy, account, seed, seconds))
        trouble.start()
        work(settings, crew, seconds)
        trouble.join()
        figures = compare(server, settings.database, account)
    print(f"soak: {server.kind} {server.version}, seed {seed}, {seconds:g} s, {workers} workers on both APIs")
    print(f"soak: {account.faults['cuts']} connections cut, server killed {account.faults['kills']} times")
    tell("soak", figures, account)
    return 1 if account.wrong or not figures["acknowledged"] else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a server, soak it, stop it."""
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (1)")
    parser.add_argument("--workers", type=int, default=16, help="half of them for each API (16)")
    parser.add_argument("--claims", action="store_true", help="what claims do when consumers and hubs are killed")
    options, others = parser.parse_known_args(arguments)
    if options.claims:
        from claims_soak import main as soak_claims

        return soak_claims([*others, "--seconds", str(options.seconds), "--seed", str(options.seed)])
    if others:
        parser.error(f"unknown: {' '.join(others)}")
    try:
        # MariaDB takes a log in /dev/shm for persistent memory: a commit is acknowledged while records before its own
        # are still being copied (persist() holds a shared latch, MDEV-35802), and is lost when it is killed just then.
        with running_server(data_root=Path(tempfile.gettempdir())) as server:
            return soak(server, options.seed, min(options.seconds, 3600), options.workers)
    except ServerUnavailableError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
