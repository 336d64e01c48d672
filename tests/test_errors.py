"""Errors: one class for what a caller can do, one code for what failed, and nothing that was sent."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import types
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pymysql
import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub, Settings, errors
from eventflow_db.driver.errnos import MEANINGS, meaning
from eventflow_db.errors import EventflowDBError

from .api import API
from .support import EVENT, Admin, closed_port, deadlock, execute

SECRET = "s3cret"


def reachable(error: BaseException) -> Iterator[Any]:
    """Everything that an error holds on to, but for its own traceback, classes and modules."""
    seen: set[int] = set()
    pending: list[Any] = [error.args, vars(error), error.__cause__, error.__context__]
    while pending:
        thing = pending.pop()
        if id(thing) in seen or isinstance(thing, (type, types.ModuleType)):
            continue
        seen.add(id(thing))
        yield thing
        pending += gc.get_referents(thing)


def check(error: EventflowDBError, kind: type[EventflowDBError], code: str, errno: int | None) -> None:
    """What every error keeps to."""
    assert (type(error), error.code, error.errno) == (kind, code, errno)
    assert code.startswith("E_EVENTFLOW_DB_")
    assert code in str(error)
    if errno is not None:
        assert isinstance(error.__cause__, pymysql.MySQLError)
        assert error.__cause__.args[0] == errno
    for thing in reachable(error):
        assert not isinstance(thing, (types.TracebackType, types.FrameType))
        if isinstance(thing, (str, bytes)):
            assert SECRET not in str(thing)
    assert SECRET not in f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), str(twin), twin.errno) == (kind, str(error), errno)


@contextlib.contextmanager
def failing(
    kind: type[EventflowDBError], code: str, errno: int | None
) -> Iterator[pytest.ExceptionInfo[EventflowDBError]]:
    with pytest.raises(EventflowDBError) as caught:
        yield caught
    check(caught.value, kind, f"E_EVENTFLOW_DB_{code}", errno)


# The tree and the map


def test_tree_is_as_its_docstring_draws_it() -> None:
    drawn = [line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.startswith(("├", "└"))]
    assert drawn == [kind.__name__ for kind in EventflowDBError.__subclasses__()]
    assert EventflowDBError.__base__ is Exception


NUMBERS = [number for found in MEANINGS for number in found.numbers]


def test_every_number_has_one_meaning() -> None:
    assert len(NUMBERS) == len(set(NUMBERS)) > 140


@pytest.mark.parametrize("errno", NUMBERS)
def test_meaning_of_every_listed_number_says_what_a_caller_can_do(errno: int) -> None:
    found = meaning(errno)
    assert issubclass(found.error, EventflowDBError)
    assert found.error is not EventflowDBError
    assert found.text
    assert "%" not in found.text


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (errors.DuplicateError, [1062]),
        (errors.MissingReferenceError, [1452, 1451]),
        (errors.InvalidValueError, [1406, 1366, 1264, 3140, 3151, 3157, 4025, 1153, 3854, 1267, 3057]),
        (errors.AccessDeniedError, [1044, 1045, 1130, 1142, 1227]),
        (errors.UnavailableError, [1040, 1049, 2003, 1290, 1792, 1836, 1053, 1047, 4031]),
        (errors.ConflictError, [1213, 1205, 1020, 3101]),
        (errors.SchemaError, [1146, 1364, 1054, 3098, 3780, 1005, 1235, 1665]),
    ],
)
def test_meaning_of_numbers_that_are_promised(kind: type[EventflowDBError], numbers: list[int]) -> None:
    assert {meaning(number).error for number in numbers} == {kind}


def test_meaning_of_an_unknown_number_is_the_base_class() -> None:
    assert meaning(9999).error is meaning(None).error is EventflowDBError


def test_meanings_without_effect_leave_nothing_behind() -> None:
    assert {found.error for found in MEANINGS if found.no_effect} == {errors.ConflictError, errors.UnavailableError}


# Real situations


def test_persist_hub_twice_raises_duplicate(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub({**hub, "id": SECRET})
    with failing(errors.DuplicateError, "HUB_PERSIST", 1062):
        db.persist_hub({**hub, "id": SECRET})


def test_persist_event_cpid_of_unknown_event_raises_missing_reference(db: EventflowDB) -> None:
    with failing(errors.MissingReferenceError, "EVENT_CPID_PERSIST", 1452):
        db.persist_event_cpid(SECRET, SECRET)


def test_update_of_a_row_that_another_refers_to_raises_missing_reference(
    db: EventflowDB, api: API, settings: Settings, admin: Admin, tmp_path: Any
) -> None:
    # no operation gives a hub another id; a DBA's overlay may
    event_id = db.persist_event({"domain": "d", "pid": "p", "name": "n"})
    db.persist_hub({"id": SECRET, "external_ip": "a", "external_port": 1, "internal_ip": "a", "internal_port": 1})
    db.persist_event_published({"event_id": event_id, "publisher": "p"})
    db.update_event_published_to_consumed_by_hub(event_id, SECRET)
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "queries.sql").write_text(
        """-- name: update_to_quit(id)!
