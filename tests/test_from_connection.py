"""Operations on a caller's connection: its transaction and its life stay the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import aiomysql
import pymysql
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, NewEvent, Settings, connection_arguments, errors

from .api import API, Loop
from .operations import TABLES
from .support import EVENT, hold_event, login

CODE = "E_EVENTFLOW_DB_CONNECTION"


@pytest.fixture
def connection(api: API, database: str) -> Iterator[Any]:
    """A driver's connection, made as the library says, autocommit off as both drivers have it."""
    connection = api.connect(database, **connection_arguments())
    yield connection
    api.disconnect(connection)


@pytest.fixture
def session(api: API, connection: Any) -> EventflowDB:
    """The operations on that connection."""
    return api.session(connection)  # type: ignore[return-value]


Refused = Callable[..., str]


@pytest.fixture
def refused(api: API, database: str, stored: Callable[[], list[str]]) -> Refused:
    """The message that a connection is refused with on first use, and that nothing was written."""

    def refused(*statements: str, **arguments: Any) -> str:
        connection = api.connect(database, **{**connection_arguments(), **arguments})
        for statement in statements:
            api.execute(connection, statement)
        try:
            session = api.session(connection)
            for _ in range(2):
                with pytest.raises(errors.InvalidValueError) as caught:
                    session.persist_event(EVENT)
            api.execute(connection, "COMMIT")
        finally:
            api.disconnect(connection)
        assert stored() == []
        return str(caught.value)

    return refused


# The caller's


def test_from_connection_never_commits(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]]
) -> None:
    session.persist_event({**EVENT, "id": "a"})
    session.persist_events([{**EVENT, "id": "b"}, {**EVENT, "id": "c"}])
    assert stored() == []
    api.execute(connection, "ROLLBACK")
    assert stored() == []


def test_from_connection_leaves_the_commit_to_the_caller(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]]
) -> None:
    session.persist_event({**EVENT, "id": "a"})
    api.execute(connection, "COMMIT")
    assert stored() == ["a"]


def test_from_connection_never_rolls_back(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]]
) -> None:
    session.persist_event({**EVENT, "id": "a"})
    with pytest.raises(errors.DuplicateError):
        session.persist_event({**EVENT, "id": "a"})
    with pytest.raises(errors.DuplicateError):
        session.persist_events([{**EVENT, "id": "b"}, {**EVENT, "id": "a"}])
    with pytest.raises(errors.InvalidValueError):
        session.persist_event({})  # type: ignore[arg-type]
    api.execute(connection, "COMMIT")
    assert stored() == ["a"]


def test_from_connection_never_closes(api: API, session: EventflowDB, connection: Any) -> None:
    session.ping()
    del session
    assert api.execute(connection, "SELECT 1")


def test_from_connection_commits_each_statement_where_the_caller_has_it_so(
    api: API, database: str, stored: Callable[[], list[str]]
) -> None:
    connection = api.connect(database, **connection_arguments())
    api.execute(connection, "SET autocommit = 1")
    api.session(connection).persist_event({**EVENT, "id": "a"})
    assert stored() == ["a"]
    api.disconnect(connection)


def test_from_connection_runs_nothing_again(
    api: API, session: EventflowDB, connection: Any, rival: Any, stored: Callable[[], list[str]]
) -> None:
    hold_event(rival)
    api.execute(connection, "SET SESSION innodb_lock_wait_timeout = 1")
    session.persist_event({**EVENT, "id": "a"})
    with pytest.raises(errors.ConflictError) as caught:
        session.persist_event({**EVENT, "id": "held"})
    assert caught.value.errno == 1205
    rival.rollback()
    api.execute(connection, "COMMIT")
    assert stored() == ["a"]


def test_from_connection_counts_matched_rows(session: EventflowDB) -> None:
    event_id = session.persist_event(EVENT)
    session.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    assert session.update_event_published_to_success(event_id)
    assert session.update_event_published_to_success(event_id)


def test_from_connection_reads_what_the_caller_wrote(api: API, session: EventflowDB, connection: Any) -> None:
    api.execute(connection, "INSERT INTO event (id, domain, pid, name, data) VALUES ('id', 'd', 'p', 'n', '[\"é✓\"]')")
    assert session.read_event("id").data == ["é✓"]


# Batches


def test_from_connection_batch_that_fails_leaves_earlier_work(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]]
) -> None:
    session.persist_event({**EVENT, "id": "a"})
    batch: list[NewEvent] = [{**EVENT, "id": id, "data": "x" * 600_000} for id in ("b", "c", "a")]
    with pytest.raises(errors.DuplicateError):
        session.persist_events(batch)
    api.execute(connection, "COMMIT")
    assert stored() == ["a"]


def test_from_connection_batch_on_an_autocommitting_connection_raises(
    api: API, database: str, stored: Callable[[], list[str]]
) -> None:
    connection = api.connect(database, **connection_arguments())
    api.execute(connection, "SET autocommit = 1")
    session = api.session(connection)
    with pytest.raises(errors.InvalidValueError, match="needs a transaction") as caught:
        session.persist_events([EVENT])
    assert caught.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"
    assert stored() == []
    api.execute(connection, "START TRANSACTION")
    session.persist_events([{**EVENT, "id": "a"}, {**EVENT, "id": "b"}])
    assert stored() == []
    api.execute(connection, "COMMIT")
    assert stored() == ["a", "b"]
    api.disconnect(connection)


