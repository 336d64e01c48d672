"""Judges the text of a query that the lock file does not know, with sqlglot's tokenizer and parser.

Imported only then: sqlglot takes longer to import than all of this package.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from .annotations import shape
from .contract import Entry
from .errors import ContractError
from .rows import SCALARS
from .spec import QuerySpec
from .statement import tokens

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement that it only passes on

Schema = Mapping[str, Mapping[str, str]]
"""table → column → type."""

_BEFORE_TABLE: Final = frozenset(
    {"FROM", "JOIN", "STRAIGHT_JOIN", "UPDATE", "INTO", "TABLE", "EXISTS", "REFERENCES"}
)


class Verdict(NamedTuple):
    """What was found out about a query that breaks no rule."""

    tables: Sequence[str]
    """The one that it writes first."""
    names: Mapping[str, str]
    """Alias → table."""
    tree: Any
    """sqlglot's; None where sqlglot does not understand the statement: then the server alone judges its structure."""


def judge(spec: QuerySpec) -> Verdict:
    """Whether the text says what its annotation declares, and nothing more.

    Raises: ContractError naming file, line, query and the fix.
    """
    found = _tokenize(spec)
    _judge_comments(spec)
    _judge_parameters(spec, found)
    for i, token in enumerate(found[:-1]):
        if token.token_type is TokenType.SEMICOLON:
            raise _refuse(spec, found[i + 1], "is two statements: give each a -- name: of its own")
    tree = _parse(spec) if spec.kind in ("read", "write") else None
    if tree is not None:
        _judge_structure(spec, tree)
    if spec.verb == "INSERT":
        _judge_insert(spec, found)
    names = {} if tree is None else {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    return Verdict(_tables(found, tree), names, tree)


def _tokenize(spec: QuerySpec) -> list[Token]:
    try:
        return list(MySQL().tokenize(spec.sql))
    except SqlglotError as error:
        raise spec.refuse(
            f"cannot be read, a quote or comment may not be closed ({str(error).splitlines()[0]})", spec.body
        ) from None


def _judge_comments(spec: QuerySpec) -> None:
    offset = 0
    for kind, text in tokens(spec.sql):
        line = spec.body + spec.sql.count("\n", 0, offset)
        offset += len(text) + (kind == "parameter")
        if kind == "comment" and text.startswith(("/*!", "/*M!")):
            raise spec.refuse(
                "/*! … */ hides SQL from some servers and tools: write what it holds plainly, or as a hint /*+ … */",
                line,
            )
        if kind == "text" and "/*" in text.replace("/*+", ""):
            raise spec.refuse("has a comment that is not closed", line)


def _refuse(spec: QuerySpec, token: Token, rule: str) -> ContractError:
    return spec.refuse(rule, spec.body + spec.sql.count("\n", 0, token.start))


def _words(spec: QuerySpec, found: Sequence[Token]) -> Iterator[tuple[int, str]]:
    """Where parameters begin, and their names."""
    for i, (colon, word) in enumerate(pairwise(found)):
        name = spec.sql[word.start : word.end + 1]
        if colon.token_type is TokenType.COLON and word.start == colon.end + 1 and name.isidentifier():
            yield i, name


def _judge_parameters(spec: QuerySpec, found: Sequence[Token]) -> None:
    seen = list(_words(spec, found))
    if [name for _, name in seen] != [text for kind, text in tokens(spec.sql) if kind == "parameter"]:
        raise spec.refuse(
            "its quotes, comments and parameters cannot be told apart: write it more plainly", spec.body
        )
    for i, token in enumerate(found):
        before = found[i - 1].text.upper() if i else ""
        driver = spec.sql[token.start : token.start + 2] in ("%s", "%(") and (
            before
            in (
                "=",
                "<",
                ">",
                "<=",
                ">=",
                "<>",
                "!=",
                ",",
                "(",
                "IN",
                "LIKE",
                "AND",
                "BETWEEN",
                "LIMIT",
                "BY",
            )
        )
        if token.token_type is TokenType.PLACEHOLDER or driver:
            raise _refuse(spec, token, "parameters are written :name, and declared behind the query's name")
    for i, name in seen:
        before = found[i - 1].text.upper() if i else ""
        kind = spec.parameters.get(name, "")
        if kind.endswith("*") and before != "IN":
            raise _refuse(spec, found[i], f":{name} is a list with its own parentheses: write IN :{name}")
        if not kind.endswith("*") and before == "IN":
            raise _refuse(
                spec, found[i], f":{name} is one value: write = :{name}, or declare a list, identifier*"
            )


def _parse(spec: QuerySpec) -> Any:
    """The statement's tree, a literal standing for each parameter; None where sqlglot cannot make one."""
    text = "".join(
        ("('x')" if spec.parameters.get(piece, "").endswith("*") else "'x'")
        if kind == "parameter"
        else " "
        if kind == "comment"
        else piece
        for kind, piece in tokens(spec.sql)
    )
    try:
        tree = sqlglot.parse_one(text, read="mysql")
    except SqlglotError:
        return None
    return tree if isinstance(tree, exp.Query | exp.Insert | exp.Update | exp.Delete) else None


def _judge_structure(spec: QuerySpec, tree: Any) -> None:
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        raise spec.refuse(f"is {spec.verb} without WHERE: it would change every row", spec.body)
    if isinstance(tree, exp.Query) and tree.is_star:
        raise spec.refuse(
            "SELECT * gives whatever columns the tables have: name the columns that are promised", spec.body
        )


def _judge_insert(spec: QuerySpec, found: Sequence[Token]) -> None:
    """INSERT INTO table (columns) VALUES (one group): a batch repeats the group, and errors say what happened."""
    depth, last = 0, ""
    for token in found:
        word = token.text.upper()
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and word in ("IGNORE", "DUPLICATE"):
            raise _refuse(
                spec, token, f"{word} hides rows that exist already or refer to nothing: leave it out"
            )
        if depth == 0 and token.token_type is not TokenType.SEMICOLON:
            last = f"{last} {word}" if word in ("VALUES", ")") else f"{last} ?"
    if not last.endswith(" VALUES )"):
        raise spec.refuse(
            "must be INSERT INTO table (columns) VALUES (one group), nothing behind it", spec.body
        )


def _tables(found: Sequence[Token], tree: Any) -> list[str]:
    if tree is not None:
        written = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete) else None
        if isinstance(tree, exp.Delete) and tree.args.get("tables"):
            written = tree.args["tables"][0]
        first = next(written.find_all(exp.Table), None) if written is not None else None
        nodes = sorted({node.name for node in tree.find_all(exp.Table)})
        return nodes if first is None else [first.name, *(name for name in nodes if name != first.name)]
    names = [token.text for before, token in pairwise(found) if before.text.upper() in _BEFORE_TABLE]
    return list(dict.fromkeys(name for name in names if name.upper() != "IF"))


