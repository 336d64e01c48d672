"""Retention: what purges delete, what they keep, and that nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub, errors
from eventflow_db.aio.retention import STEP

from .operations import fails
from .proxy import Proxy
from .support import EVENT, Admin

DAY = timedelta(days=1)
Stored = Callable[[], list[str]]


def ago(days: float) -> datetime:
    return datetime.now(UTC) - days * DAY


@pytest.fixture
def old(db: EventflowDB, admin: Admin, database: str) -> Callable[..., str]:
    """Makes an event of ten days ago, with columns of its publication and its schedule in days ago; gives its id."""

    def old(published: dict[str, float] | None = None, scheduled: dict[str, float] | None = None, **values: Any) -> str:
        event_id = db.persist_event({**EVENT, **values})  # type: ignore[arg-type]
        admin.use(database)
        admin.execute("UPDATE event SET timestamp = %s WHERE id = %s", ago(10), event_id)
        for table, columns in (("event_published", published), ("event_scheduled", scheduled)):
            if columns is not None:
                added = {"publisher": "p"} if table == "event_published" else {"scheduled": ago(9)}
                given = {"event_id": event_id, **added, **{name: ago(days) for name, days in columns.items()}}
                admin.execute(
                    f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join(['%s'] * len(given))})",
                    *given.values(),
                )
        return event_id

    return old


# --- events


def test_purge_events_deletes_those_before_a_time_with_all_that_belongs_to_them(
    db: EventflowDB, old: Callable[..., str], stored: Stored
) -> None:
    event_id = old({"success": 9}, {"executed": 9})
    db.persist_event_cpid(event_id, "cpid")
    new = db.persist_event(EVENT)
    assert db.purge_events("domain", ago(5)) == 1
    assert stored() == [new]
    assert db.purge_events("domain", ago(5)) == 0


def test_purge_events_leaves_other_domains(db: EventflowDB, old: Callable[..., str], stored: Stored) -> None:
    other = old(domain="other")
    assert db.purge_events("domain", ago(5)) == 0
    assert stored() == [other]


KEPT: dict[str, tuple[dict[str, float] | None, dict[str, float] | None]] = {
    "published": ({}, None),
    "consumed by a hub": ({"consumed_hub": 9}, None),
    "consumed by a spoke": ({"consumed_spoke": 9}, None),
    "succeeded since": ({"success": 4}, None),
    "dead since": ({"failed": 4}, None),
    "orphan since": ({"orphan": 4}, None),
    "dead, and succeeded since": ({"failed": 9, "success": 4}, None),
    "scheduled": (None, {}),
    "executed since": (None, {"executed": 4}),
    "ended, and scheduled": ({"success": 9}, {}),
}
GONE: dict[str, tuple[dict[str, float] | None, dict[str, float] | None]] = {
    "never published": (None, None),
    "succeeded": ({"success": 6}, None),
    "dead": ({"failed": 6}, None),
    "orphan": ({"orphan": 6}, None),
    "executed": (None, {"executed": 6}),
    "executed and succeeded": ({"success": 6}, {"executed": 6}),
}


@pytest.mark.parametrize("kind", KEPT)
def test_purge_events_keeps_what_is_open_or_has_ended_since(
    db: EventflowDB, old: Callable[..., str], stored: Stored, kind: str
) -> None:
    event_id = old(*KEPT[kind])
    assert db.purge_events("domain", ago(5)) == 0
    assert stored() == [event_id]


@pytest.mark.parametrize("kind", KEPT)
def test_purge_of_events_keeps_what_has_got_work_since_they_were_found(
    db: EventflowDB, old: Callable[..., str], stored: Stored, kind: str
) -> None:
    ids = [old(*KEPT[kind]), old()]
    assert db.call("event.purge", ids=ids, before=ago(5)) == 1
    assert stored() == ids[:1]


@pytest.mark.parametrize("column", ["event.timestamp", "event_published.success", "event_scheduled.executed"])
def test_purge_events_keeps_what_ended_at_that_second(
    db: EventflowDB, old: Callable[..., str], stored: Stored, admin: Admin, column: str
) -> None:
    event_id = old({"success": 9}, {"executed": 9})
    moment = ago(5).replace(microsecond=0)
    table = column.partition(".")[0]
    key = "id" if table == "event" else "event_id"
    admin.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", moment, event_id)
    assert db.purge_events("domain", moment) == 0
    assert stored() == [event_id]
    assert db.purge_events("domain", moment + timedelta(seconds=1)) == 1


@pytest.mark.parametrize("kind", GONE)
def test_purge_events_deletes_what_has_ended_before(
    db: EventflowDB, old: Callable[..., str], stored: Stored, kind: str
) -> None:
    old(*GONE[kind])
    assert db.purge_events("domain", ago(5)) == 1
    assert stored() == []


def test_purge_events_deletes_the_oldest_up_to_its_limit(
    db: EventflowDB, old: Callable[..., str], stored: Stored, admin: Admin
) -> None:
    # the order of the ids is another one
    for id, days in {"c": 30, "a": 10, "b": 20}.items():
        old(id=id)
        admin.execute("UPDATE event SET timestamp = %s WHERE id = %s", ago(days), id)
    assert db.purge_events("domain", ago(5), limit=2) == 2
    assert stored() == ["a"]


def test_purge_events_leaves_answers_without_their_rid(db: EventflowDB, old: Callable[..., str]) -> None:
    answer = db.persist_event({**EVENT, "rid": old()})
    assert db.purge_events("domain", ago(5)) == 1
    assert db.read_event(answer).rid is None


def test_purge_events_leaves_what_another_one_is_publishing_without_waiting(
    db: EventflowDB, old: Callable[..., str], stored: Stored
) -> None:
    first, second = old(), old()
    with db.transaction() as tx:
        tx.persist_event_published({"event_id": first, "publisher": "publisher"})
        assert db.purge_events("domain", ago(5)) == 1
    assert stored() == [first]
    assert second


def test_purge_events_in_a_transaction_is_part_of_it(db: EventflowDB, old: Callable[..., str], stored: Stored) -> None:
    event_id = old()
    with pytest.raises(ZeroDivisionError), db.transaction() as tx:
        assert tx.purge_events("domain", ago(5)) == 1
        raise ZeroDivisionError
    assert stored() == [event_id]


def test_purge_events_whose_reply_is_lost_is_outcome_unknown(
    far: EventflowDB, old: Callable[..., str], proxy: Proxy, stored: Stored
) -> None:
    old()
    proxy.cut_reply(b"COMMIT")
    with fails(errors.OutcomeUnknownError, "EVENTS_PURGE"):
        far.purge_events("domain", ago(5))
    assert stored() == []


@pytest.mark.parametrize(
    "values", [{"domain": ""}, {"before": datetime(2020, 1, 1)}, {"limit": 0}, {"limit": 10_001}], ids=str
)
def test_purge_events_with_a_bad_value_raises(nowhere: EventflowDB, values: dict[str, Any]) -> None:
    with fails(errors.InvalidValueError, "EVENTS_PURGE"):
        nowhere.purge_events(**{"domain": "domain", "before": ago(5), **values})


# --- a process


def test_delete_event_by_domain_and_pid_of_many_goes_in_steps(
    far: EventflowDB, db: EventflowDB, proxy: Proxy, stored: Stored
) -> None:
    db.persist_events([EVENT] * (STEP + 1))
    other = db.persist_event({**EVENT, "pid": "other"})
    proxy.requests.clear()
    assert far.delete_event_by_domain_and_pid("domain", "pid") is True
    assert proxy.requests.count(b"event.delete_list@") == 2
    assert stored() == [other]


def test_delete_event_by_domain_and_pid_that_fails_says_how_many_are_deleted(
    far: EventflowDB, db: EventflowDB, proxy: Proxy, stored: Stored, admin: Admin, database: str
) -> None:
    db.persist_events([EVENT] * (STEP + 1))
    last = max(stored())
    admin.execute(
        f"CREATE TRIGGER `{database}`.refuse BEFORE DELETE ON `{database}`.event FOR EACH ROW "
        f"IF OLD.id = '{last}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF"
    )
    try:
        with pytest.raises(errors.EventflowDBError) as caught:
            far.delete_event_by_domain_and_pid("domain", "pid")
    finally:
        admin.execute(f"DROP TRIGGER `{database}`.refuse")
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_DELETE_BY_PID"
    assert caught.value.message.startswith("1,000 events are deleted already; could not delete events")
    assert stored() == [last]


def test_delete_event_by_domain_and_pid_in_a_transaction_is_one_statement(
    far: EventflowDB, db: EventflowDB, proxy: Proxy, stored: Stored
) -> None:
    ids = db.persist_events([EVENT] * (STEP + 1))
    with pytest.raises(ZeroDivisionError), far.transaction() as tx:
        assert tx.delete_event_by_domain_and_pid("domain", "pid") is True
        raise ZeroDivisionError
    assert proxy.requests.count(b"event.delete_by_domain_and_pid@") == 1
    assert stored() == sorted(ids)


# --- certificates and hubs


def test_purge_certificates_deletes_those_revoked_before_a_time_and_no_active_one(
    db: EventflowDB, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    for _ in range(3):
        db.persist_certificate(certificate)
        db.revoke_certificate(certificate["id"])
    db.persist_certificate({**certificate, "validity": ago(300)})
    admin.execute(f"UPDATE `{database}`.certificate SET revoked = %s WHERE version IN (1, 2)", ago(10))
    assert db.purge_certificates(ago(5), limit=1) == 1
    assert db.purge_certificates(ago(5)) == 1
    assert [row.version for row in db.read_certificates(certificate["id"])] == [0, 3]


def test_purge_hubs_deletes_those_that_quit_before_a_time_and_that_no_publication_names(
    db: EventflowDB, hub: NewHub, event_id: str, admin: Admin, database: str
) -> None:
    for name in ("old", "older", "named", "new", "online"):
        db.persist_hub({**hub, "id": name})
        db.update_hub_to_quit(name)
    for name, days in (("old", 8.0), ("older", 9.0), ("named", 10.0), ("new", 1.0)):
        admin.execute(f"UPDATE `{database}`.hub SET quit = %s WHERE id = %s", ago(days), name)
    admin.execute(f"UPDATE `{database}`.hub SET quit = NULL WHERE id = 'online'")
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    db.update_event_published_to_consumed_by_hub(event_id, "named")
    assert db.purge_hubs(ago(5), limit=1) == 1
    assert db.read_hub("old").id == "old"
    assert db.purge_hubs(ago(5)) == 1
    for name in ("named", "new", "online"):
        assert db.read_hub(name).id == name
