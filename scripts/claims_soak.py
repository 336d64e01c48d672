"""Publishers, consumers and hubs that are killed, and the server with them; accounts for every event.

16 publishers, 4 consumers and 2 hubs are processes, half of them on the asyncio API. Consumers, hubs and the server
are ended with SIGKILL at random and started again. Each process appends to a journal what it was told. Everything that
was acknowledged as published must have succeeded or be dead at the end, and have been finished by one claim.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from eventflow_db import AsyncEventflowDB, EventflowDB, errors
from eventflow_db.testing import Server, running_server, temporary_database

sys.path.insert(0, str(Path(__file__).parent))

from soak import Sync

DOMAIN = "soak"
LEASE = 2
"""Seconds; it is rounded up, so a claim may be held a second longer."""
MOST_ATTEMPTS = 2
POLL = 0.1


class Role:
    """A process: what it does again and again, and the journal of what it was told."""

    def __init__(self, name: str, journal: Path, seed: str) -> None:
        self.name = name
        self.chance = random.Random(f"{seed}/{name}")
        self._journal = journal.open("a", buffering=1)

    def note(self, what: str, event_id: str = "-") -> None:
        """Write a line of the journal, which a SIGKILL does not take back."""
        self._journal.write(f"{what} {event_id} {self.name} {time.time():.3f}\n")

    async def run(self, db: Any, until: float) -> None:
        """Work until a time."""
        while time.time() < until:
            try:
                await self.step(db)
            except errors.OutcomeUnknownError:
                self.note("unknown")
            except (errors.UnavailableError, errors.ConflictError):
                await pause(0.2)

    async def step(self, db: Any) -> None:
        """One piece of work."""
        raise NotImplementedError


class Publisher(Role):
    """Persists and publishes events, some of them by a schedule."""

    async def step(self, db: Any) -> None:
        """Publish one."""
        scheduled = self.chance.random() < 0.2
        async with db.transaction() as tx:
            event_id = await tx.persist_event({"domain": DOMAIN, "pid": self.name, "name": "event"})
            if scheduled:
                when = datetime.now(UTC) + timedelta(seconds=self.chance.uniform(0, 3))
                await tx.persist_event_scheduled({"event_id": event_id, "scheduled": when})
            else:
                await tx.persist_event_published({"event_id": event_id, "publisher": self.name})
        self.note("published", event_id)
        await pause(self.chance.uniform(0, 0.8))


class Hub(Role):
    """Publishes what is due."""

    async def step(self, db: Any) -> None:
        """Publish some."""
        if not await db.publish_events_due(self.name, limit=20):
            await pause(POLL)


class Consumer(Role):
    """Claims events and finishes them: some fail, some take longer than their lease, with extending it and without."""

    async def step(self, db: Any) -> None:
        """Claim some and finish them."""
        events = await db.claim_events_published(DOMAIN, self.name, limit=5, lease=LEASE)
        for event in events:
            self.note(f"claimed:{event.attempts}", event.id)
        for event in events:
            await self._finish(db, event)
        if not events:
            await pause(POLL)

    async def _finish(self, db: Any, event: Any) -> None:
        fate = self.chance.random()
        if fate < 0.005:
            # longer than the lease
            await pause(LEASE + 1.5)
        elif fate < 0.01:
            for _ in range(3):
                await pause(LEASE / 2)
                await db.extend_event_published(event.id, self.name, LEASE)
        await pause(self.chance.uniform(0, 0.01))
        if fate > 0.9:
            retry_in = 0 if event.attempts < MOST_ATTEMPTS else None
            self.note("failing", event.id)
            done = await db.update_event_published_to_failed(
                event.id, consumer=self.name, error={"attempt": event.attempts}, retry_in=retry_in
            )
            what = "retried" if retry_in is not None else "dead"
        else:
            done = await db.update_event_published_to_success(event.id, consumer=self.name)
            what = "succeeded"
        self.note(what if done else "lost", event.id)


async def pause(seconds: float) -> None:
    """Wait, in either API."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        time.sleep(seconds)  # noqa: ASYNC251
    else:
        await asyncio.sleep(seconds)


ROLES = {"publisher": Publisher, "hub": Hub, "consumer": Consumer}


def play(kind: str, name: str, url: str, journal: Path, seed: str, until: float) -> None:
    """Be one of the processes; even numbers use the sync API, odd ones the asyncio API."""
    role = ROLES[kind](name, journal, seed)
    if int(name.split("-")[1]) % 2:

        async def run() -> None:
            async with AsyncEventflowDB(url) as db:
                await role.run(db, until)

        asyncio.run(run())
    else:
        with EventflowDB(url) as db, contextlib.suppress(StopIteration):
            # it never waits, so the first step is all of it
            role.run(Sync(db), until).send(None)


class Cast:
    """The processes of a run."""

    def __init__(self, url: str, directory: Path, seed: str) -> None:
        self._url, self._directory, self._seed = url, directory, seed
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: Counter[str] = Counter()

    def start(self, kind: str, number: int, until: float) -> None:
        """Start one, under a name of its own: a consumer's is what its claims are known by."""
        place = f"{kind}-{number}"
        self._started[place] += 1
        name = f"{place}-{self._started[place]}"
        journal = self._directory / f"{name}.journal"
        command = [sys.executable, __file__, "--play", kind, name, self._url, str(journal), self._seed, str(until)]
        self._processes[place] = subprocess.Popen(command)

    def kill(self, kind: str, number: int) -> None:
        """End one with SIGKILL."""
        process = self._processes[f"{kind}-{number}"]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def wait(self, kind: str) -> list[str]:
        """Wait for all of a kind; gives those that failed."""
        places = [place for place in self._processes if place.startswith(kind)]
        return [place for place in places if self._processes[place].wait(60) != 0]

    def end(self) -> None:
        """End all."""
        for process in self._processes.values():
            process.kill()
            process.wait()


