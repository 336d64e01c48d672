"""Checks what a query of an overlay has to keep of the package's: what it changes, finds, orders and writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlglot import exp

from ..errors import ContractError
from ..query.annotations import shape
from ..query.contract import Entry
from ..query.spec import QuerySpec
from .rules import MARK, check_rules, split, table_names

_MARKED: Final = re.compile(rf"'{MARK}(\w+)'")


def check_text(spec: QuerySpec, original: QuerySpec | None, entry: Entry | None) -> None:
    """Check the text of a query that the lock file does not know: by the rules, and against the package's.

    original: the package's query of that name, the same one where it is no overlay; None where it is new. entry: what
    callers rely on.

    Raises: ContractError naming file, line, query and what it has to keep.
    """
    try:
        _check_text(spec, original, entry)
    except RecursionError:
        raise spec.refuse("is nested too deeply to be checked: write it more plainly", spec.body) from None


def _check_text(spec: QuerySpec, original: QuerySpec | None, entry: Entry | None) -> None:
    analysis = check_rules(spec)
    if entry is not None and spec.kind == "write" and analysis.tables[:1] != entry.tables[:1]:
        raise _writes_to(spec, ", ".join(analysis.tables[:1]) or "no table", entry.tables[0])
    if original is None or spec.hash == original.hash or spec.kind != original.kind:
        return
    if spec.kind in ("ddl", "session") or "INFORMATION_SCHEMA" in _plain_words(original):
        # by what such reads give, partitions are dropped
        _check_words(spec, original)
    elif spec.kind == "read" and shape(spec.returns) == "rows":
        if analysis.tree is not None:
            _check_order(spec, analysis.tree, check_rules(original).tree)
    elif spec.kind == "write" or shape(spec.returns) in ("row", "value"):
        if analysis.tree is None:
            rule = "cannot be parsed, so what it changes or finds cannot be checked: write it more plainly"
            raise spec.refuse(rule, spec.body)
        package = check_rules(original)
        if spec.kind == "write" and spec.verb != original.verb:
            raise spec.refuse(f"is {spec.verb}, the package's {original.verb}", spec.body)
        if spec.kind == "write":
            _check_written(spec, analysis.tree, package.tree)
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


def _check_written(spec: QuerySpec, tree: Any, package: Any) -> None:
    """Only the tables that the package's query writes are written."""
    if isinstance(tree, exp.Update) and len(_sources(tree)) > 1:
        columns = [assignment.this for assignment in tree.expressions]
        if not all(isinstance(column, exp.Column) and column.table for column in columns):
            raise spec.refuse("joins tables: write table.column = … for each column that it SETs", spec.body)
    promised = _written(package)
    for table in _written(tree):
        if table not in promised:
            raise _writes_to(spec, table, promised[0])


def _written(tree: Any) -> list[str]:
    """The tables that a statement writes, the one that it is of first."""
    sources = _sources(tree)
    written: list[str] = []
    if isinstance(tree, exp.Update):
        written = [column.this.table for column in tree.expressions if column.this.table]
    elif isinstance(tree, exp.Delete):
        written = [table.name for table in tree.args.get("tables") or tree.this.find_all(exp.Table)]
    of = tree.this.find(exp.Table)
    return list(dict.fromkeys([*([of.name] if of else []), *(sources.get(name, name) for name in written)]))


def _check_conditions(spec: QuerySpec, tree: Any, package: Any) -> None:
    """What the package's WHERE demands is demanded: in any order, with more beside it."""
    sources, of_package = _sources(tree), _sources(package)
    parts = [tree.args.get("where")]
    if spec.kind == "read":
        # what a table is made of is found by its own WHERE
        parts += [one.args.get("where") for one in tree.find_all(exp.Select) if one.find_ancestor(exp.CTE, exp.From)]
    demanded = {_spelling(condition, sources) for part in parts for condition in _conditions(part)}
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
    tree = condition.copy().transform(_plain_spelling)
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


