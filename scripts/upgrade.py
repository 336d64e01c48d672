"""Measures `eventflow-db upgrade --apply` beside writers: what each step takes, and how long a write waits in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import msgspec

from eventflow_db import Settings
from eventflow_db.check.apply import run_steps, upgrading
from eventflow_db.check.diff import diff
from eventflow_db.check.fill import fill
from eventflow_db.check.server import Inspector
from eventflow_db.check.upgrade import plan_upgrade
from eventflow_db.query import load_specs
from eventflow_db.testing import Server, temporary_database
from tests import node

STARTS: Final = ("node-4.1", "node-4.8", "eventflow-0.1.0")
COLLATION: Final = "utf8mb4_general_ci"
"""The server's default, which 4.1's tables take."""
WRITERS: Final = 8


class Writers:
    """Threads that persist events, associations, publications and log lines, and delete every fifth event."""

    def __init__(self, server: Server, database: str) -> None:
        self.waits: list[float] = []
        """Seconds that each write took since someone last looked."""
        self.written = [0] * WRITERS
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(server, database, n)) for n in range(WRITERS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _write(self, server: Server, database: str, number: int) -> None:
        with closing(server.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute("SET autocommit = 1")
            while not self._stop.is_set():
                key = f"w{number}-{self.written[number]}"
                self.written[number] += 1
                for statement in (
                    f"INSERT INTO event SET id = '{key}', domain = 'w', pid = 'p', name = 'n', data = '{{}}'",
                    f"INSERT INTO event_eid SET event_id = '{key}', eid = 'w'",
                    f"INSERT INTO event_published SET event_id = '{key}', publisher = 'w'",
                    f"INSERT INTO log SET agent = 'w', message = '{key}', error = '{{}}'",
                    f"DELETE FROM event WHERE id = '{key}'" if self.written[number] % 5 == 0 else "DO 0",
                ):
                    started = time.monotonic()
                    try:
                        cursor.execute(statement)
                    except Exception as error:
                        self.failures.append(f"{statement}: {error}")
                    self.waits.append(time.monotonic() - started)
                time.sleep(0.005)


def _old_rows(inspector: Inspector) -> dict[str, Any]:
    """A count and a checksum of the rows that were there before the writers."""
    found: dict[str, Any] = {}
    for table, columns in _COLUMNS.items():
        mine = ", ".join(f"CONVERT(COALESCE({column}, '-') USING utf8mb4)" for column in columns.split())
        where = "agent != 'w'" if table == "log" else f"{columns.split()[0]} NOT LIKE 'w%'"
        (row,) = inspector.execute(f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('|', {mine}))) FROM {table} WHERE {where}")
        found[table] = row
    return found


_COLUMNS: Final = {
    "certificate": "id version cert validity",
    "event": "id timestamp domain rid pid name data",
    "event_cpid": "event_id cpid",
    "event_eid": "event_id eid",
    "event_published": "event_id published publisher consumer hub success",
    "event_scheduled": "event_id scheduled executed",
    "hub": "id external_ip internal_ip quit",
    "log": "agent timestamp message error",
}


def measure_upgrades(server: Server, settings: Settings, rows: int) -> dict[str, Any]:
    """Upgrade so many rows a table from the tables of each release, and print what it took."""
    return {start: _measure(server, settings, rows, start) for start in STARTS}


def _measure(server: Server, settings: Settings, rows: int, start: str) -> list[dict[str, Any]]:
    with temporary_database(server) as url:
        own = msgspec.structs.replace(settings, database=Settings.from_url(url).database)
        with Inspector(own, own.database) as inspector:
            inspector.execute(f"ALTER DATABASE `{own.database}` COLLATE {COLLATION}")
            for statement in node.script(start):
                inspector.execute(statement)
            fill(inspector, rows)
            before = _old_rows(inspector)
            print(f"\n{start}, {rows:,} rows a table, {WRITERS} writers", flush=True)
            writers = Writers(server, own.database)
            found: list[dict[str, Any]] = []

            def report(message: str) -> None:
                number, _, done = message.partition(": done in ")
                if done:
                    waits, writers.waits = writers.waits, []
                    step = plan.steps[int(number.split()[0]) - 1]
                    longest = max(waits, default=0.0)
                    found.append({"step": f"{step.table}: {step.effect}", "took": done, "longest write": longest})
                    estimate = f" (estimated {step.seconds:.1f})" if step.waits else ""
                    print(f"{step.table:28}{step.effect:70}{done:>8}{longest:8.2f} s{estimate}", flush=True)
                elif " is locked " in message:
                    print(message, flush=True)

            with writers.running():
                time.sleep(2)
                with upgrading(own) as session:
                    started = time.monotonic()
                    plan = plan_upgrade(own, load_specs())
                    print(f"planned in {time.monotonic() - started:.1f} s, refused: {plan.refusals}", flush=True)
                    writers.waits = []
                    run_steps(session, plan.steps, report)
                time.sleep(1)
            written = sum(writers.written)
            kept = int(inspector.execute("SELECT COUNT(*) FROM log WHERE agent = 'w'")[0][0])
            same = {table for table, row in _old_rows(inspector).items() if row != before[table]}
            print(
                f"{written:,} events written beside it, {len(writers.failures)} writes failed {writers.failures[:3]}; "
                f"{kept:,} log lines of them; tables with other rows than before: {sorted(same) or 'none'}; "
                f"differences: {len(diff(own, load_specs()))}",
                flush=True,
            )
        return found
