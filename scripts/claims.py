"""Measures claims: how their time grows, and how many are made beside the statements of other queues on SQL."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import msgspec
import pymysql

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


SIZES: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "open": (1, {}),
    "open in another domain": (1, {"domain": "'other'"}),
    "ended": (10, {"success": OPEN}),
}
"""What else is in the tables: so many times the number of rows, by its columns."""


def growth_of_claims(server: Server, settings: Settings, rows: int) -> None:
    """Print how long a claim of 100 takes, and a look at all of it, by what else is in the tables."""
    first = None
    for name, (times, others) in {"": (0, {}), **SIZES}.items():
        with _tables(server, settings) as own:
            _publish(own, 1000)
            if times:
                _publish(own, times * rows, "f", **others)
            with EventflowDB(own) as db:
                claims, looks = [], []
                for _ in range(ROUNDS):
                    started = time.perf_counter()
                    claimed = db.claim_events_published("shop", "bench", limit=100)
                    claims.append(time.perf_counter() - started)
                    assert len(claimed) == 100
                    db.release_events_published([event.id for event in claimed])
                    started = time.perf_counter()
                    db.read_status()
                    looks.append(time.perf_counter() - started)
        took = statistics.median(claims)
        first = first or took
        beside = f" and {times * rows:,} {name}" if times else ""
        print(f"1,000 open{beside}: {took * 1000:.1f} ms a claim of 100, growth {took / first:.2f};"
              f" {statistics.median(looks) * 1000:.1f} ms read_status", flush=True)  # fmt: skip


# --- beside others

Claim = Callable[[Any, int], int]
"""Claims up to so many on what a thread has; gives how many."""

QUEUE: Final = (
    "CREATE TABLE jobs (id BIGINT AUTO_INCREMENT PRIMARY KEY, queue_name VARCHAR(255) NOT NULL,"
    " class_name VARCHAR(255) NOT NULL, arguments TEXT, priority INT NOT NULL DEFAULT 0, active_job_id VARCHAR(255),"
    " scheduled_at DATETIME(6), finished_at DATETIME(6), concurrency_key VARCHAR(255), created_at DATETIME(6) NOT NULL,"
    " updated_at DATETIME(6) NOT NULL, INDEX (active_job_id), INDEX (class_name), INDEX (finished_at),"
    " INDEX (queue_name, finished_at), INDEX (scheduled_at, finished_at))",
    "CREATE TABLE ready (id BIGINT AUTO_INCREMENT PRIMARY KEY, job_id BIGINT NOT NULL UNIQUE,"
    " queue_name VARCHAR(255) NOT NULL, priority INT NOT NULL DEFAULT 0, created_at DATETIME(6) NOT NULL,"
    " INDEX (priority, job_id), INDEX (queue_name, priority, job_id),"
    " FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE)",
    "CREATE TABLE claimed (id BIGINT AUTO_INCREMENT PRIMARY KEY, job_id BIGINT NOT NULL UNIQUE, process_id BIGINT,"
    " created_at DATETIME(6) NOT NULL, INDEX (process_id, job_id),"
    " FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE)",
    "CREATE TABLE oban (id BIGINT AUTO_INCREMENT PRIMARY KEY, state ENUM ('available', 'scheduled', 'executing',"
    " 'retryable', 'completed', 'cancelled', 'discarded') NOT NULL DEFAULT 'available', queue VARCHAR(255) NOT NULL,"
    " worker VARCHAR(255) NOT NULL, args JSON NOT NULL, meta JSON NOT NULL, tags JSON NOT NULL,"
    " attempted_by JSON NOT NULL, errors JSON NOT NULL, attempt INT NOT NULL DEFAULT 0,"
    " max_attempts INT NOT NULL DEFAULT 20, priority INT NOT NULL DEFAULT 0, inserted_at DATETIME(6) NOT NULL,"
    " scheduled_at DATETIME(6) NOT NULL, attempted_at DATETIME(6), cancelled_at DATETIME(6), completed_at DATETIME(6),"
    " discarded_at DATETIME(6), INDEX (state, queue, priority, scheduled_at, id))",
)
"""The tables of Solid Queue 1.2 and of Oban 2.19, as far as a claim touches them."""


FILL: Final = (
    "INSERT INTO jobs (queue_name, class_name, arguments, active_job_id, scheduled_at, created_at, updated_at)"
    " SELECT 'shop', name, data, UUID(), timestamp, timestamp, timestamp FROM event ORDER BY id",
    "INSERT INTO ready (job_id, queue_name, created_at) SELECT id, queue_name, created_at FROM jobs ORDER BY id",
    "INSERT INTO oban (queue, worker, args, meta, tags, attempted_by, errors, inserted_at, scheduled_at)"
    " SELECT 'shop', name, data, '{}', '[]', '[]', '[]', timestamp, timestamp FROM event ORDER BY id",
)
"""The same work for all."""


def _ours(db: EventflowDB, limit: int) -> int:
    return len(db.claim_events_published("shop", "bench", limit=limit))


def _solid_queue(connection: Any, limit: int) -> int:
    """Select ready executions, insert claimed ones and read them, delete the ready; then read the jobs."""
    with connection.cursor() as cursor:
        connection.begin()
        cursor.execute(
            "SELECT job_id FROM ready WHERE queue_name = 'shop' ORDER BY priority, job_id LIMIT %s"
            " FOR UPDATE SKIP LOCKED", limit,
        )  # fmt: skip
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            values = ", ".join(f"({id}, 1, UTC_TIMESTAMP(6))" for id in ids)
            cursor.execute(f"INSERT INTO claimed (job_id, process_id, created_at) VALUES {values}")
            cursor.execute("SELECT * FROM claimed WHERE job_id IN %s AND process_id = 1", (ids,))
            cursor.fetchall()
            cursor.execute("DELETE FROM ready WHERE job_id IN %s", (ids,))
        connection.commit()
        if ids:
            cursor.execute("SELECT * FROM jobs WHERE id IN %s", (ids,))
            cursor.fetchall()
    return len(ids)


def _oban(connection: Any, limit: int) -> int:
    """Select available jobs with all their columns, update them."""
    with connection.cursor() as cursor:
        connection.begin()
        cursor.execute(
            "SELECT * FROM oban WHERE state = 'available' AND queue = 'shop' AND attempt < max_attempts"
            " ORDER BY priority, scheduled_at, id LIMIT %s FOR UPDATE SKIP LOCKED", limit,
        )  # fmt: skip
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(
                "UPDATE oban FORCE INDEX (PRIMARY) JOIN JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS fetched"
                " ON fetched.id = oban.id SET state = 'executing', attempt = attempt + 1,"
                " attempted_at = UTC_TIMESTAMP(6), attempted_by = '[\"bench\", \"1\"]'", json.dumps(ids),
            )  # fmt: skip
        connection.commit()
    return len(ids)


DEADLOCKS: Final[Counter[str]] = Counter()


def _again_after_deadlocks(name: str, claim: Claim) -> Claim:
    def until_it_is_through(connection: Any, limit: int) -> int:
        while True:
            try:
                return claim(connection, limit)
            except pymysql.err.OperationalError as error:
                if error.args[0] != 1213:
                    raise
                DEADLOCKS[name] += 1
                connection.rollback()

    return until_it_is_through


def _rate(makes: list[Any], claim: Claim, limit: int, rows: int) -> float:
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
    """Print how many rows a second 8 threads claim, beside Solid Queue's and Oban's statements on their tables.

    Ours gives records, theirs tuples of PyMySQL; all wait for the disk as the server was told to. The connections are
    in READ COMMITTED, as both recommend for MySQL. A deadlock, which none of ours may meet, is begun again.
    """
    others = {"Solid Queue": _solid_queue, "Oban": _oban}
    for limit, rows in ((1, 2000), (10, 10_000), (100, 40_000)):
        found: dict[str, list[float]] = {"ours": [], **{name: [] for name in others}}
        DEADLOCKS.clear()
        for turn in range(5):
            with _tables(server, settings) as own, ExitStack() as stack:
                _publish(own, rows)
                connections = [stack.enter_context(server.connect(own.database)) for _ in range(THREADS)]
                for connection in connections:
                    with connection.cursor() as cursor:
                        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                    connection.autocommit(True)
                with connections[0].cursor() as cursor:
                    for statement in (*QUEUE, *FILL):
                        cursor.execute(statement)
                db = stack.enter_context(EventflowDB(own))
                runs: list[tuple[str, list[Any], Claim]] = [("ours", [db] * THREADS, _ours)]
                runs += [(name, connections, _again_after_deadlocks(name, claim)) for name, claim in others.items()]
                # nobody is always the first
                for name, makes, claim in runs[turn % 3 :] + runs[: turn % 3]:
                    found[name].append(_rate(makes, claim, limit, rows))
        middle = {name: statistics.median(each) for name, each in found.items()}
        text = ", ".join(f"{name} {rate:,.0f}" for name, rate in middle.items())
        best = max(middle[name] for name in others)
        met = ", ".join(f"{name} {count}" for name, count in DEADLOCKS.items())
        print(f"claims of {limit:3}: rows a second: {text}; ours by the best: {middle['ours'] / best:.2f}"
              f"; deadlocks: {met or 'none'}", flush=True)  # fmt: skip
