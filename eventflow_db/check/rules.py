"""Checks the text of one query by rules that need no server.

It is imported only for text that the lock file does not know: sqlglot takes longer to import than all of this package.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ..errors import ContractError
from ..query.spec import QuerySpec
from ..query.tokens import tokens

# it warns of every statement that it only passes on
logging.getLogger("sqlglot").setLevel(logging.ERROR)

MARK: Final = "\ue000"
"""Begins the literal that stands for a parameter in a tree."""
_WORD: Final = re.compile(r"\w+|/\*\+|%s\b|[<>!:]=|<>|.")
_BEFORE_TABLE: Final = ("FROM", "JOIN", "STRAIGHT_JOIN", "UPDATE", "INTO", "TABLE", "EXISTS", "REFERENCES")
_BEFORE_VALUE: Final = ("=", "<", ">", "<=", ">=", "<>", "!=", ",", "(", "IN", "LIKE", "AND", "BETWEEN", "LIMIT", "BY")


class Word(NamedTuple):
    """A word, a sign, a quoted text or a parameter of a query."""

    text: str
    """In capitals, with its quotes."""
    name: str
    """As it is written, without the quotes of a name."""
    start: int
    before: str
    """The text of the word before it."""
    after: str


class Analysis(NamedTuple):
    """What was found out about a query that breaks no rule."""

    tables: Sequence[str]
    """The one that it writes comes first."""
    names: Mapping[str, str]
    """Alias → table."""
    tree: Any
    """sqlglot's; None where sqlglot does not understand the statement: then only the server checks its structure."""


