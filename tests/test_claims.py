"""Claims with a lease: each event to one consumer at a time, fenced, retried, dead, released and requeued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow_db import EventflowDB, NewHub, Settings, errors
from eventflow_db.query.parameters import STATES

from .api import concurrently
from .operations import fails
from .proxy import Proxy
from .support import EVENT, NOON, Admin

Publish = Callable[..., str]
Set = Callable[..., None]


@pytest.fixture
def publish(db: EventflowDB) -> Publish:
    """Publishes an event, which is like EVENT but for what is given; gives its id."""

    def publish(**values: Any) -> str:
        event_id = db.persist_event({**EVENT, **values})  # type: ignore[arg-type]
        db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        return event_id

    return publish


@pytest.fixture
def set_columns(admin: Admin, database: str) -> Set:
    """Sets columns of a publication, given as SQL, so that no test has to wait."""

    def set_columns(event_id: str, **columns: str) -> None:
        assignments = ", ".join(f"{name} = {value}" for name, value in columns.items())
        admin.execute(f"UPDATE `{database}`.event_published SET {assignments} WHERE event_id = %s", event_id)

    return set_columns


def later(seconds: int) -> str:
    return f"UTC_TIMESTAMP() + INTERVAL {seconds} SECOND"


def claim(db: EventflowDB, consumer: str = "consumer", **values: Any) -> list[str]:
    return [event.id for event in db.claim_events_published("domain", consumer, **values)]


@pytest.fixture
def node_publishes(admin: Admin, database: str, db: EventflowDB) -> Publish:
    """Publishes an event as the Node library does; gives its id."""

    def publish(**values: Any) -> str:
        event_id = db.persist_event({**EVENT, **values})  # type: ignore[arg-type]
        admin.execute(f"INSERT INTO `{database}`.event_published SET event_id = %s, publisher = 'node'", event_id)
        return event_id

    return publish


def node_consumes(admin: Admin, database: str, event_id: str) -> bool:
    """What a spoke of Node's does with what it is sent; whether it may have it."""
    admin.execute(
        f"UPDATE `{database}`.event_published SET consumed_spoke = UTC_TIMESTAMP(), consumer = 'node' "
        "WHERE event_id = %s AND consumed_spoke IS NULL",
        event_id,
    )
    return admin.execute(
        f"SELECT consumer = 'node' FROM `{database}`.event_published WHERE event_id = %s", event_id
    ) == ((1,),)


# --- claims


def test_claim_gives_the_event_and_its_publication(db: EventflowDB, publish: Publish) -> None:
    event_id = publish(data={"key": "value"})
    (claimed,) = db.claim_events_published("domain", "consumer")
    event, published = db.read_event(event_id), db.read_event_published(event_id)
    assert claimed == type(claimed)(
        event.id, event.timestamp, event.domain, event.rid, event.pid, event.name, event.data,
        "publisher", published.published, 1,
    )  # fmt: skip
    assert (published.consumer, published.attempts) == ("consumer", 1)
    assert published.consumed_spoke is not None


def test_claim_deserializes_data_on_request(db: EventflowDB) -> None:
    event_id = db.persist_event({**EVENT, "data": {"at": NOON}}, serialize=True)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    assert db.claim_events_published("domain", "consumer", deserialize=True)[0].data == {"at": NOON}


def test_claim_again_gives_nothing(db: EventflowDB, publish: Publish) -> None:
    publish()
    assert len(claim(db)) == 1
    assert claim(db) == claim(db, "another") == []


def test_claim_of_another_domain_gives_nothing(db: EventflowDB, publish: Publish) -> None:
    publish(domain="other")
    assert claim(db) == []


def test_claim_of_names_leaves_the_others(db: EventflowDB, publish: Publish) -> None:
    ids = [publish(name=name) for name in ("a", "b", "c", "a")]
    claimed = db.claim_events_published("domain", "consumer", names=["a", "c"])
    assert [(event.id, event.attempts) for event in claimed] == [(ids[0], 1), (ids[2], 1), (ids[3], 1)]
    assert claim(db, names=[]) == []
    assert claim(db) == [ids[1]]