def soak(server: Server, seconds: float, seed: int, publishers: int) -> tuple[list[str], list[str]]:
    """Run it all; gives the lines of the account, and what is wrong."""
    chance = random.Random(seed)
    faults: Counter[str] = Counter()
    with temporary_database(server) as url, tempfile.TemporaryDirectory() as directory:
        with EventflowDB(url) as db:
            db.setup_table_schemas()
        cast = Cast(url, Path(directory), str(seed))
        try:
            publishing, until = time.time() + seconds, time.time() + seconds + 60
            for number in range(publishers):
                cast.start("publisher", number, publishing)
            for kind, count in (("consumer", 4), ("hub", 2)):
                for number in range(count):
                    cast.start(kind, number, until)
            kills = [seconds * 0.35, seconds * 0.7]
            started = time.time()
            while time.time() < publishing:
                time.sleep(chance.uniform(0.3, 1.2))
                if kills and time.time() - started > kills[0]:
                    del kills[0]
                    server.kill()
                    time.sleep(chance.uniform(0, 0.5))
                    server.start()
                    faults["server"] += 1
                else:
                    kind, number = chance.choice(
                        [*(("consumer", number) for number in range(4)), ("hub", 0), ("hub", 1)]
                    )
                    cast.kill(kind, number)
                    faults[kind] += 1
                    cast.start(kind, number, until)
            failed = cast.wait("publisher")
            drained = time.time()
            with EventflowDB(url) as db:
                while time.time() < until and _open(db):
                    time.sleep(0.2)
            drained = time.time() - drained
            with EventflowDB(url) as db:
                return _account(db, Path(directory), failed, faults, drained)
        finally:
            cast.end()


def _open(db: EventflowDB) -> bool:
    states = ("published", "consumed_spoke", "expired")
    return bool(db.read_events_scheduled(limit=1)) or any(db.read_events_published(state, limit=1) for state in states)


def _account(
    db: EventflowDB, directory: Path, failed: list[str], faults: Counter[str], drained: float
) -> tuple[list[str], list[str]]:
    lines = [line.split() for path in directory.glob("*.journal") for line in path.read_text().splitlines()]
    lines.sort(key=lambda line: float(line[3]))
    told: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for what, event_id, name, moment in lines:
        if event_id != "-":
            told[event_id].append((what, name, float(moment)))
    ended = {
        state: {row.event_id for row in db.read_events_published(state, limit=None)} for state in ("success", "failed")
    }
    published = [event_id for event_id, story in told.items() if any(what == "published" for what, _, _ in story)]
    wrong = [f"{place} failed" for place in failed]
    late: list[float] = []
    counts: Counter[str] = Counter()
    for event_id, story in told.items():
        counts.update(what.partition(":")[0] for what, _, _ in story)
        finished = [what for what, _, _ in story if what in ("succeeded", "dead")]
        if len(finished) > 1:
            wrong.append(f"{event_id} was finished by {len(finished)} claims: {story}")
        held: tuple[int, float] | None = None
        for what, _, at in story:
            if what.startswith("claimed:"):
                attempts = int(what.partition(":")[2])
                if held is not None and attempts == held[0] + 1:
                    late.append(at - held[1] - LEASE)
                held = (attempts, at)
            elif what in ("retried", "succeeded", "dead", "failing", "lost"):
                held = None
    for event_id in published:
        ends = [state for state in ended if event_id in ended[state]]
        if len(ends) != 1:
            wrong.append(f"{event_id} is {' and '.join(ends) or 'not finished'}: {told[event_id]}")
    late.sort()
    again = f"{len(late)} claims were taken over"
    if late:
        again += f", {late[len(late) // 2]:.1f} s (median) and {late[-1]:.1f} s (longest) after their lease"
    return [
        f"killed: {faults['consumer']} consumers, {faults['hub']} hubs, {faults['server']} times the server",
        f"{len(published):,} acknowledged, {counts['claimed']:,} claims, {len(ended['success']):,} succeeded, "
        f"{len(ended['failed']):,} dead, {counts['retried']:,} retried, {counts['lost']:,} lost their claim",
        f"{again}; all was finished {drained:.1f} s after the last was published",
    ], wrong


def main(arguments: Sequence[str]) -> int:
    """Start a server, run it all on that, stop it."""
    if arguments[:1] == ["--play"]:
        kind, name, url, journal, seed, until = arguments[1:]
        play(kind, name, url, Path(journal), seed, float(until))
        return 0
    parser = argparse.ArgumentParser(prog="soak --claims", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long is published (60)")
    parser.add_argument("--seed", type=int, default=1, help="of the random choices (1)")
    parser.add_argument("--publishers", type=int, default=16, help="half of them for each API (16)")
    options = parser.parse_args(arguments)
    # Not in memory, for the reason that soak.py gives.
    with running_server(data_root=Path(tempfile.gettempdir())) as server:
        print(f"{server.kind} {server.version}, seed {options.seed}, {options.seconds:g} s", flush=True)
        lines, wrong = soak(server, options.seconds, options.seed, options.publishers)
    for line in (*lines, f"{len(wrong)} wrong", *wrong[:20]):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
