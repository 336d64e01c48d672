"""Measures the same work by this library, by the drivers below it and by others, which take turns."""

from __future__ import annotations

import asyncio
import copy
import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from contenders import CONTENDERS, HUB, Contender, new_id
from processors import pinned

from eventflow_db import EventflowDB, NewEvent, Settings
from eventflow_db.testing import Server

MOST = 50_000
"""Events of the process that is read."""


def event(number: int, process: str = "written") -> NewEvent:
    """An event of an ordinary size: 190 bytes of JSON."""
    lines = [{"sku": f"A-{number % 977:04d}", "count": 2, "price": 12.5}, {"sku": "B-0001", "count": 1, "price": 3.75}]
    data = {"order": number, "customer": "Gödel & Söhne", "total": 28.75, "paid": True, "note": None, "lines": lines}
    return {"domain": process, "pid": process, "name": "placed", "data": data}


class Work(NamedTuple):
    """What is measured."""

    name: str
    method: str
    """Of the contenders."""
    arguments: Callable[[int], Sequence[Any]]
    """The argument of each call, for a number of calls; made before the clock starts."""
    calls: int
    """Of one repetition, by all the workers together."""
    workers: int = 1
    pinned: bool = False
    each: int = 1
    """Events of one call: times are given for one event."""


class Rows:
    """The rows that the work is done on."""

    def __init__(self, db: EventflowDB) -> None:
        self._db = db
        db.setup_table_schemas()
        address = "127.0.0.1"
        db.persist_hub(
            {"id": HUB, "external_ip": address, "external_port": 1, "internal_ip": address, "internal_port": 1}
        )
        self._ids = db.persist_events([event(number, "read") for number in range(MOST)])

    def events(self, calls: int) -> Sequence[NewEvent]:
        """New events."""
        return [event(number) for number in range(calls)]

    def ids(self, calls: int) -> Sequence[str]:
        """The ids of events that are there."""
        return [self._ids[number * 7919 % MOST] for number in range(calls)]

    def published(self, calls: int) -> Sequence[str]:
        """The ids of events that wait to be claimed."""
        ids = self._db.persist_events([{**event(number), "id": new_id()} for number in range(calls)])
        self._db.persist_events_published([{"event_id": id, "publisher": "publisher"} for id in ids])
        return ids


def works(rows: Rows, calls: int) -> list[Work]:
    """Everything that is measured; so many calls of single statements in a repetition."""

    def reads(events: int) -> Callable[[int], Sequence[int]]:
        return lambda calls: [events] * calls

    def by_workers(name: str, method: str, arguments: Callable[[int], Sequence[Any]], calls: int) -> Iterator[Work]:
        for number in (1, 4, 16, 32):
            yield Work(f"{name}, {number} worker{'s' if number > 1 else ''}", method, arguments, calls, number)

    return [
        Work("persist one event", "persist", rows.events, calls, pinned=True),
        Work("read one event", "read", rows.ids, calls, pinned=True),
        Work("claim", "claim", rows.published, calls, pinned=True),
        Work("full life", "life", rows.events, calls // 4, pinned=True),
        Work("read 10 events", "read_many", reads(10), 100, pinned=True),
        Work("read 1,000 events", "read_many", reads(1000), 5),
        Work("read 50,000 events", "read_many", reads(MOST), 1),
        Work("batch of 10,000", "batch", lambda calls: [rows.events(10_000)] * calls, 1, each=10_000),
        Work("persist one event, 1 worker", "persist", rows.events, 8 * calls),
        *by_workers("full life", "life", rows.events, 4 * calls),
        *by_workers("read one event", "read", rows.ids, 8 * calls),
    ]


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


def throughput(server: Server, settings: Settings, quick: bool, only: Sequence[str] | None) -> dict[str, Any]:
    """Medians, with quartiles, of every work by every contender."""
    _print_heads()
    contenders = [contender(settings) for contender in CONTENDERS]
    results: dict[str, dict[str, Any]] = {}
    with EventflowDB(settings) as db:
        for work in works(Rows(db), calls=100 if quick else 200):
            if only and not any(word in work.name for word in only):
                continue
            takes_long = work.calls <= 5 or work.workers > 1
            rounds = (3 if quick else 7) if takes_long else (9 if quick else 15)
            times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
            with pinned(server, work.pinned):
                for number in range(rounds):
                    # each has its turn at being the first
                    shift = number % len(contenders)
                    for contender in contenders[shift:] + contenders[:shift]:
                        times[contender.name].append(repetition(contender, work))
            results[work.name] = {name: _summary(values) for name, values in times.items()}
            _print_row(work.name, results[work.name])
    return results


def _summary(values: Sequence[float]) -> dict[str, Any]:
    low, median, high = statistics.quantiles(values, n=4)
    # the best is what is left where other work on the machine disturbs the rest
    return {"microseconds": median, "quartiles": [low, high], "best": min(values), "repetitions": len(values)}


def ratios(times: dict[str, Any], by: str = "microseconds") -> dict[str, float]:
    """Throughput, PyMySQL's being 1."""
    base = times[CONTENDERS[0].name][by]
    return {name: base / found[by] for name, found in times.items()}


def _print_heads() -> None:
    names = [contender.name.partition(" ") for contender in CONTENDERS]
    for first, label, base in ((0, "throughput, PyMySQL = 1", "PyMySQL, µs"), (2, "median (best repetition)", "")):
        print(f"{label:28}{base:>13}     " + "".join(f"{name[first]:>14}" for name in names))


def _print_row(work: str, times: dict[str, Any]) -> None:
    """Print the ratios of the medians, and in brackets those of the best repetitions."""
    base = times[CONTENDERS[0].name]
    spread = (base["quartiles"][1] - base["quartiles"][0]) / base["microseconds"]
    best = ratios(times, "best")
    cells = "".join(f"{ratio:7.2f} ({best[name]:4.2f})" for name, ratio in ratios(times).items())
    print(f"{work:28}{base['microseconds']:13,.1f} ±{spread / 2:3.0%}{cells}", flush=True)
