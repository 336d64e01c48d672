"""What a query of an overlay has to keep of the package's: what it changes, finds and writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from ..query.annotations import shape
from ..query.contract import Entry
from ..query.spec import QuerySpec
from .rules import MARK, check_rules, parse, table_names, tokenize


def check_text(spec: QuerySpec, original: QuerySpec, entry: Entry | None) -> None:
    """Check the text of a query that the lock file does not know: by the rules, and against the package's.

    original: the package's query of that name, the same one where it is no overlay. entry: what callers rely on.

    Raises: ContractError naming file, line, query and what it has to keep.
    """
    written = check_rules(spec).tables[:1]
    if entry is not None and spec.kind == "write" and written != entry.tables[:1]:
        rule = f"writes to {', '.join(written) or 'no table'}, the contract says {entry.tables[0]}"
        raise spec.refuse(rule, spec.body)
    if spec.hash == original.hash or spec.kind != original.kind:
        return
    if spec.kind in ("ddl", "session"):
        _keep_words(spec, original)
    if spec.kind == "write" or (spec.kind == "read" and shape(spec.returns) in ("row", "value")):
        tree = parse(spec)
        if tree is None:
            raise spec.refuse(
                "is not understood, so what it changes or finds cannot be judged: write it more plainly", spec.body
            )
        if spec.kind == "write" and spec.verb != original.verb:
            raise spec.refuse(f"is {spec.verb}, the package's {original.verb}", spec.body)
        sources = _sources(tree)
        _keep_written(spec, original, tree, sources)
        _keep_conditions(spec, original, tree, sources)
        _keep_assigned(spec, original, tree)


def _keep_words(spec: QuerySpec, original: QuerySpec) -> None:
    """A new table may have other columns; whatever else is no query is the package's, word by word."""
    ours, theirs = _spelling(original), _spelling(spec)
    if original.verb != "CREATE":
        if ours != theirs:
            raise spec.refuse(f"may differ from the package's in nothing but comments: {' '.join(ours)}", spec.body)
        return
    head = ours.index("(") + 1
    if theirs[:head] != ours[:head]:
        raise spec.refuse(f"must begin with {' '.join(ours[:head])}", spec.body)
    if "SELECT" in theirs or theirs[head] == "LIKE":
        raise spec.refuse("must spell out its columns, rather than copy another table", spec.body)
    tables = [set(table_names(tokenize(one), None)) for one in (original, spec)]
    if tables[0] != tables[1]:
        raise spec.refuse(
            f"names the tables {', '.join(sorted(tables[1]))}, the package's {', '.join(sorted(tables[0]))}", spec.body
        )


def _spelling(spec: QuerySpec) -> list[str]:
    """The words of a statement, whatever their case, without comments and quotes around names."""
    found = [token for token in tokenize(spec) if token.token_type is not TokenType.SEMICOLON]
    return [f"'{token.text}'" if token.token_type is TokenType.STRING else token.text.upper() for token in found]


def _sources(tree: Any) -> dict[str, str]:
    """Alias → table of what the statement itself reads, its subqueries aside."""
    aside = {id(table) for table in tree.args.get("tables") or ()}
    if tree.args.get("using"):
        aside |= {id(table) for table in tree.this.find_all(exp.Table)}
    return {
        table.alias_or_name: table.name
        for table in tree.find_all(exp.Table)
        if id(table) not in aside and table.find_ancestor(exp.Query) in (None, tree)
    }


def _keep_written(spec: QuerySpec, original: QuerySpec, tree: Any, sources: Mapping[str, str]) -> None:
    """Only the table that the package's writes is written."""
    written: list[str] = []
    if isinstance(tree, exp.Update):
        columns = [assignment.this for assignment in tree.expressions]
        if len(sources) > 1 and not all(isinstance(c, exp.Column) and c.table for c in columns):
            raise spec.refuse("joins tables: write table.column = … for each column that it SETs", spec.body)
        written = [column.table for column in columns if column.table]
    elif isinstance(tree, exp.Delete):
        nodes = tree.args.get("tables") or tree.this.find_all(exp.Table)
        written = [node.name for node in nodes]
    table = check_rules(original).tables[0] if written else ""
    if other := next((name for name in written if sources.get(name, name) != table), None):
        raise spec.refuse(f"writes to {sources.get(other, other)}, the contract says {table}", spec.body)


def _keep_conditions(spec: QuerySpec, original: QuerySpec, tree: Any, sources: Mapping[str, str]) -> None:
    """What the package's WHERE demands is demanded: in any order, with more beside it."""
    theirs = {text for condition in _conditions(tree) for text in _forms(condition, sources)[:1]}
    package = parse(original)
    tables = _sources(package)
    for condition in _conditions(package):
        forms = _forms(condition, tables, next(iter(tables.values())) if len(tables) == 1 else None)
        if not theirs.intersection(forms):
            told = re.sub(rf"'{MARK}(\w+)'", r":\1", forms[1])
            raise spec.refuse(f"must keep {told} in its WHERE, joined by AND", spec.body)


def _keep_assigned(spec: QuerySpec, original: QuerySpec, tree: Any) -> None:
    """Each column that the package's writes is written, from the same parameters."""
    theirs = _assigned(tree)
    for column, parameters in _assigned(parse(original)).items():
        if column not in theirs or not parameters <= theirs[column]:
            told = " from " + ", ".join(f":{name}" for name in sorted(parameters)) if parameters else ""
            raise spec.refuse(f"must write {column}{told}, as the package's does", spec.body)


def _assigned(tree: Any) -> dict[str, frozenset[str]]:
    """Column that a statement writes → parameters that its value is made of."""
    if isinstance(tree, exp.Update):
        pairs = [(assignment.this, assignment.expression) for assignment in tree.expressions]
    elif isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        pairs = list(zip(tree.this.expressions, tree.expression.expressions[0].expressions, strict=False))
    else:
        pairs = []
    return {
        column.name.lower(): frozenset(
            text.name[1:] for text in value.find_all(exp.Literal) if text.name.startswith(MARK)
        )
        for column, value in pairs
    }


def _conditions(tree: Any) -> list[Any]:
    """The parts of WHERE that AND joins."""
    waiting = [tree.args["where"].this] if tree.args.get("where") else []
    parts = []
    while waiting:
        part = waiting.pop().unnest()
        if isinstance(part, exp.And):
            waiting += [part.expression, part.this]
        else:
            parts.append(part)
    return parts


def _forms(condition: Any, sources: Mapping[str, str], sole: str | None = None) -> list[str]:
    """A condition in one spelling: with the tables of its columns (`sole` where none is named), and without."""
    tables = list(sources.values())
    tree = condition.copy()
    if isinstance(tree, exp.EQ) and not isinstance(tree.this, exp.Column):
        tree = exp.EQ(this=tree.expression, expression=tree.this)
    forms = []
    for bare in (False, True):
        for column in tree.find_all(exp.Column):
            # a table that is read twice is not known by its name
            table = sources.get(column.table, column.table or sole)
            if table and tables.count(table) > 1:
                table = column.table
            column.set("table", exp.to_identifier(None if bare or not table else table.lower()))
            column.set("this", exp.to_identifier(column.name.lower(), quoted=False))
        forms.append(tree.sql("mysql"))
    return forms