# Refused


def test_from_connection_without_found_rows_raises(refused: Refused) -> None:
    message = refused(client_flag=0)
    assert CODE in message
    assert "matched rows" in message
    assert "eventflow_db.connection_arguments()" in message


@pytest.mark.parametrize("zone", ["+01:00", "SYSTEM"])
def test_from_connection_without_utc_raises(refused: Refused, zone: str) -> None:
    message = refused(f"SET time_zone = '{zone}'")
    assert "not in UTC" in message
    assert "eventflow_db.connection_arguments()" in message


def test_from_connection_with_another_charset_raises(refused: Refused) -> None:
    message = refused("SET NAMES latin1")
    assert "utf8mb4" in message


def test_from_connection_names_everything_that_is_wrong(refused: Refused) -> None:
    message = refused("SET time_zone = '+01:00'", "SET NAMES latin1", client_flag=0)
    assert all(part in message for part in ("matched rows", "UTC", "utf8mb4"))


def test_from_connection_with_no_backslash_escapes_raises(refused: Refused) -> None:
    assert "NO_BACKSLASH_ESCAPES" in refused("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")


LATER = {
    "SET NAMES gbk": "utf8mb4",
    "SET character_set_connection = latin1": "utf8mb4",
    "SET character_set_results = NULL": "utf8mb4",
    "SET time_zone = '+05:00'": "UTC",
    "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')": "NO_BACKSLASH_ESCAPES",
    "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')": "ANSI_QUOTES",
    "SET sql_mode = ''": "strict",
    "SET foreign_key_checks = 0": "foreign keys",
    "SET unique_checks = 0": "unique keys",
    "SET sql_select_limit = 1": "limits the rows",
}
"""What a caller may set once the session has been checked → what the error names."""


@pytest.mark.parametrize("statement", LATER)
def test_from_connection_whose_session_is_set_otherwise_later_raises_and_sends_nothing(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]], statement: str
) -> None:
    session.ping()
    api.execute(connection, statement)
    for _ in range(2):
        with pytest.raises(errors.InvalidValueError, match=LATER[statement]):
            session.persist_event({**EVENT, "pid": "\\', DATABASE(), '"})
        with pytest.raises(errors.InvalidValueError, match=LATER[statement]):
            session.persist_events([EVENT])
    api.execute(connection, "COMMIT")
    assert stored() == []


def test_from_connection_set_otherwise_by_a_method_of_the_driver_raises(
    api: API, session: EventflowDB, connection: Any
) -> None:
    session.ping()
    if api.name == "sync":
        connection.set_character_set("latin1")
    else:
        api.loop.run(connection.set_charset("latin1"))
    with pytest.raises(errors.InvalidValueError, match="utf8mb4"):
        session.read_online_hubs()


def test_from_connection_is_checked_again_only_where_its_caller_has_used_it(
    api: API, session: EventflowDB, connection: Any
) -> None:
    def selects() -> int:
        return int(api.execute(connection, "SHOW SESSION STATUS LIKE 'Com_select'")[0][1])

    before = selects()
    for _ in range(5):
        session.read_online_hubs()
    assert selects() == before + 5 + 1


def test_from_connection_of_the_other_driver_raises(settings: Settings, loop: Loop) -> None:
    with pymysql.connect(**login(settings)) as connection, pytest.raises(errors.InvalidValueError, match="aiomysql"):
        AsyncEventflowDB.from_connection(connection)

    async def other() -> None:
        connection = await aiomysql.connect(**login(settings))
        with pytest.raises(errors.InvalidValueError, match="pymysql"):
            EventflowDB.from_connection(connection)
        connection.close()

    loop.run(other())


@pytest.mark.parametrize("table", TABLES)
def test_from_connection_create_table_raises(
    api: API, session: EventflowDB, connection: Any, stored: Callable[[], list[str]], table: str
) -> None:
    session.persist_event(EVENT)
    with pytest.raises(errors.InvalidValueError) as caught:
        getattr(session, f"create_table_{table}")()
    assert caught.value.code == f"E_EVENTFLOW_DB_CREATE_TABLE_{table.upper()}"
    assert stored() == []


def test_from_connection_archive_log_and_lock_raise(session: EventflowDB, stored: Callable[[], list[str]]) -> None:
    session.persist_event(EVENT)
    with pytest.raises(errors.InvalidValueError):
        session.setup_table_schemas()
    with pytest.raises(errors.InvalidValueError, match="LOG_ARCHIVE"):
        session.archive_log(date(2020, 1, 1))
    with pytest.raises(errors.InvalidValueError, match="_LOCK"), session.lock("reference"):
        pass
    assert stored() == []


def test_from_connection_offers_no_transaction_of_its_own(session: EventflowDB) -> None:
    for name in ("run_transaction", "close"):
        assert not hasattr(getattr(session, "target", session), name)


def test_from_connection_after_the_caller_closed_it_is_unavailable(
    api: API, session: EventflowDB, connection: Any
) -> None:
    session.ping()
    api.disconnect(connection)
    try:
        with pytest.raises(errors.UnavailableError) as caught:
            session.read_online_hubs()
        assert caught.value.code == "E_EVENTFLOW_DB_HUBS_READ"
    finally:
        if api.name == "sync":
            connection.connect()  # the fixture closes it again
