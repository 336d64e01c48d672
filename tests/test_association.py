"""Associations of events, with correlated processes (cpid) and with entities (eid): the same rules for both."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from eventflow_db import Event, EventflowDB, errors

from .operations import fails
from .proxy import Proxy
from .support import EVENT, NOON, Admin


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


# --- correlated processes of a domain


@pytest.fixture
def as_node_4_1(admin: Admin, database: str, event_id: str) -> None:
    """The association of the event with `cpid` as Node 4.1 writes it, without a domain."""
    admin.execute(f"INSERT INTO `{database}`.event_cpid SET event_id = %s, cpid = 'cpid'", event_id)


def stored_domains(admin: Admin, database: str) -> list[str]:
    return sorted(domain for (domain,) in admin.execute(f"SELECT domain FROM `{database}`.event_cpid"))


def test_persist_event_cpid_without_a_domain_stores_the_events_own(
    db: EventflowDB, event_id: str, admin: Admin, database: str
) -> None:
    db.persist_event_cpid(event_id, "cpid")
    db.persist_event_cpid(event_id, "other", domain=None)
    assert stored_domains(admin, database) == ["domain", "domain"]


def test_persist_event_cpid_of_several_domains_finds_the_event_in_each(db: EventflowDB, event_id: str) -> None:
    assert db.persist_event_cpid(event_id, "cpid", domain="other") is True
    assert db.read_events_by_domain_and_cpid("domain", "cpid") == []
    assert ids(db.read_events_by_domain_and_cpid("other", "cpid")) == [event_id]
    db.persist_event_cpid(event_id, "cpid")
    assert ids(db.read_events_by_domain_and_cpid("domain", "cpid")) == [event_id]


def test_persist_events_cpid_takes_pairs_and_triples(db: EventflowDB, event_id: str) -> None:
    assert db.persist_events_cpid([(event_id, "a"), (event_id, "b", "other"), (event_id, "c", None)]) == 3
    assert db.read_event_cpid_by_event_id_with_domain(event_id) == [("domain", "a"), ("domain", "c"), ("other", "b")]


@pytest.mark.parametrize("given", [("event",), ("event", "cpid", "domain", "more"), "event", {"event_id": "event"}])
def test_persist_events_cpid_of_other_than_pairs_and_triples_raises(nowhere: EventflowDB, given: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_CPID_PERSIST") as caught:
        nowhere.persist_events_cpid([given])
    assert caught.value.message == "item 0: must be a tuple (event_id, cpid[, domain])"


def test_persist_events_cpid_of_an_unknown_event_raises_and_persists_none(db: EventflowDB, event_id: str) -> None:
    with fails(errors.MissingReferenceError, "EVENT_CPID_PERSIST"):
        db.persist_events_cpid([(event_id, "cpid"), ("unknown", "cpid")])
    assert db.read_event_cpid_by_event_id(event_id) == []


def test_persist_event_cpid_lost_reply_is_written_once(far: EventflowDB, proxy: Proxy, event_id: str) -> None:
    rule = proxy.cut_reply(b"event_cpid.persist@")
    assert far.persist_event_cpid(event_id, "cpid") is True
    assert rule.fired.is_set()
    assert far.read_event_cpid_by_event_id_with_domain(event_id) == [("domain", "cpid")]


@pytest.mark.parametrize("domain", [None, "domain", "other"])
def test_delete_event_cpid_deletes_that_of_its_domain_alone(db: EventflowDB, event_id: str, domain: str | None) -> None:
    db.persist_events_cpid([(event_id, "cpid"), (event_id, "cpid", "other"), (event_id, "cpid", "third")])
    assert db.delete_event_cpid(event_id, "cpid", domain=domain) is True
    assert db.delete_event_cpid(event_id, "cpid", domain=domain) is False
    left = {("domain", "cpid"), ("other", "cpid"), ("third", "cpid")} - {(domain or "domain", "cpid")}
    assert db.read_event_cpid_by_event_id_with_domain(event_id) == sorted(left)


def test_read_event_cpid_by_event_id_gives_one_of_several_domains_once(db: EventflowDB, event_id: str) -> None:
    db.persist_events_cpid([(event_id, "cpid"), (event_id, "cpid", "other"), (event_id, "another")])
    assert db.read_event_cpid_by_event_id(event_id) == ["another", "cpid"]


def test_read_event_cpid_by_event_id_with_domain_limit_gives_the_first(db: EventflowDB, event_id: str) -> None:
    db.persist_events_cpid([(event_id, "b"), (event_id, "a", "z")])
    assert db.read_event_cpid_by_event_id_with_domain(event_id, limit=1) == [("domain", "b")]


@pytest.mark.usefixtures("as_node_4_1")
def test_read_event_cpid_without_a_domain_is_the_events_own(db: EventflowDB, event_id: str) -> None:
    assert db.read_event_cpid_by_event_id_with_domain(event_id) == [("domain", "cpid")]
    assert ids(db.read_events_by_domain_and_cpid("domain", "cpid")) == [event_id]
    assert ids(list(db.iter_events_by_domain_and_cpid("domain", "cpid"))) == [event_id]
    assert db.read_events_by_domain_and_cpid("other", "cpid") == []
    assert list(db.iter_events_by_domain_and_cpid("other", "cpid")) == []


@pytest.mark.usefixtures("as_node_4_1")
@pytest.mark.parametrize(("domain", "deleted"), [(None, True), ("domain", True), ("other", False)])
def test_delete_event_cpid_without_a_domain_is_the_events_own(
    db: EventflowDB, event_id: str, domain: str | None, deleted: bool
) -> None:
    assert db.delete_event_cpid(event_id, "cpid", domain=domain) is deleted
    assert db.read_event_cpid_by_event_id(event_id) == ([] if deleted else ["cpid"])


@pytest.mark.usefixtures("as_node_4_1")
def test_event_cpid_with_and_without_the_events_domain_is_one(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    assert db.read_event_cpid_by_event_id_with_domain(event_id) == [("domain", "cpid")]
    assert ids(db.read_events_by_domain_and_cpid("domain", "cpid")) == [event_id]
    assert ids(list(db.iter_events_by_domain_and_cpid("domain", "cpid", page=1))) == [event_id]
    assert db.delete_event_cpid(event_id, "cpid") is True
    assert db.read_event_cpid_by_event_id(event_id) == []


def test_iter_events_by_domain_and_cpid_gives_each_once_whatever_the_page(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    there = [f"event-{number}" for number in range(9)]
    db.persist_events([{**EVENT, "id": id} for id in there])
    db.persist_events_cpid([(id, "cpid") for id in there[::2]])
    for id in there[1::2]:
        admin.execute(f"INSERT INTO `{database}`.event_cpid SET event_id = %s, cpid = 'cpid'", id)
    db.persist_event_cpid(there[1], "cpid")
    for page in (1, 2, 4, 100):
        assert ids(list(db.iter_events_by_domain_and_cpid("domain", "cpid", page=page))) == there
    assert ids(list(db.iter_events_by_domain_and_cpid("domain", "cpid", after=there[3]))) == there[4:]


@pytest.mark.parametrize("given", [(), ("domain",)])
def test_iter_events_of_an_entity_gives_each_once_whatever_the_page(db: EventflowDB, given: tuple[str, ...]) -> None:
    there = [f"event-{number}" for number in range(5)]
    db.persist_events([{**EVENT, "id": id} for id in there])
    db.persist_events_eid([(id, "eid") for id in there])
    read: Any = db.iter_events_by_domain_and_eid if given else db.iter_events_by_eid
    for page in (1, 2, 5, 100):
        # one that goes round in circles ends here
        assert ids(list(itertools.islice(read(*given, "eid", page=page), 10))) == there
    assert ids(list(read(*given, "eid", after=there[2]))) == there[3:]


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
