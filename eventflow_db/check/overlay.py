"""Checks what a query of an overlay has to keep of the package's: what it changes, finds and writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlglot import exp

from ..errors import ContractError
from ..query.annotations import shape
from ..query.contract import Entry
from ..query.spec import QuerySpec
from .rules import MARK, check_rules, split, table_names

_MARKED: Final = re.compile(rf"'{MARK}(\w+)'")


def check_text(spec: QuerySpec, original: QuerySpec, entry: Entry | None) -> None:
    """Check the text of a query that the lock file does not know: by the rules, and against the package's.

    original: the package's query of that name, the same one where it is no overlay. entry: what callers rely on.

    Raises: ContractError naming file, line, query and what it has to keep.
    """
    try:
        _check_text(spec, original, entry)
    except RecursionError:
        raise spec.refuse("is nested too deeply to be checked: write it more plainly", spec.body) from None


def _check_text(spec: QuerySpec, original: QuerySpec, entry: Entry | None) -> None:
    analysis = check_rules(spec)
    if entry is not None and spec.kind == "write" and analysis.tables[:1] != entry.tables[:1]:
        raise _writes_to(spec, ", ".join(analysis.tables[:1]) or "no table", entry.tables[0])
    if spec.hash == original.hash or spec.kind != original.kind:
        return
    if spec.kind in ("ddl", "session"):
        _check_words(spec, original)
    elif spec.kind == "write" or shape(spec.returns) in ("row", "value"):
        if analysis.tree is None:
            rule = "cannot be parsed, so what it changes or finds cannot be checked: write it more plainly"
            raise spec.refuse(rule, spec.body)
        package = check_rules(original)
        if spec.kind == "write" and spec.verb != original.verb:
            raise spec.refuse(f"is {spec.verb}, the package's {original.verb}", spec.body)
        _check_written(spec, analysis.tree, package.tables)
        _check_conditions(spec, analysis.tree, package.tree)
        _check_assignments(spec, analysis.tree, package.tree)


def _writes_to(spec: QuerySpec, table: str, promised: str) -> ContractError:
    return spec.refuse(f"writes to {table}, the contract says {promised}", spec.body)


def _check_words(spec: QuerySpec, original: QuerySpec) -> None:
    """A new table may have other columns; whatever else is no query is the package's, word by word."""
    words, package = _plain_words(spec), _plain_words(original)
    if original.verb != "CREATE":
        if words != package:
            raise spec.refuse(f"may differ from the package's in nothing but comments: {' '.join(package)}", spec.body)
        return
    head = package.index("(") + 1
    if words[:head] != package[:head]:
        raise spec.refuse(f"must begin with {' '.join(package[:head])}", spec.body)
    if "SELECT" in words or words[head] == "LIKE":
        raise spec.refuse("must spell out its columns, rather than copy another table", spec.body)
    tables, promised = (sorted(table_names(split(one))) for one in (spec, original))
    if tables != promised:
        rule = f"names the tables {', '.join(tables)}, the package's {', '.join(promised)}"
        raise spec.refuse(rule, spec.body)


def _plain_words(spec: QuerySpec) -> list[str]:
    """The words of a statement, whatever their case, without comments and quotes around names."""
    words = [word for word in split(spec) if word.text != ";"]
    return [word.name if word.text[0] in "'\":" else word.name.upper() for word in words]


def _sources(tree: Any) -> dict[str, str]:
    """Alias → table of what the statement itself reads, its subqueries aside."""
    targets = list(tree.args.get("tables") or ())
    if tree.args.get("using"):
        targets += tree.this.find_all(exp.Table)
    return {
        table.alias_or_name: table.name
        for table in tree.find_all(exp.Table)
        if not any(table is target for target in targets) and table.find_ancestor(exp.Query) in (None, tree)
    }


def _check_written(spec: QuerySpec, tree: Any, promised: Sequence[str]) -> None:
    """Only the table that the package's query writes is written."""
    sources = _sources(tree)
    written: list[str] = []
    if isinstance(tree, exp.Update):
        columns = [assignment.this for assignment in tree.expressions]
        if len(sources) > 1 and not all(isinstance(column, exp.Column) and column.table for column in columns):
            raise spec.refuse("joins tables: write table.column = … for each column that it SETs", spec.body)
        written = [column.table for column in columns if column.table]
    elif isinstance(tree, exp.Delete):
        written = [table.name for table in tree.args.get("tables") or tree.this.find_all(exp.Table)]
    for table in (sources.get(name, name) for name in written):
        if table != promised[0]:
            raise _writes_to(spec, table, promised[0])


def _check_conditions(spec: QuerySpec, tree: Any, package: Any) -> None:
    """What the package's WHERE demands is demanded: in any order, with more beside it."""
    sources, of_package = _sources(tree), _sources(package)
    demanded = {_spelling(condition, sources) for condition in _conditions(tree.args.get("where"))}
    sole = next(iter(of_package.values())) if len(of_package) == 1 else ""
    for condition in _conditions(package.args.get("where")):
        plain = _spelling(condition, None)
        if not demanded & {plain, _spelling(condition, of_package, sole)}:
            plain = _MARKED.sub(r":\1", plain)
            raise spec.refuse(f"must keep {plain} in its WHERE, joined by AND", spec.body)


def _conditions(part: Any) -> list[Any]:
    """The parts of a WHERE that AND joins."""
    if isinstance(part, exp.Where | exp.Paren):
        return _conditions(part.this)
    if isinstance(part, exp.And):
        return _conditions(part.this) + _conditions(part.expression)
    return [part] if part else []


def _spelling(condition: Any, sources: Mapping[str, str] | None, sole: str = "") -> str:
    """A condition in one spelling: with the tables of its columns (`sole` where none is named); without, for None."""
    tree = condition.copy()
    if isinstance(tree, exp.EQ) and not isinstance(tree.this, exp.Column):
        tree = exp.EQ(this=tree.expression, expression=tree.this)
    for column in tree.find_all(exp.Column):
        table = "" if sources is None else sources.get(column.table, column.table or sole)
        # a table that is read twice is not known by its name
        if sources and list(sources.values()).count(table) > 1:
            table = column.table
        column.set("table", exp.to_identifier(table.lower() or None))
        column.set("this", exp.to_identifier(column.name.lower(), quoted=False))
    return str(tree.sql("mysql"))


def _check_assignments(spec: QuerySpec, tree: Any, package: Any) -> None:
    """Each column that the package's query writes is written, from the same parameters."""
    assigned = _assignments(tree)
    for column, parameters in _assignments(package).items():
        if column not in assigned or not parameters <= assigned[column]:
            origin = " from " + ", ".join(f":{name}" for name in sorted(parameters)) if parameters else ""
            raise spec.refuse(f"must write {column}{origin}, as the package's does", spec.body)


def _assignments(tree: Any) -> dict[str, set[str]]:
    """Column that a statement writes → parameters that its value is made of."""
    pairs = []
    if isinstance(tree, exp.Update):
        pairs = [(assignment.this, assignment.expression) for assignment in tree.expressions]
    elif isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        pairs = list(zip(tree.this.expressions, tree.expression.expressions[0].expressions, strict=False))
    return {
        column.name.lower(): {text.name[1:] for text in value.find_all(exp.Literal) if text.name.startswith(MARK)}
        for column, value in pairs
    }
