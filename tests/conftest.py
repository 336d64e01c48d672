"""The fixtures of the suite: one server for the run, both APIs, a clean database for each test."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pymysql
import pytest
from hypothesis import settings as bounds

from eventflow_db import EventflowDB, NewCertificate, NewHub, Settings
from eventflow_db.testing import Server

from .api import API, Loop
from .proxy import Proxy
from .support import EVENT, Account, Admin, login

# a shell's job in the background ignores Ctrl-C, and so would what tests start to be interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)

# an example takes as long as a busy machine makes it
bounds.register_profile("suite", deadline=None)
bounds.load_profile("suite")

pytest_plugins = ["eventflow_db.testing.plugin"]

SERVERS = {"eventflow_server", "own_choice"}
"""The fixtures of who needs a server: that of the run, or one of its own."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `unit` what needs no server, for `scripts/test --unit`; skip on a cluster what is about one server."""
    for item in items:
        if "EVENTFLOW_TEST_CLUSTER" in os.environ and (mark := item.get_closest_marker("one_server")):
            item.add_marker(pytest.mark.skip(reason=f"about one server: {mark.args[0]}"))
        if isinstance(item, pytest.Function) and not SERVERS.intersection(item.fixturenames):
            item.add_marker(pytest.mark.unit)


@pytest.fixture(scope="session")
def eventflow_server_options() -> list[str]:
    """Defaults of the server that hurt whoever relies on defaults."""
    return [
        "--default-time-zone=+05:30",
        "--character-set-server=latin1",
        "--collation-server=latin1_swedish_ci",
        "--sql-mode=",
        "--transaction-isolation=REPEATABLE-READ",
        "--autocommit=0",
        "--local-infile=1",
    ]


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """The event loop that the asyncio API runs on."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(params=["sync", "async"])
def api_without_server(request: pytest.FixtureRequest, loop: Loop) -> Iterator[API]:
    """Each API in turn."""
    api = API(request.param, loop)
    yield api
    api.close()


@pytest.fixture
def api(api_without_server: API, eventflow_server: Server) -> API:
    """Each API in turn, on the server of the run."""
    api_without_server.server = eventflow_server
    return api_without_server


@pytest.fixture(scope="session")
def _shared_database(eventflow_server: Server) -> Iterator[str]:
    admin = Admin(eventflow_server)
    name = f"eventflow_test_{secrets.token_hex(6)}"
    admin.execute(f"CREATE DATABASE `{name}`")
    with EventflowDB(eventflow_server.database_url(name)) as db:
        db.setup_table_schemas()
    admin.close()  # a test may restart the server
    yield name
    admin.execute(f"DROP DATABASE `{name}`")
    admin.close()


@pytest.fixture
def database(_shared_database: str, admin: Admin) -> Iterator[str]:
    """The name of a database with every table, all empty, which the test must not alter."""
    yield _shared_database
    admin.use(_shared_database)
    for table in ("event", "hub", "log", "certificate", "lease"):  # the others follow by their foreign keys
        admin.execute(f"DELETE FROM {table}")


@pytest.fixture
def admin(eventflow_server: Server) -> Iterator[Admin]:
    """The server's administrator."""
    admin = Admin(eventflow_server)
    yield admin
    admin.close()


@pytest.fixture
def url(eventflow_server: Server, database: str) -> str:
    """The URL of the database with every table."""
    return eventflow_server.database_url(database)


@pytest.fixture
def settings(url: str) -> Settings:
    """Settings for the database with every table."""
    return Settings.from_url(url)


@pytest.fixture
def db(api: API, settings: Settings) -> EventflowDB:
    """The database object, of each API in turn, on empty tables."""
    return api.database(settings)


@pytest.fixture
def empty_database(eventflow_server: Server, admin: Admin) -> Iterator[str]:
    """The name of a database without tables, which the test may do anything to."""
    name = f"eventflow_test_{secrets.token_hex(6)}"
    admin.execute(f"CREATE DATABASE `{name}`")
    yield name
    admin.execute(f"DROP DATABASE IF EXISTS `{name}`")


