"""Finds the annotated queries in sql/, and loads them through aiosql.

Every query becomes a `Statement`: its text, compiled once, with the `QuerySpec` that its annotation
spells. The same methods serve both APIs, because aiosql hands back whatever the connection's own
`run_query` returns: a result, or an awaitable of one.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

import msgspec
from aiosql.queries import Queries
from aiosql.types import QueryDataTree, QueryDatum, SQLOperationType

from . import records
from .errors import ContractError, EventflowDBError, InvalidValueError, SchemaError
from .parameters import BUILTIN_TYPES, ParameterType, parameter_type, refusals
from .rows import SCALARS, Result, converters_of, parse_rows

CODE: Final = "E_EVENTFLOW_DB_CONTRACT"


class Connection(Protocol):
    """What a query is called with."""

    def run_query(self, statement: bytes, spec: QuerySpec) -> Any:
        """Send a statement; gives a Result, or an awaitable of one."""


class QuerySpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the annotation of a query says of it.

    name: `<table>.<query>`.
    parameters: parameter → name of its type, in the order of the query's own list.
    returns: `Event*` (rows), `Event?` (one or none), `affected`, `none`, or a scalar type with the same signs.
    code, message: of the error when the database fails; missing: of the NotFoundError, if any.
    index: the index that the plan uses, or None where `scan` says why there is none.
    idempotent: `yes`, `no`, or `when identical…`: run again only if a duplicate then equals what was sent.
    twin: the query that reads the row for that comparison; None where the key is the whole row.
    conflicts: error numbers that mean for this query that another session was in the way.
    unhurried: may take as long as `ddl_timeout` says.
    """

    name: str
    purpose: str
    parameters: Mapping[str, str]
    returns: str
    code: str
    message: str
    not_found: tuple[str, str] | None
    index: str | None
    scan: str | None
    idempotent: str
    twin: str | None
    conflicts: frozenset[int]
    unhurried: bool
    path: str
    line: int
    sql: str

    @cached_property
    def hash(self) -> str:
        """The first characters of the hash of the SQL, as in its tag."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:8]

    @cached_property
    def types(self) -> dict[str, ParameterType]:
        """The type of each key that a call gives; the key of the parameter `pass_` is `pass`."""
        kinds = {name.rstrip("_"): parameter_type(text) for name, text in self.parameters.items()}
        return {key: kind for key, kind in kinds.items() if kind is not None}

    @cached_property
    def optional(self) -> frozenset[str]:
        """The keys that a call may leave out."""
        return frozenset(name.rstrip("_") for name, text in self.parameters.items() if text.endswith("?"))

    @cached_property
    def _struct(self) -> type[msgspec.Struct]:
        return msgspec.defstruct(
            "Parameters",
            [
                (key, kind.type, None) if key in self.optional else (key, kind.type)
                for key, kind in self.types.items()
            ],
            forbid_unknown_fields=True,
            kw_only=True,
        )

    @cached_property
    def _literals(self) -> list[tuple[str, Callable[[Any], bytes]]]:
        return list(zip(self.parameters, (kind.literal for kind in self.types.values()), strict=True))

    def bind(self, values: Mapping[str, Any]) -> dict[str, bytes]:
        """The literal of each parameter.

        Raises: InvalidValueError naming every key that is missing, unknown or breaks its rule.
        """
        try:
            checked = msgspec.structs.astuple(
                msgspec.convert(values, self._struct, builtin_types=BUILTIN_TYPES)
            )
            return {
                name: literal(value) for (name, literal), value in zip(self._literals, checked, strict=True)
            }
        except ValueError:
            pass  # what msgspec says may quote the value, and stops at the first
        raise InvalidValueError(self.code, "; ".join(refusals(self.types, values, self.optional)))

    @cached_property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.returns in ("affected", "none")

    @cached_property
    def commits(self) -> bool:
        """Whether the server commits the transaction around it."""
        return self.sql.split(None, 1)[0].upper() in ("CREATE", "ALTER", "DROP", "TRUNCATE")

    @cached_property
    def record(self) -> type[msgspec.Struct] | None:
        """The record that a row becomes; None for scalars."""
        return getattr(records, self.returns.rstrip("*?"), None)

    def decode(self, result: Result) -> list[Any]:
        """The rows of a result, as records or scalars.

        Raises: SchemaError where the columns are not the record's, or a value cannot be read.
        """
        record = self.record
        expected = result.columns[:1] if record is None else record.__struct_encode_fields__
        if result.columns != expected:
            raise SchemaError(self.code, f"query {self.name} gives columns other than {', '.join(expected)}")
        for tolerant in (False, True):
            try:
                if record is None:
                    scalar = SCALARS[self.returns.rstrip("*?")]
                    return [value for (value,) in parse_rows(result.rows, (scalar,))]
                return [
                    record(*values) for values in parse_rows(result.rows, converters_of(record, tolerant))
                ]
            except (ValueError, RecursionError):
                pass  # its message quotes the value
        raise SchemaError(self.code, f"query {self.name} gives a value that is not of its column's type")

    def error(self, kind: type[EventflowDBError], text: str, errno: int | None = None) -> EventflowDBError:
        """An error of this query."""
        return kind(self.code, f"{self.message}: {text}", errno)


_TOKEN: Final = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`)
      | (?P<comment>--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?!\+).*?\*/)
      | (?<![:\w]):(?P<parameter>[A-Za-z_]\w*)
      | (?P<space>\s+)""",
    re.DOTALL | re.VERBOSE,
)