def test_claim_takes_the_longest_available_first_up_to_the_limit(
    db: EventflowDB, publish: Publish, set_columns: Set
) -> None:
    ids = [publish() for _ in range(4)]
    for age, event_id in enumerate(ids):
        set_columns(event_id, available=later(-60 * age - 60))
    assert [claim(db, limit=1) for _ in range(2)] == [[ids[3]], [ids[2]]]
    assert sorted(claim(db, limit=10)) == ids[:2]


def test_claim_of_what_has_ended_gives_nothing(db: EventflowDB, publish: Publish) -> None:
    db.update_event_published_to_success(publish())
    db.update_event_published_to_failed(publish())
    db.update_event_published_to_orphan(publish())
    assert claim(db) == []


def test_claims_at_once_give_each_event_to_one(settings: Settings, db: EventflowDB) -> None:
    ids = db.persist_events([EVENT] * 60)
    db.persist_events_published({"event_id": event_id, "publisher": "publisher"} for event_id in ids)
    with EventflowDB(settings) as other:
        claimed = concurrently(*[lambda: claim(other, limit=7)] * 12)
    assert sorted(event_id for some in claimed for event_id in some) == sorted(ids)


def test_claim_when_the_lease_has_ended_gives_it_to_the_next(
    db: EventflowDB, publish: Publish, set_columns: Set
) -> None:
    event_id = publish()
    claim(db, "first")
    set_columns(event_id, available=later(0))
    (claimed,) = db.claim_events_published("domain", "second")
    assert (claimed.id, claimed.attempts) == (event_id, 2)
    assert db.read_event_published(event_id).consumer == "second"


def test_claim_has_a_lease_of_at_least_its_seconds(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    before = datetime.now(UTC)
    claim(db, lease=90)
    ends = db.read_event_published(event_id).available
    assert before + timedelta(seconds=90) <= ends <= datetime.now(UTC) + timedelta(seconds=91)


def test_claim_in_a_transaction_that_is_rolled_back_is_none(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        assert claim(tx) == [event_id]  # type: ignore[arg-type]
        raise ZeroDivisionError
    assert claim(db) == [event_id]


def test_claim_beside_a_transaction_that_has_claimed_takes_the_next_without_waiting(
    db: EventflowDB, publish: Publish
) -> None:
    first, second = publish(), publish()
    with db.transaction() as tx:
        assert claim(tx, limit=1) == [first]  # type: ignore[arg-type]
        assert claim(db) == [second]


@pytest.mark.parametrize("names", [None, [EVENT["name"]]])
def test_claim_locks_its_publications_alone(
    db: EventflowDB, publish: Publish, admin: Admin, database: str, names: list[str] | None
) -> None:
    claimed, waiting = publish(), publish()
    for event_id in (claimed, waiting):
        db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON})
    db.update_event_scheduled_executed(claimed)
    with db.transaction() as tx:
        assert claim(tx, names=names) == [claimed]  # type: ignore[arg-type]
        for table, key in (("event", "id"), ("event_scheduled", "event_id")):
            locked = f"SELECT {key} FROM `{database}`.{table} FOR UPDATE SKIP LOCKED"
            assert {row[0] for row in admin.execute(locked)} == {claimed, waiting}
        assert admin.execute(f"SELECT event_id FROM `{database}`.event_published FOR UPDATE SKIP LOCKED") == ()


def test_claim_whose_commit_reply_is_lost_claims_others_and_comes_back_with_its_lease(
    far: EventflowDB, db: EventflowDB, publish: Publish, proxy: Proxy, set_columns: Set
) -> None:
    first, second = publish(), publish()
    rule = proxy.cut_reply(b"COMMIT")
    assert claim(far, limit=1) == [second]
    assert rule.fired.is_set()
    set_columns(first, available=later(0))
    assert claim(db) == [first]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"domain": ""}, "domain: "),
        ({"consumer": None}, "consumer: "),
        ({"names": "name"}, "names: "),
        ({"limit": 0}, "limit: must be a whole number from 1 to 10000"),
        ({"limit": 10001}, "limit: must be a whole number from 1 to 10000"),
        ({"lease": 0}, "lease: must be whole seconds from 1 to 31536000"),
        ({"lease": 1.5}, "lease: must be whole seconds from 1 to 31536000"),
    ],
)
def test_claim_with_a_bad_value_raises_before_anything_is_sent(
    nowhere: EventflowDB, values: dict[str, Any], message: str
) -> None:
    with fails(errors.InvalidValueError, "EVENT_PUBLISHED_CLAIM") as caught:
        nowhere.claim_events_published(**{"domain": "domain", "consumer": "consumer", **values})
    assert message in caught.value.message


