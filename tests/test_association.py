"""Associations of events, with correlated processes (cpid) and with entities (eid): the same rules for both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventflow_db import Event, EventflowDB, errors

from .operations import fails
from .support import EVENT, NOON


class Association:
    """The operations of one kind of association, `cpid` or `eid`."""

    def __init__(self, db: EventflowDB, kind: str) -> None:
        self.code = f"EVENT_{kind.upper()}_PERSIST"
        self.persist: Any = getattr(db, f"persist_event_{kind}")
        self.delete: Any = getattr(db, f"delete_event_{kind}")
        self.read: Any = getattr(db, f"read_event_{kind}_by_event_id")
        self.read_events: Any = getattr(db, f"read_events_by_domain_and_{kind}")


@pytest.fixture(params=["cpid", "eid"])
def association(request: pytest.FixtureRequest, db: EventflowDB) -> Association:
    """Each kind of association in turn."""
    return Association(db, request.param)


@pytest.fixture
def several(db: EventflowDB) -> list[str]:
    """Events b and c at noon, a a millisecond later, another one in another domain; all with one cpid and eid."""
    late = NOON + timedelta(milliseconds=1)
    for id, domain, timestamp in (
        ("a", "domain", late), ("c", "domain", NOON), ("b", "domain", NOON), ("o", "other", NOON),
    ):  # fmt: skip
        db.persist_event({**EVENT, "id": id, "timestamp": timestamp, "domain": domain, "pid": id})
        db.persist_event_cpid(id, "shared")
        db.persist_event_eid(id, "shared")
    return ["b", "c", "a"]


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


# --- both kinds


def test_persist_association_returns_true(association: Association, event_id: str) -> None:
    assert association.persist(event_id, "key") is True


def test_persist_association_twice_raises_duplicate(association: Association, event_id: str) -> None:
    association.persist(event_id, "key")
    with fails(errors.DuplicateError, association.code):
        association.persist(event_id, "key")


def test_persist_association_of_unknown_event_raises_missing_reference(association: Association) -> None:
    with fails(errors.MissingReferenceError, association.code):
        association.persist("unknown", "key")


def test_read_associations_gives_them_sorted(association: Association, event_id: str) -> None:
    for key in ("b", "a", "C"):
        association.persist(event_id, key)
    assert association.read(event_id) == ["C", "a", "b"]


def test_read_associations_limit_gives_the_first(association: Association, event_id: str) -> None:
    for key in ("b", "a"):
        association.persist(event_id, key)
    assert association.read(event_id, limit=1) == ["a"]


def test_read_associations_of_unknown_event_gives_none(association: Association, several: list[str]) -> None:
    assert association.read("unknown") == []


def test_delete_association_returns_true(association: Association, event_id: str) -> None:
    association.persist(event_id, "key")
    assert association.delete(event_id, "key") is True


def test_delete_association_twice_returns_false(association: Association, event_id: str) -> None:
    association.persist(event_id, "key")
    association.delete(event_id, "key")
    assert association.delete(event_id, "key") is False


def test_read_associations_deleted_gives_none(association: Association, event_id: str) -> None:
    association.persist(event_id, "key")
    association.delete(event_id, "key")
    assert association.read(event_id) == []


def test_delete_association_leaves_the_event_and_its_others(
    association: Association, db: EventflowDB, event_id: str
) -> None:
    association.persist(event_id, "key")
    association.persist(event_id, "other")
    association.delete(event_id, "key")
    assert association.read(event_id) == ["other"]
    assert db.read_event(event_id).id == event_id


def test_read_events_by_domain_and_association(association: Association, db: EventflowDB, event_id: str) -> None:
    association.persist(event_id, "key")
    assert association.read_events("domain", "key") == [db.read_event(event_id)]


def test_read_events_by_domain_and_association_oldest_first_then_by_id(
    association: Association, several: list[str]
) -> None:
    assert ids(association.read_events("domain", "shared")) == several


@pytest.mark.parametrize("limit", [1, 2])
def test_read_events_by_domain_and_association_limit_gives_the_oldest(
    association: Association, several: list[str], limit: int
) -> None:
    assert ids(association.read_events("domain", "shared", limit=limit)) == several[:limit]


def test_read_events_by_domain_and_association_unknown_gives_none(association: Association, several: list[str]) -> None:
    assert association.read_events("domain", "unknown") == []
    assert association.read_events("unknown", "shared") == []


# --- entities, whatever the domain


def test_read_events_by_eid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    assert db.read_events_by_eid("eid") == [db.read_event(event_id)]


def test_read_events_by_eid_oldest_first_then_by_id_in_every_domain(db: EventflowDB, several: list[str]) -> None:
    assert ids(db.read_events_by_eid("shared")) == ["b", "c", "o", "a"]


def test_read_events_by_eid_limit_gives_the_oldest(db: EventflowDB, several: list[str]) -> None:
    assert ids(db.read_events_by_eid("shared", limit=3)) == ["b", "c", "o"]


def test_read_events_by_eid_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_events_by_eid("unknown") == []
