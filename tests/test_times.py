"""Times: aware in, aware UTC out, cut and never rounded, whatever the server's time zone is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from eventflow_db import EventflowDB, NewCertificate, NewHub, errors

from .operations import CERTIFICATE, fails, walk
from .support import EVENT, NOON, Admin


def through_event(db: EventflowDB, value: datetime) -> datetime:
    db.delete_event("event-id")
    db.persist_event(cast(Any, {**EVENT, "id": "event-id", "timestamp": value}))
    return db.read_event("event-id").timestamp


def through_schedule(db: EventflowDB, value: datetime) -> datetime:
    db.delete_event("event-id")
    db.persist_event({**EVENT, "id": "event-id"})
    db.persist_event_scheduled({"event_id": "event-id", "scheduled": value})
    return db.read_event_scheduled("event-id").scheduled


def through_certificate(db: EventflowDB, value: datetime) -> datetime:
    db.revoke_certificate("certificate-id")
    db.persist_certificate(cast(NewCertificate, {**CERTIFICATE, "validity": value}))
    return db.read_certificate("certificate-id").validity


Through = Callable[[EventflowDB, datetime], datetime]
MILLISECONDS = pytest.mark.parametrize("through", [through_event])
SECONDS = pytest.mark.parametrize("through", [through_schedule, through_certificate])
EVERY = pytest.mark.parametrize("through", [through_event, through_schedule, through_certificate])


class Nowhere(tzinfo):
    """A time zone that does not say what it is: its datetimes are as good as naive."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "nowhere"


# --- now


def test_no_operation_writes_a_time_that_is_to_come(empty_db: EventflowDB, admin: Admin, empty_database: str) -> None:
    empty_db.setup_table_schemas()
    columns = admin.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s "
        "AND data_type = 'datetime' AND column_name NOT IN ('available', 'scheduled', 'validity')",
        empty_database,
    )

    def look(name: str) -> None:
        for table, column in columns:
            times = admin.execute(f"SELECT `{column}` > UTC_TIMESTAMP(3) FROM `{empty_database}`.`{table}`")
            assert (1,) not in times, f"{name} writes {table}.{column}"

    walk(empty_db, look)
    assert len(columns) >= 15


# --- what comes back


@EVERY
def test_times_come_back_aware_in_utc(db: EventflowDB, through: Through) -> None:
    found = through(db, NOON)
    assert found == NOON
    assert found.tzinfo is UTC


@EVERY
@pytest.mark.parametrize(
    "zone", [timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=11)), ZoneInfo("Europe/Stockholm")]
)  # fmt: skip
def test_times_of_other_zones_are_converted(db: EventflowDB, through: Through, zone: tzinfo) -> None:
    assert through(db, NOON.astimezone(zone)) == NOON


@EVERY
def test_times_of_a_repeated_hour_keep_their_fold(db: EventflowDB, through: Through) -> None:
    stockholm = ZoneInfo("Europe/Stockholm")
    first = datetime(2030, 10, 27, 2, 30, tzinfo=stockholm)
    assert through(db, first) == datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
    assert through(db, first.replace(fold=1)) == datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


