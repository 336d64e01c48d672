"""Measures purges beside writers: how long a write waits while events are purged in steps, and in one DELETE."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check.fill import fill
from eventflow_db.check.server import Inspector
from eventflow_db.testing import Server, temporary_database

WRITERS: Final = 8
KEPT: Final = 10
"""Every so many events stay, for they are of today."""
DELETE: Final = "DELETE FROM event WHERE domain = 'shop' AND timestamp < %s"


class Writers:
    """Threads that persist an event with its publication and an association, one write after the other."""

    def __init__(self, db: EventflowDB) -> None:
        self._db = db
        self._stop = threading.Event()
        self.waits: list[float] = []
        self.failures: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write during the block."""
        threads = [threading.Thread(target=self._write) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _write(self) -> None:
        while not self._stop.is_set():
            started = time.perf_counter()
            try:
                with self._db.transaction() as tx:
                    event_id = tx.persist_event({"domain": "shop", "pid": "new", "name": "event"})
                    tx.persist_event_published({"event_id": event_id, "publisher": "bench"})
                    tx.persist_event_eid(event_id, "entity")
            except errors.EventflowDBError as error:
                self.failures[f"{error.errno}"] += 1
            self.waits.append(time.perf_counter() - started)

    def measure(self, what: str, work: Callable[[], object]) -> None:
        """Print how long writes wait while something is done."""
        self.waits, started = [], time.perf_counter()
        work()
        took, waits = time.perf_counter() - started, sorted(self.waits)
        middle, late = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        print(
            f"{what:16}{took:7.1f} s  {len(waits):8,} writes: median {middle * 1000:6.1f} ms, "
            f"p99 {late * 1000:7.1f} ms, longest {waits[-1] * 1000:8.1f} ms; failed {dict(self.failures) or 0}",
            flush=True,
        )


def measure_purges(server: Server, settings: Settings, rows: int) -> None:
    """Print how long writes wait before and while nine tenths of so many events go, in steps and in one DELETE."""
    before = datetime.now(UTC) - timedelta(days=30)
    for name in ("purge_events", "one DELETE"):
        with temporary_database(server) as url:
            own = msgspec.structs.replace(
                settings, database=Settings.from_url(url).database, connection_limit=WRITERS + 2, lock_wait_timeout=50,
                read_timeout=600,
            )  # fmt: skip
            with EventflowDB(own) as db:
                db.setup_table_schemas()
                old = f"IF(n MOD {KEPT} = 0, UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 90 DAY + INTERVAL n SECOND)"
                with Inspector(own, own.database) as inspector:
                    fill(
                        inspector, rows,
                        {"event.timestamp": old, "event.domain": "'shop'", "event.rid": "NULL",
                         "event_published.success": old, "event_published.hub": "NULL"},
                        only=["event", "event_published", "event_eid"],
                    )  # fmt: skip
                writers = Writers(db)
                with writers.running():
                    time.sleep(1)
                    writers.measure("before", lambda: time.sleep(8))
                    if name == "purge_events":
                        writers.measure(name, partial(_purge, db, before))
                    else:
                        with server.connect(own.database) as connection, connection.cursor() as cursor:
                            connection.autocommit(True)
                            writers.measure(name, partial(cursor.execute, DELETE, (before.replace(tzinfo=None),)))


def _purge(db: EventflowDB, before: datetime) -> None:
    while db.purge_events("shop", before) > 0:
        pass
