"""The errno table, against servers that really answer so: class, connection, and what is run again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.driver.errnos import MEANINGS, meaning
from eventflow_db.query import load_specs
from eventflow_db.query.statement import Call
from eventflow_db.testing import Server, running_server, temporary_database

from .api import API
from .proxy import Proxy
from .support import EVENT, Admin, idle

WRITE = load_specs()["log.persist"]  # a write that nobody can repeat


def run(db: Any, text: str) -> Any:
    """Run any statement through the library's retries and error mapping."""
    return db._run(Call(WRITE, text.encode()))


def size(db: Any) -> int:
    """How many connections the pool holds."""
    pool = getattr(db, "target", db)._pool
    return int(pool.size)


@contextlib.contextmanager
def answers(*numbers: int) -> Iterator[pytest.ExceptionInfo[errors.EventflowDBError]]:
    """The block raises one of these, in the class that the table names."""
    with pytest.raises(errors.EventflowDBError) as raised:
        yield raised
    errno = raised.value.errno
    assert errno in numbers, raised.value
    assert type(raised.value) is meaning(errno).error
    assert any(errno in found.numbers for found in MEANINGS)


@pytest.fixture
def one(api: API, settings: Settings) -> EventflowDB:
    """A database object with one connection that stands, which runs things again once."""
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, lock_wait_timeout=1, retry_limit=1))
    db.ping()
    return db


