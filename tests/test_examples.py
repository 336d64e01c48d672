"""scripts/examples: a hub and workers of both kinds, run as they are, on one database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventflow_db import EventflowDB, Settings

from .support import EVENT, eventually

EXAMPLES = Path(__file__).parent.parent / "scripts" / "examples"
Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = pytest.mark.slow


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts an example."""
    given = {"HOST": settings.host, "PORT": str(settings.port), "USER": settings.user, "PASS": settings.password}
    variables = {f"EVENTFLOW_MYSQL_{name}": value for name, value in {**given, "DB": settings.database}.items()}
    started = []

    def start(name: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
        process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def states(db: EventflowDB) -> dict[str, str]:
    return {
        row.event_id: state
        for state in ("published", "consumed_spoke", "failed", "success")
        for row in db.read_events_published(state)
    }


@pytest.mark.parametrize("worker", ["worker.py", "worker_asyncio.py"])
def test_examples_publish_what_is_due_work_on_it_and_retry_what_fails(
    settings: Settings, start: Start, worker: str
) -> None:
    with EventflowDB(settings) as db:
        due, good, broken = db.persist_events([EVENT, EVENT, {**EVENT, "name": "broken"}])
        db.persist_event_scheduled({"event_id": due, "scheduled": datetime.now(UTC)})
        for event_id in (good, broken):
            db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        hub, spoke = start("hub.py"), start(worker, "domain")
        assert eventually(lambda: states(db) == {due: "success", good: "success", broken: "published"}, 20)
        row = db.read_event_published(broken)
        assert row.error is not None
        assert row.attempts >= 1
        assert len(db.read_online_hubs()) == 1
        for process in (spoke, hub):
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        assert db.read_online_hubs() == []