class Statement(str):
    """The text of a query, with its spec and its pieces between parameters.

    aiosql takes it for the plain text that it also is.
    """

    spec: QuerySpec
    _pieces: list[bytes]
    _slots: list[tuple[int, str]]

    @classmethod
    def compile(cls, spec: QuerySpec, tag: bool) -> Statement:
        """Cut the text at its parameters. Comments go, hints stay; the tag comes behind the verb."""
        texts, names = [""], []
        for kind, text in tokens(spec.sql.strip().removesuffix(";")):
            if kind == "parameter":
                names.append(text)
                texts.append("")
            else:
                texts[-1] += " " if kind in ("comment", "space") else text
        if tag:
            verb, _, rest = texts[0].lstrip().partition(" ")
            texts[0] = f"{verb} /*eventflow:{spec.name}@{spec.hash}*/ {rest}"
        statement = cls(spec.sql)
        statement.spec = spec
        statement._pieces = [piece for text in texts for piece in (text.encode(), b"")][:-1]
        statement._slots = [(2 * i + 1, name) for i, name in enumerate(names)]
        return statement

    def render(self, literals: Mapping[str, bytes]) -> bytes:
        """The statement with its parameters put in."""
        pieces = self._pieces.copy()
        for position, name in self._slots:
            pieces[position] = literals[name]
        return b"".join(pieces)

    @cached_property
    def head(self) -> bytes:
        """What comes before the values of an INSERT."""
        head, values, _ = self._pieces[0].rpartition(b"VALUES ")
        return head + values

    def values(self, literals: Mapping[str, bytes]) -> bytes:
        """The group of values of an INSERT with its parameters put in; several behind `head` make a batch."""
        return self.render(literals)[len(self.head) :]


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """The pieces of a statement: (`quoted`, `comment`, `parameter`, `space` or `text`, the piece)."""
    position = 0
    for match in _TOKEN.finditer(sql):
        if match.start() > position:
            yield "text", sql[position : match.start()]
        position = match.end()
        yield str(match.lastgroup), match[str(match.lastgroup)]
    if position < len(sql):
        yield "text", sql[position:]


class _Adapter:
    """What aiosql's methods call: each statement is sent by the connection, in its own way."""

    is_aio_driver = False  # what the connection gives is passed on as it is, awaitable or not

    def process_sql(self, query_name: str, op_type: SQLOperationType, sql: str) -> str:
        return sql

    def select(
        self,
        conn: Connection,
        query_name: str,
        sql: Statement,
        parameters: Mapping[str, bytes],
        record_class: Any = None,
    ) -> Any:
        return conn.run_query(sql.render(parameters), sql.spec)

    select_one = select_value = insert_update_delete = select

    def execute_script(self, conn: Connection, sql: Statement) -> Any:
        return conn.run_query(sql.render({}), sql.spec)