HUB = "INSERT INTO hub (id, external_ip, external_port, internal_ip, internal_port) VALUES"
STATEMENTS: dict[str, tuple[set[int], str]] = {
    "unknown column": ({1054}, "SELECT nothing FROM event"),
    "unknown table": ({1146}, "SELECT 1 FROM nowhere"),
    "duplicate": ({1062}, "INSERT INTO hub VALUES ('a',NOW(),'i',1,'i',1,NULL),('a',NOW(),'i',1,'i',1,NULL)"),
    "out of range": ({1264}, f"{HUB} ('a', 'i', 70000, 'i', 1)"),
    "not a number": ({1366}, f"{HUB} ('a', 'i', 'x', 'i', 1)"),
    "too long": ({1406}, f"{HUB} ('{'a' * 65}', 'i', 1, 'i', 1)"),
    "no such event": ({1452}, "INSERT INTO event_eid VALUES ('missing', 'eid')"),
    "null": ({1048}, "INSERT INTO event_eid VALUES (NULL, 'eid')"),
    "no value": ({1364}, "INSERT INTO hub (id) VALUES ('a')"),
    "collations": ({1267}, "SELECT 'a' COLLATE utf8mb4_bin = 'a' COLLATE utf8mb4_general_ci"),
    "not ASCII": ({3854, 1267}, "SELECT 1 FROM (SELECT CONVERT('a' USING ascii) AS id) AS keys_ WHERE id = 'é'"),
    "syntax": ({1064}, "SELEC 1"),
    "json": ({4025, 3140}, "INSERT INTO event (id, domain, pid, name, data) VALUES ('a', 'd', 'p', 'n', '{')"),
    "not a time": ({1292}, "INSERT INTO event_scheduled (event_id, scheduled) VALUES ('a', 'noon')"),
    "unknown variable": ({1193}, "SET SESSION nothing = 1"),
    "unknown function": ({1305}, "SELECT nothing.nothing()"),
    "unknown index": ({1176}, "SELECT 1 FROM event FORCE INDEX (nothing)"),
    "unknown partition": ({1735}, "SELECT 1 FROM log PARTITION (nothing)"),
    "existing partition": (
        {1493, 1517},
        "ALTER TABLE log REORGANIZE PARTITION p_hot INTO (PARTITION p_hot VALUES LESS THAN (1),"
        " PARTITION p_hot VALUES LESS THAN MAXVALUE)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STATEMENTS)
def test_errno_of_a_statement(one: EventflowDB, case: str) -> None:
    numbers, text = STATEMENTS[case]
    with answers(*numbers) as raised:
        run(one, text)
    assert size(one) == (0 if meaning(raised.value.errno).discard else 1)
    one.ping()


@pytest.mark.parametrize(("errno", "name"), [(3057, ""), (4163, "a" * 65)])
def test_errno_of_a_lock_name(one: EventflowDB, eventflow_server: Server, errno: int, name: str) -> None:
    if eventflow_server.kind == "mariadb":
        pytest.skip("MariaDB takes it")
    with answers(errno) as raised:
        run(one, f"SELECT GET_LOCK('{name}', 0)")
    assert type(raised.value) is errors.InvalidValueError


TABLES = {
    1451: (
        ["CREATE TABLE up (id INT PRIMARY KEY)", "CREATE TABLE down (id INT, FOREIGN KEY (id) REFERENCES up (id))",
         "INSERT INTO up VALUES (1)", "INSERT INTO down VALUES (1)"],
        "DELETE FROM up",
    ),
    1526: (
        ["CREATE TABLE parts (id INT) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1))"],
        "INSERT INTO parts VALUES (2)",
    ),
    1050: (["CREATE TABLE again (id INT)"], "CREATE TABLE again (id INT)"),
    1690: (["CREATE TABLE sums (id BIGINT UNSIGNED)", "INSERT INTO sums VALUES (0)"], "UPDATE sums SET id = id - 1"),
}  # fmt: skip


@pytest.mark.parametrize("errno", TABLES)
def test_errno_of_tables(empty_db: EventflowDB, errno: int) -> None:
    before, text = TABLES[errno]
    for statement in before:
        run(empty_db, statement)
    with answers(errno):
        run(empty_db, text)


def test_errno_json_too_deep(one: EventflowDB) -> None:
    deep = "[" * 200 + "]" * 200
    insert = "INSERT INTO event (id, domain, pid, name, data) VALUES ('deep', 'd', 'p', 'n', '{}')"
    with answers(3157, 4025, 4040):
        run(one, insert.format(deep))


def test_errno_1153_is_refused_before_it_is_sent(api: API, settings: Settings, admin: Admin) -> None:
    before = admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    admin.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        db = api.database(settings)
        with answers(1153):
            db.persist_event({**EVENT, "data": "x" * 1048576})
        assert size(db) == 1
    finally:
        admin.execute(f"SET GLOBAL max_allowed_packet = {before}")


def test_errno_1045_and_1698(api: API, settings: Settings) -> None:
    with answers(1045, 1698):
        api.database(msgspec.structs.replace(settings, password="wrong")).ping()


def test_errno_1049(api: API, settings: Settings) -> None:
    with answers(1049):
        api.database(msgspec.structs.replace(settings, database="nowhere")).ping()


def test_errno_1044_and_1142(api: API, settings: Settings, admin: Admin) -> None:
    admin.execute("CREATE USER nobody IDENTIFIED BY 'nobody'")
    try:
        account = msgspec.structs.replace(settings, user="nobody", password="nobody")
        with answers(1044):
            api.database(account).ping()
        admin.execute(f"GRANT INSERT ON `{settings.database}`.log TO nobody")
        with answers(1142) as raised:
            api.database(account).persist_event(EVENT)
        assert raised.value.code == "E_EVENTFLOW_DB_EVENT_PERSIST"
    finally:
        admin.execute("DROP USER nobody")


def test_errno_1226_of_an_account_with_a_limit(api: API, settings: Settings, admin: Admin) -> None:
    admin.execute("CREATE USER single IDENTIFIED BY 'single' WITH MAX_USER_CONNECTIONS 1")
    admin.execute(f"GRANT ALL ON `{settings.database}`.* TO single")
    try:
        db = api.database(msgspec.structs.replace(settings, user="single", password="single"))
        with db.transaction() as tx:
            tx.ping()
            with answers(1226, 1203):
                db.ping()
        db.close()
    finally:
        admin.execute("DROP USER single")


def test_errno_account_locked(api: API, settings: Settings, admin: Admin) -> None:
    admin.execute("CREATE USER locked IDENTIFIED BY 'locked' ACCOUNT LOCK")
    try:
        with answers(3118, 4151):
            api.database(msgspec.structs.replace(settings, user="locked", password="locked")).ping()
    finally:
        admin.execute("DROP USER locked")


def test_errno_2003(api: API, settings: Settings) -> None:
    with answers(2003):
        api.database(msgspec.structs.replace(settings, host="127.0.0.1", port=1)).ping()


def test_errno_2006_was_never_sent_and_runs_again(api: API, one: EventflowDB, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = idle(one)[0]
    monkeypatch.setattr(type(channel), "is_quiet", True)  # it breaks between the check and the sending

    async def abort() -> None:
        channel.abort_in_use()

    api.loop.run(abort())
    one.persist_log({"agent": "agent", "message": "message"})


def test_errno_2013(api: API, settings: Settings, eventflow_server: Server) -> None:
    with Proxy(eventflow_server) as proxy:
        db = api.database(msgspec.structs.replace(settings, host="127.0.0.1", port=proxy.port, ssl_mode="DISABLED"))
        db.ping()
        proxy.cut_reply(b"log.persist@")
        with answers(2013):
            db.persist_log({"agent": "agent", "message": "message"})
        assert size(db) == 0
        db.close()


@pytest.fixture
def rival(eventflow_server: Server, database: str, admin: Admin) -> Iterator[Any]:
    """Another session, in a transaction of its own that has locked the event `locked`."""
    admin.execute(
        f"INSERT INTO `{database}`.event (id, domain, pid, name, data) "
        "VALUES ('locked', 'd', 'p', 'n', '1'), ('free', 'd', 'p', 'n', '1')"
    )
    connection = eventflow_server.connect(database)
    connection.begin()
    with connection.cursor() as cursor:
        for number in range(50):  # the heavier one survives a deadlock
            cursor.execute(f"{HUB} ('hub-{number}', 'i', 1, 'i', 1)")
        cursor.execute("UPDATE event SET name = 'changed' WHERE id = 'locked'")
    yield connection
    connection.close()


@pytest.mark.slow
def test_errno_1205_is_run_again(one: EventflowDB, rival: Any) -> None:
    started = time.monotonic()
    with answers(1205):
        run(one, "DELETE FROM event WHERE id = 'locked'")
    assert time.monotonic() - started >= 2
    assert size(one) == 1


def test_errno_3572(one: EventflowDB, rival: Any) -> None:
    with answers(3572, 1205):  # MariaDB gives 1205
        run(one, "SELECT id FROM event WHERE id = 'locked' FOR UPDATE NOWAIT")


def test_errno_1213_finishes_the_transaction(one: EventflowDB, rival: Any) -> None:
    def cross() -> None:
        time.sleep(0.5)
        with rival.cursor() as cursor:
            cursor.execute("UPDATE event SET name = 'changed' WHERE id = 'free'")

    thread = threading.Thread(target=cross)
    with pytest.raises(errors.ConflictError), one.transaction() as tx:
        run(tx, "UPDATE event SET name = 'other' WHERE id = 'free'")
        thread.start()
        with answers(1213):
            run(tx, "UPDATE event SET name = 'other' WHERE id = 'locked'")
        thread.join()
        with answers(1213):
            run(tx, "UPDATE event SET name = 'other' WHERE id = 'free'")
    rival.rollback()
    assert one.read_event("free").name == "n"


def test_errno_1020_of_mariadb(one: EventflowDB, rival: Any, eventflow_server: Server) -> None:
    if eventflow_server.kind != "mariadb":
        pytest.skip("MySQL has no such error")
    rival.rollback()
    run(one, "SET SESSION innodb_snapshot_isolation = 1")
    run(one, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(errors.ConflictError), one.transaction() as tx:
        tx.read_event("free")
        with rival.cursor() as cursor:
            cursor.execute("UPDATE event SET name = 'changed' WHERE id = 'free'")
        rival.commit()
        with answers(1020):
            run(tx, "UPDATE event SET name = 'other' WHERE id = 'free'")
    run(one, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def test_errno_1792_of_a_read_only_session_runs_again_on_another_connection(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1))
    run(db, "SET SESSION TRANSACTION READ ONLY")
    with answers(1452):
        run(db, "INSERT INTO event_eid VALUES ('a', 'b')")


def test_errno_1969_or_3024_of_a_time_limit(one: EventflowDB, eventflow_server: Server) -> None:
    rows = "information_schema.collations"
    select = f"SELECT COUNT(*) FROM {rows} a, {rows} b, {rows} c, {rows} d"
    if eventflow_server.kind == "mariadb":
        text = f"SET STATEMENT max_statement_time = 0.05 FOR {select}"
    else:
        text = select.replace("SELECT", "SELECT /*+ MAX_EXECUTION_TIME(50) */", 1)
    with answers(1969, 3024):
        run(one, text)
    assert size(one) == 1


def _kill(eventflow_server: Server, what: str) -> Callable[[], None]:
    def kill() -> None:
        watcher = Admin(eventflow_server)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            rows = watcher.execute("SELECT id FROM information_schema.processlist WHERE info LIKE '%locked%'")
            ids = [row[0] for row in rows if row[0] != watcher._connection.thread_id()]
            if ids:
                with contextlib.suppress(Exception):
                    watcher.execute(f"KILL {what} {ids[0]}")
                break
            time.sleep(0.02)
        watcher.close()

    return kill


def test_errno_1317_is_not_run_again(one: EventflowDB, rival: Any, eventflow_server: Server) -> None:
    thread = threading.Thread(target=_kill(eventflow_server, "QUERY"))
    thread.start()
    with answers(1317):
        run(one, "DELETE FROM event WHERE id = 'locked'")
    thread.join()
    assert size(one) == 1


def test_errno_1927_or_1053_of_a_killed_connection(one: EventflowDB, rival: Any, eventflow_server: Server) -> None:
    """What a server says depends on the moment; the transaction is over in every case."""
    thread = threading.Thread(target=_kill(eventflow_server, "CONNECTION"))
    thread.start()
    with pytest.raises(errors.EventflowDBError), one.transaction() as tx:
        with pytest.raises(errors.EventflowDBError) as raised:
            run(tx, "DELETE FROM event WHERE id = 'locked'")
        assert raised.value.errno in (1927, 1053, 1317, 2013, 3169)
        thread.join()
        tx.ping()
    one.ping()


@pytest.mark.slow
def test_errno_1665_of_a_server_that_logs_statements(api: API, eventflow_server: Server) -> None:
    if not eventflow_server.can_restart:
        pytest.skip("the server was not started here")
    options = ["--log-bin=log", "--server-id=1", "--binlog-format=STATEMENT"]
    with running_server(options=options) as server, temporary_database(server) as url:
        db = api.database(url)
        with answers(1665) as raised:
            db.setup_table_schemas()
            db.persist_event(EVENT)
        assert "binlog_format" in str(raised.value)
        db.close()


@pytest.mark.slow
def test_errno_of_full_storage_is_unavailable_and_passes(api: API, eventflow_server: Server) -> None:
    """A tablespace that cannot grow, as a full data directory."""
    if not eventflow_server.can_restart:
        pytest.skip("the server was not started here")
    options = ["--innodb-data-file-path=ibdata1:12M:autoextend:max:64M", "--innodb-file-per-table=0"]
    with running_server(options=options) as server, temporary_database(server) as url:
        db = api.database(url)
        db.setup_table_schemas()
        with pytest.raises(errors.UnavailableError) as raised:
            for _ in range(3000):
                db.persist_event({**EVENT, "data": "x" * 50_000})
        assert raised.value.errno in (1114, 1030, 1021)
        assert len(db.read_events_by_domain_and_pid("domain", "pid")) > 0
        db.close()


def test_table_is_consistent() -> None:
    for found in MEANINGS:
        if found.not_executed or found.lost or found.out_of_service:
            assert found.discard, found
        if found.no_effect:
            assert found.error in (errors.ConflictError, errors.UnavailableError), found
        if found.lost:
            assert found.error is errors.OutcomeUnknownError, found
        assert found.no_effect + found.not_executed + found.lost <= 1, found
