"""Events: written, read back, found by process, deleted."""

from __future__ import annotations

import pytest

from eventflow_db import EventflowDB, errors


def test_read_event_gives_what_was_persisted(db: EventflowDB, event_id: str) -> None:
    event = db.read_event(event_id)
    assert (event.id, event.domain, event.pid, event.name, event.data) == (
        event_id, "domain", "pid", "name", {"key": "value"},
    )  # fmt: skip


def test_read_event_unknown_raises_not_found(db: EventflowDB) -> None:
    with pytest.raises(errors.NotFoundError) as caught:
        db.read_event("unknown")
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_NOT_FOUND"