def check_rules(spec: QuerySpec) -> Analysis:
    """Check that the text does what its annotation declares, and nothing more.

    Raises: ContractError naming file, line, query and the fix.
    """
    words = split(spec)
    for word in words:
        _check_parameter(spec, word)
        if word.before == ";":
            raise _refuse(spec, word.start, "is two statements: give each a -- name: of its own")
    if spec.kind == "read":
        _check_read(spec, words)
    tree = _parse(spec) if spec.kind in ("read", "write") else None
    if tree is not None:
        _check_structure(spec, tree)
    if spec.verb == "INSERT":
        _check_insert(spec, words)
    names = {} if tree is None else {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    return Analysis(table_names(words) if tree is None else _tables_of(tree), names, tree)


def split(spec: QuerySpec) -> list[Word]:
    """The words of a query, without its comments.

    Raises: ContractError where a comment holds SQL.
    """
    found: list[tuple[str, str, int]] = []
    start = 0
    for kind, text in tokens(spec.sql):
        if kind == "comment" and text.startswith(("/*!", "/*M!")):
            rule = "/*! … */ hides SQL from some servers and tools: write what it holds plainly, or as a hint /*+ … */"
            raise _refuse(spec, start, rule)
        if kind == "text":
            found += [(match[0].upper(), match[0], start + match.start()) for match in _WORD.finditer(text)]
        elif kind == "parameter":
            found.append((f":{text.upper()}", f":{text}", start))
            # the colon is no part of the token
            start += 1
        elif kind == "quoted":
            found.append((text.upper(), text.strip("`"), start))
        start += len(text)
    texts = ["", *(text for text, _, _ in found), ""]
    return [Word(*word, before, after) for word, before, after in zip(found, texts, texts[2:], strict=False)]


def _refuse(spec: QuerySpec, start: int, rule: str) -> ContractError:
    """The error for a rule that the text breaks at a position."""
    return spec.refuse(rule, spec.body + spec.sql.count("\n", 0, start))


def _check_parameter(spec: QuerySpec, word: Word) -> None:
    is_of_driver = word.text == "%S" or (word.text == "%" and word.after == "(")
    if word.text == "?" or (is_of_driver and word.before in _BEFORE_VALUE):
        raise _refuse(spec, word.start, "parameters are written :name, and declared behind the query's name")
    if word.name[1:] in spec.param and word.text[0] == ":":
        is_list = _is_list(spec, word.name[1:])
        if is_list and word.before != "IN":
            raise _refuse(spec, word.start, f"{word.name} is a list with its own parentheses: write IN {word.name}")
        if not is_list and word.before == "IN":
            rule = f"{word.name} is one value: write = {word.name}, or declare a list, identifier*"
            raise _refuse(spec, word.start, rule)


def _is_list(spec: QuerySpec, name: str) -> bool:
    return spec.param.get(name, "").endswith("*")


def _check_read(spec: QuerySpec, words: Sequence[Word]) -> None:
    """What begins as a read may write: WITH … DELETE, SELECT … INTO OUTFILE."""
    for word in words:
        is_verb = word.text in ("INSERT", "UPDATE", "DELETE", "REPLACE", "INTO")
        # FOR UPDATE locks, and INSERT(…) and REPLACE(…) are functions
        if is_verb and word.before not in (".", "FOR") and word.after != "(":
            raise _refuse(spec, word.start, f"is a read, and {word.text} writes: leave it out")


def _parse(spec: QuerySpec) -> Any:
    """The statement's tree, a marked literal for each parameter; None where sqlglot cannot make one."""
    pieces = []
    for kind, text in tokens(spec.sql):
        if kind == "parameter":
            literal = f"'{MARK}{text}'"
            pieces.append(f"({literal})" if _is_list(spec, text) else literal)
        else:
            pieces.append(" " if kind == "comment" else text)
    try:
        tree = sqlglot.parse_one("".join(pieces), read="mysql")
    except SqlglotError:
        return None
    return tree if isinstance(tree, exp.Query | exp.Insert | exp.Update | exp.Delete) else None


def _check_structure(spec: QuerySpec, tree: Any) -> None:
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        raise spec.refuse(f"is {spec.verb} without WHERE: it would change every row", spec.body)
    if isinstance(tree, exp.Query) and tree.is_star:
        rule = "SELECT * gives whatever columns the tables have: name the columns that are promised"
        raise spec.refuse(rule, spec.body)
    for literal in tree.find_all(exp.Literal):
        name = literal.name.removeprefix(MARK)
        is_value = isinstance(tree, exp.Insert) and literal.parent.parent is tree.expression
        if name != literal.name and spec.types[name.rstrip("_")].absent == b"DEFAULT" and not is_value:
            raise spec.refuse(f"must have :{name} alone as the value of its column: DEFAULT takes its place", spec.body)


def _check_insert(spec: QuerySpec, words: Sequence[Word]) -> None:
    """INSERT INTO table (columns) VALUES (one group): a batch repeats the group, and errors say what happened."""
    depth = 0
    outside = []
    for word in words:
        depth += (word.text == "(") - (word.text == ")")
        if depth == 0 and word.text != ";":
            outside.append(word.text)
        if depth == 0 and word.text in ("IGNORE", "DUPLICATE"):
            rule = f"{word.text} hides rows that exist already or refer to nothing: leave it out"
            raise _refuse(spec, word.start, rule)
    if outside[-2:] != ["VALUES", ")"]:
        raise spec.refuse("must be INSERT INTO table (columns) VALUES (one group), nothing behind it", spec.body)


def _tables_of(tree: Any) -> list[str]:
    """The tables that a statement names, the one that it writes first."""
    written = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete) else None
    if isinstance(tree, exp.Delete) and tree.args.get("tables"):
        written = tree.args["tables"][0]
    table = written and written.find(exp.Table)
    first = table and table.name
    return sorted({table.name for table in tree.find_all(exp.Table)}, key=lambda name: (name != first, name))


def table_names(words: Sequence[Word]) -> list[str]:
    """The tables that a statement names which sqlglot does not understand, in their order."""
    names = [
        word.name
        for before, word in pairwise(words)
        if before.text in _BEFORE_TABLE and before.before != "ON" and word.text != "IF"
    ]
    return list(dict.fromkeys(names))
