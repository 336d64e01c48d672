"""Associations of events, with correlated processes (cpid) and with entities (eid): the same rules for both."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventflow_db import EventflowDB, errors

from .operations import fails
from .support import NOON


@pytest.fixture
def several(db: EventflowDB) -> list[str]:
    """Events b and c at noon, a a millisecond later, another one in another domain; all with one cpid and eid."""
    late = NOON + timedelta(milliseconds=1)
    for id, domain, timestamp in (
        ("a", "domain", late), ("c", "domain", NOON), ("b", "domain", NOON), ("o", "other", NOON),
    ):  # fmt: skip
        db.persist_event({"id": id, "timestamp": timestamp, "domain": domain, "pid": id, "name": "name"})
        db.persist_event_cpid(id, "shared")
        db.persist_event_eid(id, "shared")
    return ["b", "c", "a"]


# --- correlated processes


def test_persist_event_cpid(db: EventflowDB, event_id: str) -> None:
    assert db.persist_event_cpid(event_id, "cpid") is True


def test_persist_event_cpid_twice_raises_duplicate(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    with fails(errors.DuplicateError, "EVENT_CPID_PERSIST"):
        db.persist_event_cpid(event_id, "cpid")


def test_persist_event_cpid_of_unknown_event_raises_missing_reference(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "EVENT_CPID_PERSIST"):
        db.persist_event_cpid("unknown", "cpid")


def test_read_events_by_domain_and_cpid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    assert db.read_events_by_domain_and_cpid("domain", "cpid") == [db.read_event(event_id)]


def test_read_events_by_domain_and_cpid_oldest_first_then_by_id(db: EventflowDB, several: list[str]) -> None:
    assert [event.id for event in db.read_events_by_domain_and_cpid("domain", "shared")] == several


def test_read_events_by_domain_and_cpid_limit(db: EventflowDB, several: list[str]) -> None:
    events = db.read_events_by_domain_and_cpid("domain", "shared", limit=2)
    assert [event.id for event in events] == several[:2]


def test_read_events_by_domain_and_cpid_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_events_by_domain_and_cpid("domain", "unknown") == []
    assert db.read_events_by_domain_and_cpid("unknown", "shared") == []


def test_read_event_cpid_by_event_id_gives_associated_ones_sorted(db: EventflowDB, event_id: str) -> None:
    for cpid in ("b", "a", "C"):
        db.persist_event_cpid(event_id, cpid)
    assert db.read_event_cpid_by_event_id(event_id) == ["C", "a", "b"]


def test_read_event_cpid_by_event_id_limit(db: EventflowDB, event_id: str) -> None:
    for cpid in ("b", "a"):
        db.persist_event_cpid(event_id, cpid)
    assert db.read_event_cpid_by_event_id(event_id, limit=1) == ["a"]


def test_read_event_cpid_by_event_id_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_event_cpid_by_event_id("unknown") == []


def test_delete_event_cpid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    assert db.delete_event_cpid(event_id, "cpid") is True


def test_delete_event_cpid_twice_returns_false(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    db.delete_event_cpid(event_id, "cpid")
    assert db.delete_event_cpid(event_id, "cpid") is False


def test_read_event_cpid_by_event_id_deleted_gives_empty(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    db.delete_event_cpid(event_id, "cpid")
    assert db.read_event_cpid_by_event_id(event_id) == []


def test_delete_event_cpid_leaves_the_event_and_its_others(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    db.persist_event_cpid(event_id, "other")
    db.delete_event_cpid(event_id, "cpid")
    assert db.read_event_cpid_by_event_id(event_id) == ["other"]
    assert db.read_event(event_id).id == event_id


# --- entities


def test_persist_event_eid(db: EventflowDB, event_id: str) -> None:
    assert db.persist_event_eid(event_id, "eid") is True


def test_persist_event_eid_twice_raises_duplicate(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    with fails(errors.DuplicateError, "EVENT_EID_PERSIST"):
        db.persist_event_eid(event_id, "eid")


def test_persist_event_eid_of_unknown_event_raises_missing_reference(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "EVENT_EID_PERSIST"):
        db.persist_event_eid("unknown", "eid")


def test_read_events_by_eid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    assert db.read_events_by_eid("eid") == [db.read_event(event_id)]


def test_read_events_by_eid_oldest_first_then_by_id_in_every_domain(db: EventflowDB, several: list[str]) -> None:
    assert [event.id for event in db.read_events_by_eid("shared")] == ["b", "c", "o", "a"]


def test_read_events_by_eid_limit(db: EventflowDB, several: list[str]) -> None:
    assert [event.id for event in db.read_events_by_eid("shared", limit=3)] == ["b", "c", "o"]


def test_read_events_by_eid_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_events_by_eid("unknown") == []


def test_read_events_by_domain_and_eid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    assert db.read_events_by_domain_and_eid("domain", "eid") == [db.read_event(event_id)]


def test_read_events_by_domain_and_eid_oldest_first_then_by_id(db: EventflowDB, several: list[str]) -> None:
    assert [event.id for event in db.read_events_by_domain_and_eid("domain", "shared")] == several


def test_read_events_by_domain_and_eid_limit(db: EventflowDB, several: list[str]) -> None:
    events = db.read_events_by_domain_and_eid("domain", "shared", limit=1)
    assert [event.id for event in events] == several[:1]


def test_read_events_by_domain_and_eid_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_events_by_domain_and_eid("domain", "unknown") == []
    assert db.read_events_by_domain_and_eid("unknown", "shared") == []


def test_read_event_eid_by_event_id_gives_associated_ones_sorted(db: EventflowDB, event_id: str) -> None:
    for eid in ("b", "a", "C"):
        db.persist_event_eid(event_id, eid)
    assert db.read_event_eid_by_event_id(event_id) == ["C", "a", "b"]


def test_read_event_eid_by_event_id_limit(db: EventflowDB, event_id: str) -> None:
    for eid in ("b", "a"):
        db.persist_event_eid(event_id, eid)
    assert db.read_event_eid_by_event_id(event_id, limit=1) == ["a"]


def test_read_event_eid_by_event_id_unknown_gives_none(db: EventflowDB, several: list[str]) -> None:
    assert db.read_event_eid_by_event_id("unknown") == []


def test_delete_event_eid(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    assert db.delete_event_eid(event_id, "eid") is True


def test_delete_event_eid_twice_returns_false(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    db.delete_event_eid(event_id, "eid")
    assert db.delete_event_eid(event_id, "eid") is False


def test_read_event_eid_by_event_id_deleted_gives_empty(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    db.delete_event_eid(event_id, "eid")
    assert db.read_event_eid_by_event_id(event_id) == []


def test_delete_event_eid_leaves_the_event_and_its_others(db: EventflowDB, event_id: str) -> None:
    db.persist_event_eid(event_id, "eid")
    db.persist_event_eid(event_id, "other")
    db.delete_event_eid(event_id, "eid")
    assert db.read_event_eid_by_event_id(event_id) == ["other"]
    assert db.read_event(event_id).id == event_id
