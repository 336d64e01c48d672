"""What test modules share: an event, a time, the server's administrator, another session's statements, waiting."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import msgspec
import pymysql

from eventflow_db import NewEvent, Settings, Transaction
from eventflow_db.check.scratch import PREFIX
from eventflow_db.testing import Server

Account = Callable[..., Settings]
"""The fixture that makes accounts: with a password, as the settings that lead there."""
NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
EVENT: NewEvent = {"domain": "domain", "pid": "pid", "name": "name", "data": {"key": "value"}}


def login(place: Server | Settings) -> dict[str, Any]:
    """How the drivers connect as the administrator, whatever the password holds: they encode text as latin-1."""
    password = place.password.encode().decode("latin-1")
    return {"host": place.host, "port": place.port, "user": place.user, "password": password}


class Admin:
    """The server's administrator: looks at tables, and breaks things, past the library."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection: Any = None

    def execute(self, statement: str, *arguments: Any) -> tuple[tuple[Any, ...], ...]:
        """Run a statement in UTC, committed at once; gives its rows."""
        if self._connection is None or not self._connection.open:
            self._connection = pymysql.connect(
                **login(self.server), charset="utf8mb4", autocommit=None,
                # autocommit=True would not do: MySQL tells PyMySQL that it is on, whatever the server's default
                init_command="SET time_zone = '+00:00', autocommit = 1",
                ssl_disabled=True,  # saves 20 ms
            )  # fmt: skip
        return execute(self._connection, statement, *arguments)

    def use(self, database: str) -> None:
        """Make a database the default one."""
        self.execute(f"USE `{database}`")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None and self._connection.open:
            self._connection.close()


def count(admin: Admin, database: str, table: str) -> int:
    """How many rows a table has."""
    return int(admin.execute(f"SELECT COUNT(*) FROM `{database}`.{table}")[0][0])


def statements(admin: Admin, text: str) -> int:
    """How many sessions run a statement that holds a text."""
    running = "SELECT id FROM information_schema.processlist WHERE info LIKE %s AND id != CONNECTION_ID()"
    return len(admin.execute(running, f"%{text}%"))


def scratches(admin: Admin) -> set[str]:
    """The scratch databases of `check` that are on the server."""
    return {str(name) for (name,) in admin.execute("SHOW DATABASES") if str(name).startswith(PREFIX)}


@contextlib.contextmanager
def granted(admin: Admin, settings: Settings, *grants: str) -> Iterator[Settings]:
    """The settings of an account with these grants, such as `SELECT ON *.*`, and no others."""
    admin.execute("DROP USER IF EXISTS 'granted'@'%'")
    admin.execute("CREATE USER 'granted'@'%' IDENTIFIED BY 'granted'")
    try:
        for grant in grants:
            admin.execute(f"GRANT {grant} TO 'granted'@'%'")
        yield msgspec.structs.replace(settings, user="granted", password="granted")
    finally:
        admin.execute("DROP USER 'granted'@'%'")


# --- other sessions


def execute(connection: Any, statement: str, *arguments: Any) -> tuple[tuple[Any, ...], ...]:
    """Run a statement on a connection of PyMySQL; gives its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return tuple(cursor.fetchall())


def hold_event(rival: Any) -> None:
    """Insert the event `held`, so that who inserts it too waits until the rival's transaction ends."""
    execute(rival, "INSERT INTO event (id, domain, pid, name, data) VALUES ('held', 'd', 'p', 'n', '{}')")


def deadlock(tx: Transaction, rival: Any) -> None:
    """Have the server choose the transaction as the victim of a real deadlock: the rival has changed more rows."""
    tx.persist_event({**EVENT, "id": "mine"})
    execute(rival, "INSERT INTO event (id, domain, pid, name, data) VALUES ('theirs', 'd', 'p', 'n', '{}')")
    for number in range(20):
        execute(rival, f"INSERT INTO log (agent, message, error) VALUES ('rival', '{number}', '{{}}')")
    waits = threading.Thread(
        target=execute, args=(rival, "SELECT id FROM event WHERE id = 'mine' FOR UPDATE"), daemon=True
    )
    waits.start()
    waits.join(0.3)
    assert waits.is_alive()
    try:
        tx.delete_event("theirs")
    finally:
        waits.join(30)


def connection_id(tx: Any) -> int:
    """The server's number for the connection of a transaction."""
    thread_id = getattr(tx, "target", tx)._channel.connection.server_thread_id
    return int(thread_id[0] if isinstance(thread_id, tuple) else thread_id)


def idle(db: Any) -> list[Any]:
    """The connections of a database object that nobody uses."""
    return [channel for share in getattr(db, "target", db)._pool._shares.values() for channel in share.idle]


def used(db: Any) -> list[Any]:
    """The connections of a database object that somebody uses."""
    return [channel for share in getattr(db, "target", db)._pool._shares.values() for channel in share.used]


def is_collecting(frame: FrameType | None) -> bool:
    """Whether objects are being collected there, or Hypothesis looks at that: what is raised then, Python drops."""
    # _remove: of a WeakSet whose member has gone
    names = {"__del__", "_remove", "gc_callback"}
    return any(one.f_code.co_name in names for one, _ in traceback.walk_stack(frame))


def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- waiting


def threads_of_ours() -> list[threading.Thread]:
    """The threads that work beside the calls."""
    return [thread for thread in threading.enumerate() if thread.name == "eventflow-db"]


def eventually(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