# --- beside Node


def test_claim_leaves_what_a_spoke_of_node_has_consumed(
    db: EventflowDB, publish: Publish, admin: Admin, database: str, set_columns: Set
) -> None:
    event_id = publish()
    assert node_consumes(admin, database, event_id)
    for _ in range(3):
        set_columns(event_id, available=later(-1000))
        assert claim(db) == []


def test_claim_of_what_was_consumed_by_spoke_gives_nothing(db: EventflowDB, publish: Publish, set_columns: Set) -> None:
    event_id = publish()
    assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke")
    set_columns(event_id, available=later(-1000))
    assert claim(db) == []


def test_claimed_event_is_not_consumed_by_a_spoke_of_node(
    db: EventflowDB, publish: Publish, admin: Admin, database: str, set_columns: Set
) -> None:
    event_id = publish()
    claim(db)
    assert not node_consumes(admin, database, event_id)
    db.update_event_published_to_failed(event_id, consumer="consumer", retry_in=600)
    assert not node_consumes(admin, database, event_id)
    set_columns(event_id, available=later(0))
    assert claim(db) == [event_id]


def test_claim_of_what_node_has_published_waits_two_seconds(
    db: EventflowDB, node_publishes: Publish, set_columns: Set
) -> None:
    event_id = node_publishes()
    assert claim(db) == []
    row = db.read_event_published(event_id)
    assert timedelta(0) < row.available - datetime.now(UTC) <= timedelta(seconds=2.5)
    set_columns(event_id, available=later(0))
    assert claim(db) == [event_id]


def test_claim_of_what_node_has_scheduled_waits_for_the_schedule(db: EventflowDB, node_publishes: Publish) -> None:
    event_id = node_publishes()
    scheduled = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    db.persist_event_scheduled({"event_id": event_id, "scheduled": scheduled})
    assert claim(db) == []
    assert db.read_event_published(event_id).available == scheduled


def test_claim_passes_over_what_is_scheduled_and_reads_it_once(
    db: EventflowDB, publish: Publish, set_columns: Set
) -> None:
    scheduled = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    waiting = [publish() for _ in range(5)]
    for event_id in waiting:
        db.persist_event_scheduled({"event_id": event_id, "scheduled": scheduled})
        set_columns(event_id, available=later(-60))
    free = publish()
    assert claim(db, limit=2) == [free]
    assert [db.read_event_published(event_id).available for event_id in waiting] == [scheduled] * 5


def test_claim_of_what_node_has_executed_gives_it(db: EventflowDB, publish: Publish, set_columns: Set) -> None:
    event_id = publish()
    db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON})
    assert claim(db) == []
    db.update_event_scheduled_executed(event_id)
    set_columns(event_id, available=later(0))
    assert claim(db) == [event_id]


@pytest.mark.parametrize(("overdue", "seconds"), [(0, 2), (120, 120), (2_592_000, 600)])
def test_claim_looks_again_for_what_is_overdue_after_as_long_again_and_ten_minutes_at_the_most(
    db: EventflowDB, publish: Publish, set_columns: Set, overdue: int, seconds: int
) -> None:
    event_id = publish()
    db.persist_event_scheduled({"event_id": event_id, "scheduled": datetime.now(UTC) - timedelta(seconds=overdue)})
    set_columns(event_id, available=later(-60))
    assert claim(db) == []
    waits = db.read_event_published(event_id).available - datetime.now(UTC)
    assert timedelta(seconds=seconds - 10) <= waits <= timedelta(seconds=seconds + 10)


# --- what a consumer does with its claim