_NAME: Final = re.compile(
    r"-- name:\s*(?P<name>[a-z_]\w*)\s*\((?P<parameters>[^)]*)\)\s*(?P<suffix>[\^$!#]?)\s*$"
)
_ANNOTATION: Final = re.compile(r"(?P<key>[a-z_]+(?: \w+)?):(?: +(?P<value>.*))?$")
_OPERATIONS: Final = {
    "": SQLOperationType.SELECT,
    "^": SQLOperationType.SELECT_ONE,
    "$": SQLOperationType.SELECT_VALUE,
    "!": SQLOperationType.INSERT_UPDATE_DELETE,
    "#": SQLOperationType.SCRIPT,
}
_RETURNS: Final = re.compile(
    r"(?P<rows>(?:str|int|bool|Event|PublishedEvent|ScheduledEvent|Hub|Certificate)\*)|(?P<row>[A-Z]\w+\?)"
    r"|(?P<value>(?:str|int|bool)\??)|(?P<affected>affected)|(?P<none>none)"
)
_SUFFIXES: Final = {"rows": "", "row": "^", "value": "$", "affected": "!", "none": "#"}


def package_sql() -> Path:
    """The directory of the package's own queries, installed or in a checkout."""
    here = Path(__file__).parent
    installed = here / "_sql"
    return installed if installed.is_dir() else here.parent / "sql"


def read_specs(directory: Path) -> dict[str, QuerySpec]:
    """Every query below a directory, by `<table>.<query>`.

    Raises: ContractError naming file, line, query and rule.
    """
    specs: dict[str, QuerySpec] = {}
    for path in sorted(directory.glob("*/*.sql")):
        for spec in _parse(path, path.read_text(encoding="utf-8")):
            if spec.name in specs:
                other = specs[spec.name]
                raise _broken(path, spec.line, spec.name, f"is defined at {other.path}:{other.line} already")
            specs[spec.name] = spec
    if not specs:
        raise ContractError(CODE, f"{directory}: holds no queries of the form <table>/<file>.sql")
    return specs


def _broken(path: Path, line: int, name: str, rule: str) -> ContractError:
    return ContractError(CODE, f"{path}:{line}: query {name}: {rule}")


def _parse(path: Path, text: str) -> Iterator[QuerySpec]:
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"\s*--\s*name\s*:", line)]
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    if first not in starts and first < len(lines):
        raise ContractError(CODE, f"{path}:{first + 1}: text before the first -- name:")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _parse_query(path, start + 1, lines[start:end])


