"""The grants that sql/README.md names for each role are enough, and no more than that is needed for what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check.diff import diff
from eventflow_db.check.prove import prove
from eventflow_db.query import load_specs
from eventflow_db.testing import Server

from .api import API
from .operations import OPERATIONS, call
from .support import EVENT, Admin

SERVICE = ("SELECT, INSERT, UPDATE, DELETE ON `{database}`.*",)
MIGRATOR = ("SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX, REFERENCES, DROP ON `{database}`.*",)
CHECKER = (
    "SELECT, REFERENCES ON `{database}`.*",
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP ON `eventflow\\_check\\_%`.*",
)
READER = ("SELECT ON `{database}`.*",)
DDL = ["setup_table_schemas", *(name for name in OPERATIONS if name.startswith("create_table_"))]
PARTITIONS = ["archive_log", "prepare_log_partitions", "prune_log"]


@pytest.fixture
def role(
    api: API, eventflow_server: Server, empty_database: str, admin: Admin
) -> Iterator[Callable[[tuple[str, ...]], EventflowDB]]:
    """Makes a database object for an account with some grants on one database, and none beside."""
    admin.execute("DROP USER IF EXISTS role")
    admin.execute("CREATE USER role IDENTIFIED BY 'role'")

    def make(grants: tuple[str, ...]) -> EventflowDB:
        for grant in grants:
            admin.execute(f"GRANT {grant.format(database=empty_database)} TO role")
        settings = Settings.from_url(eventflow_server.database_url(empty_database))
        return api.database(msgspec.structs.replace(settings, user="role", password="role"))

    yield make
    admin.execute("DROP USER role")


def denied(db: EventflowDB, name: str) -> bool:
    """Whether an operation is refused for want of a grant."""
    try:
        call(db, name)
    except errors.AccessDeniedError:
        return True
    except errors.EventflowDBError:
        pass  # such as a row that another operation has deleted
    return False


def test_service_may_do_all_that_is_no_ddl(
    role: Callable[[tuple[str, ...]], EventflowDB], empty_db: EventflowDB
) -> None:
    empty_db.setup_table_schemas()
    db = role(SERVICE)
    assert [name for name in OPERATIONS if name not in (*DDL, *PARTITIONS) and denied(db, name)] == []
    with db.transaction() as tx:
        tx.persist_event(EVENT)
    assert denied(db, "create_table_hub")
    assert denied(db, "archive_log")


def test_migrator_may_make_tables_and_archive(role: Callable[[tuple[str, ...]], EventflowDB]) -> None:
    db = role(MIGRATOR)
    for name in (*DDL, *PARTITIONS):
        assert not denied(db, name), name
    assert denied(db, "delete_event")


@pytest.mark.slow
def test_checker_may_prove_every_query_and_compare_the_tables(
    role: Callable[[tuple[str, ...]], EventflowDB], empty_db: EventflowDB, empty_database: str, eventflow_server: Server
) -> None:
    empty_db.setup_table_schemas()
    role(CHECKER)
    settings = Settings.from_url(eventflow_server.database_url(empty_database))
    settings = msgspec.structs.replace(settings, user="role", password="role")
    proved = prove(settings, load_specs(), rows=2000)
    assert [finding for finding in proved if any("denied" in problem for problem in finding.problems)] == []
    assert diff(settings, load_specs()) == []


@pytest.mark.slow
def test_checker_of_a_server_with_partial_revokes_may_prove_queries(
    role: Callable[[tuple[str, ...]], EventflowDB], empty_database: str, eventflow_server: Server, admin: Admin
) -> None:
    if "MariaDB" in str(admin.execute("SELECT VERSION()")[0][0]):
        pytest.skip("MariaDB revokes nothing in part")
    admin.execute("SET GLOBAL partial_revokes = ON")
    try:
        role((CHECKER[0], CHECKER[1].replace("`eventflow\\_check\\_%`.*", "*.*")))
        admin.execute("REVOKE DELETE, DROP ON mysql.* FROM role")
        settings = Settings.from_url(eventflow_server.database_url(empty_database))
        settings = msgspec.structs.replace(settings, user="role", password="role")
        (finding,) = prove(settings, load_specs(), only=["event.read"], rows=200)
        assert finding.ok
        admin.execute("DROP USER role")
        admin.execute("CREATE USER role")
    finally:
        admin.execute("SET GLOBAL partial_revokes = OFF")


def test_reader_may_look_and_judge_the_queries_that_read(
    role: Callable[[tuple[str, ...]], EventflowDB], empty_db: EventflowDB, empty_database: str, eventflow_server: Server
) -> None:
    empty_db.setup_table_schemas()
    empty_db.persist_event(EVENT)
    db = role(READER)
    assert db.read_status().publications == []
    settings = msgspec.structs.replace(
        Settings.from_url(eventflow_server.database_url(empty_database)), user="role", password="role"
    )
    findings = {finding.query: finding for finding in prove(settings, load_specs(), scratch=False)}
    assert [finding for finding in findings.values() if finding.problems] == []
    assert findings["event.read"].ok
    assert not findings["event.delete"].ok