-- method: update_hub_to_quit
-- A hub that quits gives its id back.
-- param id: identifier
-- returns: changed
-- error: E_EVENTFLOW_DB_HUB_UPDATE_TO_QUIT could not update hub to quit
-- index: hub.PRIMARY
-- idempotent: no
UPDATE hub SET quit = CURRENT_TIMESTAMP(), id = REVERSE(id) WHERE id = :id AND quit IS NULL;
"""
    )
    overlaid = api.database(msgspec.structs.replace(settings, sql_path=str(tmp_path)))
    with failing(errors.MissingReferenceError, "HUB_UPDATE_TO_QUIT", 1451):
        overlaid.update_hub_to_quit(SECRET)


def test_read_event_without_its_table_raises_schema_error(empty_db: EventflowDB) -> None:
    with failing(errors.SchemaError, "EVENT_READ", 1146) as caught:
        empty_db.read_event(SECRET)
    assert "setup_table_schemas()" in str(caught.value)


def test_persist_event_without_its_column_raises_schema_error(
    empty_db: EventflowDB, admin: Admin, empty_database: str
) -> None:
    empty_db.setup_table_schemas()
    admin.execute(f"ALTER TABLE `{empty_database}`.event DROP COLUMN data")
    with failing(errors.SchemaError, "EVENT_PERSIST", 1054):
        empty_db.persist_event({"domain": SECRET, "pid": SECRET, "name": "n"})


def test_persist_hub_value_too_long_for_its_column_raises_invalid_value(
    empty_db: EventflowDB, admin: Admin, empty_database: str
) -> None:
    empty_db.create_table_hub()
    admin.execute(f"ALTER TABLE `{empty_database}`.hub MODIFY external_ip VARCHAR(2)")
    with failing(errors.InvalidValueError, "HUB_PERSIST", 1406):
        empty_db.persist_hub(
            {"id": "h", "external_ip": SECRET, "external_port": 1, "internal_ip": "a", "internal_port": 1}
        )


def test_persist_hub_value_out_of_range_of_its_column_raises_invalid_value(
    empty_db: EventflowDB, admin: Admin, empty_database: str, hub: NewHub
) -> None:
    empty_db.create_table_hub()
    admin.execute(f"ALTER TABLE `{empty_database}`.hub MODIFY external_port TINYINT UNSIGNED")
    with failing(errors.InvalidValueError, "HUB_PERSIST", 1264):
        empty_db.persist_hub({**hub, "external_port": 50000, "id": SECRET})


def test_persist_event_too_large_for_the_server_is_not_sent(api: API, settings: Settings, admin: Admin) -> None:
    largest = int(admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0])
    if largest > 2**27:
        pytest.skip("this server takes statements larger than this test makes")
    db = api.database(msgspec.structs.replace(settings, connection_limit=1))
    sessions = f"SELECT id FROM information_schema.processlist WHERE db = '{settings.database}'"
    db.ping()
    before = admin.execute(sessions)
    sent = admin.execute("SHOW GLOBAL STATUS LIKE 'Bytes_received'")[0][1]
    with failing(errors.InvalidValueError, "EVENT_PERSIST", 1153):
        db.persist_event({"domain": SECRET, "pid": "p", "name": "n", "data": "x" * largest})
    assert int(admin.execute("SHOW GLOBAL STATUS LIKE 'Bytes_received'")[0][1]) - int(sent) < largest
    db.ping()
    assert admin.execute(sessions) == before


@pytest.mark.slow
def test_delete_event_lock_wait_raises_conflict(api: API, settings: Settings, event_id: str, rival: Any) -> None:
    execute(rival, f"SELECT id FROM event WHERE id = '{event_id}' FOR UPDATE")
    db = api.database(msgspec.structs.replace(settings, lock_wait_timeout=1, retry_limit=1))
    with failing(errors.ConflictError, "EVENT_DELETE", 1205):
        db.delete_event(event_id)


def test_delete_event_deadlock_raises_conflict(db: EventflowDB, rival: Any) -> None:
    with contextlib.suppress(errors.ConflictError), db.transaction() as tx:
        tx.persist_event({**EVENT, "data": SECRET})
        with failing(errors.ConflictError, "EVENT_DELETE", 1213):
            deadlock(tx, rival)


def test_read_event_wrong_password_raises_access_denied(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, password=SECRET))
    with failing(errors.AccessDeniedError, "EVENT_READ", 1045):
        db.read_event("id")


def test_read_event_unknown_database_raises_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, database="no_such_database"))
    with failing(errors.UnavailableError, "EVENT_READ", 1049):
        db.read_event(SECRET)


def test_read_event_closed_port_raises_unavailable(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, host="127.0.0.1", port=closed_port(), password=SECRET))
    with failing(errors.UnavailableError, "EVENT_READ", 2003):
        db.read_event(SECRET)


CONNECTING: dict[str, dict[str, Any]] = {
    "closed port": {"host": "127.0.0.1", "port": 1},
    "closed port, IPv6": {"host": "[::1]", "port": 1},
    "unknown host": {"host": "no-such-host.invalid"},
    "no socket": {"socket_path": "/nowhere/mysqld.sock"},
    "wrong password": {"password": SECRET},
    "wrong user": {"user": "no_such_user"},
    "unknown database": {"database": "no_such_database"},
    "no TLS": {"host": "127.0.0.1", "port": 1, "ssl_mode": "REQUIRED"},
}


@pytest.mark.parametrize("case", CONNECTING)
def test_error_of_connecting_names_server_user_and_database(api: API, settings: Settings, case: str) -> None:
    changed = msgspec.structs.replace(settings, **{"user": "root", "retry_limit": 1, **CONNECTING[case]})
    db = api.database(changed)
    host = f"[{changed.host}]" if ":" in changed.host else changed.host
    server = changed.socket_path or f"{host}:{changed.port}"
    for attempt in (
        lambda: db.read_event("id"),
        lambda: db.lock("reference").__enter__(),
        lambda: db.archive_log(date(2020, 1, 2)),
        lambda: db.transaction().__enter__(),
    ):
        with pytest.raises(EventflowDBError) as caught:
            attempt()
        assert caught.value.message.endswith(f": {server} as {changed.user}, database {changed.database}")
        assert SECRET not in f"{caught.value} {caught.value.__cause__}"


def test_error_of_a_password_with_a_newline_says_so(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, password=f"{SECRET}\n"))
    with pytest.raises(errors.AccessDeniedError, match="its password ends in a newline") as caught:
        db.ping()
    assert SECRET not in str(caught.value)


def test_persist_hub_column_without_default_raises_schema_error_naming_it(
    empty_db: EventflowDB, admin: Admin, empty_database: str, hub: NewHub
) -> None:
    empty_db.create_table_hub()
    admin.execute(f"ALTER TABLE `{empty_database}`.hub ADD region_2 VARCHAR(9) NOT NULL")
    with failing(errors.SchemaError, "HUB_PERSIST", 1364) as caught:
        empty_db.persist_hub({**hub, "id": SECRET})
    assert caught.value.message.endswith("given no value: region_2")


def test_create_table_event_cpid_without_event_names_setup_table_schemas(empty_db: EventflowDB) -> None:
    with pytest.raises(errors.SchemaError) as caught:
        empty_db.create_table_event_cpid()
    # MariaDB says no more than 1005
    assert caught.value.errno == 1005 or "setup_table_schemas()" in caught.value.message


def test_read_event_unknown_raises_not_found(db: EventflowDB) -> None:
    with failing(errors.NotFoundError, "EVENT_NOT_FOUND", None):
        db.read_event(SECRET)


def test_read_event_bad_identifier_raises_invalid_value(db: EventflowDB) -> None:
    with failing(errors.InvalidValueError, "EVENT_READ", None):
        db.read_event(SECRET + " ")


# Certificates


Break = Callable[[str], None]


@pytest.fixture
def altered(empty_db: EventflowDB, admin: Admin, empty_database: str) -> Break:
    """Alters the table certificate under the library's feet."""
    empty_db.create_table_certificate()
    return lambda change: (admin.execute(f"ALTER TABLE `{empty_database}`.certificate {change}"), None)[1]


@pytest.mark.parametrize(
    ("change", "kind", "errno"),
    [
        ("MODIFY cert VARCHAR(3) NOT NULL", errors.InvalidValueError, 1406),
        ("DROP COLUMN pass_tag", errors.SchemaError, 1054),
    ],
)
def test_certificate_cause_comes_without_the_servers_message(
    empty_db: EventflowDB, altered: Break, certificate: NewCertificate, change: str, kind: Any, errno: int
) -> None:
    altered(change)
    with pytest.raises(EventflowDBError) as caught:
        empty_db.persist_certificate({**certificate, "cert": SECRET, "key": SECRET.encode(), "pass": SECRET.encode()})
    check(caught.value, kind, "E_EVENTFLOW_DB_CERTIFICATE_PERSIST", errno)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.args == (errno, "the server's message is left out: it may quote a value")


def test_other_causes_keep_the_servers_message(empty_db: EventflowDB) -> None:
    with pytest.raises(errors.SchemaError) as caught:
        empty_db.read_event("id")
    assert "event" in str(caught.value.__cause__)
    assert "doesn't exist" in str(caught.value.__cause__)
