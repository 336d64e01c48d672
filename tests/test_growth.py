"""What an operation reads does not grow with its tables: counted by the server, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventflow_db import EventflowDB, Settings, connection_arguments

from .api import API
from .filled import MEASURED, fill_with_old_rows, prepare
from .operations import call
from .support import Admin

FEW, MANY = 40, 1000
COUNTED = "SHOW SESSION STATUS WHERE variable_name LIKE 'Handler_read_%' OR variable_name LIKE 'Handler_icp_%'"


class Counter:
    """Operations on one connection, and how many rows the server has read for it."""

    def __init__(self, api: API, database: str) -> None:
        self._api = api
        self.connection = api.connect(database, autocommit=True, **connection_arguments())
        self.session = api.session(self.connection)
        self.session.ping()

    def rows_read(self) -> int:
        return sum(int(value) for _, value in self._api.execute(self.connection, COUNTED))

    def count(self, name: str) -> int:
        """The rows that an operation reads."""
        self.rows_read()
        before = self.rows_read()
        own = self.rows_read() - before  # of the question itself
        before = self.rows_read()
        call(self.session, name)
        return self.rows_read() - before - own


@pytest.fixture(scope="module")
def filled(eventflow_server: Any) -> Iterator[dict[int, str]]:
    """Databases with few and with many old rows, and the rows that operations ask for."""
    admin = Admin(eventflow_server)
    databases = {}
    for rows in (FEW, MANY):
        name = databases[rows] = f"eventflow_test_growth_{rows}"
        admin.execute(f"DROP DATABASE IF EXISTS `{name}`")
        admin.execute(f"CREATE DATABASE `{name}`")
        settings = Settings.from_url(eventflow_server.database_url(name))
        with EventflowDB(settings) as db:
            db.setup_table_schemas()
        fill_with_old_rows(settings, rows)
    yield databases
    for name in databases.values():
        admin.execute(f"DROP DATABASE `{name}`")
    admin.close()


@pytest.mark.parametrize("name", MEASURED)
def test_rows_read_do_not_grow_with_the_table(api: API, filled: dict[int, str], name: str) -> None:
    read = {}
    for rows, database in filled.items():
        counter = Counter(api, database)
        api.execute(counter.connection, "BEGIN")
        prepare(counter.session, name)
        read[rows] = counter.count(name)
        api.execute(counter.connection, "ROLLBACK")
        counter.connection.close()
    assert read[MANY] <= 2 * read[FEW] + 5, read
