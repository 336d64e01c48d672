"""The same spoke as worker.py for asyncio: several events at a time, each with a heartbeat.

python worker_asyncio.py shop
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import uuid

from eventflow_db import AsyncEventflowDB, ClaimedEvent, errors

LEASE = 30
MOST_ATTEMPTS = 8


async def handle(event: ClaimedEvent) -> None:
    """The work: done twice at the worst, so it has to be harmless then."""
    print(f"{event.name} {event.pid}, attempt {event.attempts}", flush=True)
    if event.name == "broken":
        raise ValueError("cannot be worked on")


async def beat(db: AsyncEventflowDB, event: ClaimedEvent, consumer: str) -> None:
    """Extend the claim until this is cancelled, or the claim is lost."""
    while True:
        await asyncio.sleep(LEASE / 3)
        with contextlib.suppress(errors.EventflowDBError):
            if not await db.extend_event_published(event.id, consumer, LEASE):
                return


async def finish(db: AsyncEventflowDB, event: ClaimedEvent, consumer: str) -> None:
    """Work on one event."""
    heartbeat = asyncio.create_task(beat(db, event, consumer))
    try:
        await handle(event)
    except Exception as error:
        retry_in = 2**event.attempts if event.attempts < MOST_ATTEMPTS else None
        await db.update_event_published_to_failed(event.id, consumer=consumer, error=error, retry_in=retry_in)
    else:
        await db.update_event_published_to_success(event.id, consumer=consumer)
    finally:
        heartbeat.cancel()


async def main(domain: str) -> None:
    """Work until Ctrl-C or SIGTERM; what is being worked on is finished."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    consumer = f"worker-{uuid.uuid4()}"
    async with AsyncEventflowDB() as db:
        while not ended.is_set():
            events = []
            try:
                events = await db.claim_events_published(domain, consumer, limit=10, lease=LEASE)
            except errors.EventflowDBError as error:
                print(error, file=sys.stderr)
            for done in await asyncio.gather(
                *(finish(db, event, consumer) for event in events), return_exceptions=True
            ):
                if done is not None:
                    # its claim comes back when its lease ends
                    print(done, file=sys.stderr)
            if not events:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), 0.5)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
