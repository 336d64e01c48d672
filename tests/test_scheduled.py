"""Schedules: persisted, read in the order they fall due, executed once, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventflow_db import EventflowDB, errors

from .operations import fails
from .support import EVENT, NOON


@pytest.fixture
def scheduled(db: EventflowDB, event_id: str) -> str:
    """The event id of a schedule."""
    db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON})
    return event_id


def schedule(db: EventflowDB, event_id: str, when: datetime) -> None:
    db.persist_event({**EVENT, "id": event_id})
    db.persist_event_scheduled({"event_id": event_id, "scheduled": when})


def test_persist_event_scheduled(db: EventflowDB, event_id: str) -> None:
    assert db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON}) is True


def test_persist_event_scheduled_twice_raises_duplicate(db: EventflowDB, scheduled: str) -> None:
    with fails(errors.DuplicateError, "SCHEDULED_EVENT_PERSIST"):
        db.persist_event_scheduled({"event_id": scheduled, "scheduled": NOON})


def test_persist_event_scheduled_of_unknown_event_raises_missing_reference(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "SCHEDULED_EVENT_PERSIST"):
        db.persist_event_scheduled({"event_id": "unknown", "scheduled": NOON})


def test_persist_event_scheduled_takes_a_record(db: EventflowDB, scheduled: str) -> None:
    row = db.read_event_scheduled(scheduled)
    db.delete_event(scheduled)
    db.persist_event({**EVENT, "id": scheduled})
    assert db.persist_event_scheduled(row) is True


def test_read_event_scheduled_gives_what_was_persisted(db: EventflowDB, scheduled: str) -> None:
    row = db.read_event_scheduled(scheduled)
    assert (row.event_id, row.scheduled) == (scheduled, NOON)
    assert (row.executed, row.success, row.failed) == (None, None, None)
    assert (row.domain, row.pid, row.name) == ("domain", "pid", "name")


def test_read_event_scheduled_unknown_raises_not_found(db: EventflowDB, event_id: str) -> None:
    with fails(errors.NotFoundError, "SCHEDULED_EVENT_NOT_FOUND"):
        db.read_event_scheduled(event_id)


def test_read_events_scheduled_gives_all_with_their_events(db: EventflowDB, scheduled: str) -> None:
    assert db.read_events_scheduled() == [db.read_event_scheduled(scheduled)]


def test_read_events_scheduled_none_gives_none(db: EventflowDB, event_id: str) -> None:
    assert db.read_events_scheduled() == []


def test_read_events_scheduled_soonest_first_then_by_id_overdue_ones_included(db: EventflowDB) -> None:
    overdue = datetime.now(UTC) - timedelta(days=400)
    for event_id, when in (("late", NOON + timedelta(seconds=1)), ("b", NOON), ("a", NOON), ("old", overdue)):
        schedule(db, event_id, when)
    assert [row.event_id for row in db.read_events_scheduled()] == ["old", "a", "b", "late"]


def test_read_events_scheduled_limit_gives_the_soonest(db: EventflowDB) -> None:
    for number in (3, 1, 2):
        schedule(db, f"event {number}", NOON + timedelta(seconds=number))
    assert [row.event_id for row in db.read_events_scheduled(limit=2)] == ["event 1", "event 2"]


def test_read_events_scheduled_leaves_executed_ones_out(db: EventflowDB, scheduled: str) -> None:
    schedule(db, "other", NOON)
    db.update_event_scheduled_executed(scheduled)
    assert [row.event_id for row in db.read_events_scheduled()] == ["other"]


def test_update_event_scheduled_executed(db: EventflowDB, scheduled: str) -> None:
    assert db.update_event_scheduled_executed(scheduled) is True
    row = db.read_event_scheduled(scheduled)
    assert (row.executed is not None, row.success, row.failed) == (True, None, None)


def test_update_event_scheduled_executed_twice_returns_false(db: EventflowDB, scheduled: str) -> None:
    db.update_event_scheduled_executed(scheduled)
    assert db.update_event_scheduled_executed(scheduled) is False


def test_update_event_scheduled_executed_unscheduled_returns_false(db: EventflowDB, event_id: str) -> None:
    assert db.update_event_scheduled_executed(event_id) is False


def test_update_event_scheduled_success(db: EventflowDB, scheduled: str) -> None:
    assert db.update_event_scheduled_success(scheduled) is True
    row = db.read_event_scheduled(scheduled)
    assert (row.executed, row.success is not None, row.failed) == (None, True, None)


def test_update_event_scheduled_success_again_within_a_second_returns_true(db: EventflowDB, scheduled: str) -> None:
    assert [db.update_event_scheduled_success(scheduled) for _ in range(3)] == [True, True, True]


def test_update_event_scheduled_success_unscheduled_returns_false(db: EventflowDB, event_id: str) -> None:
    assert db.update_event_scheduled_success(event_id) is False


def test_update_event_scheduled_failed(db: EventflowDB, scheduled: str) -> None:
    assert db.update_event_scheduled_failed(scheduled) is True
    row = db.read_event_scheduled(scheduled)
    assert (row.executed, row.success, row.failed is not None) == (None, None, True)


def test_update_event_scheduled_failed_again_within_a_second_returns_true(db: EventflowDB, scheduled: str) -> None:
    assert [db.update_event_scheduled_failed(scheduled) for _ in range(3)] == [True, True, True]


def test_update_event_scheduled_failed_unscheduled_returns_false(db: EventflowDB, event_id: str) -> None:
    assert db.update_event_scheduled_failed(event_id) is False