@pytest.fixture
def empty_db(api: API, eventflow_server: Server, empty_database: str) -> EventflowDB:
    """The database object, of each API in turn, on a database without tables."""
    return api.database(eventflow_server.database_url(empty_database))


@pytest.fixture
def rival(settings: Settings) -> Iterator[Any]:
    """A connection of another session, in a transaction."""
    connection = pymysql.connect(**login(settings), database=settings.database, autocommit=False, read_timeout=60)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 50")
    yield connection
    with contextlib.suppress(pymysql.MySQLError):
        connection.rollback()
        connection.close()


@pytest.fixture
def nowhere(api_without_server: API) -> Iterator[EventflowDB]:
    """The database object, of each API in turn, where no server listens: whatever is sent is an UnavailableError."""
    with socket.socket() as taken:  # bound, so that nobody else listens there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        yield api_without_server.database(Settings(host="127.0.0.1", port=port, retry_limit=1, ssl_mode="DISABLED"))


@pytest.fixture
def stored(admin: Admin, database: str) -> Callable[[], list[str]]:
    """The ids of the events that are committed, sorted."""
    return lambda: [id for (id,) in admin.execute(f"SELECT id FROM `{database}`.event ORDER BY id")]


@pytest.fixture
def account(admin: Admin, settings: Settings) -> Iterator[Account]:
    """Makes fresh accounts, whose first login nothing is cached for, and which may do all to their database."""
    made = []

    def make(password: str, how: str = "", **values: Any) -> Settings:
        name = f"eve{secrets.token_hex(4)}"
        given = msgspec.structs.replace(settings, user=name, password=password, **values)
        quoted = password.replace("'", "''")
        using = f"{how} BY" if how else "BY"
        admin.execute(f"CREATE USER '{name}'@'%' IDENTIFIED {using} '{quoted}'")
        made.append(name)
        admin.execute(f"GRANT ALL ON `{given.database}`.* TO '{name}'@'%'")
        return given

    yield make
    for name in made:
        admin.execute(f"DROP USER '{name}'@'%'")


@pytest.fixture
def hub() -> NewHub:
    """A hub to persist."""
    return {
        "id": "hub-id",
        "external_ip": "127.0.0.1",
        "external_port": 50001,
        "internal_ip": "127.0.0.1",
        "internal_port": 50001,
    }


@pytest.fixture
def certificate() -> NewCertificate:
    """A certificate to persist, valid for a day."""
    return {
        "id": "certificate-id",
        "validity": datetime.now(UTC) + timedelta(days=1),
        "cert": "certificate",
        "key": b"encryption key",
        "key_iv": b"key iv",
        "key_salt": b"key salt",
        "key_tag": b"key tag",
        "pass": b"encrypted passphrase",
        "pass_iv": b"pass iv",
        "pass_salt": b"pass salt",
        "pass_tag": b"pass tag",
    }


@pytest.fixture
def event_id(db: EventflowDB) -> str:
    """The id of a persisted event."""
    return db.persist_event(EVENT)


@pytest.fixture(scope="session")
def check_settings(eventflow_server: Server) -> Iterator[Settings]:
    """Settings for `check`; what scratch databases it was told to keep are dropped at the end of the run."""
    yield Settings.from_url(eventflow_server.database_url("eventflow_test"))
    admin = Admin(eventflow_server)
    for (name,) in admin.execute("SHOW DATABASES LIKE 'eventflow\\_check\\_%'"):
        admin.execute(f"DROP DATABASE `{name}`")
    admin.close()


@pytest.fixture
def proxy(eventflow_server: Server) -> Iterator[Proxy]:
    """The way to the server, with faults on request."""
    with Proxy(eventflow_server) as proxy:
        yield proxy


@pytest.fixture
def proxied(settings: Settings, proxy: Proxy) -> Settings:
    """Settings that lead through the proxy, in plain text so that it sees the statements, on one connection."""
    return msgspec.structs.replace(settings, host="127.0.0.1", port=proxy.port, ssl_mode="DISABLED", connection_limit=1)


@pytest.fixture
def far(api: API, proxied: Settings) -> EventflowDB:
    """The database object, of each API in turn, behind the proxy, with a connection that stands."""
    db = api.database(proxied)
    db.ping()
    return db