def test_extend_moves_the_end_of_the_lease(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    claim(db, lease=10)
    assert db.extend_event_published(event_id, "consumer") is True
    assert db.read_event_published(event_id).available > datetime.now(UTC) + timedelta(seconds=55)
    assert db.extend_event_published(event_id, "consumer", 600) is True
    assert db.read_event_published(event_id).available > datetime.now(UTC) + timedelta(seconds=590)


def test_extend_of_another_ones_claim_returns_false(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    claim(db)
    before = db.read_event_published(event_id)
    assert db.extend_event_published(event_id, "another", 600) is False
    assert db.read_event_published(event_id) == before


def test_extend_of_what_has_no_lease_returns_false(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    db.update_event_published_to_consumed_by_spoke(event_id, "consumer")
    assert db.extend_event_published(event_id, "consumer") is False


FINISH: dict[str, Callable[[EventflowDB, str, str], bool]] = {
    "extend": lambda db, event_id, consumer: db.extend_event_published(event_id, consumer),
    "success": lambda db, event_id, consumer: db.update_event_published_to_success(event_id, consumer=consumer),
    "failed": lambda db, event_id, consumer: db.update_event_published_to_failed(event_id, consumer=consumer),
    "retry": lambda db, event_id, consumer: db.update_event_published_to_failed(
        event_id, consumer=consumer, retry_in=0
    ),
    "release": lambda db, event_id, consumer: db.release_events_published([event_id], consumer=consumer) == 1,
}


@pytest.mark.parametrize("name", FINISH)
def test_consumer_whose_lease_has_ended_has_its_claim_until_another_one_claims(
    db: EventflowDB, publish: Publish, set_columns: Set, name: str
) -> None:
    event_id = publish()
    claim(db, "slow")
    set_columns(event_id, available=later(-1))
    assert FINISH[name](db, event_id, "slow") is True


@pytest.mark.parametrize("name", FINISH)
def test_consumer_whose_claim_another_one_has_changes_nothing(
    db: EventflowDB, publish: Publish, set_columns: Set, name: str
) -> None:
    event_id = publish()
    claim(db, "slow")
    set_columns(event_id, available=later(-1))
    claim(db, "next")
    before = db.read_event_published(event_id)
    assert FINISH[name](db, event_id, "slow") is False
    assert db.read_event_published(event_id) == before


@pytest.mark.parametrize("name", FINISH)
@pytest.mark.parametrize("end", ["success", "failed"])
def test_consumer_of_what_has_ended_otherwise_changes_nothing(
    db: EventflowDB, publish: Publish, name: str, end: str
) -> None:
    event_id = publish()
    claim(db)
    assert FINISH[end](db, event_id, "consumer") is True
    before = db.read_event_published(event_id)
    if name == end:
        # what is run again after a lost reply
        assert FINISH[name](db, event_id, "consumer") is True
    else:
        assert FINISH[name](db, event_id, "consumer") is False
        assert db.read_event_published(event_id) == before


def test_failed_keeps_its_error(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    claim(db)
    assert db.update_event_published_to_failed(event_id, consumer="consumer", error=ValueError("no such order"))
    row = db.read_event_published(event_id)
    assert row.error is not None
    assert row.error["$value"]["message"] == "no such order"
    assert row.failed is not None
    assert claim(db) == []


@pytest.mark.parametrize("error", [float("nan"), object(), "\ud800", {1: 2}, [[]] * 3, 0, ""], ids=repr)
def test_failed_is_not_lost_for_what_its_error_holds(db: EventflowDB, publish: Publish, error: Any) -> None:
    event_id = publish()
    assert db.update_event_published_to_failed(event_id, error=error) is True
    assert db.read_event_published(event_id).error is not None


def test_failed_with_retry_in_is_claimed_again_after_it(db: EventflowDB, publish: Publish, set_columns: Set) -> None:
    event_id = publish()
    claim(db)
    assert db.update_event_published_to_failed(event_id, consumer="consumer", error={"n": 1}, retry_in=600) is True
    row = db.read_event_published(event_id)
    assert (row.failed, row.consumer, row.attempts, row.error) == (None, None, 1, {"n": 1})
    assert timedelta(seconds=598) < row.available - datetime.now(UTC) <= timedelta(seconds=600)
    assert claim(db) == []
    set_columns(event_id, available=later(0))
    assert db.claim_events_published("domain", "next")[0].attempts == 2


def test_failed_with_retry_in_of_what_a_spoke_has_consumed_lets_it_be_claimed(
    db: EventflowDB, publish: Publish
) -> None:
    event_id = publish()
    db.update_event_published_to_consumed_by_spoke(event_id, "spoke")
    assert db.update_event_published_to_failed(event_id, consumer="spoke", retry_in=0) is True
    assert claim(db) == [event_id]


@pytest.mark.parametrize("retry_in", [-1, 1.5, True, "1"])
def test_failed_with_a_bad_retry_in_raises(nowhere: EventflowDB, retry_in: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_PUBLISHED_UPDATE_FAILED") as caught:
        nowhere.update_event_published_to_failed("event-id", retry_in=retry_in)
    assert caught.value.message == "retry_in: must be whole seconds from 0 to 31536000"


def test_attempts_do_not_overflow(db: EventflowDB, publish: Publish, set_columns: Set) -> None:
    event_id = publish()
    claim(db)
    set_columns(event_id, attempts="65535", available=later(0))
    assert db.claim_events_published("domain", "consumer")[0].attempts == 65535


# --- looking and mending

SETUPS: dict[str, dict[str, str]] = {
    "published": {},
    "waits for its next attempt": {"attempts": "2", "consumed_spoke": later(-9), "consumed_hub": later(-9)},
    "consumed_hub": {"hub": "'hub-id'", "consumed_hub": later(-9)},
    "consumed_spoke": {"consumer": "'c'", "consumed_spoke": later(-9)},
    "leased": {"consumer": "'c'", "consumed_spoke": later(-9), "attempts": "1", "available": later(9)},
    "expired": {"consumer": "'c'", "consumed_spoke": later(-9), "attempts": "1", "available": later(-9)},
    "failed": {"consumer": "'c'", "consumed_spoke": later(-9), "failed": later(-9), "error": "'{}'"},
    "orphan": {"consumed_hub": later(-9), "orphan": later(-9)},
    "success": {"consumer": "'c'", "attempts": "1", "success": later(-9)},
    "failed, then success": {"failed": later(-9), "success": later(-9)},
}
STATE = {
    "waits for its next attempt": "published", "leased": "consumed_spoke", "failed, then success": "success",
}  # fmt: skip


@pytest.fixture(params=["ours", "node's"])
def each_state(
    request: pytest.FixtureRequest,
    db: EventflowDB,
    hub: NewHub,
    publish: Publish,
    node_publishes: Publish,
    set_columns: Set,
) -> dict[str, list[str]]:
    """The ids of publications, by their state: with a domain of their own, or without."""
    db.persist_hub(hub)
    by_state: dict[str, list[str]] = {state: [] for state in STATES}
    for name, columns in SETUPS.items():
        event_id = (publish if request.param == "ours" else node_publishes)()
        set_columns(event_id, published=later(-9), **columns)
        by_state[STATE.get(name, name)].append(event_id)
    return by_state


def read(db: EventflowDB, state: str, **values: Any) -> list[str]:
    return sorted(row.event_id for row in db.read_events_published(state, **values))


def test_read_events_published_gives_each_in_one_state(db: EventflowDB, each_state: dict[str, list[str]]) -> None:
    for state, ids in each_state.items():
        assert read(db, state) == read(db, state, domain="domain") == sorted(ids), state
        assert read(db, state, domain="other") == [], state


def test_read_events_published_before_a_time_gives_what_was_in_its_state_before(
    db: EventflowDB, each_state: dict[str, list[str]], set_columns: Set
) -> None:
    now = datetime.now(UTC)
    for state, ids in each_state.items():
        for event_id in ids:
            # a lease that runs ends later
            column = "available" if state == "expired" else state
            set_columns(event_id, **{column: later(-3600)})
        assert read(db, state, before=now - timedelta(seconds=3500)) == sorted(ids), state
        assert read(db, state, before=now - timedelta(seconds=3700)) == [], state


def test_read_events_published_gives_the_event_beside_its_publication(db: EventflowDB, publish: Publish) -> None:
    event_id = publish(name="placed")
    assert db.read_events_published("published") == [db.read_event_published(event_id)]
    (row,) = db.read_events_published("published")
    assert (row.domain, row.pid, row.name) == ("domain", "pid", "placed")


def test_read_events_published_of_every_domain_is_in_order_up_to_its_limit(
    db: EventflowDB, publish: Publish, set_columns: Set
) -> None:
    ids = [publish(domain=domain) for domain in ("a", "b", "c", "a", "b")]
    for age, event_id in enumerate(reversed(ids)):
        set_columns(event_id, failed=later(-60 * (5 - age)))
    assert [row.event_id for row in db.read_events_published("failed")] == ids[::-1]
    assert [row.event_id for row in db.read_events_published("failed", limit=2)] == ids[:2:-1]


def test_read_events_published_that_wait_for_a_schedule_are_not_published(db: EventflowDB, publish: Publish) -> None:
    event_id = publish()
    db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON})
    assert read(db, "published") == []


def test_read_events_published_of_an_unknown_state_raises(nowhere: EventflowDB) -> None:
    with fails(errors.InvalidValueError, "EVENTS_PUBLISHED_READ") as caught:
        nowhere.read_events_published("dead")
    assert caught.value.message == f"state: must be one of {', '.join(STATES)}"


@pytest.mark.parametrize("state", ["consumed_hub", "consumed_spoke", "expired", "failed", "orphan"])
def test_requeue_has_one_state_begin_anew(db: EventflowDB, each_state: dict[str, list[str]], state: str) -> None:
    there = read(db, "published")
    assert db.requeue_events_published(state) == len(each_state[state])
    assert read(db, state) == []
    assert read(db, "published") == sorted([*there, *each_state[state]])
    for event_id in each_state[state]:
        row = db.read_event_published(event_id)
        assert (row.consumer, row.hub, row.consumed_hub, row.consumed_spoke) == (None, None, None, None)
        assert (row.success, row.failed, row.orphan, row.attempts, row.error) == (None, None, None, 0, None)


@pytest.mark.parametrize("state", ["published", "success"])
def test_requeue_of_what_leaves_nothing_to_do_raises(nowhere: EventflowDB, state: str) -> None:
    with fails(errors.InvalidValueError, "EVENTS_PUBLISHED_REQUEUE"):
        nowhere.requeue_events_published(state)


def test_requeue_of_a_domain_before_a_time_up_to_a_limit(db: EventflowDB, publish: Publish, set_columns: Set) -> None:
    ids = [publish(domain=domain) for domain in ("domain", "other", "domain", "domain", "domain")]
    for age, event_id in enumerate(ids):
        set_columns(event_id, failed=later(60 * age - 300))
    before = datetime.now(UTC) - timedelta(seconds=90)
    assert db.requeue_events_published("failed", domain="domain", before=before, limit=1) == 1
    assert db.requeue_events_published("failed", domain="domain", before=before) == 2
    assert read(db, "failed") == sorted([ids[1], ids[4]])


def test_requeued_event_is_claimed_or_consumed_by_a_spoke_of_node(
    db: EventflowDB, publish: Publish, admin: Admin, database: str
) -> None:
    ids = [publish(), publish()]
    claim(db)
    for event_id in ids:
        db.update_event_published_to_failed(event_id)
    assert db.requeue_events_published("failed") == 2
    assert node_consumes(admin, database, ids[0])
    assert claim(db) == [ids[1]]


@pytest.mark.parametrize("by", ["hub", "spoke", "hub and spoke"])
def test_release_lets_hubs_and_spokes_have_it_again(db: EventflowDB, hub: NewHub, publish: Publish, by: str) -> None:
    db.persist_hub(hub)
    event_id = publish()
    if "hub" in by:
        db.update_event_published_to_consumed_by_hub(event_id, "hub-id")
    if "spoke" in by:
        db.update_event_published_to_consumed_by_spoke(event_id, "spoke")
    assert db.release_events_published([event_id]) == 1
    assert db.update_event_published_to_consumed_by_hub(event_id, "hub-id") is True
    assert claim(db) == [event_id]


def test_release_of_what_has_ended_or_waits_or_is_unknown_changes_nothing(db: EventflowDB, publish: Publish) -> None:
    ended, waiting = publish(), publish()
    claim(db, limit=1)
    db.update_event_published_to_success(ended)
    assert db.release_events_published([ended, waiting, "unknown"]) == 0
    assert db.release_events_published([]) == 0
