"""Measures the library beside the drivers and libraries that do the same: see scripts/bench."""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from chart import bars
from contenders import CONTENDERS, HUB, Contender, new_id
from growth import FEW, growth
from layers import layers
from memory import memory
from processors import pinned

from eventflow_db import EventflowDB, Settings
from eventflow_db.testing import Server, running_server, temporary_database

DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=O_DIRECT",
    "--innodb-doublewrite=ON",
    "--loose-debug-no-sync=OFF",
)
ROWS_OF_GIGABYTE = 700_000
"""Rows in each of the tables that the server's buffer pool has room for, so that the disk is not what is measured."""
MOST = 50_000
"""Events of the process that is read."""


def event(number: int, process: str = "written") -> dict[str, Any]:
    """An event of an ordinary size: 190 bytes of JSON."""
    lines = [
        {"sku": f"A-{number % 977:04d}", "count": 2, "price": 12.5},
        {"sku": "B-0001", "count": 1, "price": 3.75},
    ]
    data = {
        "order": number,
        "customer": "Gödel & Söhne",
        "total": 28.75,
        "paid": True,
        "note": None,
        "lines": lines,
    }
    return {"domain": process, "pid": process, "name": "placed", "data": data}


class Work(NamedTuple):
    """What is measured: `call` makes the thing to do over and over, given what `prepare` made."""

    name: str
    method: str
    arguments: Callable[[int], Sequence[Any]]
    """The argument of each call, for a number of calls; made before the clock starts."""
    calls: int
    """Of one repetition, by all the workers together."""
    workers: int = 1
    pinned: bool = False
    each: int = 1
    """Events of one call: times are given for one event."""


def _workers(number: int) -> str:
    return f"{number} worker{'s' if number > 1 else ''}"


def works(ids: Sequence[str], publish: Callable[[int], Sequence[str]], quick: bool) -> list[Work]:
    """Everything that is measured."""

    def events(calls: int) -> list[Any]:
        return [event(number) for number in range(calls)]

    def known(calls: int) -> list[str]:
        return [ids[number * 7919 % len(ids)] for number in range(calls)]

    calls = 100 if quick else 200
    found = [
        Work("persist one event", "persist", events, calls, pinned=True),
        Work("read one event", "read", known, calls, pinned=True),
        Work("claim", "claim", publish, calls, pinned=True),
        Work("full life", "life", events, calls // 4, pinned=True),
        Work("read 10 events", "read_many", lambda calls: [10] * calls, 100, pinned=True),
        Work("read 1,000 events", "read_many", lambda calls: [1000] * calls, 5),
        Work("read 50,000 events", "read_many", lambda calls: [MOST] * calls, 1),
        Work("batch of 10,000", "batch", lambda calls: [events(10_000)] * calls, 1, each=10_000),
    ]
    found.append(Work(f"persist one event, {_workers(1)}", "persist", events, 8 * calls))
    for workers in (1, 4, 16, 32):
        found.append(Work(f"full life, {_workers(workers)}", "life", events, 4 * calls, workers))
    for workers in (1, 4, 16, 32):
        found.append(Work(f"read one event, {_workers(workers)}", "read", known, 8 * calls, workers))
    return found


def repetition(contender: Contender, work: Work) -> float:
    """Microseconds of one call (or of one event of a batch), over fresh connections that have warmed up."""
    arguments = work.arguments(work.calls + work.workers)
    shares = [arguments[number :: work.workers] for number in range(work.workers)]
    contender.start(work.workers)
    workers: list[Any] = [copy.copy(contender) for _ in shares]
    gc.collect()
    if contender.is_async:
        seconds = asyncio.run(_in_tasks(workers, work.method, shares))
    else:
        seconds = _in_threads(workers, work.method, shares)
    contender.stop()
    return seconds / work.calls / work.each * 1e6


def _in_threads(workers: Sequence[Any], method: str, shares: Sequence[Sequence[Any]]) -> float:
    for worker, share in zip(workers, shares, strict=True):
        worker.open()
        getattr(worker, method)(share[0])
    barrier = threading.Barrier(len(workers))

    def run(worker: Any, share: Sequence[Any]) -> None:
        call = getattr(worker, method)
        barrier.wait()
        for argument in share[1:]:
            call(argument)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(workers[1:], shares[1:], strict=True)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    run(workers[0], shares[0])
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.close()
    return seconds


async def _in_tasks(workers: Sequence[Any], method: str, shares: Sequence[Sequence[Any]]) -> float:
    for worker, share in zip(workers, shares, strict=True):
        await worker.open()
        await getattr(worker, method)(share[0])

    async def run(worker: Any, share: Sequence[Any]) -> None:
        call = getattr(worker, method)
        for argument in share[1:]:
            await call(argument)

    began = time.perf_counter()
    await asyncio.gather(*map(run, workers, shares))
    seconds = time.perf_counter() - began
    for worker in workers:
        await worker.close()
    return seconds


def measure(server: Server, settings: Settings, quick: bool, only: Sequence[str] | None) -> dict[str, Any]:
    """Medians, with quartiles, of every work by every contender, which take turns."""
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
        address = {
            "external_ip": "127.0.0.1",
            "external_port": 1,
            "internal_ip": "127.0.0.1",
            "internal_port": 1,
        }
        db.persist_hub({"id": HUB, **address})  # type: ignore[arg-type]
        ids = db.persist_events([event(number, "read") for number in range(MOST)])  # type: ignore[misc]

        def publish(calls: int) -> list[str]:
            claimable = db.persist_events([event(n) | {"id": new_id()} for n in range(calls)])  # type: ignore[misc]
            db.persist_events_published([{"event_id": id, "publisher": "publisher"} for id in claimable])
            return claimable

        contenders = [contender(settings) for contender in CONTENDERS]
        results: dict[str, dict[str, Any]] = {}
        for work in works(ids, publish, quick):
            if only and not any(word in work.name for word in only):
                continue
            rounds = (9 if quick else 15) if work.calls > 5 and work.workers == 1 else 3 if quick else 7
            times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
            with pinned(server, work.pinned):
                for number in range(rounds):
                    shift = number % len(contenders)
                    for contender in contenders[shift:] + contenders[:shift]:
                        times[contender.name].append(repetition(contender, work))
            results[work.name] = {name: _summary(values) for name, values in times.items()}
            print(_row(work.name, results[work.name]), flush=True)
    return results


def _summary(values: Sequence[float]) -> dict[str, Any]:
    low, median, high = statistics.quantiles(values, n=4)
    best = min(values)  # what is left where other work on the machine disturbs the rest
    return {"microseconds": median, "quartiles": [low, high], "best": best, "repetitions": len(values)}


def _ratios(times: dict[str, Any], by: str = "microseconds") -> dict[str, float]:
    """Throughput, PyMySQL's being 1."""
    base = times[CONTENDERS[0].name][by]
    return {name: base / found[by] for name, found in times.items()}


def _row(work: str, times: dict[str, Any]) -> str:
    """The ratios of the medians, and in brackets those of the best repetitions."""
    base = times[CONTENDERS[0].name]
    spread = (base["quartiles"][1] - base["quartiles"][0]) / base["microseconds"]
    best = _ratios(times, "best")
    cells = "".join(f"{ratio:8.2f} ({best[name]:4.2f})" for name, ratio in _ratios(times).items())
    return f"{work:28}{base['microseconds']:12,.1f} ±{spread / 2:4.0%}{cells}"


def options(rows: int = 0, durable: bool = False) -> tuple[str, ...]:
    """How the server is started; durable: every commit waits for the disk, as in production."""
    memory = f"--innodb-buffer-pool-size={max(3, rows // ROWS_OF_GIGABYTE + 1)}G"
    return memory, "--max-connections=200", *(DURABLE if durable else ())


def description(server: Server, started_with: Sequence[str]) -> dict[str, Any]:
    """What was measured on what."""
    packages = ("PyMySQL", "aiomysql", "mysqlclient", "orjson", "SQLAlchemy", "msgspec")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "server": f"{'MariaDB' if server.kind == 'mariadb' else 'MySQL'} {server.version.split('-')[0]}",
        "server options": list(started_with),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, server on the same machine, TLS off for all",
    }


