"""A database server as tests see it, one that was given or, as a base of local.py and container.py, started here."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import pymysql

from eventflow_db.errors import InvalidValueError
from eventflow_db.printable import printable
from eventflow_db.settings import Settings

START_TIMEOUT = 90.0
"""Seconds that a server may take until it lets root in."""

# Options that only some servers know are `loose`. Commits still reach the kernel: a killed server loses none.
FAST = [
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--loose-innodb-flush-method=nosync",
    "--loose-debug-no-sync",
    "--loose-skip-log-bin",
    "--sync-binlog=0",
    "--skip-name-resolve",
    "--loose-mysqlx=OFF",
]


class ServerUnavailableError(RuntimeError):
    """No server can be had, with the command that changes it."""

    def __init__(self, message: str) -> None:
        # what a server or a choice says ends up on terminals
        super().__init__(printable(message, keep="\n"))


class NoLocalServerError(ServerUnavailableError):
    """There is no usable local binary, which a package manager can cure."""


class Server:
    """A database server that root can log in to: one that was given and is never stopped, here.

    `url` is its address as root, without a database and with the password; neither `origin` nor the repr
    holds the password. Servers that were started here can also be stopped, killed, paused and started again.
    """

    can_restart = False
    data_directory: Path | None = None
    kind: Literal["mysql", "mariadb"]
    version: str
    version_info: tuple[int, ...]

    def __init__(self, url: str, origin: str) -> None:
        try:
            settings = self._settings = Settings.from_url(url)
        except InvalidValueError as exc:
            raise ServerUnavailableError(f"{origin} cannot be used: {exc}") from None
        parts = urlsplit(url)
        if not parts.hostname or settings.are_several:
            raise ServerUnavailableError(f"{origin} must look like mysql://user:password@host:port/")
        self.host, self.port, self.user, self.password = settings.host, settings.port, settings.user, settings.password
        self.origin = origin
        self._query = f"?{parts.query}" if parts.query else ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port} {self.origin}>"

    @property
    def url(self) -> str:
        """The address as the administrator, without a database."""
        return self.database_url("")

    def database_url(self, name: str) -> str:
        """The address of one database, as the administrator."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user, password, name = (quote(text, safe="") for text in (self.user, self.password, name))
        return f"mysql://{user}:{password}@{host}:{self.port}/{name}{self._query}"

    def connect(self, database: str | None = None) -> pymysql.connections.Connection[Any]:
        """Open an autocommitting connection as the administrator."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            unix_socket=self._settings.socket_path,
            user=self.user,
            # As bytes, because PyMySQL would encode text as latin-1.
            password=self.password.encode(),
            database=database,
            ssl_disabled=self._settings.ssl_mode == "DISABLED",
            # Said to the server: MySQL tells the driver that it is on, whatever its default is.
            autocommit=None,
            init_command="SET autocommit = 1",
        )

    def stop(self) -> None:
        """Shut the server down in order; its data stays for `start`."""
        self._refuse()

    def kill(self) -> None:
        """End the server at once (SIGKILL); its data stays for `start`."""
        self._refuse()

    def start(self) -> None:
        """Start the server again, on the same port and data."""
        self._refuse()

    def pause(self) -> None:
        """Freeze the server: connections stay open and get no answer."""
        self._refuse()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._refuse()

    def close(self) -> None:
        """End a server that was started here and remove its data; leaves a given one alone."""

    def _refuse(self) -> None:
        raise ServerUnavailableError(f"{self.origin} was not started here and is left alone")

    def log_in(self) -> None:
        """Log in once and note what the server is."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            ((version,),) = cursor.fetchall()
        self.version = printable(version)
        self.kind = "mariadb" if "mariadb" in self.version.lower() else "mysql"
        self.version_info = tuple(map(int, re.findall(r"\d+", self.version.split("-")[0])))


@contextlib.contextmanager
def temporary_database(server: Server) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped at the end, also when the server was restarted."""
    name = f"eventflow_test_{secrets.token_hex(6)}"
    with server.connect() as connection:
        connection.query(f"CREATE DATABASE `{name}`")
    try:
        yield server.database_url(name)
    finally:
        with server.connect() as connection:
            connection.query(f"DROP DATABASE IF EXISTS `{name}`")


class StartedServer(Server):
    """A server that can be restarted, and that goes away with the process that started it, even a killed one."""

    can_restart = True

    def __init__(self, origin: str, options: Sequence[str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__(f"mysql://root:{secrets.token_urlsafe(18)}@127.0.0.1:{port}/", origin)
        self._options = [*FAST, *options]

    def start(self) -> None:
        """Start the server, again on the same port and data."""
        if self._is_alive():
            return
        self._launch()
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.log_in()
                return
            except pymysql.MySQLError as exc:
                problem = str(exc) if self._is_alive() else "it ended"
            if problem == "it ended" or time.monotonic() > deadline:
                raise self._failure(f"did not start ({problem})")
            time.sleep(0.05)

    def close(self) -> None:
        """End the server and remove its data."""
        # A forked child runs the parent's exit handlers too: the server is not the child's.
        if self._watchdog.returncode is None and self._owner == os.getpid():
            atexit.unregister(self.close)
            self._end()
            self._watchdog.communicate(b"end", timeout=30)

    def _start_guarded(self, kind: str, name: str) -> None:
        """Start the server for the first time, while a watchdog guards the `directory` or `container` of that name."""
        self._owner = os.getpid()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("watchdog.py")), kind, name],
            stdin=subprocess.PIPE,
            # It must outlive what ends this process, Ctrl-C included.
            start_new_session=True,
        )
        atexit.register(self.close)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def _failure(self, what: str) -> ServerUnavailableError:
        lines = "\n".join(self._log().splitlines()[-15:])
        return ServerUnavailableError(f"{self.origin} {what}; its log ends:\n{lines}")

    def _is_alive(self) -> bool:
        raise NotImplementedError

    def _launch(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError

    def _log(self) -> str:
        raise NotImplementedError
