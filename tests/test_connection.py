"""Connections: when they are made, what their sessions are set to, how they log in, and how they fail."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pymysql
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.query import load_specs
from eventflow_db.query.statement import Call
from eventflow_db.testing import Server

from .api import API
from .support import EVENT, Account, Admin, closed_port, idle


def changed(settings: Settings, **values: Any) -> Settings:
    return msgspec.structs.replace(settings, **values)


class Session:
    """Looks at the session of one of the library's own connections."""

    def __init__(self, api: API, settings: Settings) -> None:
        self.api = api
        self.pool: Any = getattr(api.database(settings), "_pool")  # noqa: B009 (behind the blocking face too)

    def run(self, result: Any) -> Any:
        return self.api.loop.run(result) if self.api.name == "async" else result

    @contextlib.contextmanager
    def channel(self) -> Iterator[Callable[[str], Any]]:
        """Sends statements on one connection, which is closed after them."""
        channel = self.run(self.pool.acquire())
        try:
            yield lambda statement: self.run(channel.send(statement.encode()))
        finally:
            self.run(channel.close())
            self.pool.discard(channel)

    def read(self, expression: str) -> str | None:
        with self.channel() as send:
            row = send(f"SELECT CAST({expression} AS CHAR)").rows[0]
        return None if row == b"\xfb" else row[1:].decode()


@pytest.fixture
def session(api: API, settings: Settings) -> Session:
    return Session(api, settings)


# When


