"""Measures claims: how their time grows, and how many are made beside the statements of other queues on SQL."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.fill import fill
from eventflow_db.check.server import Inspector
from eventflow_db.testing import Server, temporary_database

ROUNDS: Final = 15
THREADS: Final = 8
OPEN: Final = "TIMESTAMPADD(SECOND, n - 10000000, UTC_TIMESTAMP())"
"""Since when row n is available."""


@contextmanager
def _tables(server: Server, settings: Settings) -> Iterator[Settings]:
    with temporary_database(server) as url:
        own = msgspec.structs.replace(settings, database=Settings.from_url(url).database, connection_limit=THREADS)
        with EventflowDB(own) as db:
            db.setup_table_schemas()
        yield own


def _publish(settings: Settings, rows: int, prefix: str = "e", **columns: str) -> None:
    """Add so many events with their publications; columns: as SQL of row number n."""
    domain = columns.get("domain", "'shop'")
    event = {"id": f"CONCAT('{prefix}-', LPAD(n, 9, '0'))", "domain": domain, "rid": "NULL", "pid": "'p'"}
    published = {
        "event_id": event["id"], "published": OPEN, "available": OPEN, "publisher": "'p'", "domain": domain,
        "attempts": "0", "error": "NULL",
        **dict.fromkeys(("consumer", "hub", "consumed_hub", "consumed_spoke", "success", "failed", "orphan"), "NULL"),
        **columns,
    }  # fmt: skip
    values = {f"event.{name}": value for name, value in {**event, "name": "'n'"}.items()}
    values |= {f"event_published.{name}": value for name, value in published.items()}
    with Inspector(settings, settings.database) as inspector:
        fill(inspector, rows, values, only=["event", "event_published"])


SIZES: Final[dict[str, dict[str, str] | None]] = {
    "1,000 open": None,
    "and so many more open": {},
    "and so many of another domain": {"domain": "'other'"},
    "and so many that have ended": {"success": OPEN},
}
"""What else is in the tables, by its columns."""


def growth_of_claims(server: Server, settings: Settings, rows: int) -> None:
    """Print how long a claim of 100 takes, and a look at all of it, by what else is in the tables."""
    first = None
    for name, others in SIZES.items():
        with _tables(server, settings) as own:
            _publish(own, 1000)
            if others is not None:
                _publish(own, rows, "f", **others)
            with EventflowDB(own) as db:
                times = []
                for _ in range(ROUNDS):
                    started = time.perf_counter()
                    claimed = db.claim_events_published("shop", "bench", limit=100)
                    times.append(time.perf_counter() - started)
                    assert len(claimed) == 100
                    db.release_events_published([event.id for event in claimed])
                looks = []
                for _ in range(5):
                    started = time.perf_counter()
                    db.read_status()
                    looks.append(time.perf_counter() - started)
        took = statistics.median(times)
        first = first or took
        print(f"{name:32}{took * 1000:8.1f} ms a claim of 100{took / first:8.2f}   "
              f"{statistics.median(looks) * 1000:8.1f} ms read_status", flush=True)  # fmt: skip


# --- beside others

Claim = Callable[[Any], int]
"""Claims some on what a thread has; gives how many."""

QUEUE: Final = (
    "CREATE TABLE jobs (id BIGINT AUTO_INCREMENT PRIMARY KEY, queue VARCHAR(64) NOT NULL, class VARCHAR(64) NOT NULL,"
    " arguments JSON NOT NULL, created DATETIME(6) NOT NULL)",
    "CREATE TABLE ready (id BIGINT AUTO_INCREMENT PRIMARY KEY, job_id BIGINT NOT NULL UNIQUE,"
    " queue VARCHAR(64) NOT NULL, priority INT NOT NULL, created DATETIME(6) NOT NULL,"
    " INDEX (priority, job_id), INDEX (queue, priority, job_id),"
    " FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE)",
    "CREATE TABLE claimed (id BIGINT AUTO_INCREMENT PRIMARY KEY, job_id BIGINT NOT NULL UNIQUE, process_id BIGINT,"
    " created DATETIME(6) NOT NULL, INDEX (process_id, job_id),"
    " FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE)",
    "CREATE TABLE oban (id BIGINT AUTO_INCREMENT PRIMARY KEY, state VARCHAR(20) NOT NULL, queue VARCHAR(64) NOT NULL,"
    " worker VARCHAR(64) NOT NULL, args JSON NOT NULL, attempt INT NOT NULL DEFAULT 0, priority INT NOT NULL DEFAULT 0,"
    " attempted_by JSON NULL, attempted_at DATETIME(6) NULL, scheduled_at DATETIME(6) NOT NULL,"
    " INDEX (state, queue, priority, scheduled_at, id))",
)
"""The tables of Solid Queue and of Oban, as far as a claim touches them."""


def _fill_queues(cursor: Any, rows: int) -> None:
    for table in ("claimed", "ready", "jobs", "oban"):
        cursor.execute(f"DELETE FROM {table}")
    numbers = list(range(1, rows + 1))
    cursor.executemany("INSERT INTO jobs VALUES (%s, 'shop', 'n', '{}', UTC_TIMESTAMP(6))", numbers)
    cursor.executemany(
        "INSERT INTO ready (job_id, queue, priority, created) VALUES (%s, 'shop', 0, UTC_TIMESTAMP(6))", numbers
    )
    cursor.executemany(
        "INSERT INTO oban (id, state, queue, worker, args, scheduled_at)"
        " VALUES (%s, 'available', 'shop', 'n', '{}', UTC_TIMESTAMP(6))", numbers,
    )  # fmt: skip


def _solid_queue(connection: Any, limit: int) -> int:
    """Select ready executions, insert claimed ones, delete the ready; then read the jobs."""
    with connection.cursor() as cursor:
        connection.begin()
        cursor.execute(
            "SELECT job_id FROM ready WHERE queue = 'shop' ORDER BY priority, job_id LIMIT %s FOR UPDATE SKIP LOCKED",
            limit,
        )
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            values = ", ".join(f"({id}, 1, UTC_TIMESTAMP(6))" for id in ids)
            cursor.execute(f"INSERT INTO claimed (job_id, process_id, created) VALUES {values}")
            cursor.execute("DELETE FROM ready WHERE job_id IN %s", (ids,))
        connection.commit()
        if ids:
            cursor.execute("SELECT id, queue, class, arguments, created FROM jobs WHERE id IN %s", (ids,))
            cursor.fetchall()
    return len(ids)


def _oban(connection: Any, limit: int) -> int:
    """Select available jobs, update them, read them."""
    with connection.cursor() as cursor:
        connection.begin()
        cursor.execute(
            "SELECT id FROM oban WHERE state = 'available' AND queue = 'shop' ORDER BY priority, scheduled_at, id"
            " LIMIT %s FOR UPDATE SKIP LOCKED", limit,
        )  # fmt: skip
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(
                "UPDATE oban SET state = 'executing', attempt = attempt + 1, attempted_at = UTC_TIMESTAMP(6),"
                " attempted_by = '[\"bench\"]' WHERE id IN %s", (ids,),
            )  # fmt: skip
            cursor.execute("SELECT id, state, queue, worker, args, attempt, priority FROM oban WHERE id IN %s", (ids,))
            cursor.fetchall()
        connection.commit()
    return len(ids)


def _rate(makes: list[Any], claim: Callable[[Any, int], int], limit: int, rows: int) -> float:
    """Rows a second that threads claim until there are none."""
    counts = [0] * len(makes)

    def work(number: int) -> None:
        while done := claim(makes[number], limit):
            counts[number] += done

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(makes))]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    assert sum(counts) == rows, f"{sum(counts)} of {rows}"
    return rows / took


def rates_of_claims(server: Server, settings: Settings) -> None:
    """Print how many rows a second 8 threads claim, beside Solid Queue's and Oban's statements on such tables."""
    with _tables(server, settings) as own, EventflowDB(own) as db, server.connect(own.database) as control:
        cursor = control.cursor()
        for statement in QUEUE:
            cursor.execute(statement)
        connections = [server.connect(own.database) for _ in range(THREADS)]
        for connection in connections:
            with connection.cursor() as one:
                one.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.autocommit(True)
        ours: Callable[[Any, int], int] = lambda db, limit: len(  # noqa: E731
            db.claim_events_published("shop", "bench", limit=limit)
        )
        for limit, rows in ((1, 2000), (10, 10_000), (100, 40_000)):
            found: dict[str, list[float]] = {"ours": [], "Solid Queue": [], "Oban": []}
            for _ in range(3):
                cursor.execute("DELETE FROM event")
                control.commit()
                _publish(own, rows)
                _fill_queues(cursor, rows)
                control.commit()
                found["ours"].append(_rate([db] * THREADS, ours, limit, rows))
                found["Solid Queue"].append(_rate(connections, _solid_queue, limit, rows))
                found["Oban"].append(_rate(connections, _oban, limit, rows))
            middle = {name: statistics.median(each) for name, each in found.items()}
            text = ", ".join(f"{name} {rate:,.0f}" for name, rate in middle.items())
            best = max(middle["Solid Queue"], middle["Oban"])
            print(
                f"claims of {limit:3}: rows a second: {text}; ours by the best: {middle['ours'] / best:.2f}", flush=True
            )
        for connection in connections:
            connection.close()
