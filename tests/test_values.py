"""Values: whatever they are, a call gives a result or a specific error, and what was accepted is read back equal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pymysql
import pytest

from eventflow_db import AsyncEventflowDB, EventflowDB, NewEvent, Settings, connection_arguments, errors
from eventflow_db.driver.waiting import ain_turns, in_turns

from .api import API
from .operations import OPERATIONS, call, fails
from .support import EVENT, NOON, Admin
from .test_growth import Counter

# --- any value in any parameter


class Hostile:
    """An object that refuses whatever it is asked."""

    def _refuse(self, *arguments: object) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __eq__ = __bool__ = __len__ = __int__ = __index__ = _refuse
    __hash__ = object.__hash__


class Mute(Exception):
    """An exception that cannot say what it is."""

    code = property(lambda self: 1 / 0)

    def __str__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    """Text of a class of its own."""


ITSELF: list[Any] = []
ITSELF += [ITSELF, ITSELF]
DEEP: list[Any] = []
for _ in range(500):
    DEEP = [DEEP]
CAUSED = ValueError("outer", {1}, float("nan"))
CAUSED.__cause__ = Mute()

VALUES: Mapping[str, Any] = {
    "None": None, "True": True, "zero": 0, "minus": -1, "63 bits": 2**63 - 1, "64 bits": 2**64 - 1, "65 bits": 2**64,
    "digits": 10**5000, "float": 1.5, "nan": float("nan"), "infinity": float("inf"), "complex": 1j,
    "decimal": Decimal("1.5"), "uuid": uuid.UUID(int=1), "bytes": b"x", "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"), "many bytes": b"x" * 70_000,
    "empty": "", "x": "x", "64": "x" * 64, "65": "x" * 65, "64 emoji": "😀" * 64, "emoji": "😀", "é": "é" * 64,
    "control": "\x01", "NUL": "\0", "surrogate": "\udcff", "long": "x" * 70_000, "long é": "é" * 70_000,
    "quote": "'", "backslash": "\\", "space": " ", "percent": "%s", "class": Text("x"),
    "naive": datetime(2020, 1, 1), "aware": NOON, "first": datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
    "last": datetime.max.replace(tzinfo=timezone(-timedelta(hours=9))), "date": date(2020, 1, 1), "year 1": date.min,
    "year 9999": date.max, "timedelta": timedelta(1),
    "list": ["x"], "no list": [], "tuple": ("x", "x"), "set": {"x"}, "dict": {"x": 1}, "no dict": {},
    "keys": {1: "x", None: "x"}, "many": [f"n{number}" for number in range(50_000)], "holds": ["x", None, 1],
    "itself": ITSELF, "deep": DEEP, "object": object(), "type": int, "function": len, "iterator": iter("x"),
    "exception": CAUSED, "mute": Mute(), "hostile": Hostile(), "hostiles": [Hostile()], "moment": (NOON, "x"),
}  # fmt: skip
"""Values of every kind, by what they are."""


@pytest.fixture
def tables(empty_db: EventflowDB) -> EventflowDB:
    """A database object on tables of its own, which anything may be done to."""
    empty_db.setup_table_schemas()
    return empty_db


def arguments(name: str) -> Iterator[tuple[str, Any]]:
    """The arguments of an operation with each value for each of them, and for each key of what it takes."""
    own = dict(OPERATIONS[name].values)
    given = {**own, "limit": None} if name.startswith("read_events") else own
    given |= {"after": None, "page": 10} if name.startswith("iter_") else {}
    for kind, value in VALUES.items():
        for key in given:
            yield f"{key}: {kind}", {**own, key: value}
            if isinstance(own.get(key), list) and key not in ("names", "event_ids"):
                (item,) = own[key]
                yield f"{key}, one: {kind}", {key: [value]}
                for part in item if isinstance(item, Mapping) else ():
                    yield f"{key}, {part}: {kind}", {key: [{**item, part: value}]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_with_any_value_gives_a_result_or_a_specific_error(tables: EventflowDB, name: str) -> None:
    unspecific = []
    for what, values in arguments(name):
        try:
            call(tables, name, values)
        except Exception as error:
            if not isinstance(error, errors.EventflowDBError) or type(error) is errors.EventflowDBError:
                unspecific.append((what, type(error).__name__, str(error)[:200]))
    assert unspecific == []


@pytest.mark.parametrize("count", [5_000, 50_000])
@pytest.mark.parametrize("limits", ["max_join_size = 100", "parser_max_mem_size = 10000000"])
def test_read_events_by_names_past_a_limit_of_the_server_gives_them_or_invalid_value(
    api: API, db: EventflowDB, database: str, limits: str, count: int
) -> None:
    ids = db.persist_events([{**EVENT, "name": "n1"} for _ in range(200)])
    connection = api.connect(database, **connection_arguments())
    with contextlib.suppress(pymysql.err.MySQLError):
        # the one is a limit of MariaDB's, the other of MySQL's
        api.execute(connection, f"SET SESSION {limits}")
    names = [f"n{number}" for number in range(count)]
    try:
        found = api.session(connection).read_events_by_domain_and_pid_and_names("domain", "pid", names)
    except errors.InvalidValueError:
        return
    assert [event.id for event in found] == ids


@pytest.mark.parametrize("reference", ["é" * 64, "\uffff" * 64, "\x01"])
def test_lock_of_the_longest_names_is_had(db: EventflowDB, reference: str) -> None:
    call(db, "lock", {"reference": reference, "timeout": 1})


# --- a log line is never lost


def logged(admin: Admin, database: str) -> tuple[str, Any]:
    ((message, error),) = admin.execute(f"SELECT message, error FROM `{database}`.log")
    return message, json.loads(error)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"inside": [value]}, lambda value: Error(value)])
def test_persist_log_with_any_error_keeps_the_line(
    db: EventflowDB, admin: Admin, database: str, kind: str, wrap: Callable[[Any], Any]
) -> None:
    db.persist_log({"agent": "agent", "message": "message", "error": wrap(VALUES[kind])})
    assert logged(admin, database)[0] == "message"


class Error(Exception):
    """An exception with anything for its code and argument."""

    def __init__(self, code: Any) -> None:
        super().__init__(code)
        self.code = code


def test_persist_log_error_without_a_json_form_is_described(db: EventflowDB, admin: Admin, database: str) -> None:
    error = {
        "at": NOON, "ratio": float("nan"), "tags": {"one"}, "keys": {7: b"x"}, "count": 2**64, "path": "\udcff",
        "failure": ValueError("inner"), "fine": [1, 1.5, None, "text"],
    }  # fmt: skip
    db.persist_log({"agent": "agent", "message": "message", "error": error})
    assert logged(admin, database)[1] == {
        "at": {"$type": "Date", "$value": "2030-01-02T12:00:00.000Z"}, "ratio": "nan",
        "tags": {"$type": "Set", "$value": ["one"]}, "keys": {"$type": "Map", "$value": [[7, "b'x'"]]},
        "count": str(2**64), "path": "\\udcff", "fine": [1, 1.5, None, "text"],
        "failure": {"$type": "Error", "$value": {"name": "ValueError", "message": "inner"}},
    }  # fmt: skip


@pytest.mark.parametrize("character", ["x", "é", "😀", "\udcff"])
def test_persist_log_message_that_is_too_long_is_cut_with_a_mark(
    db: EventflowDB, admin: Admin, database: str, character: str
) -> None:
    db.persist_log({"agent": "agent", "message": character * 70_000, "error": {"key": "value"}})
    message, error = logged(admin, database)
    printed = character.encode("utf-8", "backslashreplace").decode()
    assert message.startswith(printed * 5_000)
    assert message.endswith("… (cut)")
    assert error == {"key": "value"}


def test_persist_log_error_that_is_too_large_for_the_server_is_cut(api: API, settings: Settings, admin: Admin) -> None:
    with packets(admin, 1 << 20):
        db = api.database(settings)
        db.persist_log({"agent": "agent", "message": "message", "error": {"text": "x" * 2_000_000}})
    message, error = logged(admin, settings.database)
    assert message == "message"
    assert error.startswith('{"text": "xxx')
    assert error.endswith("… (cut)")


@pytest.mark.parametrize("agent", ["", " ", "x" * 65, None, b"agent", 1])
def test_persist_log_of_a_bad_agent_raises(nowhere: EventflowDB, agent: Any) -> None:
    with fails(errors.InvalidValueError, "LOG_PERSIST") as caught:
        nowhere.persist_log({"agent": agent, "message": "x" * 70_000, "error": {1, 2}})
    assert caught.value.message.startswith("agent: must be 1 to 64")


# --- what was accepted is read back


@contextlib.contextmanager
def packets(admin: Admin, largest: int) -> Iterator[None]:
    """Connections that are opened in the block have this max_allowed_packet."""
    before = admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    admin.execute(f"SET GLOBAL max_allowed_packet = {largest}")
    try:
        yield
    finally:
        admin.execute(f"SET GLOBAL max_allowed_packet = {before}")


DOCUMENTS: Mapping[str, Callable[[int], Any]] = {
    "numbers": lambda count: [1_700_000_000] * count,
    "digits": lambda count: [1] * count,
    "small floats": lambda count: [9e-15] * count,
    "large floats": lambda count: [-1.2345678901234567e-300] * count,
    "empty arrays": lambda count: [[]] * count,
    "keys": lambda count: {str(number): 1 for number in range(count)},
    "nested": lambda count: [{"a": [{"b": 1}]}] * count,
    "text": lambda count: "e-x, y: z" * count,
    "control characters": lambda count: "\x01\n\"\\'" * count,
    "emoji": lambda count: "😀" * count,
}


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("largest", [1024, 4096, 65_536, pytest.param(1 << 20, marks=pytest.mark.slow)])
def test_document_that_is_accepted_comes_back_equal_near_the_limit(
    api: API, settings: Settings, admin: Admin, kind: str, largest: int
) -> None:
    document = DOCUMENTS[kind]
    size = len(json.dumps(document(100), ensure_ascii=False, separators=(",", ":")).encode()) / 100
    accepted = []
    with packets(admin, largest):
        db = api.database(settings)
        few = (0.1, 0.4, 0.6, 0.8, 1.1)
        # large ones take their time
        for share in few if largest == 1 << 20 else (*few, 0.2, 0.3, 0.5, 0.65, 0.7, 0.75, 0.85, 0.9, 0.95, 1, 1.1):
            data = document(int(share * largest / size))
            for persist in (db.persist_event, lambda event: db.persist_events([event])[0]):
                try:
                    event_id = persist({**EVENT, "data": data})
                except errors.InvalidValueError:
                    accepted.append(False)
                else:
                    assert db.read_event(event_id).data == data
                    accepted.append(True)
    assert accepted[0]
    assert not accepted[-1]


BEFORE, AFTER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "read",
    [
        lambda db: db.read_events_by_domain_and_pid("domain", "pid"),
        lambda db: db.read_events_by_domain_and_pid_and_names("domain", "pid", ["name"]),
        lambda db: db.read_events_by_domain_and_pid_between_timestamps("domain", "pid", BEFORE, AFTER),
        lambda db: db.read_events_by_domain_and_cpid("domain", "cpid"),
        lambda db: db.read_events_by_eid("eid"),
        lambda db: db.read_events_by_domain_and_eid("domain", "eid"),
        lambda db: list(db.iter_events_by_domain_and_pid("domain", "pid")),
        lambda db: list(db.iter_events_by_eid("eid")),
    ],
)  # fmt: skip
def test_large_documents_come_back_by_every_read(db: EventflowDB, read: Callable[[EventflowDB], list[Any]]) -> None:
    """MySQL sorts with what it gives: its sort buffer, 256 KiB, did not hold one of them."""
    for _ in range(3):
        event_id = db.persist_event({**EVENT, "data": "x" * 300_000})
        db.persist_event_cpid(event_id, "cpid")
        db.persist_event_eid(event_id, "eid")
    assert [len(event.data) for event in read(db)] == [300_000] * 3


# --- pages

PAGES: Mapping[str, Callable[..., Any]] = {
    "iter_events_by_domain_and_pid": lambda db, **given: db.iter_events_by_domain_and_pid("domain", "pid", **given),
    "iter_events_by_domain_and_cpid": lambda db, **given: db.iter_events_by_domain_and_cpid("domain", "cpid", **given),
    "iter_events_by_eid": lambda db, **given: db.iter_events_by_eid("eid", **given),
    "iter_events_by_domain_and_eid": lambda db, **given: db.iter_events_by_domain_and_eid("domain", "eid", **given),
}
IDS = ["\x01", "\x01a", "\x02" * 64, "!", "a", "a\x01", "\x7f"]
"""Ids as others may have written them."""


@pytest.fixture
def odd_ids(admin: Admin, database: str) -> list[str]:
    """Events of one time, each with an id that sorts unlike text does, or below a space."""
    admin.use(database)
    for id in IDS:
        admin.execute(
            "INSERT INTO event (id, timestamp, domain, pid, name, data) "
            "VALUES (%s, '2030-01-02 12:00:00', 'domain', 'pid', 'name', '{}')", id,
        )  # fmt: skip
        admin.execute("INSERT INTO event_cpid (event_id, domain, cpid) VALUES (%s, 'domain', 'cpid')", id)
        admin.execute("INSERT INTO event_eid (event_id, eid) VALUES (%s, 'eid')", id)
    return IDS


@pytest.mark.parametrize("page", [1, 3, 1000])
@pytest.mark.parametrize("name", PAGES)
def test_iter_events_from_the_start_gives_every_id_once(
    db: EventflowDB, odd_ids: list[str], name: str, page: int
) -> None:
    assert sorted(event.id for event in PAGES[name](db, page=page)) == sorted(odd_ids)


def test_iter_events_by_domain_and_pid_after_a_time_alone_gives_every_id(db: EventflowDB, odd_ids: list[str]) -> None:
    events = db.iter_events_by_domain_and_pid("domain", "pid", after=(NOON, ""))
    assert sorted(event.id for event in events) == sorted(odd_ids)


def test_page_of_many_events_of_one_time_reads_no_more_than_its_rows(api: API, db: EventflowDB, database: str) -> None:
    ids = db.persist_events([{**EVENT, "timestamp": NOON} for _ in range(1000)])
    counter = Counter(api, database)
    before = counter.rows_read()
    page = counter.session.iter_events_by_domain_and_pid("domain", "pid", after=(NOON, ids[899]), page=20)
    assert [next(iter(page)).id] == [ids[900]]
    # those of asking for it included
    assert counter.rows_read() - before < 150


# --- many at once


@pytest.mark.slow
@pytest.mark.parametrize("deserialize", [False, True])
def test_many_events_leave_the_event_loop_its_turns(settings: Settings, deserialize: bool) -> None:
    """Measured in the processor's time, for the machine may have other work."""
    events: list[NewEvent] = [
        {**EVENT, "data": {"number": number, "text": "x" * 200, "list": [1, 2, 3]}} for number in range(50_000)
    ]
    gaps: dict[str, float] = {}

    async def longest_gap(name: str, work: Any) -> Any:
        async def tick() -> None:
            last = time.thread_time()
            while True:
                await asyncio.sleep(0.01)
                last, before = time.thread_time(), last
                gaps[name] = max(gaps.get(name, 0), last - before)

        ticker = asyncio.create_task(tick())
        await asyncio.sleep(0)
        result = await work
        await asyncio.sleep(0.02)
        ticker.cancel()
        return result

    async def work() -> None:
        async with AsyncEventflowDB(settings) as db:
            await longest_gap("persist", db.persist_events(events, serialize=deserialize))
            read = db.read_events_by_domain_and_pid("domain", "pid", deserialize=deserialize)
            assert len(await longest_gap("read", read)) == 50_000

    # what other tests left is not to be gone through meanwhile
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(work())
    finally:
        gc.unfreeze()
    assert max(gaps.values()) < 0.1, gaps
    assert gc.isenabled()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("turns", [in_turns, lambda *given: asyncio.run(ain_turns(*given))], ids=["sync", "async"])
def test_work_on_many_pauses_the_collector_and_leaves_it_as_it_was(
    turns: Callable[..., list[int]], enabled: bool, works: bool
) -> None:
    def work(items: Sequence[int]) -> list[int]:
        assert not gc.isenabled()
        if not works and items[-1] == 4999:
            raise ValueError
        return list(items)

    (gc.enable if enabled else gc.disable)()
    try:
        with contextlib.nullcontext() if works else pytest.raises(ValueError):
            assert turns(work, range(5000)) == list(range(5000))
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_work_on_many_lets_other_tasks_run_with_the_collector_on() -> None:
    seen = []

    async def other() -> None:
        while True:
            seen.append(gc.isenabled())
            await asyncio.sleep(0)

    def work(items: Sequence[int]) -> list[int]:
        time.sleep(0.011)
        return list(items)

    async def main() -> None:
        task = asyncio.create_task(other())
        await ain_turns(work, range(500))
        task.cancel()

    asyncio.run(main())
    assert len(seen) >= 4
    assert all(seen)
