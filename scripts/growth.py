"""Measures how the time of every operation grows with its tables: the same calls on few rows and on many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, islice
from typing import Any, Final

import msgspec
from processors import pinned

from eventflow_db import Event, EventflowDB, Settings
from eventflow_db.testing import Server, temporary_database
from tests.filled import MEASURED, fill_with_old_rows, marked, prepare
from tests.operations import OPERATIONS, call

FEW: Final = 10_000
CALLS: Final = 20
"""Calls of one repetition."""
ROUNDS: Final = 15
FIRST: Final = date(2020, 1, 1)
"""The first of the days that logs were archived on."""
ARCHIVED: Final = 40
"""Days that logs were archived on; more than rounds, each of which prunes one."""
BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""When the first of the old events happened; each is a second after the one before."""


def _first_events(db: EventflowDB, number: int) -> list[Event]:
    return db.read_events_by_domain_and_pid("domain", "old-3", limit=20)


def _page_of_events(db: EventflowDB, number: int) -> list[Event]:
    after = (BEGIN + timedelta(seconds=number * FEW // CALLS), "")
    return list(islice(db.iter_events_by_domain_and_pid("domain", "old-3", after=after, page=20), 20))


LARGE: Final = {
    "read_events_by_domain_and_pid, limit=20": _first_events,
    "iter_events_by_domain_and_pid, page=20": _page_of_events,
}
"""Reads of a process that has an eighteenth of all events."""
PARTITIONS: Final[Mapping[str, Callable[[int], dict[str, Any]]]] = {
    # before later days are prepared, which would count as archived later
    "archive_log": lambda number: {"date": FIRST + timedelta(days=ARCHIVED + 1 + number)},
    "prepare_log_partitions": lambda number: {"days": number},
    "prune_log": lambda number: {"before": FIRST + timedelta(days=number)},
}
"""Operations on whole partitions, with their arguments in each round, from 1; archiving finds p_hot empty."""
Calls = Sequence[Callable[[], object]]


class Tables:
    """A database with so many old rows in each table, and calls on it."""

    def __init__(self, server: Server, settings: Settings, rows: int) -> None:
        self.rows = rows
        self._numbers = count()
        self.db = EventflowDB(settings)
        self.db.setup_table_schemas()
        for day in range(1, ARCHIVED + 1):
            self.db.archive_log(FIRST + timedelta(days=day))
        fill_with_old_rows(settings, rows, {"log.timestamp": f"'{FIRST}' + INTERVAL n MOD {ARCHIVED} DAY"})
        self._connection = server.connect(settings.database)

    def close(self) -> None:
        self.db.close()
        self._connection.close()

    def calls(self, name: str, number: int) -> AbstractContextManager[Calls]:
        """Prepare what is timed, by its name and the number of the round."""
        if name in PARTITIONS:
            return nullcontext([partial(call, self.db, name, PARTITIONS[name](number))])
        if name in LARGE:
            return nullcontext([partial(LARGE[name], self.db, number) for number in range(CALLS)])
        return self._on_prepared_rows(name)

    @contextmanager
    def _on_prepared_rows(self, name: str) -> Iterator[Calls]:
        """Calls of an operation, each on rows of its own, which lie spread over the tables and go afterwards."""
        marks = [f"{next(self._numbers) * 7919 % self.rows:09d}-" for _ in range(CALLS)]
        values = dict(OPERATIONS[name].values)
        if name == "persist_event":
            # one is generated, as for services
            del values["id"]
        for mark in marks:
            prepare(self.db, name, mark)
        yield [partial(call, self.db, name, marked(values, mark)) for mark in marks]
        with self._connection.cursor() as cursor:
            for table in ("event", "hub", "certificate"):
                ids = [marked(OPERATIONS[f"persist_{table}"].values, mark)["id"] for mark in marks]
                cursor.execute(f"DELETE FROM {table} WHERE id IN %s", (ids,))


def _microseconds(calls: Calls) -> float:
    """The time of a call, on the average."""
    started = time.perf_counter()
    for each in calls:
        each()
    return (time.perf_counter() - started) / len(calls) * 1e6


def growth(server: Server, settings: Settings, rows: int) -> dict[str, dict[str, float]]:
    """The median microseconds of every operation's call at FEW rows and at `rows`."""
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        both = []
        for size in (FEW, rows):
            started = time.monotonic()
            url = stack.enter_context(temporary_database(server))
            own = msgspec.structs.replace(settings, database=Settings.from_url(url).database)
            both.append(stack.enter_context(closing(Tables(server, own, size))))
            print(f"{size:,} rows in each table after {time.monotonic() - started:.0f} s", flush=True)
        for name in (*MEASURED, *LARGE, *PARTITIONS):
            times: list[list[float]] = [[], []]
            with pinned(server, True):
                for number in range(1, ROUNDS + 1):
                    for tables, of_size in zip(both, times, strict=True):
                        with tables.calls(name, number) as calls:
                            of_size.append(_microseconds(calls))
            few, many = map(statistics.median, times)
            found[name] = {str(FEW): few, str(rows): many, "growth": many / few}
            print(f"{name:50}{few:12,.0f} µs{many:12,.0f} µs{many / few:8.2f}", flush=True)
    return found
