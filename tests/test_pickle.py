"""What goes to another process: database objects as their settings, records and errors unchanged, nothing else."""

from __future__ import annotations

import asyncio
import copy
import inspect
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any, is_typeddict

import msgspec
import pytest

import eventflow_db
from eventflow_db import (
    AsyncEventflowDB,
    AsyncSession,
    AsyncTransaction,
    EventflowDB,
    Map,
    RemoteError,
    Session,
    Settings,
    Transaction,
    connection_arguments,
    errors,
)
from eventflow_db.errors import ContractError
from eventflow_db.records import ScheduleCount, ServerState

from .api import API
from .operations import fails

PUBLIC = {
    name: thing
    for module in (eventflow_db, errors)
    for name, thing in vars(module).items()
    if inspect.isclass(thing) and (name in eventflow_db.__all__ or module is errors)
} | {name: getattr(eventflow_db, name) for name in eventflow_db.__all__ if name.startswith("Async")}
RECORDS = {name: kind for name, kind in PUBLIC.items() if issubclass(kind, msgspec.Struct) and kind is not Settings}
ERRORS = {name: kind for name, kind in PUBLIC.items() if issubclass(kind, errors.EventflowDBError)}
DATABASES = (EventflowDB, AsyncEventflowDB)
BOUND = (Session, Transaction, AsyncSession, AsyncTransaction)
VALUES = {
    "str": "text", "int": 1, "bytes": b"\0\xff", "Any": {"key": [1, None, "é"]},
    "datetime": datetime(2030, 1, 2, 3, 4, 5, 678000, UTC), "ScheduleCount": ScheduleCount(1, 2, None),
    "ServerState": ServerState(datetime(2030, 1, 2, tzinfo=UTC), "9.7", "UTC", True, False),
    **{f"list[{kind}": [] for kind in ("str]", "PublicationCount]", "OnlineHub]", "tuple[str,")},
}  # fmt: skip


def target(thing: Any) -> Any:
    """What a test's own face of the asyncio API stands before."""
    return getattr(thing, "target", thing)


def test_every_public_class_is_known_here() -> None:
    known = [*RECORDS.values(), *ERRORS.values(), *DATABASES, *BOUND, Settings, RemoteError, Map, errors.Refusal]
    assert {name for name, kind in PUBLIC.items() if kind not in known and not is_typeddict(kind)} == set()
    assert len(RECORDS) >= 5
    assert len(ERRORS) == 11


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", RECORDS)
def test_record_comes_back_from_a_pickle(name: str, protocol: int) -> None:
    kind = RECORDS[name]
    record = kind(**{field: VALUES[kind.__annotations__[field].split(" ")[0]] for field in kind.__struct_fields__})
    back = pickle.loads(pickle.dumps(record, protocol))
    assert back == record == copy.deepcopy(record)
    assert type(back) is kind


@pytest.mark.parametrize("errno", [None, 2013])
@pytest.mark.parametrize("name", ERRORS)
def test_error_comes_back_from_a_pickle(name: str, errno: int | None) -> None:
    error = ERRORS[name]("E_EVENTFLOW_DB_EVENT_READ", "could not read event", errno)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.args, vars(back), str(back)) == (type(error), error.args, vars(error), str(error))


def test_refusals_come_back_with_their_error() -> None:
    error = ContractError("E_EVENTFLOW_DB_CONTRACT", "a.sql:1: query event.read: has no SQL")
    error.refusals = (errors.Refusal("a.sql", 1, "event.read", "has no SQL"),)
    back = pickle.loads(pickle.dumps(error))
    assert back.refusals == error.refusals
    assert str(back.refusals[0]) == back.message


def test_remote_error_comes_back_from_a_pickle() -> None:
    back = pickle.loads(pickle.dumps(RemoteError("TypeError", "it is not", "at line 1")))
    assert vars(back) == {"name": "TypeError", "message": "it is not", "stack": "at line 1"}


# Database objects


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("again", [lambda db: pickle.loads(pickle.dumps(db)), copy.copy, copy.deepcopy])
def test_database_object_pickled_or_copied_is_its_settings(kind: Any, again: Callable[[Any], Any]) -> None:
    db = kind(Settings(password="pässwörd\n", sql_path="", statement_tags=False))
    back = again(db)
    assert (type(back), back.settings) == (kind, db.settings)
    assert back._pool is not db._pool
    assert back._sql is db._sql
    assert "pässwörd" not in repr(back)


class Audited(EventflowDB):
    """A service's own class, made in its own way."""

    def __init__(self, team: str) -> None:
        super().__init__(Settings(user=team))
        self.team = team


def test_database_object_of_a_subclass_keeps_what_it_adds() -> None:
    back = pickle.loads(pickle.dumps(Audited("shop")))
    assert (type(back), back.team, back.settings.user) == (Audited, "shop", "shop")


def read_elsewhere(db: Any, event_id: str) -> Any:
    """Read an event, in another process."""
    if isinstance(db, EventflowDB):
        with db:
            return db.read_event(event_id)

    async def read() -> Any:
        async with db:
            return await db.read_event(event_id)

    return asyncio.run(read())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_database_object_sent_to_another_process_works_there(db: EventflowDB, event_id: str, method: str) -> None:
    db.ping()
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as processes:
        event = processes.submit(read_elsewhere, target(db), event_id).result(60)
        assert event == db.read_event(event_id)
        with fails(errors.NotFoundError, "EVENT_NOT_FOUND"):
            processes.submit(read_elsewhere, target(db), "missing").result(60)


def test_database_object_copied_outlives_the_first_ones_close(api: API, db: EventflowDB, event_id: str) -> None:
    pickled = pickle.dumps(target(db))
    db.close()
    back = pickle.loads(pickled)
    event = read_elsewhere(back, event_id) if api.name == "sync" else api.loop.run(back.read_event(event_id))
    assert event.id == event_id
    if api.name == "async":
        api.loop.run(back.close())


# What belongs to its process


def check_refused(thing: Any) -> None:
    for attempt in (pickle.dumps, lambda one: pickle.dumps(one, 0), copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=f"{type(thing).__name__}.* send the database object or its settings"):
            attempt(thing)


def test_lock_and_transaction_before_their_block_refuse_to_be_pickled(nowhere: EventflowDB) -> None:
    check_refused(target(nowhere).lock("reference"))
    check_refused(target(nowhere).transaction())


def test_transaction_refuses_to_be_pickled(db: EventflowDB) -> None:
    with db.transaction() as tx:
        check_refused(target(tx))
        check_refused(target(tx).transaction())
        check_refused(target(tx)._channel)


def test_session_of_from_connection_refuses_to_be_pickled(api: API, database: str) -> None:
    session = api.session(api.connect(database, **connection_arguments()))
    check_refused(target(session))
    session.ping()
    check_refused(target(session))
