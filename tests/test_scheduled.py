"""Schedules: persisted, read in the order they fall due, executed once, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow_db import EventflowDB, Settings, errors

from .api import concurrently
from .operations import fails
from .proxy import Proxy
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


# --- due schedules


def ago(seconds: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)


def published(db: EventflowDB) -> list[str]:
    return [row.event_id for row in db.read_events_published("published")]


def test_read_events_scheduled_due_gives_those_that_are_due_and_not_executed(db: EventflowDB) -> None:
    for name, when in (("late", ago(60)), ("later", ago(30)), ("done", ago(90)), ("future", NOON)):
        schedule(db, name, when)
    db.update_event_scheduled_executed("done")
    assert [row.event_id for row in db.read_events_scheduled_due()] == ["late", "later"]
    assert [row.event_id for row in db.read_events_scheduled_due(limit=1)] == ["late"]


def test_publish_events_due_publishes_and_executes_them(db: EventflowDB) -> None:
    for name, when in (("late", ago(60)), ("later", ago(30)), ("future", NOON)):
        schedule(db, name, when)
    assert db.publish_events_due("scheduler") == ["late", "later"]
    assert db.publish_events_due("scheduler") == []
    assert sorted(published(db)) == ["late", "later"]
    assert db.read_event_published("late").publisher == "scheduler"
    row = db.read_event_scheduled("late")
    assert (row.executed is not None, row.success is not None, row.failed) == (True, True, None)
    assert [event.id for event in db.claim_events_published("domain", "consumer")] == ["late", "later"]


def test_publish_events_due_takes_the_soonest_up_to_its_limit(db: EventflowDB) -> None:
    for number in range(3):
        schedule(db, f"event-{number}", ago(60 - number))
    assert db.publish_events_due("scheduler", limit=2) == ["event-0", "event-1"]
    assert db.publish_events_due("scheduler", limit=2) == ["event-2"]


def test_publish_events_due_lets_a_publication_that_is_there_be_claimed(db: EventflowDB) -> None:
    schedule(db, "event-id", ago(60))
    db.persist_event_published({"event_id": "event-id", "publisher": "publisher"})
    assert db.claim_events_published("domain", "consumer") == []
    assert db.publish_events_due("scheduler") == ["event-id"]
    assert [event.publisher for event in db.claim_events_published("domain", "consumer")] == ["publisher"]


def test_publish_events_due_by_many_at_once_publishes_each_once(settings: Settings, db: EventflowDB) -> None:
    ids = db.persist_events([EVENT] * 40)
    db.persist_events_scheduled({"event_id": event_id, "scheduled": ago(60)} for event_id in ids)
    with EventflowDB(settings) as other:
        parts = concurrently(*[lambda: other.publish_events_due("scheduler", limit=7)] * 8)
    assert sorted(event_id for part in parts for event_id in part) == sorted(ids)
    assert sorted(published(db)) == sorted(ids)


def test_publish_events_due_in_a_transaction_that_is_rolled_back_does_nothing(db: EventflowDB) -> None:
    schedule(db, "event-id", ago(60))
    with pytest.raises(errors.InvalidValueError), db.transaction() as tx:
        tx.publish_events_due("scheduler")
        tx.persist_event({})  # type: ignore[arg-type]
    assert db.read_event_scheduled("event-id").executed is None
    assert published(db) == []


def test_publish_events_due_whose_reply_is_lost_is_outcome_unknown(
    far: EventflowDB, db: EventflowDB, proxy: Proxy
) -> None:
    schedule(db, "event-id", ago(60))
    proxy.cut_reply(b"COMMIT")
    with fails(errors.OutcomeUnknownError, "EVENTS_DUE_PUBLISH"):
        far.publish_events_due("scheduler")
    assert published(db) == ["event-id"]


@pytest.mark.parametrize("values", [{"publisher": ""}, {"limit": 0}, {"limit": None}])
def test_publish_events_due_with_a_bad_value_raises(nowhere: EventflowDB, values: dict[str, Any]) -> None:
    with fails(errors.InvalidValueError, "EVENTS_DUE_PUBLISH"):
        nowhere.publish_events_due(**{"publisher": "scheduler", **values})


# --- changed and cancelled


def test_reschedule_event_gives_it_another_time(db: EventflowDB, scheduled: str) -> None:
    assert db.reschedule_event(scheduled, ago(60) + timedelta(milliseconds=900)) is True
    assert db.publish_events_due("scheduler") == [scheduled]


def test_reschedule_event_moves_the_publication_that_waits_for_it(db: EventflowDB, scheduled: str) -> None:
    db.persist_event_published({"event_id": scheduled, "publisher": "publisher"})
    assert db.claim_events_published("domain", "consumer") == []
    assert db.read_event_published(scheduled).available == NOON
    assert db.reschedule_event(scheduled, ago(60)) is True
    db.update_event_scheduled_executed(scheduled)
    assert [event.id for event in db.claim_events_published("domain", "consumer")] == [scheduled]


def test_reschedule_event_that_is_executed_or_unknown_returns_false(db: EventflowDB, scheduled: str) -> None:
    db.update_event_scheduled_executed(scheduled)
    assert db.reschedule_event(scheduled, NOON + timedelta(1)) is False
    assert db.read_event_scheduled(scheduled).scheduled == NOON
    assert db.reschedule_event("unknown", NOON) is False


def test_cancel_event_scheduled_deletes_it_and_the_publication_that_waits(db: EventflowDB, scheduled: str) -> None:
    db.persist_event_published({"event_id": scheduled, "publisher": "publisher"})
    assert db.cancel_event_scheduled(scheduled) is True
    with fails(errors.NotFoundError, "SCHEDULED_EVENT_NOT_FOUND"):
        db.read_event_scheduled(scheduled)
    with fails(errors.NotFoundError, "EVENT_PUBLISHED_NOT_FOUND"):
        db.read_event_published(scheduled)
    assert db.read_event(scheduled).id == scheduled
    assert db.cancel_event_scheduled(scheduled) is False


def test_cancel_event_scheduled_leaves_a_publication_that_has_ended(db: EventflowDB, scheduled: str) -> None:
    db.persist_event_published({"event_id": scheduled, "publisher": "publisher"})
    db.update_event_published_to_success(scheduled)
    assert db.cancel_event_scheduled(scheduled) is True
    assert db.read_event_published(scheduled).success is not None


def test_cancel_event_scheduled_that_is_executed_returns_false(db: EventflowDB, scheduled: str) -> None:
    db.update_event_scheduled_executed(scheduled)
    assert db.cancel_event_scheduled(scheduled) is False
    assert db.read_event_scheduled(scheduled).executed is not None
