"""Pytest fixtures that give tests a real server and databases of their own.

Enable them in the top conftest.py: `pytest_plugins = ["eventflow_db.testing.plugin"]`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from eventflow_db.testing.choice import is_given, resolve_choice, start_server
from eventflow_db.testing.server import Server, ServerUnavailableError, temporary_database

_server_key = pytest.StashKey[Server]()


@pytest.fixture(scope="session")
def eventflow_server_options() -> Sequence[str]:
    """Options of the server that is started, such as `--default-time-zone=+05:30`; override it to give some."""
    return ()


@pytest.fixture(scope="session")
def eventflow_server(pytestconfig: pytest.Config, eventflow_server_options: Sequence[str]) -> Iterator[Server]:
    """The server of this run, chosen by EVENTFLOW_TEST_SERVER, started on first use and stopped at the end.

    A server that does not start ends the run with one message and exit code 3.
    """
    try:
        choice = resolve_choice()
        # A server that runs already keeps the options it has.
        server = start_server(choice, options=() if is_given(choice) else eventflow_server_options)
    except ServerUnavailableError as exc:
        pytest.exit(f"no database server for the tests: {exc}", returncode=3)
    pytestconfig.stash[_server_key] = server
    with contextlib.closing(server):
        yield server


@pytest.fixture
def eventflow_database_url(eventflow_server: Server) -> Iterator[str]:
    """The URL of a fresh database with Eventflow's tables, dropped after the test."""
    from eventflow_db import EventflowDB

    with temporary_database(eventflow_server) as url:
        with EventflowDB(url) as db:
            db.setup_table_schemas()
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which server the tests ran on."""
    if server := config.stash.get(_server_key, None):
        terminalreporter.write_line(f"server: {server.kind} {server.version}, {server.origin}")
