"""A hub: goes online, publishes what is due, says what waits for long, and quits at Ctrl-C.

EVENTFLOW_MYSQL_* say where the database is. Workers claim by themselves, so that nothing has to be broadcast; where
spokes of Node's are to be served as well, one of its hubs does that beside this one.

    python hub.py
"""

from __future__ import annotations

import signal
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from types import FrameType

from eventflow_db import EventflowDB, errors

ended = threading.Event()


def work(db: EventflowDB, hub: str) -> int:
    """Publish what is due; gives how many."""
    published = db.publish_events_due(hub)
    for event_id in published:
        print(f"published {event_id}", flush=True)
    for row in db.read_events_published("published", before=datetime.now(UTC) - timedelta(hours=1), limit=10):
        print(f"waits for an hour: {row.domain} {row.name} {row.event_id}", file=sys.stderr)
    return len(published)


def main() -> None:
    """Work until Ctrl-C or SIGTERM."""

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    hub = f"hub-{uuid.uuid4()}"
    here, port = "127.0.0.1", 50001
    with EventflowDB() as db:
        db.persist_hub(
            {"id": hub, "external_ip": here, "external_port": port, "internal_ip": here, "internal_port": port}
        )
        try:
            while not ended.is_set():
                try:
                    found = work(db, hub)
                except (errors.UnavailableError, errors.ConflictError, errors.OutcomeUnknownError) as error:
                    # what is not published is still due
                    print(error, file=sys.stderr)
                    found = 0
                if not found:
                    ended.wait(1)
        finally:
            db.update_hub_to_quit(hub)


if __name__ == "__main__":
    main()
