"""Logs: persisted with their errors, archived by day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from eventflow_db import EventflowDB, errors

from .api import API, concurrently
from .conftest import Admin
from .operations import fails

DAY = date(2030, 1, 2)


def stored(admin: Admin, database: str) -> list[tuple[Any, ...]]:
    rows = admin.execute(f"SELECT agent, message, error FROM `{database}`.log ORDER BY timestamp")
    return [(agent, message, json.loads(error)) for agent, message, error in rows]


def test_persist_log(db: EventflowDB, admin: Admin, database: str) -> None:
    result: object = db.persist_log(
        {"agent": "hub-id", "message": "Test log message", "error": {"message": "Error details"}}
    )  # type: ignore[func-returns-value]
    assert result is None
    assert stored(admin, database) == [("hub-id", "Test log message", {"message": "Error details"})]


def test_persist_log_without_error_holds_an_empty_object(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    db.persist_log({"agent": "agent", "message": "message"})
    assert stored(admin, database) == [("agent", "message", {})]


def test_persist_log_exception_holds_name_message_stack_and_code(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    try:
        raise errors.ConflictError("E_CODE", "in the way")
    except errors.ConflictError as error:
        db.persist_log({"agent": "agent", "message": "message", "error": error})
    ((_, _, described),) = stored(admin, database)
    assert (described["name"], described["message"], described["code"]) == (
        "ConflictError", "E_CODE: in the way", "E_CODE",
    )  # fmt: skip
    assert "test_persist_log_exception" in described["stack"]


def test_persist_log_exception_holds_its_causes(db: EventflowDB, admin: Admin, database: str) -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    db.persist_log({"agent": "agent", "message": "message", "error": error})
    ((_, _, described),) = stored(admin, database)
    assert (described["name"], described["cause"]["name"]) == ("ValueError", "KeyError")


def test_persist_log_exception_of_endless_causes_ends(db: EventflowDB, admin: Admin, database: str) -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    error.__cause__.__cause__ = error
    db.persist_log({"agent": "agent", "message": "message", "error": error})
    assert len(stored(admin, database)) == 1


def test_persist_log_exception_with_lone_surrogate_is_persisted(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    db.persist_log({"agent": "agent", "message": "message", "error": OSError("\udcff")})
    ((_, _, described),) = stored(admin, database)
    assert described["message"] == "\\udcff"


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

    def messages(self, partition: str) -> list[str]:
        rows = self._admin.execute(
            f"SELECT message FROM {self._table} PARTITION ({partition}) ORDER BY timestamp"
        )
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
    before, on = (
        ["1999-12-31 00:00:00", "2030-01-01 23:59:59.999"],
        ["2030-01-02 00:00:00", "2030-01-03 00:00:00"],
    )
    log.write(*before, *on)
    assert log_db.archive_log(DAY) is True
    assert log.partitions == ["p_cold_20300102", "p_hot"]
    assert log.messages("p_cold_20300102") == before
    assert log.messages("p_hot") == on


def test_archive_log_twice_returns_false(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(DAY)
    assert log_db.archive_log(DAY) is False
    assert log.partitions == ["p_cold_20300102", "p_hot"]


def test_archive_log_after_a_later_archive_returns_false(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(DAY)
    assert log_db.archive_log(DAY - timedelta(days=1)) is False
    assert log.partitions == ["p_cold_20300102", "p_hot"]


def test_archive_log_of_later_days_adds_partitions(log_db: EventflowDB, log: Log) -> None:
    log.write("2030-01-01 12:00:00", "2030-01-02 12:00:00", "2030-01-03 12:00:00")
    assert log_db.archive_log(DAY) is True
    assert log_db.archive_log(DAY + timedelta(days=1)) is True
    assert log.partitions == ["p_cold_20300102", "p_cold_20300103", "p_hot"]
    assert log.messages("p_cold_20300103") == ["2030-01-02 12:00:00"]


def test_archive_log_without_date_is_today_in_utc(log_db: EventflowDB, log: Log) -> None:
    before = datetime.now(UTC)
    assert log_db.archive_log() is True
    assert log.partitions[0] in {f"p_cold_{day:%Y%m%d}" for day in (before, datetime.now(UTC))}


def test_persist_log_after_archiving_is_hot(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log()
    log_db.persist_log({"agent": "agent", "message": "hot"})
    assert log.messages("p_hot") == ["hot"]


def test_archive_log_takes_the_utc_day_of_an_aware_datetime(log_db: EventflowDB, log: Log) -> None:
    log_db.archive_log(datetime(2030, 1, 3, 0, 30, tzinfo=timezone(timedelta(hours=2))))
    assert log.partitions == ["p_cold_20300102", "p_hot"]


def test_archive_log_two_at_once_one_true_and_no_error(log_db: EventflowDB, api: API, log: Log) -> None:
    for number in range(5):
        day = DAY + timedelta(days=number)
        assert sorted(concurrently(*[lambda day=day: log_db.archive_log(day)] * 2)) == [False, True]
    assert len(log.partitions) == 6


def test_archive_log_of_different_days_at_once_raises_nothing(log_db: EventflowDB, log: Log) -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]
    concurrently(*[lambda day=day: log_db.archive_log(day) for day in days])
    assert log.partitions[-2:] == ["p_cold_20300105", "p_hot"]


@pytest.mark.parametrize(
    "day",
    [
        "2030-01-02", "20300102", 20300102, True, b"2030-01-02", (2030, 1, 2), "p_cold", "1); DROP TABLE log",
        1.5, [],
    ],
)  # fmt: skip
def test_archive_log_refuses_what_is_no_date(nowhere: EventflowDB, day: Any) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE") as caught:
        nowhere.archive_log(day)
    assert caught.value.message == "date: must be a date, or an aware datetime"


def test_archive_log_refuses_a_naive_datetime(nowhere: EventflowDB) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE") as caught:
        nowhere.archive_log(datetime(2030, 1, 2))
    assert caught.value.message == "date: must be an aware datetime, it has no time zone"


@pytest.mark.parametrize(
    "day", [date(999, 12, 31), date.min, datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))]
)
def test_archive_log_refuses_days_that_no_column_holds(nowhere: EventflowDB, day: date) -> None:
    with fails(errors.InvalidValueError, "LOG_ARCHIVE"):
        nowhere.archive_log(day)


@pytest.mark.parametrize("day", [date(1000, 1, 1), date.max])
def test_archive_log_takes_the_first_and_last_day(log_db: EventflowDB, log: Log, day: date) -> None:
    assert log_db.archive_log(day) is True
    assert log.partitions == [f"p_cold_{day:%Y%m%d}", "p_hot"]
