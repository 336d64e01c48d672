"""Annotated SQL: finds the queries in sql/ and in overlays, and loads them through aiosql."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

from aiosql.queries import Queries
from aiosql.types import QueryDataTree, QueryDatum, SQLOperationType

from .annotations import check_unique, read_specs, suffix
from .contract import FILE, Contract
from .refusals import Refusals, refused
from .spec import QuerySpec
from .statement import Statement

_OPERATIONS: Final = {
    "": SQLOperationType.SELECT,
    "^": SQLOperationType.SELECT_ONE,
    "$": SQLOperationType.SELECT_VALUE,
    "!": SQLOperationType.INSERT_UPDATE_DELETE,
    # its scripts take no parameters, ours are single statements
    "#": SQLOperationType.INSERT_UPDATE_DELETE,
}


class _Adapter:
    """Hands what aiosql's methods are called with to the session that they are called with.

    The same methods serve both APIs: what the session gives is passed on as it is, awaitable or not.
    """

    is_aio_driver = False

    def __init__(self, statements: Mapping[str, Statement]) -> None:
        self._statements = statements

    def process_sql(self, name: str, operation: SQLOperationType, sql: str) -> str:
        return sql

    def select(self, session: Any, name: str, sql: str, values: Mapping[str, Any], record_class: Any = None) -> Any:
        return session._read(self._statements[name], values)

    def select_one(self, session: Any, name: str, sql: str, values: Mapping[str, Any], record_class: Any = None) -> Any:
        return session._read_one(self._statements[name], values)

    select_value = select_one

    def insert_update_delete(self, session: Any, name: str, sql: str, values: Mapping[str, Any]) -> Any:
        return session._write(self._statements[name], values)


def package_sql() -> Path:
    """The directory of the package's own queries, installed or in a checkout."""
    here = Path(__file__).parent.parent
    installed = here / "_sql"
    return installed if installed.is_dir() else here.parent / "sql"


@lru_cache
def load_specs(sql_path: str | None = None) -> Mapping[str, QuerySpec]:
    """The package's queries, each replaced by the one of the same name of an overlay, and what overlays add.

    Later directories win.

    Text that is not the one in the lock file is checked in full, and has to keep the contract.

    Raises: ContractError naming each file that breaks a rule, and each query that breaks its contract.
    """
    base = package_sql()
    contract = Contract.read(base / FILE)
    refusals = Refusals()
    specs = read_specs(base, refusals)
    originals = dict(specs)
    _check(contract, specs, originals, refusals)
    for name in () if refusals.found else sorted(set(contract.queries) - set(specs)):
        with refusals.collecting():
            raise refused(base / FILE, "is in the contract, and in no file", query=name)
    for directory in filter(None, (sql_path or "").split(os.pathsep)):
        with refusals.collecting():
            if not Path(directory).is_dir():
                raise refused(directory, "sql_path names no directory")
            overlay = read_specs(Path(directory), refusals)
            for name in overlay.keys() - specs.keys():
                with refusals.collecting():
                    _check_addition(overlay[name])
            _check(contract, overlay, originals, refusals)
            specs |= overlay
    with refusals.collecting():
        check_unique(specs)
    refusals.check()
    return specs


def _check_addition(spec: QuerySpec) -> None:
    """What an overlay adds is called by its name, and is no statement that opens or ends something."""
    if spec.method or spec.batch or spec.takes:
        raise spec.refuse("replaces no query of the package, and so is no method: without -- method, call(…) runs it")
    if spec.kind not in ("read", "write"):
        raise spec.refuse(f"replaces no query of the package, and is {spec.verb}: an addition reads or writes rows")


def _check(
    contract: Contract, specs: Mapping[str, QuerySpec], originals: Mapping[str, QuerySpec], refusals: Refusals
) -> None:
    """Check the text that the contract does not know, and compare every query with the contract."""
    for spec in specs.values():
        with refusals.collecting():
            if not contract.knows(spec):
                _check_text(contract, spec, originals.get(spec.name))
            contract.compare(spec)


def _check_text(contract: Contract, spec: QuerySpec, original: QuerySpec | None) -> None:
    try:
        # that takes sqlglot, which is an extra, and longer to import than all of this package
        from ..check.overlay import check_text
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlglot":
            raise
        raise spec.refuse(
            f"its text is not the one in {FILE}, and checking it needs sqlglot: pip install 'eventflow-db[cli]'"
        ) from None
    check_text(spec, original, contract.queries.get(spec.name))


@lru_cache
def load(sql_path: str | None = None, tag: bool = True) -> Any:
    """The queries as aiosql's methods: `load().event.read(session, id="…")`; each has its `statement`.

    Raises: ContractError, as `load_specs`.
    """
    statements = {name: Statement(spec, tag) for name, spec in load_specs(sql_path).items()}
    tree: dict[str, dict[str, QueryDatum]] = {}
    for statement in statements.values():
        spec = statement.spec
        table, name = spec.name.split(".")
        tree.setdefault(table, {})[name] = QueryDatum(
            spec.name, spec.purpose, _OPERATIONS[suffix(spec.returns)], spec.sql, None, None,
            (spec.path, spec.line), None, list(spec.param),
        )  # fmt: skip
    queries = Queries(_Adapter(statements)).load_from_tree(cast(QueryDataTree, tree))  # type: ignore[arg-type]
    for name, statement in statements.items():
        attrgetter(name)(queries).__func__.statement = statement
    return queries
