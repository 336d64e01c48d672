"""Measures resident memory while events are streamed, and what importing the library takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Final

from eventflow_db import EventflowDB, Settings
from eventflow_db.check.fill import fill
from eventflow_db.check.server import Inspector

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
EVENTS: Final = {
    "event.domain": "'big'",
    "event.pid": "'big'",
    "event.rid": "NULL",
    "event.data": "JSON_OBJECT('order', n, 'customer', 'Gödel', 'lines', JSON_ARRAY(1, 2, 3))",
}
HEAVY: Final = {"aiomysql", "docker", "pytest", "rich", "sqlglot", "testcontainers", "typer"}


def memory(settings: Settings, url: str, events: int) -> None:
    """Print the bytes above the start for both APIs, then the import's milliseconds and heavy modules."""
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
    with Inspector(settings, settings.database) as inspector:
        fill(inspector, events, EVENTS, only=["event"])
    for api in ("sync", "asyncio"):
        found = json.loads(_run(STREAM, api, given=url))
        megabytes = found["above"] / 2**20
        print(f"{api}: {found['events']:,} events in {found['seconds']:.0f} s, {megabytes:.1f} MB above the start")
    runs = [_run(IMPORT).split() for _ in range(11)]
    passed, used = (statistics.median(float(run[column]) for run in runs) for column in (0, 1))
    heavy = ", ".join(HEAVY & set(runs[0][2:])) or "none"
    print(f"import: {passed:.0f} ms, {used:.0f} ms of them on a processor; heavy modules: {heavy}")


def _run(code: str, *arguments: str, given: str = "") -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
