"""Reads the columns of tables and of queries from their SQL, and makes the lock file's entries of them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ..query.annotations import shape
from ..query.contract import Entry
from ..query.spec import QuerySpec
from ..records import columns as record_columns
from .rules import MARK, check_rules, split, table_names

Schema = Mapping[str, Mapping[str, str]]
"""table → column → type."""
_TYPES: Final = {
    "str": "string", "int": "integer", "bool": "integer", "bytes": "blob", "datetime": "datetime", "Any": "json",
}  # fmt: skip
"""What a scalar, or a column of a record, is in SQL."""


def creations(specs: Mapping[str, QuerySpec]) -> list[QuerySpec]:
    """The queries that create tables, each behind those of the tables that it refers to."""
    by_table = {spec.name.partition(".")[0]: spec for spec in specs.values() if spec.verb == "CREATE"}
    named = {table: set(table_names(split(spec))) - {table} for table, spec in by_table.items()}
    try:
        order = list(TopologicalSorter(named).static_order())
    except CycleError:
        # the server will say so
        order = list(by_table)
    return [by_table[table] for table in order if table in by_table]


def read_schema(specs: Mapping[str, QuerySpec]) -> dict[str, dict[str, str]]:
    """The columns of the tables that the queries create, with their types as the contract spells them.

    Raises: ContractError where one cannot be read.
    """
    tables: dict[str, dict[str, str]] = {}
    for spec in creations(specs):
        # sqlglot does not know the bounds of partitions, of which columns know nothing
        end = next((word.start for word in split(spec) if word.text == "PARTITION"), len(spec.sql))
        try:
            tree = sqlglot.parse_one(spec.sql[:end], read="mysql")
        except SqlglotError as error:
            raise spec.refuse(f"cannot be read ({str(error).splitlines()[0]})", spec.body) from None
        name = next(tree.find_all(exp.Table)).name
        tables[name] = {column.name: _column_type(column) for column in tree.find_all(exp.ColumnDef)}
    return tables


def _column_type(column: exp.ColumnDef) -> str:
    kind = column.args["kind"].sql("mysql").lower()
    constraints = [constraint.kind for constraint in column.constraints]
    required = any(isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints)
    return kind if required else f"{kind} null"


def filled_columns(spec: QuerySpec) -> set[str] | None:
    """The columns that an INSERT always gives a value of its own; None where its columns cannot be read.

    Raises: ContractError naming file, line, query and the fix.
    """
    tree = check_rules(spec).tree
    if not isinstance(tree, exp.Insert) or not isinstance(tree.this, exp.Schema):
        return None
    values = tree.expression.expressions[0].expressions
    columns = zip(tree.this.expressions, values, strict=False)
    return {column.name for column, value in columns if not _may_be_default(spec, value)}


def _may_be_default(spec: QuerySpec, value: Any) -> bool:
    """Whether a value of an INSERT is DEFAULT, or a parameter that may be."""
    kind = spec.types.get(value.name.removeprefix(MARK))
    return value.name.upper() == "DEFAULT" or (kind is not None and kind.absent == b"DEFAULT")


def entry_of(spec: QuerySpec, schema: Schema) -> Entry:
    """The lock file's entry of a query, which is checked.

    Raises: ContractError naming file, line, query and the fix.
    """
    analysis = check_rules(spec)
    columns: dict[str, str] = {}
    if shape(spec.returns) in ("rows", "row", "value") and not spec.is_free:
        if not isinstance(analysis.tree, exp.Query):
            raise spec.refuse("its result columns cannot be read: write it more plainly", spec.body)
        for number, selected in enumerate(analysis.tree.selects):
            kind = _type_in_table(selected.unalias(), analysis.names, schema)
            columns[selected.alias_or_name] = kind or _type_by_returns(spec, number)
    return Entry.of(spec, columns, analysis.tables)


def _type_in_table(column: Any, names: Mapping[str, str], schema: Schema) -> str | None:
    """The type of a column of a table; None for any other expression."""
    if not isinstance(column, exp.Column):
        return None
    tables = [names.get(column.table, "")] if column.table else names.values()
    return next((schema[table][column.name] for table in tables if column.name in schema.get(table, {})), None)


def _type_by_returns(spec: QuerySpec, number: int) -> str:
    """The type of a result column by what the query returns."""
    if spec.record is None:
        return _TYPES[spec.scalars[number]]
    fields = record_columns(spec.record)
    if number >= len(fields):
        return "json"
    return _TYPES[fields[number].type] + (" null" if fields[number].nullable else "")


def entries(specs: Mapping[str, QuerySpec]) -> dict[str, Entry]:
    """The lock file's entry of every query, each checked.

    Raises: ContractError naming file, line, query and the fix.
    """
    schema = read_schema(specs)
    return {name: entry_of(spec, schema) for name, spec in specs.items()}