def write(directory: Path, name: str, found: dict[str, Any], chart: str) -> None:
    """Leave the results as JSON and as a chart."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (directory / f"{name}.svg").write_text(chart)
    print(f"bench: wrote {directory / name}.json and .svg", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", action="append", help="work that has this in its name, or another of these")
    parser.add_argument("--durable", action="store_true", help="every commit waits for the disk")
    parser.add_argument("--to", type=Path, default=Path("benchmark"))
    parser.add_argument("--growth", type=int, nargs="?", const=1_000_000)
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--memory", type=int, nargs="?", const=1_000_000)
    arguments = parser.parse_args()
    started_with = options(arguments.growth or 0, arguments.durable)
    with running_server(options=started_with) as server, temporary_database(server) as url:
        settings = msgspec.structs.replace(Settings.from_url(url), ssl_mode="DISABLED")
        about = description(server, started_with)
        print(json.dumps(about, indent=1))
        if arguments.memory:
            memory(server, url, arguments.memory)
            return
        if arguments.layers:
            layers(server, settings, event)
            return
        if arguments.growth:
            found = growth(server, settings, arguments.growth)
            title = f"Growth on {about['server']}: time at {arguments.growth:,} rows by time at {FEW:,}"
            chart = bars(title, {name: {"growth": row["growth"]} for name, row in found.items()})
            write(arguments.to, f"growth-{server.kind}", about | {"results": found}, chart)
            return
        heads = "".join(f"{contender.name[-13:]:>15}" for contender in CONTENDERS)
        print(f"{'throughput, PyMySQL = 1':28}{'PyMySQL µs':>12}      {heads}")
        results = measure(server, settings, arguments.quick, arguments.only)
        ratios = {work: _ratios(times) for work, times in results.items()}
        title = f"Throughput on {about['server']}, PyMySQL = 1"
        write(arguments.to, server.kind, about | {"results": results}, bars(title, ratios))


if __name__ == "__main__":
    main()
