"""Logs: persisted with their errors, archived by day."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from eventflow_db import EventflowDB, errors
from eventflow_db.testing import Server

from .api import API, concurrently
from .operations import fails
from .support import NOON, Admin

DAY = date(2020, 1, 2)


def stored(admin: Admin, database: str) -> list[tuple[Any, ...]]:
    rows = admin.execute(f"SELECT agent, message, error FROM `{database}`.log ORDER BY timestamp")
    return [(agent, message, json.loads(error)) for agent, message, error in rows]


def error_of(admin: Admin, database: str) -> Any:
    """The parts of the exception of the one line, which is written as Node writes an Error."""
    ((_, _, error),) = stored(admin, database)
    assert error.keys() == {"$type", "$value"}
    assert error["$type"] == "Error"
    return error["$value"]


def test_persist_log(db: EventflowDB, admin: Admin, database: str) -> None:
    result: object = db.persist_log(
        {"agent": "hub-id", "message": "Test log message", "error": {"message": "Error details"}}
    )  # type: ignore[func-returns-value]
    assert result is None
    assert stored(admin, database) == [("hub-id", "Test log message", {"message": "Error details"})]


def test_persist_log_without_error_holds_an_empty_object(db: EventflowDB, admin: Admin, database: str) -> None:
    db.persist_log({"agent": "agent", "message": "message"})
    assert stored(admin, database) == [("agent", "message", {})]


def test_persist_log_exception_holds_name_message_stack_and_code(db: EventflowDB, admin: Admin, database: str) -> None:
    try:
        raise errors.ConflictError("E_CODE", "in the way")
    except errors.ConflictError as error:
        db.persist_log({"agent": "agent", "message": "message", "error": error})
    described = error_of(admin, database)
    assert (described["name"], described["message"], described["code"]) == (
        "ConflictError", "E_CODE: in the way", "E_CODE",
    )  # fmt: skip
    assert "test_persist_log_exception" in described["stack"]


def test_persist_log_exception_holds_its_causes(db: EventflowDB, admin: Admin, database: str) -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    db.persist_log({"agent": "agent", "message": "message", "error": error})
    described = error_of(admin, database)
    assert (described["name"], described["cause"]["$value"]["name"]) == ("ValueError", "KeyError")


def test_persist_log_exception_of_endless_causes_ends(db: EventflowDB, admin: Admin, database: str) -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    error.__cause__.__cause__ = error
    db.persist_log({"agent": "agent", "message": "message", "error": error})
    assert len(stored(admin, database)) == 1


def test_persist_log_exception_with_lone_surrogate_is_persisted(db: EventflowDB, admin: Admin, database: str) -> None:
    db.persist_log({"agent": "agent", "message": "message", "error": OSError("\udcff")})
    assert error_of(admin, database)["message"] == "\\udcff"


def test_persist_log_message_comes_back_as_it_was(db: EventflowDB, admin: Admin, database: str) -> None:
    message = "quote ' backslash \\ percent %s colon :agent NUL \0 newline \n emoji 🎉 " + "é" * 30_000
    db.persist_log({"agent": "agent", "message": message})
    assert stored(admin, database)[0][1] == message


# --- archiving


@pytest.fixture
def log_db(empty_db: EventflowDB) -> EventflowDB:
    """A database object on a log of its own, which archiving alters."""
    empty_db.create_table_log()
    return empty_db


class Log:
    """The log table, looked at past the library."""

    def __init__(self, admin: Admin, database: str) -> None:
        self._admin = admin
        self._table = f"`{database}`.log"
        self._database = database

    def write(self, *timestamps: str) -> None:
        for timestamp in timestamps:
            self._admin.execute(
                f"INSERT INTO {self._table} (timestamp, agent, message, error) VALUES (%s, 'agent', %s, '{{}}')",
                timestamp, timestamp,
            )  # fmt: skip

    def split(self, partition: str, bound: str) -> None:
        """Make a partition of a name and a bound as an administrator might."""
        self._admin.execute(
            f"ALTER TABLE {self._table} REORGANIZE PARTITION p_hot INTO ("
            f"PARTITION {partition} VALUES LESS THAN (TO_DAYS('{bound}')), PARTITION p_hot VALUES LESS THAN MAXVALUE)"
        )

    def messages(self, partition: str) -> list[str]:
        rows = self._admin.execute(f"SELECT message FROM {self._table} PARTITION ({partition}) ORDER BY timestamp")
        return [message for (message,) in rows]

    @property
    def partitions(self) -> list[str]:
        rows = self._admin.execute(
            "SELECT partition_name FROM information_schema.partitions"
            " WHERE table_schema = %s AND table_name = 'log' ORDER BY partition_ordinal_position",
            self._database,
        )
        return [name for (name,) in rows]


@pytest.fixture
def log(admin: Admin, empty_database: str) -> Log:
    """The table of log_db."""
    return Log(admin, empty_database)


def test_archive_log_partition_holds_what_is_before_the_day(log_db: EventflowDB, log: Log) -> None:
    before, on = (["1999-12-31 00:00:00", "2020-01-01 23:59:59.999"], ["2020-01-02 00:00:00", "2020-01-03 00:00:00"])
    log.write(*before, *on)
    assert log_db.archive_log(DAY) is True
    assert log.partitions == ["p_cold_20200102", "p_hot"]
    assert log.messages("p_cold_20200102") == before
    assert log.messages("p_hot") == on


def test_archive_log_twice_returns_false(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(DAY)
    assert log_db.archive_log(DAY) is False
    assert log.partitions == ["p_cold_20200102", "p_hot"]


def test_archive_log_after_a_later_archive_returns_false(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(DAY)
    assert log_db.archive_log(DAY - timedelta(days=1)) is False
    assert log.partitions == ["p_cold_20200102", "p_hot"]


def test_archive_log_of_later_days_adds_partitions(log_db: EventflowDB, log: Log) -> None:
    log.write("2020-01-01 12:00:00", "2020-01-02 12:00:00", "2020-01-03 12:00:00")
    assert log_db.archive_log(DAY) is True
    assert log_db.archive_log(DAY + timedelta(days=1)) is True
    assert log.partitions == ["p_cold_20200102", "p_cold_20200103", "p_hot"]
    assert log.messages("p_cold_20200103") == ["2020-01-02 12:00:00"]


def test_archive_log_without_date_is_today_in_utc(log_db: EventflowDB, log: Log) -> None:
    before = datetime.now(UTC)
    assert log_db.archive_log() is True
    assert log.partitions[0] in {f"p_cold_{day:%Y%m%d}" for day in (before, datetime.now(UTC))}


def test_persist_log_after_archiving_is_hot(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log()
    log_db.persist_log({"agent": "agent", "message": "hot"})
    assert log.messages("p_hot") == ["hot"]


def test_archive_log_takes_the_utc_day_of_an_aware_datetime(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(datetime(2020, 1, 3, 0, 30, tzinfo=timezone(timedelta(hours=2))))
    assert log.partitions == ["p_cold_20200102", "p_hot"]


def test_archive_log_two_at_once_one_true_and_no_error(log_db: EventflowDB, api: API, log: Log) -> None:
    for number in range(5):
        day = DAY + timedelta(days=number)
        assert sorted(concurrently(*[lambda day=day: log_db.archive_log(day)] * 2)) == [False, True]
    assert len(log.partitions) == 6


def test_archive_log_of_different_days_at_once_raises_nothing(log_db: EventflowDB, log: Log) -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]
    concurrently(*[lambda day=day: log_db.archive_log(day) for day in days])
    assert log.partitions[-2:] == ["p_cold_20200105", "p_hot"]


@pytest.mark.parametrize(
    "day",
    [
        "2020-01-02", "20300102", 20300102, True, b"2020-01-02", (2030, 1, 2), "p_cold", "1); DROP TABLE log",
        1.5, [],
    ],
)  # fmt: skip
def test_archive_log_other_than_a_date_raises(nowhere: EventflowDB, day: Any) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE") as caught:
        nowhere.archive_log(day)
    assert caught.value.message == "date: must be a date, or an aware datetime"


def test_archive_log_naive_datetime_raises(nowhere: EventflowDB) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE") as caught:
        nowhere.archive_log(datetime(2030, 1, 2))
    assert caught.value.message == "date: must be an aware datetime, it has no time zone"


@pytest.mark.parametrize(
    "day", [date(999, 12, 31), date.min, datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))]
)
def test_archive_log_day_that_no_column_holds_raises(nowhere: EventflowDB, day: date) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE"):
        nowhere.archive_log(day)


@pytest.mark.parametrize("ahead", [None, 0, 1])
def test_archive_log_takes_the_first_day_to_tomorrow(
    log_db: EventflowDB, log: Log, today: date, ahead: int | None
) -> None:
    day = date(1000, 1, 1) if ahead is None else today + timedelta(ahead)
    assert log_db.archive_log(day) is True
    assert log.partitions == [f"p_cold_{day:%Y%m%d}", "p_hot"]


@pytest.mark.parametrize("last", [False, True])
def test_archive_log_after_tomorrow_raises_before_anything_is_sent(
    nowhere: EventflowDB, today: date, last: bool
) -> None:
    """A later archive counts: until that day came, none would be made."""
    with fails(errors.InvalidValueError, "LOG_ARCHIVE") as caught:
        nowhere.archive_log(date.max if last else today + timedelta(2))
    assert caught.value.message == "date: must not lie after tomorrow, in UTC"


# --- partitions made ahead, and dropped


@pytest.fixture
def today() -> date:
    """Today in UTC; a test that midnight runs into is run late enough for the same day."""
    now = datetime.now(UTC)
    if now.hour == 23 and now.minute == 59:
        time.sleep(60 - now.second)
    return datetime.now(UTC).date()


def names(first: date, count: int) -> list[str]:
    return [f"p_cold_{first + timedelta(days=number):%Y%m%d}" for number in range(count)]


def test_prepare_log_partitions_makes_one_for_each_day(log_db: EventflowDB, log: Log, today: date) -> None:
    assert log_db.prepare_log_partitions(3) == 3
    assert log.partitions == [*names(today + timedelta(days=1), 3), "p_hot"]


def test_prepare_log_partitions_makes_what_is_missing(log_db: EventflowDB, log: Log, today: date) -> None:
    log_db.prepare_log_partitions(2)
    assert log_db.prepare_log_partitions(3) == 1
    assert log_db.prepare_log_partitions(3) == 0
    assert log.partitions == [*names(today + timedelta(days=1), 3), "p_hot"]


def test_prepare_log_partitions_keeps_the_hot_one_empty(log_db: EventflowDB, log: Log) -> None:
    log_db.prepare_log_partitions(2)
    log_db.persist_log({"agent": "agent", "message": "message"})
    assert log.messages("p_hot") == []


def test_prepare_log_partitions_two_at_once_make_each_once(log_db: EventflowDB, log: Log) -> None:
    made = concurrently(*[lambda: log_db.prepare_log_partitions(4)] * 2)
    assert sum(made) == 4
    assert len(log.partitions) == 5


@pytest.mark.parametrize("days", [0, -1, 367, True, "1", 1.0, None, date(2020, 1, 2)])
def test_prepare_log_partitions_other_than_a_number_of_days_raises(nowhere: EventflowDB, days: Any) -> None:
    with fails(errors.InvalidValueError, "LOG_PREPARE_PARTITIONS") as caught:
        nowhere.prepare_log_partitions(days)
    assert caught.value.message == "days: must be a whole number from 1 to 366"


def test_prune_log_drops_what_ends_before_the_day(log_db: EventflowDB, log: Log) -> None:
    log.write("2020-01-01 12:00:00", "2020-01-02 12:00:00", "2020-01-03 12:00:00")
    for number in range(3):
        log_db.archive_log(DAY + timedelta(days=number))
    assert log_db.prune_log(DAY + timedelta(days=1)) == 2
    assert log.partitions == ["p_cold_20200104", "p_hot"]
    assert log.messages("p_cold_20200104") == ["2020-01-03 12:00:00"]


def test_prune_log_keeps_rows_that_share_a_partition_with_later_ones(log_db: EventflowDB, log: Log) -> None:
    log.write("2020-01-01 12:00:00", "2020-01-02 12:00:00")
    log_db.archive_log(DAY + timedelta(days=1))
    assert log_db.prune_log(DAY) == 0
    assert len(log.messages("p_cold_20200103")) == 2


def test_prune_log_goes_by_bounds_and_leaves_other_partitions(log_db: EventflowDB, log: Log) -> None:
    log.split("p_other", "2019-01-01")
    log.split("p_cold_20100101", "2025-01-01")
    assert log_db.prune_log(DAY) == 0
    assert log.partitions == ["p_other", "p_cold_20100101", "p_hot"]


def test_log_operations_pass_over_the_partitions_of_other_databases(
    log_db: EventflowDB, log: Log, admin: Admin, eventflow_server: Server, empty_database: str, today: date
) -> None:
    other = f"{empty_database}_2"
    admin.execute(f"CREATE DATABASE `{other}`")
    try:
        with EventflowDB(eventflow_server.database_url(other)) as others:
            others.create_table_log()
            others.archive_log(DAY)
            others.prepare_log_partitions(5)
        assert log_db.prune_log(today) == 0
        assert log_db.prepare_log_partitions(1) == 1
    finally:
        admin.execute(f"DROP DATABASE `{other}`")
    assert len(log.partitions) == 2


def test_prune_log_twice_drops_nothing_more(log_db: EventflowDB) -> None:
    log_db.archive_log(DAY)
    assert [log_db.prune_log(DAY), log_db.prune_log(DAY)] == [1, 0]


def test_prune_log_two_at_once_drop_each_once(log_db: EventflowDB, log: Log) -> None:
    for number in range(3):
        log_db.archive_log(DAY + timedelta(days=number))
    assert sum(concurrently(*[lambda: log_db.prune_log(DAY + timedelta(days=9))] * 2)) == 3
    assert log.partitions == ["p_hot"]


@pytest.mark.parametrize("before", ["2020-01-02", None, 20300102, datetime(2030, 1, 2), "1); DROP TABLE log"])
def test_prune_log_other_than_a_date_raises(nowhere: EventflowDB, before: Any) -> None:
    with fails(errors.InvalidValueError, "LOG_PRUNE"):
        nowhere.prune_log(before)


ALTERATIONS: dict[str, tuple[str, Any]] = {
    "archive_log": ("LOG_ARCHIVE", DAY + timedelta(days=1)),
    "prepare_log_partitions": ("LOG_PREPARE_PARTITIONS", 1),
    "prune_log": ("LOG_PRUNE", DAY),
}


@pytest.fixture
def reader(admin: Admin, empty_database: str) -> Iterator[Admin]:
    """A session that has read the log in a transaction which it leaves open."""
    reader = Admin(admin.server)
    reader.use(empty_database)
    yield reader
    reader.close()


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.slow
def test_alter_log_in_use_raises_conflict_and_writers_go_on(
    log_db: EventflowDB, log: Log, reader: Admin, name: str
) -> None:
    code, argument = ALTERATIONS[name]
    if name != "prepare_log_partitions":  # a later partition is one that is prepared
        log_db.archive_log(DAY)
    before = log.partitions
    reader.execute("START TRANSACTION")
    reader.execute("SELECT COUNT(*) FROM log")

    def alter() -> float:
        started = time.monotonic()
        with fails(errors.ConflictError, code):
            getattr(log_db, name)(argument)
        return time.monotonic() - started

    def persist() -> float:
        started = time.monotonic()
        time.sleep(0.5)
        log_db.persist_log({"agent": "agent", "message": "written meanwhile"})
        return time.monotonic() - started

    waited = concurrently(alter, persist)
    assert 1 < waited[0] < 8  # lock_wait_timeout is 10 s
    assert waited[1] < 8
    assert log.partitions == before


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alter_log_inside_a_transaction_raises(log_db: EventflowDB, name: str) -> None:
    code, argument = ALTERATIONS[name]
    with log_db.transaction() as tx, fails(errors.InvalidValueError, code):
        getattr(tx, name)(argument)


def test_archive_log_ignores_a_partition_of_another_name(
    empty_db: EventflowDB, empty_database: str, admin: Admin
) -> None:
    empty_db.setup_table_schemas()
    admin.use(empty_database)
    admin.execute(
        "ALTER TABLE log REORGANIZE PARTITION p_hot INTO (PARTITION p_cold_old VALUES LESS THAN (700000),"
        " PARTITION p_hot VALUES LESS THAN MAXVALUE)"
    )
    assert empty_db.archive_log() is True


def test_prune_log_leaves_a_partition_whose_name_is_no_date(
    empty_db: EventflowDB, empty_database: str, admin: Admin
) -> None:
    empty_db.setup_table_schemas()
    admin.use(empty_database)
    admin.execute(
        "ALTER TABLE log REORGANIZE PARTITION p_hot INTO (PARTITION p_cold_20240231 VALUES LESS THAN (700000),"
        " PARTITION p_hot VALUES LESS THAN MAXVALUE)"
    )
    assert empty_db.prune_log(datetime.now(UTC)) == 0


def test_persist_log_exception_that_cannot_be_printed_is_persisted(db: EventflowDB, admin: Admin) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    db.persist_log({"agent": "agent", "message": "message", "error": Mute()})
    admin.use(db.settings.database)
    assert admin.execute("SELECT JSON_VALUE(error, '$.\"$value\".name') FROM log") == (("Mute",),)


# --- read back


def test_read_logs_gives_them_in_the_order_of_writing(db: EventflowDB) -> None:
    for number in range(3):
        db.persist_log({"agent": "agent", "message": f"line {number}", "error": {"number": number}})
    found = db.read_logs()
    assert [(row.agent, row.message, row.error) for row in found] == [
        ("agent", f"line {number}", {"number": number}) for number in range(3)
    ]
    assert [row.seq for row in found] == sorted({row.seq for row in found})


def test_read_logs_goes_on_behind_a_position(db: EventflowDB) -> None:
    for number in range(5):
        db.persist_log({"agent": f"agent {number % 2}", "message": f"line {number}"})
    first = db.read_logs(limit=2)
    rest = db.read_logs(after=first[-1].seq)
    assert [row.message for row in (*first, *rest)] == [f"line {number}" for number in range(5)]
    assert db.read_logs(after=rest[-1].seq) == []
    (one,) = db.read_logs(agent="agent 0", limit=1)
    assert [row.message for row in db.read_logs(agent="agent 0", after=one.seq)] == ["line 2", "line 4"]


def test_read_logs_of_an_agent_between_times_gives_both_ends(db: EventflowDB, admin: Admin, database: str) -> None:
    for number in range(4):
        db.persist_log({"agent": "agent", "message": f"line {number}"})
        at = NOON + timedelta(days=number)
        admin.execute(f"UPDATE `{database}`.log SET timestamp = %s WHERE message = 'line {number}'", at)
    db.persist_log({"agent": "another", "message": "line 1"})
    start, end = NOON + timedelta(days=1), NOON + timedelta(days=2)
    for agent in (None, "agent"):
        found = db.read_logs(agent=agent, start=start, end=end)
        assert [(row.message, row.timestamp) for row in found] == [("line 1", start), ("line 2", end)]


def test_read_logs_over_partitions_is_in_one_order(empty_db: EventflowDB, admin: Admin, empty_database: str) -> None:
    empty_db.setup_table_schemas()
    today = datetime.now(UTC)
    for days in (0, -2, -1, 0, -3):
        empty_db.persist_log({"agent": "agent", "message": "line"})
        at = today + timedelta(days=days)
        admin.execute(f"UPDATE `{empty_database}`.log SET timestamp = %s ORDER BY seq DESC LIMIT 1", at)
    for days in (-2, -1, 0):
        empty_db.archive_log((today + timedelta(days=days)).date())
    assert [row.seq for row in empty_db.read_logs()] == [1, 2, 3, 4, 5]
    assert [row.seq for row in empty_db.read_logs(agent="agent", limit=3)] == [1, 2, 3]


def test_persist_log_takes_a_record(db: EventflowDB) -> None:
    db.persist_log({"agent": "agent", "message": "line", "error": {"number": 1}})
    (row,) = db.read_logs()
    db.persist_log(row)
    again = db.read_logs()[-1]
    assert (again.agent, again.message, again.error) == (row.agent, row.message, row.error)
