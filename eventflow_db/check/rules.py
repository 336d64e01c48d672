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

from ..errors import ContractError
from ..query.spec import QuerySpec
from ..query.statement import tokens

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement that it only passes on

_BEFORE_TABLE: Final = frozenset({"FROM", "JOIN", "STRAIGHT_JOIN", "UPDATE", "INTO", "TABLE", "EXISTS", "REFERENCES"})


MARK: Final = "\ue000"
"""Begins the literal that stands for a parameter in a tree."""


class Analysis(NamedTuple):
    """What was found out about a query that breaks no rule."""

    tables: Sequence[str]
    """The one that it writes first."""
    names: Mapping[str, str]
    """Alias → table."""
    tree: Any
    """sqlglot's; None where sqlglot does not understand the statement: then the server alone judges its structure."""


def check_rules(spec: QuerySpec) -> Analysis:
    """Whether the text says what its annotation declares, and nothing more.

    Raises: ContractError naming file, line, query and the fix.
    """
    found = tokenize(spec)
    _check_comments(spec)
    _check_parameters(spec, found)
    for i, token in enumerate(found[:-1]):
        if token.token_type is TokenType.SEMICOLON:
            raise _refuse(spec, found[i + 1], "is two statements: give each a -- name: of its own")
    tree = parse(spec) if spec.kind in ("read", "write") else None
    if spec.kind == "read":
        _check_read(spec, found)
    if tree is not None:
        _check_structure(spec, tree)
    if spec.verb == "INSERT":
        _check_insert(spec, found)
    names = {} if tree is None else {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    return Analysis(table_names(found, tree), names, tree)


def tokenize(spec: QuerySpec) -> list[Token]:
    """The words of a query.

    Raises: ContractError where a quote or comment is not closed.
    """
    try:
        return list(MySQL().tokenize(spec.sql))
    except SqlglotError as error:
        raise spec.refuse(
            f"cannot be read, a quote or comment may not be closed ({str(error).splitlines()[0]})", spec.body
        ) from None


def _check_comments(spec: QuerySpec) -> None:
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


def _check_parameters(spec: QuerySpec, found: Sequence[Token]) -> None:
    seen = list(_words(spec, found))
    if [name for _, name in seen] != [text for kind, text in tokens(spec.sql) if kind == "parameter"]:
        raise spec.refuse("its quotes, comments and parameters cannot be told apart: write it more plainly", spec.body)
    for i, token in enumerate(found):
        before = found[i - 1].text.upper() if i else ""
        driver = spec.sql[token.start : token.start + 2] in ("%s", "%(") and (
            before in ("=", "<", ">", "<=", ">=", "<>", "!=", ",", "(", "IN", "LIKE", "AND", "BETWEEN", "LIMIT", "BY")
        )
        if token.token_type is TokenType.PLACEHOLDER or driver:
            raise _refuse(spec, token, "parameters are written :name, and declared behind the query's name")
    for i, name in seen:
        before = found[i - 1].text.upper() if i else ""
        kind = spec.param.get(name, "")
        if kind.endswith("*") and before != "IN":
            raise _refuse(spec, found[i], f":{name} is a list with its own parentheses: write IN :{name}")
        if not kind.endswith("*") and before == "IN":
            raise _refuse(spec, found[i], f":{name} is one value: write = :{name}, or declare a list, identifier*")


def parse(spec: QuerySpec) -> Any:
    """The statement's tree, a marked literal for each parameter; None where sqlglot cannot make one."""
    text = "".join(
        (f"('{MARK}{piece}')" if spec.param.get(piece, "").endswith("*") else f"'{MARK}{piece}'")
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


def _check_read(spec: QuerySpec, found: Sequence[Token]) -> None:
    """What begins as a read may write: WITH … DELETE, SELECT … INTO OUTFILE."""
    for i, token in enumerate(found):
        before = found[i - 1].text.upper() if i else ""
        after = found[i + 1].text if i + 1 < len(found) else ""
        if (
            spec.sql[token.start : token.end + 1].upper() in ("INSERT", "UPDATE", "DELETE", "REPLACE", "INTO")
            and before not in (".", ":", "FOR")
            and after != "("  # a function
        ):
            raise _refuse(spec, token, f"is a read, and {token.text.upper()} writes: leave it out")


def _check_structure(spec: QuerySpec, tree: Any) -> None:
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        raise spec.refuse(f"is {spec.verb} without WHERE: it would change every row", spec.body)
    if isinstance(tree, exp.Query) and tree.is_star:
        raise spec.refuse(
            "SELECT * gives whatever columns the tables have: name the columns that are promised", spec.body
        )
    for literal in tree.find_all(exp.Literal):
        mark, name = literal.name[:1], literal.name[1:]
        is_value = isinstance(tree, exp.Insert) and literal.parent.parent is tree.expression
        if mark == MARK and spec.types[name.rstrip("_")].absent == b"DEFAULT" and not is_value:
            raise spec.refuse(f"must have :{name} alone as the value of its column: DEFAULT takes its place", spec.body)


def _check_insert(spec: QuerySpec, found: Sequence[Token]) -> None:
    """INSERT INTO table (columns) VALUES (one group): a batch repeats the group, and errors say what happened."""
    depth, last = 0, ""
    for token in found:
        word = token.text.upper()
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and word in ("IGNORE", "DUPLICATE"):
            raise _refuse(spec, token, f"{word} hides rows that exist already or refer to nothing: leave it out")
        if depth == 0 and token.token_type is not TokenType.SEMICOLON:
            last = f"{last} {word}" if word in ("VALUES", ")") else f"{last} ?"
    if not last.endswith(" VALUES )"):
        raise spec.refuse("must be INSERT INTO table (columns) VALUES (one group), nothing behind it", spec.body)


def table_names(found: Sequence[Token], tree: Any) -> list[str]:
    """The tables that a statement names, the one that it writes first."""
    if tree is not None:
        written = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete) else None
        if isinstance(tree, exp.Delete) and tree.args.get("tables"):
            written = tree.args["tables"][0]
        first = next(written.find_all(exp.Table), None) if written is not None else None
        nodes = sorted({node.name for node in tree.find_all(exp.Table)})
        return nodes if first is None else [first.name, *(name for name in nodes if name != first.name)]
    names = [
        token.text
        for i, (before, token) in enumerate(pairwise(found))
        if before.text.upper() in _BEFORE_TABLE and (not i or found[i - 1].text.upper() != "ON")
    ]
    return list(dict.fromkeys(name for name in names if name.upper() != "IF"))