def _parse_query(path: Path, line: int, lines: list[str]) -> QuerySpec:
    head = _NAME.match(lines[0])
    if head is None:
        raise _broken(
            path,
            line,
            lines[0].strip(),
            "must be of the form -- name: query(parameter, …) and ^ $ ! # or nothing",
        )
    name = f"{path.parent.name}.{head['name']}"

    def refuse(rule: str) -> ContractError:
        return _broken(path, line, name, rule)

    declared = [word.strip() for word in head["parameters"].split(",")] if head["parameters"].strip() else []
    found: dict[str, str] = {}
    purpose: list[str] = []
    body = 1
    while body < len(lines) and (not lines[body].strip() or lines[body].startswith("--")):
        comment = lines[body].removeprefix("--").strip()
        if match := _ANNOTATION.match(comment):
            if match["key"] in found:
                raise refuse(f"the annotation {match['key']} is there twice")
            found[match["key"]] = (match["value"] or "").strip()
        elif comment:
            purpose.append(comment)
        body += 1
    sql = "\n".join(lines[body:]).strip()

    def take(key: str) -> str:
        if key not in found:
            raise refuse(f"lacks the annotation {key}")
        return found.pop(key)

    parameters = {key: take(f"param {key}").partition(" ")[0] for key in declared}
    returns, idempotent = take("returns"), take("idempotent")
    code, _, message = take("error").partition(" ")
    index = take("index") if "scan" not in found else None
    scan = found.pop("scan", None)
    absent = found.pop("not_found", None)
    timeout = found.pop("timeout", "read")
    twin = re.fullmatch(r"when identical to (\w+\.\w+)", idempotent)
    conflicts = [word.strip() for word in found.pop("conflict", "").split(",") if word.strip()]
    if found:
        raise refuse(f"unknown annotation {', '.join(sorted(found))}")
    if not purpose:
        raise refuse("lacks a line that says its purpose")
    if not sql:
        raise refuse("has no SQL")
    for key, kind in parameters.items():
        if parameter_type(kind) is None:
            raise refuse(f"parameter {key} has the unknown type {kind}")
    shape = _RETURNS.fullmatch(returns)
    if shape is None:
        raise refuse(f"returns must be Record*, Record?, a scalar type, affected or none, not {returns}")
    if head["suffix"] != _SUFFIXES[str(shape.lastgroup)]:
        raise refuse(
            f"returns {returns} needs the suffix {_SUFFIXES[str(shape.lastgroup)] or '(none)'} behind its parameters"
        )
    used = {text for token, text in tokens(sql) if token == "parameter"}
    if used != set(declared):
        raise refuse(
            f"its parameters are used and declared differently: {', '.join(sorted(used ^ set(declared)))}"
        )
    if not re.fullmatch(r"E_EVENTFLOW_DB_[A-Z_]+", code) or not message:
        raise refuse("error must be E_EVENTFLOW_DB_… and a message")
    if timeout not in ("read", "ddl"):
        raise refuse("timeout must be ddl where it is given")
    if not re.match(r"(yes|no|when identical( to \w+\.\w+)?)( \(|$)", idempotent):
        raise refuse("idempotent must be yes, no, or when identical [to <table>.<query>]")
    return QuerySpec(
        name=name, purpose=" ".join(purpose), parameters=parameters, returns=returns, code=code, message=message,
        not_found=tuple(absent.split(" ", 1)) if absent else None,  # type: ignore[arg-type]
        index=index, scan=scan, idempotent=idempotent.partition(" (")[0], twin=twin[1] if twin else None,
        conflicts=frozenset(map(int, conflicts)), unhurried=timeout == "ddl", path=str(path), line=line, sql=sql,
    )  # fmt: skip


@lru_cache
def load_specs(sql_path: str | None = None) -> Mapping[str, QuerySpec]:
    """The package's queries, each replaced by the one of the same name of an overlay; later directories win.

    Raises: ContractError where a file breaks a rule, or an overlay its query's contract.
    """
    specs = read_specs(package_sql())
    for directory in (sql_path or "").split(os.pathsep):
        if not directory:
            continue
        if not Path(directory).is_dir():
            raise ContractError(CODE, f"{directory}: sql_path names no directory")
        for name, spec in read_specs(Path(directory)).items():
            base = specs.get(name)
            if base is None:
                raise _broken(Path(spec.path), spec.line, name, "replaces no query of the package")
            for part in ("parameters", "returns", "code", "idempotent"):
                if getattr(spec, part) != getattr(base, part):
                    raise _broken(
                        Path(spec.path), spec.line, name, f"its {part} differ from the replaced query's"
                    )
            specs[name] = spec
    meanings: dict[str, QuerySpec] = {}
    for spec in specs.values():
        other = meanings.setdefault(spec.code, spec)
        if other.message != spec.message:
            raise _broken(
                Path(spec.path), spec.line, spec.name, f"gives {spec.code} another message than {other.name}"
            )
    return specs


@lru_cache
def load(sql_path: str | None = None, tag: bool = True) -> Any:
    """The queries as methods: `load().event.read(connection, id=literal)`.

    Raises: ContractError, as `load_specs`.
    """
    tree: dict[str, dict[str, QueryDatum]] = {}
    for spec in load_specs(sql_path).values():
        table, name = spec.name.split(".")
        parameters = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY) for key in spec.parameters]
        suffix = _SUFFIXES[str(getattr(_RETURNS.fullmatch(spec.returns), "lastgroup", ""))]
        tree.setdefault(table, {})[name] = QueryDatum(
            spec.name, spec.purpose, _OPERATIONS[suffix], Statement.compile(spec, tag), None,
            inspect.Signature(parameters), (spec.path, spec.line), None, list(spec.parameters),
        )  # fmt: skip
    return Queries(_Adapter()).load_from_tree(cast(QueryDataTree, tree))  # type: ignore[arg-type]
