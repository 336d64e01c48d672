"""What an operation reads does not grow with its tables: counted by the server, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow_db import EventflowDB, Session, connection_arguments

from .api import API
from .operations import CERTIFICATE, HUB, OPERATIONS, call
from .support import EVENT, Admin

FEW, MANY = 40, 1000
DAY = datetime(2024, 1, 1, tzinfo=UTC)
COUNTED = "SHOW SESSION STATUS WHERE variable_name LIKE 'Handler_read_%' OR variable_name LIKE 'Handler_icp_%'"

# Old rows that no operation asks for: other processes and entities, what is done, gone, executed or archived.
FILL = (
    "INSERT INTO hub SELECT CONCAT('old', n), '2024-01-01', '10.0.0.1', 1, '10.0.0.1', 1, '2024-01-02' FROM n",
    "INSERT INTO event SELECT CONCAT('old', n), '2024-01-01' + INTERVAL n SECOND, IF(n % 2, 'domain', 'other'), NULL, "
    "CONCAT('old', n % 9), 'name', '{}' FROM n",
    "INSERT INTO event_published (event_id, publisher) SELECT CONCAT('old', n), 'publisher' FROM n",
    "INSERT INTO event_scheduled (event_id, scheduled, executed) SELECT CONCAT('old', n), '2024-01-01', '2024-01-01' "
    "FROM n",
    "INSERT INTO event_cpid SELECT CONCAT('old', n), CONCAT('old', n % 9) FROM n",
    "INSERT INTO event_eid SELECT CONCAT('old', n), CONCAT('old', n % 9) FROM n",
    "INSERT INTO certificate SELECT '2024-01-01', '2024-01-01', 1 + n % 9, CONCAT('old', n DIV 9), 'cert', 'key', "
    "'iv', 'salt', 'tag', 'pass', 'iv', 'salt', 'tag', '2024-01-02', '2024-01-02' FROM n",
    "INSERT INTO log (agent, message, error) SELECT 'agent', 'message', '{}' FROM n",
)
READ_NOTHING = {
    "setup_table_schemas", "lock", "ping", "archive_log", "prepare_log_partitions", "prune_log",
}  # fmt: skip
"""Operations on no rows of the tables, or on whole partitions."""
MEASURED = [name for name in OPERATIONS if name not in READ_NOTHING and not name.startswith("create_table_")]


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
        with EventflowDB(eventflow_server.database_url(name)) as db:
            db.setup_table_schemas()
        admin.use(name)
        admin.execute("CREATE TABLE n (n INT PRIMARY KEY)")
        admin.execute("INSERT INTO n VALUES " + ", ".join(f"({number})" for number in range(rows)))
        for statement in FILL:
            admin.execute(statement)
        admin.execute("ANALYZE TABLE certificate, event, event_cpid, event_eid, event_published, event_scheduled, hub")
    yield databases
    for name in databases.values():
        admin.execute(f"DROP DATABASE `{name}`")
    admin.close()


def prepare(session: Session, name: str) -> None:
    """The rows that an operation asks for; what it persists itself is absent."""
    if name != "persist_event":
        session.persist_event({**EVENT, "id": "event-id"})
    if name not in ("persist_event_cpid", "persist_events_cpid", "persist_event"):
        session.persist_event_cpid("event-id", "cpid")
    if name not in ("persist_event_eid", "persist_events_eid", "persist_event"):
        session.persist_event_eid("event-id", "eid")
    if name not in ("persist_event_published", "persist_events_published", "persist_event"):
        session.persist_event_published({"event_id": "event-id", "publisher": "publisher"})
    if name not in ("persist_event_scheduled", "persist_events_scheduled", "persist_event"):
        session.persist_event_scheduled({"event_id": "event-id", "scheduled": DAY})
    if name != "persist_hub":
        session.persist_hub(HUB)  # type: ignore[arg-type]
    if name != "persist_certificate":
        expired = name == "revoke_certificates_past_validity_period"
        validity = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
        session.persist_certificate(CERTIFICATE | {"validity": validity})  # type: ignore[arg-type]


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
