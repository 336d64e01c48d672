"""Judges the text of a query that the lock file does not know, with sqlglot's tokenizer and parser.

Imported only then: sqlglot takes longer to import than all of this package.
"""

from __future__ import annotations

import logging
import re
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


_MARK: Final = "\ue000"
"""Begins the literal that stands for a parameter in a tree."""


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
    if spec.kind == "read":
        _judge_read(spec, found)
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
    """The statement's tree, a marked literal for each parameter; None where sqlglot cannot make one."""
    text = "".join(
        (f"('{_MARK}{piece}')" if spec.parameters.get(piece, "").endswith("*") else f"'{_MARK}{piece}'")
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


def _judge_read(spec: QuerySpec, found: Sequence[Token]) -> None:
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


def _judge_structure(spec: QuerySpec, tree: Any) -> None:
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        raise spec.refuse(f"is {spec.verb} without WHERE: it would change every row", spec.body)
    if isinstance(tree, exp.Query) and tree.is_star:
        raise spec.refuse(
            "SELECT * gives whatever columns the tables have: name the columns that are promised", spec.body
        )
    for literal in tree.find_all(exp.Literal):
        mark, name = literal.name[:1], literal.name[1:]
        is_value = isinstance(tree, exp.Insert) and literal.parent.parent is tree.expression
        if mark == _MARK and spec.types[name.rstrip("_")].absent == b"DEFAULT" and not is_value:
            raise spec.refuse(
                f"must have :{name} alone as the value of its column: DEFAULT takes its place", spec.body
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
    names = [
        token.text
        for i, (before, token) in enumerate(pairwise(found))
        if before.text.upper() in _BEFORE_TABLE and (not i or found[i - 1].text.upper() != "ON")
    ]
    return list(dict.fromkeys(name for name in names if name.upper() != "IF"))


def keep(spec: QuerySpec, original: QuerySpec) -> None:
    """Whether a query of an overlay, judged, has no other effect than the package's of that name.

    Raises: ContractError naming file, line, query and what it has to keep.
    """
    if spec.kind in ("ddl", "session"):
        _keep_words(spec, original)
    if spec.kind == "write" or (spec.kind == "read" and shape(spec.returns) in ("row", "value")):
        tree = _parse(spec)
        if tree is None:
            raise spec.refuse(
                "is not understood, so what it changes or finds cannot be judged: write it more plainly",
                spec.body,
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
            raise spec.refuse(
                f"may differ from the package's in nothing but comments: {' '.join(ours)}", spec.body
            )
        return
    head = ours.index("(") + 1
    if theirs[:head] != ours[:head]:
        raise spec.refuse(f"must begin with {' '.join(ours[:head])}", spec.body)
    if "SELECT" in theirs or theirs[head] == "LIKE":
        raise spec.refuse("must spell out its columns, rather than copy another table", spec.body)
    tables = [set(_tables(_tokenize(one), None)) for one in (original, spec)]
    if tables[0] != tables[1]:
        raise spec.refuse(
            f"names the tables {', '.join(sorted(tables[1]))}, the package's {', '.join(sorted(tables[0]))}",
            spec.body,
        )


def _spelling(spec: QuerySpec) -> list[str]:
    """The words of a statement, whatever their case, without comments and quotes around names."""
    found = [token for token in _tokenize(spec) if token.token_type is not TokenType.SEMICOLON]
    return [
        f"'{token.text}'" if token.token_type is TokenType.STRING else token.text.upper() for token in found
    ]


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
    table = judge(original).tables[0] if written else ""
    if other := next((name for name in written if sources.get(name, name) != table), None):
        raise spec.refuse(f"writes to {sources.get(other, other)}, the contract says {table}", spec.body)


def _keep_conditions(spec: QuerySpec, original: QuerySpec, tree: Any, sources: Mapping[str, str]) -> None:
    """What the package's WHERE demands is demanded: in any order, with more beside it."""
    theirs = {text for condition in _conditions(tree) for text in _forms(condition, sources)[:1]}
    package = _parse(original)
    tables = _sources(package)
    for condition in _conditions(package):
        forms = _forms(condition, tables, next(iter(tables.values())) if len(tables) == 1 else None)
        if not theirs.intersection(forms):
            told = re.sub(rf"'{_MARK}(\w+)'", r":\1", forms[1])
            raise spec.refuse(f"must keep {told} in its WHERE, joined by AND", spec.body)


def _keep_assigned(spec: QuerySpec, original: QuerySpec, tree: Any) -> None:
    """Each column that the package's writes is written, from the same parameters."""
    theirs = _assigned(tree)
    for column, parameters in _assigned(_parse(original)).items():
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
            text.name[1:] for text in value.find_all(exp.Literal) if text.name.startswith(_MARK)
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
