"""Finds the annotated queries in sql/ and in overlays, and loads them through aiosql.

Every query becomes a `Statement`: its text, compiled once, with the `QuerySpec` that its annotation
spells. The same methods serve both APIs, because aiosql hands back whatever the connection's own
`run_query` returns: a result, or an awaitable of one.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

from aiosql.queries import Queries
from aiosql.types import QueryDataTree, QueryDatum, SQLOperationType

from ..errors import ContractError
from .annotations import check_meanings, read_specs, suffix
from .contract import FILE, Contract
from .spec import CODE, QuerySpec
from .statement import Statement

__all__ = ["QuerySpec", "Statement", "load", "load_specs", "package_sql"]

_OPERATIONS: Final = {
    "": SQLOperationType.SELECT,
    "^": SQLOperationType.SELECT_ONE,
    "$": SQLOperationType.SELECT_VALUE,
    "!": SQLOperationType.INSERT_UPDATE_DELETE,
    "#": SQLOperationType.SCRIPT,
}


class Connection(Protocol):
    """What a query is called with."""

    def run_query(self, statement: bytes, spec: QuerySpec) -> Any:
        """Send a statement; gives a Result, or an awaitable of one."""


class _Adapter:
    """What aiosql's methods call: each statement is sent by the connection, in its own way."""

    is_aio_driver = False  # what the connection gives is passed on as it is, awaitable or not

    def process_sql(self, query_name: str, op_type: SQLOperationType, sql: str) -> str:
        return sql

    def select(
        self,
        conn: Connection,
        query_name: str,
        sql: Statement,
        parameters: Mapping[str, bytes],
        record_class: Any = None,
    ) -> Any:
        return conn.run_query(sql.render(parameters), sql.spec)

    select_one = select_value = insert_update_delete = select

    def execute_script(self, conn: Connection, sql: Statement) -> Any:
        return conn.run_query(sql.render({}), sql.spec)


def package_sql() -> Path:
    """The directory of the package's own queries, installed or in a checkout."""
    here = Path(__file__).parent.parent
    installed = here / "_sql"
    return installed if installed.is_dir() else here.parent / "sql"


@lru_cache
def load_specs(sql_path: str | None = None) -> Mapping[str, QuerySpec]:
    """The package's queries, each replaced by the one of the same name of an overlay; later directories win.

    Text that is not the one in the lock file is judged in full, and has to keep the contract.

    Raises: ContractError where a file breaks a rule, or a query its contract.
    """
    base = package_sql()
    contract = Contract.read(base / FILE)
    specs = read_specs(base)
    contract.prove(specs.values(), specs)
    originals = dict(specs)
    if lost := sorted(set(contract.queries) - set(specs)):
        raise ContractError(CODE, f"{base / FILE}: query {lost[0]}: is in the contract, and in no file")
    for directory in (sql_path or "").split(os.pathsep):
        if not directory:
            continue
        if not Path(directory).is_dir():
            raise ContractError(CODE, f"{directory}: sql_path names no directory")
        overlay = read_specs(Path(directory))
        for name, spec in overlay.items():
            if name not in specs:
                raise spec.refuse("replaces no query of the package")
        contract.prove(overlay.values(), originals)
        specs |= overlay
    check_meanings(specs)
    return specs


@lru_cache
def load(sql_path: str | None = None, tag: bool = True) -> Any:
    """The queries as methods: `load().event.read(connection, id=literal)`.

    Raises: ContractError, as `load_specs`.
    """
    tree: dict[str, dict[str, QueryDatum]] = {}
    for spec in load_specs(sql_path).values():
        table, name = spec.name.split(".")
        parameters = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY) for key in spec.parameters]
        tree.setdefault(table, {})[name] = QueryDatum(
            spec.name, spec.purpose, _OPERATIONS[suffix(spec.returns)], Statement.compile(spec, tag), None,
            inspect.Signature(parameters), (spec.path, spec.line), None, list(spec.parameters),
        )  # fmt: skip
    return Queries(_Adapter()).load_from_tree(cast(QueryDataTree, tree))  # type: ignore[arg-type]