def test_database_object_connects_to_nothing_before_first_use(api: API) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        api.database(Settings(host="127.0.0.1", port=listener.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_ping_opens_a_connection(api: API, settings: Settings, admin: Admin) -> None:
    db = api.database(settings)
    statement = f"SELECT id FROM information_schema.processlist WHERE db = '{settings.database}'"
    # those of earlier tests may still be closing
    before = set(admin.execute(statement))
    db.ping()
    (opened,) = set(admin.execute(statement)) - before
    db.ping()
    assert set(admin.execute(statement)) - before == {opened}


# The session, on a server whose defaults are all otherwise


def test_session_is_in_utc(session: Session) -> None:
    assert session.read("@@SESSION.time_zone") == "+00:00"


def test_session_commits_each_statement(session: Session) -> None:
    assert session.read("@@SESSION.autocommit + 0") == "1"


def test_session_is_strict(session: Session) -> None:
    modes = set((session.read("@@SESSION.sql_mode") or "").split(","))
    assert {"STRICT_ALL_TABLES", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ONLY_FULL_GROUP_BY"} <= modes
    assert "NO_BACKSLASH_ESCAPES" not in modes


HOSTILE = {
    "completion_type": "CHAIN",
    "foreign_key_checks": 0,
    "unique_checks": 0,
    "sql_safe_updates": 1,
    "sql_select_limit": 1,
    "max_join_size": 1,
    "sql_auto_is_null": 1,
}
"""Defaults that a server may have, each of which changes what statements mean."""


@pytest.fixture
def hostile(eventflow_server: Server, admin: Admin) -> Iterator[None]:
    names = [*HOSTILE, *(["check_constraint_checks"] if eventflow_server.kind == "mariadb" else [])]
    before = {name: admin.execute(f"SELECT @@GLOBAL.{name}")[0][0] for name in names}
    for name in names:
        admin.execute(f"SET GLOBAL {name} = %s", HOSTILE.get(name, 0))
    yield
    for name, value in before.items():
        admin.execute(f"SET GLOBAL {name} = %s", value)


def test_session_keeps_what_statements_mean_on_a_server_with_hostile_defaults(
    api: API, settings: Settings, hostile: None, stored: Callable[[], list[str]]
) -> None:
    db = api.database(changed(settings, connection_limit=1))
    with db.transaction() as tx:
        tx.persist_event({**EVENT, "id": "1"})
    db.persist_event({**EVENT, "id": "2"})
    db.persist_events([{**EVENT, "id": "3"}, {**EVENT, "id": "4"}])
    assert stored() == ["1", "2", "3", "4"]
    with pytest.raises(errors.MissingReferenceError):
        db.persist_event({**EVENT, "rid": "nobody"})
    with pytest.raises(errors.MissingReferenceError):
        db.persist_event_eid("nobody", "eid")
    db.persist_event_eid("1", "eid")
    assert len(db.read_events_by_domain_and_pid(EVENT["domain"], EVENT["pid"])) == 4
    assert db.read_events_by_eid("eid")[0].id == "1"
    assert db.delete_event_by_domain_and_pid(EVENT["domain"], EVENT["pid"])
    assert db.read_event_eid_by_event_id("1") == []


def test_pool_hands_out_no_connection_that_is_in_a_transaction(
    api: API, settings: Settings, stored: Callable[[], list[str]]
) -> None:
    db = api.database(changed(settings, connection_limit=1))
    db.ping()
    for statement in ("START TRANSACTION", "SET autocommit = 0"):
        db._run(Call(load_specs()["log.persist"], statement.encode()))
        assert idle(db) == []
        db.persist_event(EVENT)
    assert len(stored()) == 2


def test_session_reads_what_is_committed(session: Session, eventflow_server: Server) -> None:
    old = eventflow_server.kind == "mariadb" and eventflow_server.version_info < (11, 1)
    assert session.read(f"@@SESSION.{'tx' if old else 'transaction'}_isolation") == "READ-COMMITTED"


def test_session_talks_utf8mb4(session: Session) -> None:
    for side in ("client", "connection", "results"):
        assert session.read(f"@@SESSION.character_set_{side}") == "utf8mb4"
    assert session.read("@@SESSION.collation_connection") == "utf8mb4_bin"


def test_session_waits_for_locks_as_long_as_set(api: API, settings: Settings) -> None:
    session = Session(api, changed(settings, lock_wait_timeout=7))
    assert session.read("@@SESSION.innodb_lock_wait_timeout") == "7"
    assert session.read("@@SESSION.lock_wait_timeout") == "7"


def test_session_counts_matched_rows(db: EventflowDB, event_id: str) -> None:
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    assert db.update_event_published_to_success(event_id)
    assert db.update_event_published_to_success(event_id)  # most likely within the second: matched, not changed


def test_session_counts_matched_rows_that_stay_the_same(session: Session) -> None:
    with session.channel() as send:
        send("CREATE TEMPORARY TABLE t (a INT)")
        send("INSERT INTO t VALUES (1)")
        assert send("UPDATE t SET a = 1").affected == 1


def test_session_takes_one_statement_at_a_time(session: Session) -> None:
    with session.channel() as send, pytest.raises(pymysql.ProgrammingError, match="1064"):
        send("SELECT 1; SELECT 2")


def test_session_sends_no_local_files(session: Session, admin: Admin, tmp_path: Path) -> None:
    assert admin.execute("SELECT @@GLOBAL.local_infile") == ((1,),)  # the server would take them
    (tmp_path / "file").write_text("1\n")
    with session.channel() as send:
        send("CREATE TEMPORARY TABLE t (a INT)")
        with pytest.raises(pymysql.MySQLError):
            send(f"LOAD DATA LOCAL INFILE '{tmp_path}/file' INTO TABLE t")


# Logging in


def test_login_with_a_password_of_any_characters(api: API, account: Account) -> None:
    api.database(account("pässwörd ✓ 'quoted'")).ping()


def test_login_with_the_default_method_without_tls(
    api: API, account: Account, admin: Admin, eventflow_server: Server
) -> None:
    settings = account("pässwörd", ssl_mode="DISABLED")
    plugin = admin.execute("SELECT plugin FROM mysql.user WHERE user = %s", settings.user)[0][0]
    assert plugin == ("caching_sha2_password" if eventflow_server.kind == "mysql" else "mysql_native_password")
    # of a fresh account nothing is cached, so that MySQL asks for the password itself: encrypted with its RSA key
    assert Session(api, settings).read(ssl_status("Ssl_cipher", eventflow_server)) == ""


def test_login_again_when_the_server_remembers_the_password(api: API, account: Account) -> None:
    settings = account("pässwörd", ssl_mode="DISABLED")
    api.database(settings).ping()
    api.database(settings).ping()


def test_login_over_tls(api: API, account: Account, eventflow_server: Server, admin: Admin) -> None:
    if not offers_tls(admin):
        pytest.skip("this server offers no TLS")
    settings = account("pässwörd", ssl_mode="REQUIRED")
    assert Session(api, settings).read(ssl_status("Ssl_cipher", eventflow_server))


def test_ssl_mode_preferred_takes_tls_where_it_is_offered(
    api: API, settings: Settings, eventflow_server: Server, admin: Admin
) -> None:
    cipher = Session(api, changed(settings, ssl_mode="PREFERRED")).read(ssl_status("Ssl_cipher", eventflow_server))
    assert bool(cipher) == offers_tls(admin)


def test_ssl_mode_required_without_tls_on_the_server_is_unavailable(api: API, settings: Settings, admin: Admin) -> None:
    if offers_tls(admin):
        pytest.skip("this server offers TLS")
    db = api.database(changed(settings, ssl_mode="REQUIRED"))
    with pytest.raises(errors.UnavailableError) as caught:
        db.ping()
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_PING", 2026)


@pytest.mark.parametrize("mode", ["VERIFY_CA", "VERIFY_IDENTITY"])
def test_certificate_signed_by_an_unknown_authority_raises(
    api: API, settings: Settings, admin: Admin, mode: str
) -> None:
    db = api.database(changed(settings, ssl_mode=mode))
    with pytest.raises(errors.UnavailableError) as caught:
        db.ping()
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_PING", 2026)


def test_ssl_mode_verify_ca_accepts_the_servers_certificate(
    api: API, settings: Settings, admin: Admin, eventflow_server: Server, tmp_path: Path
) -> None:
    ca = server_ca(eventflow_server, tmp_path)
    session = Session(api, changed(settings, ssl_mode="VERIFY_CA", ssl_ca=ca))
    assert session.read(ssl_status("Ssl_cipher", eventflow_server))


def test_certificate_of_another_host_raises(
    api: API, settings: Settings, eventflow_server: Server, tmp_path: Path
) -> None:
    db = api.database(changed(settings, ssl_mode="VERIFY_IDENTITY", ssl_ca=server_ca(eventflow_server, tmp_path)))
    with pytest.raises(errors.UnavailableError) as caught:
        db.ping()
    assert caught.value.errno == 2026


def test_login_through_a_unix_socket(api: API, settings: Settings, admin: Admin) -> None:
    path = admin.execute("SELECT @@socket")[0][0]
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except OSError:
        pytest.skip("this server's socket is not reachable from here")
    session = Session(api, changed(settings, host="nowhere.invalid", port=1, socket_path=path))
    assert session.read("@@port") == str(admin.server.port)
    assert session.read("SUBSTRING_INDEX(USER(), '@', -1)") == "localhost"


# Failing


def test_wrong_password_is_access_denied(api: API, account: Account) -> None:
    db = api.database(changed(account("right"), password="s3cret"))
    with pytest.raises(errors.AccessDeniedError) as caught:
        db.read_event("id")
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_EVENT_READ", 1045)
    assert "s3cret" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


def test_database_without_a_grant_is_access_denied(api: API, account: Account) -> None:
    db = api.database(changed(account("right"), database="mysql"))
    with pytest.raises(errors.AccessDeniedError) as caught:
        db.ping()
    assert caught.value.errno == 1044


def test_unknown_database_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(changed(settings, database="no_such_database"))
    with pytest.raises(errors.UnavailableError) as caught:
        db.read_online_hubs()
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_HUBS_READ", 1049)


def test_missing_table_is_a_schema_error(empty_db: EventflowDB) -> None:
    with pytest.raises(errors.SchemaError) as caught:
        empty_db.read_event("id")
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_EVENT_READ", 1146)


def test_closed_port_is_unavailable(api: API, settings: Settings) -> None:
    db = api.database(changed(settings, host="127.0.0.1", port=closed_port()))
    with pytest.raises(errors.UnavailableError) as caught:
        db.ping()
    assert (caught.value.code, caught.value.errno) == ("E_EVENTFLOW_DB_PING", 2003)


def test_unknown_host_is_unavailable(api: API) -> None:
    db = api.database(Settings(host="nowhere.invalid"))
    with pytest.raises(errors.UnavailableError):
        db.ping()


def test_server_that_never_greets_is_unavailable_within_connect_timeout(api: API) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        db = api.database(
            Settings(host="127.0.0.1", port=listener.getsockname()[1], connect_timeout=0.3, retry_limit=1)
        )
        with pytest.raises(errors.UnavailableError):
            db.ping()


def ssl_status(name: str, server: Server) -> str:
    schema = "performance_schema" if server.kind == "mysql" else "information_schema"
    return f"(SELECT variable_value FROM {schema}.session_status WHERE variable_name = '{name}')"


def offers_tls(admin: Admin) -> bool:
    """Whether the server has a certificate: by its own word, not by what a client was given."""
    variables = dict(
        admin.execute("SHOW GLOBAL VARIABLES WHERE variable_name IN ('have_ssl', 'tls_version', 'ssl_cert')")
    )
    if "have_ssl" in variables:
        return bool(variables["have_ssl"] == "YES")
    return bool(variables.get("ssl_cert") and variables.get("tls_version"))


def server_ca(server: Server, directory: Path) -> str:
    """The CA of the server's certificate, from its data directory."""
    if server.kind != "mysql":
        pytest.skip("this server's certificate, if it has one, is signed by nobody")
    testcontainer = getattr(server, "_testcontainer", None)
    if server.data_directory is not None:
        text = (server.data_directory / "ca.pem").read_text()
    elif testcontainer is not None:
        status, output = testcontainer.exec(["cat", "/var/lib/mysql/ca.pem"])
        assert status == 0
        text = output.decode()
    else:
        pytest.skip("the CA of a given server is unknown here")
    path = directory / "ca.pem"
    path.write_text(text)
    return str(path)