@MILLISECONDS
@pytest.mark.parametrize("microsecond", [0, 1, 499, 500, 999, 999_499, 999_500, 999_999])
def test_times_are_truncated_to_the_millisecond(db: EventflowDB, through: Through, microsecond: int) -> None:
    found = through(db, NOON.replace(microsecond=microsecond))
    assert found == NOON.replace(microsecond=microsecond // 1000 * 1000)


@SECONDS
@pytest.mark.parametrize("microsecond", [0, 1, 499_999, 500_000, 999_900, 999_999])
def test_times_are_truncated_to_the_second(db: EventflowDB, through: Through, microsecond: int) -> None:
    assert through(db, NOON.replace(microsecond=microsecond)) == NOON


@EVERY
def test_times_at_the_end_of_a_year_do_not_become_the_next(db: EventflowDB, through: Through) -> None:
    last = datetime(2029, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert through(db, last).year == 2029


@EVERY
@pytest.mark.parametrize("value", [datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_times_reach_from_year_1000_to_9999(db: EventflowDB, through: Through, value: datetime) -> None:
    assert through(db, value) == value


@bounds(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.datetimes(
        min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30),
        timezones=st.timezones(), allow_imaginary=False,
    )
)  # fmt: skip
def test_persist_event_scheduled_is_at_most_a_second_early_never_late(db: EventflowDB, value: datetime) -> None:
    found = through_schedule(db, value)
    assert timedelta(0) <= value.astimezone(UTC) - found < timedelta(seconds=1)


# --- what is refused

NAIVE = "must be an aware datetime, it has no time zone"
OVERFLOW = "must lie within the years 1000 to 9999, in UTC"
NO_DATETIME = "must be an aware datetime"
REFUSED = [
    (datetime(2030, 1, 2), NAIVE),
    (datetime(2030, 1, 2, tzinfo=Nowhere()), NAIVE),
    (datetime(999, 12, 31, 23, 59, 59, tzinfo=UTC), OVERFLOW),
    (datetime(1000, 1, 1, tzinfo=timezone(timedelta(hours=1))), OVERFLOW),
    (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), OVERFLOW),
    (datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), OVERFLOW),
    ("2030-01-02T12:00:00Z", NO_DATETIME),
    (1_893_585_600, NO_DATETIME),
    (1_893_585_600.5, NO_DATETIME),
    (NOON.date(), NO_DATETIME),
    (True, NO_DATETIME),
]
EVERY_REFUSED = pytest.mark.parametrize(("value", "rule"), REFUSED, ids=[repr(value) for value, _ in REFUSED])


@EVERY_REFUSED
def test_persist_event_bad_timestamp_raises(nowhere: EventflowDB, value: Any, rule: str) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST") as caught:
        nowhere.persist_event(cast(Any, {**EVENT, "id": "event-id", "timestamp": value}))
    expected = rule + ", or None" if rule == NO_DATETIME else rule
    assert caught.value.message == f"timestamp: {expected}"


@EVERY_REFUSED
def test_persist_event_scheduled_bad_time_raises(nowhere: EventflowDB, value: Any, rule: str) -> None:
    with fails(errors.InvalidValueError, "SCHEDULED_EVENT_PERSIST") as caught:
        nowhere.persist_event_scheduled({"event_id": "event-id", "scheduled": value})
    assert caught.value.message == f"scheduled: {rule}"


@EVERY_REFUSED
def test_persist_certificate_bad_validity_raises(nowhere: EventflowDB, value: Any, rule: str) -> None:
    with fails(errors.InvalidValueError, "CERTIFICATE_PERSIST") as caught:
        nowhere.persist_certificate(cast(NewCertificate, {**CERTIFICATE, "validity": value}))
    assert caught.value.message == f"validity: {rule}"


@EVERY_REFUSED
def test_read_events_between_timestamps_bad_start_or_end_raises(nowhere: EventflowDB, value: Any, rule: str) -> None:
    with fails(errors.InvalidValueError, "EVENT_READ_BY_PID_BETWEEN_TIMESTAMPS") as caught:
        nowhere.read_events_by_domain_and_pid_between_timestamps("domain", "pid", value, value)
    assert caught.value.message == f"start: {rule}; end: {rule}"


# --- every column


def test_every_datetime_column_is_utc_whatever_the_servers_default(
    db: EventflowDB, hub: NewHub, admin: Admin, database: str
) -> None:
    now = datetime.now(UTC)
    event_id = db.persist_event(EVENT)
    db.persist_hub(hub)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    db.update_event_published_to_consumed_by_hub(event_id, hub["id"])
    db.update_event_published_to_consumed_by_spoke(event_id, "spoke")
    db.update_event_published_to_success(event_id)
    db.update_event_published_to_failed(event_id)
    db.update_event_published_to_orphan(event_id)
    db.persist_event_scheduled({"event_id": event_id, "scheduled": now})
    db.update_event_scheduled_executed(event_id)
    db.update_event_scheduled_success(event_id)
    db.update_event_scheduled_failed(event_id)
    db.update_hub_to_quit(hub["id"])
    db.persist_log({"agent": "agent", "message": "message"})
    db.persist_certificate(cast(NewCertificate, {**CERTIFICATE, "validity": now}))
    db.revoke_certificate("certificate-id")
    db.call("lease.persist", reference="reference", holder="holder", lease=1)
    columns = admin.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = %s AND data_type IN ('datetime', 'timestamp', 'date', 'time')", database,
    )  # fmt: skip
    assert len(columns) == 21
    stored = {
        column: admin.execute(f"SELECT MAX(`{column[1]}`) FROM `{database}`.`{column[0]}`")[0][0] for column in columns
    }
    late = {column: at for column, at in stored.items() if abs(at.replace(tzinfo=UTC) - now) > timedelta(seconds=30)}
    assert late == {}


def test_every_datetime_field_is_read_as_aware_utc(
    db: EventflowDB, hub: NewHub, certificate: NewCertificate, event_id: str
) -> None:
    now = datetime.now(UTC)
    db.persist_hub(hub)
    db.persist_certificate({**certificate, "validity": now})
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    db.update_event_published_to_consumed_by_hub(event_id, hub["id"])
    db.update_event_published_to_success(event_id)
    db.persist_event_scheduled({"event_id": event_id, "scheduled": now})
    db.update_event_scheduled_executed(event_id)
    rows: list[Any] = [
        db.read_event(event_id), db.read_event_published(event_id), db.read_event_scheduled(event_id),
        *db.read_online_hubs(), db.read_certificate(certificate["id"]),
    ]  # fmt: skip
    values = [getattr(row, name) for row in rows for name in row.__struct_fields__]
    times = [value for value in values if isinstance(value, datetime)]
    assert len(times) == 12
    assert all(value.tzinfo is UTC and abs(value - now) < timedelta(seconds=30) for value in times)


def test_session_time_zone_is_utc_where_the_servers_default_is_not(admin: Admin, db: EventflowDB) -> None:
    if admin.execute("SELECT @@GLOBAL.time_zone")[0][0] in ("+00:00", "UTC"):
        pytest.skip("the given server's default is UTC")
    found = db.read_event(db.persist_event(EVENT)).timestamp
    assert abs(found - datetime.now(UTC)) < timedelta(seconds=30)


class Frozen(datetime):
    """As the datetimes of freezegun, pendulum and pandas are."""


def test_persist_event_takes_datetimes_of_a_subclass(db: EventflowDB) -> None:
    moment = Frozen(2030, 1, 2, 3, 4, 5, 678_000, UTC)
    event_id = db.persist_event({**EVENT, "timestamp": moment})
    assert db.read_event(event_id).timestamp == moment
    assert db.persist_event_scheduled({"event_id": event_id, "scheduled": moment})
