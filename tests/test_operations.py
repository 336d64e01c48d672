"""Every operation: documented with its codes, and failing with them; the SQL knows no other codes."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from eventflow_db import AsyncEventflowDB, AsyncSession, AsyncTransaction, EventflowDB, Session, Transaction, errors
from eventflow_db.aio.connection import AsyncBorrowedSession
from eventflow_db.aio.retry import AsyncBudget
from eventflow_db.query import load_specs
from eventflow_db.sync.connection import BorrowedSession
from eventflow_db.sync.retry import Budget

from .operations import OPERATIONS, PREFIX, TABLES, call, fails

TRANSACTION: dict[str, tuple[str, ...]] = {"transaction": ("TRANSACTION",), "call": ("CALL",)}
OF_DATABASE: dict[str, tuple[str, ...]] = TRANSACTION | {
    "run_transaction": ("TRANSACTION",),
    "close": (),
    "from_connection": ("CONNECTION",),
}
CODES_OF_NO_OPERATION = {"SETUP_TABLE_SCHEMAS", "CONNECTION", "TRANSACTION", "HUB_READ", "HUB_NOT_FOUND"}
"""Of connections and transactions, and of the query that says whether a hub is the one that was sent."""
CLASSES: dict[type, dict[str, tuple[str, ...]]] = {
    EventflowDB: OF_DATABASE,
    AsyncEventflowDB: OF_DATABASE,
    **dict.fromkeys((Session, AsyncSession, Transaction, AsyncTransaction), TRANSACTION),
    **dict.fromkeys((BorrowedSession, AsyncBorrowedSession), TRANSACTION),
}
every_class = pytest.mark.parametrize("api", CLASSES, ids=lambda api: api.__name__)


def public_methods(api: Any) -> dict[str, Any]:
    return {name: method for name, method in inspect.getmembers(api, callable) if not name.startswith("_")}


@every_class
def test_public_methods_are_the_operations(api: type) -> None:
    assert public_methods(api).keys() == OPERATIONS.keys() | CLASSES[api].keys()


def test_public_names_of_a_transaction_are_the_operations(db: EventflowDB) -> None:
    with db.transaction() as tx:
        names = {name for name in dir(getattr(tx, "target", tx)) if not name.startswith("_")}
    assert names == OPERATIONS.keys() | TRANSACTION.keys()


@every_class
def test_public_methods_document_their_codes(api: type) -> None:
    codes = {name: operation.codes for name, operation in OPERATIONS.items()} | CLASSES[api]
    codes["setup_table_schemas"] = ("CREATE_TABLE_…", "SETUP_TABLE_SCHEMAS")
    undocumented = [
        (name, code)
        for name, method in public_methods(api).items()
        for code in codes[name]
        if PREFIX + code not in (inspect.getdoc(method) or "")
    ]
    assert undocumented == []


def test_codes_in_sql_are_those_of_the_operations() -> None:
    specs = load_specs().values()
    in_sql = {spec.error.code for spec in specs} | {spec.not_found[0] for spec in specs if spec.not_found}
    pinned = {code for operation in OPERATIONS.values() for code in operation.codes} | CODES_OF_NO_OPERATION
    assert in_sql == {PREFIX + code for code in pinned}


NEED_NO_TABLE = {
    "setup_table_schemas", "lock", "ping", *(f"create_table_{table}" for table in TABLES),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NEED_NO_TABLE])
def test_operation_without_its_table_is_schema_error_with_its_code(empty_db: EventflowDB, name: str) -> None:
    with fails(errors.SchemaError, OPERATIONS[name].codes[0]):
        call(empty_db, name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_without_server_is_unavailable_error_with_its_code(nowhere: EventflowDB, name: str) -> None:
    with fails(errors.UnavailableError, OPERATIONS[name].codes[0]):
        call(nowhere, name)


@pytest.mark.parametrize("name", [*OPERATIONS, "transaction", "run_transaction"])
def test_operation_after_close_says_that_it_is_closed_and_is_not_run_again(
    nowhere: EventflowDB, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere.close()
    for budget in (Budget, AsyncBudget):
        monkeypatch.delattr(budget, "again")
    with fails(errors.UnavailableError, OPERATIONS[name].codes[0] if name in OPERATIONS else "TRANSACTION") as caught:
        if name == "transaction":
            with nowhere.transaction():
                pass
        elif name == "run_transaction":
            nowhere.run_transaction(lambda tx: tx.ping())
        else:
            call(nowhere, name)
    assert caught.value.message.endswith(": the database object is closed")
    assert caught.value.errno is None


def test_every_query_of_many_rows_has_one_order_and_the_limit_behind_it() -> None:
    """Rows that no key tells apart come in any order, and mostly in the right one: tests of results miss it."""
    keys = "id|event_id|domain|seq|pid|cpid|eid|partition_ordinal_position|table_name"
    disordered = [
        spec.name
        for spec in load_specs().values()
        if spec.returns.endswith("*")
        and not re.search(
            rf"\bORDER BY\s[^()]*\b({keys})\s*(LIMIT (:\w+|\d+))?\s*(FOR UPDATE SKIP LOCKED)?;?\s*$", spec.sql
        )
    ]
    assert disordered == []


CHANGES: dict[str, tuple[str, set[str]]] = {
    "update_hub_to_quit": ("read_hub", {"quit"}),
    "update_event_published_to_consumed_by_hub": ("read_event_published", {"consumed_hub", "hub"}),
    "update_event_published_to_consumed_by_spoke": ("read_event_published", {"consumed_spoke", "consumer"}),
    "update_event_published_to_success": ("read_event_published", {"success"}),
    "update_event_published_to_failed": ("read_event_published", {"failed"}),
    "update_event_published_to_orphan": ("read_event_published", {"orphan"}),
    "update_event_scheduled_executed": ("read_event_scheduled", {"executed"}),
    "update_event_scheduled_success": ("read_event_scheduled", {"success"}),
    "update_event_scheduled_failed": ("read_event_scheduled", {"failed"}),
}
"""The operations that update a row: what reads it, and the fields that they change."""


@pytest.mark.parametrize("name", CHANGES)
def test_update_changes_the_fields_that_it_says_and_no_others(db: EventflowDB, name: str) -> None:
    for made in ("persist_hub", "persist_event", "persist_event_published", "persist_event_scheduled"):
        call(db, made)
    read, fields = CHANGES[name]
    before, _, after = call(db, read), call(db, name), call(db, read)
    assert {field for field in before.__struct_fields__ if getattr(before, field) != getattr(after, field)} == fields


def test_every_update_of_a_row_by_its_key_is_known_here() -> None:
    updates = {
        spec.method
        for spec in load_specs().values()
        if spec.verb == "UPDATE" and spec.returns == "changed" and spec.method and "event_published" not in spec.name
    }
    # those are told by tests of their own
    assert updates - {"cancel_event_scheduled", "reschedule_event", "revoke_certificate"} <= CHANGES.keys()