def _check_order(spec: QuerySpec, tree: Any, package: Any) -> None:
    """The rows of a list come in the package's order, and LIMIT stands behind such an order, at the end or in FROM."""
    wanted, given = _order(package), _order(tree)
    if given[: len(wanted)] != wanted:
        raise spec.refuse(f"must keep ORDER BY {', '.join(wanted)} at its end, as the package's does", spec.body)
    limits = _limits(package)
    if _limits(tree) != limits:
        limit = " ".join(f"LIMIT {_readable(one)}" for one in limits) or "no LIMIT"
        raise spec.refuse(f"must keep {limit} behind its ORDER BY, as the package's does", spec.body)


def _limits(tree: Any) -> list[str]:
    """The LIMITs that bound a query's rows: its own, and those of the sorted tables that it is made of."""
    selects = (one for one in tree.find_all(exp.Query) if one is tree or one.find_ancestor(exp.CTE, exp.From, exp.Join))
    return sorted(
        one.args["limit"].expression.sql("mysql") + " without ORDER BY" * (not one.args.get("order"))
        for one in selects
        if one.args.get("limit")
    )


def _plain_spelling(node: Any) -> Any:
    """One spelling of what has several: brackets that change nothing, IS NULL, CURRENT_TIMESTAMP."""
    while isinstance(node, exp.Paren) and not isinstance(node.this, exp.Connector | exp.Query):
        node = node.this
    if isinstance(node, exp.NullSafeEQ) and isinstance(node.expression, exp.Null):
        return exp.Is(this=node.this, expression=exp.Null())
    return exp.CurrentTimestamp() if _is_now(node) and not node.expressions else node


def _is_now(node: Any) -> bool:
    """Whether an expression is the time at which the statement runs: sessions are in UTC."""
    if isinstance(node, exp.Anonymous):
        return bool(node.name.upper() in ("NOW", "SYSDATE", "LOCALTIME"))
    return isinstance(node, exp.CurrentTimestamp | exp.Localtimestamp | exp.Localtime | exp.UtcTimestamp)


def _order(tree: Any) -> list[str]:
    """By what a query sorts its rows: the names of columns, with DESC where that is so."""
    order = tree.args.get("order")
    found = []
    for ordered in order.expressions if order else ():
        column = ordered.this
        if isinstance(column, exp.Literal) and not column.is_string and int(column.name) <= len(tree.selects):
            column = tree.selects[int(column.name) - 1]
        # the name that a column has in the result means that column
        aliased = next((one.this for one in tree.selects if one.alias and one.alias == column.name), column)
        name = aliased.name if isinstance(aliased, exp.Column) else aliased.sql("mysql")
        found.append(name.lower() + " DESC" * bool(ordered.args.get("desc")))
    return found


def _readable(text: str) -> str:
    """SQL with its parameters as they are written."""
    return _MARKED.sub(r":\1", text)


def _check_assignments(spec: QuerySpec, tree: Any, package: Any) -> None:
    """Each column that the package's query writes is written: from the same parameters, and still a time, or NULL."""
    assigned = _assignments(tree)
    for column, value in _assignments(package).items():
        parameters = _parameters(value)
        if column not in assigned or not parameters <= _parameters(assigned[column]):
            origin = " from " + ", ".join(f":{name}" for name in sorted(parameters)) if parameters else ""
            raise spec.refuse(f"must write {column}{origin}, as the package's does", spec.body)
        if (kind := _kind(value)) != _kind(assigned[column]):
            raise spec.refuse(f"must set {column} to {kind}, as the package's does", spec.body)


def _kind(value: Any) -> str:
    """What a value is, whatever its spelling, as far as a claim depends on it."""
    if isinstance(value, exp.Paren):
        return _kind(value.this)
    if isinstance(value, exp.Null):
        return "NULL"
    return "a time" if any(map(_is_now, value.walk())) else "a value"


def _parameters(value: Any) -> set[str]:
    """The parameters that a value is made of."""
    return {text.name[1:] for text in value.find_all(exp.Literal) if text.name.startswith(MARK)}


def _assignments(tree: Any) -> dict[str, Any]:
    """Column that a statement writes → its value."""
    pairs = []
    if isinstance(tree, exp.Update):
        pairs = [(assignment.this, assignment.expression) for assignment in tree.expressions]
    elif isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        pairs = list(zip(tree.this.expressions, tree.expression.expressions[0].expressions, strict=False))
    return {column.name.lower(): value for column, value in pairs}
