"""Measures resident memory while events are streamed, and what importing the library takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any, Final

from eventflow_db import EventflowDB, Settings
from eventflow_db.testing import Server

STREAM: Final = """
import asyncio, json, os, resource, sys, time
import eventflow_db
from eventflow_db import AsyncEventflowDB, EventflowDB

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def sync(url):
    with EventflowDB(url) as db:
        db.ping()
        start = resident()
        return start, sum(1 for _ in db.iter_events_by_domain_and_pid("big", "big"))

async def asynchronous(url):
    async with AsyncEventflowDB(url) as db:
        await db.ping()
        start, events = resident(), 0
        async for _ in db.iter_events_by_domain_and_pid("big", "big"):
            events += 1
        return start, events

began = time.perf_counter()
url = sys.stdin.read()
start, events = sync(url) if sys.argv[1] == "sync" else asyncio.run(asynchronous(url))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"events": events, "seconds": time.perf_counter() - began, "start": start, "above": peak - start}))
"""
IMPORT: Final = """
import sys, time
began, processor = time.perf_counter(), time.process_time()
import eventflow_db
took = time.perf_counter() - began, time.process_time() - processor
print(took[0] * 1000, took[1] * 1000, *sorted({name.partition(".")[0] for name in sys.modules}))
"""
HEAVY: Final = {"aiomysql", "docker", "pytest", "rich", "sqlglot", "testcontainers", "typer"}


def memory(server: Server, url: str, events: int) -> dict[str, Any]:
    """Bytes above the start for both APIs; milliseconds and heavy modules of the import."""
    settings = Settings.from_url(url)
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
    with server.connect(settings.database) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0, time_zone = '+00:00'")
        cursor.execute("CREATE TABLE numbers (n INT PRIMARY KEY)")
        cursor.execute("INSERT INTO numbers VALUES (0)")
        size = 1
        while size < events:
            cursor.execute(f"INSERT INTO numbers SELECT n + {size} FROM numbers WHERE n + {size} < {events}")
            size *= 2
        cursor.execute(
            "INSERT INTO event SELECT CONCAT('e', LPAD(n, 9, '0')), '2024-01-01' + INTERVAL n SECOND, 'big', NULL, "
            "'big', 'name', JSON_OBJECT('order', n, 'customer', 'Gödel', 'lines', JSON_ARRAY(1, 2, 3)) FROM numbers"
        )
    found: dict[str, Any] = {}
    for api in ("sync", "asyncio"):
        found[api] = json.loads(_run(STREAM, api, given=url))
        row = found[api]
        print(f"{api}: {row['events']:,} events in {row['seconds']:.0f} s, "
              f"{row['above'] / 2**20:.1f} MB above the start", flush=True)  # fmt: skip
    runs = [_run(IMPORT).split() for _ in range(11)]
    found["import"] = {
        "milliseconds": statistics.median(float(run[0]) for run in runs),
        "of them on a processor": statistics.median(float(run[1]) for run in runs),
        "heavy modules": sorted(HEAVY & set(runs[0][2:])),
    }
    print(f"import: {found['import']}")
    return found


def _run(code: str, *arguments: str, given: str = "") -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
