"""Types for users: what goes in and what comes out, as mypy --strict sees it from outside."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

HEAD = """from datetime import datetime
from eventflow_db import AsyncEventflowDB, Event, EventflowDB, NewEvent, errors

"""
RIGHT = """
def use(db: EventflowDB) -> str:
    event: NewEvent = {"domain": "d", "pid": "p", "name": "n", "data": {"key": 1}}
    with db.transaction() as tx:
        event_id: str = tx.persist_event(event)
        tx.persist_event_published({"event_id": event_id, "publisher": "p"})
    read: Event = db.read_event(event_id)
    when: datetime = read.timestamp
    rows: list[Event] = db.read_events_by_domain_and_pid("d", "p", limit=10)
    count: int = db.run_transaction(lambda tx: len(tx.read_online_hubs()))
    with db.lock("reference", 5):
        print(when, rows, count)
    for one in db.iter_events_by_domain_and_pid("d", "p"):
        print(one.rid or "")
    try:
        db.persist_certificate({
            "id": "c", "validity": when, "cert": "", "key": b"", "key_iv": b"", "key_salt": b"", "key_tag": b"",
            "pass": b"", "pass_iv": b"", "pass_salt": b"", "pass_tag": b"",
        })
    except errors.EventflowDBError as error:
        return error.code
    return db.read_certificate("c").pass_.hex()


async def use_async() -> None:
    async with AsyncEventflowDB("mysql://h") as db:
        event: Event = await db.read_event("id")
        async with db.transaction() as tx:
            ids: list[str] = await tx.persist_events([{"domain": "d", "pid": "p", "name": event.name}])
        async for one in db.iter_events_by_domain_and_pid("d", "p"):
            print(one.id, ids)
"""
WRONG = {
    "wrong key": 'EventflowDB().persist_event({"domain": "d", "pid": "p", "nam": "n"})',
    "missing key": 'EventflowDB().persist_event({"domain": "d", "pid": "p"})',
    "wrong value type": 'EventflowDB().persist_event({"domain": "d", "pid": 1, "name": "n"})',
    "wrong argument type": "EventflowDB().read_event(1)",
    "wrong result type": 'text: str = EventflowDB().read_event("id")',
    "unknown column": 'EventflowDB().read_event("id").tiemstamp',
    "assignment to a row": 'EventflowDB().read_event("id").id = "other"',
    "not awaited": 'event: Event = AsyncEventflowDB().read_event("id")',
    "unknown method": "EventflowDB().read_evnt()",
    "close of a transaction": "with EventflowDB().transaction() as tx:\n    tx.close()",
}


def mypy(directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    (directory / "program.py").write_text(HEAD + program + "\n")
    # from a directory without a configuration of ours; the cache is the suite's own, for speed
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"]
    cache = ["--cache-dir", str(directory.parent / "cache")]
    return subprocess.run([*command, *cache], cwd=directory, capture_output=True, text=True, timeout=110)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("user")


def test_typing_right_program_passes(directory: Path) -> None:
    done = mypy(directory, RIGHT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_typing_every_mistake_is_an_error(directory: Path) -> None:
    program = "\n".join(line for mistake in WRONG.values() for line in mistake.splitlines())
    done = mypy(directory, program)
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error: " in line}
    first, expected = len(HEAD.splitlines()) + 1, set()
    for mistake in WRONG.values():
        first += len(mistake.splitlines())
        expected.add(first - 1)
    assert lines == expected, done.stdout


def test_typing_package_is_marked() -> None:
    assert files("eventflow_db").joinpath("py.typed").is_file()
