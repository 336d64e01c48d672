"""Publications: persisted, claimed once by a hub and once by a spoke, ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflow_db import EventflowDB, NewHub, errors

from .operations import fails
from .support import EVENT


@pytest.fixture
def published(db: EventflowDB, event_id: str, hub: NewHub) -> str:
    """The event id of a publication that nobody has claimed; there is a hub."""
    db.persist_hub(hub)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    return event_id


def test_persist_event_published(db: EventflowDB, event_id: str) -> None:
    assert db.persist_event_published({"event_id": event_id, "publisher": "publisher"}) is True


def test_persist_event_published_twice_raises_duplicate(db: EventflowDB, published: str) -> None:
    with fails(errors.DuplicateError, "EVENT_PUBLISHED_PERSIST"):
        db.persist_event_published({"event_id": published, "publisher": "publisher"})


def test_persist_event_published_of_unknown_event_raises_missing_reference(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "EVENT_PUBLISHED_PERSIST"):
        db.persist_event_published({"event_id": "unknown", "publisher": "publisher"})


def test_persist_event_published_takes_a_record(db: EventflowDB, published: str) -> None:
    row = db.read_event_published(published)
    db.delete_event(published)
    db.persist_event({**EVENT, "id": published})
    assert db.persist_event_published(row) is True


def test_read_event_published_gives_what_was_persisted(db: EventflowDB, published: str) -> None:
    row = db.read_event_published(published)
    assert (row.event_id, row.publisher) == (published, "publisher")
    assert (row.consumer, row.hub, row.consumed_hub, row.consumed_spoke) == (None, None, None, None)
    assert (row.success, row.failed, row.orphan) == (None, None, None)


def test_read_event_published_unknown_raises_not_found(db: EventflowDB, event_id: str) -> None:
    with fails(errors.NotFoundError, "EVENT_PUBLISHED_NOT_FOUND"):
        db.read_event_published(event_id)


def test_update_event_published_to_consumed_by_hub(db: EventflowDB, published: str) -> None:
    assert db.update_event_published_to_consumed_by_hub(published, "hub-id") is True
    row = db.read_event_published(published)
    assert (row.hub, row.consumer, row.consumed_spoke) == ("hub-id", None, None)
    assert row.consumed_hub is not None


def test_update_event_published_to_consumed_by_hub_twice_returns_false(
    db: EventflowDB, published: str, hub: NewHub
) -> None:
    db.persist_hub({**hub, "id": "second hub"})
    db.update_event_published_to_consumed_by_hub(published, "hub-id")
    assert db.update_event_published_to_consumed_by_hub(published, "hub-id") is False
    assert db.update_event_published_to_consumed_by_hub(published, "second hub") is False
    assert db.read_event_published(published).hub == "hub-id"


def test_update_event_published_to_consumed_by_hub_unknown_hub_raises_missing_reference(
    db: EventflowDB, published: str
) -> None:
    with fails(errors.MissingReferenceError, "EVENT_PUBLISHED_CREATE"):
        db.update_event_published_to_consumed_by_hub(published, "unknown")
    assert db.read_event_published(published).consumed_hub is None


def test_update_event_published_to_consumed_by_hub_unpublished_returns_false(db: EventflowDB, event_id: str) -> None:
    assert db.update_event_published_to_consumed_by_hub(event_id, "hub-id") is False


def test_update_event_published_to_consumed_by_spoke(db: EventflowDB, published: str) -> None:
    assert db.update_event_published_to_consumed_by_spoke(published, "spoke") is True
    row = db.read_event_published(published)
    assert (row.consumer, row.hub, row.consumed_hub) == ("spoke", None, None)
    assert row.consumed_spoke is not None


def test_update_event_published_to_consumed_by_spoke_twice_returns_false(db: EventflowDB, published: str) -> None:
    db.update_event_published_to_consumed_by_spoke(published, "spoke")
    assert db.update_event_published_to_consumed_by_spoke(published, "spoke") is False
    assert db.update_event_published_to_consumed_by_spoke(published, "second spoke") is False
    assert db.read_event_published(published).consumer == "spoke"


def test_update_event_published_to_consumed_by_spoke_after_a_hub(db: EventflowDB, published: str) -> None:
    db.update_event_published_to_consumed_by_hub(published, "hub-id")
    assert db.update_event_published_to_consumed_by_spoke(published, "spoke") is True


def test_update_event_published_to_consumed_by_spoke_unpublished_returns_false(db: EventflowDB, event_id: str) -> None:
    assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke") is False


def test_update_event_published_to_success(db: EventflowDB, published: str) -> None:
    assert db.update_event_published_to_success(published) is True
    row = db.read_event_published(published)
    assert (row.success is not None, row.failed, row.orphan) == (True, None, None)


def test_update_event_published_to_failed(db: EventflowDB, published: str) -> None:
    assert db.update_event_published_to_failed(published) is True
    row = db.read_event_published(published)
    assert (row.success, row.failed is not None, row.orphan) == (None, True, None)


def test_update_event_published_to_orphan(db: EventflowDB, published: str) -> None:
    assert db.update_event_published_to_orphan(published) is True
    row = db.read_event_published(published)
    assert (row.success, row.failed, row.orphan is not None) == (None, None, True)


ENDINGS: list[Callable[[EventflowDB, str], bool]] = [
    lambda db, event_id: db.update_event_published_to_success(event_id),
    lambda db, event_id: db.update_event_published_to_failed(event_id),
    lambda db, event_id: db.update_event_published_to_orphan(event_id),
]


@pytest.mark.parametrize("end", ENDINGS, ids=["success", "failed", "orphan"])
def test_update_event_published_to_an_end_again_within_a_second_returns_true(
    db: EventflowDB, published: str, end: Callable[[EventflowDB, str], bool]
) -> None:
    assert [end(db, published) for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize("end", ENDINGS, ids=["success", "failed", "orphan"])
def test_update_event_published_to_an_end_unpublished_returns_false(
    db: EventflowDB, event_id: str, end: Callable[[EventflowDB, str], bool]
) -> None:
    assert end(db, event_id) is False
