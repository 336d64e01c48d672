"""Measures read_event against the same statement on a bare PyMySQL cursor, in interleaved rounds."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import pymysql

from eventflow_db import EventflowDB, connection_arguments
from eventflow_db.query import load
from eventflow_db.testing import running_server, temporary_database

CALLS = 200
"""Calls of each kind in a round."""
MOST = 0.25
"""By how much more wall time read_event may take."""
MOST_TAG = 2e-6
"""Seconds that the tag may add to a call."""
SELECT = "SELECT id, timestamp, domain, rid, pid, name, data FROM event WHERE id = %s"
DATA = {"order": 12345, "lines": [{"sku": f"sku-{number}", "count": number} for number in range(10)]}


def main() -> None:
    """Measure, tell, and fail where it is too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with running_server() as server, temporary_database(server) as url, EventflowDB(url) as db:
        db.setup_table_schemas()
        event_id = db.persist_event({"domain": "domain", "pid": "pid", "name": "name", "data": DATA})
        settings = db.settings
        connection = pymysql.connect(
            host=settings.host, port=settings.port, user=settings.user, password=settings.password,
            database=settings.database, autocommit=True, **connection_arguments(),
        )  # fmt: skip

        def bare() -> None:
            with connection.cursor() as cursor:
                cursor.execute(SELECT, (event_id,))
                *_, data = cursor.fetchone()
                json.loads(data)

        def wrapped() -> None:
            db.read_event(event_id)

        measure(bare), measure(wrapped)  # warm
        pairs = [(measure(bare), measure(wrapped)) for _ in range(rounds)]
        connection.close()
        name = f"{server.kind} {server.version}"
    base, cost = (statistics.median(times) for times in zip(*pairs, strict=True))
    more = statistics.median(wrapped / bare for bare, wrapped in pairs) - 1
    print(f"{name}: bare {base * 1e6:.0f} µs, read_event {cost * 1e6:.0f} µs, {more:+.0%} (median of {rounds} rounds)")
    tag = tag_cost(rounds)
    print(f"the tag in a statement: {tag * 1e6:+.2f} µs a call (median of {rounds} rounds)")
    if more > MOST:
        raise SystemExit(f"more than {MOST:.0%}")
    if tag > MOST_TAG:
        raise SystemExit(f"the tag takes more than {MOST_TAG * 1e6:.0f} µs")


def tag_cost(rounds: int) -> float:
    """Seconds that a statement with its tag takes longer to put together than one without."""
    tagged, plain = (load(None, tag).event.read.sql for tag in (True, False))
    literals = {"id": b"'event'"}
    return statistics.median(
        measure(lambda: tagged.render(literals)) - measure(lambda: plain.render(literals)) for _ in range(rounds)
    )


def measure(call: Callable[[], None]) -> float:
    """Seconds for one call, on the average of a round."""
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS


if __name__ == "__main__":
    main()
