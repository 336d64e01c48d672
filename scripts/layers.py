"""Measures what each layer of persist_event adds, beside a bare cursor with a smaller and with the same statement."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from contenders import INSERT, PyMySQL
from processors import pinned

from eventflow_db import EventflowDB, Settings
from eventflow_db.identifiers import generate_event_id
from eventflow_db.testing import Server

CALLS = 100
ROUNDS = 60


def layers(server: Server, settings: Settings, event: Callable[[int], Any]) -> None:
    """Print the median microseconds of one event, from the bare driver to the whole of persist_event."""
    bare = PyMySQL(settings)
    bare.open()
    with EventflowDB(settings) as db:
        db.setup_table_schemas()
        query: Any = db._sql.event.persist
        statement = query.statement
        ours = statement.render(dict.fromkeys(statement.spec.param, b"%s") | {"timestamp": b"DEFAULT"}).decode()
        channel = db._pool.acquire()

        def with_id(event: Any) -> None:
            values = (event["domain"], event["pid"], event["name"], json.dumps(event["data"]))
            bare.cursor.execute(INSERT, (generate_event_id(), *values))

        def with_statement(event: Any) -> None:
            values = (event["domain"], None, event["pid"], event["name"], json.dumps(event["data"]))
            bare.cursor.execute(ours, (generate_event_id(), *values))

        def sent(event: Any) -> None:
            channel.run(statement.call({"id": generate_event_id(), **event}))

        def queried(event: Any) -> None:
            query(db, id=generate_event_id(), **event)

        works: dict[str, Callable[[Any], object]] = {
            "bare cursor, 5 columns": bare.persist,
            "… with an id of generate_event_id": with_id,
            "… with the library's statement": with_statement,
            "literals checked, sent, reply read": sent,
            "… over a connection of the pool, through aiosql": queried,
            "persist_event": db.persist_event,
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        names = list(works)
        with pinned(server, True):
            for number in range(ROUNDS):
                shift = number % len(names)
                for name in names[shift:] + names[:shift]:
                    events = [event(number) for number in range(CALLS + 1)]
                    works[name](events.pop())
                    began = time.perf_counter()
                    for one in events:
                        works[name](one)
                    times[name].append((time.perf_counter() - began) / CALLS * 1e6)
        db._pool.release(channel)
    bare.close()
    for name, values in times.items():
        print(f"{name:50}{statistics.median(values):8.1f} µs")
