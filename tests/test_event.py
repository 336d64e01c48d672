"""Events: written, read back, found by process, iterated over, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from eventflow_db import Event, EventflowDB, NewEvent, errors

from .operations import fails
from .support import EVENT, NOON, Admin

MILLISECOND = timedelta(milliseconds=1)


def new(**values: Any) -> NewEvent:
    return cast(NewEvent, {**EVENT, **values})


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


@pytest.fixture
def three(db: EventflowDB) -> list[str]:
    """Three events of one process: b and c at noon, a a millisecond later; others around them."""
    return db.persist_events(
        [
            new(id="a", timestamp=NOON + MILLISECOND, name="late"),
            new(id="c", timestamp=NOON),
            new(id="b", timestamp=NOON),
            new(id="other pid", pid="other", timestamp=NOON),
            new(id="other domain", domain="other", timestamp=NOON),
        ]
    )


# --- one event


def test_persist_event_without_id_generates_one(db: EventflowDB) -> None:
    event_id = db.persist_event(new())
    assert len(event_id) == 27
    assert db.read_event(event_id).id == event_id


def test_persist_event_with_id_gives_that_id(db: EventflowDB) -> None:
    assert db.persist_event(new(id="given")) == "given"


def test_persist_event_with_id_none_generates_one(db: EventflowDB) -> None:
    assert len(db.persist_event(new(id=None))) == 27


def test_read_event_by_id_gives_the_same_data_as_when_persisted(db: EventflowDB, event_id: str) -> None:
    event = db.read_event(event_id)
    assert (event.id, event.domain, event.pid, event.name, event.rid, event.data) == (
        event_id, "domain", "pid", "name", None, {"key": "value"},
    )  # fmt: skip


def test_read_event_non_existing_raises_not_found(db: EventflowDB) -> None:
    with fails(errors.NotFoundError, "EVENT_NOT_FOUND"):
        db.read_event("unknown")


def test_read_event_deleted_raises_not_found(db: EventflowDB, event_id: str) -> None:
    db.delete_event(event_id)
    with fails(errors.NotFoundError, "EVENT_NOT_FOUND"):
        db.read_event(event_id)


def test_persist_event_takes_a_record(db: EventflowDB, event_id: str) -> None:
    event = db.read_event(event_id)
    db.delete_event(event_id)
    db.persist_event(event)
    assert db.read_event(event_id) == event


def test_persist_event_leaves_its_mapping_alone(db: EventflowDB) -> None:
    event = new()
    db.persist_event(event)
    assert event == new()


def test_persist_event_twice_raises_duplicate(db: EventflowDB, event_id: str) -> None:
    with fails(errors.DuplicateError, "EVENT_PERSIST") as caught:
        db.persist_event(new(id=event_id))
    assert caught.value.errno == 1062


def test_persist_event_identical_twice_raises_duplicate(db: EventflowDB) -> None:
    event = new(id="same", timestamp=NOON, data={"a": 1})
    db.persist_event(event)
    with fails(errors.DuplicateError, "EVENT_PERSIST"):
        db.persist_event(event)


def test_persist_event_with_rid_answers_that_event(db: EventflowDB, event_id: str) -> None:
    assert db.read_event(db.persist_event(new(rid=event_id))).rid == event_id


def test_persist_event_with_unknown_rid_raises_missing_reference(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "EVENT_PERSIST") as caught:
        db.persist_event(new(rid="unknown"))
    assert caught.value.errno == 1452


# --- deleting


def test_delete_event(db: EventflowDB, event_id: str) -> None:
    assert db.delete_event(event_id) is True


def test_delete_event_twice_returns_false(db: EventflowDB, event_id: str) -> None:
    db.delete_event(event_id)
    assert db.delete_event(event_id) is False


def test_delete_event_leaves_others(db: EventflowDB, event_id: str) -> None:
    other = db.persist_event(new())
    db.delete_event(event_id)
    assert db.read_event(other).id == other


def test_delete_event_deletes_what_belongs_to_it(db: EventflowDB, event_id: str) -> None:
    db.persist_event_cpid(event_id, "cpid")
    db.persist_event_eid(event_id, "eid")
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    db.persist_event_scheduled({"event_id": event_id, "scheduled": NOON})
    db.delete_event(event_id)
    assert db.read_event_cpid_by_event_id(event_id) == []
    assert db.read_event_eid_by_event_id(event_id) == []
    assert db.read_events_scheduled() == []
    with fails(errors.NotFoundError, "EVENT_PUBLISHED_NOT_FOUND"):
        db.read_event_published(event_id)


def test_delete_event_leaves_its_answers_without_rid(db: EventflowDB, event_id: str) -> None:
    answer = db.persist_event(new(rid=event_id))
    db.delete_event(event_id)
    assert db.read_event(answer).rid is None


# --- by domain and pid


def test_read_events_by_domain_and_pid(db: EventflowDB, event_id: str) -> None:
    assert db.read_events_by_domain_and_pid("domain", "pid") == [db.read_event(event_id)]


def test_read_events_by_domain_and_pid_oldest_first_then_by_id(db: EventflowDB, three: list[str]) -> None:
    assert ids(db.read_events_by_domain_and_pid("domain", "pid")) == ["b", "c", "a"]


def test_read_events_by_domain_and_pid_limit_gives_the_oldest(db: EventflowDB, three: list[str]) -> None:
    assert ids(db.read_events_by_domain_and_pid("domain", "pid", limit=2)) == ["b", "c"]
    assert db.read_events_by_domain_and_pid("domain", "pid", limit=0) == []


def test_read_events_by_domain_and_pid_unknown_gives_none(db: EventflowDB, three: list[str]) -> None:
    assert db.read_events_by_domain_and_pid("domain", "unknown") == []
    assert db.read_events_by_domain_and_pid("unknown", "pid") == []


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (NOON, NOON, ["b", "c"]),
        (NOON, NOON + MILLISECOND, ["b", "c", "a"]),
        (NOON + MILLISECOND, NOON + MILLISECOND, ["a"]),
        (NOON - MILLISECOND, NOON - MILLISECOND, []),
        (NOON + 2 * MILLISECOND, NOON + 3 * MILLISECOND, []),
        (NOON + MILLISECOND, NOON, []),
    ],
)
def test_read_events_by_domain_and_pid_between_timestamps_includes_both_ends(
    db: EventflowDB, three: list[str], start: datetime, end: datetime, found: list[str]
) -> None:
    assert ids(db.read_events_by_domain_and_pid_between_timestamps("domain", "pid", start, end)) == found


def test_read_events_by_domain_and_pid_between_timestamps_limit(db: EventflowDB, three: list[str]) -> None:
    events = db.read_events_by_domain_and_pid_between_timestamps("domain", "pid", NOON, NOON + MILLISECOND, limit=1)
    assert ids(events) == ["b"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["name"], ["b", "c"]),
        (["late"], ["a"]),
        (["late", "name"], ["b", "c", "a"]),
        (["late", "late", "unknown"], ["a"]),
        (["unknown"], []),
        ([], []),
    ],
)
def test_read_events_by_domain_and_pid_and_names(
    db: EventflowDB, three: list[str], names: list[str], found: list[str]
) -> None:
    assert ids(db.read_events_by_domain_and_pid_and_names("domain", "pid", names)) == found


def test_read_events_by_domain_and_pid_and_names_limit(db: EventflowDB, three: list[str]) -> None:
    events = db.read_events_by_domain_and_pid_and_names("domain", "pid", ["name", "late"], limit=2)
    assert ids(events) == ["b", "c"]


def test_read_distinct_pid_by_domain_gives_each_once_sorted(db: EventflowDB) -> None:
    db.persist_events([new(pid=pid) for pid in ("b", "a", "C", "b", "~", "e")])
    db.persist_event(new(domain="other", pid="elsewhere"))
    assert db.read_distinct_pid_by_domain("domain") == ["C", "a", "b", "e", "~"]


def test_read_distinct_pid_by_domain_limit(db: EventflowDB) -> None:
    db.persist_events([new(pid=pid) for pid in ("b", "a", "c")])
    assert db.read_distinct_pid_by_domain("domain", limit=2) == ["a", "b"]


def test_read_distinct_pid_by_domain_unknown_gives_none(db: EventflowDB, event_id: str) -> None:
    assert db.read_distinct_pid_by_domain("unknown") == []


def test_delete_event_by_domain_and_pid(db: EventflowDB, three: list[str]) -> None:
    assert db.delete_event_by_domain_and_pid("domain", "pid") is True
    assert ids(db.read_events_by_domain_and_pid("domain", "other")) == ["other pid"]
    assert ids(db.read_events_by_domain_and_pid("other", "pid")) == ["other domain"]


def test_delete_event_by_domain_and_pid_twice_returns_false(db: EventflowDB, three: list[str]) -> None:
    db.delete_event_by_domain_and_pid("domain", "pid")
    assert db.delete_event_by_domain_and_pid("domain", "pid") is False


def test_read_events_by_domain_and_pid_deleted_gives_empty_eventlog(db: EventflowDB, three: list[str]) -> None:
    db.delete_event_by_domain_and_pid("domain", "pid")
    assert db.read_events_by_domain_and_pid("domain", "pid") == []


# --- many at once


def test_persist_events_gives_ids_in_given_order(db: EventflowDB) -> None:
    given = db.persist_events([new(id="z"), new(), new(id="a")])
    assert (given[0], given[2]) == ("z", "a")
    assert [db.read_event(event_id).id for event_id in given] == given


def test_persist_events_none_gives_none(db: EventflowDB) -> None:
    assert db.persist_events([]) == []


def test_persist_events_takes_a_generator(db: EventflowDB) -> None:
    def events() -> Iterator[NewEvent]:
        for number in range(3):
            yield new(id=f"event {number}")

    assert db.persist_events(events()) == ["event 0", "event 1", "event 2"]
    assert len(db.read_events_by_domain_and_pid("domain", "pid")) == 3


def test_persist_events_larger_than_one_statement(db: EventflowDB, admin: Admin, database: str) -> None:
    admin.use(database)
    sent = int(admin.execute("SHOW GLOBAL STATUS LIKE 'Com_insert'")[0][1])
    given = db.persist_events([new(data=["x" * 100_000, number]) for number in range(25)])
    assert int(admin.execute("SHOW GLOBAL STATUS LIKE 'Com_insert'")[0][1]) - sent >= 3
    found = {event.id: event.data[1] for event in db.read_events_by_domain_and_pid("domain", "pid")}
    assert [found[event_id] for event_id in given] == list(range(25))


def test_persist_events_duplicate_in_a_later_statement_rolls_everything_back(db: EventflowDB, event_id: str) -> None:
    events = [new(pid="batch", data="x" * 100_000) for _ in range(25)]
    with fails(errors.DuplicateError, "EVENT_PERSIST") as caught:
        db.persist_events([*events, new(pid="batch", id=event_id)])
    assert caught.value.errno == 1062
    assert db.read_events_by_domain_and_pid("domain", "batch") == []


def test_persist_events_missing_reference_rolls_everything_back(db: EventflowDB) -> None:
    with fails(errors.MissingReferenceError, "EVENT_PERSIST"):
        db.persist_events([new(), new(rid="unknown")])
    assert db.read_events_by_domain_and_pid("domain", "pid") == []


def test_persist_events_answering_one_of_their_own(db: EventflowDB) -> None:
    db.persist_events([new(id="question"), new(id="answer", rid="question")])
    assert db.read_event("answer").rid == "question"


def test_persist_events_names_the_bad_event_by_its_number(nowhere: EventflowDB) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST") as caught:
        nowhere.persist_events([new(), new(), new(pid="", more=1)])
    assert caught.value.message == (
        "item 2: more: unknown key; pid: must be 1 to 64 printable ASCII characters, without a space around them"
    )


def test_persist_events_error_of_the_generator_persists_nothing(db: EventflowDB) -> None:
    def events() -> Iterator[NewEvent]:
        yield new()
        raise LookupError

    with pytest.raises(LookupError):
        db.persist_events(events())
    assert db.read_events_by_domain_and_pid("domain", "pid") == []


# --- iterating


@pytest.mark.parametrize("page", [1, 2, 3, 4, 1000])
def test_iter_events_by_domain_and_pid_oldest_first_whatever_the_page(
    db: EventflowDB, three: list[str], page: int
) -> None:
    assert ids(list(db.iter_events_by_domain_and_pid("domain", "pid", page=page))) == ["b", "c", "a"]


def test_iter_events_by_domain_and_pid_gives_what_reading_gives(db: EventflowDB, three: list[str]) -> None:
    read = db.read_events_by_domain_and_pid("domain", "pid")
    assert list(db.iter_events_by_domain_and_pid("domain", "pid", page=2)) == read


def test_iter_events_by_domain_and_pid_unknown_gives_none(db: EventflowDB, three: list[str]) -> None:
    assert list(db.iter_events_by_domain_and_pid("domain", "unknown")) == []


def test_iter_events_by_domain_and_pid_after_an_event(db: EventflowDB, three: list[str]) -> None:
    after = db.read_event("b")
    assert ids(list(db.iter_events_by_domain_and_pid("domain", "pid", after=after))) == ["c", "a"]


def test_iter_events_by_domain_and_pid_after_a_position(db: EventflowDB, three: list[str]) -> None:
    assert ids(list(db.iter_events_by_domain_and_pid("domain", "pid", after=(NOON, "c")))) == ["a"]


def test_iter_events_by_domain_and_pid_after_the_last_gives_none(db: EventflowDB, three: list[str]) -> None:
    after = db.read_event("a")
    assert list(db.iter_events_by_domain_and_pid("domain", "pid", after=after)) == []


def test_iter_events_by_domain_and_pid_sees_events_added_behind(db: EventflowDB, three: list[str]) -> None:
    events = db.iter_events_by_domain_and_pid("domain", "pid", page=1)
    first = next(events)
    db.persist_event(new(id="added", timestamp=NOON + 2 * MILLISECOND))
    assert ids([first, *events]) == ["b", "c", "a", "added"]


@pytest.mark.parametrize("page", [0, -1, None, True, "10"])
def test_iter_events_by_domain_and_pid_page_of_0_raises(nowhere: EventflowDB, page: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_READ_BY_PID") as caught:
        list(nowhere.iter_events_by_domain_and_pid("domain", "pid", page=page))
    assert caught.value.message == "page: must be a whole number from 1 up"


@pytest.mark.parametrize("after", ["b", ("b",), (NOON, "b", "c"), 1, ("b", "b"), (NOON, b"b")])
def test_iter_events_by_domain_and_pid_after_other_than_a_position_raises(nowhere: EventflowDB, after: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_READ_BY_PID"):
        list(nowhere.iter_events_by_domain_and_pid("domain", "pid", after=after))


def test_read_latest_event_by_domain_and_pid_gives_the_last_by_time_then_id(db: EventflowDB, admin: Admin) -> None:
    later = NOON + timedelta(milliseconds=1)
    times = {"a": later, "b": later, "c": NOON}
    db.persist_events([{**EVENT, "id": id, "timestamp": time} for id, time in times.items()])
    db.persist_event({**EVENT, "pid": "other"})
    latest = db.read_latest_event_by_domain_and_pid("domain", "pid")
    assert latest is not None
    assert latest.id == "b"


def test_read_latest_event_by_domain_and_pid_without_events_is_none(db: EventflowDB) -> None:
    assert db.read_latest_event_by_domain_and_pid("domain", "pid") is None


def test_read_latest_event_by_domain_and_pid_deserializes_on_request(db: EventflowDB) -> None:
    db.persist_event({**EVENT, "data": {"at": NOON}}, serialize=True)
    latest = db.read_latest_event_by_domain_and_pid("domain", "pid", deserialize=True)
    assert latest is not None
    assert latest.data == {"at": NOON}


def test_read_events_by_rid_gives_the_answers_oldest_first(db: EventflowDB, event_id: str) -> None:
    # the order of the ids is another one
    first = new(id="b", rid=event_id, timestamp=NOON)
    later = new(id="a", rid=event_id, timestamp=NOON + timedelta(milliseconds=1), domain="other")
    answers = db.persist_events([first, later])
    assert [event.id for event in db.read_events_by_rid(event_id)] == answers
    assert [event.id for event in db.read_events_by_rid(event_id, limit=1)] == answers[:1]
    assert db.read_events_by_rid(answers[0]) == []


def test_read_domains_gives_each_once_sorted(db: EventflowDB) -> None:
    assert db.read_domains() == []
    db.persist_events([{**EVENT, "domain": domain} for domain in ("b", "a", "b", "A", "!")])
    assert db.read_domains() == ["!", "A", "a", "b"]
