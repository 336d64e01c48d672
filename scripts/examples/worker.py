"""A spoke: claims the events of a domain, works on each while a heartbeat extends its claim, and retries what failed.

EVENTFLOW_MYSQL_* say where the database is; Ctrl-C ends it, after the event that is being worked on.

    python worker.py shop
"""

from __future__ import annotations

import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from eventflow_db import ClaimedEvent, EventflowDB, errors

LEASE = 30
MOST_ATTEMPTS = 8
ended = threading.Event()


def handle(event: ClaimedEvent) -> None:
    """The work: done twice at the worst, so it has to be harmless then."""
    print(f"{event.name} {event.pid}, attempt {event.attempts}", flush=True)
    if event.name == "broken":
        raise ValueError("cannot be worked on")


@contextmanager
def heartbeat(db: EventflowDB, event: ClaimedEvent, consumer: str) -> Iterator[None]:
    """Extends the claim from another thread until the work is done."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(LEASE / 3):
            try:
                if not db.extend_event_published(event.id, consumer, LEASE):
                    return
            except errors.EventflowDBError as error:
                print(f"not extended: {error}", file=sys.stderr)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def work(db: EventflowDB, domain: str, consumer: str) -> int:
    """Claim some events and finish them; gives how many."""
    events = db.claim_events_published(domain, consumer, limit=10, lease=LEASE)
    for number, event in enumerate(events):
        if ended.is_set():
            db.release_events_published([event.id for event in events[number:]], consumer=consumer)
            break
        try:
            with heartbeat(db, event, consumer):
                handle(event)
        except Exception as error:
            retry_in = 2**event.attempts if event.attempts < MOST_ATTEMPTS else None
            db.update_event_published_to_failed(event.id, consumer=consumer, error=error, retry_in=retry_in)
        else:
            db.update_event_published_to_success(event.id, consumer=consumer)
    return len(events)


def main(domain: str) -> None:
    """Work until Ctrl-C or SIGTERM."""

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    # of this process alone: it is what the claims are known by
    consumer = f"worker-{uuid.uuid4()}"
    with EventflowDB() as db:
        while not ended.is_set():
            try:
                found = work(db, domain, consumer)
            except (errors.UnavailableError, errors.ConflictError, errors.OutcomeUnknownError) as error:
                # claims that are left come back when their lease ends
                print(error, file=sys.stderr)
                found = 0
            if not found:
                ended.wait(0.5)


if __name__ == "__main__":
    main(sys.argv[1])