def read_schema(specs: Mapping[str, QuerySpec], strict: bool = True) -> dict[str, dict[str, str]]:
    """The columns of the tables that the queries `create` make, with their types as the contract spells them.

    Raises: ContractError where one cannot be read; it has no columns instead where that is not strict.
    """
    tables: dict[str, dict[str, str]] = {}
    for spec in specs.values():
        if spec.verb != "CREATE":
            continue
        # sqlglot does not know the bounds of partitions, of which columns know nothing
        end = next(
            (t.start for t in _tokenize(spec) if t.text.upper().startswith("PARTITION")), len(spec.sql)
        )
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
    required = any(
        isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints
    )
    return kind if required else f"{kind} null"


def columns(spec: QuerySpec, verdict: Verdict, schema: Schema) -> dict[str, str]:
    """The result columns of a query with their types: of the table's column, else of what it returns."""
    if shape(spec.returns) not in ("rows", "row", "value"):
        return {}
    if not isinstance(verdict.tree, exp.Query):
        raise spec.refuse("its columns cannot be told: write it more plainly", spec.body)
    names = verdict.names
    found: dict[str, str] = {}
    for number, selected in enumerate(verdict.tree.selects):
        column = selected.unalias()
        kind = None
        if isinstance(column, exp.Column):
            tables = [names.get(column.table, "")] if column.table else list(names.values())
            kind = next((schema[t][column.name] for t in tables if column.name in schema.get(t, {})), None)
        found[selected.alias_or_name] = kind or _promised(spec, number)
    return found


def _promised(spec: QuerySpec, number: int) -> str:
    if spec.record is None:
        name = spec.returns.rstrip("*?")
        assert name in SCALARS
        return {"str": "string", "int": "integer", "bool": "integer"}[name]
    annotations = [spec.record.__annotations__[field] for field in spec.record.__struct_fields__]
    word, _, rest = (annotations[number] if number < len(annotations) else "Any").partition(" | ")
    kinds = {"str": "string", "int": "integer", "bytes": "blob", "datetime": "datetime", "Any": "json"}
    return kinds.get(word, "string") + (" null" if rest else "")


def entries(specs: Mapping[str, QuerySpec]) -> dict[str, Entry]:
    """The lock file's entry of every query, each judged.

    Raises: ContractError naming file, line, query and the fix.
    """
    schema = read_schema(specs)
    verdicts = {name: judge(spec) for name, spec in specs.items()}
    return {
        name: Entry.of(spec, columns(spec, verdicts[name], schema), verdicts[name].tables)
        for name, spec in specs.items()
    }
