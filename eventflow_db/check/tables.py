"""The columns of tables and of queries, as their SQL has them; and the lock file's entries."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ..query.annotations import shape
from ..query.contract import Entry
from ..query.spec import QuerySpec
from ..records import Column
from ..records import columns as record_columns
from .rules import Analysis, check_rules, tokenize

Schema = Mapping[str, Mapping[str, str]]
"""table → column → type."""


def read_schema(specs: Mapping[str, QuerySpec], strict: bool = True) -> dict[str, dict[str, str]]:
    """The columns of the tables that the queries `create` make, with their types as the contract spells them.

    Raises: ContractError where one cannot be read; it has no columns instead where that is not strict.
    """
    tables: dict[str, dict[str, str]] = {}
    for spec in specs.values():
        if spec.verb != "CREATE":
            continue
        # sqlglot does not know the bounds of partitions, of which columns know nothing
        end = next((t.start for t in tokenize(spec) if t.text.upper().startswith("PARTITION")), len(spec.sql))
        try:
            tree = sqlglot.parse_one(spec.sql[:end], read="mysql")
        except SqlglotError as error:
            if strict:
                raise spec.refuse(f"cannot be read ({str(error).splitlines()[0]})", spec.body) from None
            tables[spec.name.partition(".")[0]] = {}
            continue
        name = next(tree.find_all(exp.Table)).name
        tables[name] = {column.name: _column_type(column) for column in tree.find_all(exp.ColumnDef)}
    return tables


def _column_type(column: exp.ColumnDef) -> str:
    kind = column.args["kind"].sql("mysql").lower()
    constraints = [constraint.kind for constraint in column.constraints]
    required = any(isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints)
    return kind if required else f"{kind} null"


def columns(spec: QuerySpec, analysis: Analysis, schema: Schema) -> dict[str, str]:
    """The result columns of a query with their types: of the table's column, else of what it returns."""
    if shape(spec.returns) not in ("rows", "row", "value"):
        return {}
    if not isinstance(analysis.tree, exp.Query):
        raise spec.refuse("its columns cannot be told: write it more plainly", spec.body)
    names = analysis.names
    found: dict[str, str] = {}
    for number, selected in enumerate(analysis.tree.selects):
        column = selected.unalias()
        kind = None
        if isinstance(column, exp.Column):
            tables = [names.get(column.table, "")] if column.table else list(names.values())
            kind = next((schema[t][column.name] for t in tables if column.name in schema.get(t, {})), None)
        found[selected.alias_or_name] = kind or _promised(spec, number)
    return found


def _promised(spec: QuerySpec, number: int) -> str:
    if spec.record is None:
        return {"str": "string", "int": "integer", "bool": "integer"}[spec.returns.rstrip("*?")]
    promised = dict(enumerate(record_columns(spec.record))).get(number, Column("", "Any", False))
    kinds = {"str": "string", "int": "integer", "bytes": "blob", "datetime": "datetime", "Any": "json"}
    return kinds[promised.type] + (" null" if promised.nullable else "")


def entries(specs: Mapping[str, QuerySpec]) -> dict[str, Entry]:
    """The lock file's entry of every query, each judged.

    Raises: ContractError naming file, line, query and the fix.
    """
    schema = read_schema(specs)
    analyses = {name: check_rules(spec) for name, spec in specs.items()}
    return {
        name: Entry.of(spec, columns(spec, analyses[name], schema), analyses[name].tables)
        for name, spec in specs.items()
    }
